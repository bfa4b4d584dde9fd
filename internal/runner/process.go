package runner

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spate-run/spate/internal/runner/group"
)

// defaultStopTimeout is ECS's: 30 seconds between SIGTERM and SIGKILL.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html
const defaultStopTimeout = 30 * time.Second

// The variables by which a process knows whose it is.
const (
	// EnvParent is the process id of the engine that a worker belongs to. A
	// worker that has another parent has lost its engine.
	EnvParent = "SPATE_PARENT"
	// EnvDir is a folder in which a worker makes its own.
	EnvDir = "SPATE_DIR"
	// envContainer marks everything that a container starts.
	envContainer = "SPATE_CONTAINER"
)

// A ProcessConfig configures a [Process] runner.
type ProcessConfig struct {
	// Worker is the path of the spate binary, which stands in front of a
	// worker's command as "spate agent --". Empty: this program's own file.
	Worker string
	// Environ is the environment that containers inherit, as [os.Environ]
	// returns it; nil: this process's own.
	Environ []string
	// Dir is where each worker has a folder, which ends with it. Nobody else
	// puts anything there. Empty: workers make theirs where the system has its
	// temporary files, and what a worker leaves that is killed stays.
	Dir string
	// Owner marks the containers, so that Sweep finds those that outlived the
	// engine. Nobody else on this machine has it. Empty: one for this runner
	// alone.
	Owner string
}

// A Process is the runner that takes an absolute folder for an image, and a
// process group of this machine for a container. Containers keep the person's
// PATH, HOME and virtual environment. They end with the process that started
// them. What a container other than a worker had started in turn may outlive a
// kill -9 of the engine, and elsewhere than on Linux so may the container:
// Sweep ends them.
type Process struct {
	worker string
	base   []string
	dir    string
	dirs   atomic.Int64 // made so far
	owner  string       // keeps containers of other engines apart
}

// NewProcess returns a runner that has started nothing.
func NewProcess(config ProcessConfig) (*Process, error) {
	worker := config.Worker
	if worker == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("finding this program's file: %w", err)
		}
		worker = self
	}
	environ := config.Environ
	if environ == nil {
		environ = os.Environ()
	}
	return &Process{
		worker: worker,
		base:   without(environ, "SPATE_"),
		dir:    config.Dir,
		owner:  cmp.Or(config.Owner, rand.Text()),
	}, nil
}

// sweepGrace is for workers to end their jobs, which they do at once when their
// engine has ended.
const sweepGrace = 2 * time.Second

// Sweep ends the processes that an engine which was killed left behind, and
// returns how many there were. While the owner's engine runs they are its
// containers.
func Sweep(owner string) int {
	return group.Sweep(marker(owner, ""), sweepGrace)
}

// marker is the variable by which all that a container starts is found.
func marker(owner, id string) string { return envContainer + "=" + owner + "." + id }

// Start starts a container in the folder that its image names.
func (p *Process) Start(_ context.Context, c Container) (Running, error) {
	dir, err := folder(c)
	if err != nil {
		return nil, err
	}
	command := group.Command{Dir: dir, Stdout: c.Stdout, Stderr: c.Stderr}
	command.Marker = marker(p.owner, c.ID)
	command.Env = append(p.environment(c), command.Marker)
	command.Args = append(append(command.Args, c.Entrypoint...), c.Command...)
	if len(command.Args) == 0 {
		return nil, fmt.Errorf("CannotCreateContainerError: no command specified")
	}
	if c.Worker {
		command.Args = append([]string{p.worker, "agent", "--"}, command.Args...)
		command.Orphaned = syscall.SIGTERM // it has its job to end first
	}
	command.Path, err = group.Lookup(command.Args[0], dir, command.Env)
	if err != nil {
		return nil, fmt.Errorf("CannotStartContainerError: %w", err)
	}
	running := &process{timeout: stopTimeout(c)}
	if c.Worker && p.dir != "" {
		if running.dir, err = p.makeDir(); err != nil {
			return nil, fmt.Errorf("CannotCreateContainerError: making the worker's folder: %w", err)
		}
		command.Env = append(command.Env, EnvDir+"="+running.dir)
	}
	if running.group, err = group.Start(command); err != nil {
		running.remove()
		return nil, fmt.Errorf("CannotStartContainerError: %w", err)
	}
	return running, nil
}

