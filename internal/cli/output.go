package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// An outputFlag is the value of -o.
type outputFlag string

// register adds -o to a command; the first format is the default.
func (f *outputFlag) register(cmd *cobra.Command, formats ...string) {
	*f = outputFlag(formats[0])
	cmd.Flags().VarP(&formatValue{f, formats}, "output", "o", "format: "+strings.Join(formats, ", "))
	mustComplete(cmd, "output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
}

// A formatValue refuses formats that a command does not have.
type formatValue struct {
	*outputFlag
	formats []string
}

func (v *formatValue) String() string { return string(*v.outputFlag) }
func (v *formatValue) Type() string   { return "format" }

func (v *formatValue) Set(s string) error {
	if !slices.Contains(v.formats, s) {
		return fmt.Errorf("the formats are %s", strings.Join(v.formats, ", "))
	}
	*v.outputFlag = outputFlag(s)
	return nil
}
