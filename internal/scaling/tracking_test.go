package scaling_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/spate-run/spate/internal/scaling"
)

func above(values ...float64) scaling.Breach {
	return scaling.Breach{Alarm: "AlarmHigh", Comparison: scaling.Above, Threshold: 50, Values: values}
}

func below(values ...float64) scaling.Breach {
	return scaling.Breach{Alarm: "AlarmLow", Comparison: scaling.Below, Threshold: 45, Values: values}
}

// Capacity grows in proportion to the metric, and shrinks to what its highest
// value leaves, rounded up:
// https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
func TestTrackingIsProportional(t *testing.T) {
	for name, tt := range map[string]struct {
		breach  scaling.Breach
		current int
		want    int
	}{
		"twice the target":          {above(100), 10, 20},
		"a little above":            {above(50.1), 10, 11},
		"the newest counts":         {above(100, 100, 60), 10, 12},
		"the target's maximum":      {above(1e300), 10, 100},
		"out of nothing":            {above(200), 0, 4},
		"half the target":           {below(25), 10, 5},
		"the highest counts":        {below(5, 40, 5), 10, 8},
		"rounded up":                {below(26), 10, 6},
		"the target's minimum":      {below(0), 10, 1},
		"no data":                   {above(), 10, 10},
		"a fall within an AlarmLow": {below(60), 10, 10},
	} {
		t.Run(name, func(t *testing.T) {
			rule := scaling.Tracking{Target: 50}
			at := scaling.Target{Current: tt.current, Min: min(tt.current, 1), Max: 100}
			if got, _ := rule.Decide(tt.breach, at, scaling.Cooling{}, noon); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

// The alarms are above the target for 3 minutes, and at least 10 percent below
// it for 15.
func TestTrackingAlarms(t *testing.T) {
	rule := scaling.Tracking{Target: 50}
	want := []scaling.Alarm{
		{Comparison: scaling.Above, Threshold: 50, Periods: 3},
		{Comparison: scaling.Below, Threshold: 45, Periods: 15},
	}
	if diff := cmp.Diff(want, []scaling.Alarm{rule.High(), rule.Low()}); diff != "" {
		t.Errorf("alarms (-want +got):\n%s", diff)
	}
}

// After scaling out only a larger scale-out counts, from the capacity before;
// after scaling in, scaling in waits and scaling out does not, and ends the
// cooldown:
// https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html#target-tracking-cooldown
func TestTrackingCooldowns(t *testing.T) {
	rule := scaling.Tracking{Target: 50, Out: time.Minute, In: 5 * time.Minute}
	at, cooling := wide, scaling.Cooling{}
	for _, step := range []struct {
		after  time.Duration
		breach scaling.Breach
		want   int
	}{
		{0, above(100), 20},
		{10 * time.Second, above(90), 20}, // 18 of the 10 before
		{20 * time.Second, above(150), 30},
		{30 * time.Second, below(10), 30},
		{80 * time.Second, below(25), 15},
		{90 * time.Second, below(25), 15},
		{100 * time.Second, above(100), 30},
		{3 * time.Minute, below(25), 15}, // the scale-in's cooldown is over
	} {
		at.Current, cooling = rule.Decide(step.breach, at, cooling, noon.Add(step.after))
		if at.Current != step.want {
			t.Fatalf("after %v: got %d, want %d", step.after, at.Current, step.want)
		}
	}
}

func TestTrackingOutOnly(t *testing.T) {
	rule := scaling.Tracking{Target: 50, OutOnly: true}
	if got, _ := rule.Decide(below(1), wide, scaling.Cooling{}, noon); got != 10 {
		t.Errorf("AlarmLow: got %d, want 10", got)
	}
	if got, ok := rule.Wanted(below(1), wide); ok {
		t.Errorf("AlarmLow: got a wish for %d, want none", got)
	}
	if got, _ := rule.Decide(above(100), wide, scaling.Cooling{}, noon); got != 20 {
		t.Errorf("AlarmHigh: got %d, want 20", got)
	}
}

// Whatever the metric, capacity stays in its range and moves only the way of
// its alarm; and a load that does not change comes to rest.
func TestTrackingSettles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rule := scaling.Tracking{Target: rapid.Float64Range(1e-3, 1e6).Draw(t, "target")}
		load := rapid.Float64Range(0, 1e9).Draw(t, "load")
		at := scaling.Target{Max: rapid.IntRange(1, 1000).Draw(t, "max")}
		at.Min = rapid.IntRange(0, at.Max).Draw(t, "min")
		at.Current = rapid.IntRange(max(at.Min, 1), at.Max).Draw(t, "current")
		for range 20 {
			value := load / float64(max(at.Current, 1))
			b := scaling.Breach{Comparison: scaling.Above, Values: []float64{value}}
			switch {
			case value > rule.High().Threshold:
			case value < rule.Low().Threshold && at.Current > 0:
				b.Comparison = scaling.Below
			default:
				return
			}
			next, _ := rule.Decide(b, at, scaling.Cooling{}, noon)
			up := b.Comparison.Upward()
			if next < at.Min || next > at.Max || up && next < at.Current || !up && next > at.Current {
				t.Fatalf("%v of %+v: got %d", b, at, next)
			}
			if next == at.Current {
				return
			}
			at.Current = next
		}
		t.Errorf("at %d of %+v, target %v, load %v: not at rest, off by %v", at.Current, at, rule.Target, load,
			math.Abs(load/float64(at.Current)-rule.Target))
	})
}
