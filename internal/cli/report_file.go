package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/dash"
	"github.com/spate-run/spate/internal/run"
)

func (a *app) reportCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "report RUN",
		Short: "Write a run as one HTML file to keep or to mail",
		Long: `report writes one HTML file of a run that needs nothing else: how it stands, its
charts, its failures with the ends of their logs, all results as a table that can
be sorted, and what the job was. It prints the file's path.`,
		Example: `  spate report last
  spate report 01J9 --file monday.html`,
		Args:              misused(oneRun),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return a.withEngine(ctx, client.Look, func(s *client.Session) error {
				r, err := run.Find(ctx, s.AWS, args[0])
				if err != nil {
					return err
				}
				text, err := dash.Report(ctx, r, "spate "+version())
				if err != nil {
					return err
				}
				if path == "" {
					path = r.Job.Name + "-" + shortID(r.ID) + ".html"
				}
				if err := os.WriteFile(path, text, 0o666); err != nil {
					return err
				}
				_, err = fmt.Fprintln(a.stdout, path)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&path, "file", "", "write to this `path` (default: the job's name and the run's id)")
	return cmd
}
