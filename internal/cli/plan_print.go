package cli

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spate-run/spate/internal/plan"
)

func (a *app) printPlan(p *planned, v *planView) error {
	s := v.study
	task := s.Model.Task
	fmt.Fprintf(a.stdout, "%s: %s of %s, on at most %s of %g vCPU and %g GiB\n\n", p.name, count(s.Load.Jobs, "job"), s.Load.Durations,
		count(s.Model.Capacity.Max, "task"), task.CPU, task.Memory)
	if err := printTable(a.stdout, []string{"", "P50", "P95"}, v.rows()); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout)
	if err := printFacts(a.stdout, v.facts(p)); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "\nwhere the time goes, in the run in the middle (seed %d)\n", v.seed)
	if err := printTable(a.stdout, []string{"", "TAKES", "", "WHAT"}, v.partRows()); err != nil {
		return err
	}
	v.chart(a.stdout)
	if err := a.printCompared(v); err != nil {
		return err
	}
	for _, warning := range p.warnings {
		a.tell("warning: "+warning, "")
	}
	return nil
}

func (v *planView) rows() [][]string {
	s := v.study
	whole := func(p float64) string {
		return plan.ClockTime(s.FinishOrNever(p))
	}
	row := func(name string, of func(*plan.Outcome) float64, write func(float64) string) []string {
		return []string{name, write(s.Quantile(.5, of)), write(s.Quantile(.95, of))}
	}
	plain := func(f float64) string { return fmt.Sprintf("%.0f", f) }
	start := func(p float64) string { return plan.ClockTime(s.Time(p, (*plan.Outcome).FirstStartOrNever)) }
	return [][]string{
		{"finish", whole(.5), whole(.95)},
		{"first start", start(.5), start(.95)},
		row("peak tasks", func(o *plan.Outcome) float64 { return float64(o.Peak) }, plain),
		row("task-minutes", func(o *plan.Outcome) float64 { return o.TaskTime.Minutes() }, plain),
		row("of them wasted", wastedMinutes, plain),
		row("attempts killed by scaling in", func(o *plan.Outcome) float64 { return float64(o.Killed) }, plain),
		row("attempts interrupted on Spot", func(o *plan.Outcome) float64 { return float64(o.Interrupted) }, plain),
		row("attempts at jobs that were done", func(o *plan.Outcome) float64 { return float64(o.Repeated) }, plain),
		row("jobs that fail", func(o *plan.Outcome) float64 { return float64(o.Failed) }, plain),
		row("jobs lost to the dead-letter queue", func(o *plan.Outcome) float64 { return float64(o.Lost) }, plain),
		row("jobs not done before their messages expire", func(o *plan.Outcome) float64 { return float64(o.Unfinished) }, plain),
	}
}

func (v *planView) facts(p *planned) [][2]string {
	s := v.study
	mean := func(of func(plan.Cost) float64) float64 {
		return s.Mean(func(o *plan.Outcome) float64 { return of(o.Cost) })
	}
	facts := [][2]string{
		{"why", s.Why()},
		{"cost of a run", fmt.Sprintf("%s: compute %s, storage %s, requests %s", dollars(mean(plan.Cost.Total)),
			dollars(mean(func(c plan.Cost) float64 { return c.Compute })), dollars(mean(func(c plan.Cost) float64 { return c.Storage })),
			dollars(mean(func(c plan.Cost) float64 { return c.Requests })))},
		{"idle cost a month", dollars(s.IdleMonth()) + standingWords(s)},
	}
	if w := v.within; w != nil {
		answer := "no"
		if w.Met {
			answer = "yes"
		}
		facts = append(facts, [2]string{"done within " + plan.ClockTime(w.Limit), fmt.Sprintf("%s: %s of the runs are", answer, share(w.Share))})
		facts = append(facts, [2]string{"smallest max", v.leastMaxWords()})
		if w.Size != nil {
			facts = append(facts, [2]string{"cheapest size", fmt.Sprintf("%g vCPU and %g GiB: %s in P95, %s a run", w.Size.CPU, w.Size.Memory, plan.ClockTime(w.Size.P95), dollars(w.Size.Cost))})
		}
	}
	return append(facts, [2]string{"simulated", fmt.Sprintf("%d times, from seed %d; prices of %s, tabled on %s", s.Seeds, s.Seed, plan.Region, plan.Priced)})
}

func (v *planView) leastMaxWords() string {
	w := v.within
	if w.LeastMax == 0 {
		return "none: " + w.NoMax
	}
	words := strconv.Itoa(w.LeastMax)
	if least := v.leastMaxStudy(); least.Model.RestWords() != "" {
		words += fmt.Sprintf("; with it %s between runs, for %s a month", tasksStay(least.IdleTasks()), dollars(least.IdleMonth()))
	}
	return words
}

// tasksStay says how many tasks there are between runs.
func tasksStay(tasks float64) string {
	if tasks == 1 {
		return "1 task stays"
	}
	return fmt.Sprintf("%.0f tasks stay", tasks)
}

func standingWords(study *plan.Study) string {
	var words []string
	if idle := study.IdleTasks(); idle == 1 {
		words = append(words, "1 task")
	} else if idle > 0 {
		words = append(words, strconv.FormatFloat(math.Round(idle*10)/10, 'f', -1, 64)+" tasks")
	}
	for _, s := range study.Model.Standing {
		words = append(words, fmt.Sprintf("%s %s", count(s.Count, s.What), dollars(float64(s.Count)*s.Month)))
	}
	if words == nil {
		return ""
	}
	return ": " + strings.Join(words, ", ")
}

func dollars(f float64) string {
	if f > 0 && f < 0.005 {
		return "under $0.01"
	}
	return fmt.Sprintf("$%.2f", f)
}

func share(f float64) string {
	return fmt.Sprintf("%.3g %%", 100*f)
}

// partBar is how wide the longest part's bar may be.
const partBar = 30

func (v *planView) partRows() [][]string {
	says := map[string]string{
		"waking":   "until something wants a task",
		"starting": "until the first job starts",
		"waiting":  "until the job starts that ends last",
		"running":  "until half of the tasks have nothing more to do",
		"tail":     "until the last job ends",
	}
	var rows [][]string
	for _, part := range partsOf(v.median.Parts()) {
		width := int(float64(partBar)*part.lasts.Seconds()/max(v.median.Finish.Seconds(), 1) + .5)
		rows = append(rows, []string{part.name, plan.ClockTime(part.lasts), strings.Repeat("█", width), says[part.name]})
	}
	return rows
}

func (a *app) printCompared(v *planView) error {
	if len(v.compared) == 0 {
		return nil
	}
	fmt.Fprintln(a.stdout)
	var rows [][]string
	for _, c := range v.compared {
		if c.Cannot != "" {
			rows = append(rows, []string{c.Name, "cannot", "", "", dollars(c.Month), c.Cannot})
			continue
		}
		lost := ""
		if c.Lost > 0 {
			lost = fmt.Sprintf("%.3g jobs have no result", c.Lost)
		}
		rows = append(rows, []string{c.Name, plan.ClockTime(c.P50), plan.ClockTime(c.P95), dollars(c.Cost), dollars(c.Month), lost})
	}
	if err := printTable(a.stdout, []string{"WAY", "P50", "P95", "A RUN", "IDLE MONTH", "NOTE"}, rows); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, "\nwhat the figures stand on")
	for _, c := range v.compared[1:] {
		if len(c.Assumptions) > 0 {
			fmt.Fprintf(a.stdout, "  %s: %s\n", c.Name, strings.Join(c.Assumptions, "; "))
		}
	}
	return nil
}
