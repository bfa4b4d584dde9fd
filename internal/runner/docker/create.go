package docker

import (
	"maps"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"github.com/spate-run/spate/internal/runner"
	"github.com/spate-run/spate/internal/worker"
)

const (
	mebibyte = 1 << 20
	// leastMemory, in MiB, is what Docker needs for a container.
	leastMemory = 6
)

// describe is a container in Docker's words, on the network that the container
// shared holds, where there is one.
func (r *Runner) describe(c runner.Container, image worker.Command, shared string) (client.ContainerCreateOptions, error) {
	config := &container.Config{
		Image:      c.Image,
		Entrypoint: c.Entrypoint,
		Cmd:        c.Command,
		Env:        append(append([]string(nil), c.Env...), c.Engine...),
		User:       c.User,
		Hostname:   c.Hostname,
		WorkingDir: c.WorkingDirectory,
		Tty:        c.Terminal,
		OpenStdin:  c.OpenInput,
		Labels:     r.labels(c),
	}
	host := hostConfig(c)
	if c.Worker {
		if err := r.putWorker(c, image, config, host); err != nil {
			return client.ContainerCreateOptions{}, err
		}
	}
	if c.Health != nil {
		config.Healthcheck = &container.HealthConfig{
			Test: c.Health.Command, Interval: c.Health.Interval, Timeout: c.Health.Timeout,
			Retries: c.Health.Retries, StartPeriod: c.Health.StartPeriod,
		}
	}
	for i := range host.Mounts {
		if v := host.Mounts[i].VolumeOptions; v != nil && v.Labels == nil {
			v.Labels = map[string]string{labelOwner: r.config.Owner, labelTask: c.Task}
		}
	}
	if c.Network != "host" { // there, the engine is where it is
		config.Env, config.Cmd, config.Entrypoint = r.within(config.Env), r.within(config.Cmd), r.within(config.Entrypoint)
	}
	if shared != "" { // whose names are the network's
		host.NetworkMode, config.Hostname = container.NetworkMode("container:"+shared), ""
	} else {
		host.NetworkMode = container.NetworkMode(c.Network)
		host.ExtraHosts, host.DNS, host.DNSSearch = r.hosts(c), servers(c), c.DNSSearch
		publish(c, config, host)
	}
	return client.ContainerCreateOptions{Name: name(c.ID), Config: config, HostConfig: host}, nil
}

// name is what Docker calls a container.
func name(id string) string { return "spate-" + id }

// volume is what Docker calls a volume of a task.
func volume(task, name string) string { return "spate-" + task + "-" + name }

func (r *Runner) labels(c runner.Container) map[string]string {
	labels := maps.Clone(c.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[labelOwner], labels[labelTask], labels[labelContainer] = r.config.Owner, c.Task, c.ID
	return labels
}

// workerEnv is the environment of a worker: what is for AWS's clients is for
// the worker, and not for its jobs.
func workerEnv(c runner.Container) []string {
	env := append([]string(nil), c.Env...)
	for _, variable := range c.Engine {
		env = append(env, "SPATE_"+variable)
	}
	return append(env, runner.EnvDir+"="+worker.Dir)
}

func hostConfig(c runner.Container) *container.HostConfig {
	host := &container.HostConfig{
		LogConfig:      container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "10m"}},
		ReadonlyRootfs: c.ReadOnly,
		Privileged:     c.Privileged,
		CapAdd:         c.AddCapabilities,
		CapDrop:        c.DropCapabilities,
		SecurityOpt:    c.SecurityOptions,
		ShmSize:        int64(c.SharedMemory) * mebibyte,
		Tmpfs:          c.Tmpfs,
		Sysctls:        c.Sysctls,
		Resources:      resources(c),
	}
	if c.Init {
		host.Init = new(true)
	}
	for _, f := range c.From {
		from := name(f.Container)
		if f.ReadOnly {
			from += ":ro"
		}
		host.VolumesFrom = append(host.VolumesFrom, from)
	}
	for _, m := range c.Mounts {
		addMount(host, c.Task, m)
	}
	return host
}

func addMount(host *container.HostConfig, task string, m runner.Mount) {
	switch {
	case m.Folder != "": // not a mount: Docker makes the folder where it is not there
		bind := m.Folder + ":" + m.Path
		if m.ReadOnly {
			bind += ":ro"
		}
		host.Binds = append(host.Binds, bind)
	case m.Lasting != "":
		host.Mounts = append(host.Mounts, mount.Mount{
			Type: mount.TypeVolume, Source: m.Lasting, Target: m.Path, ReadOnly: m.ReadOnly,
		})
	default:
		host.Mounts = append(host.Mounts, mount.Mount{
			Type: mount.TypeVolume, Source: volume(task, m.Volume), Target: m.Path, ReadOnly: m.ReadOnly,
			VolumeOptions: &mount.VolumeOptions{},
		})
	}
}

func resources(c runner.Container) container.Resources {
	limits := container.Resources{
		CPUShares:         int64(c.Size.CPU),
		MemoryReservation: int64(c.MemoryReservation) * mebibyte,
		MemorySwappiness:  c.Swappiness,
	}
	if c.Size.Memory > 0 {
		limits.Memory = int64(max(c.Size.Memory, leastMemory)) * mebibyte
		limits.MemorySwap = limits.Memory + int64(c.Swap)*mebibyte // Docker's is both together
	}
	for _, u := range c.Ulimits {
		limits.Ulimits = append(limits.Ulimits, &container.Ulimit{Name: strings.ToLower(u.Name), Soft: u.Soft, Hard: u.Hard})
	}
	if c.GPUs > 0 {
		request := container.DeviceRequest{Count: c.GPUs, Capabilities: [][]string{{"gpu"}}}
		if len(c.GPUIDs) > 0 {
			request.Count, request.DeviceIDs = 0, c.GPUIDs
		}
		limits.DeviceRequests = []container.DeviceRequest{request}
	}
	for _, d := range c.Devices {
		limits.Devices = append(limits.Devices, container.DeviceMapping{
			PathOnHost: d.Host, PathInContainer: d.Path, CgroupPermissions: d.Rights,
		})
	}
	return limits
}
