package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/deploy"
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/run"
)

type deployOptions struct {
	yes, force bool
	output     outputFlag
}

func (a *app) deployCommand() *cobra.Command {
	var o deployOptions
	cmd := &cobra.Command{
		Use:   "deploy [FOLDER]",
		Short: "Make a job's stack, or bring it up to date",
		Long: `deploy shows what it would change of the job's stack, asks, and changes it. A
stack that is as the job file says is left alone, and the number of tasks of a
service is never touched. While jobs of a run wait or run, deploy does not change
the stack: tasks of two versions would work on one run.

On AWS tasks run the job's image with the worker in front. deploy takes it from
its registry or from Docker, or builds it where the image is a folder, and pushes
it to the stack's own repository.`,
		Example: `  spate deploy examples/retrain --on aws
  spate deploy --on aws --yes        ask nothing`,
		Args: misused(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withJobStack(cmd.Context(), args, client.Leave, func(s *client.Session, d *deployment) error {
				outputs, err := a.deploy(cmd.Context(), s, d, o)
				if err != nil {
					return err
				}
				if o.output == "json" {
					return printJSON(a.stdout, outputs)
				}
				a.next("spate run", "spate diff", "spate destroy")
				return nil
			})
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&o.yes, "yes", "y", false, "change the stack without asking")
	flags.BoolVar(&o.force, "force", false, "change the stack also while jobs wait or run")
	o.output.register(cmd, "table", "json")
	return cmd
}

func (a *app) diffCommand() *cobra.Command {
	var output outputFlag
	cmd := &cobra.Command{
		Use:   "diff [FOLDER]",
		Short: "Show what deploy would change",
		Long:  "diff asks CloudFormation what deploying the job would change, and changes nothing.",
		Example: `  spate diff examples/retrain --on aws
  spate diff -o json`,
		Args: misused(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return a.withJobStack(ctx, args, client.Look, func(s *client.Session, d *deployment) error {
				set, err := a.prepareChanges(ctx, s, d)
				if err != nil {
					return err
				}
				err = a.printChanges(d.Name, set, output)
				if err == nil && output != "json" && !set.Empty() {
					err = a.printPrices(ctx, d, set)
				}
				return errors.Join(err, set.Discard(context.WithoutCancel(ctx)))
			})
		},
	}
	output.register(cmd, "table", "json")
	return cmd
}

// withJobStack calls use with an engine, and the stack of the job in a folder.
func (a *app) withJobStack(ctx context.Context, args []string, p client.Purpose, use func(*client.Session, *deployment) error) error {
	folder := "."
	if len(args) == 1 {
		folder = args[0]
	}
	j, err := job.Load(folder)
	if err != nil {
		return err
	}
	if a.place.on != onAWS {
		return a.withDeployment(ctx, j, func(d *deployment) error {
			return a.withEngine(ctx, p, func(s *client.Session) error { return use(s, d) })
		})
	}
	return a.withEngine(ctx, p, func(s *client.Session) error {
		// An image takes minutes to build: who may not see the stack is told before.
		if _, err := deploy.Look(ctx, s.CloudFormation, j.Name); err != nil {
			return err
		}
		return a.withDeployment(ctx, j, func(d *deployment) error { return use(s, d) })
	})
}

// withDeployment calls use with the stack of a job, and what its tasks run.
func (a *app) withDeployment(ctx context.Context, j job.Job, use func(*deployment) error) error {
	d, err := a.deploymentOf(ctx, j)
	if err != nil {
		return err
	}
	return errors.Join(use(d), d.Close())
}

// deploy brings a stack, and what its tasks run, up to date.
func (a *app) deploy(ctx context.Context, s *client.Session, d *deployment, o deployOptions) (deploy.Outputs, error) {
	set, err := a.prepareChanges(ctx, s, d)
	if err != nil {
		return nil, err
	}
	if err := a.permit(ctx, s, d, set, o); err != nil {
		return nil, errors.Join(err, set.Discard(context.WithoutCancel(ctx)))
	}
	outputs, err := a.execute(ctx, s, d, set)
	if err != nil {
		return outputs, err
	}
	return outputs, putSchedule(ctx, s, d.job, d.plan, outputs)
}

// prepareChanges finds out what would change. It waits for what others do to the
// stack, and says so.
func (a *app) prepareChanges(ctx context.Context, s *client.Session, d *deployment) (*deploy.ChangeSet, error) {
	state, err := deploy.Look(ctx, s.CloudFormation, d.Name)
	if err != nil {
		return nil, err
	}
	if state != nil && state.Busy() {
		a.tell(fmt.Sprintf("stack %s is in %s: waiting until that is over", d.Name, state.Status), "Ctrl-C waits no longer; nothing is changed before you are asked")
	}
	return deploy.Prepare(ctx, s.CloudFormation, d.Stack)
}

// permit says what would change, and finds out whether it may.
func (a *app) permit(ctx context.Context, s *client.Session, d *deployment, set *deploy.ChangeSet, o deployOptions) error {
	if err := a.printChanges(d.Name, set, "table"); err != nil || set.Empty() {
		return err
	}
	if err := a.printPrices(ctx, d, set); err != nil {
		return err
	}
	if !set.New && !o.force {
		if err := idle(ctx, s, d.Name); err != nil {
			return err
		}
	}
	if o.yes || a.agreed("deploy this?") {
		return nil
	}
	return &hintedError{fact: "nothing was changed", hint: "to be asked nothing: --yes"}
}

// settling is how long the messages of jobs that are done may be there.
const settling = time.Second

// idle is an error where jobs of the stack wait or run.
func idle(ctx context.Context, s *client.Session, name string) error {
	stack, err := run.FindStack(ctx, s.AWS, name)
	if stack == nil || err != nil {
		return err
	}
	jobs, err := stack.Outstanding(ctx)
	// A worker deletes its message after the result is there.
	for deadline := time.Now().Add(settling); err == nil && jobs > 0 && time.Now().Before(deadline) && ctx.Err() == nil; {
		select {
		case <-ctx.Done():
		case <-time.After(lookEvery):
		}
		jobs, err = stack.Outstanding(ctx)
	}
	if err != nil || jobs == 0 {
		return err
	}
	return &hintedError{
		fact: fmt.Sprintf("%s of stack %s wait or run", count(jobs, "job"), name),
		hint: "wait for them (spate runs), or add --force",
	}
}

// agreed asks a person, who says no where nobody answers.
func (a *app) agreed(question string) bool {
	fmt.Fprintf(a.stderr, "%s [y/N] ", question)
	answer, _ := bufio.NewReader(a.stdin).ReadString('\n')
	answer = strings.ToLower(strings.TrimSpace(answer))
	if answer == "" {
		fmt.Fprintln(a.stderr)
	}
	return answer == "y" || answer == "yes"
}

// A changeLine is what -o json says of a change.
type changeLine struct {
	Action     deploy.Action `json:"action"`
	LogicalID  string        `json:"logicalId"`
	Type       string        `json:"type"`
	Properties []string      `json:"properties,omitempty"`
	Rights     bool          `json:"rights,omitempty"`
}

// sign marks an action in a table.
func sign(action deploy.Action) string {
	switch action {
	case deploy.Add:
		return "+"
	case deploy.Remove:
		return "-"
	case deploy.Modify:
		return "~"
	}
	return "!"
}

func (a *app) printChanges(name string, set *deploy.ChangeSet, output outputFlag) error {
	lines := make([]changeLine, len(set.Changes))
	rows := make([][]string, len(set.Changes))
	counts := map[deploy.Action]int{}
	for i, c := range set.Changes {
		lines[i] = changeLine{Action: c.Action, LogicalID: c.LogicalID, Type: c.Type, Rights: c.Rights}
		var what []string
		for _, p := range c.Properties {
			lines[i].Properties = append(lines[i].Properties, p.Name)
			what = append(what, propertyText(p))
		}
		action := sign(c.Action) + " " + string(c.Action)
		if c.Rights {
			action += ", rights"
		}
		counts[c.Action]++
		rows[i] = []string{action, c.LogicalID, c.Type, strings.Join(what, ", ")}
	}
	if output == "json" {
		return printJSON(a.stdout, lines)
	}
	if set.Empty() {
		fmt.Fprintf(a.stderr, "stack %s is as the job file says\n", name)
		return nil
	}
	if err := printTable(a.stderr, []string{"CHANGE", "RESOURCE", "TYPE", "PROPERTIES"}, rows); err != nil {
		return err
	}
	verb := "would change"
	if set.New {
		verb = "would be made"
	}
	perhaps := ""
	if n := counts[deploy.MayReplace]; n > 0 {
		perhaps = fmt.Sprintf(" and perhaps %d more", n)
	}
	fmt.Fprintf(a.stderr, "stack %s %s: %d to add, %d to change, %d%s to replace, %d to remove\n", name, verb,
		counts[deploy.Add], counts[deploy.Modify], counts[deploy.Replace], perhaps, counts[deploy.Remove])
	return nil
}

// propertyText says what becomes of a property, where that is short.
func propertyText(p deploy.Property) string {
	text := p.Name
	if p.Before+p.After != "" && len(p.Before)+len(p.After) <= 60 {
		text += ": " + p.Before + " -> " + p.After
	}
	if p.Replaces {
		text += " (replaces it)"
	}
	return text
}
