package scaling_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/spate-run/spate/internal/scaling"
)

func high(values ...float64) scaling.Breach {
	return scaling.Breach{Alarm: "high", Comparison: scaling.AtLeast, Threshold: 50, Values: values}
}

func low(values ...float64) scaling.Breach {
	return scaling.Breach{Alarm: "low", Comparison: scaling.AtMost, Threshold: 50, Values: values}
}

var (
	inf  = math.Inf(1)
	noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	wide = scaling.Target{Current: 10, Min: 1, Max: 100}
)

// The tables of the page's "Step adjustments" and its rules for bounds:
// https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html
func TestStepBounds(t *testing.T) {
	out := scaling.Policy{Adjustment: scaling.PercentChangeInCapacity, Steps: []scaling.Step{
		{Lower: 0, Upper: 10, Adjustment: 0}, {Lower: 10, Upper: 20, Adjustment: 10}, {Lower: 20, Upper: inf, Adjustment: 30},
	}}
	in := scaling.Policy{Adjustment: scaling.PercentChangeInCapacity, Steps: []scaling.Step{
		{Lower: -10, Upper: 0, Adjustment: 0}, {Lower: -20, Upper: -10, Adjustment: -10}, {Lower: -inf, Upper: -20, Adjustment: -30},
	}}
	for _, tt := range []struct {
		policy scaling.Policy
		breach scaling.Breach
		want   int
	}{
		{out, high(50), 10}, {out, high(59.9), 10}, {out, high(60), 11}, {out, high(69), 11}, {out, high(70), 13}, {out, high(1e9), 13},
		{in, low(50), 10}, {in, low(40.1), 10}, {in, low(40), 9}, {in, low(30.1), 9}, {in, low(30), 7}, {in, low(0), 7},
		{out, low(49), 10}, {in, high(51), 10}, // no step on that side
		{out, high(), 10}, // an alarm on nothing but missing data
	} {
		if got, _ := tt.policy.Decide(tt.breach, wide, scaling.Cooling{}, noon); got != tt.want {
			t.Errorf("%s alarm at %v: got %d, want %d", tt.breach.Comparison, tt.breach.Values, got, tt.want)
		}
	}
}

func TestAggregation(t *testing.T) {
	steps := []scaling.Step{{Lower: 0, Upper: 10, Adjustment: 11}, {Lower: 10, Upper: 20, Adjustment: 12}, {Lower: 20, Upper: inf, Adjustment: 13}}
	for aggregation, want := range map[scaling.Aggregation]int{"": 12, scaling.Average: 12, scaling.Minimum: 11, scaling.Maximum: 13} {
		p := scaling.Policy{Adjustment: scaling.ExactCapacity, Aggregation: aggregation, Steps: steps}
		if got, _ := p.Decide(high(50, 65, 80), wide, scaling.Cooling{}, noon); got != want {
			t.Errorf("%q of 50, 65, 80: got %d, want %d", aggregation, got, want)
		}
	}
}

// The page's examples: 12.7 rounds to 12, .67 to 1, -.58 to -1, -6.67 to -6;
// 25 percent of 4 with a minimum magnitude of 2 is 2.
// https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html
func TestPercentChange(t *testing.T) {
	for _, tt := range []struct{ capacity, percent, magnitude, want int }{
		{127, 10, 0, 139}, {67, 1, 0, 68}, {58, -1, 0, 57}, {667, -1, 0, 661},
		{4, 25, 2, 6}, {4, -25, 2, 2}, {0, 50, 0, 0}, {0, 50, 1, 1}, {10, 0, 3, 10},
	} {
		p := scaling.Policy{
			Adjustment: scaling.PercentChangeInCapacity, MinMagnitude: tt.magnitude,
			Steps: []scaling.Step{{Lower: -inf, Upper: inf, Adjustment: tt.percent}},
		}
		target := scaling.Target{Current: tt.capacity, Max: 1000}
		if got, _ := p.Decide(high(60), target, scaling.Cooling{}, noon); got != tt.want {
			t.Errorf("%d%% of %d, at least %d: got %d, want %d", tt.percent, tt.capacity, tt.magnitude, got, tt.want)
		}
	}
}

func TestExactCapacityFollowsItsAlarm(t *testing.T) {
	for _, tt := range []struct {
		breach scaling.Breach
		exact  int
		want   int
	}{
		{high(60), 20, 20}, {high(60), 5, 10}, {low(40), 20, 10}, {low(40), 5, 5},
		{high(60), 500, 100}, {low(40), 0, 1}, // clamped to the target's range
	} {
		p := scaling.Policy{
			Adjustment: scaling.ExactCapacity, Steps: []scaling.Step{{Lower: -inf, Upper: inf, Adjustment: tt.exact}},
		}
		if got, _ := p.Decide(tt.breach, wide, scaling.Cooling{}, noon); got != tt.want {
			t.Errorf("exactly %d of 10 by a %s alarm: got %d, want %d", tt.exact, tt.breach.Alarm, got, tt.want)
		}
	}
}

