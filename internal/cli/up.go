package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"
	"github.com/spf13/cobra"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/deploy"
	"github.com/spate-run/spate/internal/engine"
	"github.com/spate-run/spate/internal/job"
)

type upOptions struct {
	name        string
	parameters  []string
	images      []string
	entryPoints []string
	cadence     string
	remove      bool
	output      outputFlag
}

func (a *app) upCommand() *cobra.Command {
	var o upOptions
	cmd := &cobra.Command{
		Use:   "up [TEMPLATE|FOLDER]",
		Short: "Bring a CloudFormation template up, until Ctrl-C",
		Long: `up deploys a CloudFormation template on the embedded engine and keeps it up until
Ctrl-C: a template in JSON or YAML, the cdk.out folder that cdk synth writes, a Go
program that writes a template, or a job's folder. It prints the queues, the
outputs, the lines that AWS's clients need, and what of the template does nothing
here.

Ctrl-C stops the tasks. The stack and what its queues and buckets hold stay for
the next up, which updates it, until spate down deletes them; with --rm they are
deleted at once.

A container whose image is a folder is a process in that folder; any other image
needs Docker or Podman. --image gives a container another image. A service that
has a container which cannot be started here gets no task, and up says why.`,
		Example: `  spate up template.yaml
  spate up cdk.out -p Stage=test
  spate up cdk.out --image QueueProcessingContainer=./worker --entrypoint QueueProcessingContainer='python3 worker.py'
  spate up examples/cdk-like --rm`,
		Args: misused(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := "."
			if len(args) == 1 {
				path = args[0]
			}
			cadence, err := cadenceOf(cmd, o.cadence)
			if err != nil {
				return err
			}
			p, err := a.planUp(cmd.Context(), path, o)
			if err != nil {
				return err
			}
			return a.withEngineAt(cmd.Context(), client.Work, cadence, func(s *client.Session) error {
				if s.Address.Cadence != cadence && cmd.Flags().Changed("cadence") {
					return &hintedError{fact: "an engine runs in this home already, on another cadence", hint: "leave --cadence out, or give it to spate serve"}
				}
				return a.up(cmd.Context(), s, p, o)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.name, "stack-name", "", "the stack's `name` (default: the file's, or the one in cdk.out)")
	flags.StringArrayVarP(&o.parameters, "parameter", "p", nil, "a value of a template's parameter, as `Name=Value`")
	flags.StringArrayVar(&o.images, "image", nil, "give a container a folder, or another image: `CONTAINER=IMAGE`")
	flags.StringArrayVar(&o.entryPoints, "entrypoint", nil, "what a container starts before its command: `CONTAINER=WORDS`")
	flags.StringVar(&o.cadence, "cadence", "fast", "fast divides alarm periods and cooldowns by 60; aws is AWS's own")
	flags.BoolVar(&o.remove, "rm", false, "delete the stack at Ctrl-C, with all that it holds")
	o.output.register(cmd, "table", "json")
	return cmd
}

// up deploys the stacks and keeps them up until ctx ends.
func (a *app) up(ctx context.Context, s *client.Session, p *upPlan, o upOptions) error {
	watching, stop := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		a.watchServices(watching, s, p)
	}()
	err := a.raise(ctx, s, p, o)
	if err == nil {
		err = holdUntil(ctx, s)
	}
	stop()
	<-watched
	if ctx.Err() == nil {
		return err
	}
	return a.bringDown(context.WithoutCancel(ctx), s, p, o)
}

func (a *app) raise(ctx context.Context, s *client.Session, p *upPlan, o upOptions) error {
	if err := deploy.Upload(ctx, s.S3, here(), p.files); err != nil {
		return err
	}
	var reports []upReport
	for _, u := range p.stacks {
		outputs, err := a.apply(ctx, s, u)
		if err != nil {
			return u.explain(err)
		}
		report, err := reportOn(ctx, s, u, outputs)
		if err != nil {
			return err
		}
		reports = append(reports, report)
	}
	return a.printUp(s, p, reports, o.output)
}

// here is where the embedded engine is.
func here() deploy.Place { return deploy.Place{Account: engine.AccountID, Region: engine.Region} }

func (a *app) apply(ctx context.Context, s *client.Session, u upStack) (deploy.Outputs, error) {
	url, err := deploy.Store(ctx, s.S3, here(), u.template)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(a.stderr, "%s: deploying %s\n", u.name, count(len(u.template.Resources), "resource"))
	return deploy.Apply(ctx, s.CloudFormation, deploy.Stack{
		Name: u.name, Template: u.template, URL: url, Parameters: u.parameters, Tags: u.tags, Progress: a.tellEvent,
	})
}

// tellEvent shows what comes of the resources that really are there.
func (a *app) tellEvent(e types.StackEvent) {
	kind := *e.ResourceType
	ended := slices.Contains([]types.ResourceStatus{
		types.ResourceStatusCreateComplete, types.ResourceStatusUpdateComplete, types.ResourceStatusDeleteComplete,
		types.ResourceStatusCreateFailed, types.ResourceStatusUpdateFailed, types.ResourceStatusDeleteFailed,
	}, e.ResourceStatus)
	if ended && (a.verbose || !engine.Inert(kind) && kind != "AWS::CloudFormation::Stack") {
		fmt.Fprintf(a.stderr, "  %-16s %s (%s)\n", e.ResourceStatus, *e.LogicalResourceId, kind)
	}
}

// holdUntil waits until ctx ends, or the engine of another process.
func holdUntil(ctx context.Context, s *client.Session) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if s.Ended() {
				return &hintedError{fact: "the engine that ran this has ended", hint: "bring it up again with the same command"}
			}
		}
	}
}

// bringDown says what is left when a person ends up, or leaves nothing.
func (a *app) bringDown(ctx context.Context, s *client.Session, p *upPlan, o upOptions) error {
	if o.remove {
		fmt.Fprintln(a.stderr, "deleting what was brought up; Ctrl-C again ends at once")
		for _, u := range slices.Backward(p.stacks) {
			if err := deploy.Delete(ctx, s.CloudFormation, u.name); err != nil {
				return u.explain(err)
			}
		}
		return nil
	}
	what := "stopping the tasks; the stack and what it holds stay for the next spate up"
	if !s.Own {
		what = "the stack stays up in the engine that runs already"
	}
	a.tell(what, "delete it: "+p.downCommand())
	return nil
}

// explain tells why a stack could not be deployed: first what failed first,
// with its place in the template.
func (u upStack) explain(err error) error {
	failed, ok := errors.AsType[*deploy.FailedError](err)
	if !ok {
		if fault, ok := errors.AsType[smithy.APIError](err); ok {
			return &hintedError{fact: fmt.Sprintf("stack %s: %s", u.name, fault.ErrorMessage())}
		}
		return err
	}
	var problems job.Problems
	for _, c := range failed.Causes[:min(len(failed.Causes), failuresShown)] {
		problem := job.Problem{File: u.file, Fact: fmt.Sprintf("%s (%s) failed: %s", c.LogicalID, c.Type, c.Reason)}
		if r := u.template.Resource(c.LogicalID); r != nil && u.written {
			problem.Line, problem.Column = r.Pos.Line, r.Pos.Column
		}
		problems = append(problems, problem)
	}
	problems = append(problems, job.Problem{
		Fact: fmt.Sprintf("stack %s is in %s", failed.Stack, failed.Status),
		Hint: "mend what failed first, and type it again",
	})
	return problems
}
