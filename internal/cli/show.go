package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/record"
	"github.com/spate-run/spate/internal/run"
)

func (a *app) showCommand() *cobra.Command {
	var output outputFlag
	cmd := &cobra.Command{
		Use:   "show RUN [INDEX]",
		Short: "Print how a run stands, or all about one of its jobs",
		Example: `  spate show last                the state of the newest run
  spate show last 7              job 7 of it: its attempts and outputs
  spate show last 7 -o json`,
		Args:              misused(oneRunAndIndex),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return a.withEngine(ctx, client.Look, func(s *client.Session) error {
				r, err := run.Find(ctx, s.AWS, args[0])
				if err != nil {
					return err
				}
				if len(args) == 1 {
					return a.showRun(ctx, s, r, output)
				}
				index, err := jobIndex(args[1])
				if err != nil {
					return err
				}
				return a.showJob(ctx, r, index, output)
			})
		},
	}
	output.register(cmd, "table", "json")
	return cmd
}

// A runView is what show prints of a run as JSON.
type runView struct {
	runSummary
	User        string           `json:"user"`
	Host        string           `json:"host"`
	Running     int              `json:"running"`
	Waiting     int              `json:"waiting"`
	Unsent      int              `json:"unsent"`
	Tasks       taskView         `json:"tasks"`
	FailedJobs  []int            `json:"failedJobs"`
	Generations []generationView `json:"generations"`
	Predicted   *predictedView   `json:"predicted,omitempty"`
}

type taskView struct {
	Running int `json:"running"`
	Wanted  int `json:"wanted"`
}

type generationView struct {
	Generation int        `json:"generation"`
	Jobs       int        `json:"jobs"`
	Done       int        `json:"done"`
	Failed     int        `json:"failed"`
	Cancelled  int        `json:"cancelled"`
	Waiting    int        `json:"waiting"`
	Created    time.Time  `json:"created"`
	LastEnd    *time.Time `json:"lastEnd,omitempty"`
}

func (a *app) showRun(ctx context.Context, s *client.Session, r *run.Run, output outputFlag) error {
	o, err := r.Overview(ctx)
	if err != nil {
		return err
	}
	if s.Address.Quiet {
		// What the records of a stopped engine say is no longer so.
		o.Tasks, o.Running, o.Trouble = run.Tasks{}, nil, ""
	}
	summary, err := summarise(ctx, r, o.Progress)
	if err != nil {
		return err
	}
	predicted, err := a.predicted(ctx, s.AWS, r, o, summary)
	if err != nil {
		return err
	}
	if output == "json" {
		v := viewRun(r, o, summary)
		v.Predicted = predicted
		return printJSON(a.stdout, v)
	}
	if err := a.printRun(r, o, summary, predicted, s.Address.Quiet); err != nil {
		return err
	}
	a.suggestForRun(r, o, s.Address.Quiet)
	return nil
}

func viewRun(r *run.Run, o *run.Overview, summary runSummary) runView {
	v := runView{
		runSummary: summary, User: r.User, Host: r.Host,
		Running: len(o.Running), Waiting: o.Waiting(), Unsent: o.Unsent,
		Tasks:      taskView{Running: o.Tasks.Running, Wanted: o.Tasks.Desired},
		FailedJobs: append([]int{}, o.FailedJobs...),
	}
	for _, g := range o.Generations {
		line := generationView{
			Generation: g.Number, Jobs: g.Jobs, Done: g.Done, Failed: g.Failed,
			Cancelled: g.Cancelled, Waiting: g.Waiting(), Created: g.Created,
		}
		if !g.LastEnd.IsZero() {
			line.LastEnd = &g.LastEnd
		}
		v.Generations = append(v.Generations, line)
	}
	return v
}

