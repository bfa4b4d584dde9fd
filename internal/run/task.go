package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// Tasks are the tasks of the stack's service.
type Tasks struct{ Running, Pending, Desired int }

func tasksOf(s *types.Service) Tasks {
	return Tasks{Running: int(s.RunningCount), Pending: int(s.PendingCount), Desired: int(s.DesiredCount)}
}

// Tasks counts the tasks of the stack's service.
func (s *Stack) Tasks(ctx context.Context) (Tasks, error) {
	found, err := s.service(ctx)
	if err != nil {
		return Tasks{}, err
	}
	return tasksOf(found), nil
}

func (s *Stack) service(ctx context.Context) (*types.Service, error) {
	out, err := s.aws.ECS.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &s.Cluster, Services: []string{s.Service}})
	if err != nil {
		return nil, fmt.Errorf("counting the tasks of %s: %w", s.Service, err)
	}
	if len(out.Services) == 0 {
		return nil, fmt.Errorf("counting the tasks of %s: %w", s.Service, errors.New("the service is not there"))
	}
	return &out.Services[0], nil
}

// A NoTaskError reports that no task of a run starts.
type NoTaskError struct {
	// Reason is why the newest could not, in ECS's words.
	Reason string
}

func (e *NoTaskError) Error() string { return "no task can start: " + e.Reason }

// consistent is how often in a row tasks fail to start before it is taken for
// more than bad luck. ECS pauses in between, for longer each time.
const consistent = 3

// recently bounds the age of a failure that is told: the engine's pauses
// between two tasks are no longer.
const recently = 6 * time.Minute

// A trouble is what keeps the tasks of a service from starting.
type trouble struct {
	deployment string
	failed     int // tasks of it that never came to work
	strikes    int // looks in a row that found more of them
	reason     string
}

// look tells why the newest task did not start. There is no trouble as long as
// a task runs.
func (t *trouble) look(ctx context.Context, s *Stack, service *types.Service) (reason string, err error) {
	if service.RunningCount > 0 || len(service.Deployments) == 0 {
		t.strikes, t.reason = 0, ""
		return "", nil
	}
	newest := service.Deployments[0]
	if id := deref(newest.Id); id != t.deployment {
		*t = trouble{deployment: id}
	}
	failed := int(newest.FailedTasks)
	if failed == t.failed {
		return cmp.Or(t.reason, unplaced(service)), nil
	}
	found, err := s.whyNotStarted(ctx, t.deployment)
	if err != nil {
		return "", err
	}
	t.failed, t.reason = failed, found
	if found != "" {
		t.strikes++
	}
	return found, nil
}

// unplaced is what ECS says where it could not even make a task, as for want of
// quota or of capacity. Such tasks are not among those that stopped.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html
func unplaced(service *types.Service) string {
	for _, e := range service.Events { // the newest first
		if e.CreatedAt == nil || time.Since(*e.CreatedAt) > recently {
			return ""
		}
		if message := deref(e.Message); strings.Contains(message, "was unable to place a task") {
			_, reason, _ := strings.Cut(message, "Reason: ")
			return cmp.Or(reason, message)
		}
	}
	return ""
}

// whyNotStarted returns ECS's reason for the newest task of a deployment that
// stopped lately without having started, or nothing.
func (s *Stack) whyNotStarted(ctx context.Context, deployment string) (reason string, err error) {
	last := time.Now().Add(-recently)
	pages := ecs.NewListTasksPaginator(s.aws.ECS, &ecs.ListTasksInput{
		Cluster: &s.Cluster, ServiceName: &s.Service, DesiredStatus: types.DesiredStatusStopped,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", fmt.Errorf("asking for stopped tasks of %s: %w", s.Service, err)
		}
		if len(page.TaskArns) == 0 {
			continue
		}
		out, err := s.aws.ECS.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &s.Cluster, Tasks: page.TaskArns})
		if err != nil {
			return "", fmt.Errorf("asking for stopped tasks of %s: %w", s.Service, err)
		}
		for _, t := range out.Tasks {
			if deref(t.StartedBy) == deployment && t.StopCode == types.TaskStopCodeTaskFailedToStart &&
				t.StoppedAt != nil && t.StoppedAt.After(last) {
				last, reason = *t.StoppedAt, deref(t.StoppedReason)
			}
		}
	}
	return reason, nil
}
