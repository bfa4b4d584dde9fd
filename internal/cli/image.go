package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/deploy"
	"github.com/spate-run/spate/internal/image"
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/runner/docker"
	"github.com/spate-run/spate/internal/worker"
)

// paramDigest is the parameter of a job's template that the image in the
// stack's own repository is given by, and outputRepository the output that says
// where that is.
const (
	paramDigest      = "Digest"
	outputRepository = "RepositoryUri"
)

// A deployment is a job's stack as it is to be deployed.
type deployment struct {
	deploy.Stack
	job    job.Job
	plan   *job.Source    // what its schedule sends; nil where it has none
	packed *deploy.Packed // what tasks run on AWS; nil on the embedded engine
}

// deploymentOf compiles a job. On AWS it makes the image that tasks run, too,
// which is pushed when the stack is deployed. Close it.
func (a *app) deploymentOf(ctx context.Context, j job.Job) (*deployment, error) {
	plan, err := scheduled(j)
	if err != nil {
		return nil, err
	}
	t, err := synthesise(j)
	if err != nil {
		return nil, err
	}
	d := &deployment{Stack: t.stack(j), job: j, plan: plan}
	d.Progress = a.tellEvent
	if a.place.on != onAWS {
		return d, nil
	}
	p, err := a.packOf(j)
	if err != nil {
		return nil, err
	}
	what := "putting the worker into " + j.Image
	if p.Folder != "" {
		what = "building the image of " + p.Folder
	}
	stop := a.tellLater(patience, what, "-v shows what the builder says")
	d.packed, err = p.Run(ctx)
	stop()
	if err != nil {
		return nil, err
	}
	// Where the folder is on somebody's machine is nothing to AWS.
	d.Parameters = map[string]string{paramImage: j.Image, paramDigest: d.packed.Digest}
	if j.Image == "" || p.Folder != "" {
		d.Parameters[paramImage] = "."
	}
	return d, nil
}

// packOf says how a job's image is made.
func (a *app) packOf(j job.Job) (deploy.Pack, error) {
	p := deploy.Pack{Name: j.Name, Arch: worker.AMD64, Command: j.Command}
	if j.Arch == "arm64" {
		p.Arch = worker.ARM64
	}
	if isReference(j.Image) {
		p.Image = j.Image
	} else {
		p.Folder = resolveFolder(j)
	}
	if a.verbose {
		p.Progress = a.stderr
	}
	self, err := os.Executable()
	if err != nil {
		return p, fmt.Errorf("finding this program's file: %w", err)
	}
	here, err := os.Getwd()
	if err != nil {
		return p, err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	p.Worker = worker.Finder{Self: self, Checkout: worker.Checkout(here), Cache: filepath.Join(cache, "spate")}
	return p, nil
}

func (d *deployment) Close() error {
	if d.packed == nil {
		return nil
	}
	return d.packed.Close()
}

// push brings the image to the stack's repository, if it is not there.
func (a *app) push(ctx context.Context, s *client.Session, d *deployment, repository string) error {
	user, password, err := s.RegistryLogin(ctx)
	if err != nil {
		return err
	}
	stop := a.tellLater(patience, "pushing the image to "+repository, "")
	defer stop()
	return d.packed.Push(ctx, repository, image.Login{User: user, Password: password})
}

// execute makes the changes. The image is there before a task can want it:
// before the change where the repository is there, and else after it, since a
// service that is made starts no task by itself.
func (a *app) execute(ctx context.Context, s *client.Session, d *deployment, set *deploy.ChangeSet) (deploy.Outputs, error) {
	repository := set.Outputs()[outputRepository]
	if d.packed != nil && repository != "" {
		if err := a.push(ctx, s, d, repository); err != nil {
			return nil, errors.Join(err, set.Discard(context.WithoutCancel(ctx)))
		}
	}
	outputs, err := set.Execute(ctx)
	if err != nil || d.packed == nil || repository != "" {
		return outputs, err
	}
	if err := a.push(ctx, s, d, outputs[outputRepository]); err != nil {
		return outputs, fmt.Errorf("stack %s is there, but its image is not (spate deploy goes on with that): %w", d.Name, err)
	}
	return outputs, nil
}

// imageHint says what to type about an image.
func imageHint(err error) string {
	if e, ok := errors.AsType[*image.PlatformError](err); ok {
		return fmt.Sprintf("build it for %s (docker build --platform %s), or say `arch:` in the job file as the image is", e.Want, e.Want)
	}
	if e, ok := errors.AsType[*image.MissingError](err); ok {
		return "push it there, or name another in the job file; docker login REGISTRY where it is private: " + e.Reference
	}
	if e, ok := errors.AsType[*worker.ProgramError](err); ok {
		return "make it in a checkout of spate: " + e.Hint()
	}
	if _, ok := errors.AsType[*deploy.BuildError](err); ok {
		return "mend its Dockerfile"
	}
	if _, ok := errors.AsType[*docker.AbsentError](err); ok {
		return "building a folder's image needs Docker or Podman; an image of a registry needs neither: say `image: REFERENCE` in the job file"
	}
	return ""
}
