package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/deploy"
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/run"
)

type destroyOptions struct{ yes, force, results bool }

func (a *app) destroyCommand() *cobra.Command {
	var o destroyOptions
	cmd := &cobra.Command{
		Use:   "destroy [FOLDER]",
		Short: "Delete a job's stack",
		Long: `destroy deletes the job's stack with its queue, its tasks and their logs. A bucket
that holds runs stays, and is named, unless --delete-results is given: what is
deleted cannot be brought back. It asks first.`,
		Example: `  spate results last --download out && spate destroy --delete-results --on aws
  spate destroy examples/retrain --yes`,
		Args: misused(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			folder := "."
			if len(args) == 1 {
				folder = args[0]
			}
			j, err := job.Load(folder)
			if err != nil {
				return err
			}
			return a.withEngine(cmd.Context(), client.Leave, func(s *client.Session) error {
				return a.destroy(cmd.Context(), s, j.Name, o)
			})
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&o.yes, "yes", "y", false, "delete without asking")
	flags.BoolVar(&o.force, "force", false, "delete also while jobs wait or run")
	flags.BoolVar(&o.results, "delete-results", false, "delete the runs and their results, too")
	return cmd
}

func (a *app) destroy(ctx context.Context, s *client.Session, name string, o destroyOptions) error {
	stack, err := run.FindStack(ctx, s.AWS, name)
	if err != nil {
		return err
	}
	if stack == nil {
		return &hintedError{fact: "there is no stack " + name, hint: "spate deploy makes it"}
	}
	if !o.force {
		if err := idle(ctx, s, name); err != nil {
			return err
		}
	}
	runs, err := stack.Recorded(ctx)
	if err != nil {
		return err
	}
	question := fmt.Sprintf("delete stack %s?", name)
	switch {
	case runs > 0 && o.results:
		question = fmt.Sprintf("delete stack %s, and the results of %s?", name, count(runs, "run"))
	case runs > 0:
		question = fmt.Sprintf("delete stack %s, and keep the results of %s in bucket %s?", name, count(runs, "run"), stack.Bucket)
	}
	if !o.yes && !a.agreed(question) {
		return &hintedError{fact: "nothing was deleted", hint: "to be asked nothing: --yes"}
	}
	if o.results {
		if err := stack.Records().DeleteAll(ctx); err != nil {
			return err
		}
	}
	// A bucket with nothing but that would stay behind for it.
	if err := stack.DeleteSchedule(ctx); err != nil {
		return err
	}
	kept, err := deploy.DeleteOrRetain(ctx, s.CloudFormation, name)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "stack %s is deleted\n", name)
	for _, resource := range kept {
		fmt.Fprintf(a.stderr, "%s stays, since it holds something: %s\n", resource.LogicalID, resource.PhysicalID)
	}
	return nil
}
