package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/run"
)

func (a *app) dlqCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dlq",
		Short: "Look at messages that no worker could read, and move or delete them",
		Long: `dlq is about the dead-letter queue of a job's stack. It holds messages that no
worker could read, such as those that something else sent to the job's queue. Jobs
that failed are not there: spate results names them, and spate retry runs them
again.`,
		Example: `  spate dlq list
  spate dlq redrive examples/retrain --on aws`,
		Args: misused(unknownCommand),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	on := []*cobra.Command{a.dlqListCommand(), a.dlqShowCommand(), a.dlqRedriveCommand(), a.dlqPurgeCommand()}
	a.registerPlace(on...)
	cmd.AddCommand(on...)
	return cmd
}

// mostLetters is how many dead letters are read where nobody says.
const mostLetters = 100

func (a *app) dlqListCommand() *cobra.Command {
	var output outputFlag
	var most int
	cmd := &cobra.Command{
		Use:   "list [FOLDER]",
		Short: "List the dead letters of the job in FOLDER",
		Long: `list reads the dead letters of the job's stack, the oldest first, and leaves them
where they are. While it reads, for seconds, they are hidden from others.`,
		Example: `  spate dlq list examples/retrain --on aws
  spate dlq list -o json`,
		Args: misused(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if most < 1 {
				return &usageError{err: &hintedError{fact: fmt.Sprintf("--limit: %d is below 1", most), hint: "spate dlq list -n 5"}}
			}
			return a.withDeadLetters(cmd.Context(), args, client.Look, func(stack *run.Stack) error {
				letters, err := stack.DeadLetters(cmd.Context(), most)
				if err != nil {
					return err
				}
				return a.printLetters(cmd.Context(), stack, letters, output)
			})
		},
	}
	cmd.Flags().IntVarP(&most, "limit", "n", mostLetters, "how many messages")
	output.register(cmd, "table", "json")
	return cmd
}

// A letterView is what -o json says of a dead letter.
type letterView struct {
	ID         string `json:"id"`
	Sent       string `json:"sent"`
	Receives   int    `json:"receives"`
	Run        string `json:"run,omitempty"`
	Index      string `json:"index,omitempty"`
	Generation string `json:"generation,omitempty"`
	Body       string `json:"body"`
}

func viewLetter(l run.DeadLetter) letterView {
	return letterView{
		ID: l.ID, Sent: l.Sent.UTC().Format("2006-01-02T15:04:05.000Z"), Receives: l.Receives,
		Run: l.Run, Index: l.Index, Generation: l.Generation, Body: l.Body,
	}
}

func (a *app) printLetters(ctx context.Context, stack *run.Stack, letters []run.DeadLetter, output outputFlag) error {
	if output == "json" {
		views := make([]letterView, len(letters))
		for i, l := range letters {
			views[i] = viewLetter(l)
		}
		return printJSON(a.stdout, views)
	}
	all, err := stack.CountDead(ctx)
	if err != nil {
		return err
	}
	if len(letters) == 0 && all == 0 {
		fmt.Fprintf(a.stderr, "the dead-letter queue of %s is empty\n", stack.Name)
		return nil
	}
	rows := make([][]string, len(letters))
	for i, l := range letters {
		rows[i] = []string{l.ID, clock(l.Sent), strconv.Itoa(l.Receives), letterJob(l), shorten(l.Body, widestCell)}
	}
	if err := printTable(a.stdout, []string{"MESSAGE", "SENT", "RECEIVED", "JOB", "BODY"}, rows); err != nil {
		return err
	}
	if all > len(letters) {
		fmt.Fprintf(a.stderr, "%d of about %d; those that somebody reads are hidden (--limit shows more)\n", len(letters), all)
	}
	a.next("spate dlq show", "spate dlq redrive", "spate dlq purge")
	return nil
}

// letterJob names the job that a message was for.
func letterJob(l run.DeadLetter) string {
	if l.Run == "" {
		return "-"
	}
	return shortID(l.Run) + " " + l.Index
}