func (a *app) printRun(r *run.Run, o *run.Overview, summary runSummary, predicted *predictedView, still bool) error {
	facts := [][2]string{
		{"run", r.ID},
		{"job", r.Job.Name},
		{"state", stateWords(r, o, still)},
		{"jobs", jobWords(o.Progress)},
		{"sent", fmt.Sprintf("%s by %s on %s", clock(r.Created), r.User, r.Host)},
	}
	if !r.Scheduled.IsZero() {
		facts = append(facts, [2]string{"scheduled", "for " + clock(r.Scheduled)})
	}
	if lasted := summary.took(); lasted != "" {
		facts = append(facts, [2]string{"took", lasted})
	}
	if predicted != nil {
		facts = append(facts, [2]string{"predicted", predicted.words()})
	}
	if !still {
		facts = append(facts, [2]string{"tasks", fmt.Sprintf("%d running, %d wanted", o.Tasks.Running, o.Tasks.Desired)})
	}
	if o.Trouble != "" && !o.Finished() {
		facts = append(facts, [2]string{"trouble", "no task starts: " + o.Trouble})
	}
	if len(o.FailedJobs) > 0 {
		facts = append(facts, [2]string{"failed", indexList(o.FailedJobs)})
	}
	if err := printFacts(a.stdout, facts); err != nil {
		return err
	}
	rows := make([][]string, len(o.Generations))
	for i, g := range o.Generations {
		last := ""
		if !g.LastEnd.IsZero() {
			last = clock(g.LastEnd)
		}
		rows[i] = []string{
			strconv.Itoa(g.Number), strconv.Itoa(g.Jobs), strconv.Itoa(g.Done), strconv.Itoa(g.Failed),
			strconv.Itoa(g.Cancelled), strconv.Itoa(g.Waiting()), clock(g.Created), last,
		}
	}
	fmt.Fprintln(a.stdout)
	return printTable(a.stdout, []string{"GENERATION", "JOBS", "DONE", "FAILED", "CANCELLED", "WAITING", "SENT", "LAST RESULT"}, rows)
}

// stateWords is the state of a run in a few words.
func stateWords(r *run.Run, o *run.Overview, still bool) string {
	state := stateOf(r, o.Progress)
	switch {
	case !o.Finished() && still:
		return state + " done; it stands still, since no engine runs"
	case !o.Finished():
		return "running, " + state + " done"
	case o.Failed > 0 && o.Cancelled == 0:
		return fmt.Sprintf("%s: %d of %s failed, and %g%% are tolerated", state, o.Failed, count(o.Jobs, "job"), 100*float64(r.Job.Tolerate))
	}
	return state
}

func jobWords(p run.Progress) string {
	text := fmt.Sprintf("%d: %d done, %d failed", p.Jobs, p.Done, p.Failed)
	if p.Cancelled > 0 {
		text += fmt.Sprintf(", %d cancelled", p.Cancelled)
	}
	if !p.Finished() {
		text += fmt.Sprintf(", %d running, %d waiting", len(p.Running), p.Waiting())
	}
	return text
}

// suggestForRun says what to type next.
func (a *app) suggestForRun(r *run.Run, o *run.Overview, still bool) {
	id := shortID(r.ID)
	switch {
	case !o.Finished() && (still || o.Unsent > 0):
		a.next("spate run --resume " + id)
	case !o.Finished():
		a.next("spate watch "+id, "spate logs -f "+id, "spate cancel "+id)
	case len(o.FailedJobs) > 0:
		a.next(fmt.Sprintf("spate show %s %d", id, o.FailedJobs[0]), "spate retry "+id)
	case o.Cancelled > 0:
		a.next("spate retry " + id)
	default:
		a.next("spate results " + id)
	}
}

// listed is how many indices are written out.
const listed = 20

