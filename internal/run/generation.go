package run

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/spate-run/spate/internal/record"
	"github.com/spate-run/spate/internal/sorting"
)

// A generation is what listings tell of one sending of a run's jobs.
type generation struct {
	number    int
	jobs      set // that it sent
	ended     set // those with a result
	failed    set // those with a mark that they failed; some have no result yet
	cancelled bool
	created   time.Time
	lastEnd   time.Time // when its newest result was written
	looked    bool
	complete  bool // every job has a result, and the marks were listed after that
	recorded  bool // that it is done
}

// Before sub-listings are worth their requests, a generation has to have so
// many jobs; each of them covers as many. It is a multiple of a set's word, so
// that sub-listings write to words of their own.
const stretch = 80 * wordBits

// listings is how many sub-listings run at once. Those of 100,000 jobs are 20 of
// six pages each: on AWS a page takes some 100 ms, so they are all under way in
// the time of six.
const listings = 32

// A survey is what is known of all generations of a run. What it knows of
// results stays true, so that it lists only what may have come since.
type survey struct {
	run         *Run
	generations []*generation // by their numbers, from 1
}

func (r *Run) newSurvey() *survey {
	first := &generation{number: 1, jobs: wholeSet(r.Jobs), created: r.Created}
	first.ended, first.failed = newSet(r.Jobs), newSet(r.Jobs)
	return &survey{run: r, generations: []*generation{first}}
}

// surveyed is a survey that has looked once.
func (r *Run) surveyed(ctx context.Context) (*survey, error) {
	s := r.newSurvey()
	return s, s.look(ctx)
}

