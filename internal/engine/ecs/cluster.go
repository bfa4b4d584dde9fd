package ecs

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/spate-run/spate/internal/wire"
)

// defaultCluster is the cluster of requests that name none.
const defaultCluster = "default"

// validName is what clusters, services and families may be called. Its
// bound makes it slow to compile: commands that do not need it start without.
var validName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9_-]{1,255}$`) })

// A cluster groups services and tasks. All of them share this machine.
type cluster struct {
	Name string
	// Detail is what the request said and the engine only keeps: settings,
	// configuration, capacity providers.
	Detail types.Cluster
	Tags   []types.Tag
}

func (s *Service) loadClusters(ctx context.Context) error {
	all, err := s.tables.clusters.All(ctx)
	if err != nil {
		return err
	}
	for name, c := range all {
		s.clusters[name] = &c
	}
	return nil
}

// cluster finds a cluster by its name or ARN.
func (s *Service) cluster(ref *string) (*cluster, error) {
	c, ok := s.clusters[clusterName(ref)]
	if !ok {
		return nil, wire.Faultf("ClusterNotFoundException", "Cluster not found.")
	}
	return c, nil
}

// strategy is what a launch that asks for this one gets: without a launch type
// or a strategy of its own, the cluster's default.
func (c *cluster) strategy(launch types.LaunchType, own []types.CapacityProviderStrategyItem) []types.CapacityProviderStrategyItem {
	if launch == "" && len(own) == 0 {
		return c.Detail.DefaultCapacityProviderStrategy
	}
	return own
}

func clusterName(ref *string) string {
	if aws.ToString(ref) == "" {
		return defaultCluster
	}
	if _, name, ok := strings.Cut(*ref, ":cluster/"); ok {
		return name
	}
	return *ref
}

func (s *Service) clusterARN(name string) string {
	return s.config.Account.ARN("ecs", "cluster/"+name)
}

// CreateCluster makes a cluster, or returns the one of that name.
func (s *Service) CreateCluster(ctx context.Context, in *ecs.CreateClusterInput) (*ecs.CreateClusterOutput, error) {
	name := clusterName(in.ClusterName)
	if !validName().MatchString(name) {
		return nil, wire.Faultf("InvalidParameterException", "Cluster name contains invalid characters.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.clusters[name]; ok {
		return &ecs.CreateClusterOutput{Cluster: s.describeCluster(c)}, nil
	}
	c := &cluster{Name: name, Tags: in.Tags, Detail: types.Cluster{
		CapacityProviders:               in.CapacityProviders,
		Configuration:                   in.Configuration,
		DefaultCapacityProviderStrategy: in.DefaultCapacityProviderStrategy,
		Settings:                        in.Settings,
	}}
	if in.ServiceConnectDefaults != nil {
		c.Detail.ServiceConnectDefaults = &types.ClusterServiceConnectDefaults{Namespace: in.ServiceConnectDefaults.Namespace}
	}
	if err := s.tables.clusters.Save(ctx, name, *c); err != nil {
		return nil, err
	}
	s.clusters[name] = c
	return &ecs.CreateClusterOutput{Cluster: s.describeCluster(c)}, nil
}

// DeleteCluster removes a cluster in which nothing is left.
func (s *Service) DeleteCluster(ctx context.Context, in *ecs.DeleteClusterInput) (*ecs.DeleteClusterOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.cluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	detail := s.describeCluster(c)
	if detail.ActiveServicesCount > 0 {
		return nil, wire.Faultf("ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active.")
	}
	for _, t := range s.tasks {
		if t.Cluster == c.Name && t.Status != statusStopped {
			return nil, wire.Faultf("ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.")
		}
	}
	if err := s.tables.clusters.Remove(ctx, c.Name); err != nil {
		return nil, err
	}
	delete(s.clusters, c.Name)
	detail.Status = new("INACTIVE")
	return &ecs.DeleteClusterOutput{Cluster: detail}, nil
}

// DescribeClusters describes the named clusters, or the default one.
func (s *Service) DescribeClusters(_ context.Context, in *ecs.DescribeClustersInput) (*ecs.DescribeClustersOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	refs := in.Clusters
	if len(refs) == 0 {
		refs = []string{defaultCluster}
	}
	out := &ecs.DescribeClustersOutput{Clusters: []types.Cluster{}, Failures: []types.Failure{}}
	for _, ref := range refs {
		c, ok := s.clusters[clusterName(&ref)]
		if !ok {
			out.Failures = append(out.Failures, missing(s.clusterARN(clusterName(&ref))))
			continue
		}
		detail := s.describeCluster(c)
		if !slices.Contains(in.Include, types.ClusterFieldTags) {
			detail.Tags = nil
		}
		out.Clusters = append(out.Clusters, *detail)
	}
	return out, nil
}

// missing is the failure of a describe call for something that is not there.
func missing(arn string) types.Failure {
	return types.Failure{Arn: &arn, Reason: new("MISSING")}
}

// ListClusters lists the clusters' ARNs.
func (s *Service) ListClusters(_ context.Context, in *ecs.ListClustersInput) (*ecs.ListClustersOutput, error) {
	s.mu.Lock()
	arns := make([]string, 0, len(s.clusters))
	for name := range s.clusters {
		arns = append(arns, s.clusterARN(name))
	}
	s.mu.Unlock()
	slices.Sort(arns)
	arns, next, err := page(arns, in.NextToken, in.MaxResults, 100)
	if err != nil {
		return nil, err
	}
	return &ecs.ListClustersOutput{ClusterArns: arns, NextToken: next}, nil
}

// PutClusterCapacityProviders keeps a cluster's capacity providers. They have
// no effect: there is one machine.
func (s *Service) PutClusterCapacityProviders(ctx context.Context, in *ecs.PutClusterCapacityProvidersInput) (*ecs.PutClusterCapacityProvidersOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.cluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	next := *c
	next.Detail.CapacityProviders = in.CapacityProviders
	next.Detail.DefaultCapacityProviderStrategy = in.DefaultCapacityProviderStrategy
	if err := s.tables.clusters.Save(ctx, c.Name, next); err != nil {
		return nil, err
	}
	*c = next
	return &ecs.PutClusterCapacityProvidersOutput{Cluster: s.describeCluster(c)}, nil
}

func (s *Service) describeCluster(c *cluster) *types.Cluster {
	detail := c.Detail
	detail.ClusterName = aws.String(c.Name)
	detail.ClusterArn = aws.String(s.clusterARN(c.Name))
	detail.Status = new("ACTIVE")
	detail.Tags = c.Tags
	for _, v := range s.services {
		if v.Cluster == c.Name && v.Status != serviceInactive {
			detail.ActiveServicesCount++
		}
	}
	for _, t := range s.tasks {
		switch {
		case t.Cluster != c.Name:
		case t.Status == statusRunning:
			detail.RunningTasksCount++
		case t.Status.starting():
			detail.PendingTasksCount++
		}
	}
	return &detail
}
