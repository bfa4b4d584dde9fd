package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spate-run/spate"
	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/deploy"
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/run"
)

type runOptions struct {
	params     []string
	paramsFile string
	max        int
	dryRun     bool
}

func (a *app) runCommand() *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run [FOLDER]",
		Short: "Run a job for all its configurations and collect the results",
		Long: `run brings the job's stack up, sends a message for every configuration, follows
the run until every job has a result, and prints them. FOLDER holds spate.yaml;
it may also be the path of such a file. Without it the current folder is meant.`,
		Example: `  spate run
  spate run examples/retrain --max 4
  spate run -p sector=retail_trade,utilities -p horizon=1..6
  spate run --params configs.csv --dry-run`,
		Args: misused(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			folder := "."
			if len(args) == 1 {
				folder = args[0]
			}
			return a.run(cmd.Context(), folder, o)
		},
	}
	cmd.Flags().StringArrayVarP(&o.params, "param", "p", nil, "a parameter's `values`: name=v1,v2 or name=1..10")
	cmd.Flags().StringVar(&o.paramsFile, "params", "", "take the configurations from this CSV, JSON or JSON Lines `file`")
	cmd.Flags().IntVar(&o.max, "max", 0, "most tasks at once (default: the job file's)")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "print every resolved command and send nothing")
	return cmd
}

func (a *app) run(ctx context.Context, folder string, o runOptions) error {
	j, source, err := prepare(folder, o)
	if err != nil {
		return err
	}
	if o.dryRun {
		return a.printCommands(j, source)
	}
	stack, err := synthesise(j)
	if err != nil {
		return err
	}
	return a.withEngine(ctx, client.Work, func(s *client.Session) error {
		sent, err := submit(ctx, s, j, stack, source)
		if err != nil {
			return err
		}
		return a.follow(ctx, s, sent, labels(source, labelled))
	})
}

// labelled bounds the configurations that progress keeps in memory.
const labelled = 10_000

// prepare reads the job file and the configurations that the flags ask for,
// and checks everything that can be checked before an engine is needed.
func prepare(folder string, o runOptions) (job.Job, *job.Source, error) {
	j, err := job.Load(folder)
	if err != nil {
		return j, nil, err
	}
	if o.max < 0 || o.max > 5000 {
		return j, nil, &usageError{err: job.Problem{File: "--max", Fact: "is between 1 and 5000"}}
	}
	if o.max > 0 {
		j.Max = o.max
	}
	source, err := configurations(j, o)
	if err != nil {
		return j, nil, err
	}
	if len(j.Command) == 0 {
		return j, nil, &hintedError{
			fact: "the job has no command, and processes have no image to take one from",
			hint: "add a line like `command: [python3, train.py]` to " + filepath.Join(folder, job.FileName),
		}
	}
	return j, source, job.CheckCommand(j.Command, source.Names)
}

