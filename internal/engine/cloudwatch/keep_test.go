package cloudwatch_test

import (
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/engine/cloudwatch"
)

// read gets a statistic of a metric, oldest first.
func read(t *testing.T, c *cw.Client, m types.Metric, stat string, period int32, begin, end time.Time) types.MetricDataResult {
	t.Helper()
	out, err := c.GetMetricData(t.Context(), &cw.GetMetricDataInput{
		StartTime: &begin, EndTime: &end, ScanBy: types.ScanByTimestampAscending,
		MetricDataQueries: []types.MetricDataQuery{{Id: new("m"), MetricStat: &types.MetricStat{Metric: &m, Period: &period, Stat: &stat}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.MetricDataResults) != 1 {
		t.Fatalf("got %d results, want 1", len(out.MetricDataResults))
	}
	return out.MetricDataResults[0]
}

func custom(name string) types.Metric {
	return types.Metric{Namespace: new("spate"), MetricName: &name}
}

func putData(t *testing.T, c *cw.Client, data ...types.MetricDatum) {
	t.Helper()
	if _, err := c.PutMetricData(t.Context(), &cw.PutMetricDataInput{Namespace: new("spate"), MetricData: data}); err != nil {
		t.Fatal(err)
	}
}

// What was collected, what clients put and what alarms did is there after a
// restart, and goes on.
func TestMetricsOutliveTheService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "x.db")
		st := open(t, path)
		q := &queue{visible: 5}
		s, client := serve(t, cloudwatch.Config{Store: st, Cadence: 60, Collect: q.collect})
		begin := time.Now().Truncate(time.Minute)
		put(t, client, outstanding("out", types.ComparisonOperatorGreaterThanOrEqualToThreshold, 1, 1))
		stop := run(t, s)
		time.Sleep(89500 * time.Millisecond)
		q.set(7, 0)
		time.Sleep(31 * time.Second)
		putData(t, client,
			types.MetricDatum{MetricName: new("latency"), Timestamp: new(begin.Add(-time.Hour)), Values: []float64{1, 2, 3}, Counts: []float64{1, 97, 2}},
			types.MetricDatum{MetricName: new("latency"), Timestamp: new(begin.Add(time.Hour)), Value: new(9.0)},
		)
		visible := types.Metric{Namespace: new("AWS/SQS"), MetricName: new("ApproximateNumberOfMessagesVisible"), Dimensions: dimensions}
		all := func(c *cw.Client) []any {
			history, err := c.DescribeAlarmHistory(t.Context(), &cw.DescribeAlarmHistoryInput{})
			if err != nil {
				t.Fatal(err)
			}
			list, err := c.ListMetrics(t.Context(), &cw.ListMetricsInput{})
			if err != nil {
				t.Fatal(err)
			}
			return []any{
				read(t, c, visible, "Average", 60, begin, begin.Add(3*time.Minute)).Values,
				read(t, c, visible, "SampleCount", 60, begin, begin.Add(3*time.Minute)).Values,
				read(t, c, custom("latency"), "p99", 60, begin.Add(-2*time.Hour), begin.Add(2*time.Hour)).Values,
				history.AlarmHistoryItems, list.Metrics,
			}
		}
		stop()
		want := all(client)
		if diff := cmp.Diff([]any{[]float64{5, 6, 7}, []float64{60, 60, 1}, []float64{3, 9}}, want[:3]); diff != "" {
			t.Fatalf("data (-want +got):\n%s", diff)
		}
		st.Close()

		st = open(t, path)
		s, client = serve(t, cloudwatch.Config{Store: st, Cadence: 60, Collect: q.collect})
		if diff := cmp.Diff(want, all(client), ignoreUnexported); diff != "" {
			t.Errorf("after a restart (-want +got):\n%s", diff)
		}
		stop = run(t, s)
		time.Sleep(time.Second)
		putData(t, client, types.MetricDatum{MetricName: new("latency"), Timestamp: new(begin.Add(-time.Hour)), Value: new(8.0)})
		stop()
		st.Close()

		st = open(t, path)
		defer st.Close()
		_, client = serve(t, cloudwatch.Config{Store: st})
		got := all(client)[:3]
		if diff := cmp.Diff([]any{[]float64{5, 6, 7}, []float64{60, 60, 3}, []float64{3, 9}}, got); diff != "" {
			t.Errorf("after another (-want +got):\n%s", diff)
		}
		if p100 := read(t, client, custom("latency"), "p100", 60, begin.Add(-2*time.Hour), begin).Values; !cmp.Equal(p100, []float64{8}) {
			t.Errorf("got p100 %v, want 8, which came late", p100)
		}
	})
}

