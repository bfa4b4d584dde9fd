package group_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/spate-run/spate/internal/runner/group"
)

// leaveStrays starts three processes that leave the group and lose their
// parent, and prints their ids; the last has no environment.
const leaveStrays = `
setsid sh -c 'echo $$; setsid sh -c "echo \$\$; exec sleep 1000" & exec sleep 1000' &
while [ "$(wc -l < out)" -lt 2 ]; do sleep 0.01; done
setsid env -i /bin/sh -c 'echo $$; exec sleep 1000' &
while [ "$(wc -l < out)" -lt 3 ]; do sleep 0.01; done`

func strays(t *testing.T, c group.Command) []int {
	t.Helper()
	c.Dir = t.TempDir()
	start(t, c, "("+leaveStrays+") > out").Wait()
	out, err := os.ReadFile(filepath.Join(c.Dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, line := range strings.Fields(string(out)) {
		pid, err := strconv.Atoi(line)
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	if len(pids) != 3 {
		t.Fatalf("got strays %v, want three", pids)
	}
	return pids
}

// running says whether a process exists and is no zombie.
func running(pid int) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return err == nil && !bytes.Contains(stat, []byte(") Z "))
}

func TestAReaperEndsEveryStray(t *testing.T) {
	reaper, err := group.NewReaper()
	if err != nil {
		t.Fatal(err)
	}
	defer reaper.Close()
	for _, pid := range strays(t, group.Command{Reaper: reaper}) {
		if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
			t.Errorf("process %d is still there, or nobody collected it: %v", pid, err)
		}
	}
}

func TestAReaperCollectsWhileTheCommandRuns(t *testing.T) {
	reaper, err := group.NewReaper()
	if err != nil {
		t.Fatal(err)
	}
	defer reaper.Close()
	// The grandchild falls to this process and ends; the command ends when
	// nobody has the grandchild's id any more, a zombie being somebody.
	script := `sh -c 'sleep 0.05 & echo $! > pid'; while kill -0 "$(cat pid)" 2>/dev/null; do sleep 0.01; done`
	g := start(t, group.Command{Reaper: reaper, Dir: t.TempDir()}, script)
	if got, want := g.Wait(), (group.Exit{}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestAMarkerFindsStrays(t *testing.T) {
	const marker = "GROUP_TEST_MARKER=1"
	pids := strays(t, group.Command{Marker: marker, Env: append(os.Environ(), marker)})
	for _, pid := range pids[:2] {
		if running(pid) {
			t.Errorf("process %d is still there", pid)
		}
	}
	// Documented: what clears its environment is not found by it.
	for _, pid := range pids[2:] {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}
