package cloudwatch

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/spate-run/spate/internal/metric"
	"github.com/spate-run/spate/internal/scaling"
	"github.com/spate-run/spate/internal/store"
)

// putMetricAlarm makes an alarm or replaces its configuration; the state of one
// that is there stays, and so do its tags.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
func (s *Service) putMetricAlarm(ctx context.Context, in *cw.PutMetricAlarmInput) (*cw.PutMetricAlarmOutput, error) {
	if err := checkAlarm(in); err != nil {
		return nil, err
	}
	name, now := *in.AlarmName, time.Now().UTC()
	doc := document{Alarm: s.configured(in, now), Tags: map[string]string{}}
	for _, tag := range in.Tags {
		doc.Tags[*tag.Key] = *tag.Value
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	change := "created"
	if old, ok := s.alarms[name]; ok {
		change = "updated"
		doc.Tags = old.Tags
		doc.Alarm.StateValue = old.Alarm.StateValue
		doc.Alarm.StateReason = old.Alarm.StateReason
		doc.Alarm.StateReasonData = old.Alarm.StateReasonData
		doc.Alarm.StateUpdatedTimestamp = old.Alarm.StateUpdatedTimestamp
		doc.Alarm.StateTransitionedTimestamp = old.Alarm.StateTransitionedTimestamp
	}
	a, err := newAlarm(doc)
	if err != nil {
		return nil, err
	}
	if err := checkWindow(a.period(), *in.EvaluationPeriods); err != nil {
		return nil, err
	}
	items := []types.AlarmHistoryItem{configurationItem(name, change)}
	if err := s.update(ctx, items, func(tx *store.Tx) error { return s.table.Put(tx, name, doc) }); err != nil {
		return nil, err
	}
	s.alarms[name] = a
	return &cw.PutMetricAlarmOutput{}, nil
}

// configured is the alarm of a request, not evaluated yet.
func (s *Service) configured(in *cw.PutMetricAlarmInput, now time.Time) types.MetricAlarm {
	m := types.MetricAlarm{
		AlarmName:                          in.AlarmName,
		AlarmArn:                           new(s.config.Account.ARN("cloudwatch", "alarm:"+*in.AlarmName)),
		AlarmConfigurationUpdatedTimestamp: &now,
		AlarmDescription:                   in.AlarmDescription,
		ActionsEnabled:                     new(in.ActionsEnabled == nil || *in.ActionsEnabled),
		AlarmActions:                       append([]string{}, in.AlarmActions...),
		OKActions:                          append([]string{}, in.OKActions...),
		InsufficientDataActions:            append([]string{}, in.InsufficientDataActions...),
		ComparisonOperator:                 in.ComparisonOperator,
		Threshold:                          in.Threshold,
		EvaluationPeriods:                  in.EvaluationPeriods,
		DatapointsToAlarm:                  in.DatapointsToAlarm,
		TreatMissingData:                   in.TreatMissingData,
		EvaluateLowSampleCountPercentile:   in.EvaluateLowSampleCountPercentile,
		Metrics:                            in.Metrics,
		StateValue:                         types.StateValueInsufficientData,
		StateReason:                        new(scaling.Initial),
		StateUpdatedTimestamp:              &now,
		StateTransitionedTimestamp:         &now,
	}
	if len(in.Metrics) == 0 {
		m.Namespace, m.MetricName, m.Dimensions = in.Namespace, in.MetricName, append([]types.Dimension{}, in.Dimensions...)
		m.Statistic, m.ExtendedStatistic, m.Period, m.Unit = in.Statistic, in.ExtendedStatistic, in.Period, in.Unit
	}
	return m
}

func checkAlarm(in *cw.PutMetricAlarmInput) error {
	switch {
	case aws.ToString(in.AlarmName) == "":
		return required("AlarmName")
	case len(*in.AlarmName) > 255:
		return tooLong("alarmName", 255)
	case len(aws.ToString(in.AlarmDescription)) > 1024:
		return tooLong("alarmDescription", 1024)
	case in.ComparisonOperator == "":
		return required("ComparisonOperator")
	case !slices.Contains(in.ComparisonOperator.Values(), in.ComparisonOperator):
		return notOneOf(in.ComparisonOperator, "comparisonOperator", in.ComparisonOperator.Values())
	case in.ThresholdMetricId != nil || !scaling.Comparison(in.ComparisonOperator).Valid():
		return validation("Anomaly detection is not supported.")
	case in.EvaluationPeriods == nil:
		return required("EvaluationPeriods")
	case in.EvaluationCriteria != nil || in.EvaluationWindow != nil || in.EvaluationInterval != nil:
		return validation("EvaluationCriteria, EvaluationWindow and EvaluationInterval are not supported.")
	case in.WarmUpConfiguration != nil || in.ActionConfiguration != nil:
		return validation("WarmUpConfiguration and ActionConfiguration are not supported.")
	case in.Threshold == nil:
		return required("Threshold")
	case math.IsNaN(*in.Threshold) || math.IsInf(*in.Threshold, 0):
		return invalidValue("The value %v for parameter Threshold is invalid.", *in.Threshold)
	case *in.EvaluationPeriods < 1:
		return tooSmall(*in.EvaluationPeriods, "evaluationPeriods")
	case in.DatapointsToAlarm != nil && *in.DatapointsToAlarm < 1:
		return tooSmall(*in.DatapointsToAlarm, "datapointsToAlarm")
	case aws.ToInt32(in.DatapointsToAlarm) > *in.EvaluationPeriods:
		return validation("DatapointsToAlarm must be less than or equal to EvaluationPeriods.")
	case in.TreatMissingData != nil && !scaling.Treatment(*in.TreatMissingData).Valid():
		return validation("Unsupported treat missing data: %s. Expected values: breaching, notBreaching, ignore, missing.", *in.TreatMissingData)
	}
	if err := cmp.Or(checkActions(in.AlarmActions, "alarmActions"), checkActions(in.OKActions, "oKActions"),
		checkActions(in.InsufficientDataActions, "insufficientDataActions")); err != nil {
		return err
	}
	if err := checkTags(in.Tags); err != nil {
		return err
	}
	return checkMetric(in)
}

// actionsLimit is how many actions an alarm has for one state.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
const actionsLimit = 5

func checkActions(arns []string, member string) error {
	if len(arns) > actionsLimit {
		return tooLong(member, actionsLimit)
	}
	for _, arn := range arns {
		if !strings.HasPrefix(arn, "arn:") {
			return validation("Invalid arn syntax: %s", arn)
		}
	}
	return nil
}

// What EvaluateLowSampleCountPercentile can be.
const (
	lowSampleEvaluate = "evaluate"
	lowSampleIgnore   = "ignore"
)

// checkMetric holds an alarm to either one metric or metric math.
func checkMetric(in *cw.PutMetricAlarmInput) error {
	if len(in.Metrics) > 0 {
		if in.MetricName != nil || in.Namespace != nil || in.Period != nil || in.Statistic != "" || in.ExtendedStatistic != nil ||
			len(in.Dimensions) > 0 || in.Unit != "" {
			return validation("Metrics list cannot be used together with the parameters of a single metric.")
		}
		if in.EvaluateLowSampleCountPercentile != nil {
			return validation("EvaluateLowSampleCountPercentile can only be used with ExtendedStatistic.")
		}
		return nil
	}
	switch {
	case in.MetricName == nil:
		return required("MetricName")
	case in.Namespace == nil:
		return required("Namespace")
	case in.Period == nil:
		return required("Period")
	case in.Statistic == "" && in.ExtendedStatistic == nil:
		return required("Statistic")
	case in.Statistic != "" && in.ExtendedStatistic != nil:
		return invalidCombination("Statistic and ExtendedStatistic are mutually exclusive.")
	case in.Statistic != "" && !slices.Contains(in.Statistic.Values(), in.Statistic):
		return notOneOf(in.Statistic, "statistic", in.Statistic.Values())
	case in.Unit != "" && !slices.Contains(in.Unit.Values(), in.Unit):
		return notOneOf(in.Unit, "unit", in.Unit.Values())
	case len(in.Dimensions) > dimensionLimit:
		return tooLong("dimensions", dimensionLimit)
	}
	if err := checkDimensions(in.Dimensions, "Dimensions"); err != nil {
		return err
	}
	return checkExtended(in)
}

func checkExtended(in *cw.PutMetricAlarmInput) error {
	statistic, ok := metric.ParseStatistic(aws.ToString(in.ExtendedStatistic))
	low := aws.ToString(in.EvaluateLowSampleCountPercentile)
	switch {
	case in.ExtendedStatistic != nil && (!ok || !statistic.NeedsValues()):
		return invalidValue("The value %s for parameter ExtendedStatistic is not supported.", *in.ExtendedStatistic)
	case in.EvaluateLowSampleCountPercentile == nil:
		return nil
	case low != lowSampleEvaluate && low != lowSampleIgnore:
		return validation("Option %s is not supported. Supported options for parameter EvaluateLowSampleCountPercentile are evaluate and ignore.", low)
	case in.ExtendedStatistic == nil:
		return validation("EvaluateLowSampleCountPercentile can only be used with ExtendedStatistic.")
	}
	return nil
}

// checkWindow bounds what one evaluation looks at: a day, and with periods of
// an hour or more a week.
func checkWindow(period time.Duration, periods int32) error {
	const day = 24 * time.Hour
	window := period * time.Duration(periods)
	switch {
	case period < 10*time.Second:
		return validation("Period must be 10, 20, 30, or a multiple of 60.")
	case period < time.Hour && window > day:
		return validation("Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400).")
	case window > 7*day:
		return validation("Metrics cannot be checked across more than a week (EvaluationPeriods * Period must be <= 604800).")
	}
	return nil
}

func tooSmall(value int32, member string) error {
	return validation("1 validation error detected: Value '%d' at '%s' failed to satisfy constraint: Member must have value greater than or equal to 1", value, member)
}
