package ecs_test

import (
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/runner"
)

// withGPUs is a small container that asks for GPUs.
func withGPUs(name, n string) types.ContainerDefinition {
	c := container(name)
	c.Cpu, c.Memory, c.Image = 128, aws.Int32(64), new("image")
	c.ResourceRequirements = []types.ResourceRequirement{{Type: types.ResourceTypeGpu, Value: &n}}
	return c
}

func (r *rig) registerGPUs(family string, containers ...types.ContainerDefinition) {
	r.Helper()
	must(r.RegisterTaskDefinition(ctx(r), &sdk.RegisterTaskDefinitionInput{Family: &family, ContainerDefinitions: containers}))
}

var fourCores = runner.Size{CPU: 4096, Memory: 8192}

func machineWithGPUs(n int) runner.Size {
	size := fourCores
	size.GPUs = n
	return size
}

// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-gpu-specifying.html
func TestAGPUIsOneTasks(t *testing.T) {
	inSize(t, machineWithGPUs(1), func(r *rig) {
		r.registerGPUs("gpu", withGPUs("gpu", "1"))
		first, second := *r.runTask("gpu").TaskArn, *r.runTask("gpu").TaskArn
		if got := *r.task(second).LastStatus; got != "PROVISIONING" {
			t.Errorf("got the second task %s, want it to wait for the GPU", got)
		}
		if got := *r.task(*r.runTask("job").TaskArn).LastStatus; got != "RUNNING" {
			t.Errorf("got a task without GPUs %s, want it to pass the one that waits for a GPU", got)
		}
		if diff := cmp.Diff([]string{"GPU-0"}, r.task(first).Containers[0].GpuIds); diff != "" {
			t.Errorf("GPUs (-want +got):\n%s", diff)
		}
		p := r.machine.processes("gpu")[0]
		if got := strings.Join(p.container.GPUIDs, " ") + " " + p.env("NVIDIA_VISIBLE_DEVICES") + p.env("CUDA_VISIBLE_DEVICES"); got != "GPU-0 GPU-0" {
			t.Errorf("the container has %q, want GPU-0, told to NVIDIA's runtime alone", got)
		}
		p.end(0)
		synctest.Wait()
		if got := *r.task(second).LastStatus; got != "RUNNING" {
			t.Errorf("got the second task %s after the first, want RUNNING", got)
		}
	})
}

func TestGPUsOfTasksAreNotTheSame(t *testing.T) {
	inSize(t, machineWithGPUs(3), func(r *rig) {
		folder := withGPUs("folder", "1")
		folder.Image = new("/folder")
		r.registerGPUs("pair", withGPUs("two", "2"), folder)
		r.registerGPUs("one", withGPUs("one", "1"))
		pair := *r.runTask("pair").TaskArn
		waits := *r.runTask("one").TaskArn
		two, one := r.machine.processes("two")[0], r.machine.processes("folder")[0]
		got := []string{two.env("NVIDIA_VISIBLE_DEVICES"), two.env("CUDA_VISIBLE_DEVICES"), one.env("CUDA_VISIBLE_DEVICES"), *r.task(waits).LastStatus}
		if diff := cmp.Diff([]string{"GPU-0,GPU-1", "", "GPU-2", "PROVISIONING"}, got); diff != "" {
			t.Errorf("GPUs (-want +got):\n%s", diff)
		}
		must(r.StopTask(ctx(r), &sdk.StopTaskInput{Task: &pair}))
		synctest.Wait()
		if diff := cmp.Diff([]string{"GPU-0"}, r.task(waits).Containers[0].GpuIds); diff != "" {
			t.Errorf("GPUs (-want +got):\n%s", diff)
		}
		more := r.runTask("one")
		if diff := cmp.Diff([]string{"GPU-1"}, r.task(*more.TaskArn).Containers[0].GpuIds); diff != "" {
			t.Errorf("GPUs beside another task (-want +got):\n%s", diff)
		}
	})
}

// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html
func TestMoreGPUsThanThereAre(t *testing.T) {
	inSize(t, machineWithGPUs(1), func(r *rig) {
		r.registerGPUs("gpu", withGPUs("gpu", "2"))
		out := must(r.RunTask(ctx(r), &sdk.RunTaskInput{TaskDefinition: new("gpu")}))
		if len(out.Tasks) != 0 || len(out.Failures) != 1 || *out.Failures[0].Reason != "RESOURCE:GPU" {
			t.Errorf("got %+v, %+v, want the failure RESOURCE:GPU", out.Tasks, out.Failures)
		}
		must(r.CreateService(ctx(r), &sdk.CreateServiceInput{
			ServiceName: new("work"), TaskDefinition: new("gpu"), DesiredCount: aws.Int32(1),
		}))
		synctest.Wait()
		for _, task := range r.tasks() {
			if *task.StoppedReason != "RESOURCE:GPU" || task.StopCode != types.TaskStopCodeTaskFailedToStart {
				t.Errorf("got task %s, %s, want it stopped for RESOURCE:GPU", task.StopCode, *task.StoppedReason)
			}
		}
		must(r.DeleteService(ctx(r), &sdk.DeleteServiceInput{Service: new("work"), Force: new(true)}))
	})
}

// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html
func TestServicesSayThatTheyWaitForAGPU(t *testing.T) {
	inSize(t, machineWithGPUs(1), func(r *rig) {
		r.registerGPUs("job", withGPUs("job", "1"))
		r.serve(2)
		r.scale(3)
		const want = `(service work) was unable to place a task because no container instance met all of its requirements. The closest matching (container-instance local) encountered error "RESOURCE:GPU".`
		if got := strings.Count(r.messages(), want); got != 1 {
			t.Errorf("got the event %d times, want once:\n%s", got, r.messages())
		}
	})
}

func TestGPUsOutliveTheEngine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path, on := filepath.Join(t.TempDir(), "x.db"), &machine{}
		before := newRigWith(t, path, machineWithGPUs(2), on)
		before.base()
		before.registerGPUs("gpu", withGPUs("gpu", "1"))
		before.runTask("gpu")
		second := before.runTask("gpu")
		on.processes("gpu")[0].end(0)
		synctest.Wait()
		// The first engine is left as it is, as if it were gone.
		next := newRigWith(t, path, machineWithGPUs(2), on)
		synctest.Wait()
		third := next.runTask("gpu")
		if got := next.task(*second.TaskArn).Containers[0].GpuIds[0] + " " + next.task(*third.TaskArn).Containers[0].GpuIds[0]; got != "GPU-1 GPU-0" {
			t.Errorf("got %s, want the survivor's GPU-1 kept, and the other given", got)
		}
		if err := next.stop(); err != nil {
			t.Error(err)
		}
		if err := before.stop(); err != nil {
			t.Error(err)
		}
		next.wantFree()
	})
}
