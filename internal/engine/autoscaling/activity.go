package autoscaling

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	aas "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"

	"github.com/spate-run/spate/internal/scaling"
	"github.com/spate-run/spate/internal/store"
)

// activityLimit is how many activities are kept, of all targets together.
const activityLimit = 500

// enforce moves the current capacity of a target into its range. The caller
// holds s.mu.
func (s *Service) enforce(ctx context.Context, t target) error {
	current, err := s.config.Capacity(ctx, *t.Target.ResourceId)
	if err != nil {
		return fmt.Errorf("reading the capacity of %s: %w", *t.Target.ResourceId, err)
	}
	n := t.at(current).Clamp(current)
	switch {
	case n > current:
		return s.scale(ctx, t, n, fmt.Sprintf("minimum capacity was set to %d", n))
	case n < current:
		return s.scale(ctx, t, n, fmt.Sprintf("maximum capacity was set to %d", n))
	}
	return nil
}

// scale sets a capacity, and stores the target and the activity. A capacity
// that cannot be set makes a failed activity and no error. The words are those
// of https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-scaling-activities.html
// The caller holds s.mu.
func (s *Service) scale(ctx context.Context, t target, n int, cause string) error {
	a := t.activity(fmt.Sprintf("Setting desired count to %d.", n), cause)
	err := s.config.SetCapacity(ctx, *t.Target.ResourceId, n)
	if err != nil {
		s.config.Log.WarnContext(ctx, "capacity was not set", "resource", *t.Target.ResourceId, "capacity", n, "error", err)
		a.StatusCode = types.ScalingActivityStatusCodeFailed
		a.StatusMessage = new(fmt.Sprintf("Failed to set desired count to %d. Reason: %s", n, err))
		t = s.target[*t.Target.ResourceId] // no cooldown for what did not happen
	} else {
		a.StatusMessage = new(fmt.Sprintf("Successfully set desired count to %d. Change successfully fulfilled by ecs.", n))
	}
	a.EndTime = new(time.Now().UTC())
	return s.record(ctx, t, a)
}

// leave notes that a policy was invoked and left the capacity as it is: because
// it cannot go beyond the range, or because that is what the policy wants. What
// waits for a cooldown is not noted; AWS has no code for it. An alarm invokes
// its policy each minute: as long as the reason stays, it is one activity. They
// are kept in memory alone.
// https://docs.aws.amazon.com/autoscaling/application/APIReference/API_NotScaledReason.html
// The caller holds s.mu.
func (s *Service) leave(t target, current int, r rule, b scaling.Breach, cause string) {
	wanted, ok := r.Wanted(b, t.at(current))
	if !ok || wanted != current {
		return
	}
	var reason types.NotScaledReason
	switch {
	case b.Comparison.Upward() && current == int(*t.Target.MaxCapacity):
		reason = types.NotScaledReason{Code: new("AlreadyAtMaxCapacity"), MaxCapacity: t.Target.MaxCapacity}
	case !b.Comparison.Upward() && current == int(*t.Target.MinCapacity):
		reason = types.NotScaledReason{Code: new("AlreadyAtMinCapacity"), MinCapacity: t.Target.MinCapacity}
	default:
		reason = types.NotScaledReason{Code: new("AlreadyAtDesiredCapacity"), CurrentCapacity: new(int32(current))}
	}
	if s.isLeft(*t.Target.ResourceId, cause, reason) {
		return
	}
	a := t.activity("Attempting to scale due to alarm triggered", cause)
	a.StatusCode = types.ScalingActivityStatusCodeFailed
	a.NotScaledReasons = []types.NotScaledReason{reason}
	s.left = append(s.left, a)
	s.left = s.left[max(0, len(s.left)-activityLimit):]
}

// isLeft reports whether it was noted, since a resource was last scaled, that a
// policy left it as it is. The caller holds s.mu.
func (s *Service) isLeft(resourceID, cause string, reason types.NotScaledReason) bool {
	for _, a := range slices.Backward(s.left) {
		if *a.ResourceId != resourceID || *a.Cause != cause {
			continue
		}
		scaled := slices.ContainsFunc(s.history, func(b types.ScalingActivity) bool {
			return *b.ResourceId == resourceID && b.StartTime.After(*a.StartTime)
		})
		return !scaled && reflect.DeepEqual(a.NotScaledReasons[0], reason)
	}
	return false
}

func (t target) activity(description, cause string) types.ScalingActivity {
	return types.ScalingActivity{
		ActivityId:        new(newID()),
		ServiceNamespace:  namespace,
		ScalableDimension: dimension,
		ResourceId:        t.Target.ResourceId,
		Description:       &description,
		Cause:             &cause,
		StartTime:         new(time.Now().UTC()),
		StatusCode:        types.ScalingActivityStatusCodeSuccessful,
	}
}

// record stores a target with an activity of it, and forgets the oldest one
// beyond the limit. The caller holds s.mu.
func (s *Service) record(ctx context.Context, t target, a types.ScalingActivity) error {
	if n := len(s.history); n > 0 && !a.StartTime.After(*s.history[n-1].StartTime) {
		// Activities are sorted by their starts when they are loaded.
		a.StartTime = new(s.history[n-1].StartTime.Add(time.Nanosecond))
	}
	history := append(slices.Clone(s.history), a)
	old := history[:max(0, len(history)-activityLimit)]
	if err := s.config.Store.Update(ctx, func(tx *store.Tx) error {
		for _, o := range old {
			if err := s.activities.Delete(tx, *o.ActivityId); err != nil {
				return err
			}
		}
		if err := s.activities.Put(tx, *a.ActivityId, a); err != nil {
			return err
		}
		return s.targets.Put(tx, *t.Target.ResourceId, t)
	}); err != nil {
		return err
	}
	s.history = history[len(old):]
	s.target[*t.Target.ResourceId] = t
	return nil
}

func byStart(a, b types.ScalingActivity) int { return a.StartTime.Compare(*b.StartTime) }

// describeScalingActivities lists activities, the newest first.
// https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DescribeScalingActivities.html
func (s *Service) describeScalingActivities(_ context.Context, in *aas.DescribeScalingActivitiesInput) (*aas.DescribeScalingActivitiesOutput, error) {
	if err := checkQuery(in.ServiceNamespace, in.ScalableDimension); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []types.ScalingActivity
	all := s.history
	if aws.ToBool(in.IncludeNotScaledActivities) {
		all = slices.SortedStableFunc(slices.Values(slices.Concat(s.history, s.left)), byStart)
	}
	for _, a := range slices.Backward(all) {
		if fits(in.ResourceId, a.ResourceId) {
			list = append(list, a)
		}
	}
	page, next, err := paged(list, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	return &aas.DescribeScalingActivitiesOutput{ScalingActivities: page, NextToken: next}, nil
}
