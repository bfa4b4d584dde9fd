package agent

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// nobodyEnv says that this process has given up being root.
const nobodyEnv = "AGENT_TEST_NOBODY"

func TestAFileThatCannotBeReadIsLeftOut(t *testing.T) {
	if os.Getuid() == 0 && os.Getenv(nobodyEnv) == "" { // who may read everything
		again := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$")
		again.Dir, again.Env = "/", append(os.Environ(), nobodyEnv+"=1", "TMPDIR=/tmp")
		again.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		if out, err := again.CombinedOutput(); err != nil {
			t.Errorf("as nobody: %v\n%s", err, out)
		}
		return
	}
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	if err := os.Mkdir(out, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{"open": 0o600, "shut": 0} {
		if err := os.WriteFile(filepath.Join(out, name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	var notes strings.Builder
	box, err := openOutbox(dir, func(format string, args ...any) { fmt.Fprintf(&notes, format+"\n", args...) })
	if err != nil {
		t.Fatal(err)
	}
	defer box.close()
	if got := box.outputs(); len(got) != 1 || got[0].Name != "open" {
		t.Errorf("got outputs %+v, want the open one alone", got)
	}
	if want := `output "shut" is left out: `; !strings.Contains(notes.String(), want) {
		t.Errorf("got notes %q, want %q in them", notes.String(), want)
	}
}
