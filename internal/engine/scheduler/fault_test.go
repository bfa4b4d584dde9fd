package scheduler_test

import (
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"
)

func TestSchedulesAreRefused(t *testing.T) {
	f := start(t)
	defer f.stop()
	for name, tt := range map[string]struct {
		change  func(*sdk.CreateScheduleInput)
		message string
	}{
		"expression": {func(in *sdk.CreateScheduleInput) { in.ScheduleExpression = new("cron(* * * * *)") }, "Invalid Schedule Expression cron(* * * * *)."},
		"zone":       {func(in *sdk.CreateScheduleInput) { in.ScheduleExpressionTimezone = new("Mars/Olympus") }, "Invalid Schedule Expression Timezone Mars/Olympus."},
		"name": {func(in *sdk.CreateScheduleInput) { in.Name = new("a b") },
			"1 validation error detected: Value 'a b' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[0-9a-zA-Z-_.]+$"},
		"state": {func(in *sdk.CreateScheduleInput) { in.State = "ON" },
			"1 validation error detected: Value 'ON' at 'state' failed to satisfy constraint: Member must satisfy enum value set: [ENABLED DISABLED]"},
		"window": {func(in *sdk.CreateScheduleInput) {
			in.FlexibleTimeWindow = &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeFlexible, MaximumWindowInMinutes: new(int32(1441))}
		}, "1 validation error detected: Value '1441' at 'flexibleTimeWindow.maximumWindowInMinutes' failed to satisfy constraint: Member must have value between 1 and 1440"},
		"no window": {func(in *sdk.CreateScheduleInput) { in.FlexibleTimeWindow.Mode = types.FlexibleTimeWindowModeFlexible },
			"MaximumWindowInMinutes is required for a flexible time window."},
		"dates": {func(in *sdk.CreateScheduleInput) {
			in.StartDate, in.EndDate = new(time.Now().Add(2*time.Hour)), new(time.Now().Add(time.Hour))
		}, "The StartDate you specify must come before the EndDate."},
		"read only": {func(in *sdk.CreateScheduleInput) { in.Target.Arn = new("arn:aws:scheduler:::aws-sdk:sqs:getQueueURL") }, "arn:aws:scheduler:::aws-sdk:sqs:getQueueURL is not a supported API for EventBridge Scheduler."},
		"target":    {func(in *sdk.CreateScheduleInput) { in.Target.Arn = new("queue") }, "Provided Arn is not in correct format."},
		"no ECS":    {func(in *sdk.CreateScheduleInput) { in.Target.Arn = new("arn:aws:ecs:us-east-1:000000000000:cluster/c") }, "EcsParameters must be specified for an ECS target."},
		"dead queue": {func(in *sdk.CreateScheduleInput) {
			in.Target.DeadLetterConfig = &types.DeadLetterConfig{Arn: new("arn:aws:sns:us-east-1:000000000000:t")}
		}, "Provided DeadLetterConfig Arn is not that of an SQS queue."},
		"retries": {func(in *sdk.CreateScheduleInput) {
			in.Target.RetryPolicy = &types.RetryPolicy{MaximumRetryAttempts: new(int32(186))}
		},
			"1 validation error detected: Value '186' at 'target.retryPolicy.maximumRetryAttempts' failed to satisfy constraint: Member must have value between 0 and 185"},
	} {
		t.Run(name, func(t *testing.T) {
			in := request("s", "rate(1 day)")
			tt.change(in)
			_, err := f.client.CreateSchedule(t.Context(), in)
			wantFault(t, err, "ValidationException", tt.message)
		})
	}
	in := request("s", "rate(1 day)")
	in.GroupName = new("none")
	_, err := f.client.CreateSchedule(t.Context(), in)
	wantFault(t, err, "ResourceNotFoundException", "Schedule group none does not exist.")
	_, err = f.client.GetSchedule(t.Context(), &sdk.GetScheduleInput{Name: new("s")})
	wantFault(t, err, "ResourceNotFoundException", "Schedule s does not exist.")
}

func TestCreatingTwice(t *testing.T) {
	f := start(t)
	defer f.stop()
	in := request("s", "at(2999-01-01T00:00:00)")
	in.ClientToken = new("token")
	f.create(t, in)
	f.create(t, in) // the same request
	in.ClientToken = new("another")
	_, err := f.client.CreateSchedule(t.Context(), in)
	wantFault(t, err, "ConflictException", "Schedule s already exists.")
}

func TestGroups(t *testing.T) {
	f := start(t)
	defer func() { f.stop() }()
	made, err := f.client.CreateScheduleGroup(t.Context(), &sdk.CreateScheduleGroupInput{Name: new("g"), Tags: []types.Tag{{Key: new("a"), Value: new("1")}}})
	if err != nil {
		t.Fatal(err)
	}
	in := request("s", "at(2999-01-01T00:00:00)")
	f.create(t, in)
	in.GroupName, in.ClientToken = new("g"), nil
	f.create(t, in)
	f.stop()
	f.open(t)
	check(t, "schedules", []string{"default/s ENABLED", "g/s ENABLED"}, f.names(t))
	if _, err := f.client.TagResource(t.Context(), &sdk.TagResourceInput{ResourceArn: made.ScheduleGroupArn, Tags: []types.Tag{{Key: new("b"), Value: new("2")}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.client.UntagResource(t.Context(), &sdk.UntagResourceInput{ResourceArn: made.ScheduleGroupArn, TagKeys: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	tags, err := f.client.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceArn: made.ScheduleGroupArn})
	if err != nil || len(tags.Tags) != 1 || *tags.Tags[0].Key != "b" {
		t.Errorf("got tags %v, %v; want b alone", tags, err)
	}
	groups, err := f.client.ListScheduleGroups(t.Context(), &sdk.ListScheduleGroupsInput{MaxResults: new(int32(1))})
	if err != nil || len(groups.ScheduleGroups) != 1 || *groups.ScheduleGroups[0].Name != "default" || groups.NextToken == nil {
		t.Errorf("got groups %v, %v; want the first page", groups, err)
	}
	if _, err := f.client.DeleteScheduleGroup(t.Context(), &sdk.DeleteScheduleGroupInput{Name: new("g")}); err != nil {
		t.Fatal(err)
	}
	check(t, "schedules", []string{"default/s ENABLED"}, f.names(t))
	if _, err := f.client.DeleteSchedule(t.Context(), &sdk.DeleteScheduleInput{Name: new("s")}); err != nil {
		t.Fatal(err)
	}
	check(t, "schedules", []string(nil), f.names(t))
	_, err = f.client.DeleteScheduleGroup(t.Context(), &sdk.DeleteScheduleGroupInput{Name: new("default")})
	wantFault(t, err, "ValidationException", "The default schedule group cannot be deleted.")
	_, err = f.client.GetScheduleGroup(t.Context(), &sdk.GetScheduleGroupInput{Name: new("g")})
	wantFault(t, err, "ResourceNotFoundException", "Schedule group g does not exist.")
}
