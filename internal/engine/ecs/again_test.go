package ecs_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

func restarting(period int32, ignored ...int32) types.ContainerDefinition {
	c := container("job")
	c.RestartPolicy = &types.ContainerRestartPolicy{Enabled: new(true), RestartAttemptPeriod: &period, IgnoredExitCodes: ignored}
	return c
}

// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/container-restart-policy.html
func TestContainersAreStartedAgain(t *testing.T) {
	in(t, 1, func(r *rig) {
		r.register("again", restarting(60, 7))
		arn := *r.runTask("again").TaskArn
		for range 2 {
			time.Sleep(time.Minute)
			r.machine.processes("job")[0].end(1)
			synctest.Wait()
		}
		p := r.machine.processes("job")[0]
		if got, starts := *r.task(arn).LastStatus, len(r.machine.starts()); got != "RUNNING" || starts != 3 {
			t.Errorf("got task %s after %d starts, want RUNNING after 3", got, starts)
		}
		_, text := r.get("GET", p.env("ECS_CONTAINER_METADATA_URI_V4"), "")
		var metadata struct{ RestartCount int }
		if err := json.Unmarshal([]byte(text), &metadata); err != nil || metadata.RestartCount != 2 {
			t.Errorf("got metadata %s, %v, want two restarts", text, err)
		}
		time.Sleep(time.Minute)
		p.end(7)
		if task := r.stopped(arn); *task.LastStatus != "STOPPED" || *task.Containers[0].ExitCode != 7 {
			t.Errorf("got %s after an exit code that is ignored, want STOPPED", *task.LastStatus)
		}
	})
}

func TestContainersThatAreNotStartedAgain(t *testing.T) {
	for name, end := range map[string]func(r *rig, arn string){
		"too soon": func(r *rig, _ string) {
			time.Sleep(59 * time.Second)
			r.machine.processes("job")[0].end(1)
		},
		"stopped": func(r *rig, arn string) {
			time.Sleep(2 * time.Minute)
			must(r.StopTask(ctx(r), &sdk.StopTaskInput{Task: &arn}))
		},
		"cannot": func(r *rig, _ string) {
			time.Sleep(2 * time.Minute)
			r.machine.refuse("CannotStartContainerError: gone")
			r.machine.processes("job")[0].end(1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, 1, func(r *rig) {
				r.register("again", restarting(60))
				arn := *r.runTask("again").TaskArn
				end(r, arn)
				task := r.stopped(arn)
				if *task.LastStatus != "STOPPED" || len(r.machine.processes("")) != 0 {
					t.Errorf("got task %s, want STOPPED", *task.LastStatus)
				}
				if got := aws.ToString(task.Containers[0].Reason); (got == "CannotStartContainerError: gone") != (name == "cannot") {
					t.Errorf("got the container's reason %q", got)
				}
			})
		})
	}
}

func TestRestartPoliciesThatCannotBe(t *testing.T) {
	in(t, 1, func(r *rig) {
		_, err := r.RegisterTaskDefinition(ctx(r), &sdk.RegisterTaskDefinitionInput{
			Family: new("again"), ContainerDefinitions: []types.ContainerDefinition{restarting(59)},
		})
		const want = "ClientException: Invalid setting for container 'job'. The restartAttemptPeriod must be between 60 and 1800 seconds."
		if got := code(err); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
