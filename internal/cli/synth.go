package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/spate-run/spate"
	"github.com/spate-run/spate/internal/job"
)

func (a *app) synthCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "synth [FOLDER]",
		Short: "Print the CloudFormation template of a job",
		Example: `  spate synth examples/retrain > template.json
  aws cloudformation validate-template --template-body file://template.json`,
		Args: misused(cobra.MaximumNArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			folder := "."
			if len(args) == 1 {
				folder = args[0]
			}
			j, err := job.Load(folder)
			if err != nil {
				return err
			}
			stack := spate.Job(j)
			t, err := stack.Template()
			if err != nil {
				return err
			}
			for _, warning := range stack.Warnings() {
				a.tell("warning: "+warning, "")
			}
			text, err := t.MarshalJSON()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.stdout, "%s\n", text)
			return err
		},
	}
}
