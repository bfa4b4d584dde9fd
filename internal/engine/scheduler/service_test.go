package scheduler_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/delivery"
	"github.com/spate-run/spate/internal/engine/scheduler"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

const (
	queueARN = "arn:aws:sqs:us-east-1:000000000000:q"
	roleARN  = "arn:aws:iam::000000000000:role/r"
)

// A fixture is a service with its client, on a store that can be opened again.
type fixture struct {
	client *sdk.Client
	path   string
	stop   func()

	mu     sync.Mutex
	called []delivery.Call
	at     []time.Time
	fail   error
}

func start(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{path: filepath.Join(t.TempDir(), "x.db")}
	f.open(t)
	return f
}

func (f *fixture) open(t *testing.T) {
	t.Helper()
	db, err := store.Open(t.Context(), f.path)
	if err != nil {
		t.Fatal(err)
	}
	account := wire.Account{ID: "000000000000", Region: "us-east-1"}
	s, err := scheduler.New(t.Context(), scheduler.Config{Store: db, Account: account, Log: slog.New(slog.DiscardHandler), Do: f.do})
	if err != nil {
		t.Fatal(err)
	}
	keys := &wire.Keys{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}
	f.client = sdk.NewFromConfig(wire.Client(wire.NewHandler(wire.Config{Services: []*wire.Service{s.Wire()}, Keys: keys}), keys, account))
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	f.stop = func() { cancel(); wg.Wait(); db.Close() }
}

func (f *fixture) do(_ context.Context, c delivery.Call) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.called, f.at = append(f.called, c), append(f.at, time.Now().UTC())
	return f.fail
}

// breakDown lets every call fail from now on.
func (f *fixture) breakDown() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = errors.New("down")
}

// wait sleeps, and returns when calls were made meanwhile.
func (f *fixture) wait(d time.Duration) []string {
	time.Sleep(d)
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	var when []string
	for _, at := range f.at {
		when = append(when, at.Format("02 15:04:05"))
	}
	f.at = nil
	return when
}

func (f *fixture) last(t *testing.T) (delivery.Call, map[string]any) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.called) == 0 {
		t.Fatal("got no call")
	}
	call := f.called[len(f.called)-1]
	var input map[string]any
	if err := json.Unmarshal([]byte(call.Input), &input); err != nil {
		t.Fatal(err)
	}
	return call, input
}

// request is one for a schedule that sends to a queue.
func request(name, expression string) *sdk.CreateScheduleInput {
	return &sdk.CreateScheduleInput{
		Name: &name, ScheduleExpression: &expression,
		FlexibleTimeWindow: &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff},
		Target:             &types.Target{Arn: new(queueARN), RoleArn: new(roleARN), Input: new("go")},
	}
}

func (f *fixture) create(t *testing.T, in *sdk.CreateScheduleInput) {
	t.Helper()
	if _, err := f.client.CreateSchedule(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) names(t *testing.T) []string {
	t.Helper()
	out, err := f.client.ListSchedules(t.Context(), &sdk.ListSchedulesInput{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range out.Schedules {
		names = append(names, *s.GroupName+"/"+*s.Name+" "+string(s.State))
	}
	return names
}

func check(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func wantFault(t *testing.T, err error, code, message string) {
	t.Helper()
	fault, ok := errors.AsType[smithy.APIError](err)
	if !ok || fault.ErrorCode() != code || fault.ErrorMessage() != message {
		t.Errorf("got error %v, want %s: %s", err, code, message)
	}
}

// The bubble's clock begins at midnight, on Saturday 2000-01-01, UTC.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
func TestOccurrences(t *testing.T) {
	jan := func(day, hour int) *time.Time { return new(time.Date(2000, 1, day, hour, 0, 0, 0, time.UTC)) }
	for name, tt := range map[string]struct {
		expression string
		change     func(*sdk.CreateScheduleInput)
		want       []string // of three days
	}{
		"one-time":               {"at(2000-01-02T03:04:05)", nil, []string{"02 03:04:05"}},
		"one-time, in the past":  {"at(1999-01-02T03:04:05)", nil, nil},
		"one-time, elsewhere":    {"at(2000-01-02T03:04:05)", func(in *sdk.CreateScheduleInput) { in.ScheduleExpressionTimezone = new("America/New_York") }, []string{"02 08:04:05"}},
		"rate, at once":          {"rate(1 day)", nil, []string{"01 00:00:00", "02 00:00:00", "03 00:00:00"}},
		"rate, from a date":      {"rate(1 day)", func(in *sdk.CreateScheduleInput) { in.StartDate = jan(1, 6) }, []string{"01 06:00:00", "02 06:00:00", "03 06:00:00"}},
		"until a date":           {"rate(1 day)", func(in *sdk.CreateScheduleInput) { in.EndDate = jan(2, 6) }, []string{"01 00:00:00", "02 00:00:00"}},
		"cron":                   {"cron(30 6 ? * MON *)", nil, []string{"03 06:30:00"}},
		"cron, in a zone":        {"cron(30 6 * * ? *)", func(in *sdk.CreateScheduleInput) { in.ScheduleExpressionTimezone = new("Europe/Berlin") }, []string{"01 05:30:00", "02 05:30:00", "03 05:30:00"}},
		"disabled":               {"rate(1 day)", func(in *sdk.CreateScheduleInput) { in.State = types.ScheduleStateDisabled }, nil},
		"dates of one-time ones": {"at(2000-01-02T03:04:05)", func(in *sdk.CreateScheduleInput) { in.StartDate = jan(3, 0) }, []string{"02 03:04:05"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := start(t)
				in := request("s", tt.expression)
				if tt.change != nil {
					tt.change(in)
				}
				f.create(t, in)
				check(t, "calls", tt.want, f.wait(72*time.Hour-time.Minute))
				f.stop()
			})
		})
	}
}

func TestFlexibleWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		defer f.stop()
		seen := map[string]bool{}
		in := request("s", "rate(1 hour)")
		in.FlexibleTimeWindow = &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeFlexible, MaximumWindowInMinutes: new(int32(15))}
		f.create(t, in)
		for range 20 {
			when := f.wait(15 * time.Minute)
			if len(when) != 1 {
				t.Fatalf("got calls at %v, want one within the window", when)
			}
			seen[when[0][len("01 00:"):]] = true
			if when := f.wait(45 * time.Minute); when != nil {
				t.Fatalf("got calls at %v, outside the window", when)
			}
		}
		if len(seen) < 5 {
			t.Errorf("got %d minutes and seconds of 20 calls, want many", len(seen))
		}
	})
}

func TestCompletedSchedulesAreDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		defer f.stop()
		for name, expression := range map[string]string{"once": "at(2000-01-01T01:00:00)", "ending": "rate(1 hour)", "kept": "at(2000-01-01T01:00:00)"} {
			in := request(name, expression)
			if name != "kept" {
				in.ActionAfterCompletion = types.ActionAfterCompletionDelete
			}
			if name == "ending" {
				in.EndDate = new(time.Date(2000, 1, 1, 2, 30, 0, 0, time.UTC))
			}
			f.create(t, in)
		}
		f.wait(90 * time.Minute)
		check(t, "schedules", []string{"default/ending ENABLED", "default/kept ENABLED"}, f.names(t))
		f.wait(time.Hour)
		check(t, "schedules", []string{"default/kept ENABLED"}, f.names(t))
	})
}

// What was missed while the engine was down: a one-time schedule fires late, a
// recurring one goes on.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		f.create(t, request("once", "at(2000-01-01T01:00:00)"))
		f.create(t, request("often", "cron(0 0/6 * * ? *)"))
		f.wait(time.Minute)
		f.stop()
		time.Sleep(24 * time.Hour)
		f.open(t)
		check(t, "calls", []string{"02 00:01:00", "02 06:00:00"}, f.wait(6*time.Hour))
		f.stop()
		f.open(t)
		check(t, "calls after another restart", []string{"02 12:00:00"}, f.wait(6*time.Hour))
		f.stop()
	})
}

// https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
func TestInputs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		defer f.stop()
		in := request("s", "at(2000-01-01T01:00:00)")
		in.Target.Input = new("<aws.scheduler.schedule-arn> <aws.scheduler.scheduled-time> <aws.scheduler.execution-id> <aws.scheduler.attempt-number>")
		f.create(t, in)
		f.wait(time.Hour)
		_, input := f.last(t)
		words := strings.Fields(input["MessageBody"].(string))
		if len(words) != 4 || len(words[2]) != 36 {
			t.Fatalf("got message %q, want four attributes", input["MessageBody"])
		}
		words[2] = "ID"
		check(t, "message", []string{"arn:aws:scheduler:us-east-1:000000000000:schedule/default/s", "2000-01-01T01:00:00Z", "ID", "1"}, words)

		in = request("n", "at(2000-01-01T02:00:00)")
		in.Target.Input = nil
		f.create(t, in)
		f.wait(time.Hour)
		_, input = f.last(t)
		var event map[string]any
		if err := json.Unmarshal([]byte(input["MessageBody"].(string)), &event); err != nil {
			t.Fatal(err)
		}
		delete(event, "id")
		check(t, "notification", map[string]any{
			"version": "0", "detail-type": "Scheduled Event", "source": "aws.scheduler", "account": "000000000000", "detail": "{}",
			"time": "2000-01-01T02:00:00Z", "region": "us-east-1", "resources": []any{"arn:aws:scheduler:us-east-1:000000000000:schedule/default/n"},
		}, event)
	})
}

func TestTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		defer f.stop()
		in := request("universal", "at(2000-01-01T01:00:00)")
		in.Target.Arn, in.Target.Input = new("arn:aws:scheduler:::aws-sdk:sqs:setQueueAttributes"), new(`{"QueueUrl":"q"}`)
		f.create(t, in)
		f.wait(time.Hour)
		call, _ := f.last(t)
		check(t, "call", delivery.Call{Service: "sqs", Operation: "setQueueAttributes", Input: `{"QueueUrl":"q"}`}, call)

		in = request("task", "at(2000-01-01T02:00:00)")
		in.Target.Arn = new("arn:aws:ecs:us-east-1:000000000000:cluster/c")
		in.Target.Input = new(`{"containerOverrides":[{"name":"job","command":["<aws.scheduler.scheduled-time>"]}]}`)
		in.Target.EcsParameters = &types.EcsParameters{
			TaskDefinitionArn: new("arn:t"), LaunchType: types.LaunchTypeFargate, TaskCount: new(int32(2)),
			NetworkConfiguration: &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{Subnets: []string{"s"}}},
		}
		f.create(t, in)
		f.wait(time.Hour)
		call, input := f.last(t)
		if call.Service != "ecs" || call.Operation != "RunTask" {
			t.Errorf("got a call of %s:%s, want ecs:RunTask", call.Service, call.Operation)
		}
		got := map[string]any{}
		for _, member := range []string{"Cluster", "TaskDefinition", "Count", "LaunchType", "StartedBy", "Overrides"} {
			got[member] = input[member]
		}
		check(t, "RunTask", map[string]any{
			"Cluster": "arn:aws:ecs:us-east-1:000000000000:cluster/c", "TaskDefinition": "arn:t", "Count": 2., "LaunchType": "FARGATE",
			"StartedBy": "chronos-schedule/task",
			"Overrides": map[string]any{"containerOverrides": []any{map[string]any{"name": "job", "command": []any{"2000-01-01T02:00:00Z"}}}},
		}, got)

		in = request("lambda", "at(2000-01-01T03:00:00)") // not on this engine
		in.Target.Arn = new("arn:aws:lambda:us-east-1:000000000000:function:f")
		f.create(t, in)
		f.wait(0)
		check(t, "calls", []string(nil), f.wait(time.Hour))
	})
}

func TestRetriesAndDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		defer f.stop()
		f.breakDown()
		in := request("s", "at(2000-01-01T01:00:00)")
		in.Target.RetryPolicy = &types.RetryPolicy{MaximumRetryAttempts: new(int32(2)), MaximumEventAgeInSeconds: new(int32(3600))}
		in.Target.DeadLetterConfig = &types.DeadLetterConfig{Arn: new("arn:aws:sqs:us-east-1:000000000000:dead")}
		f.create(t, in)
		check(t, "calls", []string{"01 01:00:00", "01 01:00:01", "01 01:00:03", "01 01:00:03"}, f.wait(2*time.Hour))
		_, input := f.last(t)
		attributes := input["MessageAttributes"].(map[string]any)
		got := map[string]string{"queue": input["QueueUrl"].(string), "body": input["MessageBody"].(string)}
		for name, a := range attributes {
			got[name] = a.(map[string]any)["StringValue"].(string)
		}
		delete(got, "EXECUTION_ID")
		check(t, "dead letter", map[string]string{
			"queue": "https://sqs/dead", "body": "go", "ERROR_CODE": "InternalFailure", "ERROR_MESSAGE": "down",
			"EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts", "RETRY_ATTEMPTS": "2", "SCHEDULED_TIME": "2000-01-01T01:00:00Z",
			"SCHEDULE_ARN": "arn:aws:scheduler:us-east-1:000000000000:schedule/default/s", "TARGET_ARN": queueARN,
		}, got)
	})
}

func TestUpdateReplacesAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		defer f.stop()
		in := request("s", "rate(1 day)")
		in.Description, in.State = new("old"), types.ScheduleStateDisabled
		f.create(t, in)
		time.Sleep(time.Hour)
		update := sdk.UpdateScheduleInput(*request("s", "cron(0 6 * * ? *)"))
		if _, err := f.client.UpdateSchedule(t.Context(), &update); err != nil {
			t.Fatal(err)
		}
		got, err := f.client.GetSchedule(t.Context(), &sdk.GetScheduleInput{Name: new("s")})
		if err != nil {
			t.Fatal(err)
		}
		if got.Description != nil || got.State != types.ScheduleStateEnabled || *got.ScheduleExpressionTimezone != "UTC" ||
			*got.Target.RetryPolicy.MaximumRetryAttempts != 185 || *got.Target.RetryPolicy.MaximumEventAgeInSeconds != 86400 ||
			got.LastModificationDate.Sub(*got.CreationDate) != time.Hour {
			t.Errorf("got %+v, want the defaults again", got)
		}
		check(t, "calls", []string{"01 06:00:00"}, f.wait(6*time.Hour))
	})
}
