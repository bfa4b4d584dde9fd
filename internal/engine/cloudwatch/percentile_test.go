package cloudwatch_test

import (
	"testing"
	"testing/synctest"
	"time"

	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/spate-run/spate/internal/engine/cloudwatch"
)

// latencies are how many requests took how long.
func latencies(fast, slow float64) types.MetricDatum {
	return types.MetricDatum{MetricName: new("latency"), Values: []float64{1, 100}, Counts: []float64{fast, slow}, Unit: types.StandardUnitMilliseconds}
}

// An alarm on a percentile that ignores low samples keeps its state until there
// are 10/(1-percentile) values, for p99 1,000; another is always judged.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html
func TestPercentilesWithLowSamples(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, client := serve(t, cloudwatch.Config{Cadence: 60})
		for _, low := range []string{"evaluate", "ignore"} {
			put(t, client, &cw.PutMetricAlarmInput{
				AlarmName: &low, Namespace: new("spate"), MetricName: new("latency"), ExtendedStatistic: new("p99"),
				EvaluateLowSampleCountPercentile: &low, Period: new(int32(60)), EvaluationPeriods: new(int32(1)),
				Threshold: new(50.0), ComparisonOperator: types.ComparisonOperatorGreaterThanThreshold,
			})
		}
		time.Sleep(500 * time.Millisecond)
		defer run(t, s)()
		for _, step := range []struct {
			fast, slow       float64
			evaluate, ignore types.StateValue
		}{
			{900, 99, types.StateValueAlarm, types.StateValueInsufficientData}, // 999 are too few
			{900, 100, types.StateValueAlarm, types.StateValueAlarm},
			{10, 0, types.StateValueOk, types.StateValueAlarm},
			{990, 10, types.StateValueOk, types.StateValueOk}, // p99 is the largest of the lower 99 %
		} {
			putData(t, client, latencies(step.fast, step.slow))
			time.Sleep(time.Second)
			if got := describe(t, client, "evaluate"); got.StateValue != step.evaluate || *got.ExtendedStatistic != "p99" || got.Statistic != "" {
				t.Errorf("%v fast, %v slow: got %s, want %s", step.fast, step.slow, got.StateValue, step.evaluate)
			}
			if got := describe(t, client, "ignore"); got.StateValue != step.ignore {
				t.Errorf("%v fast, %v slow, low samples ignored: got %s, want %s", step.fast, step.slow, got.StateValue, step.ignore)
			}
		}
	})
}

// An alarm with a period of ten seconds is evaluated as often.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
func TestHighResolutionAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &actor{begin: time.Now()}
		s, client := serve(t, cloudwatch.Config{Act: a.act})
		for name, period := range map[string]int32{"quick": 10, "regular": 60} {
			in := simple(name)
			in.Period, in.AlarmActions = &period, []string{policyARN + name}
			put(t, client, in)
		}
		time.Sleep(time.Second)
		defer run(t, s)()
		time.Sleep(2 * time.Second)
		for range 6 {
			putData(t, client, types.MetricDatum{MetricName: new("depth"), Value: new(5.0), StorageResolution: new(int32(1))})
			time.Sleep(10 * time.Second)
		}
		time.Sleep(time.Minute)
		var quick, regular []time.Duration
		for _, c := range a.take() {
			if c.Action == policyARN+"quick" {
				quick = append(quick, c.After)
			} else {
				regular = append(regular, c.After)
			}
		}
		if len(quick) == 0 || quick[0] != 10*time.Second {
			t.Errorf("got actions of the quick alarm after %v, want the first after 10s", quick)
		}
		if len(regular) == 0 || regular[0] != time.Minute {
			t.Errorf("got actions of the regular alarm after %v, want the first after 1m", regular)
		}
	})
}

// Periods begin with the start of the request: in the CLI's own example hours
// from 23:18 on have timestamps of 18 past.
// https://docs.aws.amazon.com/cli/latest/reference/cloudwatch/get-metric-statistics.html#examples
func TestPeriodsBeginWithTheRequest(t *testing.T) {
	_, client := serve(t, cloudwatch.Config{})
	hour := time.Now().UTC().Truncate(time.Hour).Add(-5 * time.Hour)
	putData(t, client,
		types.MetricDatum{MetricName: new("x"), Timestamp: new(hour.Add(17 * time.Minute)), Value: new(1.0)},
		types.MetricDatum{MetricName: new("x"), Timestamp: new(hour.Add(18 * time.Minute)), Value: new(2.0)},
		types.MetricDatum{MetricName: new("x"), Timestamp: new(hour.Add(77 * time.Minute)), Value: new(3.0)},
		types.MetricDatum{MetricName: new("x"), Timestamp: new(hour.Add(78 * time.Minute)), Value: new(4.0)},
	)
	begin := hour.Add(18*time.Minute + 34*time.Second) // rounded down to the minute
	r := read(t, client, custom("x"), "Sum", 3600, begin, hour.Add(3*time.Hour))
	if len(r.Values) != 2 || r.Values[0] != 5 || r.Values[1] != 4 || !r.Timestamps[0].Equal(hour.Add(18*time.Minute)) {
		t.Errorf("got %v at %v, want 5 and 4 from 18 past on", r.Values, r.Timestamps)
	}
	stats, err := client.GetMetricStatistics(t.Context(), &cw.GetMetricStatisticsInput{
		Namespace: new("spate"), MetricName: new("x"), Period: new(int32(3600)), StartTime: &begin, EndTime: new(hour.Add(3 * time.Hour)),
		ExtendedStatistics: []string{"p50", "TM(:90%)"},
	})
	if err != nil || len(stats.Datapoints) != 2 || stats.Datapoints[0].ExtendedStatistics["p50"] != 2 || stats.Datapoints[0].Unit != types.StandardUnitNone {
		t.Errorf("got %+v, %v; want two data points, of p50 2", stats, err)
	}
}

// Each unit has data points of its own.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#Unit
func TestUnitsAreKeptApart(t *testing.T) {
	_, client := serve(t, cloudwatch.Config{})
	at := time.Now().Truncate(time.Minute).Add(-time.Minute)
	for unit, value := range map[types.StandardUnit]float64{types.StandardUnitSeconds: 1, types.StandardUnitMilliseconds: 1000} {
		putData(t, client, types.MetricDatum{MetricName: new("x"), Timestamp: &at, Value: &value, Unit: unit})
	}
	in := &cw.GetMetricStatisticsInput{
		Namespace: new("spate"), MetricName: new("x"), Period: new(int32(60)), StartTime: &at, EndTime: new(at.Add(time.Minute)),
		Statistics: []types.Statistic{types.StatisticSum},
	}
	for unit, want := range map[types.StandardUnit]int{"": 2, types.StandardUnitSeconds: 1, types.StandardUnitBytes: 0} {
		in.Unit = unit
		out, err := client.GetMetricStatistics(t.Context(), in)
		if err != nil || len(out.Datapoints) != want {
			t.Errorf("unit %q: got %+v, %v; want %d data points", unit, out, err, want)
		}
	}
}
