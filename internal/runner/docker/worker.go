package docker

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"runtime"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"

	"github.com/spate-run/spate/internal/runner"
	"github.com/spate-run/spate/internal/worker"
)

// workerFolder is an archive of the worker's own folder, in which any user may
// write: a volume that is new is root's alone.
// https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html (ustar)
func workerFolder() io.Reader {
	var archive [3 * 512]byte // the header, and the two blocks of an archive's end
	header := archive[:512]
	copy(header[0:], path.Base(worker.Dir)+"/")
	copy(header[100:], "0001777")
	copy(header[124:], "00000000000") // size
	copy(header[136:], "00000000000") // time
	header[156] = '5'                 // a folder
	copy(header[257:], "ustar\x0000")
	copy(header[148:], "        ") // counts as the sum of all while that is taken
	sum := 0
	for _, b := range header {
		sum += int(b)
	}
	copy(header[148:], fmt.Sprintf("%06o\x00 ", sum))
	return bytes.NewReader(archive[:])
}

// putWorker puts the worker in front of what a container runs, unless its image
// has one there already.
func (r *Runner) putWorker(c runner.Container, image worker.Command, config *container.Config, host *container.HostConfig) error {
	config.Env = workerEnv(c)
	host.Mounts = append(host.Mounts, mount.Mount{
		Type: mount.TypeVolume, Target: worker.Volume, VolumeOptions: &mount.VolumeOptions{Labels: r.labels(c)},
	})
	if c.Entrypoint == nil && worker.HasWorker(image) {
		return nil
	}
	if err := r.checkWorker(); err != nil {
		return err
	}
	run, err := worker.InFront(image, worker.Command{Entrypoint: c.Entrypoint, Arguments: c.Command})
	if err != nil {
		return err
	}
	config.Entrypoint, config.Cmd = run.Entrypoint, run.Arguments
	host.Mounts = append(host.Mounts, r.workerMount())
	return nil
}

// workerMount is the program of the worker in a container.
func (r *Runner) workerMount() mount.Mount {
	return mount.Mount{Type: mount.TypeBind, Source: r.config.Worker, Target: worker.File, ReadOnly: true}
}

// checkWorker says why the worker cannot stand in front of a container's
// command.
func (r *Runner) checkWorker() error {
	err := worker.Check(r.config.Worker, worker.Arch(runtime.GOARCH))
	if wrong, ok := errors.AsType[*worker.ProgramError](err); ok {
		return fmt.Errorf("%w: %s", err, wrong.Hint())
	}
	return err
}
