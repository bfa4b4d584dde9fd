package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"golang.org/x/sync/errgroup"

	"github.com/spate-run/spate/internal/record"
	"github.com/spate-run/spate/internal/sorting"
)

// An Inspection is one job of a run with all that is recorded of it.
type Inspection struct {
	Row
	Attempts []Try // in the order of generations and numbers
}

// A Try is one attempt of a job as its records tell.
type Try struct {
	record.Attempt
	State  record.State
	Start  record.Start
	End    *record.End // nil while it runs, and when it was lost
	Reason string
}

// The states of attempts without an end.
const (
	Running record.State = "running"
	Lost    record.State = "lost"
)

// Inspect reads all that is recorded of one job.
func (r *Run) Inspect(ctx context.Context, index int) (*Inspection, error) {
	if err := r.check(index); err != nil {
		return nil, err
	}
	j := &Inspection{}
	for row, err := range r.configs(ctx) {
		if err != nil {
			return nil, err
		}
		if row.Index == index {
			j.Row = row
			break
		}
	}
	s, err := r.surveyed(ctx)
	if err != nil {
		return nil, err
	}
	for _, o := range s.outcomes() {
		switch number := o.generation.number; {
		case o.done.has(index), o.failed.has(index):
			err = r.readResult(ctx, &j.Row, number)
		case o.cancelled.has(index):
			j.Generation, j.State = number, record.Cancelled
		case o.open.has(index):
			j.Generation, j.State = number, Waiting
		}
	}
	if err != nil {
		return nil, err
	}
	if j.Attempts, err = r.attempts(ctx, index); err != nil {
		return nil, err
	}
	if n := len(j.Attempts); n > 0 && j.State == Waiting && j.Attempts[n-1].State == Running {
		j.State = Running
	}
	return j, nil
}

// attempts reads the attempts of a job.
func (r *Run) attempts(ctx context.Context, index int) ([]Try, error) {
	records := r.Stack.Records()
	folders, err := records.Folders(ctx, record.JobPrefix(r.ID, index))
	if err != nil {
		return nil, err
	}
	var tries []Try
	for _, folder := range folders {
		if generation, number, ok := record.ParseAttemptFolder(folder); ok {
			tries = append(tries, Try{Attempt: record.Attempt{Index: index, Generation: generation, Number: number}})
		}
	}
	sorting.By(tries, func(a, b Try) int {
		return cmp.Or(cmp.Compare(a.Generation, b.Generation), cmp.Compare(a.Number, b.Number))
	})
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(reads)
	for i := range tries {
		group.Go(func() error { return tries[i].read(groupCtx, r) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return tries, r.findLost(ctx, tries)
}

// read reads the start and the end of an attempt; either may be missing.
func (t *Try) read(ctx context.Context, r *Run) error {
	prefix := record.AttemptPrefix(r.ID, t.Index, t.Generation, t.Number)
	if err := ifThere(r.Stack.Records().GetJSON(ctx, prefix+"start.json", &t.Start)); err != nil {
		return err
	}
	var end record.End
	err := r.Stack.Records().GetJSON(ctx, prefix+"end.json", &end)
	if _, missing := errors.AsType[*record.NotFoundError](err); missing {
		end, err = r.doneEnd(ctx, t.Attempt)
	}
	if err == nil {
		t.End, t.State, t.Reason = &end, end.State, end.Reason
	}
	return ifThere(err)
}

// doneEnd returns the end of an attempt that is done, which is its job's
// result, or a NotFoundError.
func (r *Run) doneEnd(ctx context.Context, a record.Attempt) (record.End, error) {
	key := record.ResultKey(r.ID, a.Generation, a.Index)
	var result record.Result
	if err := r.Stack.Records().GetJSON(ctx, key, &result); err != nil {
		return record.End{}, err
	}
	if result.Attempt != a.Number || result.State != record.Done {
		return record.End{}, &record.NotFoundError{Bucket: r.Stack.Bucket, Key: key}
	}
	return result.End(), nil
}

// ifThere passes over an object that is not there.
func ifThere(err error) error {
	if _, missing := errors.AsType[*record.NotFoundError](err); missing {
		return nil
	}
	return err
}

// findLost tells the attempts that run from those that ended with their tasks.
func (r *Run) findLost(ctx context.Context, tries []Try) error {
	var tasks []string
	for i, t := range tries {
		if t.End != nil {
			continue
		}
		tries[i].State = Lost
		if t.Start.Task != "" && !slices.Contains(tasks, t.Start.Task) {
			tasks = append(tasks, t.Start.Task)
		}
	}
	for batch := range slices.Chunk(tasks, mostDescribed) {
		out, err := r.Stack.aws.ECS.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &r.Stack.Cluster, Tasks: batch})
		if err != nil {
			return fmt.Errorf("asking for the tasks of run %s: %w", r.ID, err)
		}
		for _, task := range out.Tasks {
			for i, t := range tries {
				switch {
				case t.End != nil || t.Start.Task != deref(task.TaskArn):
				case deref(task.LastStatus) == "STOPPED":
					tries[i].Reason = deref(task.StoppedReason)
				case i == len(tries)-1: // the newest attempt of the job
					tries[i].State = Running
				}
			}
		}
	}
	return nil
}

// mostDescribed is how many tasks DescribeTasks takes.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html
const mostDescribed = 100

// Took is how long the attempt took, or has taken so far while it runs.
func (t *Try) Took(now time.Time) time.Duration {
	switch {
	case t.End != nil:
		return t.End.Ended.Sub(t.End.Started)
	case t.State == Running:
		return now.Sub(t.Start.Started)
	}
	return 0
}

// TaskID is the last part of a task's ARN.
func TaskID(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

// check says whether the run has such a job.
func (r *Run) check(index int) error {
	if index < 0 || index >= r.Jobs {
		return &NoJobError{Run: r.ID, Index: index, Jobs: r.Jobs}
	}
	return nil
}
