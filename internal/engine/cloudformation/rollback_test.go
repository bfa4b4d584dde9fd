package cloudformation_test

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"
)

// rollBack rolls a failed stack back and waits until it comes to rest.
func (e *engine) rollBack(name string) types.Stack {
	e.t.Helper()
	out, err := e.cfn.RollbackStack(e.t.Context(), &cloudformation.RollbackStackInput{StackName: &name})
	e.must(err)
	return e.settled(*out.StackId)
}

const twoNamed = `{"Resources": {
	"One": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "one"}},
	"Bad": {"Type": "AWS::SQS::Queue", "DependsOn": "One", "Properties": {"QueueName": "two", "VisibilityTimeout": 5}}}}`

func broken(template string) string { return strings.Replace(template, "5", "-5", 1) }

func TestAFailedUpdateIsRolledBackLater(t *testing.T) {
	e := start(t)
	e.create("s", twoNamed)
	_, err := e.cfn.RollbackStack(t.Context(), &cloudformation.RollbackStackInput{StackName: new("s")})
	if got, want := code(err), "ValidationError: Stack:"+*e.describe("s").StackId+" is in CREATE_COMPLETE state and can not be rolled back."; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	_, err = e.cfn.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{
		StackName: new("s"), DisableRollback: new(true), TemplateBody: new(strings.Replace(broken(twoNamed), `"one"`, `"three"`, 1)),
	})
	e.must(err)
	if s := e.settled("s"); s.StackStatus != types.StackStatusUpdateFailed {
		t.Fatalf("got %s", s.StackStatus)
	}
	if s := e.rollBack("s"); s.StackStatus != types.StackStatusUpdateRollbackComplete {
		t.Errorf("got %s and events\n%s", s.StackStatus, strings.Join(e.events("s"), "\n"))
	}
	if diff := cmp.Diff([]string{"one", "two"}, e.queues()); diff != "" {
		t.Errorf("queues (-want +got):\n%s", diff)
	}
	_, err = e.cfn.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{StackName: new("s"), TemplateBody: new(twoNamed)})
	if got, want := code(err), "ValidationError: No updates are to be performed."; got != want {
		t.Errorf("updating to what was before: got %s, want %s", got, want)
	}
}

func TestAFailedUpdateIsTriedAgain(t *testing.T) {
	e := start(t)
	e.create("s", twoNamed)
	for range 2 { // the second finds nothing changed, and yet has to fail
		_, err := e.cfn.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{StackName: new("s"), DisableRollback: new(true), TemplateBody: new(broken(twoNamed))})
		e.must(err)
		if s := e.settled("s"); s.StackStatus != types.StackStatusUpdateFailed {
			t.Fatalf("got %s", s.StackStatus)
		}
	}
	if s := e.update("s", strings.Replace(twoNamed, "5", "6", 1)); s.StackStatus != types.StackStatusUpdateComplete {
		t.Errorf("got %s", s.StackStatus)
	}
	if got := e.attribute("two", "VisibilityTimeout"); got != "6" {
		t.Errorf("got a timeout of %s, want 6", got)
	}
}

// attribute is an attribute of a queue.
func (e *engine) attribute(queue string, name sqstypes.QueueAttributeName) string {
	e.t.Helper()
	out, err := e.sqs.GetQueueAttributes(e.t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: new("http://engine.local/000000000000/" + queue), AttributeNames: []sqstypes.QueueAttributeName{name},
	})
	e.must(err)
	return out.Attributes[string(name)]
}

func TestAFailedCreation(t *testing.T) {
	cases := []struct {
		why    string
		mend   func(*engine) types.Stack
		want   types.StackStatus
		queues []string
	}{
		{"rolled back", func(e *engine) types.Stack { return e.rollBack("s") }, types.StackStatusRollbackComplete, nil},
		{"updated", func(e *engine) types.Stack { return e.update("s", twoNamed) }, types.StackStatusUpdateComplete, []string{"one", "two"}},
		{"updated to what fails too", func(e *engine) types.Stack { return e.update("s", broken(twoNamed)) }, types.StackStatusRollbackComplete, nil},
	}
	for _, c := range cases {
		t.Run(c.why, func(t *testing.T) {
			e := start(t)
			_, err := e.cfn.CreateStack(t.Context(), &cloudformation.CreateStackInput{
				StackName: new("s"), TemplateBody: new(broken(twoNamed)), DisableRollback: new(true),
			})
			e.must(err)
			if s := e.settled("s"); s.StackStatus != types.StackStatusCreateFailed {
				t.Fatalf("got %s", s.StackStatus)
			}
			if s := c.mend(e); s.StackStatus != c.want {
				t.Errorf("got %s, want %s, and events\n%s", s.StackStatus, c.want, strings.Join(e.events("s"), "\n"))
			}
			if diff := cmp.Diff(c.queues, e.queues()); diff != "" {
				t.Errorf("queues (-want +got):\n%s", diff)
			}
		})
	}
	e := start(t)
	_, err := e.cfn.CreateStack(t.Context(), &cloudformation.CreateStackInput{
		StackName: new("s"), TemplateBody: new(broken(twoNamed)), OnFailure: types.OnFailureDoNothing,
	})
	e.must(err)
	e.settled("s")
	_, err = e.cfn.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{StackName: new("s"), TemplateBody: new(twoNamed)})
	if got, want := code(err), "ValidationError: This stack cannot be updated from [CREATE_FAILED] state because it contains [on-failure: DO_NOTHING]. Please use disable-rollback option instead during stack creation."; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// refuse answers the requests that have the words with an error.
