package cloudwatch_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/engine/cloudwatch"
)

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
func TestPutMetricDataRefuses(t *testing.T) {
	_, client := serve(t, cloudwatch.Config{})
	set := func(count, sum, low, high float64) *types.StatisticSet {
		return &types.StatisticSet{SampleCount: &count, Sum: &sum, Minimum: &low, Maximum: &high}
	}
	for name, tt := range map[string]struct {
		change        func(*cw.PutMetricDataInput, *types.MetricDatum)
		code, message string
	}{
		"AWS's namespace": {func(in *cw.PutMetricDataInput, _ *types.MetricDatum) { in.Namespace = new("AWS/SQS") },
			"InvalidParameterValue", "The value AWS/ for parameter Namespace is invalid."},
		"a namespace of a colon": {func(in *cw.PutMetricDataInput, _ *types.MetricDatum) { in.Namespace = new(":x") },
			"InvalidParameterValue", "The value :x for parameter Namespace is invalid."},
		"no values": {func(_ *cw.PutMetricDataInput, d *types.MetricDatum) { d.Value = nil },
			"MissingParameter", "The parameter MetricData.member.1.Value is required."},
		"values twice": {func(_ *cw.PutMetricDataInput, d *types.MetricDatum) { d.Values = []float64{1} },
			"InvalidParameterCombination", ""},
		"a value and a set": {func(_ *cw.PutMetricDataInput, d *types.MetricDatum) { d.StatisticValues = set(1, 1, 1, 1) },
			"InvalidParameterCombination", ""},
		"no number": {func(_ *cw.PutMetricDataInput, d *types.MetricDatum) { d.Value = new(math.NaN()) },
			"InvalidParameterValue", "The value NaN for parameter MetricData.member.1.Value is invalid."},
		"infinity": {func(_ *cw.PutMetricDataInput, d *types.MetricDatum) { d.Value = new(math.Inf(-1)) },
			"InvalidParameterValue", "The value -Inf for parameter MetricData.member.1.Value is invalid."},
		"above 2^360": {func(_ *cw.PutMetricDataInput, d *types.MetricDatum) { d.Value = new(math.Pow(2, 361)) }, "InvalidParameterValue", ""},
		"151 values": {func(_ *cw.PutMetricDataInput, d *types.MetricDatum) { d.Value, d.Values = nil, make([]float64, 151) },
			"InvalidParameterValue", "The collection MetricData.member.1.Values must not have a size greater than 150."},
		"counts of others": {func(_ *cw.PutMetricDataInput, d *types.MetricDatum) {
			d.Value, d.Values, d.Counts = nil, []float64{1, 2}, []float64{1}
		}, "InvalidParameterValue", "The parameters MetricData.member.1.Values and MetricData.member.1.Counts must be of the same size."},
		"a set upside down": {func(_ *cw.PutMetricDataInput, d *types.MetricDatum) {
			d.Value, d.StatisticValues = nil, set(2, 3, 2, 1)
		}, "InvalidParameterValue", ""},
		"older than two weeks": {func(_ *cw.PutMetricDataInput, d *types.MetricDatum) {
			d.Timestamp = new(time.Now().Add(-14*24*time.Hour - time.Minute))
		},
			"InvalidParameterValue", "The parameter MetricData.member.1.Timestamp must specify a time within the past two weeks."},
		"three hours ahead": {func(_ *cw.PutMetricDataInput, d *types.MetricDatum) { d.Timestamp = new(time.Now().Add(3 * time.Hour)) }, "InvalidParameterValue", ""},
		"an odd unit":       {func(_ *cw.PutMetricDataInput, d *types.MetricDatum) { d.Unit = "Furlongs" }, "InvalidParameterValue", ""},
		"an odd resolution": {func(_ *cw.PutMetricDataInput, d *types.MetricDatum) { d.StorageResolution = new(int32(30)) }, "InvalidParameterValue", ""},
		"31 dimensions": {func(_ *cw.PutMetricDataInput, d *types.MetricDatum) {
			for i := range 31 {
				d.Dimensions = append(d.Dimensions, types.Dimension{Name: new(fmt.Sprint(i)), Value: new("x")})
			}
		}, "InvalidParameterValue", "The collection MetricData.member.1.Dimensions must not have a size greater than 30."},
		"a dimension twice": {func(_ *cw.PutMetricDataInput, d *types.MetricDatum) { d.Dimensions = slices.Repeat(dimensions, 2) }, "InvalidParameterValue", ""},
		"an empty dimension": {func(_ *cw.PutMetricDataInput, d *types.MetricDatum) {
			d.Dimensions = []types.Dimension{{Name: new("x"), Value: new("")}}
		}, "InvalidParameterValue", "The value  for parameter MetricData.member.1.Dimensions.member.1.Value is invalid."},
	} {
		t.Run(name, func(t *testing.T) {
			in := &cw.PutMetricDataInput{Namespace: new("spate")}
			datum := types.MetricDatum{MetricName: new("x"), Value: new(1.0)}
			tt.change(in, &datum)
			in.MetricData = []types.MetricDatum{datum}
			_, err := client.PutMetricData(t.Context(), in)
			wantCode(t, err, tt.code)
			if got := message(err); tt.message != "" && got != tt.message {
				t.Errorf("got %q, want %q", got, tt.message)
			}
		})
	}
	_, err := client.PutMetricData(t.Context(), &cw.PutMetricDataInput{Namespace: new("spate"), MetricData: slices.Repeat([]types.MetricDatum{{MetricName: new("x"), Value: new(1.0)}}, 1001)})
	wantCode(t, err, "InvalidParameterValue")
	list, err := client.ListMetrics(t.Context(), &cw.ListMetricsInput{})
	if err != nil || len(list.Metrics) != 0 {
		t.Errorf("got metrics %v, %v; want none of what was refused", list, err)
	}
}

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html
func TestGetMetricStatisticsRefuses(t *testing.T) {
	_, client := serve(t, cloudwatch.Config{})
	for name, tt := range map[string]struct {
		change        func(*cw.GetMetricStatisticsInput)
		code, message string
	}{
		"too much": {func(in *cw.GetMetricStatisticsInput) { in.StartTime = new(in.EndTime.Add(-25 * time.Hour)) }, "InvalidParameterCombination",
			"You have requested up to 1500 datapoints, which exceeds the limit of 1440. You may reduce the datapoints requested by increasing Period, or decreasing the time range."},
		"nothing": {func(in *cw.GetMetricStatisticsInput) { in.Statistics = nil }, "InvalidParameterCombination", "Must specify either Statistics or ExtendedStatistics"},
		"both":    {func(in *cw.GetMetricStatisticsInput) { in.ExtendedStatistics = []string{"p90"} }, "InvalidParameterCombination", ""},
		"an odd statistic": {func(in *cw.GetMetricStatisticsInput) { in.Statistics = []types.Statistic{"p99"} }, "InvalidParameterValue",
			"The parameter Statistics.member.1 must be a value in the set [SampleCount, Average, Sum, Minimum, Maximum]."},
		"an odd percentile": {func(in *cw.GetMetricStatisticsInput) { in.Statistics, in.ExtendedStatistics = nil, []string{"p101"} }, "InvalidParameterValue", ""},
		"an odd period":     {func(in *cw.GetMetricStatisticsInput) { in.Period = new(int32(61)) }, "InvalidParameterValue", ""},
		"backwards":         {func(in *cw.GetMetricStatisticsInput) { in.StartTime, in.EndTime = in.EndTime, in.StartTime }, "InvalidParameterValue", ""},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Now().Truncate(time.Minute)
			in := &cw.GetMetricStatisticsInput{
				Namespace: new("spate"), MetricName: new("x"), Period: new(int32(60)),
				StartTime: new(now.Add(-time.Hour)), EndTime: &now, Statistics: []types.Statistic{types.StatisticSum},
			}
			tt.change(in)
			_, err := client.GetMetricStatistics(t.Context(), in)
			wantCode(t, err, tt.code)
			if got := message(err); tt.message != "" && got != tt.message {
				t.Errorf("got %q, want %q", got, tt.message)
			}
		})
	}
}

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html
func TestListMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := open(t, t.TempDir()+"/x.db")
		defer st.Close()
		_, client := serve(t, cloudwatch.Config{Store: st})
		blue := []types.Dimension{{Name: new("Color"), Value: new("blue")}, {Name: new("Size"), Value: new("1")}}
		putData(t, client, types.MetricDatum{MetricName: new("a"), Value: new(1.0), Dimensions: blue})
		time.Sleep(4 * time.Hour)
		putData(t, client, types.MetricDatum{MetricName: new("a"), Value: new(1.0)}, types.MetricDatum{MetricName: new("b"), Value: new(1.0), Dimensions: blue[:1]})
		for name, tt := range map[string]struct {
			in   cw.ListMetricsInput
			want []string
		}{
			"all":         {cw.ListMetricsInput{}, []string{"a", "a", "b"}},
			"a name":      {cw.ListMetricsInput{MetricName: new("a")}, []string{"a", "a"}},
			"a namespace": {cw.ListMetricsInput{Namespace: new("other")}, nil},
			"a dimension": {cw.ListMetricsInput{Dimensions: []types.DimensionFilter{{Name: new("Color")}}}, []string{"a", "b"}},
			"two":         {cw.ListMetricsInput{Dimensions: []types.DimensionFilter{{Name: new("Color")}, {Name: new("Size"), Value: new("1")}}}, []string{"a"}},
			"a value":     {cw.ListMetricsInput{Dimensions: []types.DimensionFilter{{Name: new("Color"), Value: new("red")}}}, nil},
			"recent":      {cw.ListMetricsInput{RecentlyActive: types.RecentlyActivePt3h}, []string{"a", "b"}},
			"of others":   {cw.ListMetricsInput{OwningAccount: new("123456789012"), IncludeLinkedAccounts: new(true)}, nil},
		} {
			out, err := client.ListMetrics(t.Context(), &tt.in)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, m := range out.Metrics {
				got = append(got, *m.MetricName)
				if m.Dimensions == nil { // clients look into it without asking
					t.Errorf("%s: got no list of dimensions, want an empty one", name)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		_, err := client.ListMetrics(t.Context(), &cw.ListMetricsInput{RecentlyActive: "PT1H"})
		wantCode(t, err, "ValidationError")

		var data []types.MetricDatum
		for i := range 600 {
			data = append(data, types.MetricDatum{MetricName: new(fmt.Sprintf("many%03d", i)), Value: new(1.0)})
		}
		putData(t, client, data...)
		pages, names := 0, map[string]bool{}
		for p := cw.NewListMetricsPaginator(client, &cw.ListMetricsInput{}); p.HasMorePages(); pages++ {
			page, err := p.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range page.Metrics {
				names[*m.MetricName] = true
			}
		}
		if pages != 2 || len(names) != 602 {
			t.Errorf("got %d names on %d pages, want 602 on 2", len(names), pages)
		}
		time.Sleep(15 * 24 * time.Hour)
		out, err := client.ListMetrics(t.Context(), &cw.ListMetricsInput{})
		if err != nil || len(out.Metrics) != 0 {
			t.Errorf("after two weeks: got %d metrics, %v; want none", len(out.Metrics), err)
		}
	})
}

