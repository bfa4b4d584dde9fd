package runner_test

import (
	"bufio"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/spate-run/spate/internal/runner"
)

func TestASweepEndsWhatAnEngineLeft(t *testing.T) {
	owner, other := "OWNER"+strconv.Itoa(os.Getpid()), "OTHER"+strconv.Itoa(os.Getpid())
	left, others := orphan(t, owner), orphan(t, other)
	t.Cleanup(func() { runner.Sweep(other) })
	// One goes when it is told to, and the others are deaf.
	if got, want := runner.Sweep(owner), 3; got != want {
		t.Errorf("got %d processes, want %d", got, want)
	}
	for _, pid := range left {
		if alive(pid) {
			t.Errorf("process %d is there after the sweep", pid)
		}
	}
	for _, pid := range others {
		if !alive(pid) {
			t.Errorf("process %d of another owner was ended", pid)
		}
	}
	if got := runner.Sweep(owner); got != 0 {
		t.Errorf("got %d processes in a second sweep, want none", got)
	}
}

// orphan leaves three processes of an engine that is killed.
func orphan(t *testing.T, owner string) []int {
	t.Helper()
	engine := exec.Command(os.Args[0])
	engine.Env = append(os.Environ(), helperEnv+"=orphaning", ownerEnv+"="+owner)
	engine.Dir = t.TempDir()
	stdout, err := engine.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := engine.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	var pids []int
	for len(pids) < 3 && lines.Scan() {
		pid, err := strconv.Atoi(strings.TrimSpace(lines.Text()))
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	if len(pids) != 3 {
		t.Fatalf("got processes %v, want three", pids)
	}
	if err := engine.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = engine.Wait() // it was killed
	return pids
}
