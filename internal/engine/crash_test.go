package engine_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/spate-run/spate/internal/engine"
)

// leftBehind starts a process as an engine would have, and tells when it ends.
func leftBehind(t *testing.T, owner string) (*exec.Cmd, <-chan struct{}) {
	t.Helper()
	cmd := exec.Command("sleep", "1000")
	cmd.Env = append(os.Environ(), "SPATE_CONTAINER="+owner+".task")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // it is killed
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		<-ended
	})
	return cmd, ended
}

func TestWhatAKilledEngineLeftIsEnded(t *testing.T) {
	home, copied := t.TempDir(), t.TempDir()
	_, stop := opened(t, engine.Config{Home: home})
	stop()
	text, err := os.ReadFile(filepath.Join(home, "identity"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(copied, "identity"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	_, ended := leftBehind(t, engine.Owner(t, home))
	others, _ := leftBehind(t, engine.Owner(t, copied))

	// One that only answers leaves it: it gives the jobs to nobody else.
	_, stop = opened(t, engine.Config{Home: home, Quiet: true})
	stop()
	select {
	case <-ended:
		t.Fatal("an engine that only looks has ended a process")
	default:
	}
	opened(t, engine.Config{Home: home})
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the process is there when its home has another engine")
	}
	if err := others.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("a process of another home was ended: %v", err)
	}
}

func TestAnEngineThatIsStartingHasNoAddress(t *testing.T) {
	err := &engine.BusyError{Home: "/home"}
	if got, want := err.Error(), "another engine is starting or ending in /home"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// opened runs an engine and returns it, and what ends it.
func opened(t *testing.T, cfg engine.Config) (e *engine.Engine, stop func()) {
	t.Helper()
	e, err := engine.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e, serve(t, e)
}
