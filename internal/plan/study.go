package plan

import (
	"cmp"
	"context"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spate-run/spate/internal/sorting"
)

// A Question is a run that is asked about.
type Question struct {
	Model *Model
	Cloud Cloud
	Load  Load
	// Seeds is how many simulations answer it; they have the seeds from Seed on.
	Seeds int
	Seed  uint64
}

// A Study is the answer: the outcomes of all seeds.
type Study struct {
	Question
	Outcomes []Outcome // by seed
}

// Ask simulates a question, unless ctx ends before. Seeds run side by side; each
// is the same as alone.
func Ask(ctx context.Context, q Question) (*Study, error) {
	s := &Study{Question: q, Outcomes: make([]Outcome, max(q.Seeds, 1))}
	err := eachSeed(ctx, len(s.Outcomes), func(i int) bool {
		s.Outcomes[i] = Simulate(q.Model, q.Cloud, q.Load, q.Seed+uint64(i), nil)
		return true
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// eachSeed calls do for n seeds, several at once, until one says that it is
// enough.
func eachSeed(ctx context.Context, n int, do func(i int) (more bool)) error {
	var next atomic.Int64
	var enough atomic.Bool
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		workers.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n || enough.Load() || ctx.Err() != nil {
					return
				}
				if !do(i) {
					enough.Store(true)
				}
			}
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}

// ForSearch is the question with as many seeds as a search has, at most.
func (q Question) ForSearch() Question {
	q.Seeds = min(q.Seeds, searchSeeds)
	return q
}

// ranked are the seeds, those that finish first first. A run that is not whole
// finishes last.
func (s *Study) ranked() []int {
	order := make([]int, len(s.Outcomes))
	for i := range order {
		order[i] = i
	}
	sorting.By(order, func(a, b int) int {
		x, y := &s.Outcomes[a], &s.Outcomes[b]
		return cmp.Or(cmp.Compare(y.whole(), x.whole()), cmp.Compare(x.Finish, y.Finish))
	})
	return order
}

func (o *Outcome) whole() int {
	if o.Whole() {
		return 1
	}
	return 0
}

// Median is the seed in the middle, and its number.
func (s *Study) Median() (uint64, *Outcome) {
	i := s.ranked()[rank(0.5, len(s.Outcomes))]
	return s.Seed + uint64(i), &s.Outcomes[i]
}

// Quantile is the value that a share p of all seeds does not exceed.
func (s *Study) Quantile(p float64, of func(*Outcome) float64) float64 {
	values := make([]float64, len(s.Outcomes))
	for i := range s.Outcomes {
		values[i] = of(&s.Outcomes[i])
	}
	slices.Sort(values)
	return values[rank(p, len(values))]
}

// rank is the index of a quantile: the nearest rank.
func rank(p float64, n int) int {
	return min(max(int(math.Ceil(p*float64(n)))-1, 0), n-1)
}

// Mean is the mean over the seeds.
func (s *Study) Mean(of func(*Outcome) float64) float64 {
	sum := 0.0
	for i := range s.Outcomes {
		sum += of(&s.Outcomes[i])
	}
	return sum / float64(len(s.Outcomes))
}

// Time is a quantile of a time.
func (s *Study) Time(p float64, of func(*Outcome) time.Duration) time.Duration {
	at := s.Quantile(p, func(o *Outcome) float64 { return float64(of(o)) })
	if at >= float64(Never) { // as a float it is one more than a Duration holds
		return Never
	}
	return time.Duration(at)
}

// Finish is a quantile of the time to the last result; ok is false when so many
// runs are not whole that it has none.
func (s *Study) Finish(p float64) (at time.Duration, ok bool) {
	o := &s.Outcomes[s.ranked()[rank(p, len(s.Outcomes))]]
	return o.Finish, o.Whole()
}

// FinishOrNever is Finish, and Never where there is none.
func (s *Study) FinishOrNever(p float64) time.Duration {
	if at, ok := s.Finish(p); ok {
		return at
	}
	return Never
}

// Meets says whether a share p of all runs is whole within a time.
func (s *Study) Meets(within time.Duration, p float64) bool {
	at, ok := s.Finish(p)
	return ok && at <= within
}

// Share is the share of runs that are whole within a time.
func (s *Study) Share(within time.Duration) float64 {
	return s.Mean(func(o *Outcome) float64 {
		if o.Whole() && o.Finish <= within {
			return 1
		}
		return 0
	})
}
