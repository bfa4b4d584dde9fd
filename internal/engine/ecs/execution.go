package ecs

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/spate-run/spate/internal/runner"
)

// workerLabel is the Docker label of containers that have the spate worker in
// front of their entry point.
const workerLabel = "spate.worker"

// The options of the awslogs log driver that count here.
const (
	optionRegion = "awslogs-region"
	optionGroup  = "awslogs-group"
	optionPrefix = "awslogs-stream-prefix"
)

// An execution is the containers of a task in this process. What becomes of
// them it reports to the task.
type execution struct {
	service    *Service
	task       *task      // guarded by the service's mu
	origin     task       // the task as it was when it got its place
	definition definition // as it was then
	members    []*member
	halt       context.CancelFunc // ends the containers; set when it starts
}

// A member is one container of an execution.
type member struct {
	index      int
	definition types.ContainerDefinition
	up         chan struct{} // closed when it has started
	over       chan struct{} // closed when it has ended, or cannot start
	exit       runner.Exit   // set before over is closed, if it had started
}

func (s *Service) newExecution(t *task) *execution {
	x := &execution{service: s, task: t, origin: *t, definition: *s.definition(&t.Definition)}
	for i, c := range x.definition.Detail.ContainerDefinitions {
		x.members = append(x.members, &member{
			index:      i,
			definition: c,
			up:         make(chan struct{}),
			over:       make(chan struct{}),
		})
	}
	return x
}

// run keeps the containers until all of them have ended. The context's end
// ends them.
func (x *execution) run(ctx context.Context) {
	defer x.halt()
	if reason := refusal(x.definition.Detail); reason != "" {
		x.report(func(t task, now time.Time) task {
			for i := range t.Containers {
				t = t.failed(i, reason, now)
			}
			return t
		})
		return
	}
	var group sync.WaitGroup
	for _, m := range x.members {
		group.Go(func() { x.keep(ctx, m) })
	}
	group.Wait()
}

// refusal says why a task of a definition cannot be started here, in the form
// of ECS's own reasons, or nothing.
func refusal(d types.TaskDefinition) string {
	for _, c := range d.ContainerDefinitions {
		switch {
		case len(c.Secrets) > 0 || c.LogConfiguration != nil && len(c.LogConfiguration.SecretOptions) > 0:
			return fmt.Sprintf("ResourceInitializationError: unable to pull secrets or registry auth: container %s has secrets, which this engine cannot read yet", *c.Name)
		case len(c.EnvironmentFiles) > 0:
			return fmt.Sprintf("ResourceInitializationError: failed to download env files: container %s has environment files, which this engine cannot read yet", *c.Name)
		}
		for _, on := range c.DependsOn {
			if on.Condition == types.ContainerConditionHealthy {
				return fmt.Sprintf("ResourceInitializationError: container %s waits for container %s to be HEALTHY, and this engine does not run health checks yet", *c.Name, *on.ContainerName)
			}
		}
	}
	for _, v := range d.Volumes {
		if v.EfsVolumeConfiguration != nil || v.FsxWindowsFileServerVolumeConfiguration != nil {
			return fmt.Sprintf("ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: volume %s is a network file system, which this engine cannot mount", aws.ToString(v.Name))
		}
	}
	return ""
}

// report changes the task by a transition.
func (x *execution) report(change func(t task, now time.Time) task) {
	x.service.mu.Lock()
	defer x.service.mu.Unlock()
	x.service.become(x.task, change(*x.task, time.Now()))
}

// keep starts one container when its dependencies allow, and stays with it
// until it has ended.
func (x *execution) keep(ctx context.Context, m *member) {
	defer close(m.over)
	fail := func(err error) {
		x.report(func(t task, now time.Time) task { return t.failed(m.index, err.Error(), now) })
	}
	if err := x.await(ctx, m); err != nil {
		fail(err)
		return
	}
	output := x.output(m.definition)
	defer x.close(output)
	running, err := x.service.config.Runner.Start(ctx, x.container(m.definition, output))
	if err != nil {
		fail(err)
		return
	}
	close(m.up)
	x.report(func(t task, now time.Time) task { return t.started(m.index, now) })
	m.exit = x.attend(ctx, m, running)
	x.report(func(t task, now time.Time) task { return t.ended(m.index, m.exit, now) })
}

// attend waits for a container's end, and brings it about when the context
// ends: after the containers that depend on this one.
func (x *execution) attend(ctx context.Context, m *member, running runner.Running) runner.Exit {
	ended := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-ended:
		case <-ctx.Done():
			for _, d := range x.dependents(m) {
				<-d.over
			}
			running.Stop()
		}
	})
	exit := running.Wait()
	close(ended)
	watch.Wait()
	return exit
}