func (e *engine) refuse(target, word string) {
	var g gate = func(w http.ResponseWriter, r *http.Request, services http.Handler) {
		body, err := io.ReadAll(r.Body)
		e.must(err)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), "."+target) && bytes.Contains(body, []byte(word)) {
			http.Error(w, `{"__type": "AccessDenied", "message": "not now"}`, http.StatusForbidden)
			return
		}
		services.ServeHTTP(w, r)
	}
	e.gate.Store(&g)
}

func TestARollbackThatFailsIsContinued(t *testing.T) {
	cases := []struct {
		why   string
		in    cloudformation.ContinueUpdateRollbackInput
		delay string // what becomes of the resource that could not be rolled back
	}{
		{"tried again", cloudformation.ContinueUpdateRollbackInput{}, "1"},
		{"skipped", cloudformation.ContinueUpdateRollbackInput{ResourcesToSkip: []string{"Q"}}, "2"},
		{"forced", cloudformation.ContinueUpdateRollbackInput{ForceRollback: new(true)}, "2"},
	}
	template := func(delay, bad string) string {
		return `{"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "q", "DelaySeconds": ` + delay + `}}` + bad + `}}`
	}
	for _, c := range cases {
		t.Run(c.why, func(t *testing.T) {
			e := start(t)
			e.create("s", template("1", ""))
			c.in.StackName = new("s")
			_, err := e.cfn.ContinueUpdateRollback(t.Context(), &c.in)
			if got, want := code(err), "ValidationError: Stack:"+*e.describe("s").StackId+" is in CREATE_COMPLETE state and can not continue its rollback."; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			e.refuse("SetQueueAttributes", `"DelaySeconds":"1"`)
			s := e.update("s", template("2", `, "Bad": {"Type": "AWS::SQS::Queue", "DependsOn": "Q", "Properties": {"Colour": "red"}}`))
			if s.StackStatus != types.StackStatusUpdateRollbackFailed || *s.StackStatusReason != "The following resource(s) failed to update: [Q]. " {
				t.Fatalf("got %s: %s", s.StackStatus, *s.StackStatusReason)
			}
			e.restart()
			_, err = e.cfn.ContinueUpdateRollback(t.Context(), &c.in)
			e.must(err)
			if s := e.settled("s"); s.StackStatus != types.StackStatusUpdateRollbackComplete {
				t.Errorf("got %s and events\n%s", s.StackStatus, strings.Join(e.events("s"), "\n"))
			}
			if got := e.attribute("q", "DelaySeconds"); got != c.delay {
				t.Errorf("got a delay of %s, want %s", got, c.delay)
			}
			skipped := slices.Contains(e.events("s"), "Q UPDATE_COMPLETE Resource skipped during UpdateRollback")
			if skipped != (c.delay == "2") {
				t.Errorf("got events\n%s", strings.Join(e.events("s"), "\n"))
			}
			if diff := cmp.Diff([]string{"q"}, e.queues()); diff != "" {
				t.Errorf("queues (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnUpdateIsCancelled(t *testing.T) {
	e := start(t)
	s := e.create("s", service("/a", "1"))
	if s.StackStatus != types.StackStatusCreateComplete {
		t.Fatalf("got %s and events\n%s", s.StackStatus, strings.Join(e.events("s"), "\n"))
	}
	cancel := func() error {
		_, err := e.cfn.CancelUpdateStack(t.Context(), &cloudformation.CancelUpdateStackInput{StackName: new("s")})
		return err
	}
	if got, want := code(cancel()), "ValidationError: CancelUpdateStack cannot be called from current stack status"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	definition := e.physical("s", "Task")
	e.machine.broken.Store(true)
	_, err := e.cfn.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{StackName: new("s"), TemplateBody: new(service("/b", "1"))})
	e.must(err)
	for e.resourceStatus("s", "Service") != types.ResourceStatusUpdateInProgress {
		e.pause()
	}
	e.must(cancel())
	e.machine.broken.Store(false)
	if s := e.settled("s"); s.StackStatus != types.StackStatusUpdateRollbackComplete {
		t.Errorf("got %s and events\n%s", s.StackStatus, strings.Join(e.events("s"), "\n"))
	}
	out, err := e.ecs.DescribeServices(t.Context(), &ecs.DescribeServicesInput{Cluster: new(e.physical("s", "Cluster")), Services: []string{e.physical("s", "Service")}})
	e.must(err)
	if got := *out.Services[0].TaskDefinition; got != definition || e.physical("s", "Task") != definition {
		t.Errorf("got task definition %s, want %s", got, definition)
	}
}

func TestAServiceThatFailedIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := start(t)
		e.machine.broken.Store(true)
		_, err := e.cfn.CreateStack(t.Context(), &cloudformation.CreateStackInput{
			StackName: new("s"), TemplateBody: new(service("/a", "1")), DisableRollback: new(true),
		})
		e.must(err)
		if s := e.settled("s"); s.StackStatus != types.StackStatusCreateFailed {
			t.Fatalf("got %s", s.StackStatus)
		}
		first := e.physical("s", "Service")
		e.machine.broken.Store(false)
		if s := e.update("s", service("/a", "1")); s.StackStatus != types.StackStatusUpdateComplete {
			t.Errorf("got %s and events\n%s", s.StackStatus, strings.Join(e.events("s"), "\n"))
		}
		if got := e.resourceStatus("s", "Service"); got != types.ResourceStatusUpdateComplete || e.physical("s", "Service") != first {
			t.Errorf("got service %s %s, want %s", e.physical("s", "Service"), got, first)
		}
	})
}
