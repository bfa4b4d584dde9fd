// Package runnertest is the suite that every [runner.Runner] passes.
package runnertest

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/runner"
)

// patience bounds what a runner has to do at once. It only decides how long a
// broken runner takes to fail.
const patience = 20 * time.Second

// A Config is a runner, and an image with a POSIX shell that it can start.
type Config struct {
	Runner runner.Runner
	Image  string
}

// Run runs the suite.
func Run(t *testing.T, c Config) {
	t.Run("an exit code comes through", c.exitCode)
	t.Run("a signal's exit code is 128 and its number", c.signalCode)
	t.Run("output is whole and kept apart", c.output)
	t.Run("the entry point comes before the command", c.arguments)
	t.Run("the definition's environment is there", c.environment)
	t.Run("the engine's environment is there", c.engineEnvironment)
	t.Run("the working directory overrides the image's", c.workingDirectory)
	t.Run("standard input is empty", c.standardInput)
	t.Run("stopping sends SIGTERM first", c.stopPolitely)
	t.Run("stopping ends what ignores SIGTERM", c.stopByForce)
	t.Run("stopping what has ended returns", c.stopEnded)
	t.Run("many may wait and stop", c.manyWait)
	t.Run("children left behind are ended", c.children)
	t.Run("a command that does not exist", c.missingCommand)
	t.Run("an image that does not exist", c.missingImage)
	t.Run("a working directory that does not exist", c.missingDirectory)
}

// A container is one that the suite started.
type container struct {
	runner.Running
	stdout, stderr *buffer
}

// shell describes a container that runs a script.
func (c Config) shell(t *testing.T, script string) runner.Container {
	t.Helper()
	id := strings.Map(func(r rune) rune {
		if strings.ContainsRune("/ '", r) {
			return '-'
		}
		return r
	}, t.Name())
	return runner.Container{
		ID: id, Image: c.Image, Entrypoint: []string{"sh", "-c"}, Command: []string{script},
		StopTimeout: patience,
	}
}

func (c Config) start(t *testing.T, describe runner.Container) container {
	t.Helper()
	started := container{stdout: &buffer{}, stderr: &buffer{}}
	describe.Stdout, describe.Stderr = started.stdout, started.stderr
	running, err := c.Runner.Start(t.Context(), describe)
	if err != nil {
		t.Fatalf("starting %q: %v", describe.Command, err)
	}
	t.Cleanup(running.Stop)
	started.Running = running
	return started
}

// wait returns how a container ended, and fails the test if it does not.
func wait(t *testing.T, running runner.Running) runner.Exit {
	t.Helper()
	ended := make(chan runner.Exit, 1)
	go func() { ended <- running.Wait() }()
	select {
	case exit := <-ended:
		return exit
	case <-time.After(patience):
		t.Fatal("the container has not ended")
		return runner.Exit{}
	}
}

func wantCode(t *testing.T, running runner.Running, want int) {
	t.Helper()
	if got := wait(t, running); got.Code != want {
		t.Errorf("got exit code %d, want %d", got.Code, want)
	}
}

func wantOutput(t *testing.T, got *buffer, want string) {
	t.Helper()
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}

func (c Config) exitCode(t *testing.T) {
	wantCode(t, c.start(t, c.shell(t, "exit 65")), 65)
}

func (c Config) signalCode(t *testing.T) {
	// A shell that is PID 1 cannot kill itself: a child reports for it.
	wantCode(t, c.start(t, c.shell(t, "sh -c 'kill -KILL $$'; exit $?")), 137)
}

func (c Config) output(t *testing.T) {
	const lines = 50_000
	got := c.start(t, c.shell(t, "echo oops >&2; i=0; while [ $i -lt 50000 ]; do echo $i; i=$((i+1)); done; printf end"))
	wantCode(t, got, 0)
	wantOutput(t, got.stderr, "oops\n")
	out := got.stdout.String()
	if n := strings.Count(out, "\n"); n != lines || !strings.HasSuffix(out, "49999\nend") {
		t.Errorf("got %d lines that end in %q, want %d that end in the last and \"end\"", n, out[max(0, len(out)-12):], lines)
	}
}

func (c Config) arguments(t *testing.T) {
	describe := c.shell(t, "")
	describe.Entrypoint = []string{"sh", "-c", `printf '%s|' "$@"`, "name"}
	describe.Command = []string{"a b", "", "*", "$HOME"}
	got := c.start(t, describe)
	wantCode(t, got, 0)
	wantOutput(t, got.stdout, "a b||*|$HOME|")
}

func (c Config) environment(t *testing.T) {
	describe := c.shell(t, `printf '%s|%s' "$LOG" "$EMPTY-"`)
	describe.Env = []string{"LOG=a=b c", "EMPTY="}
	got := c.start(t, describe)
	wantCode(t, got, 0)
	wantOutput(t, got.stdout, "a=b c|-")
}

