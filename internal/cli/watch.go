package cli

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/run"
)

func (a *app) watchCommand() *cobra.Command {
	var output outputFlag
	cmd := &cobra.Command{
		Use:   "watch RUN",
		Short: "Follow a run until every job has a result",
		Long: `watch follows a run that another command sent, and prints its results when it is
done. The exit code is 0 only when the run succeeded.`,
		Example: `  spate watch last
  spate watch 01J9 && spate results 01J9 --download out`,
		Args:              misused(oneRun),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.watch(cmd.Context(), args[0], output)
		},
	}
	output.register(cmd, "table", "json", "csv")
	return cmd
}

func (a *app) watch(ctx context.Context, id string, output outputFlag) error {
	return a.withEngine(ctx, client.Look, func(s *client.Session) error {
		r, err := run.Find(ctx, s.AWS, id)
		if err != nil {
			return err
		}
		p, err := r.Count(ctx)
		if err != nil {
			return err
		}
		if err := cmp.Or(givenUp(r, p), standing(s, r, p)); err != nil {
			return err
		}
		label, err := r.Label(ctx, labelled)
		if err != nil {
			return err
		}
		return a.follow(ctx, s, r, following{label: label, since: r.Created, output: output})
	})
}

// givenUp is an error where a run is over and was cancelled.
func givenUp(r *run.Run, p run.Progress) error {
	if !p.Finished() || p.Cancelled == 0 {
		return nil
	}
	return &hintedError{
		fact: fmt.Sprintf("run %s was cancelled: %s without a result", r.ID, count(p.Cancelled, "job")),
		hint: "run them after all: spate retry " + shortID(r.ID),
	}
}

// standsStill is an error where there is nothing to wait for: the run has jobs
// without a result, and no engine runs that would start them.
func standsStill(ctx context.Context, s *client.Session, r *run.Run) error {
	if !s.Address.Quiet {
		return nil
	}
	p, err := r.Count(ctx)
	if err != nil {
		return err
	}
	return standing(s, r, p)
}

func standing(s *client.Session, r *run.Run, p run.Progress) error {
	if !s.Address.Quiet || p.Finished() {
		return nil
	}
	return &hintedError{
		fact: "run " + r.ID + " stands still: no engine runs",
		hint: "go on with it: spate run --resume " + shortID(r.ID),
	}
}
