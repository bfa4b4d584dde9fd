package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/spate-run/spate/internal/record"
)

// A Progress is how far a run has come.
type Progress struct {
	Jobs    int
	Done    int
	Failed  int
	Running []Attempt // those that started first come first
	// FirstStart is when the first job that is known of started.
	FirstStart time.Time
	// LastEnd is when the newest result was written.
	LastEnd time.Time
	Tasks   Tasks
}

// An Attempt is a job that runs.
type Attempt struct {
	record.Attempt
	Started time.Time
}

// Tasks are the tasks of the stack's service.
type Tasks struct{ Running, Pending, Desired int }

// Waiting is how many jobs have not started, or wait to be tried again.
func (p Progress) Waiting() int { return max(0, p.Jobs-p.Ended()-len(p.Running)) }

// Ended is how many jobs have a result.
func (p Progress) Ended() int { return p.Done + p.Failed }

// Finished says whether every job has a result.
func (p Progress) Finished() bool { return p.Ended() >= p.Jobs }

// Rate is how many jobs ended in a second, over the whole run so far.
func (p Progress) Rate() float64 {
	span := p.LastEnd.Sub(p.FirstStart).Seconds()
	if p.Ended() == 0 || span <= 0 {
		return 0
	}
	return float64(p.Ended()) / span
}

// Left is the time until the last job ends, by the rate so far; 0 when
// nothing is known.
func (p Progress) Left() time.Duration {
	rate := p.Rate()
	if rate == 0 {
		return 0
	}
	return time.Duration(float64(p.Jobs-p.Ended()) / rate * float64(time.Second))
}

// A Follower looks at a run again and again. It keeps what cannot change, so
// that a look costs a few listings.
type Follower struct {
	run        *Run
	generation int
	firstStart time.Time
}

// Follow returns a follower of the run's first generation.
func (r *Run) Follow() *Follower {
	return &Follower{run: r, generation: 1}
}

// Look returns how far the run has come.
func (f *Follower) Look(ctx context.Context) (Progress, error) {
	p := Progress{Jobs: f.run.Jobs}
	ended, err := f.results(ctx, &p)
	if err != nil {
		return p, err
	}
	if err := f.running(ctx, &p, ended); err != nil {
		return p, err
	}
	p.Tasks, err = f.run.Stack.Tasks(ctx)
	return p, err
}

// Count returns how many of the run's jobs have ended, and nothing of those
// that have not.
func (r *Run) Count(ctx context.Context) (Progress, error) {
	p := Progress{Jobs: r.Jobs}
	_, err := r.Follow().results(ctx, &p)
	return p, err
}

// results counts the jobs that ended, by listing alone, and returns which.
func (f *Follower) results(ctx context.Context, p *Progress) (ended map[int]bool, err error) {
	records := f.run.Stack.Records()
	ended = map[int]bool{}
	prefix := record.ResultsPrefix(f.run.ID, f.generation)
	for object, err := range records.List(ctx, prefix, "") {
		if err != nil {
			return nil, err
		}
		if index, ok := record.ParseIndex(prefix, object.Key); ok {
			ended[index] = true
		}
		if object.Modified.After(p.LastEnd) {
			p.LastEnd = object.Modified
		}
	}
	prefix = record.FailedPrefix(f.run.ID, f.generation)
	for object, err := range records.List(ctx, prefix, "") {
		if err != nil {
			return nil, err
		}
		// The mark comes before the result, and may be all that is there yet.
		if index, ok := record.ParseIndex(prefix, object.Key); ok && ended[index] {
			p.Failed++
		}
	}
	p.Done = len(ended) - p.Failed
	return ended, nil
}

// window bounds the objects of attempts that one look lists. Jobs are taken in
// about the order they were sent in, so those that run lie close behind the
// first that has not ended.
const window = 5000

// running finds the attempts that have started and not ended.
func (f *Follower) running(ctx context.Context, p *Progress, ended map[int]bool) error {
	lowest := 0
	for ended[lowest] {
		lowest++
	}
	after := record.JobPrefix(f.run.ID, lowest)
	if f.firstStart.IsZero() {
		after = ""
	}
	started := map[int]Attempt{}
	seen := 0
	for object, err := range f.run.Stack.Records().List(ctx, record.AttemptsPrefix(f.run.ID), after) {
		if err != nil {
			return err
		}
		if seen++; seen > window {
			break
		}
		a, name, ok := record.ParseAttempt(f.run.ID, object.Key)
		if !ok || a.Generation != f.generation {
			continue
		}
		switch name {
		case "start.json":
			if f.firstStart.IsZero() || object.Modified.Before(f.firstStart) {
				f.firstStart = object.Modified
			}
			started[a.Index] = later(started[a.Index], Attempt{a, object.Modified})
		case "end.json": // which a listing gives before start.json
			started[a.Index] = later(started[a.Index], Attempt{Attempt: a})
		}
	}
	for index, a := range started {
		if !ended[index] && !a.Started.IsZero() {
			p.Running = append(p.Running, a)
		}
	}
	slices.SortFunc(p.Running, func(a, b Attempt) int {
		return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.Index, b.Index))
	})
	p.FirstStart = f.firstStart
	return nil
}

// later returns the attempt with the higher number. Of the same attempt the
// first wins: its end hides its start.
func later(a, b Attempt) Attempt {
	if b.Number > a.Number {
		return b
	}
	return a
}

// Tasks counts the tasks of the stack's service.
func (s *Stack) Tasks(ctx context.Context) (Tasks, error) {
	out, err := s.aws.ECS.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &s.Cluster, Services: []string{s.Service}})
	if err != nil {
		return Tasks{}, fmt.Errorf("counting the tasks of %s: %w", s.Service, err)
	}
	if len(out.Services) == 0 {
		return Tasks{}, fmt.Errorf("counting the tasks of %s: %w", s.Service, errors.New("the service is not there"))
	}
	found := out.Services[0]
	return Tasks{Running: int(found.RunningCount), Pending: int(found.PendingCount), Desired: int(found.DesiredCount)}, nil
}
