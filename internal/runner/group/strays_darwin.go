package group

import (
	"bytes"
	"os"

	"golang.org/x/sys/unix"
)

// marked lists the processes of this user whose environment has a variable
// that begins with prefix. Of programs that come with the system the kernel
// tells no environment.
func marked(prefix string) []int {
	want := []byte("\x00" + prefix)
	all, err := unix.SysctlKinfoProcSlice("kern.proc.uid", os.Getuid())
	if err != nil {
		return nil
	}
	var pids []int
	for _, process := range all {
		pid := int(process.Proc.P_pid)
		if pid == os.Getpid() {
			continue
		}
		// The arguments, and the environment after them.
		if text, err := unix.SysctlRaw("kern.procargs2", pid); err == nil && bytes.Contains(text, want) {
			pids = append(pids, pid)
		}
	}
	return pids
}
