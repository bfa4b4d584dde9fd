package cli

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/run"
)

func (a *app) runsCommand() *cobra.Command {
	var output outputFlag
	var limit int
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "List the runs, the newest first",
		Example: `  spate runs
  spate runs -n 5 -o json`,
		Args: misused(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 {
				return &usageError{err: &hintedError{fact: fmt.Sprintf("--limit: %d is below 1", limit), hint: "spate runs -n 5"}}
			}
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
	ID        string    `json:"id"`
	Job       string    `json:"job"`
	State     string    `json:"state"`
	Jobs      int       `json:"jobs"`
	Done      int       `json:"done"`
	Failed    int       `json:"failed"`
	Cancelled int       `json:"cancelled"`
	Created   time.Time `json:"created"`
	Scheduled time.Time `json:"scheduled,omitzero"` // of a run that its job's schedule sent
	Seconds   float64   `json:"seconds"`            // from the sending to the last result; 0 before that
}

// sent is when the run was sent, and whether by a schedule.
func (s runSummary) sent() string {
	if s.Scheduled.IsZero() {
		return clock(s.Created)
	}
	return clock(s.Created) + " by schedule"
}

// took is how long the run took, or nothing while it goes on.
func (s runSummary) took() string {
	if s.Seconds == 0 {
		return ""
	}
	return took(time.Duration(s.Seconds * float64(time.Second)))
}

func (a *app) printRuns(ctx context.Context, runs []*run.Run, output outputFlag) error {
	summaries := make([]runSummary, len(runs))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(counted)
	for i, r := range runs {
		group.Go(func() error {
			p, err := r.Count(groupCtx)
			if err == nil {
				summaries[i], err = summarise(groupCtx, r, p)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if output == "json" {
		return printJSON(a.stdout, summaries)
	}
	if len(runs) == 0 {
		a.tell("there are no runs", "`spate run` sends one")
		return nil
	}
	ids := briefIDs(runs)
	rows := make([][]string, len(runs))
	for i, s := range summaries {
		rows[i] = []string{
			ids[i], s.Job, s.State, strconv.Itoa(s.Jobs), strconv.Itoa(s.Done), strconv.Itoa(s.Failed),
			s.sent(), s.took(),
		}
	}
	return printTable(a.stdout, []string{"RUN", "JOB", "STATE", "JOBS", "DONE", "FAILED", "SENT", "TOOK"}, rows)
}

// briefIDs are the ids of runs as hints name them, or whole where that would not
// tell two of them apart.
func briefIDs(runs []*run.Run) []string {
	ids, taken := make([]string, len(runs)), map[string]int{}
	for _, r := range runs {
		taken[shortID(r.ID)]++
	}
	for i, r := range runs {
		ids[i] = r.ID
		if short := shortID(r.ID); taken[short] == 1 {
			ids[i] = short
		}
	}
	return ids
}

// counted is how many runs are counted at once.
const counted = 4

func summarise(ctx context.Context, r *run.Run, p run.Progress) (runSummary, error) {
	lasted, err := r.Took(ctx, p)
	return runSummary{
		ID: r.ID, Job: r.Job.Name, Jobs: r.Jobs, State: stateOf(r, p),
		Done: p.Done, Failed: p.Failed, Cancelled: p.Cancelled, Created: r.Created, Scheduled: r.Scheduled,
		Seconds: lasted.Seconds(),
	}, err
}

// stateOf is how a run ended, or its share of jobs that have.
func stateOf(r *run.Run, p run.Progress) string {
	switch {
	case !p.Finished():
		return fmt.Sprintf("%d%%", 100*p.Ended()/max(1, p.Jobs))
	case succeeded(r, p):
		return "succeeded"
	case p.Cancelled > 0:
		return "cancelled"
	}
	return "failed"
}

// succeeded says whether every job has a result, and no more of them failed
// than the job file tolerates.
func succeeded(r *run.Run, p run.Progress) bool {
	return p.Finished() && p.Cancelled == 0 && float64(p.Failed) <= float64(r.Job.Tolerate)*float64(p.Jobs)
}
