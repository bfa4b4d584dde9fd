package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spate-run/spate/internal/record"
	"github.com/spate-run/spate/internal/runner/group"
)

// The exit codes by which a job says more than that it failed, from
// sysexits.h, and those that a shell has for commands that cannot be started.
const (
	exitFinal         = 65 // EX_DATAERR: trying again is of no use
	exitInterrupted   = 75 // EX_TEMPFAIL: try again, without counting
	exitNotExecutable = 126
	exitNotFound      = 127
)

// execute runs the command to its end, and says how the attempt ended.
func (a *attempt) execute(ctx context.Context) record.End {
	var err error
	if a.space, err = a.worker.space(a.message.body); err != nil {
		// The worker's fault, not the job's.
		a.log.Error("starting the job", "error", err)
		return a.ended(record.End{State: record.Interrupted, Reason: err.Error()})
	}
	if ctx.Err() != nil {
		return a.ended(record.End{State: record.Interrupted, Reason: errStopped.Error()})
	}
	g, err := a.start()
	if err != nil {
		a.space.log.note("%v", err)
		return a.ended(notStarted(err))
	}
	cause := a.await(ctx, g)
	return a.ended(a.judge(g.Wait().Code, cause))
}

func (a *attempt) ended(end record.End) record.End {
	end.Started, end.Ended = a.started, now()
	return end
}

func (a *attempt) start() (*group.Group, error) {
	env := a.environ()
	path, err := group.Lookup(a.argv[0], "", env)
	if err != nil {
		return nil, err
	}
	c := group.Command{
		Path: path, Args: a.argv, Env: env, Reaper: a.reaper,
		Stdout: &a.space.log, Stderr: &a.space.log,
	}
	if a.run == nil {
		body, err := os.Open(a.space.paramsPath())
		if err != nil {
			return nil, err
		}
		defer body.Close() // the command has its own by then
		c.Stdin = body
	}
	return group.Start(c)
}

// notStarted is the end of an attempt whose command cannot be started.
func notStarted(err error) record.End {
	end := record.End{State: record.Failed, ExitCode: exitNotExecutable, Reason: record.NotStarted + err.Error(), Final: true}
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		end.ExitCode = exitNotFound
	}
	return end
}

// largestVariable bounds the values that are handed over as variables; larger
// ones are in SPATE_PARAMS alone. Linux takes 128 KiB with the name.
const largestVariable = 100 << 10

// environ is the job's environment.
func (a *attempt) environ() []string {
	env := append([]string(nil), a.Environ...)
	for _, p := range a.message.config {
		if len(p.Value.Text) <= largestVariable {
			env = append(env, "SPATE_PARAM_"+variableName(p.Name)+"="+p.Value.Text)
		}
	}
	env = append(env,
		"SPATE_PARAMS="+a.space.paramsPath(),
		"SPATE_OUT="+a.space.out(),
		"SPATE_ATTEMPT="+strconv.Itoa(a.number),
		"TMPDIR="+a.space.tmp(),
	)
	if runtime.GOOS == "windows" {
		env = append(env, "TMP="+a.space.tmp(), "TEMP="+a.space.tmp())
	}
	if a.run == nil {
		return env
	}
	return append(env,
		"SPATE_RUN="+a.run.ID,
		"SPATE_INDEX="+strconv.Itoa(a.message.job.index),
		"SPATE_IN="+a.run.in,
	)
}

// variableName turns a parameter's name into that of a variable: in capitals,
// with _ for what a shell would not take.
func variableName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, name)
}

// await waits for the command's end, and ends it when its time is up, when its
// run is cancelled, or when the worker is told to stop; that is the cause.
func (a *attempt) await(ctx context.Context, g *group.Group) (cause error) {
	wanted, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	limited, stop := context.WithTimeoutCause(wanted, time.Duration(a.job.Timeout), errTimedOut)
	defer stop()
	if a.run != nil {
		var watch sync.WaitGroup
		defer watch.Wait()
		defer stop()
		watch.Go(func() { a.watchRun(limited, cancel) })
	}
	select {
	case <-g.Done():
		return nil
	case <-limited.Done():
		cause = context.Cause(limited)
	}
	if ctx.Err() != nil {
		cause = errStopped
	}
	a.log.Info("ending the job", "attempt", a.number, "reason", cause)
	a.end(ctx, g)
	return cause
}

// watchRun looks for the run's cancellation until ctx ends.
func (a *attempt) watchRun(ctx context.Context, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(a.Watch)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		cancelled, err := a.isCancelled(ctx, a.run, a.message.job.generation)
		if err != nil && ctx.Err() == nil {
			a.log.Warn("looking whether the run is cancelled", "error", err)
		}
		if cancelled {
			cancel(errCancelled)
		}
	}
}

// reserve is what a worker that is told to stop keeps of its stop timeout, to
// write the attempt's end and hand the message back.
func reserve(stopTimeout time.Duration) time.Duration {
	return min(5*time.Second, stopTimeout/4)
}

// end asks the command to end, and ends it when it does not. When the worker
// is told to stop, the worker's own time is what counts.
func (a *attempt) end(ctx context.Context, g *group.Group) {
	g.SignalAll(syscall.SIGTERM)
	stopTimeout := time.Duration(a.job.StopTimeout)
	patience, free := a.outlive(ctx, stopTimeout-reserve(stopTimeout))
	defer free()
	grace := time.NewTimer(stopTimeout)
	defer grace.Stop()
	select {
	case <-g.Done():
		return
	case <-grace.C:
	case <-patience.Done():
	}
	g.Kill()
	g.Wait()
}

// judge says how an attempt ended whose command exited with code, after it was
// told to for a cause, or by itself.
func (a *attempt) judge(code int, cause error) record.End {
	end := record.End{State: record.Failed, ExitCode: code, Reason: fmt.Sprintf("exit code %d", code)}
	switch {
	case errors.Is(cause, errTimedOut):
		end.Reason = fmt.Sprintf("timed out after %v", a.job.Timeout)
	case cause != nil:
		end.State, end.Reason = record.Interrupted, cause.Error()
	case code == 0:
		end.State, end.Reason = record.Done, ""
	case code == exitFinal:
		end.Final = true
	case code == exitInterrupted:
		end.State = record.Interrupted
	case code > 128:
		end.Reason = signalReason(syscall.Signal(code - 128))
	}
	return end
}

func signalReason(s syscall.Signal) string {
	if s == syscall.SIGKILL {
		return "killed, as the kernel does when memory runs out (SIGKILL)"
	}
	return fmt.Sprintf("ended by signal %d (%v)", int(s), s)
}
