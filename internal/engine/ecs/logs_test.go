package ecs_test

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/spate-run/spate/internal/engine/ecs"
)

func logging(name string, options ...string) types.ContainerDefinition {
	c := container(name)
	c.Cpu, c.Memory = 0, aws.Int32(64)
	c.LogConfiguration = &types.LogConfiguration{LogDriver: types.LogDriverAwslogs, Options: map[string]string{
		"awslogs-region": "us-east-1", "awslogs-stream-prefix": "p", "awslogs-group": "none",
	}}
	for i := 0; i < len(options); i += 2 {
		c.LogConfiguration.Options[options[i]] = options[i+1]
	}
	return c
}

// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/resource-initialization-error.html
func TestALogGroupThatIsNotThere(t *testing.T) {
	const missing = "failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist."
	for launch, want := range map[types.LaunchType]string{
		types.LaunchTypeEc2:     "CannotStartContainerError: Error response from daemon: failed to initialize logging driver: " + missing,
		types.LaunchTypeFargate: "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: " + missing + " : exit status 1",
	} {
		t.Run(string(launch), func(t *testing.T) {
			in(t, 1, func(r *rig) {
				r.vpc("logs", logging("job"))
				out := must(r.RunTask(ctx(r), &sdk.RunTaskInput{
					TaskDefinition: new("logs"), LaunchType: launch, NetworkConfiguration: subnets("subnet-1"),
				}))
				task := r.stopped(*out.Tasks[0].TaskArn)
				if got := *task.StoppedReason; got != want || task.StopCode != types.TaskStopCodeTaskFailedToStart {
					t.Errorf("got %s, %q, want TaskFailedToStart, %q", task.StopCode, got, want)
				}
				if got := len(r.machine.starts()); got != 0 {
					t.Errorf("got %d containers started, want none", got)
				}
			})
		})
	}
}

// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specify-log-config.html
func TestALogGroupIsMadeWhereThatIsAskedFor(t *testing.T) {
	in(t, 1, func(r *rig) {
		r.register("logs", logging("job", "awslogs-create-group", "true"))
		r.runTask("logs")
		p := r.machine.processes("job")[0]
		want := ecs.LogStream{Group: "none", Stream: "p/job/" + p.container.Task, MakeGroup: true}
		if !slices.Equal(r.logs.opened, []ecs.LogStream{want}) {
			t.Errorf("got streams %+v before a line was written, want %+v", r.logs.opened, want)
		}
	})
}
