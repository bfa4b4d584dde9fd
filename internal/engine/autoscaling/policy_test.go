package autoscaling_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	aas "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/scaling"
)

// exact is a configuration without cooldown.
func exact(steps ...types.StepAdjustment) *types.StepScalingPolicyConfiguration {
	return &types.StepScalingPolicyConfiguration{AdjustmentType: types.AdjustmentTypeExactCapacity, Cooldown: new(int32(0)), StepAdjustments: steps}
}

func TestInvoke(t *testing.T) {
	f := start(t, 1)
	f.register(t, 0, 10)
	arn := f.put(t, stepPolicy("out", exact(step(new(0.0), new(10.0), 5), step(new(10.0), nil, 50))))
	f.invoke(t, arn, scaling.AtLeast, 1, 5)
	f.invoke(t, arn, scaling.AtLeast, 1, 5) // nothing to change
	f.invoke(t, arn, scaling.AtLeast, 1, 11)
	if diff := cmp.Diff([]int{5, 10}, f.take()); diff != "" {
		t.Errorf("capacities set (-want +got):\n%s", diff)
	}
	want := []string{
		"monitor alarm depth in state ALARM triggered policy out: Setting desired count to 5. (Successfully set desired count to 5. Change successfully fulfilled by ecs.)",
		"monitor alarm depth in state ALARM triggered policy out: Setting desired count to 10. (Successfully set desired count to 10. Change successfully fulfilled by ecs.)",
	}
	f.restart(t, 1)
	if diff := cmp.Diff(want, f.activities(t)); diff != "" {
		t.Errorf("activities (-want +got):\n%s", diff)
	}
	err := f.Invoke(t.Context(), arn+"x", scaling.Breach{})
	if err == nil || err.Error() != "ObjectNotFoundException: No scaling policy found with the ARN "+arn+"x" {
		t.Errorf("an unknown policy: got %v", err)
	}
}

// The page's example of a cooldown, at two cadences and through a restart.
// https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html#step-scaling-cooldown
func TestCooldownIsDividedByCadence(t *testing.T) {
	for name, cadence := range map[string]int{"aws": 1, "fast": 60} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := start(t, cadence)
				f.register(t, 0, 100)
				minute := time.Minute / time.Duration(cadence)
				out := f.put(t, stepPolicy("out", &types.StepScalingPolicyConfiguration{
					AdjustmentType: types.AdjustmentTypeChangeInCapacity, Cooldown: new(int32(120)),
					StepAdjustments: []types.StepAdjustment{step(new(0.0), new(10.0), 2), step(new(10.0), nil, 3)},
				}))
				in := f.put(t, stepPolicy("in", &types.StepScalingPolicyConfiguration{ // 300 s by default
					AdjustmentType: types.AdjustmentTypeChangeInCapacity, StepAdjustments: []types.StepAdjustment{step(nil, new(0.0), -1)},
				}))
				f.invoke(t, out, scaling.AtLeast, 1, 1) // 2
				time.Sleep(minute)
				f.restart(t, cadence)
				f.invoke(t, out, scaling.AtLeast, 1, 1)  // cooling
				f.invoke(t, out, scaling.AtLeast, 1, 20) // 3: only the difference
				f.invoke(t, in, scaling.AtMost, 5, 1)    // cooling
				time.Sleep(2 * minute)
				f.invoke(t, in, scaling.AtMost, 5, 1) // 2
				time.Sleep(4 * minute)
				f.invoke(t, in, scaling.AtMost, 5, 1) // cooling
				time.Sleep(minute)
				f.invoke(t, in, scaling.AtMost, 5, 1) // 1
				if diff := cmp.Diff([]int{2, 3, 2, 1}, f.take()); diff != "" {
					t.Errorf("capacities set (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestLargestOfPoliciesAtOnceWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, 60)
		f.register(t, 0, 100)
		f.desired = 20
		change := func(n int32, lower, upper *float64) *types.StepScalingPolicyConfiguration {
			return &types.StepScalingPolicyConfiguration{
				AdjustmentType: types.AdjustmentTypeChangeInCapacity, Cooldown: new(int32(0)),
				StepAdjustments: []types.StepAdjustment{step(lower, upper, n)},
			}
		}
		out := f.put(t, stepPolicy("out", change(5, new(0.0), nil)))
		in := f.put(t, stepPolicy("in", change(-5, nil, new(0.0))))
		f.invoke(t, out, scaling.AtLeast, 1, 9)
		f.invoke(t, in, scaling.AtMost, 10, 9)
		time.Sleep(time.Second)
		f.invoke(t, in, scaling.AtMost, 10, 9) // alone
		if diff := cmp.Diff([]int{25, 20}, f.take()); diff != "" {
			t.Errorf("capacities set (-want +got):\n%s", diff)
		}
	})
}

