package runner_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/spate-run/spate/internal/runner"
	"github.com/spate-run/spate/internal/runner/runnertest"
)

// helperEnv makes this program a helper process instead of a test.
const helperEnv = "RUNNER_TEST_HELPER"

func TestMain(m *testing.M) {
	switch os.Getenv(helperEnv) {
	case "":
		goleak.VerifyTestMain(m)
	case "worker": // what the process runner starts as the spate binary
		fmt.Println(strings.Join(os.Args[1:], " "))
		for _, variable := range os.Environ() {
			fmt.Println(variable)
		}
	case "messy": // a worker that leaves all it made when it is killed
		dir := os.Getenv(runner.EnvDir)
		if err := errors.Join(os.Mkdir(dir+"/out", 0o700), os.WriteFile(dir+"/out/x", nil, 0o600), os.Chmod(dir+"/out", 0o500)); err != nil {
			panic(err)
		}
		fmt.Println(dir)
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = self.Kill()
		}
		panic(err)
	case "engine": // starts a container and is killed before it ends
		startAndSayWho()
		select {}
	case "orphaning": // starts a container that leaves processes, and is killed
		startOrphans()
		select {}
	}
}

// ownerEnv is whose containers the engine starts that leaves orphans.
const ownerEnv = "RUNNER_TEST_OWNER"

func startOrphans() {
	p, err := runner.NewProcess(runner.ProcessConfig{Owner: os.Getenv(ownerEnv)})
	if err != nil {
		panic(err)
	}
	const script = `
		setsid sh -c "trap '' TERM; echo \$\$; exec sleep 1000" &
		sleep 1000 & echo $!
		setsid sh -c 'setsid sh -c "trap \"\" TERM; echo \$\$; exec sleep 1000" & exec true' &
		wait`
	_, err = p.Start(context.Background(), runner.Container{ID: "task", Image: "/", Stdout: os.Stdout, Command: []string{"sh", "-c", script}})
	if err != nil {
		panic(err)
	}
}

// startAndSayWho is the engine that is killed.
func startAndSayWho() {
	p, err := runner.NewProcess(runner.ProcessConfig{})
	if err != nil {
		panic(err)
	}
	running, err := p.Start(context.Background(), runner.Container{Image: "/", Command: []string{"sleep", "1000"}})
	if err != nil {
		panic(err)
	}
	fmt.Println(running.PID())
}

func newProcess(t *testing.T, config runner.ProcessConfig) *runner.Process {
	t.Helper()
	p, err := runner.NewProcess(config)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestProcessIsARunner(t *testing.T) {
	runnertest.Run(t, runnertest.Config{Runner: newProcess(t, runner.ProcessConfig{}), Image: t.TempDir()})
}

func output(t *testing.T, p *runner.Process, c runner.Container) string {
	t.Helper()
	var out bytes.Buffer
	c.Stdout = &out
	running, err := p.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if exit := running.Wait(); exit.Code != 0 {
		t.Fatalf("got exit code %d with output %q, want 0", exit.Code, &out)
	}
	return out.String()
}

// aPerson is the environment of somebody with an AWS profile and a virtual
// environment, in which an engine runs.
var aPerson = []string{
	"PATH=" + os.Getenv("PATH"), "HOME=/home/ada", "VIRTUAL_ENV=/home/ada/.venv",
	"AWS_PROFILE=work", "AWS_REGION=eu-north-1", "SPATE_HOME=/home/ada/.spate",
}

var anEngine = []string{"AWS_ENDPOINT_URL=http://127.0.0.1:1", "AWS_REGION=us-east-1"}

func TestAWorkerStandsInFrontOfTheCommand(t *testing.T) {
	p := newProcess(t, runner.ProcessConfig{Worker: os.Args[0], Environ: aPerson})
	got := strings.Split(output(t, p, runner.Container{
		ID: "task", Image: t.TempDir(), Worker: true,
		Entrypoint: []string{"python3"}, Command: []string{"train.py", "{sector}"},
		Env: []string{"SPATE_BUCKET=b", helperEnv + "=worker"}, Engine: anEngine,
	}), "\n")
	if want := "agent -- python3 train.py {sector}"; got[0] != want {
		t.Errorf("got arguments %q, want %q", got[0], want)
	}
	for _, want := range []string{
		"HOME=/home/ada", "VIRTUAL_ENV=/home/ada/.venv", "SPATE_BUCKET=b",
		"AWS_PROFILE=work", "AWS_REGION=eu-north-1", // the job's, which keeps them
		"SPATE_AWS_ENDPOINT_URL=http://127.0.0.1:1", "SPATE_AWS_REGION=us-east-1", // the worker's
		runner.EnvParent + "=" + strconv.Itoa(os.Getpid()),
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not in the worker's environment", want)
		}
	}
	for _, name := range []string{"SPATE_HOME=", "AWS_ENDPOINT_URL="} {
		if slices.ContainsFunc(got, func(v string) bool { return strings.HasPrefix(v, name) }) {
			t.Errorf("%s is in the worker's environment", name)
		}
	}
}

