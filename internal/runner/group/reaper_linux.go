package group

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Reaper is the process to which the strays of its commands fall: it is PID
// 1, or the kernel was asked for it (PR_SET_CHILD_SUBREAPER). It collects those
// that end while a command runs, and ends the others when a command ends.
//
// It takes every child of this process that was not started through it for a
// stray, so there is at most one, and nothing else may start processes. A nil
// Reaper does nothing.
type Reaper struct {
	signals chan os.Signal
	ended   chan struct{} // closed when collecting has ended

	mu  sync.Mutex
	own map[int]bool // commands that were started and not collected
}

// NewReaper makes this process a reaper until Close.
func NewReaper() (*Reaper, error) {
	if err := setSubreaper(1); err != nil {
		return nil, err
	}
	r := &Reaper{signals: make(chan os.Signal, 1), ended: make(chan struct{}), own: map[int]bool{}}
	signal.Notify(r.signals, unix.SIGCHLD)
	go r.collectAll()
	return r, nil
}

// Close gives the strays back to whom they fell to before.
func (r *Reaper) Close() {
	if r == nil {
		return
	}
	signal.Stop(r.signals)
	close(r.signals)
	<-r.ended
	_ = setSubreaper(0) // it was granted before
}

func setSubreaper(value uintptr) error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, value, 0, 0, 0); err != nil {
		return fmt.Errorf("setting the child subreaper: %w", err)
	}
	return nil
}

// start starts a command; one that ends at once is not taken for a stray.
func (r *Reaper) start(cmd *exec.Cmd) error {
	if r == nil {
		return cmd.Start()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := cmd.Start(); err != nil {
		return err
	}
	r.own[cmd.Process.Pid] = true
	return nil
}

// forget is told of a command that was collected, and ends what it left.
func (r *Reaper) forget(pid int) {
	if r == nil {
		return
	}
	r.mu.Lock()
	delete(r.own, pid)
	r.mu.Unlock()
	endAll(func() []int {
		r.mu.Lock()
		defer r.mu.Unlock()
		if !r.collect() {
			return nil // no child at all, the usual case, is known without a look at /proc
		}
		return r.strays()
	})
}

func (r *Reaper) collectAll() {
	defer close(r.ended)
	for range r.signals {
		r.mu.Lock()
		r.collect()
		r.mu.Unlock()
	}
}

// collect takes the strays that have ended, and reports whether there are
// children left. A command that has ended is left to who waits for it.
func (r *Reaper) collect() bool {
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		switch pid := childOf(&info); {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return false // ECHILD
		case pid == 0 || r.own[pid]:
			return true
		default:
			_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil)
		}
	}
}

// strays lists the children of this process that are not its commands.
func (r *Reaper) strays() []int {
	self := []byte(strconv.Itoa(os.Getpid()))
	return processes(func(folder string) bool {
		stat, err := os.ReadFile(filepath.Join(folder, "stat"))
		if err != nil {
			return false
		}
		// "pid (name) state ppid …", where the name may hold anything.
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		pid, _ := strconv.Atoi(filepath.Base(folder))
		return len(fields) > 1 && bytes.Equal(fields[1], self) && !r.own[pid]
	})
}

// childOf returns si_pid, which unix.Siginfo does not name: it is the first
// member of the union that follows three ints and is aligned to a word.
func childOf(info *unix.Siginfo) int {
	const offset = 8 + unsafe.Sizeof(uintptr(0))
	return int(*(*int32)(unsafe.Add(unsafe.Pointer(info), offset)))
}
