package cloudformation_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"
)

const failing = `{"Resources": {
	"Good": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "good"}},
	"Kept": {"Type": "AWS::SQS::Queue", "DeletionPolicy": "Retain", "Properties": {"QueueName": "kept"}},
	"Gone": {"Type": "AWS::SQS::Queue", "DeletionPolicy": "RetainExceptOnCreate", "Properties": {"QueueName": "gone"}},
	"Bad": {"Type": "AWS::SQS::Queue", "DependsOn": ["Good", "Kept", "Gone"], "Properties": {"VisibilityTimeout": -1}}}}`

func TestOnFailure(t *testing.T) {
	cases := []struct {
		onFailure types.OnFailure
		status    types.StackStatus
		queues    []string
	}{
		{"", types.StackStatusRollbackComplete, []string{"kept"}},
		{types.OnFailureDoNothing, types.StackStatusCreateFailed, []string{"gone", "good", "kept"}},
		{types.OnFailureDelete, types.StackStatusDeleteComplete, []string{"kept"}},
	}
	for _, c := range cases {
		e := start(t)
		out, err := e.cfn.CreateStack(t.Context(), &cloudformation.CreateStackInput{
			StackName: new("s"), TemplateBody: new(failing), OnFailure: c.onFailure,
		})
		e.must(err)
		if s := e.settled(*out.StackId); s.StackStatus != c.status {
			t.Errorf("OnFailure %q: got %s, want %s", c.onFailure, s.StackStatus, c.status)
		}
		if diff := cmp.Diff(c.queues, e.queues()); diff != "" {
			t.Errorf("OnFailure %q: queues (-want +got):\n%s", c.onFailure, diff)
		}
	}
}

func TestTimeoutOfACreation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := start(t)
		e.machine.broken.Store(true)
		_, err := e.cfn.CreateStack(t.Context(), &cloudformation.CreateStackInput{
			StackName: new("s"), TemplateBody: new(service("/a", "1")), TimeoutInMinutes: new(int32(5)),
		})
		e.must(err)
		if s := e.settled("s"); s.StackStatus != types.StackStatusRollbackComplete {
			t.Errorf("got %s", s.StackStatus)
		}
		got := strings.Join(e.events("s"), "\n")
		want := "s ROLLBACK_IN_PROGRESS Stack creation time exceeded the specified timeout. Rollback requested by user."
		if !strings.Contains(got, want) {
			t.Errorf("got events\n%s\nwant among them %s", got, want)
		}
	})
}

func TestUpdateWithoutRollback(t *testing.T) {
	e := start(t)
	e.create("s", `{"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "one"}}}}`)
	_, err := e.cfn.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{
		StackName: new("s"), DisableRollback: new(true), TemplateBody: new(`{"Resources": {
			"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "two"}},
			"Bad": {"Type": "AWS::SQS::Queue", "DependsOn": "Q", "Properties": {"VisibilityTimeout": -1}}}}`),
	})
	e.must(err)
	if s := e.settled("s"); s.StackStatus != types.StackStatusUpdateFailed {
		t.Fatalf("got %s", s.StackStatus)
	}
	if diff := cmp.Diff([]string{"one", "two"}, e.queues()); diff != "" {
		t.Errorf("queues of a failed update (-want +got):\n%s", diff)
	}
	s := e.update("s", `{"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "three"}}}}`)
	if s.StackStatus != types.StackStatusUpdateComplete {
		t.Errorf("updating again: got %s", s.StackStatus)
	}
	if diff := cmp.Diff([]string{"three"}, e.queues()); diff != "" {
		t.Errorf("queues of the update after (-want +got):\n%s", diff)
	}
}

