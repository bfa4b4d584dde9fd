package cloudformation_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/google/go-cmp/cmp"
)

const schedules = `{
	"Parameters": {"Every": {"Type": "String", "Default": "5 hours"}, "Target": {"Type": "String", "Default": "Task"}},
	"Resources": {
		"Group": {"Type": "AWS::Scheduler::ScheduleGroup", "Properties": {"Tags": [{"Key": "k", "Value": "v"}]}},
		"Touch": {"Type": "AWS::Scheduler::Schedule", "Properties": {
			"GroupName": {"Ref": "Group"}, "ScheduleExpression": {"Fn::Sub": "rate(${Every})"}, "StartDate": "2199-01-01T00:00:00Z",
			"FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": "15"},
			"Target": {
				"Arn": "arn:aws:scheduler:::aws-sdk:sqs:setQueueAttributes", "RoleArn": "arn:aws:iam::000000000000:role/r",
				"Input": "{}", "RetryPolicy": {"MaximumRetryAttempts": 3}
			}
		}},
		"Rule": {"Type": "AWS::Events::Rule", "Properties": {
			"ScheduleExpression": {"Fn::Sub": "rate(${Every})"}, "State": "ENABLED",
			"Targets": [{
				"Id": {"Ref": "Target"}, "Arn": "arn:aws:ecs:us-east-1:000000000000:cluster/c", "RoleArn": "arn:aws:iam::000000000000:role/r",
				"Input": "{\"containerOverrides\":[]}",
				"EcsParameters": {
					"TaskDefinitionArn": "arn:t", "TaskCount": "2", "LaunchType": "FARGATE", "TagList": [{"Key": "k", "Value": "v"}],
					"NetworkConfiguration": {"AwsVpcConfiguration": {"AssignPublicIp": "ENABLED", "Subnets": ["s"]}}
				}
			}]
		}}
	},
	"Outputs": {
		"Group": {"Value": {"Fn::GetAtt": ["Group", "State"]}}, "Touch": {"Value": {"Fn::GetAtt": ["Touch", "Arn"]}},
		"Rule": {"Value": {"Fn::GetAtt": ["Rule", "Arn"]}}
	}
}`

func TestSchedulesLive(t *testing.T) {
	e := start(t)
	made := e.create("s", schedules)
	if made.StackStatus != types.StackStatusCreateComplete {
		t.Fatalf("got %s: %v", made.StackStatus, e.events("s"))
	}
	group, touch, rule := e.physical("s", "Group"), e.physical("s", "Touch"), e.physical("s", "Rule")
	got := map[string]string{}
	for _, o := range made.Outputs {
		got[*o.OutputKey] = *o.OutputValue
	}
	want := map[string]string{
		"Group": "ACTIVE", "Touch": "arn:aws:scheduler:us-east-1:000000000000:schedule/" + group + "/" + touch,
		"Rule": "arn:aws:events:us-east-1:000000000000:rule/" + rule,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}

	clock, bus := scheduler.NewFromConfig(e.config), eventbridge.NewFromConfig(e.config)
	find := func() (*scheduler.GetScheduleOutput, *eventbridge.ListTargetsByRuleOutput) {
		t.Helper()
		s, err := clock.GetSchedule(t.Context(), &scheduler.GetScheduleInput{Name: &touch, GroupName: &group})
		e.must(err)
		targets, err := bus.ListTargetsByRule(t.Context(), &eventbridge.ListTargetsByRuleInput{Rule: &rule})
		e.must(err)
		return s, targets
	}
	s, targets := find()
	if *s.ScheduleExpression != "rate(5 hours)" || *s.FlexibleTimeWindow.MaximumWindowInMinutes != 15 || *s.Target.RetryPolicy.MaximumRetryAttempts != 3 {
		t.Errorf("got schedule %+v, want the template's", s)
	}
	task := targets.Targets[0].EcsParameters
	if *task.TaskCount != 2 || task.NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp != "ENABLED" || *task.Tags[0].Key != "k" {
		t.Errorf("got task %+v, want the template's", task)
	}
	tags, err := clock.ListTagsForResource(t.Context(), &scheduler.ListTagsForResourceInput{
		ResourceArn: new("arn:aws:scheduler:us-east-1:000000000000:schedule-group/" + group),
	})
	e.must(err)
	if len(tags.Tags) != 1 || aws.ToString(tags.Tags[0].Value) != "v" {
		t.Errorf("got tags %v, want the template's", tags.Tags)
	}

	if s := e.update("s", schedules, "Every=6 hours", "Target=Other"); s.StackStatus != types.StackStatusUpdateComplete {
		t.Fatalf("got %s: %v", s.StackStatus, e.events("s"))
	}
	s, targets = find()
	if *s.ScheduleExpression != "rate(6 hours)" || len(targets.Targets) != 1 || *targets.Targets[0].Id != "Other" {
		t.Errorf("after an update: got %s and targets %+v", *s.ScheduleExpression, targets.Targets)
	}

	if s := e.delete("s"); s.StackStatus != types.StackStatusDeleteComplete {
		t.Fatalf("got %s: %s", s.StackStatus, aws.ToString(s.StackStatusReason))
	}
	groups, err := clock.ListScheduleGroups(t.Context(), &scheduler.ListScheduleGroupsInput{})
	e.must(err)
	rules, err := bus.ListRules(t.Context(), &eventbridge.ListRulesInput{})
	e.must(err)
	if len(groups.ScheduleGroups) != 1 || len(rules.Rules) != 0 {
		t.Errorf("left: groups %+v and rules %+v, want the default group alone", groups.ScheduleGroups, rules.Rules)
	}
}
