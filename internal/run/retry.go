package run

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/spate-run/spate/internal/record"
)

// A NothingToRetryError reports a run of which every job that ended succeeded.
type NothingToRetryError struct {
	Run     string
	Waiting int // jobs that have no result yet
}

func (e *NothingToRetryError) Error() string {
	if e.Waiting > 0 {
		return fmt.Sprintf("no job of run %s has failed; %d have no result yet", e.Run, e.Waiting)
	}
	return fmt.Sprintf("no job of run %s has failed", e.Run)
}

// An OpenJobError reports a job that cannot be sent again, since it has not
// ended.
type OpenJobError struct {
	Run   string
	Index int
}

func (e *OpenJobError) Error() string {
	return fmt.Sprintf("job %d of run %s has no result yet", e.Index, e.Run)
}

// A RetriedError reports a run that another command retries.
type RetriedError struct{ Run string }

func (e *RetriedError) Error() string {
	return fmt.Sprintf("run %s is being retried by another command", e.Run)
}

// Retry makes a further generation of some of the run's jobs: of those that
// are named, or of those that failed or were cancelled where none is. It
// returns how many they are; Send sends them.
func (r *Run) Retry(ctx context.Context, indices []int) (jobs int, err error) {
	s, err := r.surveyed(ctx)
	if err != nil {
		return 0, err
	}
	chosen, err := s.choose(indices)
	if err != nil {
		return 0, err
	}
	retry := record.Retry{Indices: slices.Collect(chosen.all), User: userName(), Host: hostName(), Created: now()}
	body, err := json.Marshal(retry)
	if err != nil {
		return 0, err
	}
	next := s.generations[len(s.generations)-1].number + 1
	created, err := r.Stack.Records().PutIfAbsent(ctx, record.RetryKey(r.ID, next), body)
	if err != nil {
		return 0, err
	}
	if !created {
		return 0, &RetriedError{r.ID}
	}
	return len(retry.Indices), nil
}

// choose returns the jobs to send again.
func (s *survey) choose(indices []int) (set, error) {
	open, failed := newSet(s.run.Jobs), newSet(s.run.Jobs)
	for _, o := range s.outcomes() {
		failed = failed.or(o.failed).or(o.cancelled)
		open = open.or(o.open)
	}
	if indices == nil {
		if failed.next(0) < 0 {
			return nil, &NothingToRetryError{Run: s.run.ID, Waiting: open.count()}
		}
		return failed, nil
	}
	chosen := newSet(s.run.Jobs)
	for _, index := range indices {
		switch {
		case index < 0 || index >= s.run.Jobs:
			return nil, &NoJobError{Run: s.run.ID, Index: index, Jobs: s.run.Jobs}
		case open.has(index):
			return nil, &OpenJobError{Run: s.run.ID, Index: index}
		}
		chosen.add(index)
	}
	return chosen, nil
}

// Backlog is how many of the run's jobs have no result yet.
func (r *Run) Backlog(ctx context.Context) (int, error) {
	p, err := r.Count(ctx)
	return p.Jobs - p.Ended(), err
}
