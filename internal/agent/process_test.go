package agent_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spate-run/spate/internal/agent"
	"github.com/spate-run/spate/internal/record"
	"github.com/spate-run/spate/internal/runner"
)

// environ is the environment of a worker in a process of its own.
func (b *bed) environ(helper string) []string {
	return append(os.Environ(),
		helperEnv+"="+helper,
		"SPATE_QUEUE_URL="+b.queue, "SPATE_BUCKET="+bucket, "SPATE_DIR="+b.t.TempDir(),
		"SPATE_AWS_ENDPOINT_URL="+b.url, "SPATE_AWS_ACCESS_KEY_ID=AKIDEXAMPLE",
		"SPATE_AWS_SECRET_ACCESS_KEY=secret", "SPATE_AWS_REGION=us-east-1",
	)
}

// startEngine is an engine that starts one worker, prints its process id, and
// waits to be killed.
func startEngine() error {
	p, err := runner.NewProcess(runner.ProcessConfig{Worker: os.Args[0]})
	if err != nil {
		return err
	}
	env := []string{helperEnv + "=worker"}
	for _, variable := range os.Environ() {
		if strings.HasPrefix(variable, "SPATE_") {
			env = append(env, variable)
		}
	}
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	running, err := p.Start(context.Background(), runner.Container{
		ID: "task", Image: dir, Worker: true, Command: os.Args[1:], Env: env, Stderr: os.Stderr,
	})
	if err != nil {
		return err
	}
	fmt.Println(running.PID())
	select {}
}

// start starts this program as a helper, and returns it and the lines that it
// prints.
func (b *bed) start(helper string, args ...string) (*exec.Cmd, *bufio.Reader) {
	b.t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = b.environ(helper)
	cmd.Stderr = b.t.Output()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd, bufio.NewReader(stdout)
}

func (b *bed) readPID(from *bufio.Reader) int {
	b.t.Helper()
	line, err := from.ReadString('\n')
	if err != nil {
		b.t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		b.t.Fatal(err)
	}
	return pid
}

// awaitPIDs waits for a file with n process ids.
func awaitPIDs(t *testing.T, path string, n int) []int {
	t.Helper()
	var pids []int
	eventually(t, fmt.Sprintf("%d process ids in %s", n, path), func() bool {
		text, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		pids = nil
		for _, field := range strings.Fields(string(text)) {
			pid, err := strconv.Atoi(field)
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
		return len(pids) == n
	})
	return pids
}

// eventually waits for what other processes do, of which nothing tells.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func alive(pid int) bool {
	state, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && !strings.HasPrefix(string(state), "Z")
}

func wantGone(t *testing.T, pids ...int) {
	t.Helper()
	for _, pid := range pids {
		eventually(t, fmt.Sprintf("the end of process %d", pid), func() bool { return !alive(pid) })
	}
}

// leaveChildren starts a child in the job's group and, where there is setsid,
// one in a session of its own, and writes their process ids.
func leaveChildren(t *testing.T) (script string, path string, n int) {
	path = filepath.Join(t.TempDir(), "pids")
	script, n = "sleep 1000 & echo $! >> "+path+";", 1
	if runtime.GOOS == "linux" {
		script, n = script+"setsid sh -c 'echo $$ >> "+path+"; exec sleep 1000' &", 2
	}
	return script, path, n
}

func TestChildrenThatAJobLeavesAreEnded(t *testing.T) {
	b := newBed(t)
	b.run(1, nil)
	b.send(0, 1, "{}")
	script, path, n := leaveChildren(t)
	b.work(script + fmt.Sprintf(` while [ "$(wc -l < %s)" -lt %d ]; do sleep 0.01; done`, path, n))
	if got := b.result(0, 1); got.State != record.Done {
		t.Errorf("got %+v, want it done", got)
	}
	for _, pid := range awaitPIDs(t, path, n) {
		if alive(pid) {
			t.Errorf("process %d is there after its job's result", pid)
		}
	}
}

func TestAWorkerThatIsKilledLosesItsAttempt(t *testing.T) {
	b := newBed(t)
	b.run(1, nil)
	b.send(0, 1, "{}")
	worker, out := b.start("worker", "agent", "--", "sh", "-c", "echo $$; exec sleep 1000")
	pid := b.readPID(out)
	if err := worker.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = worker.Wait() // it was killed
	if runtime.GOOS == "linux" {
		wantGone(t, pid)
	}
	b.start("worker", "agent", "--", "true")
	if got := b.result(0, 1); got.State != record.Done || got.Attempt != 2 {
		t.Errorf("got %+v, want it done by the second attempt", got)
	}
	if prefix := record.AttemptPrefix(runID, 0, 1, 1); b.exists(prefix + "end.json") {
		t.Error("the lost attempt has an end")
	}
}

func TestSIGTERMStopsAWorker(t *testing.T) {
	b := newBed(t)
	b.run(1, nil)
	b.send(0, 1, "{}")
	worker, out := b.start("worker", "agent", "--", "sh", "-c", "echo $$; exec sleep 1000")
	pid := b.readPID(out)
	if err := worker.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := worker.Wait(); err != nil {
		t.Errorf("the worker ended with %v, want exit code 0", err)
	}
	wantGone(t, pid)
	if got := b.end(0, 1, 1); got.State != record.Interrupted || got.ExitCode != 143 {
		t.Errorf("got %+v, want it interrupted by SIGTERM", got)
	}
	if visible, _ := b.queued(); visible != 1 {
		t.Error("the message is not visible")
	}
}

func TestNothingOutlivesTheEngine(t *testing.T) {
	b := newBed(t)
	b.run(1, nil)
	b.send(0, 1, "{}")
	script, path, n := leaveChildren(t)
	engine, out := b.start("engine", "sh", "-c", script+" trap '' TERM; echo $$ >> "+path+"; while :; do sleep 0.05; done")
	worker := b.readPID(out)
	pids := awaitPIDs(t, path, n+1)
	if err := engine.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = engine.Wait() // it was killed
	wantGone(t, append(pids, worker)...)
	b.start("worker", "agent", "--", "true")
	if got := b.result(0, 1); got.State != record.Done || got.Attempt != 2 {
		t.Errorf("got %+v, want it done by the second attempt", got)
	}
}

func TestABrokenOutputDoesNotEndTheJob(t *testing.T) {
	b := newBed(t)
	b.run(1, nil)
	cmd := exec.Command(os.Args[0], "agent", "--", "sh", "-c", "yes | head -n 100000")
	cmd.Env = b.environ("worker")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if err := errors.Join(w.Close(), r.Close()); err != nil {
		t.Fatal(err)
	}
	b.send(0, 1, "{}")
	if got := b.result(0, 1); got.State != record.Done {
		t.Errorf("got %+v, want it done", got)
	}
	if got, want := len(b.text(record.AttemptPrefix(runID, 0, 1, 1)+"log.txt")), 200_000; got != want {
		t.Errorf("got a log of %d bytes, want %d", got, want)
	}
}

func TestFromEnvNeedsAWholeParent(t *testing.T) {
	_, err := agent.FromEnv(t.Context(), []string{"SPATE_PARENT=x"}, nil)
	if want := `SPATE_PARENT is "x", and no process id`; err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}
