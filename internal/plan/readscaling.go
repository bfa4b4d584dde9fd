package plan

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spate-run/spate/internal/metric"
	"github.com/spate-run/spate/internal/scaling"
	"github.com/spate-run/spate/internal/sorting"
)

// defaultCooldown is that of a policy that names none.
// https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html
const defaultCooldown = 300 * time.Second

// mostServiceTasks is how many tasks a service has at most.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html
const mostServiceTasks = 5000

// readScaling reads the range of the service's count, and the policies that
// move it.
func (r *reader) readScaling(m *Model) error {
	target, ok := r.target(m.Service)
	if !ok {
		m.Notes = append(m.Notes, "the service does not scale: its count stays what it is")
		return nil
	}
	p := r.all[target]
	if p["MinCapacity"] == nil || p["MaxCapacity"] == nil {
		return problem("give it MinCapacity and MaxCapacity", "%s has no range", target)
	}
	least, err := p.whole(target, "MinCapacity", 0, mostServiceTasks, 0)
	if err != nil {
		return err
	}
	most, err := p.whole(target, "MaxCapacity", 0, mostServiceTasks, 0)
	if err != nil {
		return err
	}
	if most < least {
		return problem("the other way round", "%s: MinCapacity %d is more than MaxCapacity %d", target, least, most)
	}
	m.Capacity.Min, m.Capacity.Max = least, most
	for _, id := range r.of("AWS::ApplicationAutoScaling::ScalingPolicy") {
		policy := r.all[id]
		if policy.text("ScalingTargetId") != mark(target) && (policy.text("ResourceId") == "" || policy.text("ResourceId") != p.text("ResourceId")) {
			continue
		}
		if err := r.readPolicy(m, id, policy); err != nil {
			return err
		}
	}
	sorting.By(m.Policies, func(a, b *Policy) int { return strings.Compare(a.Alarm.Name, b.Alarm.Name) })
	return nil
}

func (r *reader) readPolicy(m *Model, id string, p properties) error {
	switch kind := p.text("PolicyType"); kind {
	case "StepScaling":
		return r.readSteps(m, id, p.object("StepScalingPolicyConfiguration"))
	case "TargetTrackingScaling":
		return r.readTracking(m, id, p.object("TargetTrackingScalingPolicyConfiguration"))
	default:
		return problem("StepScaling and TargetTrackingScaling are simulated", "policy %s has the type %q, which is not simulated", id, kind)
	}
}

func (r *reader) readSteps(m *Model, id string, c properties) error {
	policy := scaling.Policy{
		Adjustment:  scaling.Adjustment(c.text("AdjustmentType")),
		Aggregation: scaling.Aggregation(c.text("MetricAggregationType")),
	}
	cooldown, err := c.cooldown(id, "Cooldown")
	if err != nil {
		return err
	}
	policy.Cooldown = cooldown
	if !slices.Contains([]scaling.Adjustment{scaling.ChangeInCapacity, scaling.ExactCapacity, scaling.PercentChangeInCapacity}, policy.Adjustment) {
		return problem("ChangeInCapacity, ExactCapacity and PercentChangeInCapacity are", "policy %s has the adjustment %q, which AWS does not know", id, policy.Adjustment)
	}
	if n, ok := c.number("MinAdjustmentMagnitude"); ok {
		policy.MinMagnitude = int(n)
	}
	for _, s := range c.list("StepAdjustments") {
		step := scaling.Step{Lower: math.Inf(-1), Upper: math.Inf(1)}
		if n, ok := s.number("MetricIntervalLowerBound"); ok {
			step.Lower = n
		}
		if n, ok := s.number("MetricIntervalUpperBound"); ok {
			step.Upper = n
		}
		if s["ScalingAdjustment"] == nil {
			return problem("give each step a ScalingAdjustment", "a step of policy %s changes nothing", id)
		}
		if step.Adjustment, err = s.whole(id, "ScalingAdjustment", -math.MaxInt32, math.MaxInt32, 0); err != nil {
			return err
		}
		if policy.Adjustment == scaling.ExactCapacity && step.Adjustment < 0 {
			return problem("write a capacity of 0 or more", "policy %s sets the capacity to %d", id, step.Adjustment)
		}
		policy.Steps = append(policy.Steps, step)
	}
	if err := scaling.CheckSteps(policy.Steps); err != nil {
		return problem("give it steps that follow one another, open where they reach away from the threshold", "the steps of policy %s: %s", id, err)
	}
	invoked := false
	for _, alarm := range r.of("AWS::CloudWatch::Alarm") {
		if !slices.Contains(r.all[alarm].texts("AlarmActions"), mark(id)) {
			continue
		}
		a, err := r.readAlarm(m, alarm)
		if err != nil {
			return err
		}
		invoked = true
		m.Policies = append(m.Policies, &Policy{Name: id, Alarm: a, rule: policy})
	}
	if !invoked {
		m.Notes = append(m.Notes, "no alarm of the template invokes policy "+id)
	}
	return nil
}

