package scaling

import (
	"math"
	"slices"
	"time"
)

// A State is the state of an alarm.
type State string

// The states, as CloudWatch spells them.
const (
	OK               State = "OK"
	InAlarm          State = "ALARM"
	InsufficientData State = "INSUFFICIENT_DATA"
)

// A Comparison is an alarm's operator; the value stands on its left and the
// threshold on its right.
type Comparison string

// The operators without anomaly bands, as CloudWatch spells them.
const (
	AtLeast Comparison = "GreaterThanOrEqualToThreshold"
	Above   Comparison = "GreaterThanThreshold"
	Below   Comparison = "LessThanThreshold"
	AtMost  Comparison = "LessThanOrEqualToThreshold"
)

// Valid reports whether c is one of the four operators.
func (c Comparison) Valid() bool {
	return slices.Contains([]Comparison{AtLeast, Above, Below, AtMost}, c)
}

// Upward reports whether the operator is > or >=: such an alarm scales out.
func (c Comparison) Upward() bool { return c == AtLeast || c == Above }

func (c Comparison) holds(value, threshold float64) bool {
	switch c {
	case AtLeast:
		return value >= threshold
	case Above:
		return value > threshold
	case Below:
		return value < threshold
	case AtMost:
		return value <= threshold
	}
	return false
}

// A Treatment is what an alarm makes of missing data.
type Treatment string

// The treatments, as CloudWatch spells them; the empty one is Missing.
const (
	Missing      Treatment = "missing"
	Ignore       Treatment = "ignore"
	Breaching    Treatment = "breaching"
	NotBreaching Treatment = "notBreaching"
)

// Valid reports whether t is one of the four treatments.
func (t Treatment) Valid() bool {
	return slices.Contains([]Treatment{Missing, Ignore, Breaching, NotBreaching}, t)
}

// A Point is one period's value of a metric or an expression.
type Point struct {
	Time  time.Time // the period's beginning
	Value float64   // NaN where the period has no data
}

func (p Point) missing() bool { return math.IsNaN(p.Value) }

// An Alarm is the part of an alarm that its evaluation needs.
type Alarm struct {
	Comparison Comparison
	Threshold  float64
	// Periods is N: how many data points one evaluation needs.
	Periods int
	// Datapoints is M: how many of them must breach; 0 means all N.
	Datapoints int
	Missing    Treatment
}

// A Verdict is the outcome of an evaluation.
type Verdict struct {
	State State
	// Reason says why in CloudWatch's words. It is empty where the state was
	// kept because missing data is ignored.
	Reason string
	// Evaluated are the data points that counted, oldest first.
	Evaluated []Point
}

// Range is the number of periods that an evaluation looks at. It is longer
// than Periods so that late or missing data points can be replaced by older
// ones. AWS documents 5 for 3 periods and leaves other lengths open.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
func (a Alarm) Range() int { return a.Periods + 2 }

func (a Alarm) needed() int {
	if a.Datapoints == 0 {
		return a.Periods
	}
	return a.Datapoints
}

// Evaluate judges the data points of the evaluation range, oldest first, for
// an alarm that is in the state now. Range says how many points to pass; with
// fewer the older ones count as missing.
//
// The rules and the examples that the tests repeat:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
func (a Alarm) Evaluate(now State, points []Point) Verdict {
	state, known := a.Judge(now, points)
	v := Verdict{State: state, Evaluated: known}
	if state != now || len(known) == a.Periods || a.Missing != Ignore {
		v.Reason = a.reason(state, known, a.breaching(known))
	}
	return v
}

// Judge is Evaluate without the words: the state, and the data points that
// counted, oldest first.
func (a Alarm) Judge(now State, points []Point) (State, []Point) {
	points = points[max(0, len(points)-a.Range()):]
	known := slices.DeleteFunc(slices.Clone(points), Point.missing)
	known = known[max(0, len(known)-a.Periods):]
	return a.judge(now, points, len(known), a.breaching(known)), known
}

func (a Alarm) breaching(points []Point) int {
	n := 0
	for _, p := range points {
		if a.Comparison.holds(p.Value, a.Threshold) {
			n++
		}
	}
	return n
}

// judge decides from the numbers of known and of breaching data points.
func (a Alarm) judge(now State, points []Point, known, breaching int) State {
	filled := a.Periods - known
	switch {
	case filled == 0:
		return a.state(breaching)
	case a.Missing == Breaching:
		return a.state(breaching + filled)
	case a.Missing == NotBreaching:
		return a.state(breaching)
	case breaching >= a.needed():
		return InAlarm
	case breaching < known:
		return OK
	case a.Missing == Ignore:
		return now
	case known == 0:
		return InsufficientData
	case a.oldest(points) >= a.needed():
		return InAlarm
	}
	return OK
}

func (a Alarm) state(breaching int) State {
	if breaching >= a.needed() {
		return InAlarm
	}
	return OK
}

// oldest is the age, in periods from 1, of the oldest data point there is.
// When that breaches, and so does all data after it, the alarm waits until it
// is old enough: a single breach in sparse data is no premature alarm.
func (a Alarm) oldest(points []Point) int {
	i := slices.IndexFunc(points, func(p Point) bool { return !p.missing() })
	return len(points) - i
}
