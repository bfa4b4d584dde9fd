package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/deploy"
)

func (a *app) downCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "down STACK...",
		Short: "Delete stacks, with all that they hold",
		Long: `down deletes stacks of the embedded engine: their tasks, queues and messages, and
all else but what their templates tell to retain. A bucket that holds objects
keeps its stack from being deleted, as on AWS.`,
		Example: `  spate down Weekly`,
		Args:    misused(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, names []string) error {
			ctx := cmd.Context()
			return a.withEngine(ctx, client.Work, func(s *client.Session) error {
				for _, name := range names {
					there, err := deploy.Exists(ctx, s.CloudFormation, name)
					if err != nil {
						return err
					}
					if !there {
						return &hintedError{fact: "there is no stack " + name, hint: "`spate up` says the names of those that it brings up"}
					}
					if err := deploy.Delete(ctx, s.CloudFormation, name); err != nil {
						return err
					}
					fmt.Fprintf(a.stderr, "%s is deleted\n", name)
				}
				return nil
			})
		},
	}
}
