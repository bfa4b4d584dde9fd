package autoscaling_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	aas "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/spate-run/spate/internal/scaling"
)

// Why a policy that was invoked did not scale, by the codes of
// https://docs.aws.amazon.com/autoscaling/application/APIReference/API_NotScaledReason.html
func TestActivitiesThatDidNotScale(t *testing.T) {
	synctest.Test(t, testActivitiesThatDidNotScale)
}

func testActivitiesThatDidNotScale(t *testing.T) {
	f := start(t, 1)
	f.register(t, 2, 4)
	change := func() *types.StepScalingPolicyConfiguration {
		return &types.StepScalingPolicyConfiguration{AdjustmentType: types.AdjustmentTypeChangeInCapacity, Cooldown: new(int32(0))}
	}
	more, fewer := change(), change()
	more.StepAdjustments = []types.StepAdjustment{step(new(0.0), nil, 2)}
	fewer.StepAdjustments = []types.StepAdjustment{step(nil, new(0.0), -2)}
	out, in := f.put(t, stepPolicy("out", more)), f.put(t, stepPolicy("in", fewer))
	three := f.put(t, stepPolicy("three", exact(step(new(0.0), nil, 3))))

	invoke := func(arn string, c scaling.Comparison, value float64, times int) {
		t.Helper()
		for range times {
			f.invoke(t, arn, c, 1, value)
			time.Sleep(time.Minute)
		}
	}
	invoke(out, scaling.AtLeast, 5, 3) // the first scales; an alarm that stays invokes each minute
	invoke(in, scaling.AtMost, 0, 2)
	invoke(three, scaling.AtLeast, 5, 2)
	invoke(out, scaling.AtLeast, 5, 2) // again, since it was scaled between

	describe := func(all *bool) []types.ScalingActivity {
		out, err := f.client.DescribeScalingActivities(t.Context(), &aas.DescribeScalingActivitiesInput{
			ServiceNamespace: types.ServiceNamespaceEcs, ResourceId: new(resource), IncludeNotScaledActivities: all,
		})
		if err != nil {
			t.Fatal(err)
		}
		return out.ScalingActivities
	}
	var got []types.NotScaledReason
	scaled := 0
	for _, a := range describe(aws.Bool(true)) {
		if len(a.NotScaledReasons) == 0 {
			scaled++
			continue
		}
		if *a.Description != "Attempting to scale due to alarm triggered" || a.StatusCode != types.ScalingActivityStatusCodeFailed {
			t.Errorf("got %s, %q", a.StatusCode, *a.Description)
		}
		got = append(got, a.NotScaledReasons...)
	}
	want := []types.NotScaledReason{ // the newest first
		{Code: new("AlreadyAtMaxCapacity"), MaxCapacity: new(int32(4))},
		{Code: new("AlreadyAtDesiredCapacity"), CurrentCapacity: new(int32(3))},
		{Code: new("AlreadyAtMinCapacity"), MinCapacity: new(int32(2))},
		{Code: new("AlreadyAtMaxCapacity"), MaxCapacity: new(int32(4))},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(types.NotScaledReason{})); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
	if alone := len(describe(nil)); alone != scaled || scaled == 0 {
		t.Errorf("got %d activities without those that did not scale, want %d", alone, scaled)
	}
}
