package plan

import (
	"context"
	"sync/atomic"
	"time"
)

// Builder makes the model for another limit of tasks.
type Builder func(limit int) (*Model, error)

// Sure is the share of runs that a promise has to hold for.
const Sure = 0.95

// searchSeeds is how many seeds a search is done with, at most.
const searchSeeds = 200

// Holds says whether 95 of 100 runs are whole within a time, as [Study.Meets]
// does. It simulates no more than it takes to know.
func Holds(ctx context.Context, q Question, within time.Duration) (bool, error) {
	var missed atomic.Int64
	n := max(q.Seeds, 1)
	may := int64(n - 1 - rank(Sure, n))
	err := eachSeed(ctx, n, func(i int) bool {
		if newSim(q.Model, &q.Cloud, &q.Load, q.Seed+uint64(i), nil).holds(within) {
			return true
		}
		return missed.Add(1) <= may
	})
	return missed.Load() <= may, err
}

// LeastMax is the smallest limit of tasks, from one to another, with which 95 of
// 100 runs are whole within a time; ok is false when not even the largest is
// enough. More tasks never finish later, so it halves the range.
func LeastMax(ctx context.Context, q Question, build Builder, within time.Duration, low, high int) (limit int, ok bool, err error) {
	meets := func(limit int) (bool, error) {
		if q.Model, err = build(limit); err != nil {
			return false, err
		}
		return Holds(ctx, q, within)
	}
	if low > high {
		return 0, false, nil
	}
	if ok, err = meets(high); err != nil || !ok {
		return 0, false, err
	}
	for low < high {
		middle := (low + high) / 2
		fits, err := meets(middle)
		if err != nil {
			return 0, false, err
		}
		if fits {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low, true, nil
}

// A Size is a size of a task on Fargate.
type Size struct{ CPU, Memory float64 }

// Sizes are Fargate's, with the least and the most memory in GB and its step.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size
func sizes() []struct{ cpu, least, most, step float64 } {
	return []struct{ cpu, least, most, step float64 }{
		{.25, .5, 2, .5}, {.5, 1, 4, 1}, {1, 2, 8, 1}, {2, 4, 16, 1}, {4, 8, 30, 1}, {8, 16, 60, 4}, {16, 32, 120, 8},
	}
}

// A Sized is what a size comes to.
type Sized struct {
	Size
	P95  time.Duration
	Cost float64 // of a run, the mean
}

// Sized is what the study's own size comes to.
func (s *Study) Sized() Sized {
	cost := s.Mean(func(o *Outcome) float64 { return o.Cost.Total() })
	return Sized{Size{s.Model.Task.CPU, s.Model.Task.Memory}, s.FinishOrNever(Sure), cost}
}

// CheapestSize is the size of a task with which 95 of 100 runs are whole within
// a time for the least money. A job uses as many vCPU as threads says, whole or
// not: with fewer it takes longer in proportion, with more it does not get
// faster; it needs the memory that the model's tasks have.
func CheapestSize(ctx context.Context, q Question, threads float64, within time.Duration) (best Sized, ok bool, err error) {
	base := q.Model
	for _, s := range sizes() {
		if s.most < base.Task.Memory {
			continue
		}
		m, load := *base, q.Load
		m.Task.CPU, m.Task.Memory = s.cpu, s.least
		for m.Task.Memory < base.Task.Memory {
			m.Task.Memory += s.step
			if s.cpu == .25 && m.Task.Memory == 1.5 {
				m.Task.Memory = 2 // there is no 1.5
			}
		}
		slower := min(base.Task.CPU, threads) / min(s.cpu, threads)
		load.Durations = q.Load.Durations.times(slower)
		if work := float64(load.Jobs) * load.Durations.mean() * m.Task.rate(); ok && work > 1.1*best.Cost {
			continue // the work alone costs more
		}
		if load.Durations.at(1-.5/float64(load.Jobs)) > 2*within {
			continue // far too slow
		}
		other := q
		other.Model, other.Load = &m, load
		if holds, err := Holds(ctx, other, within); err != nil {
			return best, false, err
		} else if !holds {
			continue
		}
		study, err := Ask(ctx, other)
		if err != nil {
			return best, false, err
		}
		if sized := study.Sized(); !ok || sized.Cost < best.Cost {
			best, ok = sized, true
		}
	}
	return best, ok, nil
}

// times makes all jobs take a multiple.
func (d *Durations) times(factor float64) *Durations {
	n := *d
	n.knots, n.values = nil, nil
	for _, k := range d.knots {
		n.knots = append(n.knots, knot{k.p, k.seconds * factor})
	}
	for _, v := range d.values {
		n.values = append(n.values, v*factor)
	}
	n.median *= factor
	n.most *= factor
	return &n
}
