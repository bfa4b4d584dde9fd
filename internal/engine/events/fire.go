package events

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/spate-run/spate/internal/delivery"
	"github.com/spate-run/spate/internal/store"
)

// wake tells fireAll that the rules changed.
func (s *Service) wake() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// fireAll fires rules until ctx ends.
func (s *Service) fireAll(ctx context.Context) error {
	s.passOver(time.Now())
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.changed:
		case <-timer.C:
		}
		timer.Reset(s.fireDue(ctx))
	}
}

// passOver drops the occurrences that were missed while nothing ran. It is not
// stored: they would be passed over again.
func (s *Service) passOver(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, r := range s.rules {
		if r.After.Before(now) {
			r.After = now
			s.rules[name] = r
		}
	}
}

// next is a rule's next occurrence, zero when there is none.
func (r rule) next() time.Time {
	if r.when == nil || r.Rule.State == RuleStateDisabled {
		return time.Time{}
	}
	return r.when.Next(r.After)
}

// fireDue fires what is due, the earliest first, and returns how long nothing
// more is.
func (s *Service) fireDue(ctx context.Context) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		name, at := s.earliest()
		wait := time.Until(at)
		switch {
		case at.IsZero():
			return time.Minute // or until wake
		case wait > 0:
			return min(wait, time.Minute) // so that a changed clock is noticed
		}
		if err := s.fire(ctx, name, at); err != nil {
			if ctx.Err() == nil {
				s.config.Log.ErrorContext(ctx, "rule was not fired", "rule", name, "error", err)
			}
			return time.Second
		}
	}
}

// earliest returns the name and the time of the next occurrence, zero if there
// is none. The caller holds s.mu.
func (s *Service) earliest() (first string, at time.Time) {
	for _, name := range slices.Sorted(maps.Keys(s.rules)) {
		if next := s.rules[name].next(); !next.IsZero() && (at.IsZero() || next.Before(at)) {
			first, at = name, next
		}
	}
	return first, at
}

// fire stores in one step that an occurrence came and what it owes. The caller
// holds s.mu.
func (s *Service) fire(ctx context.Context, name string, at time.Time) error {
	r := s.rules[name]
	var owed []delivery.Delivery
	e := s.event(r, at)
	for _, t := range r.Targets {
		d, ok, err := t.owed(r, e, at)
		if err != nil {
			return err
		}
		if !ok {
			s.config.Log.WarnContext(ctx, "rule's target is not on this engine", "rule", name, "target", *t.Arn)
			continue
		}
		owed = append(owed, d)
	}
	r.After = at.UTC()
	if err := s.config.Store.Update(ctx, func(tx *store.Tx) error {
		if err := s.queue.Put(tx, owed...); err != nil {
			return err
		}
		return s.table.Put(tx, name, r)
	}); err != nil {
		return err
	}
	s.rules[name] = r
	s.queue.Add(owed...)
	return nil
}
