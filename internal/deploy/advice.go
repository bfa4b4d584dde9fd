package deploy

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/spate-run/spate/internal/template"
)

// An Advice is what is amiss with a template that deploys all the same.
type Advice struct {
	Pos  template.Pos // of the resource
	Fact string
	Mend string
}

func (a Advice) String() string { return a.Fact + "; " + a.Mend }

// Advise finds what makes a queue's tasks too few or too many, stops them while
// they work, or costs money while there is nothing to do.
func (d *Draft) Advise() []Advice {
	var all []Advice
	for _, check := range []func() []Advice{d.meetingAlarms, d.visibleOnly, d.bounds, d.gateways} {
		all = append(all, check()...)
	}
	return all
}

// An alarm is what matters of an AWS::CloudWatch::Alarm that scales something.
type alarm struct {
	declared
	metric   string // tells metrics apart
	low      float64
	high     float64 // the alarm fires from low to high
	adjusts  int     // -1 for one that takes tasks away, 1 for one that adds
	messages string  // the SQS metric that it looks at alone
}

// alarms lists the alarms that step policies hang on.
func (d *Draft) alarms() []alarm {
	direction := map[string]int{}
	for _, p := range d.of("AWS::ApplicationAutoScaling::ScalingPolicy") {
		direction["${"+p.ID+"}"] = adjustment(p.properties)
	}
	var all []alarm
	for _, r := range d.of("AWS::CloudWatch::Alarm") {
		threshold, ok := number(r.properties["Threshold"])
		actions := texts(r.properties["AlarmActions"])
		i := slices.IndexFunc(actions, func(action string) bool { return direction[action] != 0 })
		if !ok || i < 0 {
			continue
		}
		a := alarm{declared: r, adjusts: direction[actions[i]], low: math.Inf(-1), high: math.Inf(1)}
		switch text(r.properties["ComparisonOperator"]) {
		case "GreaterThanOrEqualToThreshold":
			a.low = threshold
		case "GreaterThanThreshold":
			a.low = math.Nextafter(threshold, math.Inf(1))
		case "LessThanOrEqualToThreshold":
			a.high = threshold
		case "LessThanThreshold":
			a.high = math.Nextafter(threshold, math.Inf(-1))
		default:
			continue
		}
		metric, err := json.Marshal([]any{r.properties["Namespace"], r.properties["MetricName"], r.properties["Dimensions"], r.properties["Metrics"]})
		if err != nil {
			continue
		}
		a.metric = string(metric)
		if text(r.properties["Namespace"]) == "AWS/SQS" {
			a.messages = text(r.properties["MetricName"])
		}
		all = append(all, a)
	}
	return all
}

// adjustment is -1 for a step policy that takes tasks away, 1 for one that adds
// some, and 0 for any other.
func adjustment(policy map[string]any) int {
	config, _ := policy["StepScalingPolicyConfiguration"].(map[string]any)
	if text(config["AdjustmentType"]) != "ChangeInCapacity" && text(config["AdjustmentType"]) != "PercentChangeInCapacity" {
		return 0
	}
	steps, _ := config["StepAdjustments"].([]any)
	for _, s := range steps {
		step, _ := s.(map[string]any)
		if by, ok := number(step["ScalingAdjustment"]); ok && by != 0 {
			return int(math.Copysign(1, by))
		}
	}
	return 0
}

// meetingAlarms finds alarms that add tasks and take them away at one value.
func (d *Draft) meetingAlarms() []Advice {
	var all []Advice
	alarms := d.alarms()
	for _, in := range alarms {
		for _, out := range alarms {
			if in.adjusts < 0 && out.adjusts > 0 && in.metric == out.metric && out.low <= in.high {
				all = append(all, Advice{in.Pos, fmt.Sprintf("%s and %s both fire at %g, and undo each other", in.ID, out.ID, out.low),
					fmt.Sprintf("let the second begin at %g (scalingSteps: lower: %g)", in.high+1, in.high+1)})
			}
		}
	}
	return all
}

// visibleOnly finds alarms that take tasks away when no message waits, whatever
// is being worked on.
func (d *Draft) visibleOnly() []Advice {
	var all []Advice
	for _, a := range d.alarms() {
		if a.adjusts < 0 && a.messages == "ApproximateNumberOfMessagesVisible" {
			all = append(all, Advice{a.Pos, a.ID + " counts visible messages only, so tasks are stopped while they work on the last ones",
				"add ApproximateNumberOfMessagesNotVisible by metric math, or protect tasks that work"})
		}
	}
	return all
}

func (d *Draft) bounds() []Advice {
	var all []Advice
	for _, r := range d.of("AWS::ApplicationAutoScaling::ScalableTarget") {
		if text(r.properties["ServiceNamespace"]) != "ecs" {
			continue
		}
		if most, ok := number(r.properties["MaxCapacity"]); ok && most <= 2 {
			all = append(all, Advice{r.Pos, fmt.Sprintf("%s never has more than %g tasks", r.ID, most), "set MaxCapacity (maxScalingCapacity) to what a burst needs"})
		}
		if least, ok := number(r.properties["MinCapacity"]); ok && least > 0 {
			all = append(all, Advice{r.Pos, fmt.Sprintf("%s never has fewer than %g, so tasks run and cost while the queue is empty", r.ID, least), "set MinCapacity (minScalingCapacity) to 0"})
		}
	}
	return all
}

// gatewayMonth is what a NAT gateway costs in a month of 730 hours at
// us-east-1's $0.045, without traffic. https://aws.amazon.com/vpc/pricing/
const gatewayMonth = 0.045 * 730

func (d *Draft) gateways() []Advice {
	gateways := d.of("AWS::EC2::NatGateway")
	if len(gateways) == 0 {
		return nil
	}
	var ids []string
	for _, g := range gateways {
		ids = append(ids, g.ID)
	}
	return []Advice{{gateways[0].Pos,
		fmt.Sprintf("NAT gateways cost $%.0f a month on AWS, also when nothing runs: %s", gatewayMonth*float64(len(ids)), strings.Join(ids, ", ")),
		"use public subnets (natGateways: 0, assignPublicIp: true)"}}
}

// number reads a property's number, which templates also write as text.
func number(value any) (float64, bool) {
	var n json.Number
	switch v := value.(type) {
	case json.Number:
		n = v
	case string:
		n = json.Number(v)
	}
	f, err := n.Float64()
	return f, err == nil
}
