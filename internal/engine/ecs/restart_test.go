package ecs_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
)

func TestTasksAreStoppedWhenTheEngineEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "x.db")
		r := newRig(t, path, 2)
		r.base()
		r.machine.stubborn = true
		r.serve(3)
		r.protection(r.machine.processes("")[0], "PUT", `{"ProtectionEnabled":true}`)
		began := time.Now()
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 30*time.Second {
			t.Errorf("got an end after %v, want it after one stop timeout: all are stopped together", took)
		}
		if left := r.machine.processes(""); len(left) > 0 {
			t.Errorf("got %d containers, want none", len(left))
		}
		r.wantFree()

		again := newRig(t, path, 2)
		defer again.stop()
		synctest.Wait()
		if diff := cmp.Diff(map[string]int{"RUNNING": 2, "PROVISIONING": 1, "STOPPED": 3}, again.tally()); diff != "" {
			t.Errorf("tasks after the restart (-want +got):\n%s", diff)
		}
		for _, task := range again.tasks() {
			if *task.LastStatus == "STOPPED" && (task.StopCode != types.TaskStopCodeTerminationNotice || *task.StoppedReason != "Host EC2 (instance local) stopped.") {
				t.Errorf("got a task stopped with %s %q, want TerminationNotice and that the host stopped", task.StopCode, *task.StoppedReason)
			}
		}
	})
}

func TestServicesComeBackAfterACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "x.db")
		r := newRig(t, path, 2)
		r.base()
		r.serve(1)
		standalone := *r.runTask("job").TaskArn
		waiting := *r.runTask("job").TaskArn
		r.scale(2)
		events := r.messages()

		// The first engine is left as it is, as if it were gone.
		again := newRig(t, path, 3)
		synctest.Wait()
		lost := again.task(standalone)
		got := []string{*lost.LastStatus, string(lost.StopCode), *lost.StoppedReason, *lost.Containers[0].LastStatus}
		want := []string{"STOPPED", "TerminationNotice", "Host EC2 (instance local) terminated.", "STOPPED"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("task that ran (-want +got):\n%s", diff)
		}
		if got := *again.task(waiting).LastStatus; got != "RUNNING" {
			t.Errorf("got the task that waited %s, want RUNNING", got)
		}
		if diff := cmp.Diff(map[string]int{"RUNNING": 3, "STOPPED": 2}, again.tally()); diff != "" {
			t.Errorf("tasks (-want +got):\n%s", diff)
		}
		if got := again.messages(); len(got) <= len(events) || got[:len(events)] != events {
			t.Errorf("got events\n%s\nwant them to begin with\n%s", got, events)
		}
		if err := again.stop(); err != nil {
			t.Error(err)
		}
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestStateOutlivesTheEngine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "x.db")
		r := newRig(t, path, 1)
		r.base()
		r.register("job", container("job"))
		must(r.CreateCluster(ctx(r), &sdk.CreateClusterInput{ClusterName: new("other"), Tags: []types.Tag{{Key: new("a"), Value: new("b")}}}))
		must(r.CreateService(ctx(r), &sdk.CreateServiceInput{
			ServiceName: new("work"), TaskDefinition: new("job:1"), DesiredCount: aws.Int32(0),
			DeploymentConfiguration: &types.DeploymentConfiguration{DeploymentCircuitBreaker: &types.DeploymentCircuitBreaker{Enable: true}},
		}))
		synctest.Wait()
		snapshot := func(r *rig) []any {
			return []any{
				must(r.DescribeClusters(ctx(r), &sdk.DescribeClustersInput{Clusters: []string{"other"}, Include: []types.ClusterField{types.ClusterFieldTags}})).Clusters,
				must(r.DescribeTaskDefinition(ctx(r), &sdk.DescribeTaskDefinitionInput{TaskDefinition: new("job")})).TaskDefinition,
				r.work(),
			}
		}
		before := snapshot(r)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		again := newRig(t, path, 1)
		defer again.stop()
		synctest.Wait()
		if diff := cmp.Diff(before, snapshot(again), ignoreSerde); diff != "" {
			t.Errorf("after the restart (-want +got):\n%s", diff)
		}
	})
}

