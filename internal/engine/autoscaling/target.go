package autoscaling

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	aas "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"

	"github.com/spate-run/spate/internal/scaling"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

// registerScalableTarget makes a target, or changes what it names of one, and
// moves the current capacity into the range.
// https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html
func (s *Service) registerScalableTarget(ctx context.Context, in *aas.RegisterScalableTargetInput) (*aas.RegisterScalableTargetOutput, error) {
	if err := checkResource(in.ServiceNamespace, in.ResourceId, in.ScalableDimension); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, exists := s.target[*in.ResourceId]
	if !exists {
		t = s.newTarget(*in.ResourceId, in.Tags)
	}
	if exists && len(in.Tags) > 0 {
		return nil, validation("Tags cannot be changed by registering a scalable target that exists: use TagResource.")
	}
	if in.RoleARN != nil {
		t.Target.RoleARN = in.RoleARN
	}
	t.Target.SuspendedState = suspend(t.Target.SuspendedState, in.SuspendedState)
	if err := t.setRange(in.MinCapacity, in.MaxCapacity); err != nil {
		return nil, err
	}
	if _, err := s.config.Capacity(ctx, *in.ResourceId); err != nil {
		s.config.Log.InfoContext(ctx, "capacity was not read", "resource", *in.ResourceId, "error", err)
		return nil, validation("ECS service doesn't exist: %s", *in.ResourceId)
	}
	if err := s.targets.Save(ctx, *in.ResourceId, t); err != nil {
		return nil, err
	}
	s.target[*in.ResourceId] = t
	return &aas.RegisterScalableTargetOutput{ScalableTargetARN: t.Target.ScalableTargetARN}, s.enforce(ctx, t)
}

func (s *Service) newTarget(resourceID string, tags map[string]string) target {
	id := newID()
	t := target{Tags: maps.Clone(tags), Target: types.ScalableTarget{
		ServiceNamespace:  namespace,
		ScalableDimension: dimension,
		ResourceId:        &resourceID,
		CreationTime:      new(time.Now().UTC()),
		ScalableTargetARN: new(s.config.Account.ARN("application-autoscaling", "scalable-target/"+id)),
		RoleARN: new("arn:aws:iam::" + s.config.Account.ID +
			":role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService"),
	}}
	if t.Tags == nil {
		t.Tags = map[string]string{}
	}
	return t
}

// setRange changes the bounds that are not nil.
func (t *target) setRange(least, most *int32) error {
	if least != nil {
		t.Target.MinCapacity = least
	}
	if most != nil {
		t.Target.MaxCapacity = most
	}
	low, high := t.Target.MinCapacity, t.Target.MaxCapacity
	switch {
	case low == nil || high == nil:
		return validation("MinCapacity and MaxCapacity are required to register a new scalable target.")
	case *low < 0:
		return validation("Minimum capacity cannot be less than 0")
	case *high < *low:
		return validation("Maximum capacity cannot be less than minimum capacity")
	}
	return nil
}

// suspend changes the flags that are given.
func suspend(now, change *types.SuspendedState) *types.SuspendedState {
	next := types.SuspendedState{
		DynamicScalingInSuspended: new(false), DynamicScalingOutSuspended: new(false), ScheduledScalingSuspended: new(false),
	}
	for _, state := range []*types.SuspendedState{now, change} {
		if state == nil {
			continue
		}
		if state.DynamicScalingInSuspended != nil {
			next.DynamicScalingInSuspended = state.DynamicScalingInSuspended
		}
		if state.DynamicScalingOutSuspended != nil {
			next.DynamicScalingOutSuspended = state.DynamicScalingOutSuspended
		}
		if state.ScheduledScalingSuspended != nil {
			next.ScheduledScalingSuspended = state.ScheduledScalingSuspended
		}
	}
	return &next
}

// at is the target with a current capacity, as a decision takes it.
func (t target) at(current int) scaling.Target {
	return scaling.Target{Current: current, Min: int(*t.Target.MinCapacity), Max: int(*t.Target.MaxCapacity)}
}

// suspends reports whether dynamic scaling from one capacity to another is
// suspended.
func (t target) suspends(from, to int) bool {
	if to > from {
		return *t.Target.SuspendedState.DynamicScalingOutSuspended
	}
	return *t.Target.SuspendedState.DynamicScalingInSuspended
}

