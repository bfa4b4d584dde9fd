package cli

import (
	"context"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/run"
)

// scheduled returns the configurations that a job's schedule sends: those of
// the job file, whatever one run is told. It is nil for a job without a schedule.
func scheduled(j job.Job) (*job.Source, error) {
	if j.Schedule == "" {
		return nil, nil
	}
	source, err := j.Source()
	if err == nil {
		err = job.CheckCommand(j.Command, source.Names)
	}
	if err != nil {
		return nil, &hintedError{
			fact: "schedule: a scheduled run has the configurations of the job file: " + err.Error(),
			hint: "write them under `params:`, or leave `schedule:` out",
		}
	}
	return source, nil
}

// putSchedule writes what the schedule of a job sends, once its stack is there.
func putSchedule(ctx context.Context, s *client.Session, j job.Job, plan *job.Source, outputs map[string]string) error {
	if plan == nil {
		return nil
	}
	stack, ok := run.NewStack(s.AWS, j.Name, outputs)
	if !ok {
		return notOurs(j.Name)
	}
	return stack.PutSchedule(ctx, j, plan)
}