func (a *app) dlqShowCommand() *cobra.Command {
	var output outputFlag
	var id string
	cmd := &cobra.Command{
		Use:   "show [FOLDER]",
		Short: "Print dead letters in whole",
		Example: `  spate dlq show
  spate dlq show examples/retrain --message 0f3c`,
		Args: misused(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withDeadLetters(cmd.Context(), args, client.Look, func(stack *run.Stack) error {
				all, err := stack.DeadLetters(cmd.Context(), mostLetters)
				if err != nil {
					return err
				}
				return a.showLetters(all, id, output)
			})
		},
	}
	cmd.Flags().StringVar(&id, "message", "", "only those whose `id` begins so")
	output.register(cmd, "table", "json")
	return cmd
}

func (a *app) showLetters(all []run.DeadLetter, id string, output outputFlag) error {
	views := []letterView{}
	for _, l := range all {
		if strings.HasPrefix(l.ID, id) {
			views = append(views, viewLetter(l))
		}
	}
	if len(views) == 0 && id != "" {
		return &hintedError{fact: fmt.Sprintf("no dead letter's id begins with %q", id), hint: "spate dlq list"}
	}
	if output == "json" {
		return printJSON(a.stdout, views)
	}
	for i, v := range views {
		if i > 0 {
			fmt.Fprintln(a.stdout)
		}
		facts := [][2]string{{"message", v.ID}, {"sent", v.Sent}, {"received", strconv.Itoa(v.Receives)}}
		if v.Run != "" {
			facts = append(facts, [2]string{"run", v.Run}, [2]string{"job", v.Index}, [2]string{"generation", v.Generation})
		}
		if err := printFacts(a.stdout, append(facts, [2]string{"body", v.Body})); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) dlqRedriveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "redrive [FOLDER]",
		Short: "Move all dead letters back to the job's queue",
		Long: `redrive has SQS move the dead letters of the job's stack to its queue, where workers
try them again.`,
		Example: `  spate dlq redrive
  spate dlq redrive examples/retrain --on aws`,
		Args: misused(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withDeadLetters(cmd.Context(), args, client.Leave, func(stack *run.Stack) error {
				moved, err := stack.Redrive(cmd.Context())
				if err != nil {
					return err
				}
				fmt.Fprintf(a.stderr, "moved %s to the queue of %s\n", count(moved.Moved, "message"), stack.Name)
				return nil
			})
		},
	}
}

func (a *app) dlqPurgeCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "purge [FOLDER]",
		Short: "Delete all dead letters",
		Long:  "purge deletes the dead letters of the job's stack, which cannot be brought back. It asks first.",
		Example: `  spate dlq purge
  spate dlq purge examples/retrain --on aws --yes`,
		Args: misused(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return a.withDeadLetters(ctx, args, client.Look, func(stack *run.Stack) error {
				n, err := stack.CountDead(ctx)
				if err != nil {
					return err
				}
				if n == 0 {
					fmt.Fprintf(a.stderr, "the dead-letter queue of %s is empty\n", stack.Name)
					return nil
				}
				if !yes && !a.agreed(fmt.Sprintf("delete %s of stack %s?", count(n, "dead letter"), stack.Name)) {
					return &hintedError{fact: "nothing was deleted", hint: "to be asked nothing: --yes"}
				}
				if err := stack.PurgeDead(ctx); err != nil {
					return err
				}
				fmt.Fprintf(a.stderr, "deleted %s\n", count(n, "dead letter"))
				return nil
			})
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "delete without asking")
	return cmd
}

// withDeadLetters calls use with the stack of the job in a folder.
func (a *app) withDeadLetters(ctx context.Context, args []string, p client.Purpose, use func(*run.Stack) error) error {
	folder := "."
	if len(args) == 1 {
		folder = args[0]
	}
	j, err := job.Load(folder)
	if err != nil {
		return err
	}
	return a.withEngine(ctx, p, func(s *client.Session) error {
		stack, err := run.FindStack(ctx, s.AWS, j.Name)
		if err != nil {
			return err
		}
		if stack == nil {
			return &hintedError{fact: "there is no stack " + j.Name, hint: "spate deploy makes it"}
		}
		if stack.Dead == "" {
			return notOurs(j.Name)
		}
		return use(stack)
	})
}
