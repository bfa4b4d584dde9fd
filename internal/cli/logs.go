package cli

import (
	"bufio"
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
	var follow bool
	cmd := &cobra.Command{
		Use:   "logs RUN [INDEX]",
		Short: "Print what the jobs of a run printed, or print",
		Long: `logs prints what the jobs of a run printed. On a terminal it escapes what would
do more than write and colour text; into a file or a pipe it goes as it is.`,
		Example: `  spate logs last                every job of the newest run
  spate logs last 7              job 7 of it
  spate logs 01J9 7              job 7 of the run that begins with 01J9
  spate logs -f last             follow the jobs that run, until the run is done`,
		Args:              misused(oneRunAndIndex),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			index := run.AllJobs
			if len(args) == 2 {
				var err error
				if index, err = jobIndex(args[1]); err != nil {
					return err
				}
			}
			return a.logs(cmd.Context(), args[0], index, follow)
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what running jobs print, until the run is done")
	return cmd
}

func (a *app) logs(ctx context.Context, id string, index int, follow bool) (err error) {
	if onTerminal(a.stdout) {
		s := &screen{w: a.stdout}
		defer func() { err = errors.Join(err, s.Close()) }()
		safe := *a
		safe.stdout = s
		a = &safe
	}
	return a.withEngine(ctx, client.Look, func(s *client.Session) error {
		r, err := run.Find(ctx, s.AWS, id)
		switch {
		case err != nil:
			return err
		case follow:
			return a.followLogs(ctx, s, r, index)
		case index == run.AllJobs:
			return a.printLogs(ctx, r)
		}
		return a.printLog(ctx, r, index)
	})
}

// followLogs prints lines as they come; those of a whole run begin with the
// index of their job.
func (a *app) followLogs(ctx context.Context, s *client.Session, r *run.Run, index int) error {
	if err := standsStill(ctx, s, r); err != nil {
		return err
	}
	width := len(strconv.Itoa(r.Jobs - 1))
	out := bufio.NewWriter(a.stdout)
	err := r.Tail(ctx, index, func(lines []run.Line) error {
		for _, line := range lines {
			if index == run.AllJobs {
				fmt.Fprintf(out, "%*d | ", width, line.Index)
			}
			fmt.Fprintln(out, line.Text)
		}
		return out.Flush()
	})
	switch {
	case ctx.Err() != nil:
		return errUnsuccessful
	case err != nil && s.Ended():
		return &hintedError{fact: "the engine that ran this has ended", hint: "spate run --resume " + shortID(r.ID)}
	}
	return err
}

// printLogs prints the logs of all jobs that have one, each under its name.
func (a *app) printLogs(ctx context.Context, r *run.Run) error {
	rows, err := r.Rows(ctx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		fmt.Fprintf(a.stderr, "--- %s\n", jobTitle(row, fmt.Sprintf("job %d", row.Index)))
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
