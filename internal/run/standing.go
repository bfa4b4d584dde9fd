package run

import (
	"context"
	"fmt"
	"iter"

	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"

	"github.com/spate-run/spate/internal/record"
	"github.com/spate-run/spate/internal/wire"
)

// A Standing is how one job of a run stands, as listings tell it.
type Standing struct {
	State      record.State // Waiting and Running too
	Generation int          // that decides
}

// Standings tells how each of the first jobs stood at the last look, at most so
// many.
func (f *Follower) Standings(p Progress, most int) []Standing {
	all := make([]Standing, min(f.survey.run.Jobs, most))
	for _, o := range f.outcomes {
		for i := range all {
			switch {
			case o.done.has(i):
				all[i] = Standing{record.Done, o.generation.number}
			case o.failed.has(i):
				all[i] = Standing{record.Failed, o.generation.number}
			case o.cancelled.has(i):
				all[i] = Standing{record.Cancelled, o.generation.number}
			case o.open.has(i):
				all[i] = Standing{Waiting, o.generation.number}
			}
		}
	}
	for _, a := range p.Running {
		if a.Index < len(all) && all[a.Index].State == Waiting {
			all[a.Index].State = Running
		}
	}
	return all
}

// Fill reads what became of jobs by the last look: results of those that have
// one.
func (f *Follower) Fill(ctx context.Context, rows []Row) error {
	return f.survey.run.fill(ctx, rows, f.outcomes)
}

// Configs gives the run's jobs with nothing but their configurations.
func (r *Run) Configs(ctx context.Context) iter.Seq2[Row, error] { return r.configs(ctx) }

// Activities are the newest changes that Application Auto Scaling has made to
// the stack's service, at most 50, the newest first.
// https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DescribeScalingActivities.html
func (s *Stack) Activities(ctx context.Context) ([]types.ScalingActivity, error) {
	out, err := wire.Call[applicationautoscaling.DescribeScalingActivitiesOutput](ctx, s.aws.AutoScaling, &applicationautoscaling.DescribeScalingActivitiesInput{
		ServiceNamespace:  types.ServiceNamespaceEcs,
		ScalableDimension: types.ScalableDimensionECSServiceDesiredCount,
		ResourceId:        new(s.scalableTarget()),
		MaxResults:        new(int32(50)),
	})
	if err != nil {
		return nil, fmt.Errorf("reading how %s was scaled: %w", s.Service, err)
	}
	return out.ScalingActivities, nil
}