// The page's example: +2, and within the cooldown a step of +3 adds only 1.
// https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html#step-scaling-cooldown
func TestCooldown(t *testing.T) {
	out := scaling.Policy{
		Adjustment: scaling.ChangeInCapacity, Cooldown: time.Minute,
		Steps: []scaling.Step{{Lower: 0, Upper: 10, Adjustment: 2}, {Lower: 10, Upper: inf, Adjustment: 3}},
	}
	in := scaling.Policy{
		Adjustment: scaling.ChangeInCapacity, Cooldown: time.Minute,
		Steps: []scaling.Step{{Lower: -inf, Upper: 0, Adjustment: -1}},
	}
	target, cooling := wide, scaling.Cooling{}
	for _, step := range []struct {
		name   string
		after  time.Duration
		policy scaling.Policy
		breach scaling.Breach
		want   int
	}{
		{"first", 0, out, high(55), 12},
		{"the same step in its cooldown", 59 * time.Second, out, high(55), 12},
		{"scaling in during a scale-out's cooldown", 59 * time.Second, in, low(40), 12},
		{"a larger step adds the difference", 59 * time.Second, out, high(65), 13},
		{"its cooldown begins anew", 118 * time.Second, out, high(65), 13},
		{"the cooldown is over", 119 * time.Second, out, high(65), 16},
		{"scaling in after the cooldown", 179 * time.Second, in, low(40), 15},
		{"scaling in during a scale-in's cooldown", 200 * time.Second, in, low(40), 15},
		{"scaling out during a scale-in's cooldown", 201 * time.Second, out, high(55), 17},
	} {
		target.Current, cooling = step.policy.Decide(step.breach, target, cooling, noon.Add(step.after))
		if target.Current != step.want {
			t.Fatalf("%s: got %d, want %d", step.name, target.Current, step.want)
		}
	}
}

// A cooldown that began in what is the future now, since the clock was set back,
// would hold for hours.
func TestCooldownEndsWhenTheClockIsSetBack(t *testing.T) {
	in := scaling.Policy{
		Adjustment: scaling.ChangeInCapacity, Cooldown: time.Minute,
		Steps: []scaling.Step{{Lower: -inf, Upper: 0, Adjustment: -1}},
	}
	n, cooling := in.Decide(low(40), wide, scaling.Cooling{}, noon)
	if n != wide.Current-1 {
		t.Fatalf("got %d, want %d", n, wide.Current-1)
	}
	if n, _ = in.Decide(low(40), wide, cooling, noon.Add(-2*time.Hour)); n != wide.Current-1 {
		t.Errorf("two hours before: got %d, want %d", n, wide.Current-1)
	}
	if n, _ = in.Decide(low(40), wide, cooling, noon.Add(time.Second)); n != wide.Current {
		t.Errorf("a second later: got %d, want %d", n, wide.Current)
	}
}

func TestDecisionsStayInRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := scaling.Policy{
			Adjustment: rapid.SampledFrom([]scaling.Adjustment{
				scaling.ChangeInCapacity, scaling.ExactCapacity, scaling.PercentChangeInCapacity,
			}).Draw(t, "type"),
			MinMagnitude: rapid.IntRange(0, 10).Draw(t, "magnitude"),
			Cooldown:     time.Duration(rapid.IntRange(0, 90).Draw(t, "cooldown")) * time.Second,
			Steps:        []scaling.Step{{Lower: -inf, Upper: inf, Adjustment: rapid.IntRange(-200, 200).Draw(t, "adjustment")}},
		}
		least := rapid.IntRange(0, 50).Draw(t, "min")
		target := scaling.Target{Min: least, Max: rapid.IntRange(least, 100).Draw(t, "max")}
		target.Current = rapid.IntRange(target.Min, target.Max).Draw(t, "current")
		cooling := scaling.Cooling{}
		now := noon
		for range 5 {
			breach := rapid.SampledFrom([]scaling.Breach{high(60), low(40)}).Draw(t, "breach")
			got, next := p.Decide(breach, target, cooling, now)
			if got < target.Min || got > target.Max {
				t.Fatalf("got %d, want %d to %d", got, target.Min, target.Max)
			}
			if got < target.Current && now.Before(cooling.Until) {
				t.Fatalf("scaled in to %d at %v, in a cooldown until %v", got, now, cooling.Until)
			}
			target.Current, cooling, now = got, next, now.Add(30*time.Second)
		}
	})
}
