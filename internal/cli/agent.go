package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/spate-run/spate/internal/agent"
	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/run"
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
			if topic := os.Getenv(envNotify); topic != "" {
				cfg.Tell = func(ctx context.Context, subject, text string) error {
					return client.FromConfig(cfg.AWS, 1).Publish(ctx, topic, subject, text)
				}
			}
			if os.Getenv(envService) != "" {
				return a.tellUnsent(cmd.Context(), cfg, a.sendScheduled(cmd.Context(), cfg))
			}
			cfg.Output = a.stdout
			cfg.Log = a.log()
			return agent.Run(cmd.Context(), cfg)
		},
	}
	cmd.Flags().BoolVar(&hold, "hold", false, "do nothing until told to end: it holds the network that a task's containers share")
	return cmd
}

// The variables of a task that sends a run by its job's schedule: for which
// time, and the service whose tasks are to work on it.
const (
	envScheduled = "SPATE_SCHEDULED"
	envStack     = "SPATE_STACK"
	envCluster   = "SPATE_CLUSTER"
	envService   = "SPATE_SERVICE"
)

// envNotify is the topic of SNS by which a job's address is told.
const envNotify = "SPATE_NOTIFY"

// lastWords bounds the time in which a task that failed tells so.
const lastWords = 10 * time.Second

// tellUnsent tells the job's address that a scheduled run could not be sent: the
// task that should have is all that knows. That there is nothing to send yet is
// usual, since some schedules begin when they are made.
func (a *app) tellUnsent(ctx context.Context, cfg agent.Config, err error) error {
	_, nothing := errors.AsType[*run.NoScheduleError](err)
	if err == nil || nothing || cfg.Tell == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	name := os.Getenv(envStack)
	text := fmt.Sprintf("The run of %s for %s was not sent, or not to its end:\n\n%v\n", name, os.Getenv(envScheduled), err)
	return errors.Join(err, cfg.Tell(ctx, fmt.Sprintf("%.60s: the scheduled run could not be sent", name), text))
}

// sendScheduled sends the run that a job's schedule sends for a time. It stands
// where the worker does in other tasks of the same image.
func (a *app) sendScheduled(ctx context.Context, cfg agent.Config) error {
	at, err := time.Parse(time.RFC3339, os.Getenv(envScheduled))
	if err != nil {
		return &hintedError{
			fact: fmt.Sprintf("%s is %q, and no time", envScheduled, os.Getenv(envScheduled)),
			hint: "EventBridge Scheduler starts this task and tells it the time; by hand, give one like 2027-01-31T06:00:00Z",
		}
	}
	stack, ok := run.NewStack(client.FromConfig(cfg.AWS, 1), os.Getenv(envStack), map[string]string{
		"QueueUrl": cfg.Queue, "BucketName": cfg.Bucket, "ClusterName": os.Getenv(envCluster), "ServiceName": os.Getenv(envService),
	})
	if !ok || stack.Name == "" {
		return fmt.Errorf("a task that sends runs needs SPATE_QUEUE_URL, SPATE_BUCKET, %s, %s and %s", envStack, envCluster, envService)
	}
	r, sent, err := stack.SendScheduled(ctx, at)
	switch {
	case err != nil:
		return err
	case !sent:
		fmt.Fprintf(a.stdout, "run %s of %s was sent already\n", r.ID, at.Format(time.RFC3339))
	default:
		fmt.Fprintf(a.stdout, "run %s of %s: %s are sent\n", r.ID, at.Format(time.RFC3339), count(r.Jobs, "job"))
	}
	return nil
}
