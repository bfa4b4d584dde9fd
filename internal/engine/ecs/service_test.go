package ecs_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
)

// anonymous replaces ids of tasks and deployments.
func anonymous(s string) string {
	s = regexp.MustCompile(`[0-9a-f]{32}`).ReplaceAllString(s, "ID")
	return regexp.MustCompile(`ecs-svc/\d+`).ReplaceAllString(s, "ecs-svc/N")
}

func TestServiceScalesOutAndIn(t *testing.T) {
	in(t, 2, func(r *rig) {
		r.serve(0)
		began := time.Now()
		r.scale(2)
		if took := time.Since(began); took > 0 {
			t.Errorf("started after a pause of %v, want none", took)
		}
		v := r.work()
		if v.RunningCount != 2 || v.PendingCount != 0 || *v.TaskDefinition != "arn:aws:ecs:us-east-1:000000000000:task-definition/job:1" {
			t.Errorf("got %d running, %d pending of %s, want 2, 0 of job:1", v.RunningCount, v.PendingCount, *v.TaskDefinition)
		}
		r.scale(0)
		for _, task := range r.tasks() {
			got := []string{*task.LastStatus, string(task.StopCode), anonymous(*task.StoppedReason), *task.Group, anonymous(*task.StartedBy)}
			want := []string{"STOPPED", "ServiceSchedulerInitiated", "Scaling activity initiated by (deployment ecs-svc/N)", "service:work", "ecs-svc/N"}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("task (-want +got):\n%s", diff)
			}
		}
		want := `(service work) (deployment ecs-svc/N) deployment completed.
(service work) has reached a steady state.
(service work) has started 2 tasks: (task ID) (task ID).
(service work) has reached a steady state.
(service work) has stopped 2 running tasks: (task ID) (task ID).
(service work) has reached a steady state.`
		if diff := cmp.Diff(want, anonymous(r.messages())); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

func TestWaiters(t *testing.T) {
	in(t, 2, func(r *rig) {
		r.machine.stubborn = true
		r.serve(2)
		input := &sdk.DescribeServicesInput{Services: []string{"work"}}
		if err := sdk.NewServicesStableWaiter(r).Wait(ctx(r), input, time.Minute); err != nil {
			t.Error(err)
		}
		must(r.DeleteService(ctx(r), &sdk.DeleteServiceInput{Service: new("work"), Force: new(true)}))
		if err := sdk.NewServicesInactiveWaiter(r).Wait(ctx(r), input, time.Minute); err != nil {
			t.Error(err)
		}
	})
}

func TestNothingStartsUnwritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, filepath.Join(t.TempDir(), "x.db"), 2)
		r.base()
		r.serve(1)
		if err := r.store.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := r.UpdateService(ctx(r), &sdk.UpdateServiceInput{Service: new("work"), DesiredCount: aws.Int32(2)}); err == nil {
			t.Error("got no error, want one when the store takes nothing")
		}
		r.machine.processes("")[0].end(0)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := len(r.machine.starts()); got != 1 {
			t.Errorf("got %d starts, want 1", got)
		}
		if got := r.work().DesiredCount; got != 1 {
			t.Errorf("got desired count %d, want what was acknowledged, 1", got)
		}
		if err := r.stop(); err == nil {
			t.Error("got no error from Run, want one about what is not written")
		}
	})
}

func TestTasksWaitForTheirPlace(t *testing.T) {
	in(t, 2, func(r *rig) {
		r.serve(100)
		if diff := cmp.Diff(map[string]int{"RUNNING": 2, "PROVISIONING": 98}, r.tally()); diff != "" {
			t.Errorf("tasks (-want +got):\n%s", diff)
		}
		time.Sleep(time.Minute)
		r.machine.processes("")[0].end(0)
		synctest.Wait()
		if diff := cmp.Diff(map[string]int{"RUNNING": 2, "PROVISIONING": 98, "STOPPED": 1}, r.tally()); diff != "" {
			t.Errorf("tasks after one has ended (-want +got):\n%s", diff)
		}
		r.scale(1)
		if diff := cmp.Diff(map[string]int{"RUNNING": 1, "STOPPED": 100}, r.tally()); diff != "" {
			t.Errorf("tasks after scaling in (-want +got):\n%s", diff)
		}
		if got := len(r.machine.starts()); got != 3 {
			t.Errorf("got %d containers started, want 3: those that waited are the first to go", got)
		}
	})
}

func TestTaskLargerThanTheMachineRunsAlone(t *testing.T) {
	in(t, 1, func(r *rig) {
		must(r.RegisterTaskDefinition(ctx(r), &sdk.RegisterTaskDefinitionInput{
			Family: new("job"), ContainerDefinitions: []types.ContainerDefinition{container("job")}, Cpu: new("4 vCPU"), Memory: new("8 GB"),
		}))
		r.serve(2)
		if diff := cmp.Diff(map[string]int{"RUNNING": 1, "PROVISIONING": 1}, r.tally()); diff != "" {
			t.Errorf("tasks (-want +got):\n%s", diff)
		}
		want := "ask for 4096 CPU units and 8192 MiB of memory; this machine has 1024 and 2048"
		if got := strings.Count(r.messages(), want); got != 1 {
			t.Errorf("got %d events with %q, want 1:\n%s", got, want, r.messages())
		}
	})
}

