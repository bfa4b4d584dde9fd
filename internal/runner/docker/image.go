package docker

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/client"

	"github.com/spate-run/spate/internal/worker"
)

// image tells what an image runs, which it pulls where it is not there.
func (r *Runner) image(ctx context.Context, name string) (worker.Command, error) {
	ref, err := reference.ParseDockerRef(name)
	if err != nil {
		return worker.Command{}, fmt.Errorf("%q: %w", name, err)
	}
	config, err := r.inspect(ctx, name)
	if !errdefs.IsNotFound(err) {
		return config, err
	}
	// One pull does for all the tasks that start at once.
	pulled := r.once.DoChan(ref.String(), func() (any, error) {
		return nil, r.pull(context.WithoutCancel(ctx), ref)
	})
	select {
	case <-ctx.Done():
		return worker.Command{}, ctx.Err()
	case p := <-pulled:
		if p.Err != nil {
			return worker.Command{}, p.Err
		}
	}
	return r.inspect(ctx, name)
}

func (r *Runner) inspect(ctx context.Context, name string) (worker.Command, error) {
	found, err := r.api.ImageInspect(ctx, name)
	if err != nil || found.Config == nil {
		return worker.Command{}, err
	}
	return worker.Command{Entrypoint: found.Config.Entrypoint, Arguments: found.Config.Cmd}, nil
}

func (r *Runner) pull(ctx context.Context, ref reference.Named) error {
	auth, err := r.auth(ctx, reference.Domain(ref))
	if err != nil {
		return err
	}
	response, err := r.api.ImagePull(ctx, ref.String(), client.ImagePullOptions{RegistryAuth: auth})
	if err != nil {
		return err
	}
	if err := response.Wait(ctx); err != nil {
		return fmt.Errorf("Error response from daemon: %w", err) // as ECS words what comes while it is pulled
	}
	return nil
}

// auth is a header that says who pulls.
func (r *Runner) auth(ctx context.Context, domain string) (string, error) {
	if r.config.Login == nil {
		return "", nil
	}
	user, password, err := r.config.Login(ctx, domain)
	if err != nil || user == "" && password == "" {
		return "", err
	}
	text, err := json.Marshal(registry.AuthConfig{Username: user, Password: password, ServerAddress: domain})
	if err != nil {
		return "", err
	}
	return base64.URLEncoding.EncodeToString(text), nil
}
