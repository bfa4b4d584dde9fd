package cloudformation

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/spate-run/spate/internal/wire"
)

// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-cluster.html
var cluster = kind{
	attributes: []string{"Arn"},
	name:       "ClusterName",
	replace:    []string{"ClusterName"},
	exists: func(ctx context.Context, c *clients, name string) (bool, error) {
		out, err := wire.Call[ecs.DescribeClustersOutput](ctx, c.ecs, &ecs.DescribeClustersInput{Clusters: []string{name}})
		if err != nil {
			return found(err)
		}
		return len(out.Clusters) == 1 && aws.ToString(out.Clusters[0].Status) == "ACTIVE", nil
	},
	create: func(ctx context.Context, c *clients, r request) (made, error) {
		p, err := clusterProperties(r)
		if err != nil {
			return made{}, err
		}
		var input ecs.CreateClusterInput
		if err := fill(&input, p); err != nil {
			return made{}, err
		}
		input.ClusterName = &r.Name
		out, err := wire.Call[ecs.CreateClusterOutput](ctx, c.ecs, &input)
		if err != nil {
			return made{}, err
		}
		return made{ID: r.Name, Attributes: properties{"Arn": *out.Cluster.ClusterArn}}, nil
	},
	update: func(ctx context.Context, c *clients, r request) (made, error) {
		p, err := clusterProperties(r)
		if err != nil {
			return made{}, err
		}
		if r.changed("CapacityProviders", "DefaultCapacityProviderStrategy") {
			if err := putCapacityProviders(ctx, c, r); err != nil {
				return made{}, err
			}
		}
		input := ecs.UpdateClusterInput{}
		if err := fill(&input, without(p, "ClusterName", "Tags", "CapacityProviders", "DefaultCapacityProviderStrategy")); err != nil {
			return made{}, err
		}
		if r.changed("ClusterSettings", "Configuration", "ServiceConnectDefaults") {
			input.Cluster = &r.ID
			_, err = wire.Call[ecs.UpdateClusterOutput](ctx, c.ecs, &input)
		}
		return made{ID: r.ID}, err
	},
	tag: tagECS(func(r request) string { return r.Account.ARN("ecs", "cluster/"+r.Name) }),
	remove: func(ctx context.Context, c *clients, r request) error {
		_, err := wire.Call[ecs.DeleteClusterOutput](ctx, c.ecs, &ecs.DeleteClusterInput{Cluster: &r.Name})
		return unlessAbsent(err)
	},
}

// clusterProperties gives ClusterSettings the API's name, Settings.
func clusterProperties(r request) (properties, error) {
	p, err := withTags(r)
	if settings, ok := p["ClusterSettings"]; ok {
		p = without(p, "ClusterSettings")
		p["Settings"] = settings
	}
	return p, err
}

// tagECS tags what has the ARN that arn finds.
func tagECS(arn func(request) string) func(context.Context, *clients, request, map[string]string, []string) error {
	return func(ctx context.Context, c *clients, r request, set map[string]string, drop []string) error {
		if len(set) > 0 {
			input := ecs.TagResourceInput{ResourceArn: aws.String(arn(r))}
			for _, key := range sortedKeys(set) {
				input.Tags = append(input.Tags, types.Tag{Key: &key, Value: aws.String(set[key])})
			}
			if _, err := wire.Call[ecs.TagResourceOutput](ctx, c.ecs, &input); err != nil {
				return err
			}
		}
		if len(drop) == 0 {
			return nil
		}
		_, err := wire.Call[ecs.UntagResourceOutput](ctx, c.ecs, &ecs.UntagResourceInput{ResourceArn: aws.String(arn(r)), TagKeys: drop})
		return err
	}
}

func idOf(r request) string { return r.ID }

// withTags returns a resource's properties with the stack's tags joined.
func withTags(r request) (properties, error) {
	p := without(r.Properties, "Tags")
	tags, err := r.tagList()
	if len(tags) > 0 {
		p["Tags"] = tags
	}
	return p, err
}

