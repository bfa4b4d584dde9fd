package cloudwatch

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/spate-run/spate/internal/metric"
	"github.com/spate-run/spate/internal/store"
)

// Times are Unix seconds. A row of cloudwatch_run is a run of a lane; vals are
// its sample's single values, as JSON, or NULL.
const schema = `
CREATE TABLE IF NOT EXISTS cloudwatch_metric (
	id INTEGER PRIMARY KEY AUTOINCREMENT, namespace TEXT NOT NULL, name TEXT NOT NULL, dimensions TEXT NOT NULL,
	newest INTEGER NOT NULL, UNIQUE (namespace, name, dimensions)
);
CREATE TABLE IF NOT EXISTS cloudwatch_run (
	metric INTEGER NOT NULL, unit TEXT NOT NULL, at INTEGER NOT NULL, n INTEGER NOT NULL, step INTEGER NOT NULL,
	count REAL NOT NULL, sum REAL NOT NULL, low REAL NOT NULL, high REAL NOT NULL, vals TEXT,
	PRIMARY KEY (metric, unit, at)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cloudwatch_history (
	id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, item TEXT NOT NULL
);`

// openMetrics reads which metrics there are. Their data comes when it is asked
// for.
func (s *Service) openMetrics(ctx context.Context) error {
	rows, err := s.config.Store.Query(ctx, "SELECT id, namespace, name, dimensions, newest FROM cloudwatch_metric")
	if err != nil {
		return fmt.Errorf("reading metrics: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, newest int64
		var namespace, name, text string
		if err := rows.Scan(&id, &namespace, &name, &text, &newest); err != nil {
			return fmt.Errorf("reading metrics: %w", err)
		}
		var dimensions []types.Dimension
		if err := json.Unmarshal([]byte(text), &dimensions); err != nil {
			return fmt.Errorf("reading dimensions of metric %q: %w", name, err)
		}
		t := s.track(namespace, name, dimensions)
		t.id, t.newest, t.stored = id, newest, newest
	}
	return rows.Err()
}

// load reads what the store had of a metric's data when the service began. All
// that came since is later. The caller holds s.mu.
func (s *Service) load(ctx context.Context, t *track) error {
	rows, err := s.config.Store.Query(ctx,
		"SELECT unit, at, n, step, count, sum, low, high, vals FROM cloudwatch_run WHERE metric = ? AND at <= ? ORDER BY unit, at", t.id, t.stored)
	if err != nil {
		return fmt.Errorf("reading data of metric %q: %w", *t.metric.MetricName, err)
	}
	defer rows.Close()
	old := map[types.StandardUnit][]run{}
	for rows.Next() {
		var unit types.StandardUnit
		var r run
		var values []byte
		x := &r.sample
		if err := rows.Scan(&unit, &r.at, &r.n, &r.step, &x.Count, &x.Sum, &x.Low, &x.High, &values); err != nil {
			return fmt.Errorf("reading data of metric %q: %w", *t.metric.MetricName, err)
		}
		if values != nil {
			if err := json.Unmarshal(values, &x.Values); err != nil {
				return fmt.Errorf("reading values of metric %q: %w", *t.metric.MetricName, err)
			}
		}
		old[unit] = append(old[unit], r)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for unit, runs := range old {
		l := t.lane(unit)
		l.runs = append(runs, l.runs...)
		l.rolled = [len(ages)]int64{}
	}
	t.stored = 0
	return nil
}

// update applies a change and its items of history, together with all that is
// not in the store yet. The caller holds s.mu.
func (s *Service) update(ctx context.Context, items []types.AlarmHistoryItem, apply func(*store.Tx) error) error {
	var ids map[*track]int64
	if err := s.config.Store.Update(ctx, func(tx *store.Tx) error {
		if err := s.saveHistory(tx, items); err != nil {
			return err
		}
		ids = map[*track]int64{}
		for _, t := range s.tracks {
			if err := t.save(tx, ids); err != nil {
				return err
			}
		}
		if apply == nil {
			return nil
		}
		return apply(tx)
	}); err != nil {
		return err
	}
	for t, id := range ids {
		t.id = id
	}
	for _, t := range s.tracks {
		for _, l := range t.lanes {
			l.changed = nil
		}
	}
	for _, item := range items {
		s.remember(item)
	}
	s.unsaved = 0
	s.saved = time.Now()
	return nil
}

// save writes what changed of a metric. ids gets those of metrics that are new.
func (t *track) save(tx *store.Tx, ids map[*track]int64) error {
	id := t.id
	for _, l := range t.lanes {
		if len(l.changed) == 0 {
			continue
		}
		if id == 0 {
			var err error
			if id, err = insertMetric(tx, t); err != nil {
				return err
			}
			ids[t] = id
		}
		if err := l.save(tx, id); err != nil {
			return err
		}
		if _, err := tx.Exec("UPDATE cloudwatch_metric SET newest = ? WHERE id = ?", t.newest, id); err != nil {
			return err
		}
	}
	return nil
}

func insertMetric(tx *store.Tx, t *track) (int64, error) {
	dimensions, err := json.Marshal(t.metric.Dimensions)
	if err != nil {
		return 0, fmt.Errorf("writing dimensions of metric %q: %w", *t.metric.MetricName, err)
	}
	made, err := tx.Exec("INSERT INTO cloudwatch_metric (namespace, name, dimensions, newest) VALUES (?, ?, ?, ?)",
		*t.metric.Namespace, *t.metric.MetricName, string(dimensions), t.newest)
	if err != nil {
		return 0, err
	}
	return made.LastInsertId()
}

// save writes the lane's runs that begin in its changed spans.
func (l *lane) save(tx *store.Tx, id int64) error {
	for _, c := range l.changed {
		if _, err := tx.Exec("DELETE FROM cloudwatch_run WHERE metric = ? AND unit = ? AND at BETWEEN ? AND ?",
			id, string(l.unit), c.from, c.to); err != nil {
			return err
		}
		for _, r := range l.runs[l.after(c.from-1):l.after(c.to)] {
			if err := l.saveRun(tx, id, r); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *lane) saveRun(tx *store.Tx, id int64, r run) error {
	var values any
	if r.sample.Values != nil {
		text, err := json.Marshal(r.sample.Values)
		if err != nil {
			return fmt.Errorf("writing values: %w", err)
		}
		values = string(text)
	}
	x := r.sample
	_, err := tx.Exec("INSERT OR REPLACE INTO cloudwatch_run (metric, unit, at, n, step, count, sum, low, high, vals) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		id, string(l.unit), r.at, r.n, r.step, x.Count, x.Sum, x.Low, x.High, values)
	return err
}

// ageInterval is the time between two looks for data that is old.
const ageInterval = 10 * time.Minute

// keep ages what there is, forgets what is too old, and writes what changed.
func (s *Service) keep(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Sub(s.aged) < ageInterval {
		return s.update(ctx, nil, nil)
	}
	s.aged = now
	before := now.Add(-max(lifetime/time.Duration(s.config.Cadence), shortest)).Unix()
	for key, t := range s.tracks {
		for _, l := range t.lanes {
			l.forget(before)
			l.age(now, int64(s.config.Cadence))
		}
		if t.newest < before {
			delete(s.tracks, key)
		}
	}
	s.forgetHistory(now)
	return s.update(ctx, nil, func(tx *store.Tx) error {
		for _, statement := range []string{
			"DELETE FROM cloudwatch_run WHERE at + (n - 1) * step < ?",
			"DELETE FROM cloudwatch_metric WHERE newest < ?",
		} {
			if _, err := tx.Exec(statement, before); err != nil {
				return err
			}
		}
		return deleteHistory(tx, now)
	})
}

// add adds data to a metric. The caller holds s.mu.
func (s *Service) add(ctx context.Context, t *track, at int64, unit types.StandardUnit, x metric.Sample) error {
	if at <= t.stored {
		if err := s.load(ctx, t); err != nil {
			return err
		}
	}
	t.add(at, unit, x)
	return nil
}

// rewind forgets a collected metric's data of a time and later. There is some
// where the clock was set back: what was then is not what will be when that time
// comes again, and alarms must not act on it. The caller holds s.mu.
func (s *Service) rewind(ctx context.Context, t *track, at int64) error {
	if t.newest <= at {
		return nil
	}
	if t.stored >= at {
		if err := s.load(ctx, t); err != nil {
			return err
		}
	}
	for _, l := range t.lanes {
		l.rewind(at)
	}
	t.newest = at
	return nil
}
