package cli_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// onAFullDisk runs a job on a home of 2 MiB, which hold a part of the outputs
// only, and goes on with the run when there is room.
const onAFullDisk = `
mkdir -p home
mount -t tmpfs -o size=2m none home || exit 99
spate run -p i=1..20 > /dev/null 2> first; echo $? > first.code
spate runs > /dev/null 2> full; echo $? > full.code
mount -o remount,size=64m home
spate run --resume last > /dev/null 2> second; echo $? > second.code
exec spate results last -o json > results`

func TestAFullDisk(t *testing.T) {
	c := newChaos(t, 20, rand.New(rand.NewPCG(0, 0)))
	file := "name: full\ncommand: [sh, -c, 'head -c 150000 /dev/zero > $SPATE_OUT/zeros']\n"
	if err := os.WriteFile(filepath.Join(c.dir, "spate.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "-rm", "sh", "-c", onAFullDisk)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), c.mark, "SPATE_HOME="+filepath.Join(c.dir, "home"))
	out, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() == 99 || strings.HasPrefix(string(out), "unshare:")) {
		t.Skipf("NOT CHECKED: a small disk cannot be mounted here: %v: %s", err, out)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	read := func(name string) string { return strings.TrimSpace(readIfThere(filepath.Join(c.dir, name))) }
	fact := "spate: the disk of " + filepath.Join(c.dir, "home") + " is full\n" +
		"hint: nothing that was recorded is lost: make room, and `spate run --resume last` goes on"
	if code, log := read("first.code"), read("first"); code != "1" || !strings.HasSuffix(log, fact) || strings.Contains(log, "level=") {
		t.Errorf("on a full disk: got exit code %s and\n%s\nwant 1, no log, and at its end\n%s", code, log, fact)
	}
	if code, log := read("full.code"), read("full"); code != "0" && log != fact {
		t.Errorf("looking on a full disk: got exit code %s and\n%s\nwant 0, or\n%s", code, log, fact)
	}
	if code := read("second.code"); code != "0" {
		t.Errorf("with room: got exit code %s, want 0\n%s", code, read("second"))
	}
	var results []struct {
		Index int
		State string
	}
	if err := json.Unmarshal([]byte(read("results")), &results); err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if r.Index != i || r.State != "done" {
			t.Errorf("got %+v, want job %d done", r, i)
		}
	}
	if len(results) != c.jobs {
		t.Errorf("got %d results, want %d", len(results), c.jobs)
	}
	if left := c.processes(); len(left) > 0 {
		t.Errorf("processes %v are left", left)
	}
}
