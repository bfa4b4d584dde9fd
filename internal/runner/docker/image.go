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
)

// An imageConfig is what an image says of how it is run.
type imageConfig struct {
	entrypoint, command []string
}

// image looks at an image, which it pulls where it is not there.
func (r *Runner) image(ctx context.Context, name string) (imageConfig, error) {
	ref, err := reference.ParseDockerRef(name)
	if err != nil {
		return imageConfig{}, fmt.Errorf("%q: %w", name, err)
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
		return imageConfig{}, ctx.Err()
	case p := <-pulled:
		if p.Err != nil {
			return imageConfig{}, p.Err
		}
	}
	return r.inspect(ctx, name)
}

func (r *Runner) inspect(ctx context.Context, name string) (imageConfig, error) {
	found, err := r.api.ImageInspect(ctx, name)
	if err != nil || found.Config == nil {
		return imageConfig{}, err
	}
	return imageConfig{entrypoint: found.Config.Entrypoint, command: found.Config.Cmd}, nil
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
