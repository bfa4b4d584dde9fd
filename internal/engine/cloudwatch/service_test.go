package cloudwatch_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/engine/cloudwatch"
	"github.com/spate-run/spate/internal/scaling"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

var account = wire.Account{ID: "000000000000", Region: "us-east-1"}

const policyARN = "arn:aws:autoscaling:us-east-1:000000000000:scalingPolicy:1:resource/ecs/service/c/s:policyName/out"

// open returns a store that closes when the test ends; inside a bubble the
// caller ends it.
func open(t *testing.T, path string) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

// serve returns a service on config, and the SDK's client of it.
func serve(t *testing.T, config cloudwatch.Config) (*cloudwatch.Service, *cw.Client) {
	t.Helper()
	if config.Store == nil {
		config.Store = open(t, filepath.Join(t.TempDir(), "x.db"))
	}
	config.Account, config.Log = account, slog.New(slog.DiscardHandler)
	s, err := cloudwatch.New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	keys := &wire.Keys{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}
	h := wire.NewHandler(wire.Config{Services: []*wire.Service{s.Wire()}, Keys: keys})
	return s, cw.NewFromConfig(wire.Client(h, keys, account))
}

// run runs a service until the returned function is called.
func run(t *testing.T, s *cloudwatch.Service) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	return func() { cancel(); wg.Wait() }
}

// A queue is what Collect reads: the counts of one queue.
type queue struct {
	mu               sync.Mutex
	visible, running float64
	silent           bool
}

func (q *queue) set(visible, running float64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.visible, q.running = visible, running
}

var dimensions = []types.Dimension{{Name: aws.String("QueueName"), Value: aws.String("jobs")}}

func (q *queue) collect(context.Context) []cloudwatch.Datum {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.silent {
		return nil
	}
	var data []cloudwatch.Datum
	for name, value := range map[string]float64{
		"ApproximateNumberOfMessagesVisible":    q.visible,
		"ApproximateNumberOfMessagesNotVisible": q.running,
		"ApproximateNumberOfMessagesDelayed":    0,
	} {
		data = append(data, cloudwatch.Datum{Namespace: "AWS/SQS", Metric: name, Dimensions: dimensions, Value: value, Unit: types.StandardUnitCount})
	}
	return data
}

// A call is one call of Act.
type call struct {
	After  time.Duration // since the actor was made
	Action string
	Values []float64
}

type actor struct {
	begin time.Time
	err   error
	mu    sync.Mutex
	calls []call
}

func (a *actor) act(_ context.Context, arn string, b scaling.Breach) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = append(a.calls, call{time.Since(a.begin), arn, b.Values})
	return a.err
}

func (a *actor) take() []call {
	a.mu.Lock()
	defer a.mu.Unlock()
	calls := a.calls
	a.calls = nil
	return calls
}

func metric(id, name string) types.MetricDataQuery {
	return types.MetricDataQuery{Id: &id, ReturnData: new(false), MetricStat: &types.MetricStat{
		Metric: &types.Metric{Namespace: new("AWS/SQS"), MetricName: &name, Dimensions: dimensions},
		Period: new(int32(60)), Stat: new("Maximum"),
	}}
}

func sum(expression string) types.MetricDataQuery {
	return types.MetricDataQuery{Id: new("outstanding"), Expression: &expression, ReturnData: new(true)}
}

// outstanding is the alarm on a queue that spate's own template has.
func outstanding(name string, comparison types.ComparisonOperator, threshold float64, periods int32) *cw.PutMetricAlarmInput {
	return &cw.PutMetricAlarmInput{
		AlarmName: &name, ComparisonOperator: comparison, Threshold: &threshold,
		EvaluationPeriods: &periods, DatapointsToAlarm: &periods,
		TreatMissingData: new("notBreaching"), AlarmActions: []string{policyARN},
		Metrics: []types.MetricDataQuery{
			metric("visible", "ApproximateNumberOfMessagesVisible"),
			metric("running", "ApproximateNumberOfMessagesNotVisible"),
			metric("delayed", "ApproximateNumberOfMessagesDelayed"),
			sum("visible + running + delayed"),
		},
	}
}

func put(t *testing.T, c *cw.Client, in *cw.PutMetricAlarmInput) {
	t.Helper()
	if _, err := c.PutMetricAlarm(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}

func describe(t *testing.T, c *cw.Client, name string) types.MetricAlarm {
	t.Helper()
	out, err := c.DescribeAlarms(t.Context(), &cw.DescribeAlarmsInput{AlarmNames: []string{name}})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.MetricAlarms) != 1 {
		t.Fatalf("describing %s: got %d alarms, want 1", name, len(out.MetricAlarms))
	}
	return out.MetricAlarms[0]
}

