package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/plan"
	"github.com/spate-run/spate/internal/record"
	"github.com/spate-run/spate/internal/run"
	"github.com/spate-run/spate/internal/runner"
)

// A forecast is what a run comes to by what jobs of an earlier one took.
type forecast struct {
	From  string        // that run
	Here  time.Duration // on this machine
	Cloud time.Duration // on AWS; 0 where not all jobs come to an end there
	Cost  float64       // there
}

// What a forecast looks at, so that it takes a moment: the newest runs, of those
// that are not larger, so many results of one, and so many jobs in all
// simulations together, or one simulation.
const (
	forecastRuns    = 10
	forecastFrom    = 100_000
	forecastResults = 100
	forecastJobs    = 20_000
	forecastSeeds   = 100
)

// earlierTimes are how long jobs of the same name took in the newest run before
// another, whose id is empty for one that is still to be sent.
func earlierTimes(ctx context.Context, c *client.AWS, name, before string) (from string, taken []time.Duration, err error) {
	runs, err := run.List(ctx, c, forecastRuns)
	if err != nil {
		return "", nil, err
	}
	for _, r := range runs {
		if r.Job.Name != name || before != "" && r.ID >= before {
			continue
		}
		if r.Jobs > forecastFrom {
			continue // reading which jobs it had takes longer than a moment
		}
		rows, err := r.Sample(ctx, forecastResults)
		if err != nil {
			return "", nil, err
		}
		for _, row := range rows {
			if row.Result != nil && row.State == record.Done && row.Result.Ended.After(row.Result.Started) {
				taken = append(taken, duration(*row.Result))
			}
		}
		if len(taken) > 0 {
			return r.ID, taken, nil
		}
	}
	return "", nil, nil
}

// foresee simulates a job's run by an earlier one; nil where there was none, or
// where it would take more than a moment.
func foresee(ctx context.Context, c *client.AWS, j job.Job, jobs int, before string) (*forecast, error) {
	if jobs > forecastFrom {
		return nil, nil
	}
	from, taken, err := earlierTimes(ctx, c, j.Name, before)
	if err != nil || len(taken) == 0 {
		return nil, err
	}
	m, err := modelOf(j)
	if err != nil {
		return nil, err
	}
	q := plan.Question{
		Model: m, Cloud: plan.AWS(plan.DefaultImage), Seeds: min(max(forecastJobs/jobs, 1), forecastSeeds), Seed: 1,
		Load: plan.Load{
			Jobs: jobs, Durations: plan.Measured("run "+shortID(from), taken), Kick: true, Busy: 1,
			Timeout: time.Duration(j.Timeout), Retries: j.Retries, Backoff: time.Duration(j.RetryBackoff), Tolerate: 1,
		},
	}
	s, err := plan.Ask(ctx, q)
	if err != nil {
		return nil, err
	}
	f := &forecast{From: from, Cost: s.Mean(func(o *plan.Outcome) float64 { return o.Cost.Total() })}
	if at, whole := s.Finish(.5); whole {
		f.Cloud = at
	}
	q.Model, q.Cloud, q.Load.Kick = m.Static(min(slotsHere(j), jobs)), plan.Cloud{}, false
	if s, err = plan.Ask(ctx, q); err != nil {
		return nil, err
	}
	f.Here, _ = s.Finish(.5)
	return f, nil
}

// slotsHere is how many tasks of a job this machine runs at once.
func slotsHere(j job.Job) int {
	size, err := runner.Machine()
	if err != nil {
		return 1
	}
	slots := j.Max
	if cpu := int(j.CPU * 1024); cpu > 0 {
		slots = min(slots, size.CPU/cpu)
	}
	if memory := int(j.Memory >> 20); memory > 0 {
		slots = min(slots, size.Memory/memory)
	}
	return max(slots, 1)
}

// tellForecast says what a run comes to before it is sent, where an earlier one
// tells. That nothing does, or that it cannot be read, stops no run.
func (a *app) tellForecast(ctx context.Context, c *client.AWS, j job.Job, r *run.Run) {
	f, err := foresee(ctx, c, j, r.Jobs, r.ID)
	if err != nil {
		a.log().DebugContext(ctx, "the run was not planned", "error", err)
	}
	if f == nil || err != nil {
		return
	}
	cloud := "on AWS it would not end"
	if f.Cloud > 0 {
		cloud = fmt.Sprintf("on AWS %s and %s", plan.ClockTime(f.Cloud), dollars(f.Cost))
	}
	if a.place.on != onAWS {
		here := plan.ClockTime(f.Here)
		if f.Here < time.Second {
			here = "under a second"
		}
		cloud = fmt.Sprintf("%s here, %s", here, cloud)
	}
	fmt.Fprintf(a.stderr, "plan: %s, if they take what those of run %s took: %s\n", count(r.Jobs, "job"), shortID(f.From), cloud)
}

// A predictedView is what a run was predicted to take, beside what it took.
type predictedView struct {
	From     string  `json:"from"`
	Seconds  float64 `json:"seconds"`
	Measured float64 `json:"measuredSeconds"`
}

// predicted is what a run that has ended was predicted to take by the run
// before; nil where there was none, or where it was tried again.
func (a *app) predicted(ctx context.Context, c *client.AWS, r *run.Run, o *run.Overview, summary runSummary) (*predictedView, error) {
	if !o.Finished() || summary.Seconds == 0 || len(o.Generations) != 1 {
		return nil, nil
	}
	f, err := foresee(ctx, c, r.Job, r.Jobs, r.ID)
	if err != nil || f == nil {
		return nil, err
	}
	v := &predictedView{From: f.From, Seconds: f.Here.Seconds(), Measured: summary.Seconds}
	if a.place.on == onAWS {
		v.Seconds = f.Cloud.Seconds()
	}
	return v, nil
}

// words are the prediction in a line.
func (v *predictedView) words() string {
	predicted, measured := seconds(v.Seconds), seconds(v.Measured)
	line := fmt.Sprintf("%s by run %s; it took %s", took(predicted), shortID(v.From), took(measured))
	if v.Seconds > 0 {
		line += ", " + missedBy(measured, predicted)
	}
	return line
}

func seconds(f float64) time.Duration { return time.Duration(f * float64(time.Second)) }

// missedBy says how far a measured time is from a predicted one: in seconds below a
// minute, where a start more or less is many times the whole.
func missedBy(measured, predicted time.Duration) string {
	by := measured - predicted
	words := "longer"
	if by < 0 {
		words, by = "shorter", -by
	}
	switch {
	case by < 10*time.Millisecond:
		return "as predicted"
	case measured < time.Minute || predicted < time.Minute:
		return took(by) + " " + words
	}
	return fmt.Sprintf("%s %s, %.0f %%", took(by), words, 100*by.Seconds()/predicted.Seconds())
}
