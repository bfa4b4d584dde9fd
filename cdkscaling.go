package spate

import (
	"cmp"
	"fmt"
	"math"

	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/scaling"
	"github.com/spate-run/spate/internal/sorting"
)

// cdkPeriod is the period, in seconds, of the metrics that CDK's alarms read.
const cdkPeriod = 300

// scaleAsCDK scales a service on its visible messages, as CDK does.
func (s *Stack) scaleAsCDK(a autoscaling, steps []job.ScalingStep) error {
	if len(steps) == 0 {
		steps = []job.ScalingStep{{Change: -1, Upper: new(0)}, {Change: +1, Lower: new(100)}, {Change: +5, Lower: new(500)}}
	}
	in, out, err := cdkSteps(steps, goWords(a.prefix))
	if err != nil {
		return err
	}
	s.scalableTarget(a)
	if len(in) > 0 {
		a.in = rule(in, scaling.AtMost, in[len(in)-1].upper)
		s.scalingPolicy(a, "In", "scale-in", a.in)
		s.cdkAlarm(a, "In", a.in)
	}
	if len(out) > 0 {
		a.out = rule(out, scaling.AtLeast, out[0].lower)
		a.out.Steps[len(out)-1].Upper = math.Inf(1)
		s.scalingPolicy(a, "Out", "scale-out", a.out)
		s.cdkAlarm(a, "Out", a.out)
	}
	if len(in) > 0 && len(out) > 0 && a.out.Threshold <= a.in.Threshold {
		s.warn(string(a.prefix)+".ScalingSteps", "at %v messages both alarms go off, and the service scales out and in at once", a.out.Threshold)
	}
	return nil
}

// cdkSteps completes steps as CDK does: sorted by where they begin, with an
// open bound at the neighbour's, those before the gap scale in and those
// behind it out; without a gap each direction has half of them.
func cdkSteps(steps []job.ScalingStep, words stepWords) (in, out []interval, err error) {
	if err := inRange(steps, words); err != nil {
		return nil, nil, err
	}
	all := make([]interval, len(steps))
	for i, step := range steps {
		all[i] = interval{words: words, index: i, change: step.Change, lower: math.NaN(), upper: math.NaN()}
		if step.Lower != nil {
			all[i].lower = float64(*step.Lower)
		}
		if step.Upper != nil {
			all[i].upper = float64(*step.Upper)
		}
	}
	begin := func(n interval) float64 {
		if math.IsNaN(n.lower) {
			return 0
		}
		return n.lower
	}
	sorting.By(all, func(a, b interval) int { return cmp.Compare(begin(a), begin(b)) })
	last := len(all) - 1
	gap := -1
	for i := range all {
		n := &all[i]
		if math.IsNaN(n.lower) {
			n.lower = 0
			if i > 0 {
				n.lower = all[i-1].upper
			}
		}
		if math.IsNaN(n.upper) {
			n.upper = math.Inf(1)
			if i < last {
				n.upper = all[i+1].lower
			}
		}
		if i == 0 {
			continue
		}
		switch below := all[i-1]; {
		case math.IsNaN(n.lower) || math.IsNaN(below.upper):
			return nil, nil, n.problem("has no bound toward its neighbour", "give it one")
		case below.upper > n.lower:
			return nil, nil, n.problem("overlaps with "+below.name(), words.lower(below.upper))
		case below.upper < n.lower && gap >= 0:
			return nil, nil, n.problem(fmt.Sprintf("leaves a second gap, from %v to %v", below.upper, n.lower), words.lower(below.upper))
		case below.upper < n.lower:
			gap = i
		}
	}
	if len(all) > 2*scaling.MaxSteps {
		return nil, nil, words.problem(fmt.Sprintf("two policies have at most %d steps, not %d", 2*scaling.MaxSteps, len(all)), "make one of several")
	}
	if gap < 0 {
		gap = len(all) / 2
	}
	return all[:gap], all[gap:], nil
}

func (s *Stack) cdkAlarm(a autoscaling, direction logicalID, rule scaling.Rule) {
	s.add(a.prefix+"Scale"+direction+"Alarm", "AWS::CloudWatch::Alarm", props{
		"AlarmActions":       list{(a.prefix + "Scale" + direction + "Policy").ref()},
		"AlarmDescription":   "Scales the service on messages that are visible",
		"ComparisonOperator": string(rule.Comparison),
		"Dimensions":         queueDimension(a.queue),
		"EvaluationPeriods":  1,
		"MetricName":         "ApproximateNumberOfMessagesVisible",
		"Namespace":          "AWS/SQS",
		"Period":             cdkPeriod,
		"Statistic":          "Maximum",
		"Threshold":          int(rule.Threshold),
	})
}