// Where the clock was set back, what was collected is not taken for what comes
// when that time comes again: an alarm on it would start tasks for nothing.
func TestTheClockIsSetBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	visible := types.Metric{Namespace: new("AWS/SQS"), MetricName: new("ApproximateNumberOfMessagesVisible"), Dimensions: dimensions}
	session := func(messages float64, wait time.Duration, then func(*testing.T, *cw.Client)) {
		synctest.Test(t, func(t *testing.T) { // each begins at the same time
			st := open(t, path)
			defer st.Close()
			q := &queue{visible: messages}
			s, client := serve(t, cloudwatch.Config{Store: st, Cadence: 1, Collect: q.collect})
			stop := run(t, s)
			defer stop()
			put(t, client, outstanding("out", types.ComparisonOperatorGreaterThanOrEqualToThreshold, 1, 1))
			time.Sleep(wait)
			then(t, client)
		})
	}
	session(5, 30*time.Minute+time.Second, func(t *testing.T, c *cw.Client) {
		if got := describe(t, c, "out").StateValue; got != types.StateValueAlarm {
			t.Errorf("got %s with messages in the queue, want ALARM", got)
		}
	})
	session(0, 10*time.Minute+time.Second, func(t *testing.T, c *cw.Client) {
		if got := describe(t, c, "out").StateValue; got != types.StateValueOk {
			t.Errorf("got %s with an empty queue, want OK", got)
		}
		got := read(t, c, visible, "Maximum", 60, time.Now().Add(-10*time.Minute), time.Now().Add(time.Hour)).Values
		if diff := cmp.Diff(make([]float64, 11), got); diff != "" {
			t.Errorf("what was collected (-want +got):\n%s", diff)
		}
	})
}

// Data of less than a minute is there for three hours, and then by minutes.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#metrics-retention
func TestRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := open(t, filepath.Join(t.TempDir(), "x.db"))
		defer st.Close()
		s, client := serve(t, cloudwatch.Config{Store: st})
		begin := time.Now().Truncate(time.Hour)
		var data []types.MetricDatum
		for i := range 120 {
			data = append(data, types.MetricDatum{MetricName: new("x"), Value: new(float64(i)), Timestamp: new(begin.Add(time.Duration(i) * time.Second)), StorageResolution: new(int32(1))})
		}
		putData(t, client, data...)
		for _, tt := range []struct {
			after time.Duration
			want  int
		}{{2 * time.Hour, 120}, {4 * time.Hour, 2}, {14 * 24 * time.Hour, 2}, {16 * 24 * time.Hour, 1}, {456 * 24 * time.Hour, 0}} {
			time.Sleep(time.Until(begin.Add(tt.after)))
			stop := run(t, s)
			time.Sleep(time.Second)
			stop()
			r := read(t, client, custom("x"), "Sum", 1, begin, begin.Add(2*time.Minute))
			total := 0.
			for _, x := range r.Values {
				total += x
			}
			if want := 119 * 60.; len(r.Values) != tt.want || tt.want > 0 && total != want {
				t.Errorf("after %v: got %d points of sum %v, want %d of %v", tt.after, len(r.Values), total, tt.want, want)
			}
		}
		rows, err := st.Query(t.Context(), "SELECT COUNT(*) FROM cloudwatch_run")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		var left int
		for rows.Next() {
			if err := rows.Scan(&left); err != nil {
				t.Fatal(err)
			}
		}
		if left != 0 {
			t.Errorf("got %d rows in the store, want none", left)
		}
	})
}

// Data of an earlier engine ages also where it is read only after newer data
// did.
func TestRetentionOfWhatIsReadLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "x.db")
		st := open(t, path)
		_, client := serve(t, cloudwatch.Config{Store: st})
		begin := time.Now().Truncate(time.Hour)
		second := func(i int) types.MetricDatum {
			return types.MetricDatum{MetricName: new("x"), Value: new(float64(i)), Timestamp: new(begin.Add(time.Duration(i) * time.Second))}
		}
		putData(t, client, second(0), second(1), second(2))
		st.Close()

		time.Sleep(4 * time.Hour)
		st = open(t, path)
		defer st.Close()
		s, client := serve(t, cloudwatch.Config{Store: st})
		points := func() int {
			return len(read(t, client, custom("x"), "Sum", 1, begin, begin.Add(time.Minute)).Values)
		}
		age := func() {
			time.Sleep(11 * time.Minute)
			stop := run(t, s)
			time.Sleep(time.Second)
			stop()
		}
		putData(t, client, types.MetricDatum{MetricName: new("x"), Value: new(9.0)})
		age()
		if got := points(); got != 3 {
			t.Errorf("as it was stored: got %d points, want 3", got)
		}
		age()
		if got := points(); got != 1 {
			t.Errorf("ten minutes after it was read: got %d points, want 1", got)
		}
	})
}
