package ecs

import (
	"cmp"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// The bodies of the task metadata endpoint, version 4.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate-response.html
type taskMetadata struct {
	Cluster          string
	TaskARN          string
	Family           string
	Revision         string
	ServiceName      string `json:",omitempty"`
	DesiredStatus    string
	KnownStatus      string
	Limits           taskLimits
	PullStartedAt    *time.Time `json:",omitempty"`
	PullStoppedAt    *time.Time `json:",omitempty"`
	AvailabilityZone string
	LaunchType       string
	Containers       []containerMetadata
	TaskTags         map[string]string `json:",omitempty"`
}

type taskLimits struct {
	CPU    float64 // vCPU
	Memory int     // MiB
}

type containerMetadata struct {
	DockerID      string `json:"DockerId"`
	Name          string
	DockerName    string
	Image         string
	ImageID       string
	Labels        map[string]string
	DesiredStatus string
	KnownStatus   string
	ExitCode      *int `json:",omitempty"`
	Limits        containerLimits
	CreatedAt     *time.Time `json:",omitempty"`
	StartedAt     *time.Time `json:",omitempty"`
	Type          string
	LogDriver     string            `json:",omitempty"`
	LogOptions    map[string]string `json:",omitempty"`
	ContainerARN  string
	Networks      []networkMetadata `json:",omitempty"`
	Ports         []portMetadata    `json:",omitempty"`
	RestartCount  *int              `json:",omitempty"`
}

// A networkMetadata is a container's network; what follows the addresses only
// the interface of a task's own has.
type networkMetadata struct {
	NetworkMode              string
	IPv4Addresses            []string
	AttachmentIndex          *int   `json:",omitempty"`
	MACAddress               string `json:",omitempty"`
	IPv4SubnetCIDRBlock      string `json:",omitempty"`
	PrivateDNSName           string `json:",omitempty"`
	SubnetGatewayIpv4Address string `json:",omitempty"`
}

type portMetadata struct {
	ContainerPort uint16
	Protocol      string
	HostPort      uint16
	HostIP        string `json:"HostIp"`
}

type containerLimits struct {
	CPU    int // CPU units
	Memory int `json:",omitempty"` // MiB
}

// secretContainer finds the task and the container of a metadata address,
// "<secret>-<number of the container>".
func (s *Service) secretContainer(r *http.Request) (*task, int, bool) {
	secret, number, _ := strings.Cut(r.PathValue("secret"), "-")
	n, err := strconv.Atoi(number)
	t, ok := s.secrets[secret]
	if !ok || err != nil || n < 1 || n > len(t.Containers) {
		return nil, 0, false
	}
	return t, n - 1, true
}

func (s *Service) containerMetadata(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, i, ok := s.secretContainer(r)
	if !ok {
		http.Error(w, "V4 container metadata handler: unable to get container ID from request", http.StatusNotFound)
		return
	}
	answer(w, http.StatusOK, s.metadataOf(t, i))
}

func (s *Service) taskMetadata(w http.ResponseWriter, r *http.Request) {
	s.answerTask(w, r, func(*task) map[string]string { return nil })
}

// taskWithTags answers with the task's tags too.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html
func (s *Service) taskWithTags(w http.ResponseWriter, r *http.Request) {
	s.answerTask(w, r, func(t *task) map[string]string {
		tags := map[string]string{}
		for _, tag := range t.Tags {
			tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
		return tags
	})
}

func (s *Service) answerTask(w http.ResponseWriter, r *http.Request, tags func(*task) map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, _, ok := s.secretContainer(r)
	if !ok {
		http.Error(w, "V4 task metadata handler: unable to get task arn from request", http.StatusNotFound)
		return
	}
	d := s.definition(&t.Definition).Detail
	body := taskMetadata{
		Cluster:          s.clusterARN(t.Cluster),
		TaskARN:          s.taskARN(t),
		Family:           *d.Family,
		Revision:         strconv.Itoa(int(d.Revision)),
		ServiceName:      t.Service,
		DesiredStatus:    string(t.Desired),
		KnownStatus:      string(t.Status),
		Limits:           taskLimits{CPU: float64(t.Size.CPU) / 1024, Memory: t.Size.Memory},
		PullStartedAt:    moment(t.PullStartedAt),
		PullStoppedAt:    moment(t.PullStoppedAt),
		AvailabilityZone: s.config.Account.Region + "a",
		LaunchType:       string(t.Detail.LaunchType),
		TaskTags:         tags(t),
	}
	for i := range t.Containers {
		body.Containers = append(body.Containers, s.metadataOf(t, i))
	}
	answer(w, http.StatusOK, body)
}

func (s *Service) metadataOf(t *task, i int) containerMetadata {
	d := s.definition(&t.Definition).Detail
	c, defined := t.Containers[i], d.ContainerDefinitions[i]
	body := containerMetadata{
		DockerID:      c.RuntimeID,
		Name:          c.Name,
		DockerName:    c.Name,
		Image:         c.Image,
		Labels:        s.labels(t, c, d, defined),
		DesiredStatus: string(t.Desired),
		KnownStatus:   string(c.Status),
		ExitCode:      c.ExitCode,
		Limits:        containerLimits{CPU: int(defined.Cpu), Memory: int(aws.ToInt32(defined.Memory))},
		CreatedAt:     moment(t.PullStartedAt),
		StartedAt:     moment(c.StartedAt),
		Type:          "NORMAL",
		ContainerARN:  s.containerARN(t, c),
		Networks:      s.networks(c, d.NetworkMode),
		ImageID:       c.Place.Image,
	}
	if defined.RestartPolicy != nil && aws.ToBool(defined.RestartPolicy.Enabled) {
		body.RestartCount = &c.Restarts
	}
	for _, p := range c.Place.Ports {
		body.Ports = append(body.Ports, portMetadata{p.Container, p.Protocol, p.Host, "127.0.0.1"})
	}
	if logs := defined.LogConfiguration; logs != nil {
		body.LogDriver, body.LogOptions = string(logs.LogDriver), logs.Options
	}
	return body
}

// networks are those that a container is on: Docker's bridge, which stands for
// the task's own network interface too.
func (s *Service) networks(c container, mode types.NetworkMode) []networkMetadata {
	place := c.Place
	if !place.Address.IsValid() {
		return nil
	}
	address := place.Address.Addr().String()
	network := networkMetadata{NetworkMode: string(cmp.Or(mode, types.NetworkModeBridge)), IPv4Addresses: []string{address}}
	if mode == types.NetworkModeAwsvpc {
		network.AttachmentIndex = new(0)
		network.MACAddress = place.MAC
		network.IPv4SubnetCIDRBlock = place.Address.Masked().String()
		network.PrivateDNSName = s.privateName(address)
		network.SubnetGatewayIpv4Address = netip.PrefixFrom(place.Gateway, place.Address.Bits()).String()
	}
	return []networkMetadata{network}
}

// labels are a container's own Docker labels and those that ECS adds.
func (s *Service) labels(t *task, c container, d types.TaskDefinition, defined types.ContainerDefinition) map[string]string {
	labels := map[string]string{
		"com.amazonaws.ecs.cluster":                 s.clusterARN(t.Cluster),
		"com.amazonaws.ecs.container-name":          c.Name,
		"com.amazonaws.ecs.task-arn":                s.taskARN(t),
		"com.amazonaws.ecs.task-definition-family":  *d.Family,
		"com.amazonaws.ecs.task-definition-version": strconv.Itoa(int(d.Revision)),
	}
	for name, value := range defined.DockerLabels {
		labels[name] = value
	}
	return labels
}