var capacityProviders = kind{
	replace: []string{"Cluster"},
	create: func(ctx context.Context, c *clients, r request) (made, error) {
		if err := only(r.Properties, "CapacityProviders", "Cluster", "DefaultCapacityProviderStrategy"); err != nil {
			return made{}, err
		}
		return made{ID: r.text("Cluster")}, putCapacityProviders(ctx, c, r)
	},
	update: func(ctx context.Context, c *clients, r request) (made, error) {
		return made{ID: r.ID}, putCapacityProviders(ctx, c, r)
	},
	remove: func(ctx context.Context, c *clients, r request) error {
		r.ID, r.Properties = r.text("Cluster"), nil
		return unlessAbsent(putCapacityProviders(ctx, c, r))
	},
}

// putCapacityProviders sets a cluster's capacity providers to what a resource
// says; the API wants both lists, empty ones too.
func putCapacityProviders(ctx context.Context, c *clients, r request) error {
	input := ecs.PutClusterCapacityProvidersInput{
		CapacityProviders:               []string{},
		DefaultCapacityProviderStrategy: []types.CapacityProviderStrategyItem{},
	}
	p := properties{"Cluster": r.ID}
	for _, name := range []string{"Cluster", "CapacityProviders", "DefaultCapacityProviderStrategy"} {
		if value, ok := r.Properties[name]; ok {
			p[name] = value
		}
	}
	if err := fill(&input, p); err != nil {
		return err
	}
	_, err := wire.Call[ecs.PutClusterCapacityProvidersOutput](ctx, c.ecs, &input)
	return err
}

// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-taskdefinition.html
var taskDefinition = kind{
	attributes: []string{"TaskDefinitionArn"},
	replace:    []string{"*"},
	create: func(ctx context.Context, c *clients, r request) (made, error) {
		p, err := withTags(r)
		if err != nil {
			return made{}, err
		}
		input := ecs.RegisterTaskDefinitionInput{Family: &r.Name}
		if err := fill(&input, p); err != nil {
			return made{}, err
		}
		out, err := wire.Call[ecs.RegisterTaskDefinitionOutput](ctx, c.ecs, &input)
		if err != nil {
			return made{}, err
		}
		arn := *out.TaskDefinition.TaskDefinitionArn
		return made{ID: arn, Attributes: properties{"TaskDefinitionArn": arn}}, nil
	},
	tag: tagECS(idOf),
	remove: func(ctx context.Context, c *clients, r request) error {
		if r.ID == "" {
			return nil
		}
		_, err := wire.Call[ecs.DeregisterTaskDefinitionOutput](ctx, c.ecs, &ecs.DeregisterTaskDefinitionInput{TaskDefinition: &r.ID})
		return unlessAbsent(err)
	},
}

// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-service.html
var ecsService = kind{
	attributes: []string{"Name", "ServiceArn"},
	name:       "ServiceName",
	replace:    []string{"Cluster", "LaunchType", "Role", "SchedulingStrategy", "ServiceName"},
	create: func(ctx context.Context, c *clients, r request) (made, error) {
		p, err := withTags(r)
		if err != nil {
			return made{}, err
		}
		var input ecs.CreateServiceInput
		if err := fill(&input, p); err != nil {
			return made{}, err
		}
		input.ServiceName = &r.Name
		if input.DesiredCount == nil && input.SchedulingStrategy != types.SchedulingStrategyDaemon {
			input.DesiredCount = aws.Int32(1)
		}
		out, err := wire.Call[ecs.CreateServiceOutput](ctx, c.ecs, &input)
		if err != nil {
			return made{}, err
		}
		arn := *out.Service.ServiceArn
		return made{ID: arn, Attributes: properties{"Name": r.Name, "ServiceArn": arn}, Settled: atRest(out.Service)}, nil
	},
	steady: waitSteady,
	update: func(ctx context.Context, c *clients, r request) (made, error) {
		var input ecs.UpdateServiceInput
		p := without(r.Properties, "LaunchType", "Role", "SchedulingStrategy", "ServiceName", "Tags")
		if err := fill(&input, p); err != nil {
			return made{}, err
		}
		input.Service = &r.ID
		out, err := wire.Call[ecs.UpdateServiceOutput](ctx, c.ecs, &input)
		if err != nil {
			return made{}, err
		}
		return made{ID: r.ID, Settled: atRest(out.Service)}, nil
	},
	tag: tagECS(idOf),
	remove: func(ctx context.Context, c *clients, r request) error {
		_, err := wire.Call[ecs.DeleteServiceOutput](ctx, c.ecs, &ecs.DeleteServiceInput{
			Cluster: clusterOf(r), Service: &r.Name, Force: aws.Bool(true),
		})
		if err != nil {
			return unlessAbsent(err)
		}
		return waitDrained(ctx, c, r)
	},
}