// makeDir makes a folder for a worker. Its name is short: jobs have sockets
// below it, whose paths may not be long.
func (p *Process) makeDir() (string, error) {
	dir := filepath.Join(p.dir, strconv.FormatInt(p.dirs.Add(1), 10))
	return dir, os.MkdirAll(dir, 0o700)
}

// folder returns where a container's command runs.
func folder(c Container) (string, error) {
	if !filepath.IsAbs(c.Image) {
		return "", fmt.Errorf("CannotPullContainerError: %q is not a folder's absolute path, and processes have no images", c.Image)
	}
	if err := checkFolder(c.Image); err != nil {
		return "", fmt.Errorf("CannotPullContainerError: %w", err)
	}
	dir := filepath.Join(c.Image, c.WorkingDirectory)
	if filepath.IsAbs(c.WorkingDirectory) {
		dir = c.WorkingDirectory
	}
	if err := checkFolder(dir); err != nil {
		return "", fmt.Errorf("CannotStartContainerError: %w", err)
	}
	return dir, nil
}

func checkFolder(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the folder %s is not there", path)
	case err == nil && !info.IsDir():
		return fmt.Errorf("%s is not a folder", path)
	}
	return err
}

// environment is the container's: the person's own, then the definition's,
// then the engine's. Where AWS clients in it are to reach the engine, the
// person's AWS settings stay out.
func (p *Process) environment(c Container) []string {
	if !c.Worker {
		env := without(p.base, "AWS_")
		return append(append(env, c.Env...), c.Engine...)
	}
	env := append(without(p.base), c.Env...)
	for _, variable := range c.Engine {
		env = append(env, "SPATE_"+variable)
	}
	return append(env, EnvParent+"="+strconv.Itoa(os.Getpid()))
}

// without returns a copy of env without the variables whose names begin with
// one of the prefixes.
func without(env []string, prefixes ...string) []string {
	kept := make([]string, 0, len(env))
variables:
	for _, variable := range env {
		for _, prefix := range prefixes {
			if strings.HasPrefix(variable, prefix) {
				continue variables
			}
		}
		kept = append(kept, variable)
	}
	return kept
}

func stopTimeout(c Container) time.Duration {
	if c.StopTimeout == 0 {
		return defaultStopTimeout
	}
	return c.StopTimeout
}

// A process is a container that runs as a process group.
type process struct {
	group   *group.Group
	timeout time.Duration
	stop    sync.Once
	dir     string // that ends with it; empty: none
	removed sync.Once
}

func (p *process) PID() int { return p.group.PID() }

func (p *process) Wait() Exit {
	exit := p.group.Wait()
	p.remove()
	return Exit{Code: exit.Code}
}

// remove removes the folder. What cannot be removed goes with the next sweep
// of the home.
func (p *process) remove() {
	if p.dir != "" {
		p.removed.Do(func() { _ = RemoveAll(p.dir) })
	}
}

// RemoveAll removes a folder as [os.RemoveAll] does, also where somebody took
// away the rights to folders in it.
func RemoveAll(dir string) error {
	err := os.RemoveAll(dir)
	if err == nil {
		return nil
	}
	_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, _ error) error {
		if entry != nil && entry.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir)
}

func (p *process) Stop() {
	p.stop.Do(func() {
		p.group.Signal(syscall.SIGTERM)
		select {
		case <-p.group.Done():
		case <-time.After(p.timeout):
			p.group.Kill()
		}
	})
	p.Wait()
}
