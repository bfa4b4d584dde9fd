package ecs_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/runner"
)

func TestTaskEndsWithItsEssentialContainer(t *testing.T) {
	in(t, 1, func(r *rig) {
		sidecar := container("sidecar")
		sidecar.Essential = new(false)
		r.register("pair", container("main"), sidecar)
		arn := *r.runTask("pair").TaskArn
		began := time.Now()
		time.Sleep(time.Minute)
		r.machine.processes("sidecar")[0].end(0)
		synctest.Wait()
		if got := *r.task(arn).LastStatus; got != "RUNNING" {
			t.Errorf("got %s after the sidecar's end, want RUNNING", got)
		}
		time.Sleep(time.Minute)
		r.machine.processes("main")[0].end(3)
		synctest.Wait()
		task := r.task(arn)
		got := []any{*task.LastStatus, task.StopCode, *task.StoppedReason, *task.Containers[0].ExitCode, *task.Containers[1].ExitCode, task.StartedAt.Sub(began), task.StoppedAt.Sub(began)}
		want := []any{"STOPPED", types.TaskStopCodeEssentialContainerExited, "Essential container in task exited", int32(3), int32(0), time.Duration(0), 2 * time.Minute}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("task (-want +got):\n%s", diff)
		}
	})
}

func TestStopTaskGivesItTime(t *testing.T) {
	in(t, 1, func(r *rig) {
		r.machine.stubborn = true
		c := container("job")
		c.StopTimeout = aws.Int32(45)
		r.register("job", c)
		arn := *r.runTask("job").TaskArn
		must(r.StopTask(ctx(r), &sdk.StopTaskInput{Task: &arn, Reason: new("enough")}))
		began := time.Now()
		synctest.Wait()
		if got := *r.task(arn).LastStatus; got != "STOPPING" {
			t.Errorf("got %s, want STOPPING until the container has ended", got)
		}
		waiting := *r.runTask("job").TaskArn
		time.Sleep(44 * time.Second)
		synctest.Wait()
		if got := *r.task(waiting).LastStatus; got != "PROVISIONING" {
			t.Errorf("got the next task %s, want PROVISIONING while the machine is taken", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		task := r.task(arn)
		got := []any{*task.LastStatus, task.StopCode, *task.StoppedReason, *task.Containers[0].ExitCode, task.StoppedAt.Sub(began)}
		want := []any{"STOPPED", types.TaskStopCodeUserInitiated, "enough", int32(137), 45 * time.Second}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("task (-want +got):\n%s", diff)
		}
		if got := *r.task(waiting).LastStatus; got != "RUNNING" {
			t.Errorf("got the next task %s, want RUNNING", got)
		}
	})
}

func TestStopTaskThatWaits(t *testing.T) {
	in(t, 1, func(r *rig) {
		r.runTask("job")
		arn := *r.runTask("job").TaskArn
		out := must(r.StopTask(ctx(r), &sdk.StopTaskInput{Task: &arn}))
		if got := *out.Task.LastStatus; got != "STOPPED" {
			t.Errorf("got %s, want STOPPED at once", got)
		}
		synctest.Wait()
		if got := len(r.machine.starts()); got != 1 {
			t.Errorf("got %d starts, want 1", got)
		}
	})
}

func TestContainerGetsWhatItsDefinitionSays(t *testing.T) {
	in(t, 1, func(r *rig) {
		c := container("job")
		c.EntryPoint = []string{"python3"}
		c.Command = []string{"a.py"}
		c.WorkingDirectory = new("/srv")
		c.DockerLabels = map[string]string{"spate.worker": "1"}
		c.Environment = []types.KeyValuePair{{Name: new("A"), Value: new("1")}, {Name: new("B"), Value: new("2")}}
		c.LogConfiguration = &types.LogConfiguration{LogDriver: types.LogDriverAwslogs, Options: map[string]string{
			"awslogs-group": "g", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "spate",
		}}
		r.register("job", c)
		out := must(r.RunTask(ctx(r), &sdk.RunTaskInput{TaskDefinition: new("job"), Overrides: &types.TaskOverride{
			ContainerOverrides: []types.ContainerOverride{{
				Name: new("job"), Command: []string{"b.py"}, Environment: []types.KeyValuePair{{Name: new("B"), Value: new("3")}},
			}},
		}}))
		synctest.Wait()
		id := (*out.Tasks[0].TaskArn)[strings.LastIndex(*out.Tasks[0].TaskArn, "/")+1:]
		p := r.machine.processes("")[0]
		if _, err := p.container.Stdout.Write([]byte("hello ")); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(map[string]string{"g spate/job/" + id: "hello "}, r.logs.text); diff != "" {
			t.Errorf("logs (-want +got):\n%s", diff)
		}

		got := p.container
		got.Stdout, got.Stderr = nil, nil
		agent, metadata := p.env("ECS_AGENT_URI"), p.env("ECS_CONTAINER_METADATA_URI_V4")
		want := runner.Container{
			ID: id + "-job", Task: id, Image: "/job",
			Entrypoint: []string{"python3"}, Command: []string{"b.py"}, WorkingDirectory: "/srv", Worker: true,
			Env:         []string{"A=1", "B=3", "ECS_AGENT_URI=" + agent, "ECS_CONTAINER_METADATA_URI_V4=" + metadata},
			Engine:      []string{"AWS_ENDPOINT_URL=http://engine.local"},
			StopTimeout: 30 * time.Second,
			Box: runner.Box{
				Labels: map[string]string{
					"spate.worker":                              "1",
					"com.amazonaws.ecs.cluster":                 "arn:aws:ecs:us-east-1:000000000000:cluster/default",
					"com.amazonaws.ecs.container-name":          "job",
					"com.amazonaws.ecs.task-arn":                *out.Tasks[0].TaskArn,
					"com.amazonaws.ecs.task-definition-family":  "job",
					"com.amazonaws.ecs.task-definition-version": "2",
				},
				Size: runner.Size{CPU: 1024, Memory: 2048},
			},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("container (-want +got):\n%s", diff)
		}
		if !strings.HasPrefix(agent, "http://engine.local/_spate/ecs/agent/") || !strings.HasPrefix(metadata, "http://engine.local/_spate/ecs/v4/") {
			t.Errorf("got endpoints %s and %s, want them below the engine's", agent, metadata)
		}
		p.end(0)
		synctest.Wait()
		if got := r.logs.text["g spate/job/"+id]; got != "hello (closed)" {
			t.Errorf("got log %q, want it closed", got)
		}
	})
}

// after makes a container depend on another.
func after(c types.ContainerDefinition, on string, condition types.ContainerCondition) types.ContainerDefinition {
	c.DependsOn = append(c.DependsOn, types.ContainerDependency{ContainerName: &on, Condition: condition})
	return c
}

func helper(name string) types.ContainerDefinition {
	c := container(name)
	c.Essential = new(false)
	return c
}

func TestDependencies(t *testing.T) {
	in(t, 1, func(r *rig) {
		r.register("chain",
			after(container("main"), "setup", types.ContainerConditionSuccess),
			after(helper("setup"), "proxy", types.ContainerConditionStart),
			helper("proxy"))
		arn := *r.runTask("chain").TaskArn
		if got := len(r.machine.processes("main")); got != 0 || *r.task(arn).LastStatus != "PENDING" {
			t.Errorf("got main started %d times and task %s, want it PENDING until setup has succeeded", got, *r.task(arn).LastStatus)
		}
		r.machine.processes("setup")[0].end(0)
		synctest.Wait()
		var names []string
		for _, c := range r.machine.starts() {
			names = append(names, c.ID[33:])
		}
		if diff := cmp.Diff([]string{"proxy", "setup", "main"}, names); diff != "" {
			t.Errorf("starts (-want +got):\n%s", diff)
		}
		if got := *r.task(arn).LastStatus; got != "RUNNING" {
			t.Errorf("got task %s, want RUNNING", got)
		}
		must(r.StopTask(ctx(r), &sdk.StopTaskInput{Task: &arn}))
		synctest.Wait()
		if got := *r.task(arn).LastStatus; got != "STOPPED" {
			t.Errorf("got task %s, want STOPPED", got)
		}

		arn = *r.runTask("chain").TaskArn
		r.machine.processes("setup")[0].end(9)
		synctest.Wait()
		task := r.task(arn)
		got := []any{*task.LastStatus, task.StopCode, *task.StoppedReason}
		want := []any{"STOPPED", types.TaskStopCodeTaskFailedToStart, "ContainerDependencyError: container main depends on container setup, which exited with code 9"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("task whose setup failed (-want +got):\n%s", diff)
		}
	})
}

func TestContainersStopInReverse(t *testing.T) {
	in(t, 1, func(r *rig) {
		r.machine.stubborn = true
		r.register("chain", after(container("main"), "proxy", types.ContainerConditionStart), helper("proxy"))
		arn := *r.runTask("chain").TaskArn
		must(r.StopTask(ctx(r), &sdk.StopTaskInput{Task: &arn}))
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if main, proxy := r.machine.processes("main"), r.machine.processes("proxy"); len(main) != 0 || len(proxy) != 1 {
			t.Errorf("got %d of main and %d of proxy left after one stop timeout, want 0 and 1", len(main), len(proxy))
		}
	})
}

func TestTasksThatThisEngineCannotStart(t *testing.T) {
	tests := []struct {
		name       string
		containers []types.ContainerDefinition
		reason     string
	}{
		{"health", []types.ContainerDefinition{after(container("job"), "db", types.ContainerConditionHealthy), helper("db")}, "ResourceInitializationError: container job waits for container db to be HEALTHY, and a folder's processes have no health checks"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in(t, 1, func(r *rig) {
				r.register("odd", test.containers...)
				task := r.task(*r.runTask("odd").TaskArn)
				if *task.LastStatus != "STOPPED" || task.StopCode != types.TaskStopCodeTaskFailedToStart || !strings.HasPrefix(*task.StoppedReason, test.reason) {
					t.Errorf("got %s, %s, %q; want STOPPED, TaskFailedToStart, %q", *task.LastStatus, task.StopCode, *task.StoppedReason, test.reason)
				}
				if got := len(r.machine.starts()); got != 0 {
					t.Errorf("got %d containers started, want none", got)
				}
			})
		})
	}
}

func TestRunTaskIsIdempotent(t *testing.T) {
	in(t, 4, func(r *rig) {
		input := &sdk.RunTaskInput{TaskDefinition: new("job"), Count: aws.Int32(2), ClientToken: new("once"), StartedBy: new("me")}
		must(r.RunTask(ctx(r), input))
		must(r.RunTask(ctx(r), input))
		synctest.Wait()
		out := must(r.ListTasks(ctx(r), &sdk.ListTasksInput{StartedBy: new("me"), Family: new("job")}))
		if got := len(out.TaskArns); got != 2 {
			t.Errorf("got %d tasks, want 2", got)
		}
		out = must(r.ListTasks(ctx(r), &sdk.ListTasksInput{Family: new("jo")}))
		if got := len(out.TaskArns); got != 0 {
			t.Errorf("got %d tasks of another family, want none", got)
		}
	})
}
