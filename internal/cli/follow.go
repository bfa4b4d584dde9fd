package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/run"
)

// The pauses between looks at a run. A look that took long is not taken again
// at once. A run that goes wrong from its first job on does so early.
const (
	lookEvery  = 200 * time.Millisecond
	earlyEvery = 20 * time.Millisecond
	early      = 2 * time.Second
	lookShare  = 10 // a look takes at most a tenth of the time
	// Each look at AWS costs: two requests at $0.005 a thousand, $0.02 an hour.
	// https://aws.amazon.com/s3/pricing/ (LIST)
	remoteEvery = 2 * time.Second
)

// A following is how a run is followed.
type following struct {
	label  func(index int) string
	send   func(context.Context) error // what is left of it; nil where all is sent
	since  time.Time                   // what ended before counts for no speed-up
	output outputFlag
}

// follow shows the run until every job has a result, then prints them. A run of
// which no job can start is cancelled.
func (a *app) follow(ctx context.Context, s *client.Session, r *run.Run, f following) error {
	show := a.newProgress(r, f.label)
	sending := startSending(ctx, f.send)
	defer sending.stop()
	started := time.Now()
	follower := r.Follow()
	var hopeless error
	for {
		before := time.Now()
		p, err := follower.Look(ctx)
		looked := time.Since(before)
		if err == nil && hopeless == nil {
			hopeless, err = a.cancelHopeless(ctx, r, follower, p, sending)
		}
		if err == nil && !p.Finished() {
			err = follower.Stuck()
		}
		if err := a.disturbed(ctx, s, r, sending, p, err); err != nil {
			return err
		}
		show.update(p)
		if p.Finished() {
			sending.stop()
			return a.finish(ctx, s, r, f, follower, p, hopeless)
		}
		pause := lookEvery
		if time.Since(started) < early {
			pause = earlyEvery
		}
		if s.Remote {
			pause = remoteEvery
		}
		select {
		case <-ctx.Done():
		case <-time.After(max(pause, lookShare*looked)):
		}
	}
}

// cancelHopeless cancels a run whose command cannot be started, and returns
// what is wrong with it.
func (a *app) cancelHopeless(ctx context.Context, r *run.Run, f *run.Follower, p run.Progress, sending *sending) (hopeless, err error) {
	err = f.Unstartable(ctx, p)
	unstartable, ok := errors.AsType[*run.UnstartableError](err)
	if !ok || p.Finished() {
		if ok {
			return unstartable, nil
		}
		return nil, err
	}
	sending.stop()
	_, err = r.Cancel(ctx)
	if _, over := errors.AsType[*run.EndedError](err); over {
		err = nil
	}
	return unstartable, err
}

// disturbed says what to do next when following a run came to an early end.
func (a *app) disturbed(ctx context.Context, s *client.Session, r *run.Run, sending *sending, p run.Progress, err error) error {
	err = errors.Join(err, sending.failure())
	resume := "spate run --resume " + shortID(r.ID)
	stuck, isStuck := errors.AsType[*run.NoTaskError](err)
	switch {
	case ctx.Err() != nil:
		return a.interrupted(s, r, sending)
	case err == nil:
		return nil
	case s.Ended():
		return &hintedError{fact: "the engine that ran this has ended", hint: resume}
	case isStuck:
		return &hintedError{
			fact: fmt.Sprintf("%v; %s wait", stuck, count(p.Waiting(), "job")),
			hint: "mend that (put the folder back), then " + resume + "; or give the jobs up: spate cancel " + shortID(r.ID),
		}
	}
	return &hintedError{fact: err.Error(), hint: resume}
}

