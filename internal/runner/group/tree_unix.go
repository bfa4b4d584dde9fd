//go:build unix

package group

import (
	"os"
	"os/exec"
	"syscall"
)

// A tree is a process group, by its id. What was to be signalled may have ended:
// that is what was wanted.
type tree int

func startTree(cmd *exec.Cmd, r *Reaper) (tree, error) {
	if err := r.start(cmd); err != nil {
		return 0, err
	}
	return tree(cmd.Process.Pid), nil
}

func (t tree) signal(s syscall.Signal) { _ = syscall.Kill(int(t), s) }

func (t tree) signalAll(s syscall.Signal) { _ = syscall.Kill(-int(t), s) }

// end ends what is left of it.
func (t tree) end() { t.signalAll(syscall.SIGKILL) }

func exitOf(state *os.ProcessState) Exit {
	if s, ok := state.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		return Exit{Code: 128 + int(s.Signal())}
	}
	return Exit{Code: state.ExitCode()}
}

// OnEnd does nothing here: a process is asked to end by a signal.
func OnEnd(func()) {}
