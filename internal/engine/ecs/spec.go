package ecs

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/spate-run/spate/internal/runner"
)

// container is what the runner needs to know about a member.
func (x *execution) container(m *member, output io.Writer) runner.Container {
	c := m.definition
	spec := runner.Container{
		ID:               x.id(*c.Name),
		Task:             x.origin.ID,
		Image:            *c.Image,
		Entrypoint:       some(c.EntryPoint),
		Command:          some(c.Command),
		Env:              x.environment(m),
		Engine:           x.service.config.Engine,
		WorkingDirectory: aws.ToString(c.WorkingDirectory),
		StopTimeout:      time.Duration(cmp.Or(aws.ToInt32(c.StopTimeout), 30)) * time.Second,
		Stdout:           output,
		Stderr:           output,
		Box:              x.box(m),
	}
	_, spec.Worker = c.DockerLabels[workerLabel]
	if o := x.override(c); o != nil && len(o.Command) > 0 {
		spec.Command = o.Command
	}
	return spec
}

// id is what the runner knows one of the task's containers by.
func (x *execution) id(name string) string { return x.origin.ID + "-" + name }

// box is what closes a member's container off.
func (x *execution) box(m *member) runner.Box {
	c, d := m.definition, x.definition.Detail
	box := runner.Box{
		Labels:            x.service.labels(&x.origin, x.origin.Containers[m.index], d, c),
		User:              aws.ToString(c.User),
		Hostname:          aws.ToString(c.Hostname),
		Size:              x.size(c),
		MemoryReservation: int(aws.ToInt32(c.MemoryReservation)),
		ReadOnly:          aws.ToBool(c.ReadonlyRootFilesystem),
		Privileged:        aws.ToBool(c.Privileged),
		Terminal:          aws.ToBool(c.PseudoTerminal),
		OpenInput:         aws.ToBool(c.Interactive),
		DNS:               c.DnsServers,
		DNSSearch:         c.DnsSearchDomains,
		SecurityOptions:   c.DockerSecurityOptions,
	}
	switch d.NetworkMode {
	case types.NetworkModeHost, types.NetworkModeNone:
		box.Network = string(d.NetworkMode)
	case types.NetworkModeAwsvpc:
		box.Shared = x.shared()
	}
	box.Ports = ports(c, d.NetworkMode)
	if box.Shared {
		box.Ports = nil
		for _, other := range d.ContainerDefinitions {
			box.Ports = append(box.Ports, ports(other, d.NetworkMode)...)
		}
	}
	for _, h := range c.ExtraHosts {
		box.ExtraHosts = append(box.ExtraHosts, aws.ToString(h.Hostname)+":"+aws.ToString(h.IpAddress))
	}
	for _, u := range c.Ulimits {
		box.Ulimits = append(box.Ulimits, runner.Ulimit{Name: string(u.Name), Soft: int64(u.SoftLimit), Hard: int64(u.HardLimit)})
	}
	for _, s := range c.SystemControls {
		if box.Sysctls == nil {
			box.Sysctls = map[string]string{}
		}
		box.Sysctls[aws.ToString(s.Namespace)] = aws.ToString(s.Value)
	}
	for _, v := range c.VolumesFrom {
		box.From = append(box.From, runner.From{Container: x.id(aws.ToString(v.SourceContainer)), ReadOnly: aws.ToBool(v.ReadOnly)})
	}
	for _, p := range c.MountPoints {
		box.Mounts = append(box.Mounts, mount(d.Volumes, p))
	}
	box.GPUs, box.GPUIDs = gpus(c, x.origin.Detail.Overrides), x.origin.Containers[m.index].GPUs
	if c.LinuxParameters != nil {
		addLinux(&box, c.LinuxParameters)
	}
	if box.Health = healthCheck(c.HealthCheck); box.Health != nil {
		box.Healthy = func(well bool) { x.healthy(m, well) }
	}
	return box
}

// shared says whether the task has one network for several containers.
func (x *execution) shared() bool {
	return x.definition.Detail.NetworkMode == types.NetworkModeAwsvpc && len(x.members) > 1
}

// size is a container's share of the cores and its limit of the memory: its
// own, or the task's.
func (x *execution) size(c types.ContainerDefinition) runner.Size {
	size := runner.Size{CPU: int(c.Cpu), Memory: int(aws.ToInt32(c.Memory))}
	if o := x.override(c); o != nil {
		size.CPU = int(cmp.Or(aws.ToInt32(o.Cpu), int32(size.CPU)))
		size.Memory = int(cmp.Or(aws.ToInt32(o.Memory), int32(size.Memory)))
	}
	if size.CPU == 0 {
		size.CPU = x.origin.Size.CPU
	}
	if memory := x.origin.Detail.Memory; size.Memory == 0 && memory != nil {
		size.Memory, _ = memoryMiB(*memory)
	}
	return size
}

// mount is what a container sees of a volume of its task. A volume without a
// folder of the machine ends with the task.
func mount(volumes []types.Volume, p types.MountPoint) runner.Mount {
	m := runner.Mount{
		Path: aws.ToString(p.ContainerPath), ReadOnly: aws.ToBool(p.ReadOnly), Volume: aws.ToString(p.SourceVolume),
	}
	i := slices.IndexFunc(volumes, func(v types.Volume) bool { return aws.ToString(v.Name) == m.Volume })
	if i < 0 {
		return m
	}
	if host := volumes[i].Host; host != nil && aws.ToString(host.SourcePath) != "" {
		m.Folder, m.Volume = *host.SourcePath, ""
	}
	if v := volumes[i].DockerVolumeConfiguration; v != nil && v.Scope == types.ScopeShared {
		m.Lasting, m.Volume = m.Volume, ""
	}
	return m
}

