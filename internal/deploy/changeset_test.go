package deploy_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/deploy"
	"github.com/spate-run/spate/internal/template"
)

func prepare(t *testing.T, cfn *cloudformation.Client, text string) *deploy.ChangeSet {
	t.Helper()
	set, err := tryPrepare(t, cfn, text)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func tryPrepare(t *testing.T, cfn *cloudformation.Client, text string) (*deploy.ChangeSet, error) {
	t.Helper()
	parsed, err := template.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return deploy.Prepare(t.Context(), cfn, deploy.Stack{Name: "s", Template: parsed, Tags: map[string]string{"spate:job": "s"}})
}

const (
	before = `{
		"Parameters": {"Update": {"Type": "String", "Default": "false"}},
		"Resources": {
			"Old": {"Type": "AWS::SQS::Queue"},
			"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "first", "DelaySeconds": 1}},
			"Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}, "Description": "one"}}
		},
		"Outputs": {"Url": {"Value": {"Ref": "Queue"}}, "Update": {"Value": {"Ref": "Update"}}}
	}`
	after = `{
		"Parameters": {"Update": {"Type": "String", "Default": "false"}},
		"Resources": {
			"New": {"Type": "AWS::SQS::Queue"},
			"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "second", "DelaySeconds": 2}},
			"Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}, "Description": "two"}}
		},
		"Outputs": {"Url": {"Value": {"Ref": "Queue"}}, "Update": {"Value": {"Ref": "Update"}}}
	}`
)

func TestAStackIsMadeAsPrepared(t *testing.T) {
	cfn := newEngine(t)
	set := prepare(t, cfn, before)
	want := []deploy.Change{
		{Action: deploy.Add, LogicalID: "Old", Type: "AWS::SQS::Queue"},
		{Action: deploy.Add, LogicalID: "Queue", Type: "AWS::SQS::Queue"},
		{Action: deploy.Add, LogicalID: "Role", Type: "AWS::IAM::Role", Rights: true},
	}
	if diff := cmp.Diff(want, set.Changes); diff != "" || !set.New {
		t.Errorf("new %t, changes (-want +got):\n%s", set.New, diff)
	}
	made, err := set.Execute(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if made["Url"] == "" || made["Update"] != "false" {
		t.Errorf("got outputs %v, want the queue's URL, and no update", made)
	}

	again := prepare(t, cfn, before)
	if !again.Empty() || again.New {
		t.Errorf("the same once more: got changes %+v, want none", again.Changes)
	}
	same, err := again.Execute(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(made, same); diff != "" {
		t.Errorf("outputs without changes (-first +second):\n%s", diff)
	}
}

func TestWhatAnUpdateChanges(t *testing.T) {
	cfn := newEngine(t)
	if _, err := prepare(t, cfn, before).Execute(t.Context()); err != nil {
		t.Fatal(err)
	}
	set := prepare(t, cfn, after)
	got := map[string]deploy.Change{}
	for _, c := range set.Changes {
		for i := range c.Properties { // which AWS tells, and what it prints them as, is its own
			c.Properties[i].Before, c.Properties[i].After = "", ""
		}
		got[c.LogicalID] = c
	}
	want := map[string]deploy.Change{
		"New": {Action: deploy.Add, LogicalID: "New", Type: "AWS::SQS::Queue"},
		"Old": {Action: deploy.Remove, LogicalID: "Old", Type: "AWS::SQS::Queue"},
		"Queue": {Action: deploy.Replace, LogicalID: "Queue", Type: "AWS::SQS::Queue", Properties: []deploy.Property{
			{Name: "DelaySeconds"}, {Name: "QueueName", Replaces: true},
		}},
		"Role": {Action: deploy.Modify, LogicalID: "Role", Type: "AWS::IAM::Role", Rights: true, Properties: []deploy.Property{{Name: "Description"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	out, err := set.Execute(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if out["Update"] != "true" {
		t.Errorf("got outputs %v, want that the stack knows of the update", out)
	}
}

func TestWhatIsDiscardedLeavesNothing(t *testing.T) {
	cfn := newEngine(t)
	set := prepare(t, cfn, before)
	if err := set.Discard(t.Context()); err != nil {
		t.Fatal(err)
	}
	if there, err := deploy.Exists(t.Context(), cfn, "s"); there || err != nil {
		t.Errorf("got %t and %v, want no stack", there, err)
	}
	if _, err := prepare(t, cfn, before).Execute(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := prepare(t, cfn, after).Discard(t.Context()); err != nil {
		t.Fatal(err)
	}
	if set := prepare(t, cfn, before); !set.Empty() {
		t.Errorf("got changes %+v after changes were discarded, want none", set.Changes)
	}
}

// Who says no to a stack that another person has made meanwhile leaves it alone.
func TestAStackOfAnotherPersonStays(t *testing.T) {
	cfn := newEngine(t)
	mine, theirs := prepare(t, cfn, before), prepare(t, cfn, before)
	if _, err := theirs.Execute(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := mine.Discard(t.Context()); err != nil {
		t.Errorf("discarding what is gone: %v", err)
	}
	if got := status(t, cfn); got != types.StackStatusCreateComplete {
		t.Errorf("got a stack in %s, want it as the other person made it", got)
	}
}

func TestAStackThatCannotBeDeployed(t *testing.T) {
	tests := []struct {
		status types.StackStatus
		want   string
	}{
		{types.StackStatusUpdateRollbackFailed, "aws cloudformation continue-update-rollback --stack-name s"},
		{types.StackStatusRollbackComplete, "spate deploy deletes what is left of it, and makes it again"},
		{types.StackStatusDeleteFailed, "delete what is left of it: aws cloudformation delete-stack --stack-name s"},
	}
	for _, test := range tests {
		if got := (&deploy.StateError{Stack: "s", Status: test.status}).Mend(); got != test.want {
			t.Errorf("%s: got %q, want %q", test.status, got, test.want)
		}
	}

	// A log group whose name is taken: the stack is rolled back, and made anew.
	cfn := newEngine(t)
	const taken = `{"Resources": {"Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "first"}}}}`
	parsed, err := template.Parse([]byte(taken))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := deploy.Apply(t.Context(), cfn, deploy.Stack{Name: "other", Template: parsed}); err != nil {
		t.Fatal(err)
	}
	_, err = prepare(t, cfn, taken).Execute(t.Context())
	failed, ok := errors.AsType[*deploy.FailedError](err)
	if !ok || len(failed.Causes) != 1 || failed.Causes[0].LogicalID != "Group" {
		t.Fatalf("got %v, want that the group's name is taken", err)
	}
	if err := deploy.Delete(t.Context(), cfn, "other"); err != nil {
		t.Fatal(err)
	}
	if _, err := prepare(t, cfn, taken).Execute(t.Context()); err != nil {
		t.Errorf("after a creation that was rolled back: %v", err)
	}
}

// Whoever was killed while asking what would be made leaves a stack that is in
// review. It keeps nobody from making it.
func TestAStackThatWasOnlyLookedAt(t *testing.T) {
	cfn := newEngine(t)
	prepare(t, cfn, before) // and no more
	state, err := deploy.Look(t.Context(), cfn, "s")
	if err != nil || state == nil || state.Busy() {
		t.Fatalf("got %+v, %v, want a stack with which nothing is under way", state, err)
	}
	if set := prepare(t, cfn, before); !set.New || len(set.Changes) != 3 {
		t.Errorf("got %+v, want a stack that is to be made", set)
	}
	parsed, err := template.Parse([]byte(before))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := deploy.Apply(t.Context(), cfn, deploy.Stack{Name: "s", Template: parsed}); err != nil {
		t.Errorf("making the stack: %v", err)
	}
}