// look brings the survey up to date.
func (s *survey) look(ctx context.Context) error {
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.findRetries(groupCtx) })
	var cancelled []int
	group.Go(func() (err error) {
		cancelled, err = s.findCancelled(groupCtx)
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	group, groupCtx = errgroup.WithContext(ctx)
	for _, g := range s.generations {
		g.cancelled = g.cancelled || slices.Contains(cancelled, g.number)
		if !g.complete {
			group.Go(func() error { return s.list(groupCtx, g) })
		}
	}
	return group.Wait()
}

// findRetries takes in the generations that have come since.
func (s *survey) findRetries(ctx context.Context) error {
	records := s.run.Stack.Records()
	for object, err := range records.List(ctx, record.RetriesPrefix(s.run.ID), "") {
		if err != nil {
			return err
		}
		number, ok := record.ParseRetry(s.run.ID, object.Key)
		if !ok || slices.ContainsFunc(s.generations, func(g *generation) bool { return g.number == number }) {
			continue
		}
		var retry record.Retry
		if err := records.GetJSON(ctx, object.Key, &retry); err != nil {
			return err
		}
		g := &generation{number: number, jobs: newSet(s.run.Jobs), created: retry.Created}
		g.ended, g.failed = newSet(s.run.Jobs), newSet(s.run.Jobs)
		for _, index := range retry.Indices {
			g.jobs.add(index)
		}
		s.generations = append(s.generations, g)
	}
	sorting.By(s.generations, func(a, b *generation) int { return cmp.Compare(a.number, b.number) })
	return nil
}

func (s *survey) findCancelled(ctx context.Context) (numbers []int, err error) {
	for object, err := range s.run.Stack.Records().List(ctx, record.CancelledPrefix(s.run.ID), "") {
		if err != nil {
			return nil, err
		}
		if number, ok := record.ParseCancelled(s.run.ID, object.Key); ok {
			numbers = append(numbers, number)
		}
	}
	return numbers, nil
}

// list takes in the results of a generation, and then the marks of those that
// failed: a mark comes before its result, so no failed job counts as done.
func (s *survey) list(ctx context.Context, g *generation) error {
	wide := g.jobs.count() > stretch
	if from := g.jobs.minus(g.ended).next(0); from >= 0 {
		from -= from % wordBits
		lastEnd, err := s.indices(ctx, record.ResultsPrefix(s.run.ID, g.number), g.ended, from, wide && !g.looked)
		if err != nil {
			return err
		}
		if lastEnd.After(g.lastEnd) {
			g.lastEnd = lastEnd
		}
	}
	// A mark may be taken back, when its job turns out to have been done: all
	// are listed anew.
	failed := newSet(s.run.Jobs)
	_, err := s.indices(ctx, record.FailedPrefix(s.run.ID, g.number), failed, 0, wide && (!g.looked || g.failed.count() > stretch))
	if err != nil {
		return err
	}
	g.failed, g.looked = failed, true
	g.complete = g.jobs.minus(g.ended).next(0) < 0
	return nil
}

// indices adds the indices of the objects below a prefix to a set, from one
// index on, and returns when the newest of them was written. A wide listing
// goes in stretches, several at once.
func (s *survey) indices(ctx context.Context, prefix string, into set, from int, wide bool) (newest time.Time, err error) {
	size := len(into) * wordBits
	if wide {
		size = stretch
	}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(listings)
	for at := from; at < len(into)*wordBits; at += size {
		group.Go(func() error {
			latest, err := s.stretch(ctx, prefix, into, at, at+size)
			mu.Lock()
			defer mu.Unlock()
			if latest.After(newest) {
				newest = latest
			}
			return err
		})
	}
	return newest, group.Wait()
}

// stretch adds the indices from one up to another.
func (s *survey) stretch(ctx context.Context, prefix string, into set, from, to int) (newest time.Time, err error) {
	for object, err := range s.run.Stack.Records().List(ctx, prefix, record.Before(prefix, from)) {
		if err != nil {
			return newest, err
		}
		index, ok := record.ParseIndex(prefix, object.Key)
		if !ok {
			continue
		}
		if index >= to {
			break
		}
		into.add(index)
		if object.Modified.After(newest) {
			newest = object.Modified
		}
	}
	return newest, nil
}

// A Generation is how far one sending of a run's jobs has come.
type Generation struct {
	Number    int
	Jobs      int
	Done      int
	Failed    int
	Cancelled int // jobs without a result in a cancelled generation
	Created   time.Time
	LastEnd   time.Time // zero while there is no result
}

// Waiting is how many jobs of it have no result, and still get one.
func (g Generation) Waiting() int { return g.Jobs - g.Done - g.Failed - g.Cancelled }

// outcome is what became of jobs in a generation.
func (g *generation) outcome(jobs set) outcome {
	ended := jobs.and(g.ended)
	o := outcome{generation: g, done: ended.minus(g.failed), failed: ended.and(g.failed)}
	o.open, o.cancelled = jobs.minus(ended), newSet(len(jobs)*wordBits)
	if g.cancelled {
		o.open, o.cancelled = o.cancelled, o.open
	}
	return o
}

// An outcome is what became of jobs in a generation: each is in one of the
// sets.
type outcome struct {
	generation                    *generation
	done, failed, cancelled, open set
}

// outcomes tells what became of every job of the run. The highest generation
// that sent a job decides.
func (s *survey) outcomes() []outcome {
	left := wholeSet(s.run.Jobs)
	var all []outcome
	for _, g := range slices.Backward(s.generations) {
		all = append(all, g.outcome(left.and(g.jobs)))
		left = left.minus(g.jobs)
	}
	return all
}

// summaries tells of every sending by itself, whatever became of its jobs in
// later ones.
func (s *survey) summaries() []Generation {
	var all []Generation
	for _, g := range s.generations {
		o := g.outcome(g.jobs)
		all = append(all, Generation{
			Number: g.number, Jobs: g.jobs.count(),
			Done: o.done.count(), Failed: o.failed.count(), Cancelled: o.cancelled.count(),
			Created: g.created, LastEnd: g.lastEnd,
		})
	}
	return all
}

// finish writes that generations are done which have every result.
func (s *survey) finish(ctx context.Context) error {
	for _, g := range s.generations {
		if !g.complete || g.recorded {
			continue
		}
		o := g.outcome(g.jobs)
		body, err := json.Marshal(record.Finish{Jobs: g.jobs.count(), Failed: o.failed.count(), At: now()})
		if err != nil {
			return err
		}
		if _, err := s.run.Stack.Records().PutIfAbsent(ctx, record.DoneKey(s.run.ID, g.number), body); err != nil {
			return err
		}
		g.recorded = true
	}
	return nil
}

// now is the time as records hold it.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
