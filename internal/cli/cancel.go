package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/run"
)

func (a *app) cancelCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "cancel RUN",
		Short: "Give up the jobs of a run that have no result",
		Long: `cancel takes the messages of a run out of the queue. Workers stop jobs of it that
run within seconds. Results that are there stay, and retry runs the others.`,
		Example: `  spate cancel last
  spate cancel 01J9`,
		Args:              misused(oneRun),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return a.withEngine(ctx, client.Look, func(s *client.Session) error {
				r, err := run.Find(ctx, s.AWS, args[0])
				if err != nil {
					return err
				}
				c, err := r.Cancel(ctx)
				if err != nil && ctx.Err() != nil && c.Jobs > 0 {
					return &hintedError{
						fact: fmt.Sprintf("interrupted while the queue was drained: run %s is cancelled, and workers drop what is left of it", r.ID),
						hint: "spate show " + shortID(r.ID),
					}
				}
				if err != nil {
					return err
				}
				fmt.Fprintf(a.stderr, "cancelled %s of run %s", count(c.Jobs, "job"), r.ID)
				if c.Running > 0 && !s.Address.Quiet {
					fmt.Fprintf(a.stderr, "; %d of them run, and are stopped within seconds", c.Running)
				}
				fmt.Fprintln(a.stderr)
				a.next("spate show "+shortID(r.ID), "spate retry "+shortID(r.ID))
				return nil
			})
		},
	}
}
