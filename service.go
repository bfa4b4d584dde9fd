package spate

import (
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/template"
)

func (s *Stack) cluster(spot bool) {
	properties := props{}
	if spot {
		properties["CapacityProviders"] = list{"FARGATE", "FARGATE_SPOT"}
	}
	s.add(cluster, "AWS::ECS::Cluster", properties)
}

// service adds the service that runs the tasks.
//
// Every update of a service sets its count to the template's DesiredCount, and
// a service made without one starts a task: so it is 0 when the service is made
// and not there when it is updated. Rebalancing would stop busy tasks. In a
// deployment idle tasks go before new ones come: nobody waits for an answer,
// and the most tasks at once stay the most.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-rebalancing.html
func (s *Stack) service(j job.Job, place placement) {
	properties := props{
		"AvailabilityZoneRebalancing": "DISABLED",
		"Cluster":                     cluster.ref(),
		"DeploymentConfiguration": props{
			"DeploymentCircuitBreaker": props{"Enable": true, "Rollback": true},
			"MaximumPercent":           100,
			"MinimumHealthyPercent":    0,
		},
		"DesiredCount":         template.If(updating, template.Ref(template.NoValue), 0),
		"EnableECSManagedTags": true,
		"NetworkConfiguration": props{"AwsvpcConfiguration": place.configuration},
		"PropagateTags":        "SERVICE",
		"TaskDefinition":       taskDefinition.ref(),
	}
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
