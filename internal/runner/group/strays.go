//go:build unix

package group

import (
	"syscall"
	"time"
)

// strayPatience bounds the time for strays to die: a process that hangs in the
// kernel dies when the kernel lets go of it.
const strayPatience = 2 * time.Second

// endMarked ends every process whose environment holds the marker.
func endMarked(marker string) {
	if marker != "" {
		endAll(func() []int { return marked(marker + "\x00") })
	}
}

// Sweep ends every process of this machine, other than this one, whose
// environment has a variable that begins with prefix (NAME=value…), and
// returns how many there were. They have the grace to end by themselves after
// SIGTERM.
func Sweep(prefix string, grace time.Duration) int {
	pids := marked(prefix)
	if len(pids) == 0 {
		return 0
	}
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGTERM) // it may have ended: that is what was wanted
	}
	for deadline := time.Now().Add(grace); len(marked(prefix)) > 0 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond) // nothing tells when a process that is no child is gone
	}
	endAll(func() []int { return marked(prefix) })
	return len(pids)
}

// endAll kills what find returns until it returns nothing. A process that was
// killed is found until it is gone, and its children may come to light only
// then.
func endAll(find func() []int) {
	deadline := time.Now().Add(strayPatience)
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		pids := find()
		if len(pids) == 0 || time.Now().After(deadline) {
			return
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		time.Sleep(pause) // nothing tells when a process that is no child is gone
	}
}
