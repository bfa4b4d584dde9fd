package spate

import (
	"math"
	"time"

	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/scaling"
)

// metricPeriod is how often, in seconds, SQS publishes its metrics.
const metricPeriod = 60

// An autoscaling is how the count of a service follows its queue.
type autoscaling struct {
	prefix     logicalID // of the resources' ids
	cluster    Text
	service    Text // its name
	queue      Text // its name
	least      int
	most       int
	cooldown   time.Duration
	adjustment scaling.Adjustment
	out, in    scaling.Rule // the alarms' conditions and the policies' steps
}

// jobScaling scales the service of a job.
func (s *Stack) jobScaling(j job.Job) {
	a := autoscaling{cluster: cluster.ref(), service: service.att("Name"), queue: queue.att("QueueName"), most: j.Max}
	var err error
	if len(j.Scaling.Steps) > 0 {
		a.adjustment = scaling.ChangeInCapacity
		a.out, a.in, err = ownSteps(j.Scaling.Steps, jobFileWords())
	} else {
		a.adjustment = scaling.ExactCapacity
		a.out, a.in = scaling.Burst(max(j.Max, 1))
	}
	s.check(err)
	s.scale(a)
}

// scale adds the alarms on the outstanding messages and the policies that they
// invoke. They bring the service up when somebody sends messages, and always
// down again.
func (s *Stack) scale(a autoscaling) {
	s.scalableTarget(a)
	s.scalingPolicy(a, "Out", "scale-out", a.out)
	s.scalingPolicy(a, "In", "scale-in", a.in)
	s.scalingAlarm(a, "Out", a.out, 1)
	// Two data points, since SQS's metrics can be late and then look like an
	// empty queue.
	s.scalingAlarm(a, "In", a.in, 2)
}

func (s *Stack) scalableTarget(a autoscaling) {
	s.add(a.prefix+"ScalableTarget", "AWS::ApplicationAutoScaling::ScalableTarget", props{
		"MaxCapacity":       a.most,
		"MinCapacity":       a.least,
		"ResourceId":        "service/" + a.cluster + "/" + a.service,
		"ScalableDimension": "ecs:service:DesiredCount",
		"ServiceNamespace":  "ecs",
	})
}

// scalingPolicy adds a step policy. Its cooldown is 0 unless one is given, not
// AWS's 300 s: a step says how many tasks a backlog needs, and each minute may
// say it anew.
func (s *Stack) scalingPolicy(a autoscaling, direction logicalID, name string, rule scaling.Rule) {
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
	configuration := props{
		"AdjustmentType":        string(a.adjustment),
		"Cooldown":              seconds(a.cooldown),
		"MetricAggregationType": string(scaling.Maximum),
		"StepAdjustments":       steps,
	}
	if s.CDKDefaults && a.cooldown == 0 {
		delete(configuration, "Cooldown")
	}
	s.add(a.prefix+"Scale"+direction+"Policy", "AWS::ApplicationAutoScaling::ScalingPolicy", props{
		"PolicyName":                     name,
		"PolicyType":                     "StepScaling",
		"ScalingTargetId":                (a.prefix + "ScalableTarget").ref(),
		"StepScalingPolicyConfiguration": configuration,
	})
}

func (s *Stack) scalingAlarm(a autoscaling, direction logicalID, rule scaling.Rule, periods int) {
	s.add(a.prefix+"Scale"+direction+"Alarm", "AWS::CloudWatch::Alarm", props{
		"AlarmActions":       list{(a.prefix + "Scale" + direction + "Policy").ref()},
		"AlarmDescription":   "Scales the service on messages that are visible, in flight or delayed",
		"ComparisonOperator": string(rule.Comparison),
		"DatapointsToAlarm":  periods,
		"EvaluationPeriods":  periods,
		"Metrics": list{
			props{"Id": "outstanding", "Expression": "visible + inflight + delayed", "Label": "outstanding messages", "ReturnData": true},
			queueMetric(a.queue, "visible", "ApproximateNumberOfMessagesVisible"),
			queueMetric(a.queue, "inflight", "ApproximateNumberOfMessagesNotVisible"),
			queueMetric(a.queue, "delayed", "ApproximateNumberOfMessagesDelayed"),
		},
		"Threshold":        int(rule.Threshold),
		"TreatMissingData": string(scaling.NotBreaching),
	})
}

// queueMetric is a metric of a queue that an alarm's expression names.
func queueMetric(queue Text, id, name string) props {
	return props{
		"Id": id,
		"MetricStat": props{
			"Metric": props{
				"Dimensions": queueDimension(queue),
				"MetricName": name,
				"Namespace":  "AWS/SQS",
			},
			"Period": metricPeriod,
			"Stat":   "Maximum",
		},
		"ReturnData": false,
	}
}

func queueDimension(queue Text) list {
	return list{props{"Name": "QueueName", "Value": queue}}
}

// cpuScaling adds the policy that keeps the CPU of a service's tasks at a
// percentage by starting and stopping tasks.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-autoscaling-targettracking.html
func (s *Stack) cpuScaling(prefix logicalID, percent int) {
	s.add(prefix+"CpuScalingPolicy", "AWS::ApplicationAutoScaling::ScalingPolicy", props{
		"PolicyName":      "cpu",
		"PolicyType":      "TargetTrackingScaling",
		"ScalingTargetId": (prefix + "ScalableTarget").ref(),
		"TargetTrackingScalingPolicyConfiguration": props{
			"PredefinedMetricSpecification": props{"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
			"TargetValue":                   percent,
		},
	})
}
