package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/spate-run/spate"
	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/deploy"
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/run"
	"github.com/spate-run/spate/internal/template"
)

type runOptions struct {
	params     []string
	paramsFile string
	zip        bool
	max        int
	dryRun     bool
	detach     bool
	open       bool
	yes        bool
	resume     string
	runner     string
	output     outputFlag
}

func (a *app) runCommand() *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run [FOLDER]",
		Short: "Run a job for all its configurations and collect the results",
		Long: `run brings the job's stack up, sends a message for every configuration, follows
the run until every job has a result, and prints them. FOLDER holds spate.yaml;
it may also be the path of such a file. Without it the current folder is meant.

-p gives other values to parameters that the job file has under params; to a job
file without any it gives new ones, which jobs find as SPATE_PARAM_NAME.

Tasks of a job whose image is a folder are processes in it; with --runner docker
they are containers of what its Dockerfile comes to. Tasks of any other image are
containers always. Both need Docker or Podman.

Ctrl-C stops the tasks, which hand their jobs back, and run --resume goes on with
them; so it does after a crash. On AWS the run goes on without this program, and
spate watch follows it again. There the stack is used as it was deployed; one that
is missing is made after asking. The exit code is 0 only when the run succeeded.`,
		Example: `  spate run
  spate run examples/retrain --max 4
  spate run examples/retrain --runner docker      the tasks are containers
  spate run -p sector=retail_trade,utilities -p horizon=1..6
  spate run -p size=1,2,3 -p name=a,b,c --zip     3 jobs instead of 9
  spate run --params configs.csv --dry-run
  spate run --detach                              here it needs a ` + "`spate serve`" + `
  spate run --on aws --profile weekly
  spate run --resume last                         go on with the newest run`,
		Args: misused(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.resume != "" {
				if err := o.checkResume(cmd, args); err != nil {
					return err
				}
				return a.resume(cmd.Context(), o)
			}
			if o.open && o.detach {
				return &usageError{err: &hintedError{
					fact: "--open and --detach do not go together: a run that is left alone is not shown", hint: "leave --open out, and type: spate dash last",
				}, command: cmd.CommandPath()}
			}
			if cmd.Flags().Changed("max") && (o.max < 1 || o.max > job.MaxTasks) {
				return &usageError{err: job.Problem{
					File: "--max", Fact: fmt.Sprintf("%d is not between 1 and %d", o.max, job.MaxTasks), Hint: "leave it out for the job file's",
				}}
			}
			folder := "."
			if len(args) == 1 {
				folder = args[0]
			}
			return a.run(cmd.Context(), folder, o)
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&o.params, "param", "p", nil, "a parameter's `values`: name=v1,v2 or name=1..10")
	flags.StringVar(&o.paramsFile, "params", "", "take the configurations from this CSV, JSON or JSON Lines `file`")
	flags.BoolVar(&o.zip, "zip", false, "take the lists of values side by side instead of crossing them")
	flags.IntVar(&o.max, "max", 0, "most tasks at once (default: the job file's)")
	flags.BoolVar(&o.dryRun, "dry-run", false, "print every resolved command and send nothing")
	flags.BoolVar(&o.detach, "detach", false, "send the run, print its id and leave it to AWS, or to a running spate serve")
	flags.BoolVar(&o.open, "open", false, "show the run in a browser, until Ctrl-C")
	flags.BoolVarP(&o.yes, "yes", "y", false, "on AWS: make a stack that is missing without asking")
	flags.StringVar(&o.resume, "resume", "", "go on with this `RUN` where it was left")
	registerRunner(cmd, &o.runner)
	o.output.register(cmd, "table", "json", "csv")
	completeFlagWithRuns(cmd, "resume", a)
	return cmd
}

// checkResume refuses what would change a run that is recorded already.
func (o runOptions) checkResume(cmd *cobra.Command, args []string) error {
	for _, name := range []string{"param", "params", "zip", "max", "dry-run", "runner", "open"} {
		if cmd.Flags().Changed(name) {
			return &usageError{err: fmt.Errorf("--resume goes on with a run as it was sent: it takes no --%s", name), command: cmd.CommandPath()}
		}
	}
	if len(args) > 0 {
		return &usageError{err: fmt.Errorf("--resume takes a run and no folder %q", args[0]), command: cmd.CommandPath()}
	}
	return nil
}