func (a *app) interrupted(s *client.Session, r *run.Run, sending *sending) error {
	switch {
	case s.Own && !s.Address.Quiet:
		fmt.Fprintln(a.stderr, "stopping the tasks, which hand their jobs back; Ctrl-C again ends them at once")
		return &hintedError{
			fact: "interrupted: the tasks are stopped, and the jobs that have no result stay in the queue",
			hint: "spate run --resume " + shortID(r.ID),
		}
	case s.Remote && !sending.done:
		return &hintedError{fact: "interrupted before every job was sent; those that were go on", hint: "spate run --resume " + shortID(r.ID)}
	case s.Remote:
		return &hintedError{fact: "stopped following; the run goes on on AWS", hint: "spate watch " + shortID(r.ID)}
	case !sending.done:
		return &hintedError{
			fact: "interrupted before every job was sent; those that were go on in the engine of another process",
			hint: "spate run --resume " + shortID(r.ID),
		}
	case s.Address.Brief:
		return &hintedError{
			fact: fmt.Sprintf("stopped following; the run goes on while process %d runs its engine", s.Address.PID),
			hint: "spate run --resume " + shortID(r.ID),
		}
	}
	return &hintedError{
		fact: "stopped following; the run goes on in the engine that `spate serve` runs",
		hint: "spate watch " + shortID(r.ID),
	}
}

// A sending is the sending of a run beside its following.
type sending struct {
	cancel context.CancelFunc
	result chan error // closed after its one value
	err    error
	done   bool // it came to its end by itself
	over   bool // it was stopped
}

func startSending(ctx context.Context, send func(context.Context) error) *sending {
	s := &sending{result: make(chan error, 1)}
	ctx, s.cancel = context.WithCancel(ctx)
	if send == nil {
		s.done = true
		close(s.result)
		return s
	}
	go func() {
		s.result <- send(ctx)
		close(s.result)
	}()
	return s
}

// failure returns why sending failed, if it has.
func (s *sending) failure() error {
	select {
	case err, ok := <-s.result:
		if ok && !s.over {
			s.err, s.done = err, err == nil
		}
	default:
	}
	return s.err
}

// stop ends sending: what it has not sent stays unsent.
func (s *sending) stop() {
	s.over = true
	s.cancel()
	for range s.result {
	}
}

// finish reports the run, and sees an engine of this process scale back to 0.
func (a *app) finish(ctx context.Context, s *client.Session, r *run.Run, f following, follower *run.Follower, p run.Progress, hopeless error) error {
	if !s.Address.Quiet {
		if err := r.Stack.Release(ctx); err != nil {
			return err
		}
	}
	if err := follower.Finish(ctx); err != nil {
		return err
	}
	if err := a.report(ctx, r, p, f); err != nil {
		return err
	}
	shared, err := s.Shared()
	if err != nil {
		return err
	}
	if s.Own && !s.Address.Quiet && !shared {
		if err := a.drain(ctx, r); err != nil {
			return err
		}
	}
	switch {
	case hopeless != nil:
		fact := fmt.Sprintf("no job can start (%v)", hopeless)
		if p.Cancelled > 0 {
			fact += fmt.Sprintf("; %s cancelled", count(p.Cancelled, "job"))
		}
		return &hintedError{
			fact: fact,
			hint: "mend `command:` in the job file, or PATH; `spate doctor` looks at both",
		}
	case !succeeded(r, p):
		return errUnsuccessful
	}
	return nil
}

// drainWait bounds the wait for the stack's own alarms to stop the tasks.
const drainWait = 30 * time.Second

// drain waits until the stack's alarms have brought the service back to 0.
func (a *app) drain(ctx context.Context, r *run.Run) error {
	deadline := time.Now().Add(drainWait)
	for {
		tasks, err := r.Stack.Tasks(ctx)
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if tasks == (run.Tasks{}) {
			fmt.Fprintln(a.stderr, "tasks: back to 0 by the stack's own alarm")
			return nil
		}
		if time.Now().After(deadline) {
			fmt.Fprintf(a.stderr, "tasks: %d still run; they stop with this program\n", tasks.Running)
			return nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(earlyEvery): // somebody waits for nothing else
		}
	}
}
