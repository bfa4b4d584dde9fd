package spate

import (
	"slices"

	"github.com/spate-run/spate/internal/template"
)

// ClusterProps describe a cluster.
type ClusterProps struct {
	// ClusterName is 1 to 255 letters, digits, hyphens and underscores; default
	// CloudFormation's own.
	ClusterName Text
	// VPC is where tasks run; default one of spate's own.
	VPC *VPC
	// EnableFargateCapacityProviders lets services name FARGATE and
	// FARGATE_SPOT in their strategies; one that does enables them too.
	EnableFargateCapacityProviders bool
	// ContainerInsights is enabled, enhanced or disabled; default the account's.
	ContainerInsights string
	// Capacity is a group of EC2 instances for tasks that are not Fargate's.
	Capacity *AddCapacityOptions
}

// A Cluster is where services and tasks run. Its resources are the id and the
// id with CapacityProviders, Vpc … behind, and those that [AddCapacityOptions]
// lists. Constructs that are given none share DefaultCluster.
type Cluster struct {
	stack     *Stack
	id        logicalID // also of one that is there already
	name, arn Text
	vpc       *VPC
	imported  bool
	providers *resource // the associations of capacity providers, or nil
	capacity  Text      // the capacity provider of EC2 instances, or empty
}

// Name is the cluster's name.
func (c *Cluster) Name() Text { return c.name }

// ARN is the cluster's.
func (c *Cluster) ARN() Text { return c.arn }

// VPC is where its tasks run.
func (c *Cluster) VPC() *VPC { return c.vpc }

// ClusterAttributes name a cluster that is there already.
type ClusterAttributes struct {
	ClusterName Text
	VPC         *VPC
	// CapacityProvider is the cluster's capacity provider of EC2 instances, if
	// it has one. Fargate's are to be enabled where they are named.
	CapacityProvider Text
}

// ClusterFromAttributes is a cluster that is there already.
func (s *Stack) ClusterFromAttributes(id string, a ClusterAttributes) *Cluster {
	c := &Cluster{
		stack: s, id: logicalID(id), name: a.ClusterName, vpc: s.ourVPC(s.at(logicalID(id), "VPC"), a.VPC), imported: true, capacity: a.CapacityProvider,
		arn: "arn:" + Partition + ":ecs:" + Region + ":" + AccountID + ":cluster/" + a.ClusterName,
	}
	if a.ClusterName == "" {
		s.at(c.id, "ClusterName").problem("write its name", "it is missing")
	}
	if c.vpc == nil {
		s.at(c.id, "VPC").problem("VPC: stack.VPCFromAttributes(…)", "it is missing, and tasks need subnets")
		c.vpc = &VPC{stack: s}
	}
	return c
}

// Cluster adds a cluster.
func (s *Stack) Cluster(id string, p ClusterProps) *Cluster {
	name := logicalID(id)
	s.at(name, "ClusterName").named(p.ClusterName, ecsNaming())
	s.at(name, "ContainerInsights").oneOf(p.ContainerInsights, "enabled", "enhanced", "disabled")
	c := &Cluster{stack: s, id: name, name: name.ref(), arn: name.att("Arn"), vpc: s.ourVPC(s.at(name, "VPC"), p.VPC)}
	if c.vpc == nil {
		c.vpc = s.VPC(id+"Vpc", VPCProps{})
	}
	properties := props{}
	set(properties, "ClusterName", p.ClusterName)
	if p.ContainerInsights != "" {
		properties["ClusterSettings"] = list{props{"Name": "containerInsights", "Value": p.ContainerInsights}}
	}
	s.add(name, "AWS::ECS::Cluster", properties)
	if p.EnableFargateCapacityProviders {
		c.provide("FARGATE", "FARGATE_SPOT")
	}
	if p.Capacity != nil {
		c.addCapacity(*p.Capacity)
	}
	return c
}