func (a *app) run(ctx context.Context, folder string, o runOptions) error {
	j, source, err := a.prepare(folder, &o)
	if err != nil {
		return err
	}
	if o.dryRun {
		return a.printCommands(ctx, j, source)
	}
	if a.place.on == onAWS {
		return a.runOnAWS(ctx, j, source, o)
	}
	plan, err := scheduled(j)
	if err != nil {
		return err
	}
	stack, err := synthesise(j)
	if err != nil {
		return err
	}
	if err := a.build(ctx, j, &stack, o.runner); err != nil {
		return err
	}
	return a.withEngine(ctx, workOrLeave(o.detach), func(s *client.Session) error {
		stop := a.tellLater(patience, "stack "+j.Name+" is changed when its tasks have done what they are at: jobs of earlier runs",
			"`spate runs` lists them, and spate cancel gives one up")
		r, err := submit(ctx, s, j, stack, source, plan)
		stop()
		if ctx.Err() != nil {
			return &hintedError{fact: "interrupted before anything was sent", hint: "type it again"}
		}
		if err != nil {
			return err
		}
		return a.sendAndFollow(ctx, s, r, source, o)
	})
}

// sendAndFollow sends a run that is recorded, and follows it.
func (a *app) sendAndFollow(ctx context.Context, s *client.Session, r *run.Run, source *job.Source, o runOptions) error {
	a.tellForecast(ctx, s.AWS, r.Job, r)
	send := func(ctx context.Context) error { return r.Send(ctx, r.Jobs) }
	if o.detach {
		return a.detach(ctx, r, send, o.output)
	}
	f := following{label: labels(source, labelled), send: send, since: r.Created, output: o.output}
	if o.open {
		return a.withDash(ctx, s, r, func() error { return a.follow(ctx, s, r, f) })
	}
	return a.follow(ctx, s, r, f)
}

// patience is how long a stack may take to come up before somebody wonders. Most
// take a tenth of a second.
const patience = 3 * time.Second

// tellLater tells a fact after a while, unless it is stopped before.
func (a *app) tellLater(after time.Duration, fact, hint string) (stop func()) {
	stopped := make(chan struct{})
	var waiting sync.WaitGroup
	waiting.Go(func() {
		select {
		case <-stopped:
		case <-time.After(after):
			a.tell(fact, hint)
		}
	})
	return func() {
		close(stopped)
		waiting.Wait()
	}
}

// workOrLeave is what a command needs that sends jobs.
func workOrLeave(detach bool) client.Purpose {
	if detach {
		return client.Leave
	}
	return client.Work
}

// resume goes on with sending and following a run.
func (a *app) resume(ctx context.Context, o runOptions) error {
	return a.withEngine(ctx, workOrLeave(o.detach), func(s *client.Session) error {
		r, err := run.Find(ctx, s.AWS, o.resume)
		if err != nil {
			return err
		}
		return a.goOn(ctx, s, r, o.detach, o.output)
	})
}

// goOn sends what is left of a run, and follows it.
func (a *app) goOn(ctx context.Context, s *client.Session, r *run.Run, detach bool, output outputFlag) error {
	p, err := r.Count(ctx)
	if err == nil {
		err = givenUp(r, p)
	}
	if err != nil {
		return err
	}
	since := time.Now()
	var send func(context.Context) error
	if p.Finished() {
		since = r.Created
	} else {
		send = func(ctx context.Context) error { return r.Send(ctx, p.Jobs-p.Ended()) }
	}
	if detach {
		return a.detach(ctx, r, send, output)
	}
	label, err := r.Label(ctx, labelled)
	if err != nil {
		return err
	}
	return a.follow(ctx, s, r, following{label: label, send: send, since: since, output: output})
}

// detach sends a run and leaves it to the engine.
func (a *app) detach(ctx context.Context, r *run.Run, send func(context.Context) error, output outputFlag) error {
	if send != nil {
		if err := send(ctx); err != nil {
			return halted(ctx, r, err)
		}
	}
	fmt.Fprintf(a.stderr, "%s: %s are sent\n", r.Job.Name, count(r.Jobs, "job"))
	a.next("spate watch "+shortID(r.ID), "spate logs -f "+shortID(r.ID), "spate cancel "+shortID(r.ID))
	if output == "json" {
		return printJSON(a.stdout, struct {
			ID   string `json:"id"`
			Jobs int    `json:"jobs"`
		}{r.ID, r.Jobs})
	}
	_, err := fmt.Fprintln(a.stdout, r.ID)
	return err
}

// halted says how to go on with a run that was not sent to its end.
func halted(ctx context.Context, r *run.Run, err error) error {
	fact := err.Error()
	if ctx.Err() != nil {
		fact = "interrupted before every job was sent"
	}
	return &hintedError{fact: fact, hint: "spate run --resume " + shortID(r.ID)}
}

// labelled bounds the configurations that progress keeps in memory.
const labelled = 10_000