func TestNewDefinitionRolls(t *testing.T) {
	in(t, 8, func(r *rig) {
		r.serve(2)
		held := r.machine.processes("")[0]
		r.protection(held, "PUT", `{"ProtectionEnabled":true,"ExpiresInMinutes":10}`)
		r.register("job", container("job"))
		must(r.UpdateService(ctx(r), &sdk.UpdateServiceInput{Service: new("work"), TaskDefinition: new("job")}))
		synctest.Wait()

		v := r.work()
		var got []int32
		for _, d := range v.Deployments {
			got = append(got, d.DesiredCount, d.RunningCount)
		}
		if diff := cmp.Diff([]int32{2, 2, 0, 1}, got); diff != "" {
			t.Errorf("desired and running of the deployments (-want +got):\n%s", diff)
		}
		if got := aws.ToString(v.Deployments[1].Status); got != "ACTIVE" {
			t.Errorf("got %s, want the old deployment to be ACTIVE while a protected task is left", got)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		v = r.work()
		if len(v.Deployments) != 1 || v.Deployments[0].RolloutState != types.DeploymentRolloutStateCompleted || v.RunningCount != 2 {
			t.Errorf("got %d deployments, the first %s, with %d running; want 1 that is COMPLETED with 2", len(v.Deployments), v.Deployments[0].RolloutState, v.RunningCount)
		}
		select {
		case <-held.over:
		default:
			t.Error("got the old task running, want it stopped when its protection ended")
		}
	})
}

func TestRollingKeepsWithinItsPercentages(t *testing.T) {
	in(t, 8, func(r *rig) {
		r.machine.stubborn = true
		must(r.CreateService(ctx(r), &sdk.CreateServiceInput{
			ServiceName: new("work"), TaskDefinition: new("job"), DesiredCount: aws.Int32(4),
			DeploymentConfiguration: &types.DeploymentConfiguration{MinimumHealthyPercent: aws.Int32(50), MaximumPercent: aws.Int32(100)},
		}))
		synctest.Wait()
		must(r.UpdateService(ctx(r), &sdk.UpdateServiceInput{Service: new("work"), ForceNewDeployment: true}))
		synctest.Wait()
		if diff := cmp.Diff(map[string]int{"RUNNING": 4, "STOPPING": 4}, r.tally()); diff != "" {
			t.Errorf("tasks (-want +got):\n%s", diff)
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if diff := cmp.Diff(map[string]int{"RUNNING": 4, "STOPPED": 4}, r.tally()); diff != "" {
			t.Errorf("tasks after the stop timeout (-want +got):\n%s", diff)
		}
	})
}

func TestFailingTasksAreReplacedEverMoreSlowly(t *testing.T) {
	in(t, 1, func(r *rig) {
		r.machine.refuse("CannotPullContainerError: no such image")
		began := time.Now()
		r.serve(1)
		time.Sleep(time.Minute)
		synctest.Wait()
		var got []time.Duration
		for _, at := range r.machine.startTimes() {
			got = append(got, at.Sub(began))
		}
		want := []time.Duration{0, time.Second, 3 * time.Second, 7 * time.Second, 15 * time.Second, 31 * time.Second}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("starts (-want +got):\n%s", diff)
		}
		stopped := r.tasks()[0]
		if stopped.StopCode != types.TaskStopCodeTaskFailedToStart || *stopped.StoppedReason != "CannotPullContainerError: no such image" {
			t.Errorf("got %s %q, want TaskFailedToStart with the runner's error", stopped.StopCode, *stopped.StoppedReason)
		}
		if !strings.Contains(r.messages(), "(service work) is unable to consistently start tasks successfully.") {
			t.Errorf("got events\n%s\nwant one that tasks cannot be started", r.messages())
		}
		if got := r.work().Deployments[0].FailedTasks; got != 6 {
			t.Errorf("got %d failed tasks, want 6", got)
		}

		r.machine.refuse("")
		must(r.UpdateService(ctx(r), &sdk.UpdateServiceInput{Service: new("work"), ForceNewDeployment: true}))
		synctest.Wait()
		if got := r.work().RunningCount; got != 1 {
			t.Errorf("got %d running, want a new deployment to start at once", got)
		}
	})
}

func TestTasksThatEndAreReplaced(t *testing.T) {
	tests := []struct {
		name  string
		after time.Duration
		code  int
		pause time.Duration
	}{
		{"after working", time.Minute, 1, 0},
		{"at once with a failure", 0, 1, time.Second},
		{"at once and well", 0, 0, time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in(t, 1, func(r *rig) {
				r.serve(1)
				time.Sleep(test.after)
				r.machine.processes("")[0].end(test.code)
				ended := time.Now()
				time.Sleep(time.Minute)
				synctest.Wait()
				got := r.machine.startTimes()
				if len(got) != 2 || got[1].Sub(ended) != test.pause {
					t.Errorf("got starts at %v, want a second one %v after the end at %v", got, test.pause, ended)
				}
			})
		})
	}
}

