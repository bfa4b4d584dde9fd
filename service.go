package spate

import (
	"slices"

	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/template"
)

// The parameter that tells an update of a service from its making, and the
// condition that it makes.
const (
	updateParameter = "Update"
	updating        = "Updating"
)

// desired is how many tasks a service has when it is made.
//
// Every update of a service sets its count to the template's DesiredCount, and
// a service made without one starts a task: so it is there when the service is
// made and not when it is updated, which only who deploys can tell. Updated
// with Update still "false", the service drops to the count, and its alarms
// bring it back within a minute.
func (s *Stack) desired(count int) template.Intrinsic {
	if !slices.ContainsFunc(s.conditions, func(c condition) bool { return c.name == updating }) {
		s.parameter(updateParameter, props{
			"Type":          "String",
			"Description":   "Whether the service is there already, so that its task count has to stay",
			"Default":       "false",
			"AllowedValues": list{"false", "true"},
		})
		s.conditions = append(s.conditions, condition{updating, template.Equals(Ref(updateParameter), "true")})
	}
	return template.If(updating, Ref(template.NoValue), count)
}

// spateService is what spate says of every service.
//
// Rebalancing would stop busy tasks. In a deployment idle tasks go before new
// ones come: nobody waits for an answer, and the most tasks at once stay the
// most.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-rebalancing.html
func (s *Stack) spateService(cluster, definition Text, count int) props {
	return props{
		"AvailabilityZoneRebalancing": "DISABLED",
		"Cluster":                     cluster,
		"DeploymentConfiguration": props{
			"DeploymentCircuitBreaker": props{"Enable": true, "Rollback": true},
			"MaximumPercent":           100,
			"MinimumHealthyPercent":    0,
		},
		"DesiredCount":         s.desired(count),
		"EnableECSManagedTags": true,
		"PropagateTags":        "SERVICE",
		"TaskDefinition":       definition,
	}
}

// cdkService is what CDK says of every service.
func cdkService(cluster, definition Text) props {
	return props{
		"Cluster": cluster,
		"DeploymentConfiguration": props{
			"Alarms":                props{"AlarmNames": list{}, "Enable": false, "Rollback": false},
			"MaximumPercent":        200,
			"MinimumHealthyPercent": 50,
		},
		"EnableECSManagedTags": false,
		"TaskDefinition":       definition,
	}
}

// jobCluster adds the cluster of a job.
func (s *Stack) jobCluster(spot bool) {
	properties := props{}
	if spot {
		properties["CapacityProviders"] = list{"FARGATE", "FARGATE_SPOT"}
	}
	s.add(cluster, "AWS::ECS::Cluster", properties)
}

// jobService adds the service that runs the tasks of a job.
func (s *Stack) jobService(j job.Job, place placement) {
	properties := s.spateService(cluster.ref(), taskDefinition.ref(), 0)
	properties["NetworkConfiguration"] = props{"AwsvpcConfiguration": place.configuration}
	if j.Spot {
		// The rest keeps a run going while Spot has no capacity.
		properties["CapacityProviderStrategy"] = list{
			props{"CapacityProvider": "FARGATE_SPOT", "Weight": 4},
			props{"CapacityProvider": "FARGATE", "Weight": 1},
		}
	} else {
		properties["LaunchType"] = "FARGATE"
	}
	s.draft(service, template.Draft{Type: "AWS::ECS::Service", DependsOn: place.dependsOn, Properties: properties})
}
