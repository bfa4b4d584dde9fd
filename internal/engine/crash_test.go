package engine_test

import (
	"errors"
	"io/fs"
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

func TestWhatKilledWorkersLeftIsRemoved(t *testing.T) {
	home, err := os.MkdirTemp("", "spate") // a longer path would have no such folder
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	left := filepath.Join(home, "work", "1", "out")
	if err := os.MkdirAll(left, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(left, "x"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, stop := opened(t, engine.Config{Home: home, Quiet: true})
	stop()
	if _, err := os.Stat(left); err != nil {
		t.Errorf("an engine that only looks has removed it: %v", err)
	}
	opened(t, engine.Config{Home: home})
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is there when its home has another engine: %v", err)
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
