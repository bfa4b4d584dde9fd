package events

import (
	"context"
	"time"

	"github.com/spate-run/spate/internal/delivery"
	"github.com/spate-run/spate/internal/store"
)

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
