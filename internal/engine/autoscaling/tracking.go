package autoscaling

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"

	"github.com/spate-run/spate/internal/scaling"
	"github.com/spate-run/spate/internal/wire"
)

// alarmPrefix begins the names of all alarms that are made for policies.
const alarmPrefix = "TargetTracking-"

// period is that of the alarms' metrics, in seconds.
const period = 60

// ecsMetrics are the predefined metrics of ECS services, in AWS/ECS.
// https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PredefinedMetricSpecification.html
func ecsMetrics() map[types.MetricType]string {
	return map[types.MetricType]string{
		types.MetricTypeECSServiceAverageCPUUtilization:    "CPUUtilization",
		types.MetricTypeECSServiceAverageMemoryUtilization: "MemoryUtilization",
	}
}

// https://docs.aws.amazon.com/autoscaling/application/APIReference/API_TargetTrackingScalingPolicyConfiguration.html
func checkTracking(c *types.TargetTrackingScalingPolicyConfiguration) error {
	const member = "targetTrackingScalingPolicyConfiguration."
	switch {
	case c.TargetValue == nil:
		return null(member + "targetValue")
	case !(*c.TargetValue >= 8.515920e-109 && *c.TargetValue <= 1.174271e+108):
		return validation("TargetValue must be from 8.515920e-109 to 1.174271e+108.")
	case aws.ToInt32(c.ScaleInCooldown) < 0 || aws.ToInt32(c.ScaleOutCooldown) < 0:
		return validation("Cooldown must be greater than or equal to 0.")
	case (c.PredefinedMetricSpecification == nil) == (c.CustomizedMetricSpecification == nil):
		return validation("Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be specified.")
	}
	if m := c.PredefinedMetricSpecification; m != nil {
		switch {
		case m.PredefinedMetricType == "":
			return null(member + "predefinedMetricSpecification.predefinedMetricType")
		case ecsMetrics()[m.PredefinedMetricType] == "":
			return validation("The predefined metric %s is not supported: ECSServiceAverageCPUUtilization and ECSServiceAverageMemoryUtilization are.", m.PredefinedMetricType)
		case m.ResourceLabel != nil:
			return validation("ResourceLabel must not be specified for the predefined metric %s.", m.PredefinedMetricType)
		}
		return nil
	}
	return checkCustomized(c.CustomizedMetricSpecification)
}

// checkCustomized looks for what the alarms need; what the members hold is for
// CloudWatch to judge.
func checkCustomized(m *types.CustomizedMetricSpecification) error {
	const member = "targetTrackingScalingPolicyConfiguration.customizedMetricSpecification."
	single := m.MetricName != nil || m.Namespace != nil || m.Statistic != "" || m.Unit != nil || len(m.Dimensions) > 0
	switch {
	case len(m.Metrics) > 0 && single:
		return validation("Metrics cannot be specified together with the members of a single metric.")
	case len(m.Metrics) > 0:
		return nil
	case m.MetricName == nil:
		return null(member + "metricName")
	case m.Namespace == nil:
		return null(member + "namespace")
	case m.Statistic == "":
		return null(member + "statistic")
	case !slices.Contains(m.Statistic.Values(), m.Statistic):
		return notOneOf(m.Statistic, member+"statistic", m.Statistic.Values())
	}
	return nil
}

// track puts the alarms of a policy that tracks a target, and names them in it.
// The caller holds s.mu.
func (s *Service) track(ctx context.Context, p *types.ScalingPolicy) error {
	rule, ok := s.rule(*p).(scaling.Tracking)
	if !ok {
		return nil
	}
	if err := s.checkUnique(*p); err != nil {
		return err
	}
	alarms := []types.Alarm{}
	for _, side := range []struct {
		name string
		rule scaling.Alarm
	}{{"AlarmHigh", rule.High()}, {"AlarmLow", rule.Low()}} {
		if rule.OutOnly && side.name == "AlarmLow" {
			continue
		}
		begin := alarmPrefix + *p.ResourceId + "-" + side.name + "-"
		a := s.alarm(p.Alarms, begin)
		if err := s.putAlarm(ctx, *p, *a.AlarmName, side.rule); err != nil {
			return err
		}
		alarms = append(alarms, a)
	}
	p.Alarms = alarms
	return nil
}

// checkUnique holds the policies of a target to different metrics.
// The caller holds s.mu.
func (s *Service) checkUnique(p types.ScalingPolicy) error {
	metric := func(p types.ScalingPolicy) any {
		c := p.TargetTrackingScalingPolicyConfiguration
		if c == nil {
			return nil
		}
		return []any{c.PredefinedMetricSpecification, c.CustomizedMetricSpecification}
	}
	for _, other := range s.policy {
		if *other.ResourceId == *p.ResourceId && *other.PolicyName != *p.PolicyName && reflect.DeepEqual(metric(other), metric(p)) {
			return validation("Only one TargetTrackingScaling policy for a given metric specification is allowed.")
		}
	}
	return nil
}

// alarm returns the alarm whose name begins so, or a new one.
func (s *Service) alarm(known []types.Alarm, begin string) types.Alarm {
	for _, a := range known {
		if strings.HasPrefix(*a.AlarmName, begin) {
			return a
		}
	}
	name := begin + newID()
	return types.Alarm{AlarmName: &name, AlarmARN: new(s.config.Account.ARN("cloudwatch", "alarm:"+name))}
}

