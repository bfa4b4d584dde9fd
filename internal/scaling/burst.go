package scaling

import "math"

// MaxSteps is how many step adjustments a policy can have.
// https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-limits.html
const MaxSteps = 20

// A Rule is an alarm's condition and the ExactCapacity steps of the policy
// that it invokes.
type Rule struct {
	Comparison Comparison
	Threshold  float64
	Steps      []Step
}

// Policy returns the rule's policy. Its aggregation is Maximum, so that of
// several data points the one with the largest backlog counts.
func (r Rule) Policy() Policy {
	return Policy{Adjustment: ExactCapacity, Aggregation: Maximum, Steps: r.Steps}
}

// Burst returns the rules by which spate's template scales a service between 0
// and limit tasks (at least 1) on its queue's outstanding messages.
//
// out is in ALARM from 1 message on. Its steps are exact for small counts and
// then grow geometrically; the last begins at limit. in is in ALARM below limit
// messages; its steps have equal widths, each keeps a task for every message
// that it can stand for, and the last is 0 tasks at 0 messages.
//
// Where both alarms are in ALARM they never fight: at every count the capacity
// that out wants is at most the one that in leaves. So a step of out asks for
// no more than in leaves at the step's beginning.
func Burst(limit int) (out, in Rule) {
	in = Rule{Comparison: AtMost, Threshold: float64(limit - 1), Steps: inSteps(limit)}
	out = Rule{Comparison: AtLeast, Threshold: 1, Steps: outSteps(limit, in)}
	return out, in
}

// inSteps covers (-∞, 0], then 1 to limit-1 in even steps, each with its largest
// count as capacity.
func inSteps(limit int) []Step {
	threshold := limit - 1
	steps := []Step{{Lower: math.Inf(-1), Upper: float64(-threshold), Adjustment: 0}}
	buckets := min(threshold, MaxSteps-1)
	for i := range buckets {
		top := threshold * (i + 1) / buckets
		steps = append(steps, Step{
			Lower:      steps[len(steps)-1].Upper,
			Upper:      float64(top - threshold),
			Adjustment: top,
		})
	}
	return steps
}

// outSteps covers [1, ∞). Each beginning is chosen so that the remaining steps
// grow by one ratio up to limit, but is at least one more than the last.
func outSteps(limit int, in Rule) []Step {
	var steps []Step
	for begin, left := 1, MaxSteps; begin < limit; left-- {
		ratio := math.Pow(float64(limit)/float64(begin), 1/float64(left-1))
		end := int(math.Round(float64(begin) * ratio))
		end = min(max(end, begin+1), limit)
		steps = append(steps, Step{
			Lower:      float64(begin - 1),
			Upper:      float64(end - 1),
			Adjustment: min(end-1, in.at(begin)),
		})
		begin = end
	}
	return append(steps, Step{Lower: float64(limit - 1), Upper: math.Inf(1), Adjustment: limit})
}

func (r Rule) at(count int) int {
	step, _ := r.Policy().Match(Breach{Comparison: r.Comparison, Threshold: r.Threshold, Values: []float64{float64(count)}})
	return step.Adjustment
}

// Need is how many tasks a backlog needs: one for each message, up to limit.
func Need(backlog, limit int) int {
	return min(max(backlog, 0), limit)
}
