package autoscaling

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	aas "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"

	"github.com/spate-run/spate/internal/scaling"
	"github.com/spate-run/spate/internal/wire"
)

// defaultCooldown holds where a policy has none.
// https://docs.aws.amazon.com/autoscaling/application/APIReference/API_StepScalingPolicyConfiguration.html
// https://docs.aws.amazon.com/autoscaling/application/APIReference/API_TargetTrackingScalingPolicyConfiguration.html
const defaultCooldown = 300 * time.Second

// A rule is what package scaling decides by: one of its two kinds of policies.
type rule interface {
	Decide(scaling.Breach, scaling.Target, scaling.Cooling, time.Time) (int, scaling.Cooling)
	Wanted(scaling.Breach, scaling.Target) (int, bool)
}

// putScalingPolicy makes a policy or replaces its configuration.
// https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScalingPolicy.html
func (s *Service) putScalingPolicy(ctx context.Context, in *aas.PutScalingPolicyInput) (*aas.PutScalingPolicyOutput, error) {
	if err := checkResource(in.ServiceNamespace, in.ResourceId, in.ScalableDimension); err != nil {
		return nil, err
	}
	if err := checkPolicy(in); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.target[*in.ResourceId]; !ok {
		return nil, notFound("scalable target registered", *in.ResourceId)
	}
	key := key(*in.ResourceId, *in.PolicyName)
	old, exists := s.policy[key]
	p := old
	if !exists {
		p = s.newPolicy(in)
	}
	if err := configure(&p, in); err != nil {
		return nil, err
	}
	if err := s.track(ctx, &p); err != nil {
		return nil, err
	}
	if err := s.policies.Save(ctx, key, p); err != nil {
		return nil, err
	}
	s.policy[key] = p
	return &aas.PutScalingPolicyOutput{PolicyARN: p.PolicyARN, Alarms: p.Alarms}, s.untrack(ctx, dropped(old.Alarms, p.Alarms))
}

func (s *Service) newPolicy(in *aas.PutScalingPolicyInput) types.ScalingPolicy {
	return types.ScalingPolicy{
		ServiceNamespace: namespace, ScalableDimension: dimension,
		ResourceId: in.ResourceId, PolicyName: in.PolicyName,
		PolicyType:   cmp.Or(in.PolicyType, types.PolicyTypeStepScaling),
		CreationTime: new(time.Now().UTC()),
		PolicyARN: new(s.config.Account.ARN("autoscaling",
			"scalingPolicy:"+newID()+":resource/ecs/"+*in.ResourceId+":policyName/"+*in.PolicyName)),
		Alarms: []types.Alarm{},
	}
}

// configure takes what a request gives.
func configure(p *types.ScalingPolicy, in *aas.PutScalingPolicyInput) error {
	if in.PolicyType != "" && in.PolicyType != p.PolicyType {
		return validation("The policy type of an existing scaling policy cannot be changed from %s.", p.PolicyType)
	}
	step, tracking := in.StepScalingPolicyConfiguration, in.TargetTrackingScalingPolicyConfiguration
	if p.PolicyType == types.PolicyTypeTargetTrackingScaling {
		p.TargetTrackingScalingPolicyConfiguration = cmp.Or(tracking, p.TargetTrackingScalingPolicyConfiguration)
		if step != nil || p.TargetTrackingScalingPolicyConfiguration == nil {
			return validation("A target tracking scaling policy takes a TargetTrackingScalingPolicyConfiguration, and no other.")
		}
		return nil
	}
	p.StepScalingPolicyConfiguration = cmp.Or(step, p.StepScalingPolicyConfiguration)
	if tracking != nil || p.StepScalingPolicyConfiguration == nil {
		return validation("A step scaling policy takes a StepScalingPolicyConfiguration, and no other.")
	}
	return nil
}

