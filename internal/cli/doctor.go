package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/spate-run/spate/internal/job"
)

func (a *app) doctorCommand() *cobra.Command {
	var output outputFlag
	var deep bool
	cmd := &cobra.Command{
		Use:   "doctor [FOLDER]",
		Short: "Look for what would stop a run from starting",
		Long: `doctor looks at the engine's home, the machine, and the job in FOLDER, or in the
current folder where that has one. It says what would stop a run from starting,
and how to mend it. The exit code is 0 when nothing would.

With --deep it reads the home's whole store, and says whether anything in it is not
as it was written. An engine may be at work in it.

With --on aws it looks at the credentials, the account's quota, and the job's stack:
its image, network, roles, service, tasks, queues and alarms. What could not be asked
counts as no answer, and the exit code is 1 then, too.`,
		Example: `  spate doctor
  spate doctor examples/retrain
  spate doctor --on aws          why nothing runs there
  spate doctor --deep            is what is kept of runs as it was written?
  spate doctor -o json`,
		Args: misused(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			findings, err := a.examine(cmd.Context(), args)
			if err != nil {
				return err
			}
			if deep {
				findings = append(findings, checkStore(cmd.Context()))
			}
			return a.printFindings(findings, output)
		},
	}
	output.register(cmd, "table", "json")
	cmd.Flags().BoolVar(&deep, "deep", false, "read the home's whole store")
	return cmd
}

// A finding is what doctor says of one thing.
type finding struct {
	Check string  `json:"check"`
	State verdict `json:"state"`
	Fact  string  `json:"fact"`
	Hint  string  `json:"hint,omitempty"`
}

// A verdict says whether a run can start in spite of it.
type verdict string

const (
	fine    verdict = "ok"
	doubt   verdict = "warning"
	trouble verdict = "error"
)

func (a *app) examine(ctx context.Context, args []string) ([]finding, error) {
	if a.place.on == onAWS {
		return a.examineAWS(ctx, args)
	}
	home, err := defaultHome()
	if err != nil {
		return nil, err
	}
	findings := []finding{checkHome(home), checkDisk(home), checkTemp(), checkClock(home), checkPort(home)}
	if findings[0].State != trouble { // which is all that the engine would say
		findings = append(findings, a.checkEngine(ctx, home))
	}
	findings = append(findings, checkMachine())
	folder := "."
	if len(args) == 1 {
		folder = args[0]
	} else if _, err := os.Stat(filepath.Join(folder, job.FileName)); errors.Is(err, fs.ErrNotExist) {
		return append(findings, checkCommand("python3", ".", "the jobs of `spate init` and of the examples")), nil
	}
	return append(findings, checkJob(folder)...), nil
}

func (a *app) printFindings(findings []finding, output outputFlag) error {
	var err error
	rows := make([][]string, len(findings))
	for i, f := range findings {
		rows[i] = []string{f.Check, string(f.State), f.Fact}
		if f.State == trouble || f.State == unasked {
			err = errUnsuccessful
		}
	}
	if output == "json" {
		return errors.Join(printJSON(a.stdout, findings), err)
	}
	if err := printTable(a.stdout, []string{"CHECK", "STATE", "FACT"}, rows); err != nil {
		return err
	}
	for _, f := range findings {
		if f.Hint != "" {
			fmt.Fprintf(a.stderr, "hint: %s: %s\n", f.Check, f.Hint)
		}
	}
	if err == nil {
		fmt.Fprintln(a.stderr, "a run can start")
	}
	return err
}
