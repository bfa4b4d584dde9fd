package ecs

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/spate-run/spate/internal/sorting"
	"github.com/spate-run/spate/internal/wire"
)

// A definition is one revision of a task definition. Revisions are never
// removed, so their numbers are never used twice.
type definition struct {
	Detail types.TaskDefinition
	Tags   []types.Tag
	// Discarded says that the images have been removed, where nothing else has
	// them.
	Discarded bool
}

// A family is the revisions of a task definition; revision n is at n-1.
type family struct {
	revisions []*definition
}

func (d *definition) arn() string  { return *d.Detail.TaskDefinitionArn }
func (d *definition) active() bool { return d.Detail.Status == types.TaskDefinitionStatusActive }
func (d *definition) revision() string {
	return fmt.Sprintf("%s:%d", *d.Detail.Family, d.Detail.Revision)
}

func (f *family) latestActive() *definition {
	for _, d := range slices.Backward(f.revisions) {
		if d.active() {
			return d
		}
	}
	return nil
}

func (s *Service) loadDefinitions(ctx context.Context) error {
	all, err := s.tables.definitions.All(ctx)
	if err != nil {
		return err
	}
	definitions := sorting.All(maps.Values(all), func(a, b definition) int {
		return cmp.Compare(a.Detail.Revision, b.Detail.Revision)
	})
	for _, d := range definitions {
		s.addRevision(&d)
	}
	return nil
}

func (s *Service) addRevision(d *definition) {
	name := *d.Detail.Family
	if s.families[name] == nil {
		s.families[name] = &family{}
	}
	s.families[name].revisions = append(s.families[name].revisions, d)
}