// mostPeriods is how many of its shortest periods an alarm looks at, at most: it
// looks back a week.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
const mostPeriods = 7 * 24 * 60

// cooldown reads the cooldown of a policy.
func (p properties) cooldown(policy, name string) (time.Duration, error) {
	n, err := p.whole(policy, name, 0, math.MaxInt32, int(defaultCooldown/time.Second))
	return time.Duration(n) * time.Second, err
}

// readAlarm reads an alarm that scales. The queue whose messages it counts is
// the service's.
func (r *reader) readAlarm(m *Model, id string) (Alarm, error) {
	p := r.all[id]
	a := Alarm{Name: id, Rule: scaling.Alarm{
		Comparison: scaling.Comparison(p.text("ComparisonOperator")),
		Missing:    scaling.Treatment(p.text("TreatMissingData")),
	}}
	threshold, known := p.number("Threshold")
	switch {
	case !a.Rule.Comparison.Valid() || p["EvaluationPeriods"] == nil || !known || math.IsNaN(threshold) || math.IsInf(threshold, 0):
		return a, problem("plan simulates alarms on a threshold", "alarm %s has no comparison, periods and threshold that can be simulated", id)
	case p.text("ActionsEnabled") == "false":
		m.Notes = append(m.Notes, "the actions of alarm "+id+" are disabled, which is not simulated")
	}
	a.Rule.Threshold = threshold
	var err error
	if a.Rule.Periods, err = p.whole(id, "EvaluationPeriods", 1, mostPeriods, 1); err != nil {
		return a, err
	}
	if a.Rule.Datapoints, err = p.whole(id, "DatapointsToAlarm", 1, a.Rule.Periods, 0); err != nil {
		return a, err
	}
	if queries := p.list("Metrics"); len(queries) > 0 {
		return a, r.readQueries(m, &a, id, queries)
	}
	w, period, err := r.readMetric(m, id, "m", p, p.text("Statistic"), p)
	a.metrics, a.Period = []watched{w}, period
	return a, err
}

// readMetric reads one metric; shape has its Period.
func (r *reader) readMetric(m *Model, alarm, id string, of properties, stat string, shape properties) (watched, time.Duration, error) {
	g, ok := gaugeOf(of.text("Namespace"), of.text("MetricName"))
	if !ok {
		return watched{}, 0, problem("plan simulates SQS's counts and age, and CPUUtilization and task counts of ECS",
			"alarm %s watches %s/%s, which is not simulated", alarm, of.text("Namespace"), of.text("MetricName"))
	}
	w := watched{id: id, gauge: g, statistic: statistic(stat)}
	if !w.statistic.known() {
		return w, 0, problem("Average, Sum, Minimum, Maximum and SampleCount are simulated", "alarm %s takes the statistic %q, which is not simulated", alarm, stat)
	}
	for _, d := range of.list("Dimensions") {
		if d.text("Name") != "QueueName" {
			continue
		}
		queue, ok := r.named("AWS::SQS::Queue", d.text("Value"), "QueueName")
		if !ok {
			return w, 0, problem("plan needs the queue in the template", "alarm %s watches the queue %q, which is not in the template", alarm, d.text("Value"))
		}
		if m.Queue.ID != "" && m.Queue.ID != queue {
			return w, 0, problem("plan simulates one queue", "the alarms watch two queues, %s and %s", m.Queue.ID, queue)
		}
		m.Queue.ID = queue
	}
	period := shape.seconds("Period", 0)
	if period < interval || period%interval != 0 {
		return w, 0, problem("these metrics come once a minute: write 60 or a multiple", "alarm %s has a period of %s", alarm, period)
	}
	return w, period, nil
}

