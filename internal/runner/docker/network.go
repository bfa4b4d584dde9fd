package docker

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/spate-run/spate/internal/runner"
	"github.com/spate-run/spate/internal/worker"
)

// hostName is the machine's name in containers that cannot reach it through an
// address of the bridge.
const hostName = "host.docker.internal"

// reach settles how containers reach spate's engine.
func (r *Runner) reach(ctx context.Context) error {
	if r.config.Endpoint == "" {
		return nil
	}
	gateway, err := r.gateway(ctx)
	if err != nil {
		return fmt.Errorf("looking at Docker's networks: %w", err)
	}
	if gateway.IsValid() && r.config.Listen != nil {
		if r.endpoint, err = r.config.Listen(gateway); err != nil {
			return fmt.Errorf("listening on Docker's bridge, for containers to reach the engine: %w", err)
		}
		return nil
	}
	at, err := url.Parse(r.config.Endpoint)
	if err != nil {
		return err
	}
	at.Host = net.JoinHostPort(hostName, at.Port())
	r.endpoint, r.named = at.String(), true
	return nil
}

// share returns the container that holds the network of a task. The first of
// the task's containers to start makes it, of its own image, in which the worker
// does nothing; Clear removes it.
func (r *Runner) share(ctx context.Context, c runner.Container) (id string, err error) {
	shared := name(c.Task + "-network")
	made, err, _ := r.once.Do(shared, func() (any, error) {
		found, err := r.api.ContainerInspect(ctx, shared, client.ContainerInspectOptions{})
		if err == nil {
			return found.Container.ID, nil
		}
		if !errdefs.IsNotFound(err) {
			return nil, err
		}
		return r.hold(ctx, shared, c)
	})
	if err != nil {
		return "", fmt.Errorf("making the task's network: %w", err)
	}
	return made.(string), nil
}

func (r *Runner) hold(ctx context.Context, as string, c runner.Container) (id string, err error) {
	if err := r.checkWorker(); err != nil {
		return "", err
	}
	host := &container.HostConfig{ExtraHosts: r.hosts(c), DNS: servers(c), DNSSearch: c.DNSSearch}
	host.Mounts = []mount.Mount{r.workerMount()}
	config := &container.Config{
		Image: c.Image, Entrypoint: []string{worker.File, "agent", "--hold"}, User: "0", Hostname: c.Hostname,
		Labels: map[string]string{labelOwner: r.config.Owner, labelTask: c.Task, labelContainer: c.Task + "-network"},
	}
	publish(c, config, host)
	made, err := r.api.ContainerCreate(ctx, client.ContainerCreateOptions{Name: as, HostConfig: host, Config: config})
	if err != nil {
		return "", err
	}
	if _, err := r.api.ContainerStart(ctx, made.ID, client.ContainerStartOptions{}); err != nil {
		r.remove(made.ID)
		if any, ok := anyPorts(c, err); ok {
			return r.hold(ctx, as, any)
		}
		return "", err
	}
	return made.ID, nil
}

// hosts are the names that a container knows beside those that DNS knows.
func (r *Runner) hosts(c runner.Container) []string {
	hosts := slices.Clone(c.ExtraHosts)
	if r.named && c.Network == "" {
		hosts = append(hosts, hostName+":host-gateway")
	}
	return hosts
}

// servers are a container's servers of names.
func servers(c runner.Container) []netip.Addr {
	var addrs []netip.Addr
	for _, server := range c.DNS {
		if addr, err := netip.ParseAddr(server); err == nil {
			addrs = append(addrs, addr)
		}
	}
	return addrs
}

// gateway is the address of this machine on Docker's default bridge, or none
// where that is another machine's: of a remote engine, of the virtual machine
// of Docker Desktop, of the network that a rootless engine has for itself.
func (r *Runner) gateway(ctx context.Context) (netip.Addr, error) {
	none := netip.Addr{}
	if !strings.HasPrefix(r.api.DaemonHost(), "unix://") {
		return none, nil
	}
	system, err := r.api.Info(ctx, client.InfoOptions{})
	if err != nil {
		return none, err
	}
	rootless := slices.ContainsFunc(system.Info.SecurityOptions, func(o string) bool { return strings.Contains(o, "rootless") })
	if rootless || system.Info.OperatingSystem == "Docker Desktop" {
		return none, nil
	}
	bridge, err := r.api.NetworkInspect(ctx, "bridge", client.NetworkInspectOptions{})
	if errdefs.IsNotFound(err) {
		bridge, err = r.api.NetworkInspect(ctx, "podman", client.NetworkInspectOptions{})
	}
	if err != nil {
		return none, err
	}
	return local(bridge.Network)
}

// local returns this machine's address on a bridge, or none where it has none.
func local(bridge network.Inspect) (netip.Addr, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return netip.Addr{}, err
	}
	for _, i := range interfaces {
		addresses, err := i.Addrs()
		if err != nil {
			continue // it has gone
		}
		for _, a := range addresses {
			prefix, err := netip.ParsePrefix(a.String())
			if err == nil && isGateway(bridge, i.Name, prefix.Addr()) {
				return prefix.Addr(), nil
			}
		}
	}
	return netip.Addr{}, nil
}

// isGateway says whether an interface of this machine is the bridge, and an
// address of it one that its containers see.
func isGateway(bridge network.Inspect, name string, addr netip.Addr) bool {
	return addr.Is4() && slices.ContainsFunc(bridge.IPAM.Config, func(c network.IPAMConfig) bool {
		return c.Gateway == addr ||
			bridge.Options["com.docker.network.bridge.name"] == name && c.Subnet.Contains(addr)
	})
}
