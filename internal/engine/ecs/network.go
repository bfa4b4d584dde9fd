package ecs

import (
	"cmp"
	"context"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/spate-run/spate/internal/runner"
	"github.com/spate-run/spate/internal/wire"
)

// A locator is a runner whose containers have addresses.
type locator interface {
	Place(ctx context.Context, id string) (runner.Place, error)
}

// locate tells where a container that has just started is reached. The ports are
// its own, of those that it may share with the task.
func (x *execution) locate(ctx context.Context, m *member) runner.Place {
	runs, ok := x.service.config.Runner.(locator)
	if !ok || filepath.IsAbs(*m.definition.Image) {
		return runner.Place{} // a folder's processes are at this machine's own
	}
	place, err := runs.Place(ctx, x.id(*m.definition.Name))
	if err != nil { // it may have ended already
		x.service.log.Debug("looking where a container is", "task", x.origin.ID, "container", *m.definition.Name, "error", err)
		return runner.Place{}
	}
	published := place.Ports
	place.Ports = nil
	for _, own := range ports(m.definition, x.definition.Detail.NetworkMode) {
		for _, p := range published {
			if p.Container == own.Container && p.Protocol == own.Protocol {
				place.Ports = append(place.Ports, p)
			}
		}
	}
	return place
}

// ports are what a container's portMappings ask for. A network interface of a
// task's own has the container's port, so this machine has the same if it can.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PortMapping.html
func ports(c types.ContainerDefinition, mode types.NetworkMode) []runner.Port {
	var all []runner.Port
	for _, m := range c.PortMappings {
		protocol := string(cmp.Or(m.Protocol, types.TransportProtocolTcp))
		if first, last, ok := portRange(m.ContainerPortRange); ok {
			for n := first; n <= last; n++ {
				all = append(all, runner.Port{Container: uint16(n), Protocol: protocol})
			}
			continue
		}
		p := runner.Port{Container: uint16(aws.ToInt32(m.ContainerPort)), Host: uint16(aws.ToInt32(m.HostPort)), Protocol: protocol}
		if mode == types.NetworkModeAwsvpc {
			p.Host = p.Container
		}
		if p.Container != 0 {
			all = append(all, p)
		}
	}
	return all
}

// portRange reads "8000-8010".
func portRange(text *string) (first, last int, ok bool) {
	from, to, _ := strings.Cut(aws.ToString(text), "-")
	first, errFirst := strconv.Atoi(from)
	last, errLast := strconv.Atoi(to)
	return first, last, errFirst == nil && errLast == nil && 0 < first && first <= last && last <= 65535
}

func validatePorts(mode types.NetworkMode, c types.ContainerDefinition) error {
	for _, m := range c.PortMappings {
		port, host := aws.ToInt32(m.ContainerPort), aws.ToInt32(m.HostPort)
		if _, _, ok := portRange(m.ContainerPortRange); m.ContainerPortRange != nil && !ok {
			return wire.Faultf("ClientException", "Invalid setting for container '%s'. containerPortRange '%s' is not valid.", *c.Name, *m.ContainerPortRange)
		}
		if port < 0 || port > 65535 || host < 0 || host > 65535 {
			return wire.Faultf("ClientException", "Invalid setting for container '%s'. Ports must be between 0 and 65535.", *c.Name)
		}
		own := mode == types.NetworkModeAwsvpc || mode == types.NetworkModeHost
		if own && host != 0 && host != port {
			return wire.Faultf("ClientException", "When networkMode=%s, the host ports and container ports in port mappings must match.", mode)
		}
	}
	return nil
}

// bindings are where this machine has a container's ports.
func (c container) bindings() []types.NetworkBinding {
	bindings := []types.NetworkBinding{}
	for _, p := range c.Place.Ports {
		bindings = append(bindings, types.NetworkBinding{
			BindIP: new("127.0.0.1"), ContainerPort: aws.Int32(int32(p.Container)), HostPort: aws.Int32(int32(p.Host)),
			Protocol: types.TransportProtocol(p.Protocol),
		})
	}
	return bindings
}

// subnet is the first that a task's network interface may be in.
func subnet(network *types.NetworkConfiguration) string {
	if network == nil || network.AwsvpcConfiguration == nil || len(network.AwsvpcConfiguration.Subnets) == 0 {
		return ""
	}
	return network.AwsvpcConfiguration.Subnets[0]
}

// attachmentID is what a task's network interface is known by in the task.
func (t *task) attachmentID() string {
	return t.ID[:8] + "-" + t.ID[8:12] + "-" + t.ID[12:16] + "-" + t.ID[16:20] + "-" + t.ID[20:]
}

// address is where a task of network mode awsvpc is: where its containers are.
func (t *task) address() runner.Place {
	for _, c := range t.Containers {
		if c.Place.Address.IsValid() && t.Subnet != "" {
			return c.Place
		}
	}
	return runner.Place{}
}

func (t *task) interfaces(c container) []types.NetworkInterface {
	interfaces := []types.NetworkInterface{}
	if t.Subnet != "" && c.Place.Address.IsValid() {
		interfaces = append(interfaces, types.NetworkInterface{
			AttachmentId: new(t.attachmentID()), PrivateIpv4Address: new(c.Place.Address.Addr().String()),
		})
	}
	return interfaces
}

// attachments are a task's network interface, once it has one.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Attachment.html
func (s *Service) attachments(t *task) []types.Attachment {
	place := t.address()
	if !place.Address.IsValid() {
		return []types.Attachment{}
	}
	status := "ATTACHED"
	if t.Status == statusStopped {
		status = "DELETED"
	}
	address := place.Address.Addr().String()
	attachment := types.Attachment{Id: new(t.attachmentID()), Type: new("ElasticNetworkInterface"), Status: &status}
	for _, pair := range []pair{
		{"subnetId", t.Subnet},
		{"networkInterfaceId", "eni-" + t.ID[:17]},
		{"macAddress", place.MAC},
		{"privateDnsName", s.privateName(address)},
		{"privateIPv4Address", address},
	} {
		attachment.Details = append(attachment.Details, types.KeyValuePair{Name: new(pair.name), Value: new(pair.value)})
	}
	return []types.Attachment{attachment}
}

// privateName is EC2's name for an address.
// https://docs.aws.amazon.com/vpc/latest/userguide/vpc-dns.html
func (s *Service) privateName(address string) string {
	domain := s.config.Account.Region + ".compute.internal"
	if s.config.Account.Region == "us-east-1" {
		domain = "ec2.internal"
	}
	return "ip-" + strings.ReplaceAll(address, ".", "-") + "." + domain
}
