package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// A Resource is a resource that a stack has.
type Resource struct{ LogicalID, PhysicalID, Type string }

// Resources lists what a stack has so far.
func Resources(ctx context.Context, cfn *cloudformation.Client, stack string) ([]Resource, error) {
	var all []Resource
	pages := cloudformation.NewListStackResourcesPaginator(cfn, &cloudformation.ListStackResourcesInput{StackName: &stack})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing the resources of stack %s: %w", stack, err)
		}
		for _, r := range page.StackResourceSummaries {
			if r.PhysicalResourceId != nil && r.ResourceStatus != cfntypes.ResourceStatusDeleteComplete {
				all = append(all, Resource{deref(r.LogicalResourceId), *r.PhysicalResourceId, deref(r.ResourceType)})
			}
		}
	}
	return all, nil
}

// A Service is how an ECS service stands.
type Service struct {
	Running int
	// Failures are those of tasks that ended by themselves and should not have,
	// each reason once.
	Failures []Failure
}

// A Failure is why a task failed.
type Failure struct {
	Reason string
	// Container and Image are those of an image that could not be pulled.
	Container, Image string
}

// DescribeService looks at an ECS service by its ARN. One that has gone is the
// zero Service.
func DescribeService(ctx context.Context, client *ecs.Client, arn string) (Service, error) {
	parts := strings.Split(arn, "/") // arn:aws:ecs:<region>:<account>:service/<cluster>/<name>
	if len(parts) != 3 {
		return Service{}, fmt.Errorf("%s is not the ARN of a service", arn)
	}
	cluster, name := parts[1], parts[2]
	found, err := client.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &cluster, Services: []string{name}})
	if _, gone := errors.AsType[*types.ClusterNotFoundException](err); gone || err == nil && len(found.Services) == 0 {
		return Service{}, nil
	}
	if err != nil {
		return Service{}, fmt.Errorf("describing service %s: %w", name, err)
	}
	s := Service{Running: int(found.Services[0].RunningCount)}
	stopped, err := client.ListTasks(ctx, &ecs.ListTasksInput{Cluster: &cluster, ServiceName: &name, DesiredStatus: types.DesiredStatusStopped})
	if err != nil || len(stopped.TaskArns) == 0 {
		return s, err
	}
	tasks, err := client.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &cluster, Tasks: stopped.TaskArns})
	if err != nil {
		return s, err
	}
	for _, task := range tasks.Tasks {
		if f := failureOf(task); f.Reason != "" && !slices.Contains(s.Failures, f) {
			s.Failures = append(s.Failures, f)
		}
	}
	return s, nil
}

// unpulled is what the reason of a task begins with whose image is not there.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html
const unpulled = "CannotPullContainerError"

// failureOf says why a stopped task is a failure; empty where it is none.
func failureOf(t types.Task) Failure {
	switch t.StopCode {
	case types.TaskStopCodeTaskFailedToStart:
		f := Failure{Reason: deref(t.StoppedReason)}
		for _, c := range t.Containers {
			if strings.HasPrefix(f.Reason, unpulled) && (len(t.Containers) == 1 || strings.HasPrefix(deref(c.Reason), unpulled)) {
				f.Container, f.Image = deref(c.Name), deref(c.Image)
				break
			}
		}
		return f
	case types.TaskStopCodeEssentialContainerExited:
		for _, c := range t.Containers {
			if c.ExitCode != nil && *c.ExitCode != 0 {
				return Failure{Reason: fmt.Sprintf("container %s exited with %d", deref(c.Name), *c.ExitCode)}
			}
		}
	}
	return Failure{}
}