// wantCode checks an error's code as a client of the SDK sees it.
func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	fault, ok := errors.AsType[smithy.APIError](err)
	if !ok || fault.ErrorCode() != code {
		t.Errorf("got error %v, want %s", err, code)
	}
}

func TestBacklogIsSeenAndRepeated(t *testing.T) {
	for name, cadence := range map[string]int{"aws": 1, "fast": 60} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				minute := time.Minute / time.Duration(cadence)
				time.Sleep(minute / 3) // requests come between two ticks
				q, a := &queue{}, &actor{begin: time.Now().Truncate(minute)}
				s, client := serve(t, cloudwatch.Config{Cadence: cadence, Collect: q.collect, Act: a.act})
				defer run(t, s)()
				put(t, client, outstanding("out", types.ComparisonOperatorGreaterThanOrEqualToThreshold, 1, 1))
				time.Sleep(2 * minute)
				if got := describe(t, client, "out").StateValue; got != types.StateValueOk || len(a.take()) > 0 {
					t.Fatalf("of an empty queue: got %s, want OK and no action", got)
				}
				q.set(90, 10)
				time.Sleep(3 * minute)
				want := []call{
					{3 * minute, policyARN, []float64{100}},
					{4 * minute, policyARN, []float64{100}},
					{5 * minute, policyARN, []float64{100}},
				}
				if diff := cmp.Diff(want, a.take()); diff != "" {
					t.Errorf("actions (-want +got):\n%s", diff)
				}
				q.set(0, 0)
				time.Sleep(2 * minute)
				if got := a.take(); len(got) > 0 {
					t.Errorf("after the backlog: got %v, want no action", got)
				}
			})
		})
	}
}

func TestTwoOfTwoPeriods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, a := &queue{visible: 5}, &actor{begin: time.Now()}
		s, client := serve(t, cloudwatch.Config{Cadence: 60, Collect: q.collect, Act: a.act})
		put(t, client, outstanding("in", types.ComparisonOperatorLessThanOrEqualToThreshold, 9, 2))
		defer run(t, s)()
		time.Sleep(1500 * time.Millisecond)
		want := []call{{time.Second, policyARN, []float64{5, 5}}}
		if diff := cmp.Diff(want, a.take()); diff != "" {
			t.Errorf("actions (-want +got):\n%s", diff)
		}
	})
}

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html
func TestActionsOfEachState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, a := &queue{silent: true}, &actor{begin: time.Now()}
		s, client := serve(t, cloudwatch.Config{Collect: q.collect, Act: a.act})
		in := outstanding("x", types.ComparisonOperatorGreaterThanThreshold, 1, 1)
		in.TreatMissingData = nil
		in.AlarmActions = []string{"arn:aws:sns:us-east-1:000000000000:bad", policyARN}
		in.OKActions = []string{"arn:aws:sns:us-east-1:000000000000:good"}
		in.InsufficientDataActions = []string{"arn:aws:sns:us-east-1:000000000000:unknown"}
		put(t, client, in)
		defer run(t, s)()
		take := func() (actions []string) {
			for _, c := range a.take() {
				actions = append(actions, c.Action[len("arn:aws:"):][:3])
			}
			return actions
		}
		step := func(name string, change func(), minutes int, want ...string) {
			t.Helper()
			q.mu.Lock()
			change()
			q.mu.Unlock()
			time.Sleep(time.Duration(minutes)*time.Minute + time.Second)
			if diff := cmp.Diff(want, take()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		step("no data yet", func() {}, 2)
		step("within the threshold", func() { q.silent = false }, 2, "sns")
		step("breaching", func() { q.visible = 5 }, 3, "sns", "aut", "aut", "aut")
		step("silent", func() { q.silent = true }, 5, "aut", "aut", "aut", "sns")
	})
}

func TestDisabledActions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, a := &queue{visible: 5}, &actor{begin: time.Now()}
		s, client := serve(t, cloudwatch.Config{Cadence: 60, Collect: q.collect, Act: a.act})
		put(t, client, outstanding("out", types.ComparisonOperatorGreaterThanOrEqualToThreshold, 1, 1))
		names := []string{"out", "another"}
		if _, err := client.DisableAlarmActions(t.Context(), &cw.DisableAlarmActionsInput{AlarmNames: names}); err != nil {
			t.Fatal(err)
		}
		defer run(t, s)()
		time.Sleep(2500 * time.Millisecond)
		if got := describe(t, client, "out").StateValue; got != types.StateValueAlarm || len(a.take()) > 0 {
			t.Errorf("disabled: got %s, want ALARM and no action", got)
		}
		if _, err := client.EnableAlarmActions(t.Context(), &cw.EnableAlarmActionsInput{AlarmNames: names}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if got := a.take(); len(got) != 1 {
			t.Errorf("enabled: got %v, want one action", got)
		}
	})
}

