package spate

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/scaling"
	"github.com/spate-run/spate/internal/template"
)

// metricPeriod is how often, in seconds, SQS publishes its metrics.
const metricPeriod = 60

// An autoscaling is how the count of a service follows its queue: the alarm's
// condition and the policy's steps, out and in.
type autoscaling struct {
	adjustment scaling.Adjustment
	out, in    scaling.Rule
}

// scaling adds the alarms on the outstanding messages and the policies that
// they invoke. They bring the service up when somebody else sends messages,
// and always down again.
func (s *Stack) scaling(j job.Job) {
	rules, err := autoscalingOf(j)
	s.check(err)
	s.add(scalableTarget, "AWS::ApplicationAutoScaling::ScalableTarget", props{
		"MaxCapacity":       j.Max,
		"MinCapacity":       0,
		"ResourceId":        template.Sub("service/${Cluster}/${Service.Name}"),
		"ScalableDimension": "ecs:service:DesiredCount",
		"ServiceNamespace":  "ecs",
	})
	s.scalingPolicy(scaleOutPolicy, "scale-out", rules.adjustment, rules.out)
	s.scalingPolicy(scaleInPolicy, "scale-in", rules.adjustment, rules.in)
	s.scalingAlarm(scaleOutAlarm, scaleOutPolicy, rules.out, 1)
	// Two data points, since SQS's metrics can be late and then look like an
	// empty queue.
	s.scalingAlarm(scaleInAlarm, scaleInPolicy, rules.in, 2)
}

func autoscalingOf(j job.Job) (autoscaling, error) {
	if len(j.Scaling.Steps) > 0 {
		return ownSteps(j.Scaling.Steps)
	}
	out, in := scaling.Burst(max(j.Max, 1))
	return autoscaling{adjustment: scaling.ExactCapacity, out: out, in: in}, nil
}

// scalingPolicy adds a step policy. Its cooldown is 0, not AWS's 300 s: a step
// says how many tasks a backlog needs, and each minute may say it anew.
func (s *Stack) scalingPolicy(id logicalID, name string, adjustment scaling.Adjustment, rule scaling.Rule) {
	var steps list
	for _, step := range rule.Steps {
		adjustment := props{"ScalingAdjustment": step.Adjustment}
		if !math.IsInf(step.Lower, 0) {
			adjustment["MetricIntervalLowerBound"] = int(step.Lower)
		}
		if !math.IsInf(step.Upper, 0) {
			adjustment["MetricIntervalUpperBound"] = int(step.Upper)
		}
		steps = append(steps, adjustment)
	}
	s.add(id, "AWS::ApplicationAutoScaling::ScalingPolicy", props{
		"PolicyName":      name,
		"PolicyType":      "StepScaling",
		"ScalingTargetId": scalableTarget.ref(),
		"StepScalingPolicyConfiguration": props{
			"AdjustmentType":        string(adjustment),
			"Cooldown":              0,
			"MetricAggregationType": string(scaling.Maximum),
			"StepAdjustments":       steps,
		},
	})
}

func (s *Stack) scalingAlarm(id, policy logicalID, rule scaling.Rule, periods int) {
	s.add(id, "AWS::CloudWatch::Alarm", props{
		"AlarmActions":       list{policy.ref()},
		"AlarmDescription":   "Scales the service on messages that are visible, in flight or delayed",
		"ComparisonOperator": string(rule.Comparison),
		"DatapointsToAlarm":  periods,
		"EvaluationPeriods":  periods,
		"Metrics": list{
			props{"Id": "outstanding", "Expression": "visible + inflight + delayed", "Label": "outstanding messages", "ReturnData": true},
			queueMetric("visible", "ApproximateNumberOfMessagesVisible"),
			queueMetric("inflight", "ApproximateNumberOfMessagesNotVisible"),
			queueMetric("delayed", "ApproximateNumberOfMessagesDelayed"),
		},
		"Threshold":        int(rule.Threshold),
		"TreatMissingData": string(scaling.NotBreaching),
	})
}

// queueMetric is a metric of the queue that an alarm's expression names.
func queueMetric(id, name string) props {
	return props{
		"Id": id,
		"MetricStat": props{
			"Metric": props{
				"Dimensions": list{props{"Name": "QueueName", "Value": queue.att("QueueName")}},
				"MetricName": name,
				"Namespace":  "AWS/SQS",
			},
			"Period": metricPeriod,
			"Stat":   "Maximum",
		},
		"ReturnData": false,
	}
}

