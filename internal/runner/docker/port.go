package docker

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/spate-run/spate/internal/runner"
	"github.com/spate-run/spate/internal/sorting"
)

// publish opens a container's ports on this machine's loopback address, and
// nowhere else.
func publish(c runner.Container, config *container.Config, host *container.HostConfig) {
	if c.Network != "" || len(c.Ports) == 0 { // the machine's own network, or none
		return
	}
	config.ExposedPorts, host.PortBindings = network.PortSet{}, network.PortMap{}
	for _, p := range c.Ports {
		port, ok := network.PortFrom(p.Container, network.IPProtocol(p.Protocol))
		if !ok {
			continue
		}
		binding := network.PortBinding{HostIP: netip.AddrFrom4([4]byte{127, 0, 0, 1})}
		if p.Host != 0 {
			binding.HostPort = strconv.Itoa(int(p.Host))
		}
		config.ExposedPorts[port] = struct{}{}
		host.PortBindings[port] = []network.PortBinding{binding}
	}
}

// anyPorts is a container that takes any ports of the machine, after one could
// not start since it asked for some that somebody has, or that it may not have.
func anyPorts(c runner.Container, err error) (runner.Container, bool) {
	refused := slices.ContainsFunc([]string{"port is already allocated", "address already in use", "privileged port"},
		func(words string) bool { return strings.Contains(err.Error(), words) })
	if !refused || !slices.ContainsFunc(c.Ports, func(p runner.Port) bool { return p.Host != 0 }) {
		return c, false
	}
	c.Ports = slices.Clone(c.Ports)
	for i := range c.Ports {
		c.Ports[i].Host = 0
	}
	return c, true
}

// Place tells where a container that runs is reached.
func (r *Runner) Place(ctx context.Context, id string) (runner.Place, error) {
	own, err := r.api.ContainerInspect(ctx, name(id), client.ContainerInspectOptions{})
	if err != nil {
		return runner.Place{}, fmt.Errorf("looking at container %s: %w", id, err)
	}
	found := own.Container
	if holder, ok := holder(found); ok {
		other, err := r.api.ContainerInspect(ctx, holder, client.ContainerInspectOptions{})
		if err != nil {
			return runner.Place{}, fmt.Errorf("looking at the network of container %s: %w", id, err)
		}
		found = other.Container
	}
	place := runner.Place{Image: own.Container.Image}
	if found.NetworkSettings == nil {
		return place, nil
	}
	for _, at := range found.NetworkSettings.Networks { // one at most
		if at.IPAddress.IsValid() {
			place.Address = netip.PrefixFrom(at.IPAddress, at.IPPrefixLen)
			place.Gateway, place.MAC = at.Gateway, at.MacAddress.String()
		}
	}
	for port, bindings := range found.NetworkSettings.Ports {
		for _, b := range bindings {
			if n, err := strconv.ParseUint(b.HostPort, 10, 16); err == nil {
				place.Ports = append(place.Ports, runner.Port{Container: port.Num(), Host: uint16(n), Protocol: string(port.Proto())})
			}
		}
	}
	sorting.By(place.Ports, func(a, b runner.Port) int {
		return cmp.Or(cmp.Compare(a.Container, b.Container), strings.Compare(a.Protocol, b.Protocol))
	})
	return place, nil
}

// holder is the container that holds a container's network for its task.
func holder(c container.InspectResponse) (id string, ok bool) {
	if c.HostConfig == nil {
		return "", false
	}
	return strings.CutPrefix(string(c.HostConfig.NetworkMode), "container:")
}
