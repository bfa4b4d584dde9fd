package cli

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/spate-run/spate/internal/agent"
)

// agentCommand is the worker, which stands in front of a job's command inside
// a task. Nobody types it.
func (a *app) agentCommand() *cobra.Command {
	var hold bool
	cmd := &cobra.Command{
		Use:     "agent -- COMMAND…",
		Short:   "Take messages and run the command for each: the worker inside a task",
		Example: "  spate agent -- python3 train.py --size {size}",
		Hidden:  true,
		Args: misused(func(cmd *cobra.Command, args []string) error {
			if hold {
				return cobra.NoArgs(cmd, args)
			}
			return cobra.MinimumNArgs(1)(cmd, args)
		}),
		RunE: func(cmd *cobra.Command, args []string) error {
			if hold {
				<-cmd.Context().Done()
				return nil
			}
			cfg, err := agent.FromEnv(cmd.Context(), os.Environ(), args)
			if err != nil {
				return err
			}
			cfg.Output = a.stdout
			cfg.Log = a.log()
			return agent.Run(cmd.Context(), cfg)
		},
	}
	cmd.Flags().BoolVar(&hold, "hold", false, "do nothing until told to end: it holds the network that a task's containers share")
	return cmd
}
