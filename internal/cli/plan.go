package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/spate-run/spate"
	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/plan"
	"github.com/spate-run/spate/internal/run"
)

type planOptions struct {
	jobs          int
	duration      string
	from          string
	within        time.Duration
	seeds         int
	seed          uint64
	max           int
	failures      string
	interruptions string
	cpu           string
	timeout       time.Duration
	image         float64
	quota         float64
	extends       bool
	scheduled     bool
	service       string
	parameters    []string
	compare       bool
	report        string
	output        outputFlag
	// given says whether a flag was.
	given func(flag string) bool
}

func (a *app) planCommand() *cobra.Command {
	var o planOptions
	cmd := &cobra.Command{
		Use:   "plan [JOBFILE|TEMPLATE]",
		Short: "Say when a run would be done and what it would cost, before it is sent",
		Long: `plan simulates a run on AWS: the queue, the alarms and policies of the very
template that the job compiles to, and how fast AWS starts tasks. It takes a job's
folder or file, and any template with a service that works on a queue, that of
AWS CDK's pattern too. Nothing is sent.

How long a job takes is one duration (35m), a range (10m..60m), quantiles
(p50=20m,p95=50m), "uniform(10m, 60m)", "lognormal(30m, 0.5)", a CSV file with a
column named seconds, minutes, hours or duration, or what the jobs of an earlier
run took: --from RUN, or the job's newest run where nothing is said. The same seed
gives the same answer.

With --within it says the smallest max and the cheapest size that hold it. The
exit code is 1 when this template does not hold it in 95 of 100 simulations, and
2 when the question is wrong. An attempt that takes longer than the job's timeout
fails: --timeout asks what another one makes of it.`,
		Example: `  spate plan examples/retrain --duration 10m..58m --timeout 90m --within 1h
  spate plan --within 30m
  spate plan cdk.out --jobs 100 --duration 10m..60m --compare
  spate plan template.yaml --jobs 500 --duration times.csv --report plan.html`,
		Args: misused(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := "."
			if len(args) == 1 {
				path = args[0]
			}
			o.given = cmd.Flags().Changed
			return a.plan(cmd, path, o)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&o.jobs, "jobs", 0, "how many `jobs` are sent (default: the job file's configurations)")
	flags.StringVar(&o.duration, "duration", "", "how long a job takes, such as 10m..60m")
	flags.StringVar(&o.from, "from", "", "take the durations from this earlier `RUN` (default: the job's newest)")
	flags.DurationVar(&o.within, "within", 0, "when all jobs have to be done, such as 1h")
	flags.IntVar(&o.seeds, "seeds", 0, "how many times the run is simulated (default: 1000, fewer for more than 10,000 jobs)")
	flags.Uint64Var(&o.seed, "seed", 1, "the first simulation's seed")
	flags.IntVar(&o.max, "max", 0, "most tasks at once (default: the job file's or the template's)")
	flags.DurationVar(&o.timeout, "timeout", 0, "of one attempt (default: the job file's)")
	flags.StringVar(&o.failures, "failures", "0%", "how many attempts fail by themselves")
	flags.StringVar(&o.interruptions, "interruptions", "5%", "how many tasks on Spot are taken back in an hour")
	flags.StringVar(&o.cpu, "cpu", "100%", "how much of its vCPU a working task uses")
	flags.Float64Var(&o.image, "image-size", plan.DefaultImage, "the image's size in `MB`")
	flags.Float64Var(&o.quota, "quota", 0, "the account's `vCPU` on Fargate; 6 for new accounts (default: enough)")
	flags.BoolVar(&o.extends, "extends-visibility", false, "the template's own container extends its messages' visibility while it works")
	flags.BoolVar(&o.scheduled, "scheduled", false, "nobody raises the minimum when the run is sent: the alarms start it")
	flags.StringVar(&o.service, "service", "", "the template's `service` that is meant, by its logical id")
	flags.StringArrayVarP(&o.parameters, "parameter", "p", nil, "a value of a template's parameter, as `Name=Value`")
	flags.BoolVar(&o.compare, "compare", false, "put other ways to run the same jobs beside it")
	flags.StringVar(&o.report, "report", "", "write a page with pictures to this `file`")
	o.output.register(cmd, "table", "json")
	completeFlagWithRuns(cmd, "from", a)
	return cmd
}

// Where nobody says how often to simulate, so often, but not more jobs in all.
const (
	mostSeeds = 1000
	seedJobs  = 10_000_000
)

// A planned is a question with what the tables tell beside the answer.
type planned struct {
	name     string
	job      bool // and no other template
	question plan.Question
	build    plan.Builder
	within   time.Duration
	warnings []string
}

func (a *app) plan(cmd *cobra.Command, path string, o planOptions) error {
	p, err := a.asks(cmd.Context(), path, o)
	if err != nil {
		return planProblem(err)
	}
	page, err := openPage(o.report)
	if err != nil {
		return planProblem(err)
	}
	v, err := p.answer(cmd.Context(), o)
	if err != nil {
		page.abandon()
		return planProblem(interruptedOr(cmd.Context(), err))
	}
	if err := page.write(func() []byte { return v.page(p) }); err != nil {
		return err
	}
	if o.output == "json" {
		err = printJSON(a.stdout, v.json(p))
	} else {
		err = a.printPlan(p, v)
	}
	if err == nil && v.missed() {
		return errUnsuccessful
	}
	return err
}

// planProblem tells what is wrong with a question as misuse.
func planProblem(err error) error {
	if p, ok := err.(plan.Problem); ok {
		return &usageError{err: &hintedError{fact: p.Fact, hint: p.Hint}}
	}
	_, unknown := errors.AsType[*run.UnknownError](err)
	_, ambiguous := errors.AsType[*run.AmbiguousError](err)
	if _, hinted := err.(*hintedError); hinted || unknown || ambiguous {
		return &usageError{err: err}
	}
	return err
}

// asks reads what is asked: a job, or a template.
func (a *app) asks(ctx context.Context, path string, o planOptions) (*planned, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	up, err := a.readPlan(ctx, path)
	if err != nil {
		return nil, err
	}
	p := &planned{within: o.within, question: plan.Question{Cloud: plan.AWS(o.image), Seeds: o.seeds, Seed: o.seed}}
	p.question.Cloud.Quota = o.quota
	if p.question.Load, err = o.load(); err != nil {
		return nil, err
	}
	if j, ok := jobAt(path, up); ok {
		if err = o.ignoredByJobs(); err == nil {
			err = p.ofJob(ctx, j, o)
		}
	} else {
		err = p.ofTemplate(up, o)
	}
	if err != nil {
		return nil, err
	}
	if err := o.ignoredBy(p.question.Model); err != nil {
		return nil, err
	}
	if o.timeout > 0 {
		p.question.Load.Timeout = o.timeout
	}
	if err := p.durations(ctx, a, o); err != nil {
		return nil, err
	}
	if err := p.question.Load.Check(); err != nil {
		return nil, err
	}
	if o.seeds == 0 {
		p.question.Seeds = min(max(seedJobs/p.question.Load.Jobs, 1), mostSeeds)
	}
	return p, p.warn()
}

func (o planOptions) load() (plan.Load, error) {
	l := plan.Load{Jobs: o.jobs, Extends: o.extends}
	if o.given("jobs") && o.jobs <= 0 {
		l.Durations = plan.Constant(time.Second)
		return l, l.Check()
	}
	for _, share := range []struct {
		flag, text string
		to         *float64
	}{{"--failures", o.failures, &l.Failure}, {"--interruptions", o.interruptions, &l.Interruption}, {"--cpu", o.cpu, &l.Busy}} {
		var p job.Percent
		if err := p.UnmarshalText([]byte(share.text)); err != nil {
			return l, plan.Problem{Fact: fmt.Sprintf("%s %s is not a share", share.flag, share.text), Hint: "write it like 5%"}
		}
		*share.to = float64(p)
	}
	return l, nil
}

// ofJob asks about a job file.
func (p *planned) ofJob(ctx context.Context, j job.Job, o planOptions) error {
	if o.max > 0 {
		j.Max = o.max
	}
	p.name, p.job = j.Name, true
	l := &p.question.Load
	l.Timeout, l.Retries, l.Backoff = time.Duration(j.Timeout), j.Retries, time.Duration(j.RetryBackoff)
	l.Tolerate = float64(j.Tolerate)
	l.Kick = !o.scheduled
	p.build = func(limit int) (*plan.Model, error) {
		other := j
		other.Max = limit
		t, err := spate.JobStack(other).Template()
		if err != nil {
			return nil, err
		}
		return plan.Read(t, plan.Options{Parameters: map[string]string{paramImage: "image"}})
	}
	var err error
	if p.question.Model, err = p.build(j.Max); err != nil {
		return err
	}
	if l.Jobs > 0 {
		return nil
	}
	source, err := j.Source()
	if err != nil {
		return err
	}
	for _, err := range source.Each(ctx) {
		if err != nil {
			return err
		}
		l.Jobs++
	}
	return nil
}

// ofTemplate asks about a template.
func (p *planned) ofTemplate(up *upPlan, o planOptions) error {
	if len(up.stacks) > 1 {
		return plan.Problem{Fact: fmt.Sprintf("there are %d templates", len(up.stacks)), Hint: "name the one that is meant: spate plan " + up.stacks[0].file}
	}
	if err := up.setParameters(o.parameters); err != nil {
		return err
	}
	u := up.stacks[0]
	m, err := plan.Read(u.template, plan.Options{Parameters: u.parameters, Service: o.service})
	if err != nil {
		return err
	}
	p.name, p.question.Model = u.name, m
	if o.max > 0 {
		p.question.Model = m.WithMax(o.max)
	}
	p.build = func(limit int) (*plan.Model, error) { return m.WithMax(limit), nil }
	p.question.Load.Timeout, p.question.Load.Retries, p.question.Load.Backoff = job.DefaultTimeout, job.DefaultRetries, job.DefaultRetryBackoff
	p.question.Load.Kick = m.Task.Worker && !o.scheduled
	return nil
}

// durations finds out how long a job takes.
func (p *planned) durations(ctx context.Context, a *app, o planOptions) (err error) {
	switch {
	case o.duration != "":
		p.question.Load.Durations, err = plan.ParseDurations(o.duration)
		return err
	case o.from == "" && p.job:
		p.earlier(ctx, a)
		return nil
	case o.from == "":
		return nil
	}
	return a.withEngine(ctx, client.Look, func(s *client.Session) error {
		r, err := run.Find(ctx, s.AWS, o.from)
		if err != nil {
			return err
		}
		taken, err := jobTimes(ctx, r)
		if err != nil {
			return err
		}
		if len(taken) == 0 {
			return plan.Problem{Fact: "no job of run " + shortID(r.ID) + " is done, so nothing says how long one takes", Hint: "write --duration 10m..60m"}
		}
		p.measured(a, r.ID, taken)
		return nil
	})
}

// earlier takes a job's durations from its newest run, where there is one and it
// can be read: without them the question says what it lacks.
func (p *planned) earlier(ctx context.Context, a *app) {
	home, err := defaultHome()
	if err == nil && a.place.on != onAWS {
		_, err = os.Stat(home) // none is made for a question
	}
	if err != nil {
		return
	}
	err = a.withEngine(ctx, client.Look, func(s *client.Session) error {
		from, taken, err := earlierTimes(ctx, s.AWS, p.name, "")
		if err == nil && len(taken) > 0 {
			p.measured(a, from, taken)
		}
		return err
	})
	if err != nil {
		a.log().DebugContext(ctx, "no earlier run was read", "error", err)
	}
}

// measured takes the durations that the jobs of a run had.
func (p *planned) measured(a *app, id string, taken []time.Duration) {
	p.question.Load.Durations = plan.Measured("run "+shortID(id), taken)
	if a.place.on != onAWS {
		p.warnings = append(p.warnings, fmt.Sprintf("the durations are those of run %s on this machine: a task of %g vCPU may take longer", shortID(id), p.question.Model.Task.CPU))
	}
}
