package ecs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/spate-run/spate/internal/runner"
	"github.com/spate-run/spate/internal/wire"
)

// workerLabel is the Docker label of containers that have the spate worker in
// front of their entry point.
const workerLabel = "spate.worker"

// The options of the awslogs log driver that count here.
const (
	optionRegion = "awslogs-region"
	optionGroup  = "awslogs-group"
	optionPrefix = "awslogs-stream-prefix"
	optionMake   = "awslogs-create-group"
)

// An execution is the containers of a task, as this process runs them. What
// becomes of them it reports to the task.
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
	files      []pair        // the variables of its files
	secrets    []pair        // the variables that are secrets
	survived   bool          // an earlier engine has started it
	up         chan struct{} // closed when it has started
	well       chan struct{} // closed when it has been healthy once
	over       chan struct{} // closed when it has ended, or cannot start
	exit       runner.Exit   // set before over is closed, if it had started
	once       sync.Once     // closes well
}

func (s *Service) newExecution(t *task) *execution {
	x := &execution{service: s, task: t, origin: *t, definition: *s.definition(&t.Definition)}
	for i, c := range x.definition.Detail.ContainerDefinitions {
		x.members = append(x.members, &member{
			index:      i,
			definition: c,
			up:         make(chan struct{}),
			well:       make(chan struct{}),
			over:       make(chan struct{}),
		})
	}
	return x
}

// run keeps the containers until all of them have ended. The context's end
// ends them.
func (x *execution) run(ctx context.Context) {
	defer x.halt()
	if err := x.prepare(ctx); err != nil {
		x.report(func(t task, now time.Time) task {
			for i, c := range t.Containers {
				if c.Status != statusStopped {
					t = t.failed(i, err.Error(), now)
				}
			}
			return t
		})
		x.clear()
		return
	}
	var group sync.WaitGroup
	for _, m := range x.members {
		if !m.ended() {
			group.Go(func() { x.keep(ctx, m) })
		}
	}
	group.Wait()
	x.clear()
}

