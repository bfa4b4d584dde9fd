package run

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	scaling "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/spate-run/spate/internal/sorting"
	"github.com/spate-run/spate/internal/wire"
)

// An Examined is all of a stack's service that tells why nothing runs.
type Examined struct {
	Status   string // ACTIVE, DRAINING or INACTIVE
	Tasks    Tasks
	Failed   string  // why the newest deployment failed, where it has
	Events   []Event // the newest first
	Stopped  []Stopped
	Subnets  []string
	PublicIP bool
	Roles    []string // ARNs: of execution, and the tasks' own
}

// An Event is what ECS says of a service.
type Event struct {
	At      time.Time
	Message string
}

// A Stopped is a task that stopped and should not have.
type Stopped struct {
	At           time.Time
	Reason       string
	NeverStarted bool
}

// Examine asks ECS for the stack's service, its events, the tasks that stopped
// lately, the newest first, and what its tasks are given.
func (s *Stack) Examine(ctx context.Context) (*Examined, error) {
	service, err := s.service(ctx)
	if err != nil {
		return nil, err
	}
	e := &Examined{Status: deref(service.Status), Tasks: tasksOf(service)}
	if len(service.Deployments) > 0 && service.Deployments[0].RolloutState == types.DeploymentRolloutStateFailed {
		e.Failed = deref(service.Deployments[0].RolloutStateReason)
	}
	for _, event := range service.Events {
		if event.CreatedAt != nil {
			e.Events = append(e.Events, Event{*event.CreatedAt, deref(event.Message)})
		}
	}
	sorting.By(e.Events, func(a, b Event) int { return b.At.Compare(a.At) })
	if n := service.NetworkConfiguration; n != nil && n.AwsvpcConfiguration != nil {
		e.Subnets = n.AwsvpcConfiguration.Subnets
		e.PublicIP = n.AwsvpcConfiguration.AssignPublicIp == types.AssignPublicIpEnabled
	}
	definition, err := s.aws.ECS.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: service.TaskDefinition})
	if err != nil {
		return nil, fmt.Errorf("asking for the task definition of %s: %w", s.Service, err)
	}
	for _, role := range []*string{definition.TaskDefinition.ExecutionRoleArn, definition.TaskDefinition.TaskRoleArn} {
		if role != nil {
			e.Roles = append(e.Roles, *role)
		}
	}
	e.Stopped, err = s.stoppedLately(ctx)
	return e, err
}

// mostStopped is how many stopped tasks are looked at.
const mostStopped = 100

// stoppedLately returns the tasks of the last hour that neither scaling nor a
// deployment nor somebody stopped.
func (s *Stack) stoppedLately(ctx context.Context) ([]Stopped, error) {
	listed, err := s.aws.ECS.ListTasks(ctx, &ecs.ListTasksInput{
		Cluster: &s.Cluster, ServiceName: &s.Service, DesiredStatus: types.DesiredStatusStopped, MaxResults: new(int32(mostStopped)),
	})
	if err != nil {
		return nil, fmt.Errorf("asking for stopped tasks of %s: %w", s.Service, err)
	}
	if len(listed.TaskArns) == 0 {
		return nil, nil
	}
	out, err := s.aws.ECS.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &s.Cluster, Tasks: listed.TaskArns})
	if err != nil {
		return nil, fmt.Errorf("asking for stopped tasks of %s: %w", s.Service, err)
	}
	var stopped []Stopped
	for _, t := range out.Tasks {
		if t.StoppedAt == nil || t.StopCode == types.TaskStopCodeServiceSchedulerInitiated || t.StopCode == types.TaskStopCodeUserInitiated {
			continue
		}
		one := Stopped{At: *t.StoppedAt, Reason: deref(t.StoppedReason), NeverStarted: t.StopCode == types.TaskStopCodeTaskFailedToStart}
		for _, c := range t.Containers {
			if reason := deref(c.Reason); reason != "" {
				one.Reason += ": " + reason
				break
			}
			if c.ExitCode != nil && *c.ExitCode != 0 {
				one.Reason += fmt.Sprintf(": exit code %d", *c.ExitCode)
				break
			}
		}
		stopped = append(stopped, one)
	}
	sorting.By(stopped, func(a, b Stopped) int { return b.At.Compare(a.At) })
	return stopped, nil
}

// A Range is how the stack's service scales.
type Range struct {
	Resource  string // its name in Application Auto Scaling
	Min, Max  int
	Suspended bool // out or by schedule
}

// Scaling returns how the stack's service scales, or nil where it does not.
func (s *Stack) Scaling(ctx context.Context) (*Range, error) {
	target := s.scalableTarget()
	found, err := wire.Call[applicationautoscaling.DescribeScalableTargetsOutput](ctx, s.aws.AutoScaling, &applicationautoscaling.DescribeScalableTargetsInput{
		ServiceNamespace:  scaling.ServiceNamespaceEcs,
		ScalableDimension: scaling.ScalableDimensionECSServiceDesiredCount,
		ResourceIds:       []string{target},
	})
	if err != nil {
		return nil, fmt.Errorf("reading the scaling of %s: %w", s.Service, err)
	}
	if len(found.ScalableTargets) == 0 {
		return nil, nil
	}
	t := found.ScalableTargets[0]
	r := &Range{Resource: target}
	if t.MinCapacity != nil {
		r.Min = int(*t.MinCapacity)
	}
	if t.MaxCapacity != nil {
		r.Max = int(*t.MaxCapacity)
	}
	if state := t.SuspendedState; state != nil {
		on := func(b *bool) bool { return b != nil && *b }
		r.Suspended = on(state.DynamicScalingOutSuspended) || on(state.ScheduledScalingSuspended)
	}
	return r, nil
}