func checkPolicy(in *aas.PutScalingPolicyInput) error {
	switch {
	case aws.ToString(in.PolicyName) == "":
		return null("policyName")
	case in.PolicyType != "" && !slices.Contains(in.PolicyType.Values(), in.PolicyType):
		return notOneOf(in.PolicyType, "policyType", in.PolicyType.Values())
	case in.PolicyType == types.PolicyTypePredictiveScaling || in.PredictiveScalingPolicyConfiguration != nil:
		return validation("Predictive scaling is not supported: StepScaling and TargetTrackingScaling are.")
	case in.StepScalingPolicyConfiguration != nil:
		return checkStepScaling(in.StepScalingPolicyConfiguration)
	case in.TargetTrackingScalingPolicyConfiguration != nil:
		return checkTracking(in.TargetTrackingScalingPolicyConfiguration)
	}
	return nil
}

func checkStepScaling(c *types.StepScalingPolicyConfiguration) error {
	switch {
	case c.AdjustmentType == "":
		return validation("AdjustmentType is required for a step scaling policy.")
	case !slices.Contains(c.AdjustmentType.Values(), c.AdjustmentType):
		return notOneOf(c.AdjustmentType, "stepScalingPolicyConfiguration.adjustmentType", c.AdjustmentType.Values())
	case c.MetricAggregationType != "" && !slices.Contains(c.MetricAggregationType.Values(), c.MetricAggregationType):
		return notOneOf(c.MetricAggregationType, "stepScalingPolicyConfiguration.metricAggregationType", c.MetricAggregationType.Values())
	case aws.ToInt32(c.Cooldown) < 0:
		return validation("Cooldown must be greater than or equal to 0.")
	}
	for _, step := range c.StepAdjustments {
		if step.ScalingAdjustment == nil {
			return null("stepScalingPolicyConfiguration.stepAdjustments.member.scalingAdjustment")
		}
		if c.AdjustmentType == types.AdjustmentTypeExactCapacity && *step.ScalingAdjustment < 0 {
			return validation("ScalingAdjustment cannot be negative with the adjustment type ExactCapacity.")
		}
	}
	if err := scaling.CheckSteps(steps(c)); err != nil {
		return validation("%s", err)
	}
	return nil
}

func notOneOf[E ~string](value E, member string, values []E) error {
	return validation("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must satisfy enum value set: %v", value, member, values)
}

func steps(c *types.StepScalingPolicyConfiguration) []scaling.Step {
	var steps []scaling.Step
	for _, a := range c.StepAdjustments {
		step := scaling.Step{Lower: math.Inf(-1), Upper: math.Inf(1), Adjustment: int(*a.ScalingAdjustment)}
		if a.MetricIntervalLowerBound != nil {
			step.Lower = *a.MetricIntervalLowerBound
		}
		if a.MetricIntervalUpperBound != nil {
			step.Upper = *a.MetricIntervalUpperBound
		}
		steps = append(steps, step)
	}
	return steps
}

// rule is a stored policy as package scaling decides by it.
func (s *Service) rule(p types.ScalingPolicy) rule {
	if c := p.TargetTrackingScalingPolicyConfiguration; c != nil {
		return scaling.Tracking{
			Target:  *c.TargetValue,
			Out:     s.cooldown(c.ScaleOutCooldown),
			In:      s.cooldown(c.ScaleInCooldown),
			OutOnly: aws.ToBool(c.DisableScaleIn),
		}
	}
	c := p.StepScalingPolicyConfiguration
	return scaling.Policy{
		Adjustment:   scaling.Adjustment(c.AdjustmentType),
		Aggregation:  scaling.Aggregation(c.MetricAggregationType),
		Steps:        steps(c),
		MinMagnitude: int(aws.ToInt32(c.MinAdjustmentMagnitude)),
		Cooldown:     s.cooldown(c.Cooldown),
	}
}

func (s *Service) cooldown(seconds *int32) time.Duration {
	cooldown := defaultCooldown
	if seconds != nil {
		cooldown = time.Duration(*seconds) * time.Second
	}
	return cooldown / time.Duration(s.config.Cadence)
}

// together is how close in time policies count as invoked at once: alarms that
// are evaluated together invoke theirs within moments.
func (s *Service) together() time.Duration {
	return time.Minute / time.Duration(2*s.config.Cadence)
}

