package run

import (
	"context"
	"slices"
)

// An Overview is what listings tell of a run.
type Overview struct {
	Progress
	Generations []Generation
	FailedJobs  []int // in rising order
	// Unsent is how many jobs the client that sent them did not get to.
	Unsent int
}

// Overview tells how a run stands, without reading an object a job.
func (r *Run) Overview(ctx context.Context) (*Overview, error) {
	f := r.Follow()
	p, err := f.Look(ctx)
	if err != nil {
		return nil, err
	}
	o := &Overview{Progress: p, Generations: f.survey.summaries()}
	failed := newSet(r.Jobs)
	for _, outcome := range f.outcomes {
		failed = failed.or(outcome.failed)
	}
	o.FailedJobs = slices.Collect(failed.all)
	for _, g := range f.survey.generations {
		if g.complete || g.cancelled {
			continue
		}
		sent, err := r.sent(ctx, g)
		if err != nil {
			return nil, err
		}
		o.Unsent += g.jobs.count() - sent
	}
	return o, nil
}
