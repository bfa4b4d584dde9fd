package scaling

import (
	"math"
	"slices"
	"time"
)

// A Tracking is a target tracking policy: it keeps a metric near a target,
// supposing that the metric falls as the capacity grows.
//
// It adds capacity in proportion to the metric as fast as it can, and removes
// it more gradually: late, by what the highest of the data points leaves, and
// rounding up either way.
// https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
type Tracking struct {
	// Target is the value to keep; it is above 0.
	Target float64
	// Out and In are the cooldowns after scaling out and in.
	Out, In time.Duration
	// OutOnly says that the policy never removes capacity.
	OutOnly bool
}

// lowShare is the part of the target below which capacity is removed: usually
// more than 10 percent lower, the guide says, and the alarms that AWS makes
// have just that.
const lowShare = 0.9

// High is the alarm by which a policy scales out: above the target for three
// periods of a minute.
func (r Tracking) High() Alarm {
	return Alarm{Comparison: Above, Threshold: r.Target, Periods: 3}
}

// Low is the alarm by which a policy scales in: below nine tenths of the target
// for fifteen periods of a minute.
func (r Tracking) Low() Alarm {
	return Alarm{Comparison: Below, Threshold: lowShare * r.Target, Periods: 15}
}

// Decide returns the capacity that the policy wants after a breach of one of
// its alarms, and the cooldown that then holds, as [Policy.Decide] does.
// https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html#target-tracking-cooldown
func (r Tracking) Decide(b Breach, t Target, c Cooling, now time.Time) (int, Cooling) {
	if _, ok := r.Wanted(b, t); !ok {
		return t.Current, c
	}
	cooldown := r.In
	if b.Comparison.Upward() {
		cooldown = r.Out
	}
	return t.move(func(capacity int) int { return r.apply(b, capacity) }, cooldown, c, now)
}

// Wanted returns the capacity that the policy asks for by itself, whatever the
// cooldown. It asks for none without data, and none to scale in if it may not.
func (r Tracking) Wanted(b Breach, t Target) (int, bool) {
	if len(b.Values) == 0 || r.OutOnly && !b.Comparison.Upward() {
		return 0, false
	}
	return t.Clamp(r.apply(b, t.Current)), true
}

// apply returns the capacity at which the metric would be the target, never on
// the wrong side of the given one. Where there is no capacity, no metric tells
// what one more would do; it counts as 1.
func (r Tracking) apply(b Breach, capacity int) int {
	if b.Comparison.Upward() {
		newest := b.Values[len(b.Values)-1]
		return max(capacity, r.share(newest, max(capacity, 1)))
	}
	return min(capacity, r.share(slices.Max(b.Values), capacity))
}

func (r Tracking) share(value float64, capacity int) int {
	n := math.Ceil(float64(capacity) * value / r.Target)
	return int(min(max(n, 0), math.MaxInt32))
}
