package docker_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spate-run/spate/internal/runner"
	"github.com/spate-run/spate/internal/runner/docker"
	"github.com/spate-run/spate/internal/runner/docker/dockertest"
)

// The probe is both the worker and what the image holds. As a worker it is
// started as "worker agent -- …", and takes the words of the command for its own.
func TestTheWorkerStandsInFrontOfTheImage(t *testing.T) {
	r := newRig(t, nil)
	for _, c := range []struct {
		name       string
		image      []string // lines of its Dockerfile
		entrypoint []string
		command    []string
		want       string
	}{
		{"scratch", nil, nil, []string{"/job", "some"}, "/job|some"},
		{"ENTRYPOINT and CMD", []string{`ENTRYPOINT ["/job"]`, `CMD ["some", "x"]`}, nil, nil, "/job|some|x"},
		{"CMD alone", []string{`CMD ["/job", "some"]`}, nil, nil, "/job|some"},
		{"ENTRYPOINT with a command", []string{`ENTRYPOINT ["/job"]`, `CMD ["other"]`}, nil, []string{"some", "{sector}"}, "/job|some|{sector}"},
		{"an entry point of the definition's", []string{`ENTRYPOINT ["/job"]`, `CMD ["other"]`}, []string{"/else", "some"}, nil, "/else|some"},
		{"a line as CMD", []string{`CMD some job`}, nil, nil, "/bin/sh|-c|some job"},
		{"a line as ENTRYPOINT", []string{`ENTRYPOINT some job`}, nil, nil, "/bin/sh|-c|some job"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &rig{T: t, Runner: r.Runner, api: r.api, owner: r.owner, probe: r.probe}
			r.want(runner.Container{
				Image: r.image(c.image...), Worker: true, Entrypoint: c.entrypoint, Command: c.command, Env: []string{"PROBE=args"},
			}, "/.spate/worker|agent|--|"+c.want+"\n")
		})
	}
}

func TestAnImageKeepsAWorkerOfItsOwn(t *testing.T) {
	r := newRig(t, func(c *docker.Config) { c.Worker = "/nowhere" })
	files := dockertest.Files(t, ".spate/worker", r.probe)
	image := dockertest.Image(t, r.api, files, `ENTRYPOINT ["/.spate/worker", "agent", "--", "/own"]`, `CMD ["other"]`)
	r.want(runner.Container{Image: image, Worker: true, Command: []string{"some"}, Env: []string{"PROBE=args"}},
		"/.spate/worker|agent|--|/own|some\n")
	r.want(runner.Container{Image: image, Worker: true, Env: []string{"PROBE=args"}}, "/.spate/worker|agent|--|/own|other\n")
}

func TestALineAsEntryPointTakesNoCommand(t *testing.T) {
	r := newRig(t, nil)
	_, err := r.Start(t.Context(), runner.Container{
		ID: r.id(), Image: r.image("ENTRYPOINT train --all"), Worker: true, Command: []string{"--sector", "x"},
	})
	want := `CannotCreateContainerError: the image's ENTRYPOINT is a line for a shell, "train --all", which takes no arguments, and there is a command: write it as a list, ENTRYPOINT ["program", "argument"]`
	if err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
	_, err = r.Start(t.Context(), runner.Container{ID: r.id(), Image: r.image(), Worker: true})
	if want := "CannotCreateContainerError: no command specified"; err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}

func TestAWorkerHasAFolderWhereverItRuns(t *testing.T) {
	r := newRig(t, nil)
	for _, c := range []struct {
		name string
		box  runner.Box
		user string
	}{
		{"root", runner.Box{}, "user 0 0"},
		{"another user", runner.Box{User: "1234:567"}, "user 1234 567"},
		{"a root that is read-only", runner.Box{ReadOnly: true}, "user 0 0"},
		{"both", runner.Box{ReadOnly: true, User: "1234:567"}, "user 1234 567"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &rig{T: t, Runner: r.Runner, api: r.api, owner: r.owner, probe: r.probe}
			r.want(runner.Container{
				Image: r.image(), Worker: true, Box: c.box, Task: "t",
				Command: []string{"user", "write=/.spate/work/w/x", "write=/.spate/worker", "env=SPATE_DIR", "env=SPATE_AWS_REGION", "env=AWS_REGION"},
				Engine:  []string{"AWS_REGION=us-east-1"},
			}, c.user+"\nwrite /.spate/work/w/x true\nwrite /.spate/worker false\nSPATE_DIR=/.spate/work/w\nSPATE_AWS_REGION=us-east-1\nAWS_REGION=\n")
		})
	}
}

func TestAWorkerThatNeedsLibraries(t *testing.T) {
	if _, err := exec.LookPath("ldd"); err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	script := filepath.Join(t.TempDir(), "worker")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		shell:  shell + " needs libraries of this machine, which images do not have: ",
		script: script + " is no program for Linux, as the worker inside containers must be: ",
	} {
		r := newRig(t, func(c *docker.Config) { c.Worker = path })
		_, err := r.Start(t.Context(), runner.Container{ID: r.id(), Image: r.image(), Worker: true, Command: []string{"x"}})
		if err == nil || !strings.HasPrefix(err.Error(), "CannotCreateContainerError: "+want) {
			t.Errorf("got error %v, want one that begins with %q", err, want)
		}
	}
}
