package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/run"
)

func (a *app) logsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "logs RUN [INDEX]",
		Short: "Print what the jobs of a run printed",
		Example: `  spate logs last                every job of the newest run
  spate logs last 7              job 7 of it
  spate logs 01J9 7              job 7 of the run that begins with 01J9`,
		Args: misused(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withEngine(cmd.Context(), client.Look, func(s *client.Session) error {
				r, err := run.Find(cmd.Context(), s.AWS, args[0])
				if err != nil {
					return err
				}
				if len(args) == 1 {
					return a.printLogs(cmd.Context(), r)
				}
				index, err := strconv.Atoi(args[1])
				if err != nil {
					return &usageError{err: fmt.Errorf("%q is not a job's index", args[1]), command: cmd.CommandPath()}
				}
				return a.printLog(cmd.Context(), r, index)
			})
		},
	}
}

// printLogs prints the logs of all jobs that have one, each under its name.
func (a *app) printLogs(ctx context.Context, r *run.Run) error {
	rows, err := r.Rows(ctx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		fmt.Fprintf(a.stderr, "--- job %d: %s\n", row.Index, row.Config)
		err := a.printLog(ctx, r, row.Index)
		if _, none := errors.AsType[*run.NoLogError](err); none {
			fmt.Fprintln(a.stderr, "(no log yet)")
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *app) printLog(ctx context.Context, r *run.Run, index int) error {
	body, err := r.Log(ctx, index)
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = io.Copy(a.stdout, body)
	return err
}
