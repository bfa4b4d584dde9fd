package events_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/delivery"
	"github.com/spate-run/spate/internal/engine/events"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

const (
	queueARN   = "arn:aws:sqs:us-east-1:000000000000:q"
	clusterARN = "arn:aws:ecs:us-east-1:000000000000:cluster/c"
)

// A fixture is a service with its client, on a store that can be opened again.
type fixture struct {
	client *sdk.Client
	path   string
	stop   func()

	mu     sync.Mutex
	called []string // when, and which operation
	inputs []map[string]any
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
	s, err := events.New(t.Context(), events.Config{Store: db, Account: account, Log: slog.New(slog.DiscardHandler), Do: f.do})
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
	var input map[string]any
	if err := json.Unmarshal([]byte(c.Input), &input); err != nil {
		return err
	}
	f.called = append(f.called, time.Now().UTC().Format("02 15:04:05 ")+c.Operation)
	f.inputs = append(f.inputs, input)
	return f.fail
}

// breakDown lets every call fail from now on.
func (f *fixture) breakDown() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = errors.New("down")
}

// wait sleeps, and returns the calls that were made meanwhile.
func (f *fixture) wait(d time.Duration) []string {
	time.Sleep(d)
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	called := slices.Sorted(slices.Values(f.called))
	f.called = nil
	return called
}

func (f *fixture) put(t *testing.T, in *sdk.PutRuleInput, targets ...types.Target) {
	t.Helper()
	if _, err := f.client.PutRule(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if _, err := f.client.PutTargets(t.Context(), &sdk.PutTargetsInput{Rule: in.Name, Targets: append([]types.Target{}, targets...)}); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) targets(t *testing.T, rule string) []string {
	t.Helper()
	out, err := f.client.ListTargetsByRule(t.Context(), &sdk.ListTargetsByRuleInput{Rule: &rule})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, target := range out.Targets {
		ids = append(ids, *target.Id)
	}
	return ids
}

func rule(expression string) *sdk.PutRuleInput {
	return &sdk.PutRuleInput{Name: new("r"), ScheduleExpression: &expression}
}

func queue(id string) types.Target { return types.Target{Id: &id, Arn: new(queueARN)} }

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
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
func TestOccurrences(t *testing.T) {
	for expression, want := range map[string][]string{
		"rate(1 day)":           {"02 00:00:00 SendMessage", "03 00:00:00 SendMessage"},
		"cron(30 6 ? * MON *)":  {"03 06:30:00 SendMessage"},
		"cron(0 12 * * ? 2001)": nil,
	} {
		t.Run(expression, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := start(t)
				f.put(t, rule(expression), queue("a"))
				check(t, "calls", want, f.wait(72*time.Hour-time.Minute))
				f.stop()
			})
		})
	}
}

func TestTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		defer f.stop()
		f.put(t, rule("rate(1 hour)"), queue("event"), types.Target{
			Id: new("task"), Arn: new(clusterARN), RoleArn: new("arn:aws:iam::000000000000:role/r"),
			Input: new(`{"containerOverrides":[{"name":"job","command":["x"]}]}`),
			EcsParameters: &types.EcsParameters{
				TaskDefinitionArn: new("arn:t"), TaskCount: new(int32(3)), LaunchType: types.LaunchTypeFargate,
				NetworkConfiguration: &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{Subnets: []string{"s"}}},
				Tags:                 []types.Tag{{Key: new("k"), Value: new("v")}},
			},
		}, types.Target{Id: new("lambda"), Arn: new("arn:aws:lambda:us-east-1:000000000000:function:f")})
		check(t, "calls", []string{"01 01:00:00 RunTask", "01 01:00:00 SendMessage"}, f.wait(time.Hour))
		for _, input := range f.inputs {
			if input["Cluster"] == nil {
				var event map[string]any
				if err := json.Unmarshal([]byte(input["MessageBody"].(string)), &event); err != nil {
					t.Fatal(err)
				}
				delete(event, "id")
				check(t, "event", map[string]any{
					"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "account": "000000000000", "detail": map[string]any{},
					"time": "2000-01-01T01:00:00Z", "region": "us-east-1", "resources": []any{"arn:aws:events:us-east-1:000000000000:rule/r"},
				}, event)
				continue
			}
			got := map[string]any{}
			for _, member := range []string{"Cluster", "TaskDefinition", "Count", "LaunchType", "StartedBy", "Overrides", "NetworkConfiguration"} {
				got[member] = input[member]
			}
			check(t, "RunTask", map[string]any{
				"Cluster": clusterARN, "TaskDefinition": "arn:t", "Count": 3., "LaunchType": "FARGATE", "StartedBy": "events-rule/r",
				"Overrides":            map[string]any{"containerOverrides": []any{map[string]any{"name": "job", "command": []any{"x"}}}},
				"NetworkConfiguration": map[string]any{"AwsvpcConfiguration": map[string]any{"Subnets": []any{"s"}, "SecurityGroups": nil, "AssignPublicIp": ""}},
			}, got)
		}
	})
}

func TestStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		defer f.stop()
		f.put(t, rule("rate(1 hour)"), queue("a"))
		if _, err := f.client.DisableRule(t.Context(), &sdk.DisableRuleInput{Name: new("r")}); err != nil {
			t.Fatal(err)
		}
		check(t, "calls of a disabled rule", []string(nil), f.wait(150*time.Minute))
		if _, err := f.client.EnableRule(t.Context(), &sdk.EnableRuleInput{Name: new("r")}); err != nil {
			t.Fatal(err)
		}
		check(t, "calls of an enabled rule", []string{"01 03:00:00 SendMessage"}, f.wait(time.Hour))
		f.put(t, &sdk.PutRuleInput{Name: new("r"), EventPattern: new(`{"source":["aws.ecs"]}`)})
		check(t, "calls of a rule with a pattern", []string(nil), f.wait(3*time.Hour))
		got, err := f.client.DescribeRule(t.Context(), &sdk.DescribeRuleInput{Name: new("r")})
		if err != nil || got.ScheduleExpression != nil || got.State != types.RuleStateEnabled {
			t.Errorf("got %+v, %v; want all replaced", got, err)
		}
		check(t, "targets", []string{"a"}, f.targets(t, "r"))
	})
}

func TestRestartAndDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t)
		f.put(t, rule("rate(1 hour)"), types.Target{
			Id: new("a"), Arn: new(queueARN), DeadLetterConfig: &types.DeadLetterConfig{Arn: new("arn:aws:sqs:us-east-1:000000000000:dead")},
			RetryPolicy: &types.RetryPolicy{MaximumRetryAttempts: new(int32(1))},
		})
		f.stop()
		time.Sleep(150 * time.Minute)
		f.open(t)
		f.breakDown()
		check(t, "calls", []string{"01 03:00:00 SendMessage", "01 03:00:01 SendMessage", "01 03:00:01 SendMessage"}, f.wait(time.Hour-time.Minute))
		letter := f.inputs[len(f.inputs)-1]
		if letter["QueueUrl"] != "https://sqs/dead" || letter["MessageAttributes"].(map[string]any)["RULE_ARN"] == nil {
			t.Errorf("got %v, want a dead letter", letter)
		}
		f.stop()
	})
}