func indexList(indices []int) string {
	var words []string
	for _, index := range indices[:min(listed, len(indices))] {
		words = append(words, strconv.Itoa(index))
	}
	if more := len(indices) - listed; more > 0 {
		words = append(words, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(words, ", ")
}

// clock writes a time as clocks here show it.
func clock(t time.Time) string { return t.Local().Format(time.DateTime) }

// A jobView is what show prints of a job as JSON.
type jobView struct {
	Run        string             `json:"run"`
	Index      int                `json:"index"`
	Params     job.Config         `json:"params"`
	Generation int                `json:"generation"`
	State      string             `json:"state"`
	Reason     string             `json:"reason,omitempty"`
	Metrics    map[string]float64 `json:"metrics,omitempty"`
	BadMetrics string             `json:"badMetrics,omitempty"`
	Outputs    []record.Output    `json:"outputs,omitempty"`
	Attempts   []attemptView      `json:"attempts"`
}

type attemptView struct {
	Generation int        `json:"generation"`
	Attempt    int        `json:"attempt"`
	State      string     `json:"state"`
	Started    time.Time  `json:"started"`
	Ended      *time.Time `json:"ended,omitempty"`
	ExitCode   *int       `json:"exitCode,omitempty"`
	Reason     string     `json:"reason,omitempty"`
	Host       string     `json:"host"`
	Task       string     `json:"task,omitempty"`
}

func (a *app) showJob(ctx context.Context, r *run.Run, index int, output outputFlag) error {
	j, err := r.Inspect(ctx, index)
	if err != nil {
		return err
	}
	if output == "json" {
		return printJSON(a.stdout, viewJob(r, j))
	}
	if err := a.printJob(r, j); err != nil {
		return err
	}
	id := shortID(r.ID)
	commands := []string{fmt.Sprintf("spate logs %s %d", id, index)}
	switch j.State {
	case record.Failed, record.Cancelled:
		commands = append(commands, fmt.Sprintf("spate retry %s %d", id, index))
	case run.Running:
		commands[0] = fmt.Sprintf("spate logs -f %s %d", id, index)
	}
	a.next(commands...)
	return nil
}

func viewJob(r *run.Run, j *run.Inspection) jobView {
	v := jobView{
		Run: r.ID, Index: j.Index, Params: j.Config, Generation: j.Generation,
		State: string(j.State), Attempts: []attemptView{},
	}
	if j.Result != nil {
		v.Reason, v.Outputs = j.Result.Reason, j.Result.Outputs
		v.Metrics, v.BadMetrics = j.Result.Metrics, j.Result.BadMetrics
	}
	for _, t := range j.Attempts {
		line := attemptView{
			Generation: t.Generation, Attempt: t.Number, State: string(t.State), Started: t.Start.Started,
			Reason: t.Reason, Host: t.Start.Host, Task: t.Start.Task,
		}
		if t.End != nil {
			line.Ended, line.ExitCode = &t.End.Ended, &t.End.ExitCode
		}
		v.Attempts = append(v.Attempts, line)
	}
	return v
}

func (a *app) printJob(r *run.Run, j *run.Inspection) error {
	facts := [][2]string{{"run", r.ID}, {"job", fmt.Sprintf("%d of %s", j.Index, r.Job.Name)}, {"state", string(j.State)}}
	if len(j.Config) > 0 {
		facts = append(facts, [2]string{"params", j.Config.String()})
	}
	if j.Result != nil && j.Result.Reason != "" {
		facts = append(facts, [2]string{"reason", j.Result.Reason})
	}
	if j.Result != nil && j.Result.BadMetrics != "" {
		facts = append(facts, [2]string{"metrics", j.Result.BadMetrics})
	}
	if err := printFacts(a.stdout, facts); err != nil {
		return err
	}
	if len(j.Attempts) > 0 {
		fmt.Fprintln(a.stdout)
		if err := printTable(a.stdout, []string{"ATTEMPT", "STATE", "START", "TOOK", "EXIT", "REASON", "HOST", "TASK"}, attemptRows(j.Attempts)); err != nil {
			return err
		}
	}
	if j.Result == nil || len(j.Result.Outputs) == 0 {
		return nil
	}
	rows := make([][]string, len(j.Result.Outputs))
	for i, output := range j.Result.Outputs {
		rows[i] = []string{output.Name, strconv.FormatInt(output.Size, 10)}
	}
	fmt.Fprintln(a.stdout)
	return printTable(a.stdout, []string{"OUTPUT", "BYTES"}, rows)
}

func attemptRows(attempts []run.Try) [][]string {
	rows := make([][]string, len(attempts))
	for i, t := range attempts {
		exit, lasted := "", ""
		if t.End != nil {
			exit = strconv.Itoa(t.End.ExitCode)
		}
		if t.State != run.Lost {
			lasted = took(t.Took(time.Now()))
		}
		rows[i] = []string{
			fmt.Sprintf("%d.%d", t.Generation, t.Number), string(t.State), clock(t.Start.Started),
			lasted, exit, t.Reason, t.Start.Host, run.TaskID(t.Start.Task),
		}
	}
	return rows
}
