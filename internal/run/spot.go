package run

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// takenEvery is the time between two looks for tasks that Spot took back. ECS
// tells of stopped tasks for an hour.
const takenEvery = 20 * time.Second

// A taken knows the tasks of a run that Spot took back while it was followed.
type taken struct {
	tasks  map[string]bool // by their ARNs
	looked time.Time
}

// look asks ECS for them, where the job is on Spot and some time has passed.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html
func (t *taken) look(ctx context.Context, r *Run, now time.Time) error {
	if !r.Job.Spot || now.Sub(t.looked) < takenEvery {
		return nil
	}
	t.looked = now
	if t.tasks == nil {
		t.tasks = map[string]bool{}
	}
	s := r.Stack
	pages := ecs.NewListTasksPaginator(s.aws.ECS, &ecs.ListTasksInput{
		Cluster: &s.Cluster, ServiceName: &s.Service, DesiredStatus: types.DesiredStatusStopped,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("asking for stopped tasks of %s: %w", s.Service, err)
		}
		if len(page.TaskArns) == 0 {
			continue
		}
		out, err := s.aws.ECS.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &s.Cluster, Tasks: page.TaskArns})
		if err != nil {
			return fmt.Errorf("asking for stopped tasks of %s: %w", s.Service, err)
		}
		for _, task := range out.Tasks {
			if task.StopCode == types.TaskStopCodeSpotInterruption && task.StoppedAt != nil && task.StoppedAt.After(r.Created) {
				t.tasks[deref(task.TaskArn)] = true
			}
		}
	}
	return nil
}
