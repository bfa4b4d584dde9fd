package autoscaling_test

import (
	"testing"
	"testing/synctest"
	"time"

	aas "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/google/go-cmp/cmp"
)

// bounds are the target's minimum and maximum.
func (f *fixture) bounds(t *testing.T) [2]int32 {
	t.Helper()
	out, err := f.client.DescribeScalableTargets(t.Context(), &aas.DescribeScalableTargetsInput{ServiceNamespace: types.ServiceNamespaceEcs})
	if err != nil || len(out.ScalableTargets) != 1 {
		t.Fatalf("got %v, %v; want one target", out, err)
	}
	return [2]int32{*out.ScalableTargets[0].MinCapacity, *out.ScalableTargets[0].MaxCapacity}
}

// How a run starts: an action that will lower the minimum, then the minimum
// raised.
func TestScheduledActionLowersTheMinimum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, 60)
		f.register(t, 0, 100)
		defer f.run(t)()
		synctest.Wait() // Run sleeps with nothing to do
		f.schedule(t, "kick", at(time.Now().Add(5*time.Minute)), new(int32(0)), nil)
		f.register(t, 40, 100)
		time.Sleep(5*time.Minute - time.Millisecond)
		if got := f.bounds(t); got != [2]int32{40, 100} {
			t.Errorf("before: got %v, want a minimum of 40", got)
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if got := f.bounds(t); got != [2]int32{0, 100} {
			t.Errorf("after: got %v, want a minimum of 0", got)
		}
		if diff := cmp.Diff([]int{40}, f.take()); diff != "" {
			t.Errorf("capacities set (-want +got):\n%s", diff)
		}
	})
}

// The words are those of
// https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-scaling-activities.html
func TestMissedActionFiresAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, 1)
		f.register(t, 0, 10)
		f.schedule(t, "wake", at(time.Now().Add(time.Hour)), new(int32(5)), new(int32(20)))
		f.schedule(t, "often", "rate(10 minutes)", new(int32(1)), nil)
		time.Sleep(3*time.Hour + time.Minute)
		f.restart(t, 1)
		stop := f.run(t)
		synctest.Wait()
		stop()
		want := []string{
			"scheduled action name wake was triggered: Setting min capacity to 5 and max capacity to 20 (Successfully set min capacity to 5 and max capacity to 20)",
			"minimum capacity was set to 5: Setting desired count to 5. (Successfully set desired count to 5. Change successfully fulfilled by ecs.)",
		}
		if diff := cmp.Diff(want, f.activities(t)); diff != "" {
			t.Errorf("activities (-want +got):\n%s", diff)
		}
		f.restart(t, 1)
		stop = f.run(t)
		synctest.Wait()
		stop()
		if diff := cmp.Diff(want, f.activities(t)); diff != "" {
			t.Errorf("after another restart (-want +got):\n%s", diff)
		}
	})
}

func TestRecurringActions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, 1)
		f.register(t, 0, 100)
		defer f.run(t)()
		f.schedule(t, "up", "rate(30 minutes)", new(int32(10)), nil)
		end := time.Now().Add(75 * time.Minute)
		down := scheduled("down", "cron(0/20 * * * ? *)", new(int32(0)), new(int32(1))) // the bubble begins at a full hour
		down.StartTime, down.EndTime = new(time.Now().Add(30*time.Minute)), &end
		if _, err := f.client.PutScheduledAction(t.Context(), down); err != nil {
			t.Fatal(err)
		}
		time.Sleep(35 * time.Minute) // up at 30
		if diff := cmp.Diff([]int{10}, f.take()); diff != "" {
			t.Errorf("after 35 minutes (-want +got):\n%s", diff)
		}
		time.Sleep(35 * time.Minute) // down at 40, up fails at 60 above the maximum of 1, down at 60
		if diff := cmp.Diff([]int{1}, f.take()); diff != "" {
			t.Errorf("after 70 minutes (-want +got):\n%s", diff)
		}
		f.register(t, 0, 100)
		time.Sleep(time.Hour) // up at 90 and 120; down has ended
		if got := f.bounds(t); got != [2]int32{10, 100} {
			t.Errorf("after 130 minutes: got %v, want 10 to 100", got)
		}
	})
}

func TestPassedAndSuspendedActionsDoNotFire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, 1)
		f.register(t, 0, 10)
		defer f.run(t)()
		f.schedule(t, "passed", at(time.Now().Add(-time.Minute)), new(int32(5)), nil)
		suspended := target(nil, nil)
		suspended.SuspendedState = &types.SuspendedState{ScheduledScalingSuspended: new(true)}
		if _, err := f.client.RegisterScalableTarget(t.Context(), suspended); err != nil {
			t.Fatal(err)
		}
		f.schedule(t, "suspended", at(time.Now().Add(time.Minute)), new(int32(5)), nil)
		time.Sleep(time.Hour)
		if got := f.bounds(t); got != [2]int32{0, 10} {
			t.Errorf("got %v, want 0 to 10", got)
		}
	})
}

func TestPutScheduledActionRefuses(t *testing.T) {
	f := start(t, 1)
	_, err := f.client.PutScheduledAction(t.Context(), scheduled("x", "rate(1 day)", new(int32(1)), nil))
	wantFault(t, err, "ObjectNotFoundException",
		"No scalable target registered for service namespace: ecs, resource ID: service/jobs/worker, scalable dimension: ecs:service:DesiredCount")
	f.register(t, 0, 10)
	for name, tt := range map[string]struct {
		in      *aas.PutScheduledActionInput
		message string
	}{
		"no bounds": {scheduled("x", "rate(1 day)", nil, nil), "ScalableTargetAction must have a MinCapacity or a MaxCapacity."},
		"crossed":   {scheduled("x", "rate(1 day)", new(int32(2)), new(int32(1))), "Maximum capacity cannot be less than minimum capacity"},
		"no form":   {scheduled("x", "daily", new(int32(2)), nil), `Invalid schedule expression: "daily" is none of at(…), rate(…) and cron(…).`},
		"at":        {scheduled("x", "at(2026-13-01)", new(int32(2)), nil), `Invalid schedule expression: "2026-13-01" is not yyyy-mm-ddThh:mm:ss.`},
		"zone": {func() *aas.PutScheduledActionInput {
			in := scheduled("x", "rate(1 day)", new(int32(2)), nil)
			in.Timezone = new("Mars/Olympus")
			return in
		}(), `Invalid schedule expression: "Mars/Olympus" is not a time zone.`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f.client.PutScheduledAction(t.Context(), tt.in)
			wantFault(t, err, "ValidationException", tt.message)
		})
	}
	_, err = f.client.DeleteScheduledAction(t.Context(), &aas.DeleteScheduledActionInput{
		ServiceNamespace: types.ServiceNamespaceEcs, ScalableDimension: types.ScalableDimensionECSServiceDesiredCount,
		ResourceId: new(resource), ScheduledActionName: new("x"),
	})
	wantFault(t, err, "ObjectNotFoundException", "No scheduled action found for service namespace: ecs, "+
		"resource ID: service/jobs/worker, scalable dimension: ecs:service:DesiredCount, scheduled action name: x")
}