func (x *execution) dependents(m *member) []*member {
	var found []*member
	for _, other := range x.members {
		if slices.ContainsFunc(other.definition.DependsOn, func(d types.ContainerDependency) bool {
			return *d.ContainerName == *m.definition.Name
		}) {
			found = append(found, other)
		}
	}
	return found
}

// await returns when a container may start, or why it never will.
func (x *execution) await(ctx context.Context, m *member) error {
	for _, d := range m.definition.DependsOn {
		on := x.members[slices.IndexFunc(x.members, func(other *member) bool {
			return *other.definition.Name == *d.ContainerName
		})]
		if err := awaitOne(ctx, on, d.Condition); err != nil {
			return fmt.Errorf("ContainerDependencyError: container %s depends on container %s, which %w", *m.definition.Name, *d.ContainerName, err)
		}
	}
	return ctx.Err()
}

func awaitOne(ctx context.Context, on *member, condition types.ContainerCondition) error {
	reached := on.over
	if condition == types.ContainerConditionStart {
		reached = on.up
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-reached:
	case <-on.over:
	}
	select {
	case <-on.up:
	default:
		return fmt.Errorf("did not start")
	}
	if condition == types.ContainerConditionSuccess && on.exit.Code != 0 {
		return fmt.Errorf("exited with code %d", on.exit.Code)
	}
	return nil
}

// container is what the runner needs to know about one.
func (x *execution) container(c types.ContainerDefinition, output io.Writer) runner.Container {
	config := x.service.config
	spec := runner.Container{
		ID:               x.origin.ID + "-" + *c.Name,
		Image:            *c.Image,
		Entrypoint:       some(c.EntryPoint),
		Command:          some(c.Command),
		Env:              x.environment(c),
		Engine:           config.Engine,
		WorkingDirectory: aws.ToString(c.WorkingDirectory),
		StopTimeout:      time.Duration(cmp.Or(aws.ToInt32(c.StopTimeout), 30)) * time.Second,
		Stdout:           output,
		Stderr:           output,
	}
	_, spec.Worker = c.DockerLabels[workerLabel]
	if o := x.override(c); o != nil && len(o.Command) > 0 {
		spec.Command = o.Command
	}
	return spec
}

// some is a list, or nil where it is empty: an empty one overrides nothing.
func some(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return list
}

func (x *execution) override(c types.ContainerDefinition) *types.ContainerOverride {
	if x.origin.Detail.Overrides == nil {
		return nil
	}
	overrides := x.origin.Detail.Overrides.ContainerOverrides
	i := slices.IndexFunc(overrides, func(o types.ContainerOverride) bool { return *o.Name == *c.Name })
	if i < 0 {
		return nil
	}
	return &overrides[i]
}

// environment is a container's variables, sorted; the last of one name wins:
// the definition's, the override's, ECS's own.
func (x *execution) environment(c types.ContainerDefinition) []string {
	values := map[string]string{}
	pairs := c.Environment
	if o := x.override(c); o != nil {
		pairs = slices.Concat(pairs, o.Environment)
	}
	for _, p := range pairs {
		values[aws.ToString(p.Name)] = aws.ToString(p.Value)
	}
	i := slices.IndexFunc(x.members, func(m *member) bool { return *m.definition.Name == *c.Name })
	values["ECS_AGENT_URI"] = x.service.config.Endpoint + agentPath + x.origin.Secret
	values["ECS_CONTAINER_METADATA_URI_V4"] = x.service.config.Endpoint + metadataPath + x.origin.Secret + "-" + strconv.Itoa(i+1)
	var env []string
	for name, value := range values {
		env = append(env, name+"="+value)
	}
	slices.Sort(env)
	return env
}

// output is where a container's output goes: to the logs with the awslogs
// driver, else nowhere.
func (x *execution) output(c types.ContainerDefinition) io.WriteCloser {
	logs := c.LogConfiguration
	if logs == nil || logs.LogDriver != types.LogDriverAwslogs || x.service.config.Logs == nil {
		return discard{}
	}
	stream := x.origin.ID
	if prefix := logs.Options[optionPrefix]; prefix != "" {
		stream = prefix + "/" + *c.Name + "/" + stream
	}
	return x.service.config.Logs(logs.Options[optionGroup], stream)
}

func (x *execution) close(output io.Closer) {
	if err := output.Close(); err != nil {
		x.service.log.Warn("closing a container's log stream", "task", x.origin.ID, "error", err)
	}
}

// discard is output that nobody wants.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) Close() error                { return nil }