// ownSteps turns the steps of a job into the two alarms of CDK's queue
// processing pattern: steps that scale in lie below those that scale out. A
// step goes from lower to upper; where two of the same direction meet, the
// bound belongs to the one that is farther from the other direction. A bound
// that is left out is the neighbour's.
// https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.aws_applicationautoscaling.ScalingInterval.html
func ownSteps(steps []job.ScalingStep) (autoscaling, error) {
	var in, out []interval
	for i, step := range steps {
		n := interval{index: i, change: step.Change, lower: math.Inf(-1), upper: math.Inf(1)}
		if step.Lower != nil {
			n.lower = float64(*step.Lower)
		}
		if step.Upper != nil {
			n.upper = float64(*step.Upper)
		}
		switch {
		case step.Change < 0:
			in = append(in, n)
		case step.Change > 0:
			out = append(out, n)
		default:
			return autoscaling{}, n.problem("changes nothing", "leave it out")
		}
	}
	if len(in) == 0 {
		return autoscaling{}, Problem{"scaling.steps", "no step scales in, so tasks would never end", "add {change: -1, upper: 0}"}
	}
	if len(out) == 0 {
		return autoscaling{}, Problem{"scaling.steps", "no step scales out, so tasks would never start", "add {change: +1, lower: 1}"}
	}
	if err := connect(in); err != nil {
		return autoscaling{}, err
	}
	if err := connect(out); err != nil {
		return autoscaling{}, err
	}
	if err := checkEnds(in, out); err != nil {
		return autoscaling{}, err
	}
	return autoscaling{
		adjustment: scaling.ChangeInCapacity,
		in:         rule(in, scaling.AtMost, in[len(in)-1].upper),
		out:        rule(out, scaling.AtLeast, out[0].lower),
	}, nil
}

// An interval is a step with both bounds.
type interval struct {
	index        int // in the job file
	change       int
	lower, upper float64
}

func (n interval) problem(fact, hint string) Problem {
	return Problem{Where: fmt.Sprintf("scaling.steps[%d]", n.index), Fact: fact, Hint: hint}
}

func (n interval) empty() bool { return n.lower >= n.upper }

func (n interval) emptyProblem() Problem {
	return n.problem("covers nothing beside the other steps", "give it a lower and an upper bound of its own")
}

// connect sorts the steps of one direction, fills in bounds that are left out,
// and checks that each begins where the last one ends.
func connect(steps []interval) error {
	if len(steps) > scaling.MaxSteps {
		return Problem{"scaling.steps", fmt.Sprintf("a policy has at most %d steps, not %d", scaling.MaxSteps, len(steps)), ""}
	}
	slices.SortStableFunc(steps, func(a, b interval) int {
		return cmp.Or(cmp.Compare(a.lower, b.lower), cmp.Compare(a.upper, b.upper))
	})
	for i := 1; i < len(steps); i++ {
		below, above := &steps[i-1], &steps[i]
		if math.IsInf(above.lower, -1) {
			above.lower = below.upper
		}
		if math.IsInf(below.upper, 1) {
			below.upper = above.lower
		}
		switch {
		case below.empty():
			return below.emptyProblem()
		case above.empty():
			return above.emptyProblem()
		case below.upper > above.lower:
			return above.problem(fmt.Sprintf("overlaps with scaling.steps[%d]", below.index), fmt.Sprintf("lower: %v", below.upper))
		case below.upper < above.lower:
			return above.problem(fmt.Sprintf("leaves a gap from %v to %v", below.upper, above.lower), fmt.Sprintf("lower: %v", below.upper))
		}
	}
	return nil
}

// checkEnds checks that the steps reach from 0 to any backlog and that the two
// directions do not meet: at a bound that both have, both alarms would go off.
func checkEnds(in, out []interval) error {
	lowest, turn, start, highest := in[0], in[len(in)-1], out[0], out[len(out)-1]
	switch {
	case math.IsInf(turn.upper, 1):
		return turn.problem("a step that scales in needs an upper bound", "upper: 0")
	case math.IsInf(start.lower, -1):
		return start.problem("a step that scales out needs a lower bound", fmt.Sprintf("lower: %v", turn.upper+1))
	case start.lower <= turn.upper:
		return start.problem(
			fmt.Sprintf("overlaps with scaling.steps[%d]: at %v the service would scale out and in at once", turn.index, start.lower),
			fmt.Sprintf("lower: %v", turn.upper+1))
	case lowest.lower > 0:
		return lowest.problem(fmt.Sprintf("nothing scales in below %v", lowest.lower), "leave lower out")
	case !math.IsInf(highest.upper, 1):
		return highest.problem(fmt.Sprintf("nothing scales out above %v", highest.upper), "leave upper out")
	}
	return nil
}

// rule makes an alarm's rule of steps; its bounds are relative to the
// threshold.
func rule(steps []interval, comparison scaling.Comparison, threshold float64) scaling.Rule {
	r := scaling.Rule{Comparison: comparison, Threshold: threshold}
	for _, n := range steps {
		r.Steps = append(r.Steps, scaling.Step{Lower: n.lower - threshold, Upper: n.upper - threshold, Adjustment: n.change})
	}
	if comparison == scaling.AtMost {
		r.Steps[0].Lower = math.Inf(-1)
	}
	return r
}
