package cloudwatch_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/spate-run/spate/internal/engine/cloudwatch"
)

var ignoreUnexported = cmpopts.IgnoreUnexported(
	types.MetricAlarm{}, types.Dimension{}, types.Metric{}, types.MetricStat{}, types.MetricDataQuery{},
	types.Datapoint{}, types.Tag{}, types.MetricDataResult{}, types.AlarmHistoryItem{},
)

func simple(name string) *cw.PutMetricAlarmInput {
	return &cw.PutMetricAlarmInput{
		AlarmName: &name, Namespace: new("spate"), MetricName: new("depth"),
		ComparisonOperator: types.ComparisonOperatorGreaterThanThreshold, Threshold: new(1.5),
		EvaluationPeriods: new(int32(1)), Period: new(int32(60)), Statistic: types.StatisticSum,
	}
}

func TestPutMetricAlarmRefuses(t *testing.T) {
	_, client := serve(t, cloudwatch.Config{})
	for name, tt := range map[string]struct {
		change func(*cw.PutMetricAlarmInput)
		code   string
	}{
		"no statistic":           {func(in *cw.PutMetricAlarmInput) { in.Statistic = "" }, "MissingParameter"},
		"odd statistic":          {func(in *cw.PutMetricAlarmInput) { in.Statistic = "Median" }, "ValidationError"},
		"no threshold":           {func(in *cw.PutMetricAlarmInput) { in.Threshold = nil }, "MissingParameter"},
		"odd operator":           {func(in *cw.PutMetricAlarmInput) { in.ComparisonOperator = "Above" }, "ValidationError"},
		"anomaly operator":       {func(in *cw.PutMetricAlarmInput) { in.ComparisonOperator = "GreaterThanUpperThreshold" }, "ValidationError"},
		"no periods":             {func(in *cw.PutMetricAlarmInput) { in.EvaluationPeriods = new(int32(0)) }, "ValidationError"},
		"more than N":            {func(in *cw.PutMetricAlarmInput) { in.DatapointsToAlarm = new(int32(2)) }, "ValidationError"},
		"odd period":             {func(in *cw.PutMetricAlarmInput) { in.Period = new(int32(61)) }, "ValidationError"},
		"more than a day":        {func(in *cw.PutMetricAlarmInput) { in.EvaluationPeriods = new(int32(1441)) }, "ValidationError"},
		"odd missing data":       {func(in *cw.PutMetricAlarmInput) { in.TreatMissingData = new("fine") }, "ValidationError"},
		"odd action":             {func(in *cw.PutMetricAlarmInput) { in.AlarmActions = []string{"page me"} }, "ValidationError"},
		"a metric and math":      {func(in *cw.PutMetricAlarmInput) { in.Metrics = []types.MetricDataQuery{sum("1")} }, "ValidationError"},
		"two statistics":         {func(in *cw.PutMetricAlarmInput) { in.ExtendedStatistic = new("p90") }, "InvalidParameterCombination"},
		"a threshold of nothing": {func(in *cw.PutMetricAlarmInput) { in.Threshold = new(math.NaN()) }, "InvalidParameterValue"},
	} {
		t.Run(name, func(t *testing.T) {
			in := simple("x")
			tt.change(in)
			_, err := client.PutMetricAlarm(t.Context(), in)
			wantCode(t, err, tt.code)
		})
	}
}

