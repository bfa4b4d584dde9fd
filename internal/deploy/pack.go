package deploy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spate-run/spate/internal/image"
	"github.com/spate-run/spate/internal/runner/docker"
	"github.com/spate-run/spate/internal/worker"
)

// A Pack makes what a job's tasks run on AWS: the job's own image with the
// worker in front.
type Pack struct {
	// Name is the job's.
	Name string
	// Folder holds a Dockerfile. Empty: the image is Image.
	Folder string
	// Image is a reference that its registry or the Docker engine of this
	// machine knows.
	Image string
	// Arch is the processor of the tasks.
	Arch worker.Arch
	// Command is the job's, or nil for the image's.
	Command []string
	// Worker finds the program that goes in.
	Worker worker.Finder
	// Progress takes what the builder of a folder prints; nil discards it.
	Progress io.Writer
}

// A Packed is an image that is ready to be pushed.
type Packed struct {
	// Digest is what the image is called by wherever it is.
	Digest string

	image *image.Image
	dir   string // of what is needed until it is pushed
}

// Run makes the image. Close it.
func (p Pack) Run(ctx context.Context) (_ *Packed, err error) {
	program, err := p.Worker.Program(ctx, p.Arch)
	if err != nil {
		return nil, err
	}
	packed := &Packed{}
	if packed.dir, err = os.MkdirTemp("", "spate-image-*"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, packed.Close())
		}
	}()
	base, err := p.base(ctx, packed.dir)
	if err != nil {
		return nil, err
	}
	if packed.image, err = image.WithWorker(base, program, p.Arch, p.Command, packed.dir); err != nil {
		return nil, err
	}
	packed.Digest = packed.image.Digest()
	return packed, nil
}

// base is the job's own image.
func (p Pack) base(ctx context.Context, dir string) (*image.Image, error) {
	if p.Folder != "" {
		name, err := Build{Folder: p.Folder, Name: p.Name, Home: "aws", Arch: p.Arch, Progress: p.Progress}.Run(ctx)
		if err != nil {
			return nil, err
		}
		img, err := saved(ctx, name, dir)
		if err == nil && img == nil {
			err = fmt.Errorf("image %s is gone", name)
		}
		if err == nil {
			docker.DiscardOthers(ctx, name)
		}
		return img, err
	}
	img, err := image.Take(ctx, p.Image, p.Arch)
	if err == nil || ctx.Err() != nil {
		return img, err
	}
	// What no registry has, or lets nobody have, may be on this machine.
	if img, here := saved(ctx, p.Image, dir); img != nil && here == nil {
		return img, nil
	}
	return nil, err
}

// saved is an image of the Docker engine's, or nil where it has none of that
// name.
func saved(ctx context.Context, name, dir string) (*image.Image, error) {
	path := filepath.Join(dir, "image.tar")
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	found, err := docker.Save(ctx, name, file)
	if err := errors.Join(err, file.Close()); err != nil || !found {
		return nil, err
	}
	return image.FromArchive(path, dir)
}

// Push brings the image to a repository, which is named with its registry. What
// is there already is not sent again.
func (p *Packed) Push(ctx context.Context, repository string, login image.Login) error {
	_, err := image.Push(ctx, p.image, repository, login)
	return err
}

// Close removes what was needed until the image was pushed.
func (p *Packed) Close() error { return os.RemoveAll(p.dir) }