func (c Config) engineEnvironment(t *testing.T) {
	describe := c.shell(t, `printf '%s' "$AWS_ENDPOINT_URL"`)
	describe.Engine = []string{"AWS_ENDPOINT_URL=http://127.0.0.1:1"}
	got := c.start(t, describe)
	wantCode(t, got, 0)
	wantOutput(t, got.stdout, "http://127.0.0.1:1")
}

func (c Config) workingDirectory(t *testing.T) {
	describe := c.shell(t, "pwd")
	describe.WorkingDirectory = "/"
	got := c.start(t, describe)
	wantCode(t, got, 0)
	wantOutput(t, got.stdout, "/\n")
}

func (c Config) standardInput(t *testing.T) {
	got := c.start(t, c.shell(t, "cat; echo end"))
	wantCode(t, got, 0)
	wantOutput(t, got.stdout, "end\n")
}

func (c Config) stopPolitely(t *testing.T) {
	got := c.start(t, c.shell(t, "trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.05; done"))
	got.stdout.await(t, "ready\n")
	got.Stop()
	wantCode(t, got, 3)
	wantOutput(t, got.stdout, "ready\nbye\n")
}

func (c Config) stopByForce(t *testing.T) {
	describe := c.shell(t, "trap '' TERM; echo ready; while :; do sleep 0.05; done")
	describe.StopTimeout = time.Second
	got := c.start(t, describe)
	got.stdout.await(t, "ready\n")
	began := time.Now()
	got.Stop()
	wantCode(t, got, 137)
	if took := time.Since(began); took < describe.StopTimeout {
		t.Errorf("it was ended after %v, want the stop timeout of %v", took, describe.StopTimeout)
	}
}

func (c Config) stopEnded(t *testing.T) {
	got := c.start(t, c.shell(t, "exit 4"))
	wantCode(t, got, 4)
	got.Stop()
	wantCode(t, got, 4)
}

func (c Config) manyWait(t *testing.T) {
	got := c.start(t, c.shell(t, "trap 'exit 3' TERM; echo ready; while :; do sleep 0.05; done"))
	got.stdout.await(t, "ready\n")
	var all sync.WaitGroup
	for range 4 {
		all.Go(got.Stop)
		all.Go(func() {
			if exit := got.Wait(); exit.Code != 3 {
				t.Errorf("got exit code %d, want 3", exit.Code)
			}
		})
	}
	all.Wait()
}

func (c Config) children(t *testing.T) {
	// The child holds the output open: a runner that waited for it would not
	// return.
	got := c.start(t, c.shell(t, "sleep 1000 & echo started"))
	wantCode(t, got, 0)
	wantOutput(t, got.stdout, "started\n")
}

func (c Config) missingCommand(t *testing.T) {
	describe := c.shell(t, "")
	describe.Entrypoint, describe.Command = []string{"spate-no-such-command"}, nil
	c.wantRefused(t, describe, "CannotStartContainerError: ", "spate-no-such-command", "executable file not found in $PATH")
}

func (c Config) missingImage(t *testing.T) {
	describe := c.shell(t, "true")
	describe.Image = "/spate/no/such/image"
	c.wantRefused(t, describe, "CannotPullContainerError: ", describe.Image)
}

func (c Config) missingDirectory(t *testing.T) {
	describe := c.shell(t, "true")
	describe.WorkingDirectory = "/dev/null/nowhere"
	c.wantRefused(t, describe, "CannotStartContainerError: ", describe.WorkingDirectory)
}

// wantRefused wants an error that begins with ECS's word and holds the facts.
func (c Config) wantRefused(t *testing.T, describe runner.Container, word string, facts ...string) {
	t.Helper()
	running, err := c.Runner.Start(t.Context(), describe)
	if err == nil {
		running.Stop()
		t.Fatalf("it started, want an error %q", word)
	}
	if !strings.HasPrefix(err.Error(), word) {
		t.Errorf("got error %q, want one that begins with %q", err, word)
	}
	for _, fact := range facts {
		if !strings.Contains(err.Error(), fact) {
			t.Errorf("got error %q, want one that names %q", err, fact)
		}
	}
}

// A buffer keeps what is written to it, and tells who waits for it.
type buffer struct {
	mu   sync.Mutex
	data bytes.Buffer
	more chan struct{} // closed at the next write
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.more != nil {
		close(b.more)
		b.more = nil
	}
	return b.data.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.String()
}

// await returns when the buffer holds want.
func (b *buffer) await(t *testing.T, want string) {
	t.Helper()
	deadline := time.After(patience)
	for {
		b.mu.Lock()
		if strings.Contains(b.data.String(), want) {
			b.mu.Unlock()
			return
		}
		if b.more == nil {
			b.more = make(chan struct{})
		}
		more := b.more
		b.mu.Unlock()
		select {
		case <-more:
		case <-deadline:
			t.Fatalf("got output %q, want %q in it", b, want)
		}
	}
}
