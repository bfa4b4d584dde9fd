package ecs_test

import (
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// Clients look into the lists that ECS always answers without asking whether they
// are there: td["volumes"].
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html#API_RegisterTaskDefinition_Examples
func TestListsThatAreEmptyAreThere(t *testing.T) {
	in(t, 1, func(r *rig) {
		r.vpc("web", serving("web", types.PortMapping{ContainerPort: new(int32(80))}))
		d := r.definition("web")
		c := d.ContainerDefinitions[0]
		if p := c.PortMappings[0]; *p.HostPort != 80 || p.Protocol != types.TransportProtocolTcp {
			t.Errorf("got port mapping %+v, want ECS's own host port and protocol in it", p)
		}
		r.serve(0)
		v := r.work()
		for name, missing := range map[string]bool{
			"volumes": d.Volumes == nil, "placementConstraints": d.PlacementConstraints == nil,
			"environment": c.Environment == nil, "mountPoints": c.MountPoints == nil, "volumesFrom": c.VolumesFrom == nil,
			"systemControls": c.SystemControls == nil, "portMappings": r.definition("job").ContainerDefinitions[0].PortMappings == nil,
			"loadBalancers": v.LoadBalancers == nil, "serviceRegistries": v.ServiceRegistries == nil,
			"placementStrategy": v.PlacementStrategy == nil, "a service's placementConstraints": v.PlacementConstraints == nil,
		} {
			if missing {
				t.Errorf("got no %s, want an empty list", name)
			}
		}
	})
}

func (r *rig) definition(family string) types.TaskDefinition {
	r.Helper()
	return *must(r.DescribeTaskDefinition(ctx(r), &sdk.DescribeTaskDefinitionInput{TaskDefinition: &family})).TaskDefinition
}