// Labels tell several results of one query apart, and may have dynamic values.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html#adding-metrics-expression-console
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/graph-dynamic-labels.html
func TestLabels(t *testing.T) {
	_, client := serve(t, cloudwatch.Config{})
	begin := time.Now().UTC().Truncate(time.Hour).Add(-time.Hour)
	for i := range 3 {
		at := begin.Add(time.Duration(i) * time.Minute)
		putData(t, client, types.MetricDatum{MetricName: new("errors"), Value: new(float64(4 * i)), Timestamp: &at, Dimensions: dimensions},
			types.MetricDatum{MetricName: new("calls"), Value: new(1.5), Timestamp: &at})
	}
	stat := func(id, label, name string, dims []types.Dimension) types.MetricDataQuery {
		q := types.MetricDataQuery{Id: &id, ReturnData: new(false), MetricStat: &types.MetricStat{
			Metric: &types.Metric{Namespace: new("spate"), MetricName: &name, Dimensions: dims}, Period: new(int32(60)), Stat: new("Sum"),
		}}
		if label != "" {
			q.Label = &label
		}
		return q
	}
	errors, calls := stat("m1", "Errors", "errors", dimensions), stat("m2", "", "calls", nil)
	for name, tt := range map[string]struct {
		expression string
		label      *string
		want       []string
	}{
		"several":           {"FILL(METRICS(), 0)", new("Filled With 0:"), []string{"Filled With 0: Errors", "Filled With 0: calls"}},
		"of an empty label": {"FILL(METRICS(), 0)", new(""), []string{"Errors", "calls"}},
		"one":               {"m1 + m2", nil, []string{"e"}},
		"numbers":           {"m1 + 0", new("max: ${MAX}, min: ${MIN}, avg: ${AVG}, sum: ${SUM}, last: ${LAST}, of ${DATAPOINT_COUNT}"), []string{"max: 8, min: 0, avg: 4, sum: 12, last: 8, of 3"}},
		"times":             {"m1 + 0", new("${MAX_TIME}"), []string{begin.Add(2*time.Minute + 90*time.Minute).Format("2006-01-02 15:04:05")}},
		"properties":        {"[m1]", new("${PROP('Namespace')}/${PROP('MetricName')} of ${PROP('Dim.QueueName')}, ${PROP('Stat')} of ${PROP('Period')} in ${PROP('Region')}:"), []string{"spate/errors of jobs, Sum of 60 in us-east-1: Errors"}},
		"without data":      {"m1 / 0", new("${MAX} of ${LABEL}"), []string{"-- of e"}},
		"no dynamic label":  {"m1 + 0", new("${WHAT} costs 5${"), []string{"${WHAT} costs 5${"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := client.GetMetricData(t.Context(), &cw.GetMetricDataInput{
				StartTime: &begin, EndTime: new(begin.Add(3 * time.Minute)), LabelOptions: &types.LabelOptions{Timezone: new("+0130")},
				MetricDataQueries: []types.MetricDataQuery{errors, calls, {Id: new("e"), Expression: &tt.expression, Label: tt.label}},
			})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range out.MetricDataResults {
				got = append(got, *r.Label)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("labels (-want +got):\n%s", diff)
			}
		})
	}
	_, err := client.GetMetricData(t.Context(), &cw.GetMetricDataInput{
		StartTime: &begin, EndTime: new(time.Now()), MetricDataQueries: []types.MetricDataQuery{calls}, LabelOptions: &types.LabelOptions{Timezone: new("Berlin")},
	})
	wantCode(t, err, "ValidationError")
}

