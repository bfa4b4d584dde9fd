package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/run"
)

// runOnAWS sends a run to the stack that stands, and makes a missing one after
// asking.
func (a *app) runOnAWS(ctx context.Context, j job.Job, source *job.Source, o runOptions) error {
	plan, err := scheduled(j)
	if err != nil {
		return err
	}
	return a.withEngine(ctx, client.Work, func(s *client.Session) error {
		stack, err := run.FindStack(ctx, s.AWS, j.Name)
		switch {
		case err == nil && stack == nil:
			stack, err = a.makeStack(ctx, s, j, o.yes)
		case err == nil && plan != nil:
			err = stack.PutSchedule(ctx, j, plan)
		}
		if err != nil {
			return err
		}
		r, err := stack.Record(ctx, j, source)
		if err != nil {
			return err
		}
		return a.sendAndFollow(ctx, s, r, source, o)
	})
}

// makeStack makes a job's stack for its first run.
func (a *app) makeStack(ctx context.Context, s *client.Session, j job.Job, yes bool) (_ *run.Stack, err error) {
	fmt.Fprintf(a.stderr, "stack %s is not there yet in %s\n", j.Name, s.Region())
	d, err := a.deploymentOf(ctx, j)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	outputs, err := a.deploy(ctx, s, d, deployOptions{yes: yes})
	if err != nil {
		return nil, err
	}
	stack, ok := run.NewStack(s.AWS, j.Name, outputs)
	if !ok {
		return nil, notOurs(j.Name)
	}
	return stack, nil
}

// notOurs reports a stack that is no job's.
func notOurs(name string) error {
	return fmt.Errorf("stack %s was not made by spate: it lacks the outputs of a job", name)
}
