package client

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/spate-run/spate/internal/engine"
)

// A Session is a command's hold on an engine.
type Session struct {
	*AWS
	// Own says that the engine runs in this process, and ends with the session.
	Own bool
	// Address is where the engine is.
	Address engine.Address

	stop context.CancelFunc
	done chan error
}

// A Purpose is what a session needs of an engine.
type Purpose int

const (
	// Work needs an engine that starts tasks.
	Work Purpose = iota
	// Look needs one that answers what earlier runs left.
	Look
)

// startingWait bounds the wait for an engine that another process is starting.
const startingWait = 10 * time.Second

// Local finds the engine that runs in a home, or brings one up in this process
// until Close.
func Local(ctx context.Context, home string, p Purpose, log *slog.Logger) (*Session, error) {
	deadline := time.Now().Add(startingWait)
	for {
		at, running, err := engine.Find(home)
		if err != nil {
			return nil, err
		}
		if running && at.Endpoint != "" {
			return &Session{AWS: New(at), Address: at}, nil
		}
		if !running {
			s, err := start(ctx, home, p, log)
			if _, busy := errors.AsType[*engine.BusyError](err); !busy {
				return s, err
			}
		}
		if time.Now().After(deadline) {
			return nil, errors.New("another engine is starting in " + home + ", and does not get ready")
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func start(ctx context.Context, home string, p Purpose, log *slog.Logger) (*Session, error) {
	e, err := engine.Open(ctx, engine.Config{Home: home, Cadence: engine.FastCadence, Quiet: p == Look, Log: log})
	if err != nil {
		return nil, err
	}
	// The engine outlives the command's context: it stops its tasks in peace
	// when the session is closed.
	engineCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	s := &Session{AWS: New(e.Address()), Own: true, Address: e.Address(), stop: stop, done: make(chan error, 1)}
	go func() { s.done <- e.Run(engineCtx) }()
	return s, nil
}

// Close ends an engine of the session's own: its tasks are stopped as ECS
// stops them, and nothing of it is left.
func (s *Session) Close() error {
	if !s.Own {
		return nil
	}
	s.stop()
	return <-s.done
}
