package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/run"
)

// offered is how many runs a shell offers.
const offered = 20

// completeRuns offers a shell the runs where a command takes one.
func (a *app) completeRuns(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	runs := []string{cobra.CompletionWithDesc(run.Last, "the newest run")}
	// A shell has no use for what went wrong: it offers what is known.
	_ = a.withEngine(cmd.Context(), client.Look, func(s *client.Session) error {
		found, err := run.List(cmd.Context(), s.AWS, offered)
		for _, r := range found {
			if strings.HasPrefix(r.ID, strings.ToUpper(begun)) {
				runs = append(runs, cobra.CompletionWithDesc(r.ID, fmt.Sprintf("%s, %s", r.Job.Name, clock(r.Created))))
			}
		}
		return err
	})
	return runs, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

// addGenerated adds the commands that Cobra makes, with examples.
func addGenerated(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Example = "  spate help run"
			cmd.Run, cmd.RunE = nil, misused(helpAbout)
		case "completion":
			cmd.Example = "  . <(spate completion bash)        in this shell, and in ~/.bashrc for all"
			cmd.Args = misused(unknownCommand)
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
			for _, shell := range cmd.Commands() {
				shell.Example = "  spate completion " + shell.Name()
			}
		}
	}
}

// helpAbout prints the help of a command, or refuses what is none.
func helpAbout(cmd *cobra.Command, args []string) error {
	about, rest, err := cmd.Root().Find(args)
	if err == nil {
		err = unknownCommand(about, rest)
	}
	if err != nil {
		return err
	}
	about.InitDefaultHelpFlag()
	return about.Help()
}

// completeFlagWithRuns offers them as the value of a flag.
func completeFlagWithRuns(cmd *cobra.Command, flag string, a *app) {
	mustComplete(cmd, flag, func(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		return a.completeRuns(cmd, nil, begun)
	})
}

func mustComplete(cmd *cobra.Command, flag string, complete cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, complete); err != nil {
		panic(err) // the command has no such flag, or two of it
	}
}

// The checks of arguments that name runs and jobs.

func oneRun(_ *cobra.Command, args []string) error { return runAnd(0)(args) }

func oneRunAndIndex(_ *cobra.Command, args []string) error { return runAnd(1)(args) }

func oneRunAndIndices(_ *cobra.Command, args []string) error { return runAnd(len(args))(args) }

func runAnd(most int) func(args []string) error {
	return func(args []string) error {
		switch {
		case len(args) == 0:
			return &hintedError{fact: "which run?", hint: "`spate runs` lists them, and `last` is the newest"}
		case len(args) > 1+most:
			return fmt.Errorf("%q is one argument too many", args[1+most])
		}
		return nil
	}
}

// unknownCommand refuses arguments of a command that has others: they are none
// of these.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	err := &hintedError{fact: fmt.Sprintf("unknown command %q", args[0]), hint: "see " + cmd.CommandPath() + " --help"}
	if near, ok := job.Nearest(args[0], names); ok {
		err.hint = "did you mean `" + cmd.CommandPath() + " " + near + "`?"
	}
	return err
}

// wrongFlag says which flag was probably meant.
func wrongFlag(cmd *cobra.Command, err error) error {
	var named interface {
		error
		GetSpecifiedName() string
	}
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok && strings.Contains(cmd.Use, "INDEX") {
		if _, err := strconv.Atoi(unknown.GetSpecifiedShortnames()); err == nil {
			return notIndex("-" + unknown.GetSpecifiedShortnames())
		}
	}
	if bad, ok := errors.AsType[*pflag.InvalidValueError](err); ok && bad.GetFlag().Value.Type() == "int" {
		return &usageError{err: &hintedError{
			fact: fmt.Sprintf("--%s: %q is no whole number", bad.GetFlag().Name, bad.GetValue()),
			hint: "see " + cmd.CommandPath() + " --help",
		}}
	}
	if errors.As(err, &named) && len(named.GetSpecifiedName()) > 1 && cmd.Flag(named.GetSpecifiedName()) == nil {
		if near, ok := job.Nearest(named.GetSpecifiedName(), flagNames(cmd)); ok {
			err = &hintedError{fact: err.Error(), hint: "did you mean --" + near + "?"}
		}
	}
	return &usageError{err: err, command: cmd.CommandPath()}
}

func flagNames(cmd *cobra.Command) []string {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}
