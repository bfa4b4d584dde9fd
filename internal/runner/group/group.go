package group

import (
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// outputGrace bounds the wait for output after everything that could be found
// has been ended: something that was not found may hold the pipe open.
const outputGrace = 5 * time.Second

// copyBuffers are those through which output goes.
var copyBuffers = sync.Pool{New: func() any { return new([copySize]byte) }}

const copySize = 32 << 10

// A Command is what to start.
type Command struct {
	Path string   // the file, as Lookup found it
	Args []string // the whole argument vector, its name first
	Dir  string
	Env  []string
	// Stdin is what the command reads; nil means nothing.
	Stdin *os.File
	// Stdout and Stderr take the output as it comes; nil discards it. The same
	// writer for both keeps the order between them.
	Stdout, Stderr io.Writer
	// Orphaned is the signal for the command when this process dies (Linux
	// only); 0 means SIGKILL.
	Orphaned syscall.Signal
	// Marker is a variable of Env, NAME=value, that no other command has; what
	// carries it when the command has ended is ended too. Empty means that
	// nothing is looked for.
	Marker string
	// Reaper, where there is one, ends what falls to this process.
	Reaper *Reaper
}

// An Exit is how a command ended.
type Exit struct {
	// Code is the exit code; 128 + the signal's number where a signal ended it.
	Code int
}

// A Group is a command that was started, and everything it started.
type Group struct {
	pid    int
	tree   tree
	done   chan struct{}
	exit   Exit
	copies sync.WaitGroup
	pipes  []*os.File // the ends we read

	mu     sync.Mutex
	reaped bool // the process id may belong to somebody else from now on
}

// Start starts a command and returns once its process exists.
func Start(c Command) (*Group, error) {
	g := &Group{done: make(chan struct{})}
	started := make(chan error, 1)
	go g.supervise(c, started)
	if err := <-started; err != nil {
		return nil, err
	}
	return g, nil
}

// PID is the command's process id, and its group's.
func (g *Group) PID() int { return g.pid }

// Done is closed when Wait would return.
func (g *Group) Done() <-chan struct{} { return g.done }

// Wait returns when the command and all that was found of its children have
// ended and their output has been written.
func (g *Group) Wait() Exit {
	<-g.done
	return g.exit
}

// Signal sends a signal to the command itself.
func (g *Group) Signal(s syscall.Signal) { g.unlessReaped(func() { g.tree.signal(s) }) }

// SignalAll sends a signal to the whole group.
func (g *Group) SignalAll(s syscall.Signal) { g.unlessReaped(func() { g.tree.signalAll(s) }) }

// Kill ends the whole group at once.
func (g *Group) Kill() {
	g.Signal(syscall.SIGKILL) // it may have left its own group
	g.SignalAll(syscall.SIGKILL)
}

func (g *Group) unlessReaped(do func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.reaped {
		do()
	}
}

// supervise starts the command and follows it to its end. The kernel signals
// an orphan when the thread that started it dies, so the thread is kept.
func (g *Group) supervise(c Command, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd, err := g.start(c)
	started <- err
	if err != nil {
		return
	}
	awaitExit(cmd)
	g.reap(cmd)
	c.Reaper.forget(g.pid)
	endMarked(c.Marker)
	g.finishOutput()
	g.exit = exitOf(cmd.ProcessState)
	close(g.done)
}

func (g *Group) start(c Command) (*exec.Cmd, error) {
	cmd := &exec.Cmd{
		Path: c.Path, Args: c.Args, Dir: c.Dir, Env: c.Env,
		SysProcAttr: attributes(c.Orphaned),
	}
	if c.Stdin != nil {
		cmd.Stdin = c.Stdin
	}
	theirs, err := g.connect(cmd, c)
	if err == nil {
		g.tree, err = startTree(cmd, c.Reaper)
	}
	for _, w := range theirs {
		_ = w.Close() // theirs now; a copy here would keep the pipe open
	}
	if err != nil {
		g.copies.Wait()
		return nil, err
	}
	g.pid = cmd.Process.Pid
	return cmd, nil
}

// connect gives the command pipes for its output, and returns their ends that
// are the command's.
func (g *Group) connect(cmd *exec.Cmd, c Command) (theirs []*os.File, err error) {
	if c.Stdout != nil {
		w, err := g.pipe(c.Stdout)
		if err != nil {
			return theirs, err
		}
		cmd.Stdout, theirs = w, append(theirs, w)
	}
	if c.Stderr == nil {
		return theirs, nil
	}
	if c.Stderr == c.Stdout {
		cmd.Stderr = cmd.Stdout
		return theirs, nil
	}
	w, err := g.pipe(c.Stderr)
	if err != nil {
		return theirs, err
	}
	cmd.Stderr = w
	return append(theirs, w), nil
}

// pipe returns the end to write to of a pipe whose content is copied to dst.
func (g *Group) pipe(dst io.Writer) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	g.pipes = append(g.pipes, r)
	g.copies.Go(func() {
		defer r.Close()
		buffer := copyBuffers.Get().(*[copySize]byte)
		defer copyBuffers.Put(buffer)
		// Hidden behind a plain Reader, the file does not copy by itself.
		_, _ = io.CopyBuffer(dst, struct{ io.Reader }{r}, buffer[:])
		// Where dst takes no more, the command must not block or die of it.
		_, _ = io.Copy(io.Discard, r)
	})
	return w, nil
}

// reap ends the group while its leader, ended but not yet collected, still
// holds the id, and then collects the leader. (Where awaitExit had to collect
// it, the id is not held; the kernel gives it out again only after all others.)
func (g *Group) reap(cmd *exec.Cmd) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tree.end()
	_ = cmd.Wait() // how it ended is in ProcessState
	g.reaped = true
}

func (g *Group) finishOutput() {
	deadline := time.Now().Add(outputGrace)
	for _, r := range g.pipes {
		_ = r.SetReadDeadline(deadline) // closed already: nothing to bound
	}
	g.copies.Wait()
}
