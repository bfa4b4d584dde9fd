package cli

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/run"
)

func (a *app) runsCommand() *cobra.Command {
	var output outputFlag
	var limit int
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "List the runs, the newest first",
		Args:  misused(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withEngine(cmd.Context(), client.Look, func(s *client.Session) error {
				runs, err := run.List(cmd.Context(), s.AWS, limit)
				if err != nil {
					return err
				}
				return a.printRuns(cmd.Context(), runs, output)
			})
		},
	}
	output.register(cmd, "table", "json")
	cmd.Flags().IntVarP(&limit, "limit", "n", 20, "how many runs")
	return cmd
}

// A runSummary is a line of `spate runs`.
type runSummary struct {
	ID      string    `json:"id"`
	Job     string    `json:"job"`
	State   string    `json:"state"`
	Jobs    int       `json:"jobs"`
	Done    int       `json:"done"`
	Failed  int       `json:"failed"`
	Created time.Time `json:"created"`
	Seconds float64   `json:"seconds"` // from the sending to the newest result
}

func (a *app) printRuns(ctx context.Context, runs []*run.Run, output outputFlag) error {
	summaries := make([]runSummary, len(runs))
	for i, r := range runs {
		p, err := r.Count(ctx)
		if err != nil {
			return err
		}
		summaries[i] = summarise(r, p)
	}
	if output == "json" {
		return printJSON(a.stdout, summaries)
	}
	if len(runs) == 0 {
		a.tell("there are no runs", "`spate run` sends one")
		return nil
	}
	rows := make([][]string, len(runs))
	for i, s := range summaries {
		rows[i] = []string{
			s.ID, s.Job, s.State, strconv.Itoa(s.Jobs), strconv.Itoa(s.Done), strconv.Itoa(s.Failed),
			s.Created.Local().Format(time.DateTime), took(time.Duration(s.Seconds * float64(time.Second))),
		}
	}
	return printTable(a.stdout, []string{"RUN", "JOB", "STATE", "JOBS", "DONE", "FAILED", "SENT", "TOOK"}, rows)
}

func summarise(r *run.Run, p run.Progress) runSummary {
	s := runSummary{ID: r.ID, Job: r.Job.Name, Jobs: r.Jobs, Done: p.Done, Failed: p.Failed, Created: r.Created}
	switch {
	case !p.Finished():
		s.State = fmt.Sprintf("%d%%", 100*p.Ended()/max(1, p.Jobs))
	case succeeded(r, p):
		s.State = "succeeded"
	default:
		s.State = "failed"
	}
	if p.Ended() > 0 {
		s.Seconds = p.LastEnd.Sub(r.Created).Seconds()
	}
	return s
}

// succeeded says whether no more jobs failed than the job file tolerates.
func succeeded(r *run.Run, p run.Progress) bool {
	return p.Finished() && float64(p.Failed) <= float64(r.Job.Tolerate)*float64(p.Jobs)
}