func addLinux(box *runner.Box, p *types.LinuxParameters) {
	box.Init = aws.ToBool(p.InitProcessEnabled)
	box.SharedMemory = int(aws.ToInt32(p.SharedMemorySize))
	box.Swap = int(aws.ToInt32(p.MaxSwap))
	if p.Swappiness != nil {
		box.Swappiness = new(int64(*p.Swappiness))
	}
	if k := p.Capabilities; k != nil {
		box.AddCapabilities, box.DropCapabilities = k.Add, k.Drop
	}
	for _, d := range p.Devices {
		device := runner.Device{Host: aws.ToString(d.HostPath), Path: cmp.Or(aws.ToString(d.ContainerPath), aws.ToString(d.HostPath))}
		for _, right := range d.Permissions {
			device.Rights += string(right)[:1]
		}
		device.Rights = cmp.Or(device.Rights, "rwm")
		box.Devices = append(box.Devices, device)
	}
	for _, t := range p.Tmpfs {
		if box.Tmpfs == nil {
			box.Tmpfs = map[string]string{}
		}
		options := append([]string{"size=" + strconv.Itoa(int(t.Size)) + "m"}, t.MountOptions...)
		box.Tmpfs[aws.ToString(t.ContainerPath)] = strings.Join(options, ",")
	}
}

// healthCheck is a check with ECS's defaults, or nil where there is none.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html
func healthCheck(h *types.HealthCheck) *runner.HealthCheck {
	if h == nil || len(h.Command) == 0 || h.Command[0] == "NONE" {
		return nil
	}
	seconds := func(n *int32, otherwise int32) time.Duration {
		return time.Duration(cmp.Or(aws.ToInt32(n), otherwise)) * time.Second
	}
	check := &runner.HealthCheck{
		Command:     h.Command,
		Interval:    seconds(h.Interval, 30),
		Timeout:     seconds(h.Timeout, 5),
		Retries:     int(cmp.Or(aws.ToInt32(h.Retries), 3)),
		StartPeriod: seconds(h.StartPeriod, 0),
	}
	if check.Command[0] != "CMD" && check.Command[0] != "CMD-SHELL" {
		check.Command = append([]string{"CMD"}, check.Command...)
	}
	return check
}

// some is a list, or nil where it is empty: an empty one overrides nothing.
func some(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return list
}

func (x *execution) override(c types.ContainerDefinition) *types.ContainerOverride {
	return override(c, x.origin.Detail.Overrides)
}

// override is what a task changes of one of its containers, or nil.
func override(c types.ContainerDefinition, task *types.TaskOverride) *types.ContainerOverride {
	if task == nil {
		return nil
	}
	overrides := task.ContainerOverrides
	i := slices.IndexFunc(overrides, func(o types.ContainerOverride) bool { return *o.Name == *c.Name })
	if i < 0 {
		return nil
	}
	return &overrides[i]
}

// environment is a container's variables, sorted; the last of one name wins:
// those of its files, the definition's, the override's, secrets, ECS's own.
func (x *execution) environment(m *member) []string {
	values := map[string]string{}
	for _, p := range m.files {
		values[p.name] = p.value
	}
	pairs := m.definition.Environment
	if o := x.override(m.definition); o != nil {
		pairs = slices.Concat(pairs, o.Environment)
	}
	for _, p := range pairs {
		values[aws.ToString(p.Name)] = aws.ToString(p.Value)
	}
	for _, p := range m.secrets {
		values[p.name] = p.value
	}
	values["ECS_AGENT_URI"] = x.service.config.Endpoint + agentPath + x.origin.Secret
	values["ECS_CONTAINER_METADATA_URI_V4"] = x.service.config.Endpoint + metadataPath + x.origin.Secret + "-" + strconv.Itoa(m.index+1)
	if ids := x.origin.Containers[m.index].GPUs; len(ids) > 0 {
		values["NVIDIA_VISIBLE_DEVICES"] = strings.Join(ids, ",")
		if filepath.IsAbs(*m.definition.Image) { // nothing else keeps a folder's processes to theirs
			values["CUDA_VISIBLE_DEVICES"] = values["NVIDIA_VISIBLE_DEVICES"]
		}
	}
	var env []string
	for name, value := range values {
		env = append(env, name+"="+value)
	}
	slices.Sort(env)
	return env
}

// refusal says why a task of a definition cannot be started here, in the form
// of ECS's own reasons, or nothing.
func refusal(d types.TaskDefinition) string {
	for _, c := range d.ContainerDefinitions {
		for _, on := range c.DependsOn {
			if on.Condition == types.ContainerConditionHealthy && isFolder(d, *on.ContainerName) {
				return fmt.Sprintf("ResourceInitializationError: container %s waits for container %s to be HEALTHY, and a folder's processes have no health checks", *c.Name, *on.ContainerName)
			}
		}
	}
	for _, v := range d.Volumes {
		if v.EfsVolumeConfiguration != nil || v.FsxWindowsFileServerVolumeConfiguration != nil {
			return fmt.Sprintf("ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: volume %s is a network file system, which this engine cannot mount", aws.ToString(v.Name))
		}
	}
	return ""
}

// isFolder says whether a container is a folder's processes.
func isFolder(d types.TaskDefinition, name string) bool {
	return slices.ContainsFunc(d.ContainerDefinitions, func(c types.ContainerDefinition) bool {
		return *c.Name == name && filepath.IsAbs(*c.Image)
	})
}
