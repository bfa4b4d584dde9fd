package worker_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/spate-run/spate/internal/worker"
)

// build builds a program for Linux that does nothing.
func build(t *testing.T, arch worker.Arch) string {
	t.Helper()
	dir := t.TempDir()
	source := filepath.Join(dir, "main.go")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "program")
	command := exec.CommandContext(t.Context(), "go", "build", "-o", path, source)
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+string(arch))
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("building a program: %v\n%s", err, out)
	}
	return path
}

func TestAProgramIsFound(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the program of this machine is no worker")
	}
	self := build(t, worker.AMD64)
	finder := worker.Finder{Self: self}
	if got, err := finder.Program(t.Context(), worker.AMD64); got != self || err != nil {
		t.Errorf("got %q and %v, want the program itself", got, err)
	}
	_, err := finder.Program(t.Context(), worker.ARM64)
	wrong, ok := errors.AsType[*worker.ProgramError](err)
	if !ok || !strings.HasPrefix(wrong.Hint(), "CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go build ") {
		t.Errorf("got %v, want an error that says how to build it", err)
	}
	beside := filepath.Join(filepath.Dir(self), "spate-linux-arm64")
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	program[18] = 183 // what a program for arm64 says of itself
	if err := os.WriteFile(beside, program, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := finder.Program(t.Context(), worker.ARM64); got != beside || err != nil {
		t.Errorf("got %q and %v, want the one beside it", got, err)
	}
}

func TestAProgramIsBuilt(t *testing.T) {
	checkout := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.com/x\n", "cmd/spate/main.go": "package main\n\nfunc main() {}\n",
	} {
		path := filepath.Join(checkout, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	self := filepath.Join(t.TempDir(), "spate") // which is not there: as on a machine without Linux
	finder := worker.Finder{Self: self, Checkout: checkout, Cache: t.TempDir()}
	path, err := finder.Program(t.Context(), worker.AMD64)
	if err != nil {
		t.Fatal(err)
	}
	if err := worker.Check(path, worker.AMD64); err != nil {
		t.Errorf("what was built is no worker: %v", err)
	}
	if err := worker.Check(path, worker.ARM64); err == nil || !strings.HasSuffix(err.Error(), " is not for arm64, as the image is") {
		t.Errorf("got %v, want that it is for another processor", err)
	}
	finder.Checkout = t.TempDir()
	if _, err := finder.Program(t.Context(), worker.AMD64); err == nil || !strings.Contains(err.Error(), "go.mod") {
		t.Errorf("got %v, want what go build says", err)
	}
}

func TestTheCheckoutIsAboveTheFolder(t *testing.T) {
	here, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	if got := worker.Checkout(dir); got != here {
		t.Errorf("got %q, want %q", got, here)
	}
	if got := worker.Checkout(t.TempDir()); got != "" {
		t.Errorf("got %q, want none: there is no source of spate", got)
	}
}
