package run

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"golang.org/x/sync/errgroup"

	"github.com/spate-run/spate/internal/record"
	"github.com/spate-run/spate/internal/sorting"
)

// A Usage is the time that a run has taken of tasks.
type Usage struct {
	Jobs  []time.Duration // all attempts of each job together, by index
	Tasks []TaskUsage     // those that started first come first
	// Attempts is how many there were, and Unknown those of them that were lost
	// with a task that ECS has forgotten: they count as no time.
	Attempts, Unknown int
}

// A TaskUsage is the time of one task.
type TaskUsage struct {
	ARN string
	// From and To are when the task began and ended. Where ECS knows it still,
	// they are the times that AWS bills by, and To is now for one that runs;
	// else they are those of the run's attempts.
	From, To time.Time
	Known    bool
	// Provider is its capacity provider, such as FARGATE_SPOT, where that is Known.
	Provider string
	// Busy is the time of the run's attempts in it.
	Busy time.Duration
}

// Usage reads what the run's attempts tell, and asks ECS for their tasks. ECS
// forgets a task an hour after it stopped, or sooner.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html
func (r *Run) Usage(ctx context.Context, now time.Time) (*Usage, error) {
	tries, err := r.allAttempts(ctx)
	if err != nil {
		return nil, err
	}
	u := &Usage{Jobs: make([]time.Duration, r.Jobs), Attempts: len(tries)}
	tasks := map[string]*TaskUsage{}
	for _, t := range tries {
		if t.Start.Task != "" && tasks[t.Start.Task] == nil {
			tasks[t.Start.Task] = &TaskUsage{ARN: t.Start.Task}
		}
	}
	if err := r.Stack.describeUsage(ctx, tasks, now); err != nil {
		return nil, err
	}
	for _, t := range tries {
		u.take(t, tasks[t.Start.Task])
	}
	for _, task := range tasks {
		u.Tasks = append(u.Tasks, *task)
	}
	sorting.By(u.Tasks, func(a, b TaskUsage) int {
		if c := a.From.Compare(b.From); c != 0 {
			return c
		}
		return strings.Compare(a.ARN, b.ARN)
	})
	return u, nil
}

// take adds an attempt to its job and its task, which may be nil.
func (u *Usage) take(t Try, task *TaskUsage) {
	if t.Start.Started.IsZero() {
		return // it was claimed, and never recorded
	}
	var end time.Time
	switch {
	case t.End != nil:
		end = t.End.Ended
	case task != nil && task.Known:
		end = task.To
	default:
		u.Unknown++
		end = t.Start.Started
	}
	took := max(0, end.Sub(t.Start.Started))
	if t.Index < len(u.Jobs) {
		u.Jobs[t.Index] += took
	}
	if task == nil {
		return
	}
	task.Busy += took
	if task.From.IsZero() || t.Start.Started.Before(task.From) {
		task.From = t.Start.Started
	}
	if end.After(task.To) {
		task.To = end
	}
}

// allAttempts reads all attempts of all jobs.
func (r *Run) allAttempts(ctx context.Context) ([]Try, error) {
	var tries []Try
	for object, err := range r.Stack.Records().List(ctx, record.AttemptsPrefix(r.ID), "") {
		if err != nil {
			return nil, err
		}
		if a, name, ok := record.ParseAttempt(r.ID, object.Key); ok && name == "start.json" && a.Index < r.Jobs {
			tries = append(tries, Try{Attempt: a})
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(reads)
	for i := range tries {
		group.Go(func() error { return tries[i].read(ctx, r) })
	}
	return tries, group.Wait()
}

// describeUsage asks ECS when tasks began and ended.
func (s *Stack) describeUsage(ctx context.Context, tasks map[string]*TaskUsage, now time.Time) error {
	arns := make([]string, 0, len(tasks))
	for arn := range tasks {
		arns = append(arns, arn)
	}
	for batch := range slices.Chunk(arns, mostDescribed) {
		out, err := s.aws.ECS.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &s.Cluster, Tasks: batch})
		if err != nil {
			return fmt.Errorf("asking for the tasks of %s: %w", s.Service, err)
		}
		for _, found := range out.Tasks {
			if task := tasks[deref(found.TaskArn)]; task != nil {
				task.describe(&found, now)
			}
		}
	}
	return nil
}

// describe takes over what ECS bills by: from the pull of the image to the end.
// https://aws.amazon.com/fargate/pricing/
func (t *TaskUsage) describe(found *types.Task, now time.Time) {
	t.Provider = deref(found.CapacityProviderName)
	switch {
	case found.PullStartedAt != nil:
		t.From = *found.PullStartedAt
	case found.StartedAt != nil:
		t.From = *found.StartedAt
	default:
		return
	}
	t.Known, t.To = true, now
	if found.StoppedAt != nil {
		t.To = *found.StoppedAt
	}
}
