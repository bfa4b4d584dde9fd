package docker

import (
	"context"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/stdcopy"
	moby "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/spate-run/spate/internal/runner"
)

const (
	// defaultStopTimeout is ECS's: 30 seconds between SIGTERM and SIGKILL.
	defaultStopTimeout = 30 * time.Second
	// pause is between two tries to reach a Docker engine that went away.
	pause = time.Second
	// lateOutput bounds how long output is waited for after a container's end.
	lateOutput = 10 * time.Second
)

// A running is a container of Docker's.
type running struct {
	runner  *Runner
	id      string
	timeout time.Duration
	stop    sync.Once
	over    chan struct{} // closed when it is removed
	exit    runner.Exit   // set before over is closed
}

// launch starts a container, and stays with it.
func (r *Runner) launch(ctx context.Context, id string, c runner.Container) (*running, error) {
	attached, err := r.api.ContainerAttach(ctx, id, client.ContainerAttachOptions{Stream: true, Stdout: true, Stderr: true})
	if err != nil {
		// Podman prepares a container when it is attached to, and the answer that
		// this fails has no reason. Starting it tells.
		if _, reason := r.api.ContainerStart(ctx, id, client.ContainerStartOptions{}); reason != nil {
			err = reason
		}
		return nil, err
	}
	if _, err := r.api.ContainerStart(ctx, id, client.ContainerStartOptions{}); err != nil {
		attached.Close()
		return nil, err
	}
	return r.follow(id, c, output{attached.Reader, attached.Conn}), nil
}

// An output is a stream of what a container writes.
type output struct {
	io.Reader
	io.Closer
}

// follow stays with a container that has started until it is removed.
func (r *Runner) follow(id string, c runner.Container, out output) *running {
	x := &running{runner: r, id: id, timeout: c.StopTimeout, over: make(chan struct{})}
	if x.timeout == 0 {
		x.timeout = defaultStopTimeout
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		copyOutput(c, out)
	}()
	watching, unwatch := context.WithCancel(context.Background())
	var watch sync.WaitGroup
	if c.Health != nil && c.Healthy != nil {
		watch.Go(func() { r.watchHealth(watching, id, c.Healthy) })
	}
	go func() {
		defer close(x.over)
		x.exit = r.await(id)
		unwatch()
		watch.Wait()
		late := time.AfterFunc(lateOutput, func() { _ = out.Close() })
		<-written
		late.Stop()
		_ = out.Close() // nothing comes any more
		r.remove(id)
	}()
	return x
}

// copyOutput hands a container's output over. A writer that fails does not hold
// the container up.
func copyOutput(c runner.Container, out io.Reader) {
	stdout, stderr := c.Stdout, c.Stderr
	if stdout == nil {
		stdout = io.Discard
	}
	if stderr == nil {
		stderr = io.Discard
	}
	if c.Terminal {
		_, _ = io.Copy(stdout, out)
	} else {
		_, _ = stdcopy.StdCopy(stdout, stderr, out)
	}
	_, _ = io.Copy(io.Discard, out)
}

// await returns when a container has ended. It outlasts a Docker engine that is
// started again.
func (r *Runner) await(id string) runner.Exit {
	ctx := context.Background()
	for {
		wait := r.api.ContainerWait(ctx, id, client.ContainerWaitOptions{Condition: moby.WaitConditionNotRunning})
		var err error
		select {
		case <-wait.Result:
			exit, failed := r.exit(ctx, id)
			if failed == nil {
				return exit
			}
			err = failed
		case err = <-wait.Error:
		}
		if errdefs.IsNotFound(err) {
			return runner.Exit{Code: 137, Reason: "DockerStateError: somebody removed the container"}
		}
		r.log.Warn("waiting for a container", "container", id, "error", err)
		time.Sleep(pause) // nothing tells when the engine is back
	}
}

// exit is how a container ended, with ECS's words for the reason.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
func (r *Runner) exit(ctx context.Context, id string) (runner.Exit, error) {
	found, err := r.api.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err != nil {
		return runner.Exit{}, err
	}
	state := found.Container.State
	exit := runner.Exit{Code: state.ExitCode}
	switch {
	case state.OOMKilled:
		exit.Reason = "OutOfMemoryError: Container killed due to memory usage"
	case state.Error != "":
		exit.Reason = "DockerStateError: " + state.Error
	}
	return exit, nil
}

// PID is 0: the process may be another machine's.
func (x *running) PID() int { return 0 }

func (x *running) Wait() runner.Exit {
	<-x.over
	return x.exit
}

func (x *running) Stop() {
	x.stop.Do(func() {
		seconds := int((x.timeout + time.Second - 1) / time.Second)
		_, err := x.runner.api.ContainerStop(context.Background(), x.id, client.ContainerStopOptions{Timeout: &seconds})
		if err == nil || errdefs.IsNotFound(err) {
			return
		}
		x.runner.log.Warn("stopping a container", "container", x.id, "timeout", strconv.Itoa(seconds), "error", err)
		x.runner.remove(x.id)
	})
	x.Wait()
}