func TestTargetsAndTags(t *testing.T) {
	f := start(t)
	defer func() { f.stop() }()
	in := rule("rate(1 day)")
	in.Tags = []types.Tag{{Key: new("a"), Value: new("1")}}
	f.put(t, in, queue("c"), queue("a"), queue("b"))
	f.stop()
	f.open(t)
	check(t, "targets", []string{"a", "b", "c"}, f.targets(t, "r"))
	_, err := f.client.PutTargets(t.Context(), &sdk.PutTargetsInput{Rule: new("r"), Targets: []types.Target{queue("d"), queue("e"), queue("f")}})
	wantFault(t, err, "LimitExceededException", "The requested resource exceeds the maximum number allowed.")
	_, err = f.client.DeleteRule(t.Context(), &sdk.DeleteRuleInput{Name: new("r")})
	wantFault(t, err, "ValidationException", "Rule can't be deleted since it has targets.")
	arn := new("arn:aws:events:us-east-1:000000000000:rule/r")
	if _, err := f.client.TagResource(t.Context(), &sdk.TagResourceInput{ResourceARN: arn, Tags: []types.Tag{{Key: new("b"), Value: new("2")}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.client.UntagResource(t.Context(), &sdk.UntagResourceInput{ResourceARN: arn, TagKeys: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	tags, err := f.client.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceARN: arn})
	if err != nil || len(tags.Tags) != 1 || *tags.Tags[0].Key != "b" {
		t.Errorf("got tags %v, %v; want b alone", tags, err)
	}
	out, err := f.client.RemoveTargets(t.Context(), &sdk.RemoveTargetsInput{Rule: new("r"), Ids: []string{"a", "b", "c", "x"}})
	if err != nil || out.FailedEntryCount != 1 || *out.FailedEntries[0].TargetId != "x" {
		t.Errorf("got %v, %v; want one that is not there", out, err)
	}
	for range 2 { // deleting again is no error
		if _, err := f.client.DeleteRule(t.Context(), &sdk.DeleteRuleInput{Name: new("r")}); err != nil {
			t.Fatal(err)
		}
	}
	rules, err := f.client.ListRules(t.Context(), &sdk.ListRulesInput{})
	if err != nil || len(rules.Rules) != 0 {
		t.Errorf("got rules %v, %v; want none", rules, err)
	}
}

func TestRulesAreRefused(t *testing.T) {
	f := start(t)
	defer f.stop()
	for name, tt := range map[string]struct {
		in            *sdk.PutRuleInput
		code, message string
	}{
		"schedule": {rule("cron(* * * * *)"), "ValidationException", "Parameter ScheduleExpression is not valid."},
		"a plural": {rule("rate(1 minutes)"), "ValidationException", "Parameter ScheduleExpression is not valid."},
		"one-time": {rule("at(2999-01-01T00:00:00)"), "ValidationException", "Parameter ScheduleExpression is not valid."},
		"neither":  {&sdk.PutRuleInput{Name: new("r")}, "ValidationException", "Parameter(s) EventPattern or ScheduleExpression must be specified."},
		"pattern":  {&sdk.PutRuleInput{Name: new("r"), EventPattern: new("x")}, "InvalidEventPatternException", "Event pattern is not valid. Reason: Filter is not an object"},
		"bus": {&sdk.PutRuleInput{Name: new("r"), EventPattern: new("{}"), EventBusName: new("mine")},
			"ResourceNotFoundException", "Event bus mine does not exist."},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f.client.PutRule(t.Context(), tt.in)
			wantFault(t, err, tt.code, tt.message)
		})
	}
	_, err := f.client.DescribeRule(t.Context(), &sdk.DescribeRuleInput{Name: new("r")})
	wantFault(t, err, "ResourceNotFoundException", "Rule r does not exist on EventBus default.")
	f.put(t, rule("rate(1 day)"))
	for message, target := range map[string]types.Target{
		"Parameter q is not valid. Reason: Provided Arn is not in correct format.": {Id: new("a"), Arn: new("q")},
		"JSON syntax error in input for target a.":                                 {Id: new("a"), Arn: new(queueARN), Input: new("x")},
		"Parameter(s) EcsParameters must be specified for target: a.":              {Id: new("a"), Arn: new(clusterARN)},
		"InputPath and InputTransformer are not supported: Input is.":              {Id: new("a"), Arn: new(queueARN), InputPath: new("$.detail")},
		"MaximumRetryAttempts must be between 0 and 185.":                          {Id: new("a"), Arn: new(queueARN), RetryPolicy: &types.RetryPolicy{MaximumRetryAttempts: new(int32(186))}},
	} {
		_, err := f.client.PutTargets(t.Context(), &sdk.PutTargetsInput{Rule: new("r"), Targets: []types.Target{target}})
		wantFault(t, err, "ValidationException", message)
	}
}