func TestNamesAreNotTakenOver(t *testing.T) {
	e := start(t)
	_, err := e.sqs.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: new("taken")})
	e.must(err)
	named := func(name string) string {
		return `{"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "` + name + `"}}}}`
	}
	s := e.create("s", named("taken"))
	got := strings.Join(e.events("s"), "\n")
	if want := "Q CREATE_FAILED Resource of type 'AWS::SQS::Queue' with identifier 'taken' already exists."; !strings.Contains(got, want) {
		t.Errorf("got %s and events\n%s\nwant among them %s", s.StackStatus, got, want)
	}
	if diff := cmp.Diff([]string{"taken"}, e.queues()); diff != "" {
		t.Errorf("queues (-want +got):\n%s", diff)
	}
}

func TestACustomNameHindersReplacement(t *testing.T) {
	e := start(t)
	role := func(path string) string {
		return `{"Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "r", "Path": "` + path + `"}}}}`
	}
	create := func(body string) (err error) {
		_, err = e.cfn.CreateStack(t.Context(), &cloudformation.CreateStackInput{
			StackName: new("s"), TemplateBody: &body, Capabilities: []types.Capability{types.CapabilityCapabilityNamedIam},
		})
		return err
	}
	e.must(create(role("/a/")))
	e.settled("s")
	_, err := e.cfn.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{
		StackName: new("s"), TemplateBody: new(role("/b/")), Capabilities: []types.Capability{types.CapabilityCapabilityNamedIam},
	})
	e.must(err)
	s := e.settled("s")
	got := strings.Join(e.events("s"), "\n")
	want := "R UPDATE_FAILED CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename r and update the stack again."
	if s.StackStatus != types.StackStatusUpdateRollbackComplete || !strings.Contains(got, want) {
		t.Errorf("got %s and events\n%s\nwant among them %s", s.StackStatus, got, want)
	}
}

func TestReplacePolicyAndTypes(t *testing.T) {
	e := start(t)
	e.create("s", `{"Resources": {"Q": {"Type": "AWS::SQS::Queue", "UpdateReplacePolicy": "Retain", "Properties": {"QueueName": "one"}}}}`)
	e.update("s", `{"Resources": {"Q": {"Type": "AWS::SQS::Queue", "UpdateReplacePolicy": "Retain", "Properties": {"QueueName": "two"}}}}`)
	if diff := cmp.Diff([]string{"one", "two"}, e.queues()); diff != "" {
		t.Errorf("queues (-want +got):\n%s", diff)
	}
	if got := e.events("s"); got[len(got)-2] != "Q DELETE_SKIPPED" {
		t.Errorf("got events %q, want the old queue skipped", got)
	}
	_, err := e.cfn.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{
		StackName: new("s"), TemplateBody: new(`{"Resources": {"Q": {"Type": "AWS::SNS::Topic"}}}`),
	})
	want := "ValidationError: Update of resource type is not permitted. The new template modifies resource type of the following resources: [Q]"
	if got := code(err); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTags(t *testing.T) {
	e := start(t)
	template := func(tag string) *string {
		return new(`{"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "q", "Tags": [{"Key": "` + tag + `", "Value": "1"}]}}}}`)
	}
	_, err := e.cfn.CreateStack(t.Context(), &cloudformation.CreateStackInput{
		StackName: new("s"), TemplateBody: template("a"), Tags: []types.Tag{{Key: new("team"), Value: new("x")}},
	})
	e.must(err)
	e.settled("s")
	tags := func() map[string]string {
		out, err := e.sqs.ListQueueTags(t.Context(), &sqs.ListQueueTagsInput{QueueUrl: new(e.physical("s", "Q"))})
		e.must(err)
		return out.Tags
	}
	if diff := cmp.Diff(map[string]string{"a": "1", "team": "x"}, tags()); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	_, err = e.cfn.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{
		StackName: new("s"), TemplateBody: template("b"), Tags: []types.Tag{{Key: new("team"), Value: new("y")}},
	})
	e.must(err)
	e.settled("s")
	if diff := cmp.Diff(map[string]string{"b": "1", "team": "y"}, tags()); diff != "" {
		t.Errorf("tags after an update (-want +got):\n%s", diff)
	}
}
