package ecs

import (
	"cmp"
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

// The statuses of a service. One that is DRAINING has been deleted and still
// has tasks; an INACTIVE one is described for an hour.
const (
	serviceActive   = "ACTIVE"
	serviceDraining = "DRAINING"
	serviceInactive = "INACTIVE"
)

// A service keeps a number of tasks running.
type service struct {
	Name        string
	Cluster     string // its name
	Status      string
	Desired     int
	Deployments []deployment // the PRIMARY one, then older ones that still have tasks
	Completed   string       // the definition of the deployment that was completed last
	Steady      bool         // it has reached a steady state, and said so
	Numbered    int          // how many events it has had
	Token       string       // the clientToken that made it
	CreatedAt   time.Time
	EndedAt     time.Time     // when it became INACTIVE
	Detail      types.Service // what requests said and the engine only keeps
	Tags        []types.Tag

	tasks   map[*task]bool // those that are not STOPPED
	events  []event        // oldest first
	backoff backoff
	due     time.Time // when it has to be decided about without a change
	pending bool      // it has to be decided about
}

func (v *service) key() string          { return v.Cluster + "/" + v.Name }
func (v *service) primary() *deployment { return &v.Deployments[0] }

func (s *Service) serviceARN(cluster, name string) string {
	return s.config.Account.ARN("ecs", "service/"+cluster+"/"+name)
}

func (s *Service) loadServices(ctx context.Context) error {
	all, err := s.tables.services.All(ctx)
	if err != nil {
		return err
	}
	events, err := s.loadEvents(ctx)
	if err != nil {
		return err
	}
	for key, v := range all {
		v.tasks = map[*task]bool{}
		v.events = events[key]
		v.pending = true
		s.services[key] = &v
	}
	return nil
}

// service finds a service by its name or ARN.
func (s *Service) service(clusterRef, ref *string) (*service, error) {
	c, err := s.cluster(clusterRef)
	if err != nil {
		return nil, err
	}
	name, err := nameIn(c.Name, "service", aws.ToString(ref))
	if err != nil {
		return nil, err
	}
	v, ok := s.services[c.Name+"/"+name]
	if !ok {
		return nil, wire.Faultf("ServiceNotFoundException", "Service not found.")
	}
	return v, nil
}

// nameIn returns the last part of an ARN of a kind in a cluster, or a plain
// name as it is.
func nameIn(cluster, kind, ref string) (string, error) {
	_, path, ok := strings.Cut(ref, ":"+kind+"/")
	if !ok {
		return ref, nil
	}
	its, name, ok := strings.Cut(path, "/")
	if !ok { // an ARN of the old format names no cluster
		return path, nil
	}
	if its != cluster {
		return "", wire.Faultf("InvalidParameterException", "Identifier is for cluster %s. Your cluster is %s", its, cluster)
	}
	return name, nil
}

// CreateService makes a service; Run brings up its tasks.
func (s *Service) CreateService(ctx context.Context, in *ecs.CreateServiceInput) (*ecs.CreateServiceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.cluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	if err := validateService(in); err != nil {
		return nil, err
	}
	old, exists := s.services[c.Name+"/"+*in.ServiceName]
	if exists && old.Status != serviceInactive {
		return s.recreate(old, in)
	}
	d, err := s.usableDefinition(in.TaskDefinition)
	if err != nil {
		return nil, err
	}
	if err := validateLaunch(d, in.LaunchType, in.NetworkConfiguration); err != nil {
		return nil, err
	}
	now := time.Now()
	v := &service{
		Name: *in.ServiceName, Cluster: c.Name, Status: serviceActive,
		Desired:     desired(in),
		Deployments: []deployment{newDeployment(d.arn(), now)},
		Token:       aws.ToString(in.ClientToken),
		CreatedAt:   now,
		Detail:      serviceDetail(in, c.strategy(in.LaunchType, in.CapacityProviderStrategy)),
		Tags:        in.Tags,
		tasks:       map[*task]bool{},
		pending:     true,
	}
	err = s.config.Store.Update(ctx, func(tx *store.Tx) error {
		if exists {
			if err := s.removeEvents(tx, old.events); err != nil {
				return err
			}
		}
		return s.tables.services.Put(tx, v.key(), *v)
	})
	if err != nil {
		return nil, err
	}
	delete(s.dirty.services, old)
	s.services[v.key()] = v
	s.rouse()
	return &ecs.CreateServiceOutput{Service: s.describeService(v)}, nil
}

// recreate answers a request to make a service that is there already.
func (s *Service) recreate(old *service, in *ecs.CreateServiceInput) (*ecs.CreateServiceOutput, error) {
	if old.Status == serviceDraining {
		return nil, wire.Faultf("InvalidParameterException", "Unable to Start a service that is still Draining.")
	}
	if old.Token != "" && old.Token == aws.ToString(in.ClientToken) {
		return &ecs.CreateServiceOutput{Service: s.describeService(old)}, nil
	}
	return nil, wire.Faultf("InvalidParameterException", "Creation of service was not idempotent.")
}

// desired is a new service's count. A daemon has one task on each machine.
func desired(in *ecs.CreateServiceInput) int {
	if in.DesiredCount == nil || in.SchedulingStrategy == types.SchedulingStrategyDaemon {
		return 1
	}
	return int(*in.DesiredCount)
}

func validateService(in *ecs.CreateServiceInput) error {
	switch {
	case aws.ToString(in.ServiceName) == "":
		return wire.Faultf("InvalidParameterException", "Service name should not be null or empty.")
	case !validName().MatchString(*in.ServiceName):
		return wire.Faultf("InvalidParameterException", "Service name contains invalid characters.")
	case aws.ToInt32(in.DesiredCount) < 0:
		return wire.Faultf("InvalidParameterException", "Desired count must be greater than or equal to 0.")
	}
	if c := in.DeploymentController; c != nil && c.Type != "" && c.Type != types.DeploymentControllerTypeEcs {
		return wire.Faultf("UnsupportedFeatureException", "Deployment controller %s is not available.", c.Type)
	}
	return validateDeployments(deploymentConfiguration(nil, in.DeploymentConfiguration))
}

// validateLaunch checks that tasks of a definition can be launched so.
func validateLaunch(d *definition, launch types.LaunchType, network *types.NetworkConfiguration) error {
	if launch == types.LaunchTypeFargate && !slices.Contains(d.Detail.Compatibilities, types.CompatibilityFargate) {
		return wire.Faultf("InvalidParameterException", "Task definition does not support launch_type FARGATE.")
	}
	if d.Detail.NetworkMode == types.NetworkModeAwsvpc && (network == nil || network.AwsvpcConfiguration == nil) {
		return wire.Faultf("InvalidParameterException", "Network Configuration must be provided when networkMode 'awsvpc' is specified.")
	}
	return nil
}

func serviceDetail(in *ecs.CreateServiceInput, strategy []types.CapacityProviderStrategyItem) types.Service {
	detail := types.Service{
		AvailabilityZoneRebalancing:   cmp.Or(in.AvailabilityZoneRebalancing, types.AvailabilityZoneRebalancingEnabled),
		CapacityProviderStrategy:      strategy,
		DeploymentConfiguration:       deploymentConfiguration(nil, in.DeploymentConfiguration),
		DeploymentController:          &types.DeploymentController{Type: types.DeploymentControllerTypeEcs},
		EnableECSManagedTags:          in.EnableECSManagedTags,
		EnableExecuteCommand:          in.EnableExecuteCommand,
		HealthCheckGracePeriodSeconds: in.HealthCheckGracePeriodSeconds,
		LaunchType:                    in.LaunchType,
		LoadBalancers:                 in.LoadBalancers,
		NetworkConfiguration:          in.NetworkConfiguration,
		PlacementConstraints:          in.PlacementConstraints,
		PlacementStrategy:             in.PlacementStrategy,
		PlatformVersion:               in.PlatformVersion,
		PropagateTags:                 cmp.Or(in.PropagateTags, types.PropagateTagsNone),
		RoleArn:                       in.Role,
		SchedulingStrategy:            cmp.Or(in.SchedulingStrategy, types.SchedulingStrategyReplica),
		ServiceRegistries:             in.ServiceRegistries,
	}
	if detail.LaunchType == "" && len(detail.CapacityProviderStrategy) == 0 {
		detail.LaunchType = types.LaunchTypeEc2
	}
	if detail.LaunchType == types.LaunchTypeFargate {
		detail.PlatformVersion = aws.String(cmp.Or(aws.ToString(in.PlatformVersion), "LATEST"))
		detail.PlatformFamily = new("Linux")
	}
	return detail
}

// UpdateService changes a service. A new task definition, or what tasks are
// launched with, makes a new deployment; a new count alone does not.
func (s *Service) UpdateService(ctx context.Context, in *ecs.UpdateServiceInput) (*ecs.UpdateServiceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.service(in.Cluster, in.Service)
	if err != nil {
		return nil, err
	}
	if v.Status != serviceActive {
		return nil, wire.Faultf("ServiceNotActiveException", "Service was not ACTIVE.")
	}
	next, err := s.updated(*v, in, time.Now())
	if err != nil {
		return nil, err
	}
	if err := s.tables.services.Save(ctx, v.key(), next); err != nil {
		return nil, err
	}
	*v = next
	s.rouse()
	return &ecs.UpdateServiceOutput{Service: s.describeService(v)}, nil
}

// updated is a service as a request changes it.
func (s *Service) updated(v service, in *ecs.UpdateServiceInput, now time.Time) (service, error) {
	if aws.ToInt32(in.DesiredCount) < 0 {
		return v, wire.Faultf("InvalidParameterException", "Desired count must be greater than or equal to 0.")
	}
	was := *v.primary()
	d := s.definition(&was.Definition)
	if in.TaskDefinition != nil {
		var err error
		if d, err = s.usableDefinition(in.TaskDefinition); err != nil {
			return v, err
		}
	}
	before := v.Detail
	v.Detail = updatedDetail(before, in)
	if err := validateDeployments(v.Detail.DeploymentConfiguration); err != nil {
		return v, err
	}
	if err := validateLaunch(d, v.Detail.LaunchType, v.Detail.NetworkConfiguration); err != nil {
		return v, err
	}
	v.Deployments = slices.Clone(v.Deployments)
	if in.DesiredCount != nil && v.Detail.SchedulingStrategy != types.SchedulingStrategyDaemon {
		v.Desired = int(*in.DesiredCount)
		v.primary().UpdatedAt = now
	}
	if d.arn() != was.Definition || in.ForceNewDeployment || launchedOtherwise(before, v.Detail) {
		v.Deployments = slices.Insert(v.Deployments, 0, newDeployment(d.arn(), now))
		v.backoff, v.Steady = backoff{}, false
	}
	v.pending = true
	return v, nil
}

// launchedOtherwise says whether tasks have to be replaced after an update of
// how they are launched. CloudFormation sends all of a service's properties
// also when no more than its count has changed.
func launchedOtherwise(before, after types.Service) bool {
	return !reflect.DeepEqual(before.NetworkConfiguration, after.NetworkConfiguration) ||
		aws.ToString(before.PlatformVersion) != aws.ToString(after.PlatformVersion) ||
		!reflect.DeepEqual(before.CapacityProviderStrategy, after.CapacityProviderStrategy)
}

func updatedDetail(detail types.Service, in *ecs.UpdateServiceInput) types.Service {
	detail.AvailabilityZoneRebalancing = cmp.Or(in.AvailabilityZoneRebalancing, detail.AvailabilityZoneRebalancing)
	detail.DeploymentConfiguration = deploymentConfiguration(detail.DeploymentConfiguration, in.DeploymentConfiguration)
	detail.HealthCheckGracePeriodSeconds = cmp.Or(in.HealthCheckGracePeriodSeconds, detail.HealthCheckGracePeriodSeconds)
	detail.NetworkConfiguration = cmp.Or(in.NetworkConfiguration, detail.NetworkConfiguration)
	detail.PlatformVersion = cmp.Or(in.PlatformVersion, detail.PlatformVersion)
	detail.PropagateTags = cmp.Or(in.PropagateTags, detail.PropagateTags)
	if in.CapacityProviderStrategy != nil {
		detail.CapacityProviderStrategy, detail.LaunchType = in.CapacityProviderStrategy, ""
	}
	if in.LoadBalancers != nil {
		detail.LoadBalancers = in.LoadBalancers
	}
	if in.PlacementConstraints != nil {
		detail.PlacementConstraints = in.PlacementConstraints
	}
	if in.PlacementStrategy != nil {
		detail.PlacementStrategy = in.PlacementStrategy
	}
	if in.ServiceRegistries != nil {
		detail.ServiceRegistries = in.ServiceRegistries
	}
	if in.EnableECSManagedTags != nil {
		detail.EnableECSManagedTags = *in.EnableECSManagedTags
	}
	if in.EnableExecuteCommand != nil {
		detail.EnableExecuteCommand = *in.EnableExecuteCommand
	}
	return detail
}

// DeleteService drains a service that is scaled to 0, or with force any.
func (s *Service) DeleteService(ctx context.Context, in *ecs.DeleteServiceInput) (*ecs.DeleteServiceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.service(in.Cluster, in.Service)
	if err != nil {
		return nil, err
	}
	switch {
	case v.Status == serviceInactive:
		return nil, wire.Faultf("ServiceNotFoundException", "Service not found.")
	case v.Status == serviceDraining:
		return &ecs.DeleteServiceOutput{Service: s.describeService(v)}, nil
	case v.Desired > 0 && !aws.ToBool(in.Force) && v.Detail.SchedulingStrategy != types.SchedulingStrategyDaemon:
		return nil, wire.Faultf("InvalidParameterException", "The service cannot be stopped while it is scaled above 0.")
	}
	next := *v
	next.Status, next.Desired, next.pending = serviceDraining, 0, true
	if err := s.tables.services.Save(ctx, v.key(), next); err != nil {
		return nil, err
	}
	*v = next
	s.rouse()
	return &ecs.DeleteServiceOutput{Service: s.describeService(v)}, nil
}

// DescribeServices describes up to ten services, inactive ones too.
func (s *Service) DescribeServices(_ context.Context, in *ecs.DescribeServicesInput) (*ecs.DescribeServicesOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.cluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	if len(in.Services) == 0 {
		return nil, wire.Faultf("InvalidParameterException", "Services cannot be empty.")
	}
	if len(in.Services) > 10 {
		return nil, wire.Faultf("InvalidParameterException", "Services cannot be more than 10.")
	}
	out := &ecs.DescribeServicesOutput{Services: []types.Service{}, Failures: []types.Failure{}}
	for _, ref := range in.Services {
		name, err := nameIn(c.Name, "service", ref)
		if err != nil {
			return nil, err
		}
		v, ok := s.services[c.Name+"/"+name]
		if !ok {
			out.Failures = append(out.Failures, missing(s.serviceARN(c.Name, name)))
			continue
		}
		detail := s.describeService(v)
		if !slices.Contains(in.Include, types.ServiceFieldTags) {
			detail.Tags = nil
		}
		out.Services = append(out.Services, *detail)
	}
	return out, nil
}

// ListServices lists the ARNs of a cluster's active services.
func (s *Service) ListServices(_ context.Context, in *ecs.ListServicesInput) (*ecs.ListServicesOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.cluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	arns := []string{}
	for v := range maps.Values(s.services) {
		if v.Cluster != c.Name || v.Status != serviceActive ||
			in.LaunchType != "" && in.LaunchType != v.Detail.LaunchType ||
			in.SchedulingStrategy != "" && in.SchedulingStrategy != v.Detail.SchedulingStrategy {
			continue
		}
		arns = append(arns, s.serviceARN(v.Cluster, v.Name))
	}
	slices.Sort(arns)
	limit := in.MaxResults
	if limit == nil {
		limit = aws.Int32(10)
	}
	arns, next, err := page(arns, in.NextToken, limit, 100)
	if err != nil {
		return nil, err
	}
	return &ecs.ListServicesOutput{ServiceArns: arns, NextToken: next}, nil
}

func (s *Service) describeService(v *service) *types.Service {
	detail := v.Detail
	detail.ServiceName = aws.String(v.Name)
	detail.ServiceArn = aws.String(s.serviceARN(v.Cluster, v.Name))
	detail.ClusterArn = aws.String(s.clusterARN(v.Cluster))
	detail.Status = aws.String(v.Status)
	detail.DesiredCount = int32(v.Desired)
	detail.CreatedAt = aws.Time(v.CreatedAt)
	detail.CreatedBy = aws.String("arn:aws:iam::" + s.config.Account.ID + ":root")
	detail.TaskDefinition = aws.String(v.primary().Definition)
	detail.Tags = v.Tags
	detail.Events = describeEvents(v.events)
	detail.LoadBalancers, detail.ServiceRegistries = full(detail.LoadBalancers), full(detail.ServiceRegistries)
	detail.PlacementConstraints, detail.PlacementStrategy = full(detail.PlacementConstraints), full(detail.PlacementStrategy)
	detail.Deployments = []types.Deployment{}
	if v.Status != serviceInactive {
		detail.Deployments = v.describeDeployments()
	}
	for _, d := range detail.Deployments {
		detail.RunningCount += d.RunningCount
		detail.PendingCount += d.PendingCount
	}
	return &detail
}