// The template's own policies: up in one step, down with the backlog, to 0.
func TestBurstGoesUpAndDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, 60)
		f.register(t, 0, 100)
		outRule, inRule := scaling.Burst(100)
		out := f.put(t, stepPolicy("out", burst(outRule)))
		in := f.put(t, stepPolicy("in", burst(inRule)))
		last := 0
		for backlog := 100; backlog >= 0; backlog-- {
			if backlog >= 1 {
				f.invoke(t, out, outRule.Comparison, outRule.Threshold, float64(backlog))
			}
			if backlog <= 99 {
				f.invoke(t, in, inRule.Comparison, inRule.Threshold, float64(backlog))
			}
			now := f.desired
			if now < backlog || last != 0 && now > last {
				t.Fatalf("%d messages: got %d tasks after %d", backlog, now, last)
			}
			last = now
			time.Sleep(time.Second)
		}
		if set := f.take(); set[0] != 100 || f.desired != 0 {
			t.Errorf("got %v, want 100 first and 0 at last", set)
		}
	})
}

func burst(r scaling.Rule) *types.StepScalingPolicyConfiguration {
	c := exact()
	c.MetricAggregationType = types.MetricAggregationTypeMaximum
	for _, s := range r.Steps {
		a := types.StepAdjustment{ScalingAdjustment: new(int32(s.Adjustment))}
		if !math.IsInf(s.Lower, 0) {
			a.MetricIntervalLowerBound = &s.Lower
		}
		if !math.IsInf(s.Upper, 0) {
			a.MetricIntervalUpperBound = &s.Upper
		}
		c.StepAdjustments = append(c.StepAdjustments, a)
	}
	return c
}

