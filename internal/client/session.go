package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spate-run/spate/internal/engine"
)

// A Session is a command's hold on an engine.
type Session struct {
	*AWS
	// Remote says that the engine is AWS. Nothing of what follows is set then.
	Remote bool
	// Own says that the engine runs in this process, and ends with the session.
	Own bool
	// Home is the engine's home.
	Home string
	// Address is where the engine is.
	Address engine.Address

	lease *engine.Lease // on an engine that is not our own
	stop  context.CancelFunc
	done  chan error
}

// A Purpose is what a session needs of an engine.
type Purpose int

const (
	// Work needs an engine that starts tasks.
	Work Purpose = iota
	// Look needs one that answers what earlier runs left.
	Look
	// Leave needs one that starts tasks, and outlives this command.
	Leave
)

// fits says whether an engine that runs already serves the purpose.
func (p Purpose) fits(at engine.Address) bool {
	return p == Look || !at.Quiet && (p == Work || !at.Brief)
}

// A LonelyError reports that no engine runs in a home that would outlive the
// command.
type LonelyError struct{ Home string }

func (e *LonelyError) Error() string {
	return "no `spate serve` runs in " + e.Home
}

// The waits for other processes, and the time between two looks at them.
const (
	startingWait = 10 * time.Second // for an engine that is starting
	quietWait    = time.Minute      // for one that only shows earlier runs
	lookEvery    = 10 * time.Millisecond
)

// Local finds the engine that runs in a home, or brings one up in this process
// until Close, on the fast cadence.
func Local(ctx context.Context, home string, p Purpose, log *slog.Logger) (*Session, error) {
	return LocalAt(ctx, home, p, engine.FastCadence, log)
}

// LocalAt is Local with a cadence of its own for the engine that it brings up.
func LocalAt(ctx context.Context, home string, p Purpose, cadence int, log *slog.Logger) (*Session, error) {
	began := time.Now()
	for {
		at, running, err := engine.Find(home)
		if err != nil {
			return nil, err
		}
		switch {
		case !running && p == Leave, p == Leave && at.Brief:
			return nil, &LonelyError{home}
		case !running:
			s, err := start(ctx, home, p, cadence, log)
			if _, busy := errors.AsType[*engine.BusyError](err); !busy {
				return s, err
			}
		case at.Endpoint != "" && p.fits(at):
			s, err := join(home, at)
			if s != nil || err != nil {
				return s, err
			}
		}
		if err := overdue(home, at, time.Since(began)); err != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(lookEvery):
		}
	}
}

// An OverdueError reports an engine that was waited for in vain.
type OverdueError struct {
	Home string
	PID  int // of a process that shows earlier runs; 0 for one of which nothing is known
}

func (e *OverdueError) Error() string {
	if e.PID != 0 {
		return fmt.Sprintf("process %d shows earlier runs of %s, and does not come to an end", e.PID, e.Home)
	}
	return "another engine is starting or ending in " + e.Home + ", and does not get done"
}

// overdue says what has been waited for too long.
func overdue(home string, at engine.Address, waited time.Duration) error {
	switch {
	case at.Quiet && waited > quietWait:
		return &OverdueError{Home: home, PID: at.PID}
	case !at.Quiet && waited > startingWait:
		return &OverdueError{Home: home}
	}
	return nil
}

// join takes a lease on the engine of another process. It returns nothing when
// that one has ended, or is about to.
func join(home string, at engine.Address) (*Session, error) {
	lease, ok, err := engine.Share(home)
	if err != nil || !ok {
		return nil, err
	}
	// It may have ended before we had the lease.
	if now, running, err := engine.Find(home); err != nil || !running || now != at {
		return nil, errors.Join(err, lease.Release())
	}
	return &Session{AWS: New(at), Home: home, Address: at, lease: lease}, nil
}

func start(ctx context.Context, home string, p Purpose, cadence int, log *slog.Logger) (*Session, error) {
	e, err := engine.Open(ctx, engine.Config{Home: home, Cadence: cadence, Quiet: p == Look, Brief: true, Log: log})
	if err != nil {
		return nil, err
	}
	// The engine outlives the command's context: it stops its tasks in peace
	// when the session is closed.
	engineCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	s := &Session{AWS: New(e.Address()), Own: true, Home: home, Address: e.Address(), stop: stop, done: make(chan error, 1)}
	go func() { s.done <- e.Run(engineCtx) }()
	return s, nil
}

// Shared says whether other commands use this session's own engine.
func (s *Session) Shared() (bool, error) {
	if !s.Own {
		return false, nil
	}
	lease, ok, err := engine.TakeAlone(s.Home)
	if err != nil || !ok {
		return !ok, err
	}
	return false, lease.Release()
}

// Ended says whether the engine of this session has ended, as one does whose
// process is killed.
func (s *Session) Ended() bool {
	if s.Remote {
		return false
	}
	at, running, err := engine.Find(s.Home)
	return !s.Own && err == nil && (!running || at != s.Address)
}

// patience is how long Close waits for others before it says so: most commands
// take no longer.
const patience = 500 * time.Millisecond

// Close ends the session. An engine of its own is kept up while other commands
// use it, of which Close tells by waiting, or until ctx ends; then its tasks
// are stopped as ECS stops them, and nothing of it is left.
func (s *Session) Close(ctx context.Context, waiting func()) error {
	if s.Remote {
		return nil
	}
	if !s.Own {
		return s.lease.Release()
	}
	lease, err := s.alone(ctx, waiting)
	s.stop()
	err = errors.Join(err, <-s.done)
	if lease != nil {
		err = errors.Join(err, lease.Release())
	}
	return err
}

// alone waits until no other command uses the engine, and keeps others from
// beginning to.
func (s *Session) alone(ctx context.Context, waiting func()) (*engine.Lease, error) {
	told := time.After(patience)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		lease, ok, err := engine.TakeAlone(s.Home)
		if ok || err != nil {
			return lease, err
		}
		select {
		case <-ctx.Done():
			return nil, nil
		case <-told:
			waiting()
		case <-tick.C:
		}
	}
}
