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
const defaultCooldown = 300 * time.Second

// putScalingPolicy makes a step policy or replaces its configuration.
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
	p, ok := s.policy[key(*in.ResourceId, *in.PolicyName)]
	if !ok {
		p = types.ScalingPolicy{
			ServiceNamespace: namespace, ScalableDimension: dimension,
			ResourceId: in.ResourceId, PolicyName: in.PolicyName, PolicyType: types.PolicyTypeStepScaling,
			CreationTime: new(time.Now().UTC()),
			PolicyARN: new(s.config.Account.ARN("autoscaling",
				"scalingPolicy:"+newID()+":resource/ecs/"+*in.ResourceId+":policyName/"+*in.PolicyName)),
			Alarms: []types.Alarm{},
		}
	}
	if in.StepScalingPolicyConfiguration != nil {
		p.StepScalingPolicyConfiguration = in.StepScalingPolicyConfiguration
	}
	if p.StepScalingPolicyConfiguration == nil {
		return nil, validation("StepScalingPolicyConfiguration is required for a new step scaling policy.")
	}
	if err := s.policies.Save(ctx, key(*in.ResourceId, *in.PolicyName), p); err != nil {
		return nil, err
	}
	s.policy[key(*in.ResourceId, *in.PolicyName)] = p
	return &aas.PutScalingPolicyOutput{PolicyARN: p.PolicyARN, Alarms: []types.Alarm{}}, nil
}

func checkPolicy(in *aas.PutScalingPolicyInput) error {
	switch {
	case aws.ToString(in.PolicyName) == "":
		return null("policyName")
	case in.PolicyType != "" && in.PolicyType != types.PolicyTypeStepScaling:
		return validation("The policy type %s is not supported: StepScaling is.", in.PolicyType)
	case in.TargetTrackingScalingPolicyConfiguration != nil || in.PredictiveScalingPolicyConfiguration != nil:
		return validation("A step scaling policy takes a StepScalingPolicyConfiguration only.")
	case in.StepScalingPolicyConfiguration == nil:
		return nil
	}
	c := in.StepScalingPolicyConfiguration
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
	return checkSteps(steps(c))
}

func notOneOf[E ~string](value E, member string, values []E) error {
	return validation("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must satisfy enum value set: %v", value, member, values)
}

// checkSteps holds steps to what AWS asks of them: intervals that neither
// overlap nor leave gaps, and that are open where they reach away from the
// threshold.
// https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html
func checkSteps(steps []scaling.Step) error {
	switch {
	case len(steps) == 0:
		return validation("At least one StepAdjustment is required.")
	case len(steps) > scaling.MaxSteps:
		return validation("There can be at most %d step adjustments per scaling policy", scaling.MaxSteps)
	}
	steps = slices.SortedFunc(slices.Values(steps), func(a, b scaling.Step) int {
		return cmp.Or(cmp.Compare(a.Lower, b.Lower), cmp.Compare(a.Upper, b.Upper))
	})
	for i, step := range steps {
		switch {
		case math.IsInf(step.Lower, -1) && math.IsInf(step.Upper, 1):
			return validation("A StepAdjustment must have a lower bound or an upper bound.")
		case step.Lower >= step.Upper:
			return validation("The lower bound must be less than the upper bound for a StepAdjustment.")
		case i > 0 && step.Lower < steps[i-1].Upper:
			return validation("StepAdjustment intervals can't overlap")
		case i > 0 && step.Lower > steps[i-1].Upper:
			return validation("StepAdjustment intervals can't have gaps between them")
		}
	}
	first, last := steps[0].Lower, steps[len(steps)-1].Upper
	switch {
	case first < 0 && !math.IsInf(first, -1):
		return validation("There must be a StepAdjustment with an unspecified lower bound (i.e., lower bound is null) when one StepAdjustment has a negative lower bound")
	case last > 0 && !math.IsInf(last, 1):
		return validation("There must be a StepAdjustment with an unspecified upper bound (i.e., upper bound is null) when one StepAdjustment has a positive upper bound")
	}
	return nil
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
func (s *Service) rule(p types.ScalingPolicy) scaling.Policy {
	c := p.StepScalingPolicyConfiguration
	cooldown := defaultCooldown
	if c.Cooldown != nil {
		cooldown = time.Duration(*c.Cooldown) * time.Second
	}
	return scaling.Policy{
		Adjustment:   scaling.Adjustment(c.AdjustmentType),
		Aggregation:  scaling.Aggregation(c.MetricAggregationType),
		Steps:        steps(c),
		MinMagnitude: int(aws.ToInt32(c.MinAdjustmentMagnitude)),
		Cooldown:     cooldown / time.Duration(s.config.Cadence),
	}
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
	if wanted, ok := rule.Wanted(b, t.at(current)); ok && b.Comparison.Upward() {
		s.wants[id] = want{wanted, now}
	}
	if w := s.wants[id]; n < current && now.Sub(w.at) < s.together() {
		n = min(max(n, w.capacity), current)
		cooling.To = n
	}
	if n == current || t.suspends(current, n) {
		return nil
	}
	t.Cooling = cooling
	return s.scale(ctx, t, n, fmt.Sprintf("monitor alarm %s in state ALARM triggered policy %s", b.Alarm, *p.PolicyName))
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
	if _, ok := s.policy[key]; !ok {
		return nil, notFound("scaling policy found", *in.ResourceId, "policy name: "+aws.ToString(in.PolicyName))
	}
	if err := s.policies.Remove(ctx, key); err != nil {
		return nil, err
	}
	delete(s.policy, key)
	return &aas.DeleteScalingPolicyOutput{}, nil
}