func TestDescribeAlarms(t *testing.T) {
	_, client := serve(t, cloudwatch.Config{})
	for i := range 7 {
		in := simple(fmt.Sprintf("a%d", i))
		in.AlarmActions = []string{fmt.Sprintf("arn:aws:sns:us-east-1:000000000000:%d", i%2)}
		put(t, client, in)
	}
	put(t, client, outstanding("b", types.ComparisonOperatorGreaterThanThreshold, 0, 1))
	for name, tt := range map[string]struct {
		in   cw.DescribeAlarmsInput
		want []string
	}{
		"all":        {cw.DescribeAlarmsInput{}, []string{"a0", "a1", "a2", "a3", "a4", "a5", "a6", "b"}},
		"pages":      {cw.DescribeAlarmsInput{MaxRecords: new(int32(3))}, []string{"a0", "a1", "a2", "a3", "a4", "a5", "a6", "b"}},
		"names":      {cw.DescribeAlarmsInput{AlarmNames: []string{"b", "a1", "no"}}, []string{"a1", "b"}},
		"prefix":     {cw.DescribeAlarmsInput{AlarmNamePrefix: new("b")}, []string{"b"}},
		"actions":    {cw.DescribeAlarmsInput{ActionPrefix: new("arn:aws:sns:us-east-1:000000000000:1")}, []string{"a1", "a3", "a5"}},
		"state":      {cw.DescribeAlarmsInput{StateValue: types.StateValueOk}, nil},
		"composites": {cw.DescribeAlarmsInput{AlarmTypes: []types.AlarmType{types.AlarmTypeCompositeAlarm}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for pages := cw.NewDescribeAlarmsPaginator(client, &tt.in); pages.HasMorePages(); {
				page, err := pages.NextPage(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for _, m := range page.MetricAlarms {
					got = append(got, *m.AlarmName)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("alarms (-want +got):\n%s", diff)
			}
		})
	}
	of, err := client.DescribeAlarmsForMetric(t.Context(), &cw.DescribeAlarmsForMetricInput{Namespace: new("spate"), MetricName: new("depth")})
	if err != nil || len(of.MetricAlarms) != 7 {
		t.Errorf("alarms of the metric: got %v, %v; want 7", of, err)
	}
	if _, err := client.DeleteAlarms(t.Context(), &cw.DeleteAlarmsInput{AlarmNames: []string{"a0", "no"}}); err != nil {
		t.Error(err)
	}
	left, err := client.DescribeAlarms(t.Context(), &cw.DescribeAlarmsInput{})
	if err != nil || len(left.MetricAlarms) != 7 {
		t.Errorf("after deleting one: got %v, %v; want 7", left, err)
	}
}

func TestNewAlarmAsDescribed(t *testing.T) {
	_, client := serve(t, cloudwatch.Config{})
	put(t, client, simple("x"))
	want := types.MetricAlarm{
		AlarmName: new("x"), AlarmArn: new("arn:aws:cloudwatch:us-east-1:000000000000:alarm:x"), ActionsEnabled: new(true),
		Namespace: new("spate"), MetricName: new("depth"), Dimensions: []types.Dimension{},
		AlarmActions: []string{}, OKActions: []string{}, InsufficientDataActions: []string{},
		ComparisonOperator: types.ComparisonOperatorGreaterThanThreshold, Threshold: new(1.5),
		EvaluationPeriods: new(int32(1)), Period: new(int32(60)), Statistic: types.StatisticSum,
		StateValue: types.StateValueInsufficientData, StateReason: new("Unchecked: Initial alarm creation"),
	}
	if diff := cmp.Diff(want, describe(t, client, "x"), ignoreUnexported, cmpopts.IgnoreTypes(&time.Time{})); diff != "" {
		t.Errorf("alarm (-want +got):\n%s", diff)
	}
}

func TestTags(t *testing.T) {
	_, client := serve(t, cloudwatch.Config{})
	in := simple("x")
	in.Tags = []types.Tag{{Key: new("team"), Value: new("a")}, {Key: new("cost"), Value: new("1")}}
	put(t, client, in)
	arn := describe(t, client, "x").AlarmArn
	ctx := t.Context()
	if _, err := client.TagResource(ctx, &cw.TagResourceInput{ResourceARN: arn, Tags: []types.Tag{{Key: new("team"), Value: new("b")}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.UntagResource(ctx, &cw.UntagResourceInput{ResourceARN: arn, TagKeys: []string{"cost"}}); err != nil {
		t.Fatal(err)
	}
	got, err := client.ListTagsForResource(ctx, &cw.ListTagsForResourceInput{ResourceARN: arn})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]types.Tag{{Key: new("team"), Value: new("b")}}, got.Tags, ignoreUnexported); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	_, err = client.ListTagsForResource(ctx, &cw.ListTagsForResourceInput{ResourceARN: aws.String(*arn + "y")})
	wantCode(t, err, "ResourceNotFoundException")
}

func TestMetricData(t *testing.T) {
	_, client := serve(t, cloudwatch.Config{})
	minute := time.Now().UTC().Add(-time.Hour).Truncate(time.Minute)
	datum := func(after time.Duration, values ...float64) types.MetricDatum {
		return types.MetricDatum{MetricName: new("depth"), Timestamp: new(minute.Add(after)), Values: values, Unit: types.StandardUnitCount}
	}
	if _, err := client.PutMetricData(t.Context(), &cw.PutMetricDataInput{Namespace: new("spate"), MetricData: []types.MetricDatum{
		datum(2*time.Minute, 7), datum(10*time.Second, 4, 1), datum(20*time.Second, 4),
		{MetricName: new("depth"), Timestamp: &minute, StatisticValues: &types.StatisticSet{SampleCount: new(2.0), Sum: new(11.0), Minimum: new(2.0), Maximum: new(9.0)}, Unit: types.StandardUnitCount},
	}}); err != nil {
		t.Fatal(err)
	}
	stats, err := client.GetMetricStatistics(t.Context(), &cw.GetMetricStatisticsInput{
		Namespace: new("spate"), MetricName: new("depth"), StartTime: new(minute.Add(5 * time.Second)), EndTime: new(minute.Add(3 * time.Minute)),
		Period: new(int32(60)), Statistics: types.Statistic("").Values(),
	})
	if err != nil {
		t.Fatal(err)
	}
	point := func(at time.Time, count, sum, low, high float64) types.Datapoint {
		return types.Datapoint{
			Timestamp: &at, Unit: types.StandardUnitCount, SampleCount: &count, Sum: &sum,
			Minimum: &low, Maximum: &high, Average: new(sum / count),
		}
	}
	want := []types.Datapoint{point(minute, 5, 20, 1, 9), point(minute.Add(2*time.Minute), 1, 7, 7, 7)}
	if diff := cmp.Diff(want, stats.Datapoints, ignoreUnexported); diff != "" {
		t.Errorf("statistics (-want +got):\n%s", diff)
	}

	for name, tt := range map[string]struct {
		in   cw.PutMetricDataInput
		code string
	}{
		"AWS's namespace": {cw.PutMetricDataInput{Namespace: new("AWS/SQS"), MetricData: []types.MetricDatum{datum(0, 1)}}, "InvalidParameterValue"},
		"no value":        {cw.PutMetricDataInput{Namespace: new("x"), MetricData: []types.MetricDatum{datum(0)}}, "MissingParameter"},
		"not a number":    {cw.PutMetricDataInput{Namespace: new("x"), MetricData: []types.MetricDatum{datum(0, math.NaN())}}, "InvalidParameterValue"},
		"infinity":        {cw.PutMetricDataInput{Namespace: new("x"), MetricData: []types.MetricDatum{datum(0, math.Inf(1))}}, "InvalidParameterValue"},
		"too old":         {cw.PutMetricDataInput{Namespace: new("x"), MetricData: []types.MetricDatum{datum(-15*24*time.Hour, 1)}}, "InvalidParameterValue"},
		"nothing":         {cw.PutMetricDataInput{Namespace: new("x")}, "MissingParameter"},
	} {
		_, err := client.PutMetricData(t.Context(), &tt.in)
		t.Run(name, func(t *testing.T) { wantCode(t, err, tt.code) })
	}
}

func TestGetMetricData(t *testing.T) {
	_, client := serve(t, cloudwatch.Config{})
	minute := time.Now().UTC().Add(-time.Hour).Truncate(time.Minute)
	var data []types.MetricDatum
	for i, value := range []float64{1, 2, 3, 4} {
		at := minute.Add(time.Duration(i) * time.Minute)
		data = append(data, types.MetricDatum{MetricName: new("a"), Timestamp: &at, Value: &value})
		if i%2 == 0 {
			data = append(data, types.MetricDatum{MetricName: new("b"), Timestamp: &at, Value: new(10 * value)})
		}
	}
	if _, err := client.PutMetricData(t.Context(), &cw.PutMetricDataInput{Namespace: new("spate"), MetricData: data}); err != nil {
		t.Fatal(err)
	}
	query := func(id string, returned bool) types.MetricDataQuery {
		return types.MetricDataQuery{Id: &id, ReturnData: &returned, MetricStat: &types.MetricStat{
			Metric: &types.Metric{Namespace: new("spate"), MetricName: &id}, Period: new(int32(60)), Stat: new("Sum"),
		}}
	}
	in := &cw.GetMetricDataInput{
		StartTime: &minute, EndTime: new(minute.Add(4 * time.Minute)), ScanBy: types.ScanByTimestampAscending,
		MetricDataQueries: []types.MetricDataQuery{
			query("a", true), query("b", false),
			{Id: new("sum"), Expression: new("a + b")},
			{Id: new("filled"), Expression: new("(a + FILL(b, 0)) * 2")},
			{Id: new("twice"), Expression: new("sum - -sum / 1")},
		},
	}
	want := map[string][]float64{"a": {1, 2, 3, 4}, "sum": {11, 2, 33, 4}, "filled": {22, 4, 66, 8}, "twice": {22, 4, 66, 8}}
	for _, size := range []int32{0, 1, 3} {
		in.MaxDatapoints = &size
		if size == 0 {
			in.MaxDatapoints = nil
		}
		got := map[string][]float64{}
		for pages := cw.NewGetMetricDataPaginator(client, in); pages.HasMorePages(); {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range page.MetricDataResults {
				got[*r.Id] = append(got[*r.Id], r.Values...)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pages of %d (-want +got):\n%s", size, diff)
		}
	}

	list, err := client.ListMetrics(t.Context(), &cw.ListMetricsInput{Namespace: new("spate")})
	if err != nil || len(list.Metrics) != 2 {
		t.Errorf("listing metrics: got %v, %v; want 2", list, err)
	}
}

// Expressions that double one another 40 times are computed once each.
func TestSharedOperandsAreComputedOnce(t *testing.T) {
	_, client := serve(t, cloudwatch.Config{})
	a := metric("e0", "x")
	queries := []types.MetricDataQuery{a}
	for i := range 40 {
		queries = append(queries, types.MetricDataQuery{Id: new(fmt.Sprintf("e%d", i+1)), Expression: new(fmt.Sprintf("e%d + e%[1]d + e0", i))})
	}
	out, err := client.GetMetricData(t.Context(), &cw.GetMetricDataInput{
		StartTime: new(time.Now().Add(-time.Hour)), EndTime: new(time.Now()), MetricDataQueries: queries,
	})
	if err != nil || len(out.MetricDataResults) != 40 {
		t.Errorf("got %v, %v; want 40 results", out, err)
	}
}

// GetMetricData answers in true minutes at every cadence.
func TestPeriodsAreTrueInFastCadence(t *testing.T) {
	// The bubble of TestBacklogIsSeenAndRepeated has the cadence; here only
	// the grid matters: data of two minutes, each second, makes two periods.
	_, client := serve(t, cloudwatch.Config{Cadence: 60})
	minute := time.Now().UTC().Add(-time.Hour).Truncate(time.Minute)
	var data []types.MetricDatum
	for i := range 120 {
		data = append(data, types.MetricDatum{MetricName: new("x"), Value: new(float64(i)), Timestamp: new(minute.Add(time.Duration(i) * time.Second))})
	}
	if _, err := client.PutMetricData(t.Context(), &cw.PutMetricDataInput{Namespace: new("spate"), MetricData: data}); err != nil {
		t.Fatal(err)
	}
	for period, want := range map[int32]int{60: 2, 10: 12, 1: 120} {
		out, err := client.GetMetricData(t.Context(), &cw.GetMetricDataInput{
			StartTime: &minute, EndTime: new(minute.Add(2 * time.Minute)),
			MetricDataQueries: []types.MetricDataQuery{{Id: new("x"), MetricStat: &types.MetricStat{
				Metric: &types.Metric{Namespace: new("spate"), MetricName: new("x")}, Period: &period, Stat: new("Maximum"),
			}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		values := out.MetricDataResults[0].Values
		if len(values) != want || values[0] != 119 {
			t.Errorf("period %d: got %d values from %v on, want %d from 119 on", period, len(values), values[0], want)
		}
	}
}

func TestQueriesAreChecked(t *testing.T) {
	_, client := serve(t, cloudwatch.Config{})
	expression := func(id, text string) types.MetricDataQuery { return types.MetricDataQuery{Id: &id, Expression: &text} }
	a := metric("a", "x")
	hourly := metric("h", "x")
	hourly.MetricStat.Period = new(int32(3600))
	for name, tt := range map[string]struct {
		queries []types.MetricDataQuery
		message string
	}{
		"function": {[]types.MetricDataQuery{a, expression("e", "MEDIAN([a])")}, "Error in expression 'e': Function 'MEDIAN' not found"},
		"unknown":  {[]types.MetricDataQuery{a, expression("e", "a + b")}, "Error in expression 'e': Variable 'b' not found"},
		"syntax":   {[]types.MetricDataQuery{a, expression("e", "(a + 1")}, "Error in expression 'e': Invalid syntax"},
		"empty":    {[]types.MetricDataQuery{a, expression("e", "")}, "Error in expression 'e': Invalid syntax"},
		"periods":  {[]types.MetricDataQuery{a, hourly, expression("e", "a + h")}, "Error in expression 'e': All metrics must have the same period"},
		"twice":    {[]types.MetricDataQuery{a, a}, "The values for parameter id in MetricDataQueries are not unique."},
		"id":       {[]types.MetricDataQuery{a, expression("E", "1")}, "The value E for parameter MetricDataQueries.member.2.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$."},
		"neither":  {[]types.MetricDataQuery{{Id: new("a")}}, "Exactly one of the parameters Expression and MetricStat must be set for the query 'a'."},
		"too many": {slices.Repeat([]types.MetricDataQuery{a}, 501), "The collection MetricDataQueries must not have a size greater than 500."},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client.GetMetricData(t.Context(), &cw.GetMetricDataInput{
				StartTime: new(time.Now().Add(-time.Hour)), EndTime: new(time.Now()), MetricDataQueries: tt.queries,
			})
			wantCode(t, err, "ValidationError")
			if fault := message(err); fault != tt.message {
				t.Errorf("got %q, want %q", fault, tt.message)
			}
		})
	}
}