func clusterOf(r request) *string {
	if name := r.text("Cluster"); name != "" {
		return &name
	}
	return nil
}

// steadyLimit is how long CloudFormation waits for a service to be steady.
const steadyLimit = 3 * time.Hour

// waitSteady waits until a service runs what it should and its deployment is
// complete. What another definition's deployment came to does not count: it is
// described for a while after the service went back from it.
func waitSteady(ctx context.Context, c *clients, r request) error {
	return eventually(ctx, func() (bool, error) {
		s, err := describeService(ctx, c, r)
		if err != nil || s == nil {
			return false, err
		}
		if atRest(s) {
			return true, nil
		}
		var others []types.Deployment
		for _, d := range s.Deployments {
			switch {
			case d.RolloutState != types.DeploymentRolloutStateFailed:
				others = append(others, d)
			case isDefinition(aws.ToString(d.TaskDefinition), r.text("TaskDefinition")):
				return false, &unstable{"Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'.", "GeneralServiceException"}
			}
		}
		return s.RunningCount == s.DesiredCount && len(others) == 1 && completed(others[0]), nil
	})
}

// isDefinition says whether an ARN is that of a task definition as templates
// name it: by its ARN, its family and revision, or its family.
func isDefinition(arn, name string) bool {
	return arn == name || strings.HasSuffix(arn, "/"+name) || strings.Contains(arn, "/"+name+":")
}

// atRest reports whether a service has no tasks and wants none.
func atRest(s *types.Service) bool {
	return s.DesiredCount == 0 && s.RunningCount == 0 && s.PendingCount == 0
}

func completed(d types.Deployment) bool {
	return d.RolloutState == "" || d.RolloutState == types.DeploymentRolloutStateCompleted
}

// waitDrained waits until a deleted service has no task left.
func waitDrained(ctx context.Context, c *clients, r request) error {
	return eventually(ctx, func() (bool, error) {
		s, err := describeService(ctx, c, r)
		return err == nil && (s == nil || aws.ToString(s.Status) == "INACTIVE"), err
	})
}

// describeService returns nil where there is no such service.
func describeService(ctx context.Context, c *clients, r request) (*types.Service, error) {
	out, err := wire.Call[ecs.DescribeServicesOutput](ctx, c.ecs, &ecs.DescribeServicesInput{Cluster: clusterOf(r), Services: []string{r.Name}})
	if err != nil {
		return nil, unlessAbsent(err)
	}
	if len(out.Services) == 0 {
		return nil, nil
	}
	return &out.Services[0], nil
}

// eventually asks until the answer is yes: at first after milliseconds, since
// most services are there at once, and then ever more slowly, so that the
// answer is never late by more than a tenth of the time it took.
func eventually(ctx context.Context, ask func() (bool, error)) error {
	for began := time.Now(); time.Since(began) < steadyLimit; {
		if yes, err := ask(); yes || err != nil {
			return err
		}
		pause := min(max(5*time.Millisecond, time.Since(began)/10), 15*time.Second)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
	}
	return &unstable{"Exceeded attempts to wait", "NotStabilized"}
}
