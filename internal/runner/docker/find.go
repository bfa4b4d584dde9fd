package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/client"
)

// An AbsentError reports that no Docker engine answers.
type AbsentError struct {
	Tried []string
	Err   error
}

func (e *AbsentError) Error() string {
	if len(e.Tried) == 0 {
		return "neither Docker nor Podman answers on this machine: start one of them, or tell where it is by DOCKER_HOST"
	}
	return fmt.Sprintf("neither Docker nor Podman answers at %s: %v", strings.Join(e.Tried, ", "), e.Err)
}

func (e *AbsentError) Unwrap() error { return e.Err }

// defaultHosts are DOCKER_HOST, or else where Docker and Podman listen for all
// of the machine or for one person.
func defaultHosts() []string {
	if host := os.Getenv(client.EnvOverrideHost); host != "" {
		return []string{host}
	}
	if runtime.GOOS == "windows" {
		if _, err := os.Stat(`\\.\pipe\docker_engine`); err != nil {
			return nil
		}
		return []string{client.DefaultDockerHost}
	}
	sockets := []string{"/var/run/docker.sock", "/run/podman/podman.sock"}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		sockets = append(sockets, filepath.Join(dir, "docker.sock"), filepath.Join(dir, "podman", "podman.sock"))
	}
	if home, err := os.UserHomeDir(); err == nil {
		for _, path := range []string{
			".docker/run/docker.sock", ".docker/desktop/docker.sock", // Docker Desktop
			".colima/default/docker.sock", ".rd/docker.sock", ".orbstack/run/docker.sock",
			".local/share/containers/podman/machine/podman.sock",
		} {
			sockets = append(sockets, filepath.Join(home, path))
		}
	}
	var hosts []string
	for _, path := range sockets {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			hosts = append(hosts, "unix://"+path)
		}
	}
	return hosts
}

// Find looks for a Docker engine that answers. It is an [AbsentError] where
// there is none.
func Find(ctx context.Context) error {
	_, err := Look(ctx)
	return err
}

// An Engine is a Docker engine that answers.
type Engine struct {
	Host   string // as DOCKER_HOST has it
	Podman bool   // it is Podman's, which speaks Docker's API
}

// Look tells which engine a [Runner] takes. It is an [AbsentError] where there
// is none.
func Look(ctx context.Context) (Engine, error) {
	api, err := dial(ctx, defaultHosts())
	if err != nil {
		return Engine{}, err
	}
	version, err := api.ServerVersion(ctx, client.ServerVersionOptions{})
	if err := errors.Join(err, api.Close()); err != nil {
		return Engine{}, fmt.Errorf("asking Docker for its version: %w", err)
	}
	isPodman := func(c system.ComponentVersion) bool { return strings.Contains(c.Name, "Podman") }
	return Engine{Host: api.DaemonHost(), Podman: slices.ContainsFunc(version.Components, isPodman)}, nil
}

// Has reports whether a Docker engine that answers has an image.
func Has(ctx context.Context, image string) bool {
	api, err := dial(ctx, defaultHosts())
	if err != nil {
		return false
	}
	_, err = api.ImageInspect(ctx, image)
	return errors.Join(err, api.Close()) == nil
}

// Save writes an image that a Docker engine has as an archive, as docker save
// does. It is an [AbsentError] where no engine answers, and false where that has
// no such image.
func Save(ctx context.Context, image string, to io.Writer) (found bool, err error) {
	api, err := dial(ctx, defaultHosts())
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, api.Close()) }()
	switch _, err := api.ImageInspect(ctx, image); {
	case errdefs.IsNotFound(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("looking for image %s: %w", image, err)
	}
	archive, err := api.ImageSave(ctx, []string{image})
	if err != nil {
		return true, fmt.Errorf("saving image %s: %w", image, err)
	}
	if _, err := io.Copy(to, archive); err != nil {
		return true, errors.Join(fmt.Errorf("saving image %s: %w", image, err), archive.Close())
	}
	return true, archive.Close()
}

// dial returns a client of the first engine that answers.
func dial(ctx context.Context, hosts []string) (*client.Client, error) {
	absent := &AbsentError{Tried: hosts}
	for _, host := range hosts {
		api, err := client.New(client.WithTLSClientConfigFromEnv(), client.WithHost(host), client.WithAPIVersionFromEnv())
		if err == nil {
			if _, err = api.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true}); err == nil {
				return api, nil
			}
			_ = api.Close() // it has no connection
		}
		absent.Err = errors.Join(absent.Err, err)
	}
	return nil, absent
}