// https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DescribeScalableTargets.html
func (s *Service) describeScalableTargets(_ context.Context, in *aas.DescribeScalableTargetsInput) (*aas.DescribeScalableTargetsOutput, error) {
	if err := checkQuery(in.ServiceNamespace, in.ScalableDimension); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []types.ScalableTarget
	for _, id := range slices.Sorted(maps.Keys(s.target)) {
		if len(in.ResourceIds) == 0 || slices.Contains(in.ResourceIds, id) {
			list = append(list, s.target[id].Target)
		}
	}
	page, next, err := paged(list, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	return &aas.DescribeScalableTargetsOutput{ScalableTargets: page, NextToken: next}, nil
}

// deregisterScalableTarget deletes a target with its policies and scheduled
// actions.
// https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DeregisterScalableTarget.html
func (s *Service) deregisterScalableTarget(ctx context.Context, in *aas.DeregisterScalableTargetInput) (*aas.DeregisterScalableTargetOutput, error) {
	if err := checkResource(in.ServiceNamespace, in.ResourceId, in.ScalableDimension); err != nil {
		return nil, err
	}
	id := *in.ResourceId
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.target[id]; !ok {
		return nil, notFound("scalable target found", id)
	}
	ofPolicy := func(_ string, p types.ScalingPolicy) bool { return *p.ResourceId == id }
	ofAction := func(_ string, a action) bool { return *a.Action.ResourceId == id }
	if err := s.config.Store.Update(ctx, func(tx *store.Tx) error {
		for key, p := range s.policy {
			if ofPolicy(key, p) {
				if err := s.policies.Delete(tx, key); err != nil {
					return err
				}
			}
		}
		for key, a := range s.action {
			if ofAction(key, a) {
				if err := s.actions.Delete(tx, key); err != nil {
					return err
				}
			}
		}
		return s.targets.Delete(tx, id)
	}); err != nil {
		return nil, err
	}
	delete(s.target, id)
	var alarms []types.Alarm
	maps.DeleteFunc(s.policy, func(key string, p types.ScalingPolicy) bool {
		gone := ofPolicy(key, p)
		if gone {
			alarms = append(alarms, p.Alarms...)
			delete(s.wants, *p.PolicyARN)
		}
		return gone
	})
	maps.DeleteFunc(s.action, ofAction)
	s.clock.Wake()
	return &aas.DeregisterScalableTargetOutput{}, s.untrack(ctx, alarms)
}

func (s *Service) tagResource(ctx context.Context, in *aas.TagResourceInput) (*aas.TagResourceOutput, error) {
	return &aas.TagResourceOutput{}, s.retag(ctx, in.ResourceARN, func(tags map[string]string) error {
		maps.Copy(tags, in.Tags)
		if len(tags) > 50 {
			return wire.Faultf("TooManyTagsException", "The resource would have more than 50 tags.")
		}
		return nil
	})
}

func (s *Service) untagResource(ctx context.Context, in *aas.UntagResourceInput) (*aas.UntagResourceOutput, error) {
	return &aas.UntagResourceOutput{}, s.retag(ctx, in.ResourceARN, func(tags map[string]string) error {
		maps.DeleteFunc(tags, func(key, _ string) bool { return slices.Contains(in.TagKeys, key) })
		return nil
	})
}

func (s *Service) listTagsForResource(_ context.Context, in *aas.ListTagsForResourceInput) (*aas.ListTagsForResourceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.tagged(in.ResourceARN)
	if err != nil {
		return nil, err
	}
	return &aas.ListTagsForResourceOutput{Tags: t.Tags}, nil
}

func (s *Service) retag(ctx context.Context, arn *string, change func(map[string]string) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.tagged(arn)
	if err != nil {
		return err
	}
	t.Tags = maps.Clone(t.Tags)
	if err := change(t.Tags); err != nil {
		return err
	}
	if err := s.targets.Save(ctx, *t.Target.ResourceId, t); err != nil {
		return err
	}
	s.target[*t.Target.ResourceId] = t
	return nil
}

// tagged returns the target with an ARN. The caller holds s.mu.
func (s *Service) tagged(arn *string) (target, error) {
	for _, t := range s.target {
		if *t.Target.ScalableTargetARN == aws.ToString(arn) {
			return t, nil
		}
	}
	return target{}, wire.Faultf("ResourceNotFoundException", "The resource %s does not exist.", aws.ToString(arn))
}
