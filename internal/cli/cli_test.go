package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/spate-run/spate/internal/cli"
	"github.com/spate-run/spate/internal/runner/docker"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"spate": func() {
		ctx, stop := cli.Interruptible(context.Background(), func() { os.Exit(1) })
		code := cli.Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
		stop()
		os.Exit(code)
	}})
}

func TestScripts(t *testing.T) {
	// Under nohup the commands would not hear of a terminal that is closed.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("SPATE_HOME", filepath.Join(env.WorkDir, ".home"))
			env.Setenv("EXAMPLES", folder(t, "../../examples"))
			env.Setenv("CDK", folder(t, "../../testdata/cdk"))
			return nil
		},
		Condition: func(cond string) (bool, error) {
			if cond == "docker" {
				return docker.Find(t.Context()) == nil, nil
			}
			name, ok := strings.CutPrefix(cond, "python:")
			if !ok {
				return false, fmt.Errorf("unknown condition %q", cond)
			}
			return exec.Command("python3", "-c", "import "+name).Run() == nil, nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"noprocess": noProcess,
			"waitfor":   waitFor,
		},
	})
}

func folder(t *testing.T, path string) string {
	dir, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// noProcess fails when a process of this script's engines is left: each is
// marked by the script's own home. What ends without being waited for may be
// given some time.
func noProcess(ts *testscript.TestScript, neg bool, args []string) {
	var patience time.Duration
	if len(args) == 1 {
		var err error
		patience, err = time.ParseDuration(args[0])
		ts.Check(err)
	}
	if neg || len(args) > 1 {
		ts.Fatalf("usage: noprocess [patience]")
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; <-tick.C {
		left := processesLeft(ts)
		if left == "" {
			return
		}
		if !time.Now().Before(deadline) {
			ts.Fatalf("%s", left)
		}
	}
}

func processesLeft(ts *testscript.TestScript) string {
	marked := []byte(ts.Getenv("WORK"))
	environs, err := filepath.Glob("/proc/[0-9]*/environ")
	ts.Check(err)
	for _, path := range environs {
		env, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(env, marked) {
			continue // it has ended, or is another's
		}
		command, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		if len(command) > 0 { // a zombie has no command line
			return fmt.Sprintf("%s is left: %s", filepath.Dir(path), bytes.ReplaceAll(command, []byte{0}, []byte{' '}))
		}
	}
	return ""
}
