package scaling

import (
	"math"
	"time"
)

// A Breach is what an alarm in ALARM tells the scaling policy that it invokes.
type Breach struct {
	// Alarm is the alarm's name.
	Alarm      string
	Comparison Comparison
	Threshold  float64
	// Values are the data points that the alarm was evaluated on, oldest
	// first; empty when all of them were missing.
	Values []float64
}

// An Adjustment is how a step's number is meant.
type Adjustment string

// The adjustments, as Application Auto Scaling spells them.
const (
	ChangeInCapacity        Adjustment = "ChangeInCapacity"
	ExactCapacity           Adjustment = "ExactCapacity"
	PercentChangeInCapacity Adjustment = "PercentChangeInCapacity"
)

// An Aggregation makes one value of a breach's data points.
type Aggregation string

// The aggregations, as Application Auto Scaling spells them; the empty one is
// Average.
const (
	Average Aggregation = "Average"
	Maximum Aggregation = "Maximum"
	Minimum Aggregation = "Minimum"
)

// A Step is one step adjustment. Its bounds are relative to the alarm's
// threshold; a missing bound is an infinity.
//
// Above the threshold the lower bound belongs to the step and the upper does
// not; below it, it is the other way round.
// https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html
type Step struct {
	Lower, Upper float64
	Adjustment   int
}

// A Policy is a step scaling policy.
type Policy struct {
	Adjustment  Adjustment
	Aggregation Aggregation
	Steps       []Step
	// MinMagnitude is the least change of a PercentChangeInCapacity, in tasks.
	MinMagnitude int
	Cooldown     time.Duration
}

// A Target is a scalable target as a decision finds it.
type Target struct {
	Current, Min, Max int
}

// A Cooling is the scaling activity whose cooldown may still hold. The zero
// value is one that is over.
type Cooling struct {
	// From is the capacity before the activity, and before those that it
	// followed within their cooldowns.
	From int
	To   int
	// Since is when the cooldown began, and Until when it ends. It does not
	// hold before it began: then the clock was set back.
	Since, Until time.Time
}

func (c Cooling) holds(now time.Time) bool { return !now.Before(c.Since) && now.Before(c.Until) }

func (c Cooling) out() bool { return c.To > c.From }

// Match returns the step that applies to a breach, if there is one.
func (p Policy) Match(b Breach) (Step, bool) {
	if len(b.Values) == 0 {
		return Step{}, false
	}
	diff := p.Aggregation.of(b.Values) - b.Threshold
	above := diff > 0 || diff == 0 && b.Comparison.Upward()
	for _, s := range p.Steps {
		if above && s.Lower <= diff && diff < s.Upper || !above && s.Lower < diff && diff <= s.Upper {
			return s, true
		}
	}
	return Step{}, false
}

func (a Aggregation) of(values []float64) float64 {
	sum, least, most := 0.0, math.Inf(1), math.Inf(-1)
	for _, v := range values {
		sum, least, most = sum+v, min(least, v), max(most, v)
	}
	switch a {
	case Minimum:
		return least
	case Maximum:
		return most
	}
	return sum / float64(len(values))
}

// Decide returns the capacity that the policy wants after a breach, and the
// cooldown that then holds. Where nothing is to change it returns the current
// capacity and the cooldown as it was.
//
// While the cooldown of a scale-out holds, a larger one adds only the
// difference and scaling in waits; while that of a scale-in holds, scaling in
// waits and scaling out does not.
// https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html#step-scaling-cooldown
func (p Policy) Decide(b Breach, t Target, c Cooling, now time.Time) (int, Cooling) {
	step, ok := p.Match(b)
	if !ok {
		return t.Current, c
	}
	apply := func(capacity int) int { return p.apply(step.Adjustment, capacity, b.Comparison) }
	return t.move(apply, p.Cooldown, c, now)
}

// move returns the capacity that apply makes of the current one, as far as the
// range and the cooldown of what went before let it.
func (t Target) move(apply func(capacity int) int, cooldown time.Duration, c Cooling, now time.Time) (int, Cooling) {
	wanted := t.Clamp(apply(t.Current))
	cool := func(from int) Cooling { return Cooling{From: from, To: wanted, Since: now, Until: now.Add(cooldown)} }
	if wanted == t.Current {
		return t.Current, c
	}
	if !c.holds(now) {
		return wanted, cool(t.Current)
	}
	if wanted < t.Current {
		return t.Current, c
	}
	if !c.out() {
		return wanted, cool(t.Current)
	}
	wanted = t.Clamp(apply(c.From))
	if wanted <= t.Current {
		return t.Current, c
	}
	return wanted, cool(c.From)
}

// Wanted returns the capacity that the policy asks for by itself, whatever the
// direction of its alarm and the cooldown: of several policies that apply at
// once, the one that asks for the largest capacity wins.
func (p Policy) Wanted(b Breach, t Target) (int, bool) {
	step, ok := p.Match(b)
	if !ok {
		return 0, false
	}
	if p.Adjustment == ExactCapacity {
		return t.Clamp(step.Adjustment), true
	}
	return t.Clamp(p.apply(step.Adjustment, t.Current, b.Comparison)), true
}

// apply returns the capacity that a step makes of another, bounds aside.
func (p Policy) apply(adjustment, capacity int, c Comparison) int {
	switch {
	case p.Adjustment == ChangeInCapacity:
		return capacity + adjustment
	case p.Adjustment == PercentChangeInCapacity:
		return capacity + p.percent(adjustment, capacity)
	case c.Upward():
		return max(capacity, adjustment)
	}
	return min(capacity, adjustment)
}

// percent rounds towards zero, but never to it: 12.7 is 12, 0.67 is 1, -0.58
// is -1 and -6.67 is -6; then MinMagnitude holds.
// https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html
func (p Policy) percent(adjustment, capacity int) int {
	product := adjustment * capacity
	magnitude := max(product, -product) / 100
	if product != 0 {
		magnitude = max(magnitude, 1)
	}
	if adjustment != 0 {
		magnitude = max(magnitude, p.MinMagnitude)
	}
	if adjustment < 0 {
		return -magnitude
	}
	return magnitude
}

// Clamp brings a capacity into the target's range.
func (t Target) Clamp(capacity int) int {
	return min(max(capacity, t.Min), t.Max)
}
