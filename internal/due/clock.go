package due

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	// longest is how long a Clock waits at most, so that it notices when the
	// machine's own is set.
	longest = time.Minute
	// pause is how long it waits before it tries again what failed.
	pause = time.Second
)

// A Config is whose occurrences a Clock fires.
type Config struct {
	Kind string      // of what occurs, for the log
	Lock sync.Locker // held for Next and Fire
	// Next is what occurs next; at zero nothing does.
	Next func() (key string, at time.Time)
	// Fire does what occurs, so that Next is another one after it. What fails
	// is fired again.
	Fire func(ctx context.Context, key string, at time.Time) error
	Log  *slog.Logger
}

// A Clock fires what is due.
type Clock struct {
	config  Config
	changed chan struct{} // holds a token when Next may have changed
}

// NewClock returns a Clock that Run starts.
func NewClock(config Config) *Clock {
	return &Clock{config: config, changed: make(chan struct{}, 1)}
}

// Wake has the Clock ask for Next anew. It never waits.
func (c *Clock) Wake() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// Run fires what is due until ctx ends.
func (c *Clock) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.changed:
		case <-timer.C:
		}
		timer.Reset(c.fire(ctx))
	}
}

// fire fires what is due, and returns how long to wait then.
func (c *Clock) fire(ctx context.Context) time.Duration {
	c.config.Lock.Lock()
	defer c.config.Lock.Unlock()
	for {
		key, at := c.config.Next()
		if at.IsZero() {
			return longest
		}
		if wait := time.Until(at); wait > 0 {
			return min(wait, longest)
		}
		if err := c.config.Fire(ctx, key, at); err != nil {
			if ctx.Err() == nil {
				c.config.Log.ErrorContext(ctx, "what was due failed", "kind", c.config.Kind, "name", key, "error", err)
			}
			return pause
		}
	}
}

// Earliest returns the key and the time of what occurs first, of what occurs at
// the same time the one whose key is first; zero when nothing does.
func Earliest[T any](all map[string]T, next func(T) time.Time) (first string, at time.Time) {
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if t := next(all[key]); !t.IsZero() && (at.IsZero() || t.Before(at)) {
			first, at = key, t
		}
	}
	return first, at
}