func TestSuspendedScaling(t *testing.T) {
	f := start(t, 1)
	f.register(t, 0, 10)
	out := f.put(t, stepPolicy("out", exact(step(new(0.0), nil, 5))))
	in := f.put(t, stepPolicy("in", exact(step(nil, new(0.0), 1))))
	suspend := func(state types.SuspendedState) {
		t.Helper()
		in := target(nil, nil)
		in.SuspendedState = &state
		if _, err := f.client.RegisterScalableTarget(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	suspend(types.SuspendedState{DynamicScalingOutSuspended: new(true)})
	f.invoke(t, out, scaling.AtLeast, 1, 1)
	suspend(types.SuspendedState{DynamicScalingOutSuspended: new(false), DynamicScalingInSuspended: new(true)})
	f.invoke(t, out, scaling.AtLeast, 1, 1) // 5
	f.invoke(t, in, scaling.AtMost, 1, 1)
	if diff := cmp.Diff([]int{5}, f.take()); diff != "" {
		t.Errorf("capacities set (-want +got):\n%s", diff)
	}
}

func TestPutScalingPolicyRefuses(t *testing.T) {
	f := start(t, 1)
	_, err := f.client.PutScalingPolicy(t.Context(), stepPolicy("x", exact(step(new(0.0), nil, 1))))
	wantFault(t, err, "ObjectNotFoundException",
		"No scalable target registered for service namespace: ecs, resource ID: service/jobs/worker, scalable dimension: ecs:service:DesiredCount")
	f.register(t, 0, 10)
	var many []types.StepAdjustment
	for i := range 21 {
		many = append(many, step(new(float64(i)), new(float64(i+1)), 1))
	}
	for name, tt := range map[string]struct {
		in      *aas.PutScalingPolicyInput
		message string
	}{
		"none":     {stepPolicy("x", exact()), "At least one StepAdjustment is required."},
		"too many": {stepPolicy("x", exact(many...)), "There can be at most 20 step adjustments per scaling policy"},
		"overlap": {stepPolicy("x", exact(step(nil, new(0.0), 1), step(new(-1.0), nil, 2))),
			"StepAdjustment intervals can't overlap"},
		"two that are open": {stepPolicy("x", exact(step(new(0.0), nil, 1), step(new(5.0), nil, 2))),
			"StepAdjustment intervals can't overlap"},
		"gap": {stepPolicy("x", exact(step(new(2.0), nil, 1), step(new(0.0), new(1.0), 2))),
			"StepAdjustment intervals can't have gaps between them"},
		"backwards": {stepPolicy("x", exact(step(new(2.0), new(1.0), 1))),
			"The lower bound must be less than the upper bound for a StepAdjustment."},
		"closed above": {stepPolicy("x", exact(step(new(0.0), new(1.0), 1))),
			"There must be a StepAdjustment with an unspecified upper bound (i.e., upper bound is null) when one StepAdjustment has a positive upper bound"},
		"closed below": {stepPolicy("x", exact(step(new(-1.0), new(0.0), 1))),
			"There must be a StepAdjustment with an unspecified lower bound (i.e., lower bound is null) when one StepAdjustment has a negative lower bound"},
		"no bound":   {stepPolicy("x", exact(step(nil, nil, 1))), "A StepAdjustment must have a lower bound or an upper bound."},
		"no steps":   {stepPolicy("x", nil), "A step scaling policy takes a StepScalingPolicyConfiguration, and no other."},
		"no type":    {stepPolicy("x", &types.StepScalingPolicyConfiguration{}), "AdjustmentType is required for a step scaling policy."},
		"below zero": {stepPolicy("x", exact(step(new(0.0), nil, -1))), "ScalingAdjustment cannot be negative with the adjustment type ExactCapacity."},
		"no policy type": {func() *aas.PutScalingPolicyInput {
			in := stepPolicy("x", nil)
			in.PolicyType = "Simple"
			return in
		}(), "1 validation error detected: Value 'Simple' at 'policyType' failed to satisfy constraint: Member must satisfy enum value set: [StepScaling TargetTrackingScaling PredictiveScaling]"},
		"predictive": {func() *aas.PutScalingPolicyInput {
			in := stepPolicy("x", nil)
			in.PolicyType = types.PolicyTypePredictiveScaling
			return in
		}(), "Predictive scaling is not supported: StepScaling and TargetTrackingScaling are."},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f.client.PutScalingPolicy(t.Context(), tt.in)
			wantFault(t, err, "ValidationException", tt.message)
		})
	}
}

func TestPoliciesAreKeptAndDeleted(t *testing.T) {
	f := start(t, 1)
	f.register(t, 0, 10)
	first := f.put(t, stepPolicy("a", exact(step(new(0.0), nil, 1))))
	f.put(t, stepPolicy("b", exact(step(new(0.0), nil, 1))))
	if again := f.put(t, stepPolicy("a", exact(step(new(0.0), nil, 2)))); again != first {
		t.Errorf("putting again: got ARN %s, want %s", again, first)
	}
	f.restart(t, 1)
	in := &aas.DescribeScalingPoliciesInput{ServiceNamespace: types.ServiceNamespaceEcs, ResourceId: new(resource), PolicyNames: []string{"a"}}
	got, err := f.client.DescribeScalingPolicies(t.Context(), in)
	if err != nil || len(got.ScalingPolicies) != 1 || *got.ScalingPolicies[0].StepScalingPolicyConfiguration.StepAdjustments[0].ScalingAdjustment != 2 {
		t.Errorf("got %v, %v; want the policy as it was put again", got, err)
	}
	gone := &aas.DeleteScalingPolicyInput{
		ServiceNamespace: types.ServiceNamespaceEcs, ScalableDimension: types.ScalableDimensionECSServiceDesiredCount,
		ResourceId: new(resource), PolicyName: new("a"),
	}
	if _, err := f.client.DeleteScalingPolicy(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	_, err = f.client.DeleteScalingPolicy(t.Context(), gone)
	wantFault(t, err, "ObjectNotFoundException", "No scaling policy found for service namespace: ecs, "+
		"resource ID: service/jobs/worker, scalable dimension: ecs:service:DesiredCount, policy name: a")
}