func TestDeletedServiceDrains(t *testing.T) {
	in(t, 4, func(r *rig) {
		r.machine.stubborn = true
		r.serve(2)
		r.protection(r.machine.processes("")[0], "PUT", `{"ProtectionEnabled":true}`)
		_, err := r.DeleteService(ctx(r), &sdk.DeleteServiceInput{Service: new("work")})
		if got, want := code(err), "InvalidParameterException: The service cannot be stopped while it is scaled above 0."; got != want {
			t.Errorf("deleting a service with tasks: got %q, want %q", got, want)
		}
		must(r.DeleteService(ctx(r), &sdk.DeleteServiceInput{Service: new("work"), Force: new(true)}))
		synctest.Wait()
		if got := *r.work().Status; got != "DRAINING" {
			t.Errorf("got %s, want DRAINING", got)
		}
		_, err = r.CreateService(ctx(r), &sdk.CreateServiceInput{ServiceName: new("work"), TaskDefinition: new("job")})
		if got, want := code(err), "InvalidParameterException: Unable to Start a service that is still Draining."; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		_, err = r.DeleteCluster(ctx(r), &sdk.DeleteClusterInput{Cluster: new("default")})
		if got, want := code(err), "ClusterContainsServicesException: The Cluster cannot be deleted while Services are active."; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if got := *r.work().Status; got != "INACTIVE" {
			t.Errorf("got %s, want INACTIVE", got)
		}
		_, err = r.UpdateService(ctx(r), &sdk.UpdateServiceInput{Service: new("work")})
		if got, want := code(err), "ServiceNotActiveException: Service was not ACTIVE."; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		r.serve(1)
		if got := r.work(); *got.Status != "ACTIVE" || got.RunningCount != 1 {
			t.Errorf("got a service that is %s with %d running, want it ACTIVE again with 1", *got.Status, got.RunningCount)
		}
		must(r.DeleteService(ctx(r), &sdk.DeleteServiceInput{Service: new("work"), Force: new(true)}))
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		out := must(r.DescribeServices(ctx(r), &sdk.DescribeServicesInput{Services: []string{"work"}}))
		if len(out.Services) != 0 || len(out.Failures) != 1 || *out.Failures[0].Reason != "MISSING" {
			t.Errorf("got %d services and failures %v, want it MISSING after an hour", len(out.Services), out.Failures)
		}
		if got := len(r.tasks()); got != 0 {
			t.Errorf("got %d tasks described, want none after an hour", got)
		}
	})
}

func TestRollingOnAFullMachine(t *testing.T) {
	in(t, 2, func(r *rig) {
		r.serve(4)
		old := r.machine.processes("")
		r.protection(old[0], "PUT", `{"ProtectionEnabled":true,"ExpiresInMinutes":3}`)
		r.machine.stubborn = true
		must(r.UpdateService(ctx(r), &sdk.UpdateServiceInput{Service: new("work"), ForceNewDeployment: true}))
		synctest.Wait()
		if diff := cmp.Diff(map[string]int{"RUNNING": 2, "PROVISIONING": 3, "STOPPED": 3}, r.tally()); diff != "" {
			t.Errorf("tasks (-want +got):\n%s", diff)
		}
		if got := r.machine.processes(""); got[0] != old[0] || got[1] == old[1] {
			t.Error("got the wrong task replaced, want the one without protection")
		}
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if v := r.work(); v.Deployments[0].RunningCount != 2 || len(v.Deployments) != 1 {
			t.Errorf("got %d running of %d deployments, want 2 of 1", v.Deployments[0].RunningCount, len(v.Deployments))
		}
	})
}

func TestPercentagesThatKeepADeploymentFromHappening(t *testing.T) {
	in(t, 4, func(r *rig) {
		r.serve(1)
		update := func(least, most int32) {
			must(r.UpdateService(ctx(r), &sdk.UpdateServiceInput{
				Service: new("work"), ForceNewDeployment: true,
				DeploymentConfiguration: &types.DeploymentConfiguration{MinimumHealthyPercent: &least, MaximumPercent: &most},
			}))
			synctest.Wait()
		}
		update(50, 150) // one task at least, and one at most
		if got := len(r.work().Deployments); got != 2 {
			t.Errorf("got %d deployments, want 2", got)
		}
		if want := "was unable to stop or start tasks during a deployment because of the service deployment configuration."; strings.Count(r.messages(), want) != 1 {
			t.Errorf("got events\n%s\nwant one that says %q", r.messages(), want)
		}
		update(0, 100)
		if v := r.work(); len(v.Deployments) != 1 || v.RunningCount != 1 {
			t.Errorf("got %d deployments with %d running, want 1 with 1", len(v.Deployments), v.RunningCount)
		}
	})
}
