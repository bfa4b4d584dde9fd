package run

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/spate-run/spate/internal/wire"
)

// kickHold is how long the minimum stays raised after a run was sent. By then
// the metrics of a queue that slept have come back, and the stack's own alarms
// keep the count.
const kickHold = 5 * time.Minute

// releaseAction is the one scheduled action that a stack's runs share: a later
// run moves it on.
const releaseAction = "spate-release"

// kick raises the service's minimum to what the backlog needs, so that tasks
// start at once instead of after an alarm. The release is put first: a client
// that dies between the two calls leaks nothing.
func (s *Stack) kick(ctx context.Context, jobs int) error {
	target := s.scalableTarget()
	found, err := wire.Call[applicationautoscaling.DescribeScalableTargetsOutput](ctx, s.aws.AutoScaling, &applicationautoscaling.DescribeScalableTargetsInput{
		ServiceNamespace:  types.ServiceNamespaceEcs,
		ScalableDimension: types.ScalableDimensionECSServiceDesiredCount,
		ResourceIds:       []string{target},
	})
	if err != nil {
		return fmt.Errorf("reading the scaling of %s: %w", s.Service, err)
	}
	if len(found.ScalableTargets) == 0 {
		return fmt.Errorf("service %s does not scale", s.Service)
	}
	current := found.ScalableTargets[0]

	at := time.Now().Add(kickHold / time.Duration(s.aws.Cadence)).Add(time.Second).UTC()
	_, err = wire.Call[applicationautoscaling.PutScheduledActionOutput](ctx, s.aws.AutoScaling, &applicationautoscaling.PutScheduledActionInput{
		ServiceNamespace:     types.ServiceNamespaceEcs,
		ScalableDimension:    types.ScalableDimensionECSServiceDesiredCount,
		ResourceId:           &target,
		ScheduledActionName:  new(releaseAction),
		Schedule:             new(at.Format("at(2006-01-02T15:04:05)")),
		ScalableTargetAction: &types.ScalableTargetAction{MinCapacity: new(int32(0))},
	})
	if err != nil {
		return fmt.Errorf("scheduling the release of %s: %w", s.Service, err)
	}
	return s.setMinimum(ctx, max(*current.MinCapacity, min(int32(jobs), *current.MaxCapacity)))
}

// Release takes the service's minimum back before its time, once a run has
// every result. It stops no task: that is for the stack's alarms, which keep
// as many as other runs still need.
func (s *Stack) Release(ctx context.Context) error {
	return s.setMinimum(ctx, 0)
}

func (s *Stack) setMinimum(ctx context.Context, n int32) error {
	_, err := wire.Call[applicationautoscaling.RegisterScalableTargetOutput](ctx, s.aws.AutoScaling, &applicationautoscaling.RegisterScalableTargetInput{
		ServiceNamespace:  types.ServiceNamespaceEcs,
		ScalableDimension: types.ScalableDimensionECSServiceDesiredCount,
		ResourceId:        new(s.scalableTarget()),
		MinCapacity:       &n,
	})
	if err != nil {
		return fmt.Errorf("setting the least tasks of %s to %d: %w", s.Service, n, err)
	}
	return nil
}

// scalableTarget is the service's name in Application Auto Scaling.
func (s *Stack) scalableTarget() string { return "service/" + s.Cluster + "/" + s.Service }