// prepare reads the job file and the configurations that the flags ask for,
// settles what the tasks are, and checks everything that can be checked before
// an engine is needed.
func (a *app) prepare(folder string, o *runOptions) (job.Job, *job.Source, error) {
	j, err := job.Load(folder)
	if err != nil {
		return j, nil, err
	}
	if o.max > 0 {
		j.Max = o.max
	}
	source, err := configurations(j, *o)
	if err != nil {
		return j, nil, err
	}
	if a.place.on == onAWS {
		if o.runner != "" {
			return j, nil, &usageError{err: &hintedError{fact: "--runner is for this machine: on AWS tasks are on Fargate", hint: "leave it out"}}
		}
		return j, source, job.CheckCommand(j.Command, source.Names)
	}
	if o.runner, err = runnerOf(j, o.runner); err != nil {
		return j, nil, err
	}
	if len(j.Command) == 0 && o.runner == asProcess {
		return j, nil, &usageError{err: &hintedError{
			fact: "the job has no command, and processes have no image to take one from",
			hint: "add a line like `command: [python3, train.py]` to " + filepath.Join(folder, job.FileName) + ", or choose --runner docker",
		}}
	}
	return j, source, job.CheckCommand(j.Command, source.Names)
}

func configurations(j job.Job, o runOptions) (*job.Source, error) {
	if o.paramsFile != "" {
		if len(o.params) > 0 {
			return nil, &usageError{err: &hintedError{
				fact: "-p and --params do not go together",
				hint: "a file's rows are whole configurations: leave one of the two out",
			}}
		}
		if o.zip {
			return nil, &usageError{err: &hintedError{
				fact: "--zip and --params do not go together",
				hint: "the rows of a file are whole configurations: leave --zip out",
			}}
		}
		return job.FileSource(o.paramsFile)
	}
	var axes []job.Axis
	for _, p := range o.params {
		axis, err := job.ParseAxis(p)
		if err != nil {
			return nil, &usageError{err: err}
		}
		axes = append(axes, axis)
	}
	if err := j.Params.CheckAxes(axes); err != nil {
		return nil, &usageError{err: err}
	}
	params, err := j.Params.Override(axes)
	if err != nil {
		return nil, err
	}
	if o.zip {
		if params, err = params.Zip(); err != nil {
			return nil, &usageError{err: err}
		}
	}
	j.Params = params
	source, err := j.Source()
	if err != nil {
		return nil, &usageError{err: err}
	}
	return source, nil
}

// printCommands prints what would run. A file is read through before: one that
// is wrong somewhere prints nothing.
func (a *app) printCommands(ctx context.Context, j job.Job, source *job.Source) error {
	if err := source.Check(ctx); err != nil {
		return interruptedOr(ctx, err)
	}
	out := bufio.NewWriterSize(a.stdout, 1<<16)
	jobs := 0
	for c, err := range source.Each(ctx) {
		if err != nil {
			return errors.Join(out.Flush(), interruptedOr(ctx, err))
		}
		argv, err := job.Expand(j.Command, c)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out, shellQuote(argv)); err != nil {
			return err
		}
		jobs++
	}
	if err := out.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "%s; nothing was sent\n", count(jobs, "job"))
	return nil
}

// interruptedOr is what is told where a person ended what nothing was sent by.
func interruptedOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return &hintedError{fact: "interrupted; nothing was sent", hint: "type it again"}
	}
	return err
}

// paramImage is the parameter of a job's template that its image is given by.
const paramImage = "Image"

// A synthesis is a job's stack as a template.
type synthesis struct {
	template *template.Template
	image    string
}

// synthesise compiles a job for the embedded engine: its image is the job's
// folder, or a reference that Docker knows.
func synthesise(j job.Job) (synthesis, error) {
	t, err := spate.JobStack(j).Template()
	if err != nil {
		return synthesis{}, err
	}
	if isReference(j.Image) {
		return synthesis{template: t, image: j.Image}, nil
	}
	return synthesis{template: t, image: resolveFolder(j)}, nil
}

// stack is what is to be deployed of a job.
func (t synthesis) stack(j job.Job) deploy.Stack {
	return deploy.Stack{
		Name: j.Name, Template: t.template, Parameters: map[string]string{paramImage: t.image}, Tags: map[string]string{"spate:job": j.Name},
	}
}

func isReference(image string) bool {
	return image != "" && !strings.HasPrefix(image, ".") && !strings.HasPrefix(image, "/")
}

func resolveFolder(j job.Job) string {
	if filepath.IsAbs(j.Image) {
		return filepath.Clean(j.Image)
	}
	return filepath.Join(j.Dir, j.Image)
}

func submit(ctx context.Context, s *client.Session, j job.Job, t synthesis, source, plan *job.Source) (*run.Run, error) {
	outputs, err := deploy.Apply(ctx, s.CloudFormation, t.stack(j))
	if err != nil {
		return nil, err
	}
	stack, ok := run.NewStack(s.AWS, j.Name, outputs)
	if !ok {
		return nil, notOurs(j.Name)
	}
	if err := putSchedule(ctx, s, j, plan, outputs); err != nil {
		return nil, err
	}
	return stack.Record(ctx, j, source)
}

// shortID cuts a run's id to what tells it from its neighbours: its time, to
// the millisecond.
func shortID(id string) string { return id[:min(10, len(id))] }
