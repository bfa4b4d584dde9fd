package cloudformation_test

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"
)

func TestStacksOutliveTheEngine(t *testing.T) {
	e := start(t)
	want := e.create("s", queues)
	events := e.events("s")
	e.restart()
	if diff := cmp.Diff(outputs(want), outputs(e.describe("s"))); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(events, e.events("s")); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	_, err := e.cfn.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{StackName: new("s"), TemplateBody: new(queues)})
	if got, want := code(err), "ValidationError: No updates are to be performed."; got != want {
		t.Errorf("updating to the same: got %s, want %s", got, want)
	}
	if s := e.delete("s"); s.StackStatus != types.StackStatusDeleteComplete {
		t.Errorf("got %s", s.StackStatus)
	}
}

func TestCutCreationIsRolledBack(t *testing.T) {
	e := start(t)
	arrived := e.hold("CreateQueue", "s-Slow-")
	_, err := e.cfn.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: new("s"), TemplateBody: new(`{"Resources": {
		"Quick": {"Type": "AWS::SQS::Queue"},
		"Slow": {"Type": "AWS::SQS::Queue", "DependsOn": "Quick"}}}`)})
	e.must(err)
	<-arrived
	e.restart()
	s := e.settled("s")
	if s.StackStatus != types.StackStatusRollbackComplete {
		t.Errorf("got %s", s.StackStatus)
	}
	if left := e.queues(); len(left) > 0 {
		t.Errorf("got queues %v, want none: the one whose name was made up went with it", left)
	}
	want := "s ROLLBACK_IN_PROGRESS The creation was cut short by the end of the engine. Rollback requested by user."
	if !slices.Contains(e.events("s"), want) {
		t.Errorf("got events %q, want among them %q", e.events("s"), want)
	}
}

func TestCutCreationLeavesNamedResourcesAlone(t *testing.T) {
	e := start(t)
	arrived := e.hold("CreateQueue", "named")
	_, err := e.cfn.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: new("s"), TemplateBody: new(`{"Resources": {
		"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "named"}}}}`)})
	e.must(err)
	<-arrived
	e.restart()
	e.settled("s")
	if diff := cmp.Diff([]string{"named"}, e.queues()); diff != "" {
		t.Errorf("queues (-want +got):\n%s", diff)
	}
}

func TestCutUpdateIsRolledBack(t *testing.T) {
	e := start(t)
	e.create("s", `{"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "one"}}}}`)
	arrived := e.hold("CreateQueue", "s-Slow-")
	_, err := e.cfn.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{StackName: new("s"), TemplateBody: new(`{"Resources": {
		"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "two"}},
		"Slow": {"Type": "AWS::SQS::Queue", "DependsOn": "Q"}}}`)})
	e.must(err)
	<-arrived
	e.restart()
	if s := e.settled("s"); s.StackStatus != types.StackStatusUpdateRollbackComplete {
		t.Errorf("got %s", s.StackStatus)
	}
	if diff := cmp.Diff([]string{"one"}, e.queues()); diff != "" {
		t.Errorf("queues (-want +got):\n%s", diff)
	}
	if got := name(e.physical("s", "Q")); got != "one" {
		t.Errorf("got queue %s, want one", got)
	}
}

func TestCutDeletionGoesOn(t *testing.T) {
	e := start(t)
	s := e.create("s", queues)
	arrived := e.hold("DeleteQueue", "s-Dead-")
	_, err := e.cfn.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: new("s")})
	e.must(err)
	<-arrived
	e.restart()
	if s := e.settled(*s.StackId); s.StackStatus != types.StackStatusDeleteComplete {
		t.Errorf("got %s", s.StackStatus)
	}
	if left := e.queues(); len(left) > 0 {
		t.Errorf("got queues %v, want none", left)
	}
}