func configurations(j job.Job, o runOptions) (*job.Source, error) {
	if o.paramsFile != "" {
		if len(o.params) > 0 {
			return nil, &usageError{err: job.Problem{File: "-p", Fact: "and --params do not go together"}}
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
	params, err := j.Params.Override(axes)
	if err != nil {
		return nil, err
	}
	j.Params = params
	return j.Source()
}

func (a *app) printCommands(j job.Job, source *job.Source) error {
	jobs := 0
	for c, err := range source.Configs {
		if err != nil {
			return err
		}
		argv, err := job.Expand(j.Command, c)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(a.stdout, shellQuote(argv)); err != nil {
			return err
		}
		jobs++
	}
	fmt.Fprintf(a.stderr, "%s; nothing was sent\n", count(jobs, "job"))
	return nil
}

// A synthesis is a job's stack as a template.
type synthesis struct {
	template []byte
	image    string
}

// synthesise compiles a job for the embedded engine: its image is the job's
// folder.
func synthesise(j job.Job) (synthesis, error) {
	if isReference(j.Image) {
		return synthesis{}, &hintedError{
			fact: fmt.Sprintf("image %s is a container image, and this version runs jobs as processes", j.Image),
			hint: "for a folder write `image: .`",
		}
	}
	t, err := spate.Job(j).Template()
	if err != nil {
		return synthesis{}, err
	}
	text, err := t.MarshalJSON()
	return synthesis{template: text, image: resolveFolder(j)}, err
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

func submit(ctx context.Context, s *client.Session, j job.Job, t synthesis, source *job.Source) (*run.Run, error) {
	outputs, err := deploy.Apply(ctx, s.CloudFormation, deploy.Stack{
		Name: j.Name, Template: t.template, Image: t.image, Tags: map[string]string{"spate:job": j.Name},
	})
	if err != nil {
		return nil, err
	}
	stack, ok := run.NewStack(s.AWS, j.Name, outputs)
	if !ok {
		return nil, fmt.Errorf("stack %s was not made by spate: it lacks the outputs of a job", j.Name)
	}
	sent, err := stack.Submit(ctx, j, source)
	if err != nil {
		return nil, err
	}
	return &run.Run{Run: sent, Stack: stack}, nil
}

// The pauses between looks at a run. A look that took long is not taken again
// at once.
const (
	lookEvery = 200 * time.Millisecond
	lookShare = 5 // a look takes at most a fifth of the time
)

// follow shows the run until every job has a result, then prints them.
func (a *app) follow(ctx context.Context, s *client.Session, r *run.Run, label func(int) string) error {
	show := a.newProgress(r, label)
	started := time.Now()
	follower := r.Follow()
	for {
		before := time.Now()
		p, err := follower.Look(ctx)
		if ctx.Err() != nil {
			return a.interrupted(r, s.Own)
		}
		if err != nil {
			return err
		}
		show.update(p)
		if p.Finished() {
			return a.finish(ctx, s, r, p, time.Since(started))
		}
		select {
		case <-ctx.Done():
		case <-time.After(max(lookEvery, lookShare*time.Since(before))):
		}
	}
}

func (a *app) interrupted(r *run.Run, own bool) error {
	if !own {
		return &hintedError{
			fact: "stopped following; the run goes on in the engine that `spate serve` runs",
			hint: "spate results " + shortID(r.ID),
		}
	}
	return &hintedError{
		fact: "interrupted: the tasks are stopped, and the jobs that have no result stay in the queue",
		hint: "the next `spate run` of this job goes on with them; spate results " + shortID(r.ID),
	}
}

// finish reports the run, and sees an engine of this process scale back to 0.
func (a *app) finish(ctx context.Context, s *client.Session, r *run.Run, p run.Progress, wall time.Duration) error {
	if err := r.Stack.Release(ctx); err != nil {
		return err
	}
	if err := a.report(ctx, r, wall); err != nil {
		return err
	}
	if s.Own {
		if err := a.drain(ctx, r); err != nil {
			return err
		}
	}
	if !succeeded(r, p) {
		return errUnsuccessful
	}
	return nil
}

// drainWait bounds the wait for the stack's own alarms to stop the tasks.
const drainWait = 30 * time.Second

// drain waits until the stack's alarms have brought the service back to 0.
func (a *app) drain(ctx context.Context, r *run.Run) error {
	deadline := time.Now().Add(drainWait)
	for {
		tasks, err := r.Stack.Tasks(ctx)
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if tasks == (run.Tasks{}) {
			fmt.Fprintln(a.stderr, "tasks: back to 0 by the stack's own alarm")
			return nil
		}
		if time.Now().After(deadline) {
			fmt.Fprintf(a.stderr, "tasks: %d still run; they stop with this program\n", tasks.Running)
			return nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(lookEvery):
		}
	}
}

// shortID cuts a run's id to what tells it from its neighbours: its time, to
// the millisecond.
func shortID(id string) string { return id[:min(10, len(id))] }
