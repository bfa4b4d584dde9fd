package ecs

import (
	"context"
	"fmt"

	"github.com/spate-run/spate/internal/store"
)

// A dirty is what has changed in memory and not yet in the store. It is
// written in one commit, however many transitions it took.
type dirty struct {
	tasks    map[*task]bool
	services map[*service]bool
	others   []func(*store.Tx) error // events, and what is removed
}

func newDirty() dirty {
	return dirty{tasks: map[*task]bool{}, services: map[*service]bool{}}
}

// save writes what is dirty. On an error it stays dirty.
func (s *Service) save(ctx context.Context) error {
	d := &s.dirty
	if len(d.tasks) == 0 && len(d.services) == 0 && len(d.others) == 0 {
		return nil
	}
	err := s.config.Store.Update(ctx, func(tx *store.Tx) error {
		for t := range d.tasks {
			if err := s.tables.tasks.Put(tx, t.ID, *t); err != nil {
				return err
			}
		}
		for v := range d.services {
			if err := s.tables.services.Put(tx, v.key(), *v); err != nil {
				return err
			}
		}
		for _, write := range d.others {
			if err := write(tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("saving tasks and services: %w", err)
	}
	s.dirty = newDirty()
	return nil
}