func TestAWorkersFolderEndsWithIt(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "work")
	p := newProcess(t, runner.ProcessConfig{Worker: os.Args[0], Dir: dir})
	var out bytes.Buffer
	running, err := p.Start(t.Context(), runner.Container{
		ID: "task", Image: "/", Worker: true, Command: []string{"true"}, Env: []string{helperEnv + "=messy"}, Stdout: &out,
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := running.Wait().Code, 128+int(syscall.SIGKILL); got != want {
		t.Errorf("got exit code %d, want %d: %s", got, want, &out)
	}
	own := strings.TrimSpace(out.String())
	if !strings.HasPrefix(own, dir+"/") {
		t.Errorf("the worker's folder is %q, want one in %s", own, dir)
	}
	if left, err := os.ReadDir(dir); len(left) > 0 || err != nil {
		t.Errorf("got %v, %v, want an empty folder", left, err)
	}
	// Other containers have none.
	const script = "echo ${" + runner.EnvDir + "-none}"
	if got := output(t, p, runner.Container{ID: "other", Image: "/", Command: []string{"sh", "-c", script}}); got != "none\n" {
		t.Errorf("another container's folder: got %q, want none", got)
	}
}

func TestOtherContainersReachTheEngineOnly(t *testing.T) {
	p := newProcess(t, runner.ProcessConfig{Environ: aPerson})
	out := output(t, p, runner.Container{
		ID: "task", Image: t.TempDir(), Command: []string{"sh", "-c", "env | grep -E '^(AWS|HOME|SPATE_HOME)' | sort"},
		Engine: anEngine,
	})
	want := "AWS_ENDPOINT_URL=http://127.0.0.1:1\nAWS_REGION=us-east-1\nHOME=/home/ada\n"
	if diff := cmp.Diff(want, out); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

func TestProcessesHaveNoImages(t *testing.T) {
	p := newProcess(t, runner.ProcessConfig{})
	_, err := p.Start(t.Context(), runner.Container{Image: "python:3.12", Command: []string{"true"}})
	want := `CannotPullContainerError: "python:3.12" is not a folder's absolute path, and processes have no images`
	if err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}

func TestTheCommandIsFoundInTheImage(t *testing.T) {
	dir := t.TempDir()
	script := []byte("#!/bin/sh\necho here\n")
	if err := os.WriteFile(dir+"/job.sh", script, 0o755); err != nil {
		t.Fatal(err)
	}
	p := newProcess(t, runner.ProcessConfig{})
	if got := output(t, p, runner.Container{Image: dir, Command: []string{"./job.sh"}}); got != "here\n" {
		t.Errorf("./job.sh printed %q, want %q", got, "here\n")
	}
	env := []string{"PATH=" + dir}
	if got := output(t, p, runner.Container{Image: dir, Command: []string{"job.sh"}, Env: env}); got != "here\n" {
		t.Errorf("job.sh by PATH printed %q, want %q", got, "here\n")
	}
}
