package cli_test

import (
	"os"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// waitFor waits until a file holds a text: what a background command has
// written so far.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: waitfor file text")
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); <-tick.C {
		if strings.Contains(readIfThere(ts.MkAbs(args[0])), args[1]) {
			return
		}
	}
	ts.Fatalf("%s does not say %q within a minute: %s", args[0], args[1], readIfThere(ts.MkAbs(args[0])))
}

func readIfThere(path string) string {
	text, _ := os.ReadFile(path)
	return string(text)
}