func taskID(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }

func TestContainersThatOutliveTheEngineAreAdopted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "x.db")
		r := newRig(t, path, 4)
		r.base()
		image := container("job")
		image.Image = new("image")
		r.register("job", image)
		r.serve(2)
		ending := *r.runTask("job").TaskArn
		r.machine.stubborn = true
		gone := *r.runTask("job").TaskArn
		must(r.StopTask(ctx(r), &sdk.StopTaskInput{Task: &gone}))
		synctest.Wait()

		// The first engine is left as it is, as if it were gone, and of its
		// containers one is gone too.
		left := &machine{}
		for _, p := range r.machine.processes("") {
			if "arn:aws:ecs:us-east-1:000000000000:task/default/"+p.container.Task != ending {
				other := &process{container: p.container, machine: left, over: make(chan struct{})}
				left.running = append(left.running, other)
			}
		}
		stray := &process{machine: left, over: make(chan struct{})}
		stray.container.ID, stray.container.Task = "stray-job", "stray"
		left.running = append(left.running, stray)

		again := newRigOn(t, path, 4, left)
		synctest.Wait()
		if diff := cmp.Diff(map[string]int{"RUNNING": 2, "STOPPED": 2}, again.tally()); diff != "" {
			t.Errorf("tasks (-want +got):\n%s", diff)
		}
		if got := len(left.starts()); got != 0 {
			t.Errorf("got %d containers started, want none", got)
		}
		if got := left.processes(""); len(got) != 2 {
			t.Errorf("got %d containers, want those of the service", len(got))
		}
		cleared := slices.Sorted(slices.Values(left.cleared))
		lost := slices.Sorted(slices.Values([]string{"stray", taskID(ending), taskID(gone)}))
		if diff := cmp.Diff(lost, cleared); diff != "" {
			t.Errorf("tasks that were cleared (-want +got):\n%s", diff)
		}
		got := []string{string(again.task(ending).StopCode), *again.task(ending).StoppedReason, string(again.task(gone).StopCode)}
		want := []string{"TerminationNotice", "Host EC2 (instance local) terminated.", "UserInitiated"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("tasks that ended (-want +got):\n%s", diff)
		}
		time.Sleep(time.Minute) // or it would have ended in haste
		left.processes("")[0].end(3)
		synctest.Wait()
		if got := len(left.starts()); got != 1 {
			t.Errorf("got %d containers started after one had ended, want 1", got)
		}
		if err := again.stop(); err != nil {
			t.Error(err)
		}
		again.wantFree()
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	})
}

// A task of which one container has gone with the engine is no whole one: what is
// left of it is removed.
func TestTasksThatAreNotWholeAreLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "x.db")
		r := newRig(t, path, 1)
		r.base()
		r.register("pair", imaged("one"), checked(helper("side")))
		arn := *r.runTask("pair").TaskArn
		left := &machine{}
		side := r.machine.processes("side")[0].container
		left.running = []*process{{container: side, machine: left, over: make(chan struct{})}}

		// The first engine is left as it is, as if it were gone.
		again := newRigOn(t, path, 1, left)
		synctest.Wait()
		if got := again.task(arn); *got.LastStatus != "STOPPED" || *got.StoppedReason != "Host EC2 (instance local) terminated." {
			t.Errorf("got task %s, %s, want it lost", *got.LastStatus, aws.ToString(got.StoppedReason))
		}
		if got := len(left.starts()) + len(left.processes("")); got != 0 {
			t.Errorf("got %d containers of it, want none", got)
		}
		for _, rig := range []*rig{again, r} {
			if err := rig.stop(); err != nil {
				t.Error(err)
			}
		}
	})
}
