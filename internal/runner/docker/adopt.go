package docker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/containerd/errdefs"
	moby "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/spate-run/spate/internal/runner"
)

// filter selects what the owner has, of one task where one is named.
func (r *Runner) filter(label, value string) client.Filters {
	f := client.Filters{}.Add("label", labelOwner+"="+r.config.Owner)
	if label != "" {
		f.Add("label", label+"="+value)
	}
	return f
}

func (r *Runner) list(ctx context.Context, f client.Filters) ([]moby.Summary, error) {
	found, err := r.api.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: f})
	if err != nil {
		return nil, fmt.Errorf("listing containers: %w", err)
	}
	return found.Items, nil
}

// Survivors returns the owner's containers.
func (r *Runner) Survivors(ctx context.Context) ([]runner.Survivor, error) {
	found, err := r.list(ctx, r.filter("", ""))
	if err != nil {
		return nil, err
	}
	var survivors []runner.Survivor
	for _, c := range found {
		survivors = append(survivors, runner.Survivor{ID: c.Labels[labelContainer], Task: c.Labels[labelTask]})
	}
	return survivors, nil
}

// Adopt takes a container back that an earlier engine started.
func (r *Runner) Adopt(ctx context.Context, c runner.Container, from time.Time) (runner.Running, error) {
	found, err := r.list(ctx, r.filter(labelContainer, c.ID))
	if err != nil {
		return nil, err
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("adopting container %s: there are %d of it", c.ID, len(found))
	}
	id := found[0].ID
	// The stream ends with the container, not with the call.
	options := client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Follow: true}
	if !from.IsZero() {
		options.Since = from.UTC().Format(time.RFC3339Nano)
	}
	logs, err := r.api.ContainerLogs(context.WithoutCancel(ctx), id, options)
	if err != nil {
		return nil, fmt.Errorf("adopting container %s: %w", c.ID, err)
	}
	return r.follow(id, c, output{logs, logs}), nil
}

// Clear removes the containers of a task that are left, and its volumes.
func (r *Runner) Clear(ctx context.Context, task string) error {
	return r.clear(ctx, r.filter(labelTask, task))
}

// Sweep removes all that the owner has in Docker.
func (r *Runner) Sweep(ctx context.Context) error {
	return r.clear(ctx, r.filter("", ""))
}

func (r *Runner) clear(ctx context.Context, f client.Filters) error {
	containers, err := r.list(ctx, f)
	if err != nil {
		return err
	}
	var errs []error
	for _, c := range containers {
		_, err := r.api.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		if err != nil && !errdefs.IsNotFound(err) && !errdefs.IsConflict(err) { // a conflict: it is being removed
			errs = append(errs, err)
		}
	}
	volumes, err := r.api.VolumeList(ctx, client.VolumeListOptions{Filters: f})
	if err != nil {
		return errors.Join(append(errs, fmt.Errorf("listing volumes: %w", err))...)
	}
	for _, v := range volumes.Items {
		if _, err := r.api.VolumeRemove(ctx, v.Name, client.VolumeRemoveOptions{}); err != nil && !errdefs.IsNotFound(err) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
