package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/run"
)

func (a *app) retryCommand() *cobra.Command {
	var output outputFlag
	var detach bool
	cmd := &cobra.Command{
		Use:   "retry RUN [INDEX…]",
		Short: "Run the failed jobs of a run again, or those that are named",
		Long: `retry sends jobs of a run again: those that failed or were cancelled, or those
whose indices are given, whatever became of them. Their new results take the
place of the old ones. It follows the run as spate run does.`,
		Example: `  spate retry last
  spate retry 01J9 3 17
  spate retry last --detach`,
		Args:              misused(oneRunAndIndices),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			var indices []int
			for _, arg := range args[1:] {
				index, err := jobIndex(arg)
				if err != nil {
					return err
				}
				indices = append(indices, index)
			}
			return a.retry(cmd.Context(), args[0], indices, detach, output)
		},
	}
	cmd.Flags().BoolVar(&detach, "detach", false, "send the jobs and leave them to AWS, or to a running spate serve")
	output.register(cmd, "table", "json", "csv")
	return cmd
}

// jobIndex reads a job's index.
func jobIndex(arg string) (int, error) {
	index, err := strconv.Atoi(arg)
	if err != nil || index < 0 {
		return 0, notIndex(arg)
	}
	return index, nil
}

func notIndex(arg string) error {
	return &usageError{err: &hintedError{
		fact: fmt.Sprintf("%q is not a job's index", arg),
		hint: "jobs count from 0, as `spate results last` lists them",
	}}
}

func (a *app) retry(ctx context.Context, id string, indices []int, detach bool, output outputFlag) error {
	return a.withEngine(ctx, workOrLeave(detach), func(s *client.Session) error {
		r, err := run.Find(ctx, s.AWS, id)
		if err != nil {
			return err
		}
		jobs, err := r.Retry(ctx, indices)
		if err != nil {
			return unfinished(s, r, err)
		}
		fmt.Fprintf(a.stderr, "running %s again\n", count(jobs, "job"))
		return a.goOn(ctx, s, r, detach, output)
	})
}

// unfinished says how to come to the end of a run that is retried before it.
func unfinished(s *client.Session, r *run.Run, err error) error {
	_, open := errors.AsType[*run.OpenJobError](err)
	nothing, ok := errors.AsType[*run.NothingToRetryError](err)
	switch {
	case !open && !(ok && nothing.Waiting > 0):
		return err
	case s.Own:
		return &hintedError{fact: err.Error(), hint: "go on with it: spate run --resume " + shortID(r.ID)}
	}
	return &hintedError{fact: err.Error(), hint: "follow it: spate watch " + shortID(r.ID)}
}
