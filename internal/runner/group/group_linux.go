package group

import (
	"cmp"
	"errors"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

func attributes(orphaned syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: cmp.Or(orphaned, syscall.SIGKILL)}
}

// awaitExit returns when a command has ended, and leaves it to be collected.
func awaitExit(cmd *exec.Cmd) {
	for {
		err := unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}
