package docker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	"golang.org/x/sync/singleflight"

	"github.com/spate-run/spate/internal/runner"
	"github.com/spate-run/spate/internal/worker"
)

// The labels by which containers and volumes are found again.
const (
	labelOwner     = "spate.owner"
	labelTask      = "spate.task"
	labelContainer = "spate.container"
)

// A Config says which Docker engine a [Runner] uses, and for whom.
type Config struct {
	// Hosts are addresses of Docker engines, as DOCKER_HOST has them; the first
	// that answers is taken. Nil: DOCKER_HOST, else where Docker and Podman are
	// by default.
	Hosts []string
	// Worker is the path of the spate program for Linux, linked statically.
	Worker string
	// Owner marks the containers. Nobody else on this machine has it.
	Owner string
	// Endpoint is the base URL by which programs of this machine reach the
	// engine; empty: there is nothing to reach.
	Endpoint string
	// Listen lets the engine answer at an address of this machine too, and
	// returns its base URL there.
	Listen func(netip.Addr) (endpoint string, err error)
	// Login returns who may pull from a registry; two empty strings are
	// nobody in particular.
	Login func(ctx context.Context, registry string) (user, password string, err error)
	// Log takes what nobody can be told; nil discards it.
	Log *slog.Logger
}

// A Runner starts containers on one Docker engine.
type Runner struct {
	config   Config
	log      *slog.Logger
	api      *client.Client
	endpoint string             // of spate's engine, in containers
	named    bool               // it is host.docker.internal
	once     singleflight.Group // pulls, and networks of tasks
}

var _ runner.Keeper = (*Runner)(nil)

// Connect finds a Docker engine that answers. It is an [AbsentError] where
// there is none.
func Connect(ctx context.Context, config Config) (*Runner, error) {
	r := &Runner{config: config, log: config.Log}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	hosts := config.Hosts
	if hosts == nil {
		hosts = defaultHosts()
	}
	var err error
	if r.api, err = dial(ctx, hosts); err != nil {
		return nil, err
	}
	if err := r.reach(ctx); err != nil {
		return nil, errors.Join(err, r.api.Close())
	}
	return r, nil
}

// Close lets go of the connections. Containers run on.
func (r *Runner) Close() error { return r.api.Close() }

// Start starts a container, for which it pulls the image where that is not
// there.
func (r *Runner) Start(ctx context.Context, c runner.Container) (runner.Running, error) {
	image, err := r.image(ctx, c.Image)
	if err != nil {
		return nil, fmt.Errorf("CannotPullContainerError: %w", err)
	}
	id, err := r.create(ctx, c, image)
	if err != nil {
		return nil, fmt.Errorf("CannotCreateContainerError: %w", err)
	}
	running, err := r.launch(ctx, id, c)
	if err != nil {
		r.remove(id)
		if any, ok := anyPorts(c, err); ok {
			return r.Start(ctx, any)
		}
		if dir := c.WorkingDirectory; dir != "" && !strings.Contains(err.Error(), dir) {
			err = fmt.Errorf("%w (the working directory is %s)", err, dir)
		}
		if c.GPUs > 0 {
			err = fmt.Errorf("%w (the container asks for %d GPU)", err, c.GPUs)
		}
		return nil, fmt.Errorf("CannotStartContainerError: %w", err)
	}
	return running, nil
}

func (r *Runner) create(ctx context.Context, c runner.Container, image worker.Command) (string, error) {
	var shared string
	var err error
	if c.Shared {
		if shared, err = r.share(ctx, c); err != nil {
			return "", err
		}
	}
	options, err := r.describe(c, image, shared)
	if err != nil {
		return "", err
	}
	made, err := r.api.ContainerCreate(ctx, options)
	if err != nil {
		return "", err
	}
	if !c.Worker {
		return made.ID, nil
	}
	_, err = r.api.CopyToContainer(ctx, made.ID, client.CopyToContainerOptions{
		DestinationPath: worker.Volume, Content: workerFolder(),
	})
	if err != nil {
		r.remove(made.ID)
		return "", fmt.Errorf("making the worker's folder: %w", err)
	}
	return made.ID, nil
}

// remove removes a container and the volumes that are its alone. What is left
// is found by the next engine.
func (r *Runner) remove(id string) {
	_, err := r.api.ContainerRemove(context.Background(), id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if err != nil && !errdefs.IsNotFound(err) && !errdefs.IsConflict(err) { // a conflict: it is being removed
		r.log.Warn("removing a container", "container", id, "error", err)
	}
}

// within is what a text that names the engine is in a container.
func (r *Runner) within(texts []string) []string {
	if r.config.Endpoint == "" || texts == nil {
		return texts
	}
	changed := make([]string, len(texts))
	for i, text := range texts {
		changed[i] = strings.ReplaceAll(text, r.config.Endpoint, r.endpoint)
	}
	return changed
}
