package logs

import (
	"context"
	"time"

	"github.com/spate-run/spate/internal/store"
)

const (
	// sweepEvery is how often retention policies are applied.
	sweepEvery = time.Hour
	// sweepBatch bounds how long one transaction of removals holds up others.
	sweepBatch = 2000
)

// Run removes events in the background, those of deleted streams and those
// past their retention, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	for {
		if err := s.sweep(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("removing log events failed", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.gone:
		case <-time.After(sweepEvery):
		}
	}
}

// wakeRun tells Run that there is something to remove.
func (s *Service) wakeRun() {
	select {
	case s.gone <- struct{}{}:
	default:
	}
}

func (s *Service) sweep(ctx context.Context) error {
	streams, err := s.pairs(ctx, "SELECT stream, 0 FROM logs_gone")
	if err != nil {
		return err
	}
	for _, stream := range streams {
		if err := s.removeEvents(ctx, "DELETE FROM logs_event WHERE id IN (SELECT id FROM logs_event WHERE stream = ? LIMIT ?)", stream.id); err != nil {
			return err
		}
		if err := s.store.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec("DELETE FROM logs_gone WHERE stream = ?", stream.id)
			return err
		}); err != nil {
			return err
		}
	}
	groups, err := s.pairs(ctx, "SELECT id, retention FROM logs_group WHERE retention > 0")
	if err != nil {
		return err
	}
	for _, group := range groups {
		expired := millis(time.Now().AddDate(0, 0, -int(group.value)))
		if err := s.removeEvents(ctx, "DELETE FROM logs_event WHERE id IN (SELECT id FROM logs_event WHERE grp = ? AND time < ? LIMIT ?)", group.id, expired); err != nil {
			return err
		}
	}
	return nil
}

// removeEvents runs a statement, whose last argument is a limit, until it finds
// nothing more to remove.
func (s *Service) removeEvents(ctx context.Context, statement string, args ...any) error {
	args = append(args, sweepBatch)
	for removed := int64(sweepBatch); removed == sweepBatch; {
		if err := s.store.Update(ctx, func(tx *store.Tx) error {
			result, err := tx.Exec(statement, args...)
			if err != nil {
				return err
			}
			removed, err = result.RowsAffected()
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

type pair struct{ id, value int64 }

func (s *Service) pairs(ctx context.Context, query string) (all []pair, err error) {
	rows, err := s.store.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var p pair
		if err := rows.Scan(&p.id, &p.value); err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, rows.Err()
}
