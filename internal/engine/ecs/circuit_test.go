package ecs_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// breaker configures a deployment circuit breaker.
func breaker(rollback bool) *types.DeploymentConfiguration {
	return &types.DeploymentConfiguration{DeploymentCircuitBreaker: &types.DeploymentCircuitBreaker{Enable: true, Rollback: rollback}}
}

// The examples of how the threshold is computed, and its bounds.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
func TestCircuitBreakerThreshold(t *testing.T) {
	for _, test := range []struct{ desired, failures int }{{1, 3}, {8, 4}, {9, 5}} {
		in(t, 2*test.desired, func(r *rig) {
			r.machine.refuse("CannotPullContainerError: no such image")
			must(r.CreateService(ctx(r), &sdk.CreateServiceInput{
				ServiceName: new("work"), TaskDefinition: new("job"), DesiredCount: aws.Int32(1), DeploymentConfiguration: breaker(false),
			}))
			// Tasks fail one by one, however many are desired in the end.
			for r.work().Deployments[0].FailedTasks < 2 {
				time.Sleep(100 * time.Millisecond)
			}
			r.scale(test.desired)
			time.Sleep(time.Hour)
			d := r.work().Deployments[0]
			if d.RolloutState != types.DeploymentRolloutStateFailed || aws.ToString(d.RolloutStateReason) != "ECS deployment circuit breaker: tasks failed to start." {
				t.Errorf("%d desired: got %s, %q", test.desired, d.RolloutState, aws.ToString(d.RolloutStateReason))
			}
			if int(d.FailedTasks) < test.failures || int(d.FailedTasks) >= test.failures+test.desired {
				t.Errorf("%d desired: failed after %d tasks, want %d, and those that started with them", test.desired, d.FailedTasks, test.failures)
			}
			started := len(r.machine.starts())
			time.Sleep(time.Hour)
			if got := len(r.machine.starts()); got != started {
				t.Errorf("%d desired: a failed deployment started %d tasks more, want none", test.desired, got-started)
			}
			if !strings.Contains(r.messages(), "deployment failed: tasks failed to start.") {
				t.Errorf("got events\n%s\nwant one of the failure", r.messages())
			}
		})
	}
}

// redeployBroken replaces what a service runs by what cannot start, until its
// deployment fails.
func redeployBroken(r *rig, rollback bool) {
	r.Helper()
	r.serve(2)
	synctest.Wait()
	broken := r.register("job", container("job"))
	r.machine.refuse("CannotPullContainerError: no such image")
	must(r.UpdateService(ctx(r), &sdk.UpdateServiceInput{Service: new("work"), TaskDefinition: &broken, DeploymentConfiguration: breaker(rollback)}))
	for range 600 {
		time.Sleep(100 * time.Millisecond)
		for _, d := range r.work().Deployments {
			if d.RolloutState == types.DeploymentRolloutStateFailed {
				return
			}
		}
	}
	r.Fatalf("the deployment did not fail\n%s", r.messages())
}

func TestCircuitBreakerRollsBack(t *testing.T) {
	in(t, 4, func(r *rig) {
		redeployBroken(r, true)
		work := r.work()
		if got := *work.TaskDefinition; !strings.HasSuffix(got, "/job:1") {
			t.Errorf("got definition %s, want the one before", got)
		}
		reason := aws.ToString(work.Deployments[0].RolloutStateReason)
		id := *work.Deployments[0].Id
		if want := "ECS deployment circuit breaker: rolling back to deploymentId " + id + "."; reason != want && work.Deployments[0].RolloutState != types.DeploymentRolloutStateCompleted {
			t.Errorf("got %s, %q, want %q", work.Deployments[0].RolloutState, reason, want)
		}
		time.Sleep(2 * time.Minute)
		work = r.work()
		if len(work.Deployments) != 1 || work.RunningCount != 2 || work.Deployments[0].RolloutState != types.DeploymentRolloutStateCompleted {
			t.Errorf("got %d deployments, %d tasks running, %s; want the old one alone, with its 2 tasks", len(work.Deployments), work.RunningCount, work.Deployments[0].RolloutState)
		}
		if got := len(r.machine.processes("")); got != 2 {
			t.Errorf("got %d containers, want the 2 that ran all the time", got)
		}
		for _, want := range []string{"deployment failed: tasks failed to start.", "rolling back to deployment " + id + ".", "has reached a steady state."} {
			if !strings.Contains(r.messages(), want) {
				t.Errorf("got events\n%s\nwant %q", r.messages(), want)
			}
		}
	})
}

func TestCircuitBreakerWithoutRollbackLeavesTheRest(t *testing.T) {
	in(t, 4, func(r *rig) {
		redeployBroken(r, false)
		time.Sleep(10 * time.Minute)
		work := r.work()
		if d := work.Deployments[0]; d.RolloutState != types.DeploymentRolloutStateFailed || !strings.HasSuffix(*d.TaskDefinition, "/job:2") {
			t.Errorf("got %s of %s, want the failed one", d.RolloutState, *d.TaskDefinition)
		}
		if work.RunningCount != 2 {
			t.Errorf("got %d tasks running, want the 2 of the deployment before", work.RunningCount)
		}
		r.scale(1)
		if work = r.work(); work.RunningCount != 1 {
			t.Errorf("got %d tasks running, want as many as are desired", work.RunningCount)
		}
		r.scale(2)
		r.machine.refuse("")
		good := r.register("job", container("job"))
		must(r.UpdateService(ctx(r), &sdk.UpdateServiceInput{Service: new("work"), TaskDefinition: &good}))
		time.Sleep(10 * time.Minute)
		if work = r.work(); len(work.Deployments) != 1 || work.RunningCount != 2 || !strings.HasSuffix(*work.TaskDefinition, "/job:3") {
			t.Errorf("got %d deployments, %d tasks running of %s; want the next one alone", len(work.Deployments), work.RunningCount, *work.TaskDefinition)
		}
	})
}