// readQueries reads metric math.
func (r *reader) readQueries(m *Model, a *Alarm, id string, queries []properties) error {
	var compiled []metric.Query
	for _, q := range queries {
		name := q.text("Id")
		if q.text("ReturnData") != "false" {
			if a.result != "" {
				return problem("set ReturnData to false for the others", "alarm %s returns two of its metrics", id)
			}
			a.result = name
		}
		if e := q.text("Expression"); e != "" {
			compiled = append(compiled, metric.Query{ID: name, Expression: e})
			continue
		}
		stat := q.object("MetricStat")
		w, period, err := r.readMetric(m, id, name, stat.object("Metric"), stat.text("Stat"), stat)
		if err != nil {
			return err
		}
		a.metrics = append(a.metrics, w)
		compiled = append(compiled, metric.Query{ID: name, Period: period})
	}
	program, err := metric.Compile(compiled)
	if err != nil {
		return problem("", "alarm %s: %s", id, err)
	}
	if a.result == "" || !program.Single(a.result) {
		return problem("set ReturnData to false for all but one", "alarm %s has no single result", id)
	}
	a.program, a.Period = program, program.Period(a.result)
	for _, q := range compiled {
		if q.ID == a.result && sums(q.Expression, a.metrics) {
			a.program = nil
		}
	}
	return nil
}

// sums says whether an expression just adds up all of an alarm's metrics, or is
// the only one: then its points need no program.
func sums(expression string, metrics []watched) bool {
	if expression == "" {
		return len(metrics) == 1
	}
	var terms, ids []string
	for term := range strings.SplitSeq(expression, "+") {
		terms = append(terms, strings.TrimSpace(term))
	}
	for _, w := range metrics {
		ids = append(ids, w.id)
	}
	slices.Sort(terms)
	slices.Sort(ids)
	return slices.Equal(terms, ids)
}

// readTracking reads a policy that tracks a target: AWS makes its two alarms.
func (r *reader) readTracking(m *Model, id string, c properties) error {
	value, ok := c.number("TargetValue")
	if !ok || value <= 0 {
		return problem("give it a TargetValue above 0", "policy %s has no target", id)
	}
	out, err := c.cooldown(id, "ScaleOutCooldown")
	if err != nil {
		return err
	}
	in, err := c.cooldown(id, "ScaleInCooldown")
	if err != nil {
		return err
	}
	t := scaling.Tracking{Target: value, Out: out, In: in, OutOnly: c.text("DisableScaleIn") == "true"}
	a := Alarm{Period: interval}
	if predefined := c.object("PredefinedMetricSpecification").text("PredefinedMetricType"); predefined != "" {
		if predefined != "ECSServiceAverageCPUUtilization" {
			return problem("ECSServiceAverageCPUUtilization is", "policy %s tracks %s, which is not simulated", id, predefined)
		}
		a.metrics = []watched{{id: "m", gauge: cpuUse, statistic: average}}
	} else if err := r.readCustomized(m, &a, id, c.object("CustomizedMetricSpecification")); err != nil {
		return err
	}
	high, low := a, a
	high.Name, high.Rule = "TargetTracking-"+id+"-AlarmHigh", t.High()
	low.Name, low.Rule = "TargetTracking-"+id+"-AlarmLow", t.Low()
	m.Policies = append(m.Policies, &Policy{Name: id, Alarm: high, rule: t, tracks: !t.OutOnly})
	if !t.OutOnly {
		m.Policies = append(m.Policies, &Policy{Name: id, Alarm: low, rule: t, tracks: true})
	}
	return nil
}

func (r *reader) readCustomized(m *Model, a *Alarm, id string, c properties) error {
	minute := properties{"Period": "60"}
	if queries := c.list("Metrics"); len(queries) > 0 {
		for _, q := range queries {
			if stat := q.object("MetricStat"); len(stat) > 0 {
				stat["Period"] = "60" // those of a policy have none of their own
			}
		}
		return r.readQueries(m, a, id, queries)
	}
	w, _, err := r.readMetric(m, id, "m", c, c.text("Statistic"), minute)
	a.metrics = []watched{w}
	return err
}
