package cli

import (
	"io"
	"testing"

	"github.com/spf13/cobra"
)

// Whoever asks for the help of any command sees how it is typed.
func TestEveryCommandHasAnExample(t *testing.T) {
	a := &app{stdout: io.Discard, stderr: io.Discard}
	n := 0
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		n++
		if cmd.Example == "" {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(a.root())
	if n < 15 {
		t.Errorf("got %d commands, want all", n)
	}
}