// The newest data comes first, and a page that does not hold a whole result
// says so.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
func TestPagesOfMetricData(t *testing.T) {
	_, client := serve(t, cloudwatch.Config{})
	begin := time.Now().UTC().Truncate(time.Hour).Add(-time.Hour)
	for i := range 4 {
		putData(t, client, types.MetricDatum{MetricName: new("x"), Value: new(float64(i)), Timestamp: new(begin.Add(time.Duration(i) * time.Minute))})
	}
	query := types.MetricDataQuery{Id: new("m"), MetricStat: &types.MetricStat{Metric: new(custom("x")), Period: new(int32(60)), Stat: new("Sum")}}
	in := &cw.GetMetricDataInput{StartTime: &begin, EndTime: new(begin.Add(time.Hour)), MaxDatapoints: new(int32(3)), MetricDataQueries: []types.MetricDataQuery{query}}
	var got []string
	for p := cw.NewGetMetricDataPaginator(client, in); p.HasMorePages(); {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.MetricDataResults {
			got = append(got, fmt.Sprint(r.StatusCode, r.Values))
		}
	}
	if want := "PartialData[3 2 1] Complete[0]"; strings.Join(got, " ") != want {
		t.Errorf("got pages %q, want %q", strings.Join(got, " "), want)
	}
	for name, change := range map[string]func(*cw.GetMetricDataInput){
		"InvalidNextToken": func(in *cw.GetMetricDataInput) { in.NextToken = new("3") },
		"ValidationError":  func(in *cw.GetMetricDataInput) { in.MaxDatapoints = new(int32(0)) },
	} {
		wrong := *in
		change(&wrong)
		_, err := client.GetMetricData(t.Context(), &wrong)
		wantCode(t, err, name)
	}
}
