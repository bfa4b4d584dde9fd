package cloudwatch_test

import (
	"fmt"
	"strings"
	"testing"

	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/spate-run/spate/internal/engine/cloudwatch"
)

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
func TestLimitsOfAlarms(t *testing.T) {
	_, client := serve(t, cloudwatch.Config{})
	math := func(in *cw.PutMetricAlarmInput, queries ...types.MetricDataQuery) {
		in.Namespace, in.MetricName, in.Period, in.Statistic, in.Metrics = nil, nil, nil, "", queries
	}
	hourly := metric("hourly", "x")
	hourly.MetricStat.Period = new(int32(3600))
	for name, tt := range map[string]struct {
		change        func(*cw.PutMetricAlarmInput)
		code, message string
	}{
		"a long name": {func(in *cw.PutMetricAlarmInput) { in.AlarmName = new(strings.Repeat("x", 256)) }, "ValidationError",
			"1 validation error detected: Value at 'alarmName' failed to satisfy constraint: Member must have length less than or equal to 255"},
		"six actions": {func(in *cw.PutMetricAlarmInput) {
			in.OKActions = strings.Split(strings.Repeat(" arn:aws:sns:us-east-1:000000000000:x", 6)[1:], " ")
		}, "ValidationError", "1 validation error detected: Value at 'oKActions' failed to satisfy constraint: Member must have length less than or equal to 5"},
		"51 tags": {func(in *cw.PutMetricAlarmInput) {
			for i := range 51 {
				in.Tags = append(in.Tags, types.Tag{Key: new(fmt.Sprint(i)), Value: new("")})
			}
		}, "ValidationError", ""},
		"AWS's tag":   {func(in *cw.PutMetricAlarmInput) { in.Tags = []types.Tag{{Key: new("aws:x"), Value: new("")}} }, "InvalidParameterValue", ""},
		"an odd p":    {func(in *cw.PutMetricAlarmInput) { in.Statistic, in.ExtendedStatistic = "", new("p101") }, "InvalidParameterValue", "The value p101 for parameter ExtendedStatistic is not supported."},
		"low samples": {func(in *cw.PutMetricAlarmInput) { in.EvaluateLowSampleCountPercentile = new("ignore") }, "ValidationError", ""},
		"a warm-up": {func(in *cw.PutMetricAlarmInput) {
			in.WarmUpConfiguration = &types.WarmUpConfiguration{WarmUpPeriodDurationInMinutes: new(int32(5))}
		}, "ValidationError", ""},
		"several": {func(in *cw.PutMetricAlarmInput) {
			math(in, metric("a", "x"), types.MetricDataQuery{Id: new("e"), Expression: new("METRICS() * 2")})
		}, "ValidationError", "Metrics expression that return multi time series are only allowed for MetricsInsights expression with an ORDER BY clause"},
		"two watched": {func(in *cw.PutMetricAlarmInput) {
			math(in, sum("TIME_SERIES(1)"), metric("a", "x"), types.MetricDataQuery{Id: new("e"), Expression: new("a")})
		}, "ValidationError", "Exactly one element of the metrics list should return data."},
		"two periods": {func(in *cw.PutMetricAlarmInput) { math(in, metric("a", "x"), hourly, sum("a * 2")) }, "ValidationError", ""},
		"eleven": {func(in *cw.PutMetricAlarmInput) {
			queries := []types.MetricDataQuery{sum("SUM(METRICS())")}
			for i := range 11 {
				queries = append(queries, metric(fmt.Sprintf("m%d", i), "x"))
			}
			math(in, queries...)
		}, "ValidationError", ""},
	} {
		t.Run(name, func(t *testing.T) {
			in := simple("x")
			tt.change(in)
			_, err := client.PutMetricAlarm(t.Context(), in)
			wantCode(t, err, tt.code)
			if got := message(err); tt.message != "" && got != tt.message {
				t.Errorf("got %q, want %q", got, tt.message)
			}
		})
	}
	list, err := client.DescribeAlarms(t.Context(), &cw.DescribeAlarmsInput{})
	if err != nil || len(list.MetricAlarms) != 0 {
		t.Errorf("got alarms %v, %v; want none of what was refused", list, err)
	}
}

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
func TestFamiliesOfAlarms(t *testing.T) {
	_, client := serve(t, cloudwatch.Config{})
	put(t, client, simple("x"))
	parents, err := client.DescribeAlarms(t.Context(), &cw.DescribeAlarmsInput{ParentsOfAlarmName: new("x")})
	if err != nil || len(parents.MetricAlarms)+len(parents.CompositeAlarms) != 0 {
		t.Errorf("parents: got %v, %v; want none", parents, err)
	}
	for name, tt := range map[string]struct {
		in   cw.DescribeAlarmsInput
		code string
	}{
		"parents of nobody":    {cw.DescribeAlarmsInput{ParentsOfAlarmName: new("y")}, "ResourceNotFound"},
		"children":             {cw.DescribeAlarmsInput{ChildrenOfAlarmName: new("x")}, "ResourceNotFound"},
		"parents, of a prefix": {cw.DescribeAlarmsInput{ParentsOfAlarmName: new("x"), AlarmNamePrefix: new("x")}, "ValidationError"},
		"names and a prefix":   {cw.DescribeAlarmsInput{AlarmNames: []string{"x"}, AlarmNamePrefix: new("x")}, "ValidationError"},
		"101 names":            {cw.DescribeAlarmsInput{AlarmNames: make([]string, 101)}, "ValidationError"},
		"an odd state":         {cw.DescribeAlarmsInput{StateValue: "FINE"}, "ValidationError"},
		"an odd type":          {cw.DescribeAlarmsInput{AlarmTypes: []types.AlarmType{"Fire"}}, "ValidationError"},
		"101 records":          {cw.DescribeAlarmsInput{MaxRecords: new(int32(101))}, "ValidationError"},
		"an odd token":         {cw.DescribeAlarmsInput{NextToken: new("x")}, "InvalidNextToken"},
	} {
		_, err := client.DescribeAlarms(t.Context(), &tt.in)
		t.Run(name, func(t *testing.T) { wantCode(t, err, tt.code) })
	}
	_, err = client.DisableAlarmActions(t.Context(), &cw.DisableAlarmActionsInput{AlarmNames: make([]string, 101)})
	wantCode(t, err, "ValidationError")
	_, err = client.DescribeAlarmHistory(t.Context(), &cw.DescribeAlarmHistoryInput{HistoryItemType: "Rumour"})
	wantCode(t, err, "ValidationError")
}