// Invoke performs the scaling policy with an ARN for an alarm that is in ALARM.
func (s *Service) Invoke(ctx context.Context, policyARN string, b scaling.Breach) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, t, err := s.byARN(policyARN)
	if err != nil {
		return err
	}
	id := *t.Target.ResourceId
	current, err := s.config.Capacity(ctx, id)
	if err != nil {
		return fmt.Errorf("reading the capacity of %s: %w", id, err)
	}
	now, rule := time.Now(), s.rule(p)
	n, cooling := rule.Decide(b, t.at(current), t.Cooling, now)
	if wanted, ok := rule.Wanted(b, t.at(current)); ok {
		s.wants[policyARN] = want{wanted, now, b.Comparison.Upward()}
	}
	if n < current {
		n = min(max(n, s.floor(p, now)), current)
		cooling.To = n
	}
	cause := fmt.Sprintf("monitor alarm %s in state ALARM triggered policy %s", b.Alarm, *p.PolicyName)
	if n == current {
		s.leave(t, current, rule, b, cause)
		return nil
	}
	if t.suspends(current, n) {
		return nil
	}
	t.Cooling = cooling
	return s.scale(ctx, t, n, cause)
}

// floor is the capacity below which the others of a target's policies hold a
// policy that scales in: what they want to scale out to at the same time, and
// for a policy that tracks a target what those that do too would leave. They
// scale in only when all of them are ready to.
// https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
// The caller holds s.mu.
func (s *Service) floor(p types.ScalingPolicy, now time.Time) int {
	least := 0
	for _, other := range s.policy {
		if *other.ResourceId != *p.ResourceId {
			continue
		}
		w := s.wants[*other.PolicyARN]
		age := now.Sub(w.at)
		switch {
		case w.out && age < s.together():
			least = max(least, w.capacity)
		case !scalesIn(p) || !scalesIn(other): // each for itself
		case w.out || age > s.together()+time.Minute/time.Duration(s.config.Cadence):
			return math.MaxInt // not ready
		default:
			least = max(least, w.capacity)
		}
	}
	return least
}

// scalesIn reports whether a policy tracks a target, in both directions.
func scalesIn(p types.ScalingPolicy) bool {
	c := p.TargetTrackingScalingPolicyConfiguration
	return c != nil && !aws.ToBool(c.DisableScaleIn)
}

// byARN returns a policy and its target. The caller holds s.mu.
func (s *Service) byARN(arn string) (types.ScalingPolicy, target, error) {
	for _, p := range s.policy {
		if *p.PolicyARN == arn {
			return p, s.target[*p.ResourceId], nil
		}
	}
	return types.ScalingPolicy{}, target{}, wire.Faultf("ObjectNotFoundException", "No scaling policy found with the ARN %s", arn)
}

// https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DescribeScalingPolicies.html
func (s *Service) describeScalingPolicies(_ context.Context, in *aas.DescribeScalingPoliciesInput) (*aas.DescribeScalingPoliciesOutput, error) {
	if err := checkQuery(in.ServiceNamespace, in.ScalableDimension); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []types.ScalingPolicy
	for _, key := range slices.Sorted(maps.Keys(s.policy)) {
		p := s.policy[key]
		if fits(in.ResourceId, p.ResourceId) && (len(in.PolicyNames) == 0 || slices.Contains(in.PolicyNames, *p.PolicyName)) {
			list = append(list, p)
		}
	}
	page, next, err := paged(list, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	return &aas.DescribeScalingPoliciesOutput{ScalingPolicies: page, NextToken: next}, nil
}

// https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DeleteScalingPolicy.html
func (s *Service) deleteScalingPolicy(ctx context.Context, in *aas.DeleteScalingPolicyInput) (*aas.DeleteScalingPolicyOutput, error) {
	if err := checkResource(in.ServiceNamespace, in.ResourceId, in.ScalableDimension); err != nil {
		return nil, err
	}
	key := key(*in.ResourceId, aws.ToString(in.PolicyName))
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.policy[key]
	if !ok {
		return nil, notFound("scaling policy found", *in.ResourceId, "policy name: "+aws.ToString(in.PolicyName))
	}
	if err := s.policies.Remove(ctx, key); err != nil {
		return nil, err
	}
	delete(s.policy, key)
	delete(s.wants, *p.PolicyARN)
	return &aas.DeleteScalingPolicyOutput{}, s.untrack(ctx, p.Alarms)
}
