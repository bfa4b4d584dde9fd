package cli

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/engine"
	"github.com/spate-run/spate/internal/job"
)

// The exit codes.
const (
	exitDone    = 0
	exitFailed  = 1
	exitMisused = 2
)

// Main runs the command that args name and returns its exit code.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr}
	root := a.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	a.complain(err)
	if isMisuse(err) {
		return exitMisused
	}
	return exitFailed
}

// isMisuse says whether it was what a person gave that is wrong: arguments, a
// job file, parameters.
func isMisuse(err error) bool {
	_, usage := errors.AsType[*usageError](err)
	_, problem := errors.AsType[job.Problem](err)
	_, problems := errors.AsType[job.Problems](err)
	return usage || problem || problems
}

// An app is what every command has at hand.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	verbose        bool
	place          target
	placed         string // the flags that chose it, as they were typed
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "spate",
		Short: "Run one job for many configurations, on this machine or on AWS",
		Long: `spate runs one job for many configurations. It compiles the job to a
CloudFormation template, runs that template on an engine of its own, sends the
configurations through a queue, scales tasks from 0 to what the backlog needs
and back to 0, and collects every result exactly once.

Exit codes: 0 when it is done, and for a run only when that succeeded; 1 when it
failed; 2 when what was given cannot be right: arguments, a job file, parameters.`,
		Example: `  spate init                     write a job folder that works
  spate run                      run its configurations
  spate run -p size=1..10        run others
  spate results last             read the results again
  spate retry last               run again what failed
  spate doctor                   what would stop a run from starting`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          misused(unknownCommand),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(wrongFlag)
	root.PersistentFlags().BoolVarP(&a.verbose, "verbose", "v", false, "say what the engine does")
	onEither := []*cobra.Command{
		a.runCommand(), a.watchCommand(), a.runsCommand(), a.showCommand(), a.resultsCommand(), a.logsCommand(), a.retryCommand(),
		a.cancelCommand(), a.dashCommand(), a.reportCommand(), a.costCommand(), a.planCommand(), a.deployCommand(), a.diffCommand(), a.destroyCommand(), a.doctorCommand(),
	}
	a.registerPlace(onEither...)
	root.AddCommand(onEither...)
	root.AddCommand(
		a.dlqCommand(), a.initCommand(), a.synthCommand(), a.upCommand(), a.downCommand(), a.serveCommand(), a.versionCommand(), a.agentCommand(),
	)
	addGenerated(root)
	return root
}

// misused marks the complaints of an argument check as misuse.
func misused(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return &usageError{err: err, command: cmd.CommandPath()}
		}
		return nil
	}
}

func (a *app) log() *slog.Logger {
	level := slog.LevelWarn
	if a.verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: level}))
}

// defaultHome is the home that is meant where nobody names one.
func defaultHome() (string, error) {
	home, err := engine.DefaultHome()
	if err != nil {
		return "", &hintedError{fact: err.Error(), hint: "choose one: " + otherHome}
	}
	return home, nil
}

// withEngine calls use with the engine of the home. An engine of this process
// stays up until no other command uses it.
func (a *app) withEngine(ctx context.Context, p client.Purpose, use func(*client.Session) error) error {
	return a.withEngineAt(ctx, p, engine.FastCadence, use)
}

// withEngineAt is withEngine with a cadence for an engine of this process.
func (a *app) withEngineAt(ctx context.Context, p client.Purpose, cadence int, use func(*client.Session) error) error {
	if a.place.on == onAWS {
		return a.withAWS(ctx, use)
	}
	home, err := defaultHome()
	if err != nil {
		return err
	}
	s, err := client.LocalAt(ctx, home, p, cadence, a.log())
	if err != nil {
		return err
	}
	err = use(s)
	stay := ctx
	if ctx.Err() != nil {
		// The first Ctrl-C has ended the work. A second one ends the program.
		stay = context.WithoutCancel(ctx)
	}
	return errors.Join(err, s.Close(stay, func() {
		a.tell("another spate command uses this engine, which stays up until that is done", "Ctrl-C ends it at once")
	}))
}
