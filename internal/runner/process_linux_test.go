package runner_test

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spate-run/spate/internal/runner"
)

func TestChildrenInSessionsOfTheirOwnAreEnded(t *testing.T) {
	p := newProcess(t, runner.ProcessConfig{})
	// The inner shell prints its id once it has left the session.
	out := output(t, p, runner.Container{
		ID: "task", Image: t.TempDir(),
		Command: []string{"sh", "-c", `setsid sh -c 'echo $$ > pid; exec sleep 1000' & while ! [ -s pid ]; do sleep 0.01; done; cat pid`},
	})
	pid, err := strconv.Atoi(strings.TrimSpace(out))
	if err != nil {
		t.Fatal(err)
	}
	if alive(pid) {
		t.Errorf("process %d is there after its container has ended", pid)
	}
}

func TestContainersEndWithTheEngine(t *testing.T) {
	engine := exec.Command(os.Args[0])
	engine.Env = append(os.Environ(), helperEnv+"=engine")
	stdout, err := engine.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := engine.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || !alive(pid) {
		t.Fatalf("container %q is not there: %v", line, err)
	}
	if err := engine.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = engine.Wait() // it was killed
	gone(t, pid)
}

// alive says whether a process exists; one that ended and was not collected
// by its parent counts as gone.
func alive(pid int) bool {
	if err := syscall.Kill(pid, 0); errors.Is(err, syscall.ESRCH) {
		return false
	}
	state, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && !strings.HasPrefix(string(state), "Z")
}

// gone waits until a process has ended. What ends it is the kernel, of which
// nothing tells.
func gone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); alive(pid); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("process %d is still there", pid)
		}
	}
}
