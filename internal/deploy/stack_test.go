package deploy_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/deploy"
	"github.com/spate-run/spate/internal/engine"
	"github.com/spate-run/spate/internal/template"
)

// newEngine runs an engine of the test's own.
func newEngine(t *testing.T) *cloudformation.Client {
	t.Helper()
	e, err := engine.Open(t.Context(), engine.Config{Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the engine ended with %v", err)
		}
	})
	return client.New(e.Address()).CloudFormation
}

// withQueue is a template with one queue, whose delay is given.
func withQueue(delay string) []byte {
	return []byte(`{
		"Parameters": {"Image": {"Type": "String"}, "Update": {"Type": "String", "Default": "false"}},
		"Resources": {
			"Other": {"Type": "AWS::SQS::Queue"},
			"Queue": {"Type": "AWS::SQS::Queue", "DependsOn": "Other", "Properties": {"DelaySeconds": ` + delay + `}}
		},
		"Outputs": {"Image": {"Value": {"Ref": "Image"}}, "Update": {"Value": {"Ref": "Update"}}}
	}`)
}

func apply(t *testing.T, cfn *cloudformation.Client, text []byte) (deploy.Outputs, error) {
	t.Helper()
	parsed, err := template.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return deploy.Apply(t.Context(), cfn, deploy.Stack{
		Name: "s", Template: parsed, Parameters: map[string]string{"Image": "/folder"}, Tags: map[string]string{"spate:job": "s"},
	})
}

func status(t *testing.T, cfn *cloudformation.Client) types.StackStatus {
	t.Helper()
	out, err := cfn.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: new("s")})
	if err != nil {
		t.Fatal(err)
	}
	return out.Stacks[0].StackStatus
}

func TestApplyCreatesThenUpdates(t *testing.T) {
	cfn := newEngine(t)
	for i, step := range []struct {
		delay      string
		update     string
		wantStatus types.StackStatus
	}{
		{"1", "false", types.StackStatusCreateComplete},
		{"1", "false", types.StackStatusCreateComplete}, // the parameter Update is no reason
		{"2", "true", types.StackStatusUpdateComplete},
		{"2", "true", types.StackStatusUpdateComplete}, // nothing changed
	} {
		got, err := apply(t, cfn, withQueue(step.delay))
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		want := deploy.Outputs{"Image": "/folder", "Update": step.update}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("step %d: outputs (-want +got):\n%s", i, diff)
		}
		if got := status(t, cfn); got != step.wantStatus {
			t.Errorf("step %d: got %s, want %s", i, got, step.wantStatus)
		}
	}
}

func TestFailuresNameTheirRoot(t *testing.T) {
	cfn := newEngine(t)
	_, err := apply(t, cfn, withQueue("100000"))
	failed, ok := errors.AsType[*deploy.FailedError](err)
	if !ok {
		t.Fatalf("creating an impossible queue: got %v, want a FailedError", err)
	}
	if failed.Status != types.StackStatusRollbackComplete || len(failed.Causes) != 1 || failed.Causes[0].LogicalID != "Queue" ||
		!strings.Contains(failed.Causes[0].Reason, "DelaySeconds") {
		t.Errorf("got %+v, want the queue's DelaySeconds as the one cause", failed)
	}

	// What was rolled back holds nothing, and is made anew.
	if _, err := apply(t, cfn, withQueue("1")); err != nil {
		t.Fatalf("after a rollback: %v", err)
	}
	if got := status(t, cfn); got != types.StackStatusCreateComplete {
		t.Errorf("after a rollback: got %s, want %s", got, types.StackStatusCreateComplete)
	}

	// An update that fails leaves the stack as it was.
	_, err = apply(t, cfn, withQueue("100000"))
	if failed, ok := errors.AsType[*deploy.FailedError](err); !ok || failed.Status != types.StackStatusUpdateRollbackComplete || failed.Causes[0].LogicalID != "Queue" {
		t.Errorf("an impossible update: got %v, want a FailedError that names the queue", err)
	}
	if _, err := apply(t, cfn, withQueue("3")); err != nil {
		t.Errorf("after an update that was rolled back: %v", err)
	}
}

// Commands that deploy a stack at the same time take turns.
func TestManyDeployAtOnce(t *testing.T) {
	cfn := newEngine(t)
	for _, delays := range [][]string{{"1", "1", "1", "1", "1"}, {"2", "3", "4", "5", "6"}} {
		var group errgroup.Group
		for _, delay := range delays {
			group.Go(func() error {
				_, err := apply(t, cfn, withQueue(delay))
				return err
			})
		}
		if err := group.Wait(); err != nil {
			t.Fatalf("deploying %v at once: %v", delays, err)
		}
	}
}

func TestDelete(t *testing.T) {
	cfn := newEngine(t)
	if err := deploy.Delete(t.Context(), cfn, "s"); err != nil {
		t.Errorf("deleting a stack that is not there: %v", err)
	}
	if _, err := apply(t, cfn, withQueue("1")); err != nil {
		t.Fatal(err)
	}
	if err := deploy.Delete(t.Context(), cfn, "s"); err != nil {
		t.Fatal(err)
	}
	if _, err := cfn.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: new("s")}); err == nil {
		t.Error("the stack is still there")
	}
}
