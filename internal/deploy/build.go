package deploy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spate-run/spate/internal/runner/docker"
	"github.com/spate-run/spate/internal/worker"
)

// A Build makes an image of a folder.
type Build struct {
	// Folder holds the Dockerfile.
	Folder string
	// Name is what the image is called after, such as the job's name.
	Name string
	// Home marks whose image it is: see [docker.BuiltName].
	Home string
	// Arch is the processor that the image is for; empty: the engine's own.
	Arch worker.Arch
	// Progress takes what the builder prints; nil discards it.
	Progress io.Writer
}

// A BuildError is a Dockerfile that does not come to an image.
type BuildError struct {
	Folder string
	// Step is the instruction that failed and what it printed, or all that the
	// builder said where none was reached.
	Step string
	Err  error
}

func (e *BuildError) Error() string {
	return fmt.Sprintf("building the image of %s: %v\n%s", e.Folder, e.Err, e.Step)
}

func (e *BuildError) Unwrap() error { return e.Err }

// Run builds the image on the Docker engine that containers are started on, and
// returns its name there. The same folder has the same name in a home: what it is
// called by is the image's own digest. No registry has images of that name, so one that
// has been removed is not taken from elsewhere.
func (b Build) Run(ctx context.Context) (string, error) {
	if _, err := os.Stat(filepath.Join(b.Folder, "Dockerfile")); errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("building the image of %s: there is no Dockerfile", b.Folder)
	}
	builder, err := findBuilder(ctx)
	if err != nil {
		return "", err
	}
	id, err := builder.build(ctx, b)
	if err != nil {
		return "", err
	}
	name := docker.BuiltName(b.Name, id, b.Home)
	if out, err := builder.command(ctx, "tag", id, name).CombinedOutput(); err != nil {
		return "", fmt.Errorf("naming image %s: %w: %s", name, err, bytes.TrimSpace(out))
	}
	return name, nil
}

// A builder is the program of Docker's, or Podman's, for one engine.
type builder struct {
	argv []string
	env  []string
}

// findBuilder finds the program that speaks to the engine which the runner
// uses: it, and not spate, knows .dockerignore, BuildKit and who may pull what.
func findBuilder(ctx context.Context) (builder, error) {
	engine, err := docker.Look(ctx)
	if err != nil {
		return builder{}, err
	}
	if engine.Podman {
		if path, err := exec.LookPath("podman"); err == nil {
			return builder{argv: []string{path, "--url", engine.Host}}, nil
		}
	}
	path, err := exec.LookPath("docker")
	if err != nil {
		return builder{}, errors.New("images are built by the program docker or podman, and neither is in PATH")
	}
	env := []string{"DOCKER_HOST=" + engine.Host, "BUILDX_BUILDER=default"} // the engine's own, whose images it has
	if engine.Podman {
		env = append(env, "DOCKER_BUILDKIT=0") // Podman's engine has none
	}
	return builder{argv: []string{path}, env: env}, nil
}

func (b builder) command(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, b.argv[0], slices.Concat(b.argv[1:], args)...)
	c.Env = append(os.Environ(), b.env...)
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) } // it tells the engine
	return c
}

// build builds an image and returns the digest it is known by, in hexadecimal.
func (b builder) build(ctx context.Context, what Build) (id string, err error) {
	dir, err := os.MkdirTemp("", "spate-build-*")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	file := filepath.Join(dir, "id")
	args := []string{"build", "--force-rm", "--iidfile", file, "--label", "spate.job=" + what.Name}
	if what.Arch != "" && what.Arch != worker.Arch(runtime.GOARCH) { // older engines take none at all
		args = append(args, "--platform", "linux/"+string(what.Arch))
	}
	build := b.command(ctx, append(args, what.Folder)...)
	build.Env = append(build.Env, "BUILDKIT_PROGRESS=plain")
	var said bytes.Buffer
	build.Stdout = &said
	if what.Progress != nil {
		build.Stdout = io.MultiWriter(&said, what.Progress)
	}
	build.Stderr = build.Stdout
	if err := build.Run(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", &BuildError{Folder: what.Folder, Step: failingStep(said.String()), Err: err}
	}
	digest, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	id = strings.TrimPrefix(strings.TrimSpace(string(digest)), "sha256:")
	if len(id) != 64 {
		return "", fmt.Errorf("building the image of %s: %q is no image's digest", what.Folder, digest)
	}
	return id, nil
}

// failingStep cuts what a builder said to the step that failed. BuildKit repeats
// it at the end between two rules; Docker's older builder and Podman end with it.
func failingStep(said string) string {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	if rule := slices.Index(lines, "------"); rule >= 0 {
		return strings.Join(lines[rule+1:], "\n")
	}
	for i, line := range slices.Backward(lines) {
		if strings.HasPrefix(line, "Step ") || strings.HasPrefix(line, "STEP ") {
			return strings.Join(lines[i:], "\n")
		}
	}
	return strings.Join(lines, "\n")
}
