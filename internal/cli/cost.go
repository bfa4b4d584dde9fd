package cli

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/spate-run/spate"
	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/plan"
	"github.com/spate-run/spate/internal/run"
	"github.com/spate-run/spate/internal/sorting"
)

func (a *app) costCommand() *cobra.Command {
	var output outputFlag
	cmd := &cobra.Command{
		Use:   "cost RUN",
		Short: "Reckon what a run has cost, per job and in all",
		Long: `cost multiplies the time that AWS bills for a run's tasks with the prices that spate
has of ` + plan.Region + `, as spate plan does. A task is billed from the pull of its image
to its end, by the second, and for a minute at least. Where ECS has forgotten a task,
as it does an hour after its end, its time is that of the run's attempts in it. A
task that worked for another run, too, counts for both. Requests to SQS and S3, logs
and storage are not counted. A run on this machine costs nothing: what is told is what
the same time of tasks costs on AWS.`,
		Example: `  spate cost last --on aws
  spate cost last -o csv         every job of it`,
		Args:              misused(oneRun),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return a.withEngine(ctx, client.Look, func(s *client.Session) error {
				r, err := run.Find(ctx, s.AWS, args[0])
				if err != nil {
					return err
				}
				b, err := billOf(ctx, r)
				if err != nil {
					return err
				}
				return a.printBill(b, output)
			})
		},
	}
	output.register(cmd, "table", "json", "csv")
	return cmd
}

// A bill is what a run has cost, in dollars.
type bill struct {
	Run      string    `json:"run"`
	Job      string    `json:"job"`
	Tasks    int       `json:"tasks"`
	Spot     int       `json:"spot"`     // tasks known to be on spare capacity
	Reckoned int       `json:"reckoned"` // tasks that ECS has forgotten
	Unknown  int       `json:"unknown"`  // attempts of whose end nothing is known
	Seconds  float64   `json:"billedSeconds"`
	Busy     float64   `json:"busySeconds"`
	USD      float64   `json:"usd"`
	BusyUSD  float64   `json:"busyUSD"`
	Hour     float64   `json:"taskHourUSD"`
	Idle     float64   `json:"idleMonthUSD"` // of the stack as it is
	KeptUp   float64   `json:"keptUpMonthUSD"`
	Region   string    `json:"region"`
	Priced   string    `json:"priced"`
	Jobs     []jobBill `json:"jobs"`
}

// A jobBill is the part of a bill that is for a job: its attempts. What tasks
// take to start, and wait for, is nobody's.
type jobBill struct {
	Index   int     `json:"index"`
	Seconds float64 `json:"seconds"`
	USD     float64 `json:"usd"`
}

// modelOf is what a job's stack comes to.
func modelOf(j job.Job) (*plan.Model, error) {
	t, err := spate.JobStack(j).Template()
	if err != nil {
		return nil, err
	}
	return plan.Read(t, plan.Options{Parameters: map[string]string{paramImage: "image"}})
}

const fargateSpot = "FARGATE_SPOT"

func billOf(ctx context.Context, r *run.Run) (*bill, error) {
	m, err := modelOf(r.Job)
	if err != nil {
		return nil, err
	}
	u, err := r.Usage(ctx, time.Now())
	if err != nil {
		return nil, err
	}
	return reckon(r, m, u), nil
}

// reckon puts prices to times.
func reckon(r *run.Run, m *plan.Model, u *run.Usage) *bill {
	b := &bill{
		Run: r.ID, Job: r.Job.Name, Tasks: len(u.Tasks), Unknown: u.Unknown,
		Hour: m.Task.Rate() * 3600, Idle: m.IdleMonth(), Region: plan.Region, Priced: plan.Priced,
	}
	for _, task := range u.Tasks {
		billed := max(plan.LeastBilled.Seconds(), math.Ceil(task.To.Sub(task.From).Seconds()))
		rate := rateOf(m.Task, task)
		b.Seconds += billed
		b.Busy += task.Busy.Seconds()
		b.USD += billed * rate
		b.BusyUSD += task.Busy.Seconds() * rate
		if task.Provider == fargateSpot {
			b.Spot++
		}
		if !task.Known {
			b.Reckoned++
		}
	}
	// Jobs pay what a second of the run's tasks cost on the mean.
	rate := m.Task.Rate()
	if b.Busy > 0 {
		rate = b.BusyUSD / b.Busy
	}
	for index, took := range u.Jobs {
		b.Jobs = append(b.Jobs, jobBill{Index: index, Seconds: took.Seconds(), USD: took.Seconds() * rate})
	}
	b.KeptUp = float64(mostAtOnce(u.Tasks)) * m.Task.Rate() * 3600 * plan.MonthHours
	return b
}