// prepare does what has to be done before the first container starts.
func (x *execution) prepare(ctx context.Context) error {
	if reason := refusal(x.definition.Detail); reason != "" {
		return errors.New(reason)
	}
	for _, m := range x.members {
		if m.survived || m.ended() {
			continue
		}
		if err := x.gather(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// clear removes what the task's containers shared, and those of an earlier
// engine that could not be taken back.
func (x *execution) clear() {
	keeper, ok := x.service.config.Runner.(runner.Keeper)
	survived := slices.ContainsFunc(x.members, func(m *member) bool { return m.survived })
	if !ok || len(x.definition.Detail.Volumes) == 0 && !x.shared() && !survived {
		return
	}
	if err := keeper.Clear(context.Background(), x.origin.ID); err != nil {
		x.service.log.Warn("removing a task's volumes", "task", x.origin.ID, "error", err)
	}
}

// ended says whether a container had ended before this process began.
func (m *member) ended() bool {
	select {
	case <-m.over:
		return true
	default:
		return false
	}
}

// healthy takes note of a container's health.
func (x *execution) healthy(m *member, well bool) {
	if well {
		m.once.Do(func() { close(m.well) })
	}
	x.service.mu.Lock()
	defer x.service.mu.Unlock()
	now := time.Now()
	next := x.task.examined(m.index, well)
	if next.ill() && next.wanted() {
		if v := x.service.services[next.Cluster+"/"+next.Service]; v != nil {
			x.service.say(v, now, "(task %s) failed container health checks.", next.ID)
			next = next.stop(types.TaskStopCodeServiceSchedulerInitiated, "Task failed container health checks", now)
		}
	}
	x.service.become(x.task, next)
}

// report changes the task by a transition.
func (x *execution) report(change func(t task, now time.Time) task) {
	x.service.mu.Lock()
	defer x.service.mu.Unlock()
	x.service.become(x.task, change(*x.task, time.Now()))
}

// keep starts one container when its dependencies allow, and stays with it
// until it has ended and is not started again.
func (x *execution) keep(ctx context.Context, m *member) {
	defer close(m.over)
	running, output, err := x.open(ctx, m)
	if err != nil {
		x.report(func(t task, now time.Time) task { return t.failed(m.index, err.Error(), now) })
		return
	}
	close(m.up)
	place, began := x.locate(ctx, m), time.Now()
	x.report(func(t task, now time.Time) task {
		t = t.started(m.index, place, now)
		began = t.Containers[m.index].StartedAt
		return t
	})
	for running != nil {
		m.exit = x.attend(ctx, m, running)
		x.close(output) // who sees that it has ended sees all that it wrote
		if running, output = x.again(ctx, m, began); running == nil {
			break
		}
		place, began = x.locate(ctx, m), time.Now()
		x.report(func(t task, _ time.Time) task { return t.restarted(m.index, place) })
	}
	x.report(func(t task, now time.Time) task { return t.ended(m.index, m.exit, now) })
}

// open opens a container's log stream, and starts the container.
func (x *execution) open(ctx context.Context, m *member) (runner.Running, io.WriteCloser, error) {
	if !m.survived {
		if err := x.await(ctx, m); err != nil {
			return nil, nil, err
		}
	}
	output, err := x.output(ctx, m.definition)
	if err != nil && !m.survived {
		return nil, nil, x.noStream(err)
	}
	if err != nil {
		output = Log{WriteCloser: discard{}}
	}
	running, err := x.start(ctx, m, output)
	if err != nil {
		x.close(output)
		return nil, nil, err
	}
	return running, output, nil
}

// noStream is an error of a container's log stream in the words of what starts
// the container: Fargate's, or Docker's on an instance of EC2.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/resource-initialization-error.html
func (x *execution) noStream(err error) error {
	said := err.Error()
	if fault, ok := errors.AsType[*wire.Fault](err); ok {
		said = fault.Code + ": " + fault.Message
	}
	if x.origin.Detail.LaunchType == types.LaunchTypeFargate {
		return fmt.Errorf("ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: %s : exit status 1", said)
	}
	return fmt.Errorf("CannotStartContainerError: Error response from daemon: failed to initialize logging driver: failed to create Cloudwatch log stream: %s", said)
}

// start starts a container, or takes back the one that an earlier engine
// started.
func (x *execution) start(ctx context.Context, m *member, output Log) (runner.Running, error) {
	r := x.service.config.Runner
	if m.survived {
		return r.(runner.Keeper).Adopt(ctx, x.container(m, output), output.Last)
	}
	return r.Start(ctx, x.container(m, output))
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
	switch condition {
	case types.ContainerConditionStart:
		reached = on.up
	case types.ContainerConditionHealthy:
		reached = on.well
	}
	var late <-chan time.Time
	if limit := aws.ToInt32(on.definition.StartTimeout); limit > 0 && condition != types.ContainerConditionStart {
		timer := time.NewTimer(time.Duration(limit) * time.Second)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-late:
		return fmt.Errorf("was not %s within its start timeout of %d seconds", condition, *on.definition.StartTimeout)
	case <-reached:
	case <-on.over:
	}
	select {
	case <-on.up:
	default:
		return errors.New("did not start")
	}
	if condition == types.ContainerConditionHealthy {
		select {
		case <-on.well:
		default:
			return errors.New("ended before it was healthy")
		}
	}
	if condition == types.ContainerConditionSuccess && on.exit.Code != 0 {
		return fmt.Errorf("exited with code %d", on.exit.Code)
	}
	return nil
}

// output is where a container's output goes: to the logs with the awslogs
// driver, else nowhere.
func (x *execution) output(ctx context.Context, c types.ContainerDefinition) (Log, error) {
	logs := c.LogConfiguration
	if logs == nil || logs.LogDriver != types.LogDriverAwslogs || x.service.config.Logs == nil {
		return Log{WriteCloser: discard{}}, nil
	}
	stream := x.origin.ID
	if prefix := logs.Options[optionPrefix]; prefix != "" {
		stream = prefix + "/" + *c.Name + "/" + stream
	}
	return x.service.config.Logs(ctx, LogStream{logs.Options[optionGroup], stream, logs.Options[optionMake] == "true"})
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
