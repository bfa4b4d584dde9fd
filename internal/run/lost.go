package run

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/spate-run/spate/internal/record"
)

// An attempt that has run for longLived is looked after: whether its task is
// still there, every looksAfter. Short ones cost nothing.
const (
	longLived  = 10 * time.Second
	looksAfter = 10 * time.Second
)

// losses are the attempts that ended with their tasks. They have a start and no
// end, as those that run have; ECS tells them apart.
type losses struct {
	tasks map[record.Attempt]string // the tasks of attempts that live long
	lost  map[record.Attempt]bool
	next  time.Time // when to ask again
}

// leaveOut returns the attempts that are not known to be lost.
func (l *losses) leaveOut(ctx context.Context, r *Run, running []Attempt, now time.Time) ([]Attempt, error) {
	if !now.Before(l.next) {
		if err := l.look(ctx, r, running, now); err != nil {
			return nil, err
		}
		l.next = now.Add(looksAfter)
	}
	return slices.DeleteFunc(running, func(a Attempt) bool { return l.lost[a.Attempt] }), nil
}

// look asks for the tasks of the attempts that live long.
func (l *losses) look(ctx context.Context, r *Run, running []Attempt, now time.Time) error {
	known, byTask := map[record.Attempt]string{}, map[string][]record.Attempt{}
	for _, a := range running {
		if l.lost[a.Attempt] || now.Sub(a.Started) < longLived {
			continue
		}
		task, ok := l.tasks[a.Attempt]
		if !ok {
			var start record.Start
			if err := ifThere(r.Stack.Records().GetJSON(ctx, startKey(r, a.Attempt), &start)); err != nil {
				return err
			}
			task = start.Task
		}
		known[a.Attempt] = task
		if task != "" {
			byTask[task] = append(byTask[task], a.Attempt)
		}
	}
	l.tasks = known
	stopped, err := r.Stack.stopped(ctx, slices.Collect(maps.Keys(byTask)))
	if err != nil {
		return err
	}
	if l.lost == nil {
		l.lost = map[record.Attempt]bool{}
	}
	for _, task := range stopped {
		for _, a := range byTask[task] {
			l.lost[a] = true
		}
	}
	return nil
}

func startKey(r *Run, a record.Attempt) string {
	return record.AttemptPrefix(r.ID, a.Index, a.Generation, a.Number) + "start.json"
}

// stopped returns those of some tasks that have stopped, or that ECS has
// forgotten since.
func (s *Stack) stopped(ctx context.Context, tasks []string) (stopped []string, err error) {
	for batch := range slices.Chunk(tasks, mostDescribed) {
		out, err := s.aws.ECS.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &s.Cluster, Tasks: batch})
		if err != nil {
			return nil, fmt.Errorf("asking for the tasks of %s: %w", s.Service, err)
		}
		for _, task := range out.Tasks {
			if deref(task.LastStatus) == "STOPPED" {
				stopped = append(stopped, deref(task.TaskArn))
			}
		}
		for _, failure := range out.Failures {
			if deref(failure.Reason) == "MISSING" {
				stopped = append(stopped, deref(failure.Arn))
			}
		}
	}
	return stopped, nil
}