// rateOf is what a task costs a second, by what ECS knows of it.
func rateOf(t plan.Task, of run.TaskUsage) float64 {
	switch {
	case of.Provider == fargateSpot:
		t.Spot = 1
	case of.Provider != "":
		t.Spot = 0
	}
	return t.Rate()
}

// mostAtOnce is how many tasks were there at the same time.
func mostAtOnce(tasks []run.TaskUsage) int {
	type change struct {
		at time.Time
		by int
	}
	var changes []change
	for _, t := range tasks {
		changes = append(changes, change{t.From, 1}, change{t.To, -1})
	}
	sorting.By(changes, func(a, b change) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.by, b.by)) })
	most, now := 0, 0
	for _, c := range changes {
		now += c.by
		most = max(most, now)
	}
	return most
}

// dearestShown is how many jobs a table names.
const dearestShown = 5

func (a *app) printBill(b *bill, output outputFlag) error {
	switch output {
	case "json":
		return printJSON(a.stdout, b)
	case "csv":
		out := csv.NewWriter(a.stdout)
		rows := [][]string{{"index", "seconds", "usd"}}
		for _, j := range b.Jobs {
			rows = append(rows, []string{strconv.Itoa(j.Index), strconv.FormatFloat(j.Seconds, 'f', 3, 64), strconv.FormatFloat(j.USD, 'f', 9, 64)})
		}
		return out.WriteAll(rows)
	}
	facts := [][2]string{
		{"run", b.Run},
		{"tasks", taskWords(b)},
		{"billed", fmt.Sprintf("%.0f s of tasks, at $%.4f an hour a task as the job file says", b.Seconds, b.Hour)},
		{"cost", fmt.Sprintf("%s: %s while jobs ran, %s while tasks started and waited", cents(b.USD), cents(b.BusyUSD), cents(max(0, b.USD-b.BusyUSD)))},
		{"a job", fmt.Sprintf("%s on the mean", cents(b.BusyUSD/float64(max(1, len(b.Jobs)))))},
		{"kept up", fmt.Sprintf("as many tasks kept up for a month, idle: %s; the stack between runs: %s", dollars(b.KeptUp), dollars(b.Idle))},
		{"prices", fmt.Sprintf("of %s, put together on %s", b.Region, b.Priced)},
	}
	if b.Unknown > 0 {
		facts = append(facts, [2]string{"not counted", count(b.Unknown, "attempt") + " that ended with a task that ECS has forgotten"})
	}
	if err := printFacts(a.stdout, facts); err != nil {
		return err
	}
	dearest := slices.Clone(b.Jobs)
	sorting.By(dearest, func(a, b jobBill) int { return cmp.Compare(b.USD, a.USD) })
	rows := [][]string{}
	for _, j := range dearest[:min(dearestShown, len(dearest))] {
		rows = append(rows, []string{strconv.Itoa(j.Index), took(seconds(j.Seconds)), cents(j.USD)})
	}
	fmt.Fprintln(a.stdout)
	if err := printTable(a.stdout, []string{"DEAREST JOB", "TIME", "COST"}, rows); err != nil {
		return err
	}
	if a.place.on != onAWS {
		fmt.Fprintln(a.stderr, "this machine bills nothing: that is what the same time of tasks costs on AWS")
	}
	return nil
}

func taskWords(b *bill) string {
	words := strconv.Itoa(b.Tasks)
	if b.Spot > 0 {
		words += fmt.Sprintf(", %d of them on Spot", b.Spot)
	}
	if b.Reckoned > 0 {
		words += fmt.Sprintf("; the time of %d is that of the attempts in them, since ECS has forgotten them", b.Reckoned)
	}
	return words
}

// cents writes dollars with the digits that small amounts need.
func cents(f float64) string {
	switch {
	case f >= 1 || f == 0:
		return fmt.Sprintf("$%.2f", f)
	case f < 0.0001:
		return "under $0.0001"
	}
	return "$" + strconv.FormatFloat(f, 'g', 3, 64)
}
