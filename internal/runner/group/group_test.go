package group_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/spate-run/spate/internal/runner/group"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, c group.Command, script string) *group.Group {
	t.Helper()
	c.Path, c.Args = "/bin/sh", []string{"sh", "-c", script}
	g, err := group.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Kill(); g.Wait() })
	return g
}

func TestOneWriterKeepsTheOrder(t *testing.T) {
	var out bytes.Buffer
	g := start(t, group.Command{Stdout: &out, Stderr: &out}, "echo 1; echo 2 >&2; echo 3; echo 4 >&2")
	if got, want := g.Wait(), (group.Exit{}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got, want := out.String(), "1\n2\n3\n4\n"; got != want {
		t.Errorf("got output %q, want %q", got, want)
	}
}

// A broken writer takes no bytes.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestABrokenWriterDoesNotBlockTheCommand(t *testing.T) {
	g := start(t, group.Command{Stdout: broken{}}, "i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i+1)); done; exit 7")
	if got, want := g.Wait(), (group.Exit{Code: 7}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestStandardInputIsAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(path, []byte("given"), 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var out bytes.Buffer
	start(t, group.Command{Stdin: in, Stdout: &out}, "cat").Wait()
	if got, want := out.String(), "given"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLookup(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]fs.FileMode{"bin/tool": 0o755, "bin/notes": 0o644, "later/notes": 0o644, "later/both": 0o755} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"PATH=/nowhere", "PATH=bin:" + dir + "/later"}
	tests := []struct {
		name, want string
		err        error
	}{
		{"tool", dir + "/bin/tool", nil},
		{"both", dir + "/later/both", nil},
		{"notes", "", fs.ErrPermission},
		{"nothing", "", exec.ErrNotFound},
		{"./bin/tool", "./bin/tool", nil},
		{"./bin/notes", "./bin/notes", fs.ErrPermission},
		{"./bin", "./bin", fs.ErrPermission},
		{"./bin/nothing", "./bin/nothing", exec.ErrNotFound},
		{"", "", exec.ErrNotFound},
	}
	for _, test := range tests {
		got, err := group.Lookup(test.name, dir, env)
		if got != test.want || !errors.Is(err, test.err) {
			t.Errorf("%q: got %q, %v, want %q, %v", test.name, got, err, test.want, test.err)
		}
	}
}