func (s *Service) putAlarm(ctx context.Context, p types.ScalingPolicy, name string, rule scaling.Alarm) error {
	in := metricAlarm(p)
	in.AlarmName = &name
	in.AlarmDescription = new("DO NOT EDIT OR DELETE. For TargetTrackingScaling policy " + *p.PolicyARN + ".")
	in.AlarmActions = []string{*p.PolicyARN}
	in.ComparisonOperator = cwtypes.ComparisonOperator(rule.Comparison)
	in.Threshold = &rule.Threshold
	in.EvaluationPeriods = new(int32(rule.Periods))
	_, err := wire.Call[cloudwatch.PutMetricAlarmOutput](ctx, s.alarms, in)
	if fault, ok := errors.AsType[smithy.APIError](err); ok {
		return validation("%s", fault.ErrorMessage())
	}
	if err != nil {
		return fmt.Errorf("putting alarm %q: %w", name, err)
	}
	return nil
}

// metricAlarm is an alarm on a policy's metric; the rest is left to the caller.
func metricAlarm(p types.ScalingPolicy) *cloudwatch.PutMetricAlarmInput {
	c := p.TargetTrackingScalingPolicyConfiguration
	if m := c.PredefinedMetricSpecification; m != nil {
		service := strings.Split(*p.ResourceId, "/") // service/<cluster>/<service>
		return &cloudwatch.PutMetricAlarmInput{
			Namespace: new("AWS/ECS"), MetricName: new(ecsMetrics()[m.PredefinedMetricType]),
			Dimensions: []cwtypes.Dimension{
				{Name: new("ClusterName"), Value: &service[1]}, {Name: new("ServiceName"), Value: &service[2]},
			},
			Statistic: cwtypes.StatisticAverage, Period: new(int32(period)),
		}
	}
	m := c.CustomizedMetricSpecification
	if len(m.Metrics) > 0 {
		return &cloudwatch.PutMetricAlarmInput{Metrics: queries(m.Metrics)}
	}
	in := &cloudwatch.PutMetricAlarmInput{
		Namespace: m.Namespace, MetricName: m.MetricName, Unit: cwtypes.StandardUnit(aws.ToString(m.Unit)),
		Statistic: cwtypes.Statistic(m.Statistic), Period: new(int32(period)),
	}
	for _, d := range m.Dimensions {
		in.Dimensions = append(in.Dimensions, cwtypes.Dimension{Name: d.Name, Value: d.Value})
	}
	return in
}

// queries are metric math as CloudWatch spells it.
func queries(metrics []types.TargetTrackingMetricDataQuery) []cwtypes.MetricDataQuery {
	var list []cwtypes.MetricDataQuery
	for _, q := range metrics {
		query := cwtypes.MetricDataQuery{Id: q.Id, Expression: q.Expression, Label: q.Label, ReturnData: q.ReturnData}
		if m := q.MetricStat; m != nil {
			query.MetricStat = &cwtypes.MetricStat{
				Stat: m.Stat, Unit: cwtypes.StandardUnit(aws.ToString(m.Unit)), Period: new(int32(period)),
			}
			if m.Metric != nil {
				query.MetricStat.Metric = &cwtypes.Metric{Namespace: m.Metric.Namespace, MetricName: m.Metric.MetricName}
				for _, d := range m.Metric.Dimensions {
					query.MetricStat.Metric.Dimensions = append(query.MetricStat.Metric.Dimensions, cwtypes.Dimension{Name: d.Name, Value: d.Value})
				}
			}
		}
		list = append(list, query)
	}
	return list
}

// dropped are the alarms that a policy had and has no more.
func dropped(before, after []types.Alarm) []types.Alarm {
	return slices.DeleteFunc(slices.Clone(before), func(b types.Alarm) bool {
		return slices.ContainsFunc(after, func(a types.Alarm) bool { return *a.AlarmName == *b.AlarmName })
	})
}

// untrack deletes alarms of policies.
func (s *Service) untrack(ctx context.Context, alarms []types.Alarm) error {
	var all []string
	for _, a := range alarms {
		all = append(all, *a.AlarmName)
	}
	for names := range slices.Chunk(all, 100) { // as many as a request takes
		if _, err := wire.Call[cloudwatch.DeleteAlarmsOutput](ctx, s.alarms, &cloudwatch.DeleteAlarmsInput{AlarmNames: names}); err != nil {
			return fmt.Errorf("deleting alarms of scaling policies: %w", err)
		}
	}
	return nil
}

// sweep deletes the alarms of policies that are not there.
func (s *Service) sweep(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := map[string]bool{}
	for _, p := range s.policy {
		for _, a := range p.Alarms {
			known[*a.AlarmName] = true
		}
	}
	var lost []types.Alarm
	in := &cloudwatch.DescribeAlarmsInput{AlarmNamePrefix: new(alarmPrefix)}
	for {
		page, err := wire.Call[cloudwatch.DescribeAlarmsOutput](ctx, s.alarms, in)
		if err != nil {
			return fmt.Errorf("listing alarms of scaling policies: %w", err)
		}
		for _, a := range page.MetricAlarms {
			if !known[*a.AlarmName] && strings.Contains(aws.ToString(a.AlarmDescription), "For TargetTrackingScaling policy ") {
				lost = append(lost, types.Alarm{AlarmName: a.AlarmName})
			}
		}
		if in.NextToken = page.NextToken; in.NextToken == nil {
			return s.untrack(ctx, lost)
		}
	}
}