func TestAlarmsOutliveTheService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "x.db")
		st := open(t, path)
		q := &queue{visible: 5}
		s, client := serve(t, cloudwatch.Config{Store: st, Cadence: 60, Collect: q.collect})
		put(t, client, outstanding("out", types.ComparisonOperatorGreaterThanOrEqualToThreshold, 1, 1))
		stop := run(t, s)
		time.Sleep(time.Second)
		want := describe(t, client, "out")
		if want.StateValue != types.StateValueAlarm {
			t.Fatalf("got %s, want ALARM", want.StateValue)
		}
		stop()
		st.Close()

		_, client = serve(t, cloudwatch.Config{Store: open(t, path)})
		if diff := cmp.Diff(want, describe(t, client, "out"), ignoreUnexported); diff != "" {
			t.Errorf("alarm after a restart (-want +got):\n%s", diff)
		}
	})
}

func TestSetAlarmState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, a := &queue{}, &actor{begin: time.Now(), err: errors.New("no such policy")}
		s, client := serve(t, cloudwatch.Config{Collect: q.collect, Act: a.act})
		put(t, client, outstanding("out", types.ComparisonOperatorGreaterThanOrEqualToThreshold, 1, 1))
		defer run(t, s)()
		time.Sleep(time.Second)
		set := &cw.SetAlarmStateInput{AlarmName: new("out"), StateValue: types.StateValueAlarm, StateReason: new("trying")}
		if _, err := client.SetAlarmState(t.Context(), set); err != nil {
			t.Fatal(err)
		}
		if got := describe(t, client, "out"); got.StateValue != types.StateValueAlarm || *got.StateReason != "trying" {
			t.Errorf("got %s, %q", got.StateValue, *got.StateReason)
		}
		if got := a.take(); len(got) != 1 {
			t.Errorf("got actions %v, want one", got)
		}
		time.Sleep(time.Minute)
		if got := describe(t, client, "out").StateValue; got != types.StateValueOk {
			t.Errorf("after the next evaluation: got %s, want OK", got)
		}
		_, err := client.SetAlarmState(t.Context(), &cw.SetAlarmStateInput{AlarmName: new("x"), StateValue: "OK", StateReason: new("")})
		wantCode(t, err, "ResourceNotFound")

		history, err := client.DescribeAlarmHistory(t.Context(), &cw.DescribeAlarmHistoryInput{AlarmName: new("out"), ScanBy: types.ScanByTimestampAscending})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, item := range history.AlarmHistoryItems {
			got = append(got, string(item.HistoryItemType)+": "+*item.HistorySummary)
		}
		want := []string{
			`ConfigurationUpdate: Alarm "out" created`,
			"StateUpdate: Alarm updated from INSUFFICIENT_DATA to OK",
			"StateUpdate: Alarm updated from OK to ALARM",
			"Action: Failed to execute action " + policyARN + `. Received error: "no such policy"`,
			"StateUpdate: Alarm updated from ALARM to OK",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("history (-want +got):\n%s", diff)
		}
	})
}

// What nobody performs is in the history, and no warning.
func TestActionsThatAreNotPerformed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		q, a := &queue{visible: 5}, &actor{begin: time.Now(), err: cloudwatch.ErrNotPerformed}
		s, client := serve(t, cloudwatch.Config{Collect: q.collect, Act: a.act, Log: slog.New(slog.NewTextHandler(&log, nil))})
		put(t, client, outstanding("out", types.ComparisonOperatorGreaterThanOrEqualToThreshold, 1, 1))
		stop := run(t, s)
		time.Sleep(time.Minute)
		history, err := client.DescribeAlarmHistory(t.Context(), &cw.DescribeAlarmHistoryInput{HistoryItemType: types.HistoryItemTypeAction})
		if err != nil {
			t.Fatal(err)
		}
		stop()
		want := "Failed to execute action " + policyARN + `. Received error: "` + cloudwatch.ErrNotPerformed.Error() + `"`
		if len(history.AlarmHistoryItems) != 1 || *history.AlarmHistoryItems[0].HistorySummary != want {
			t.Errorf("got %v, want one: %s", history.AlarmHistoryItems, want)
		}
		if log.Len() > 0 {
			t.Errorf("got a warning: %s", &log)
		}
	})
}

func message(err error) string {
	if fault, ok := errors.AsType[smithy.APIError](err); ok {
		return fault.ErrorMessage()
	}
	return ""
}