// definition finds a task definition by its ARN, by family:revision, or the
// latest active one by its family. It returns nil when there is none.
func (s *Service) definition(ref *string) *definition {
	name, number, numbered := strings.Cut(definitionName(ref), ":")
	f, ok := s.families[name]
	if !ok {
		return nil
	}
	if !numbered {
		return f.latestActive()
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > len(f.revisions) {
		return nil
	}
	return f.revisions[n-1]
}

// definitionName is the family, and the revision where it is named, of a
// reference.
func definitionName(ref *string) string {
	name := aws.ToString(ref)
	if _, rest, ok := strings.Cut(name, ":task-definition/"); ok {
		return rest
	}
	return name
}

// usableDefinition finds a definition that tasks can be started from.
func (s *Service) usableDefinition(ref *string) (*definition, error) {
	d := s.definition(ref)
	if d == nil {
		return nil, wire.Faultf("ClientException", "TaskDefinition not found.")
	}
	if !d.active() {
		return nil, wire.Faultf("ClientException", "TaskDefinition is inactive")
	}
	return d, nil
}

// RegisterTaskDefinition makes a family's next revision.
func (s *Service) RegisterTaskDefinition(ctx context.Context, in *ecs.RegisterTaskDefinitionInput) (*ecs.RegisterTaskDefinitionOutput, error) {
	if err := validateDefinition(in); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	revision := 1
	if f, ok := s.families[*in.Family]; ok {
		revision = len(f.revisions) + 1
	}
	d := &definition{Detail: s.detail(in, revision), Tags: in.Tags}
	if err := s.tables.definitions.Save(ctx, d.revision(), *d); err != nil {
		return nil, err
	}
	s.addRevision(d)
	return &ecs.RegisterTaskDefinitionOutput{TaskDefinition: new(d.Detail), Tags: d.Tags}, nil
}

func (s *Service) detail(in *ecs.RegisterTaskDefinitionInput, revision int) types.TaskDefinition {
	compatibilities := []types.Compatibility{types.CompatibilityEc2}
	if fargateFault(in) == nil {
		compatibilities = append(compatibilities, types.CompatibilityFargate)
	}
	containers := slices.Clone(in.ContainerDefinitions)
	for i := range containers {
		if containers[i].Essential == nil {
			containers[i].Essential = new(true)
		}
		fill(&containers[i], in.NetworkMode)
	}
	arn := s.config.Account.ARN("ecs", fmt.Sprintf("task-definition/%s:%d", *in.Family, revision))
	return types.TaskDefinition{
		Compatibilities:         compatibilities,
		ContainerDefinitions:    containers,
		Cpu:                     plainSize(in.Cpu, cpuUnits),
		EnableFaultInjection:    in.EnableFaultInjection,
		EphemeralStorage:        in.EphemeralStorage,
		ExecutionRoleArn:        in.ExecutionRoleArn,
		Family:                  in.Family,
		IpcMode:                 in.IpcMode,
		Memory:                  plainSize(in.Memory, memoryMiB),
		NetworkMode:             in.NetworkMode,
		PidMode:                 in.PidMode,
		PlacementConstraints:    full(in.PlacementConstraints),
		ProxyConfiguration:      in.ProxyConfiguration,
		RegisteredAt:            new(time.Now()),
		RegisteredBy:            aws.String("arn:aws:iam::" + s.config.Account.ID + ":root"),
		RequiresCompatibilities: in.RequiresCompatibilities,
		Revision:                int32(revision),
		RuntimePlatform:         in.RuntimePlatform,
		Status:                  types.TaskDefinitionStatusActive,
		TaskDefinitionArn:       &arn,
		TaskRoleArn:             in.TaskRoleArn,
		Volumes:                 full(in.Volumes),
	}
}

// full is a list as ECS answers those that clients look into unasked: empty, and
// not left out.
func full[E any](list []E) []E {
	if list == nil {
		return []E{}
	}
	return list
}

// fill makes a container's definition what ECS answers.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html#API_RegisterTaskDefinition_Examples
func fill(c *types.ContainerDefinition, mode types.NetworkMode) {
	c.Environment, c.PortMappings, c.SystemControls = full(c.Environment), full(c.PortMappings), full(c.SystemControls)
	c.MountPoints, c.VolumesFrom = full(c.MountPoints), full(c.VolumesFrom)
	c.PortMappings = slices.Clone(c.PortMappings)
	for i := range c.PortMappings {
		m := &c.PortMappings[i]
		m.Protocol = cmp.Or(m.Protocol, types.TransportProtocolTcp)
		own := mode == types.NetworkModeAwsvpc || mode == types.NetworkModeHost
		switch {
		case m.HostPort != nil || m.ContainerPort == nil:
		case own:
			m.HostPort = m.ContainerPort
		default:
			m.HostPort = new(int32(0))
		}
	}
}

// plainSize writes "1 vCPU" or "2 GB" as the number that ECS answers.
func plainSize(size *string, parse func(string) (int, bool)) *string {
	if size == nil {
		return nil
	}
	n, _ := parse(*size) // validated before
	return new(strconv.Itoa(n))
}

// DeregisterTaskDefinition makes a revision INACTIVE. Services that use it go
// on doing so.
func (s *Service) DeregisterTaskDefinition(ctx context.Context, in *ecs.DeregisterTaskDefinitionInput) (*ecs.DeregisterTaskDefinitionOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !strings.Contains(definitionName(in.TaskDefinition), ":") {
		return nil, wire.Faultf("InvalidParameterException", "Revision is missing.")
	}
	d := s.definition(in.TaskDefinition)
	if d == nil {
		return nil, wire.Faultf("ClientException", "The specified task definition does not exist. Specify a valid account, family, revision and try again.")
	}
	next := *d
	if next.active() {
		next.Detail.Status = types.TaskDefinitionStatusInactive
		next.Detail.DeregisteredAt = new(time.Now())
	}
	if err := s.tables.definitions.Save(ctx, d.revision(), next); err != nil {
		return nil, err
	}
	*d = next
	s.untidy = true
	s.rouse()
	return &ecs.DeregisterTaskDefinitionOutput{TaskDefinition: &next.Detail}, nil
}

// DescribeTaskDefinition describes a revision, also an inactive one.
func (s *Service) DescribeTaskDefinition(_ context.Context, in *ecs.DescribeTaskDefinitionInput) (*ecs.DescribeTaskDefinitionOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.definition(in.TaskDefinition)
	if d == nil {
		return nil, wire.Faultf("ClientException", "Unable to describe task definition.")
	}
	out := &ecs.DescribeTaskDefinitionOutput{TaskDefinition: new(d.Detail)}
	if slices.Contains(in.Include, types.TaskDefinitionFieldTags) {
		out.Tags = d.Tags
	}
	return out, nil
}

// ListTaskDefinitions lists revisions' ARNs by family, then by number.
func (s *Service) ListTaskDefinitions(_ context.Context, in *ecs.ListTaskDefinitionsInput) (*ecs.ListTaskDefinitionsOutput, error) {
	status := cmp.Or(in.Status, types.TaskDefinitionStatusActive)
	s.mu.Lock()
	arns := []string{}
	for _, name := range slices.Sorted(maps.Keys(s.families)) {
		// The prefix of this operation is the whole name, that of
		// ListTaskDefinitionFamilies is not.
		if in.FamilyPrefix != nil && *in.FamilyPrefix != name {
			continue
		}
		for _, d := range s.families[name].revisions {
			if d.Detail.Status == status {
				arns = append(arns, d.arn())
			}
		}
	}
	s.mu.Unlock()
	if in.Sort == types.SortOrderDesc {
		slices.Reverse(arns)
	}
	arns, next, err := page(arns, in.NextToken, in.MaxResults, 100)
	if err != nil {
		return nil, err
	}
	return &ecs.ListTaskDefinitionsOutput{TaskDefinitionArns: arns, NextToken: next}, nil
}

// ListTaskDefinitionFamilies lists families; an active one has an active
// revision.
func (s *Service) ListTaskDefinitionFamilies(_ context.Context, in *ecs.ListTaskDefinitionFamiliesInput) (*ecs.ListTaskDefinitionFamiliesOutput, error) {
	s.mu.Lock()
	names := []string{}
	for name, f := range s.families {
		status := types.TaskDefinitionFamilyStatusInactive
		if f.latestActive() != nil {
			status = types.TaskDefinitionFamilyStatusActive
		}
		wanted := in.Status == "" || in.Status == types.TaskDefinitionFamilyStatusAll || in.Status == status
		if wanted && strings.HasPrefix(name, aws.ToString(in.FamilyPrefix)) {
			names = append(names, name)
		}
	}
	s.mu.Unlock()
	slices.Sort(names)
	names, next, err := page(names, in.NextToken, in.MaxResults, 100)
	if err != nil {
		return nil, err
	}
	return &ecs.ListTaskDefinitionFamiliesOutput{Families: names, NextToken: next}, nil
}
