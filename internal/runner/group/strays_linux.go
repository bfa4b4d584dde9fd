package group

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// strayPatience bounds the time for strays to die: a process that hangs in the
// kernel dies when the kernel lets go of it.
const strayPatience = 2 * time.Second

// endMarked ends every process whose environment holds the marker.
func endMarked(marker string) {
	if marker == "" {
		return
	}
	endAll(func() []int { return marked(marker) })
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

// marked lists the processes whose environment holds the marker. Those of
// other users cannot be read, nor be ended.
func marked(marker string) []int {
	want := []byte("\x00" + marker + "\x00")
	return processes(func(folder string) bool {
		environ, err := os.ReadFile(filepath.Join(folder, "environ"))
		return err == nil && bytes.Contains(append([]byte{0}, environ...), want)
	})
}

// processes lists this machine's processes, other than this one, for which
// match holds; it is handed the process's folder in /proc.
func processes(match func(folder string) bool) []int {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer proc.Close()
	names, _ := proc.Readdirnames(-1) // what could be read
	var pids []int
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err == nil && pid != os.Getpid() && match(filepath.Join("/proc", name)) {
			pids = append(pids, pid)
		}
	}
	return pids
}