// clusterOf is the cluster of a construct: the one that it is given, or one
// that those of the same VPC share.
func (s *Stack) clusterOf(owner logicalID, given *Cluster, vpc *VPC) *Cluster {
	if given != nil {
		if vpc != nil {
			s.at(owner, "VPC").problem("leave it out: the cluster has one", "Cluster and VPC are both given")
		}
		return s.ourCluster(s.at(owner, "Cluster"), given)
	}
	vpc = s.ourVPC(s.at(owner, "VPC"), vpc)
	if c, ok := s.clusters[vpc]; ok {
		return c
	}
	id := "DefaultCluster"
	if vpc != nil {
		id += string(vpc.name)
	}
	c := s.Cluster(id, ClusterProps{VPC: vpc})
	if s.clusters == nil {
		s.clusters = map[*VPC]*Cluster{}
	}
	s.clusters[vpc] = c
	return c
}

// provide associates capacity providers with a cluster of the stack.
func (c *Cluster) provide(names ...Text) {
	if c.imported {
		return
	}
	if c.providers == nil {
		c.providers = c.stack.add(c.id+"CapacityProviders", "AWS::ECS::ClusterCapacityProviderAssociations", props{
			"CapacityProviders":               []Text{},
			"Cluster":                         c.name,
			"DefaultCapacityProviderStrategy": list{},
		})
	}
	there := c.providers.Properties["CapacityProviders"].([]Text)
	for _, name := range names {
		if !slices.Contains(there, name) {
			there = append(there, name)
		}
	}
	c.providers.Properties["CapacityProviders"] = there
}

// dependsOn is what has to be there before a service uses a strategy.
func (c *Cluster) dependsOn() []string {
	if c.providers == nil {
		return nil
	}
	return []string{string(c.providers.id)}
}

// A CapacityProviderStrategy is a share of the tasks for a capacity provider:
// Base tasks first, and of the others as many as its Weight among all.
type CapacityProviderStrategy struct {
	// CapacityProvider is FARGATE, FARGATE_SPOT or the name of a group's.
	CapacityProvider Text
	Base, Weight     int
}

const (
	onDemand Text = "FARGATE"
	spot     Text = "FARGATE_SPOT"
)

// strategy checks a service's strategies, enables Fargate's providers where
// they are named, and returns what the service says of them.
func (c *Cluster) strategy(at field, strategies []CapacityProviderStrategy) list {
	var items list
	based := false
	at.shares(strategies)
	for _, of := range strategies {
		at.between(of.Base, 0, 100_000)
		at.between(of.Weight, 0, 1000)
		if of.CapacityProvider == "" {
			at.problem("FARGATE, FARGATE_SPOT or a name", "a strategy names no CapacityProvider")
		}
		if of.Base > 0 && based {
			at.problem("leave one out", "only one strategy can have a Base")
		}
		based = based || of.Base > 0
		if of.CapacityProvider == onDemand || of.CapacityProvider == spot {
			c.provide(onDemand, spot)
		}
		item := props{"CapacityProvider": of.CapacityProvider}
		set(item, "Base", of.Base)
		set(item, "Weight", of.Weight)
		items = append(items, item)
	}
	return items
}

// shares checks what strategies are together.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProviderStrategyItem.html
func (f field) shares(strategies []CapacityProviderStrategy) {
	seen := map[Text]bool{}
	weights, fargate := 0, 0
	for _, of := range strategies {
		if seen[of.CapacityProvider] {
			f.problem("leave one out", "%s is named twice", plainText(of.CapacityProvider))
		}
		seen[of.CapacityProvider] = true
		weights += of.Weight
		if of.CapacityProvider == onDemand || of.CapacityProvider == spot {
			fargate++
		}
	}
	if len(strategies) > 0 && weights == 0 {
		f.problem("Weight: 1", "no strategy has a Weight, so none gets tasks")
	}
	if fargate > 0 && fargate < len(strategies) {
		f.problem("make two services", "Fargate's capacity providers and a group's cannot be mixed")
	}
}

// usesSpot reports whether tasks may run on Fargate Spot.
func usesSpot(strategies []CapacityProviderStrategy) bool {
	return slices.ContainsFunc(strategies, func(of CapacityProviderStrategy) bool { return of.CapacityProvider == spot })
}

// serviceResource adds the ECS service of a construct.
func (c *Cluster) serviceResource(id logicalID, properties props, dependsOn []string) {
	if properties["CapacityProviderStrategy"] != nil {
		dependsOn = appendNew(dependsOn, c.dependsOn()...)
	}
	c.stack.draft(id, template.Draft{Type: "AWS::ECS::Service", DependsOn: dependsOn, Properties: properties})
}
