package spate

import (
	"cmp"
	"strconv"

	"github.com/spate-run/spate/internal/template"
)

// AddCapacityOptions describe a group of EC2 instances that grows from none to
// what tasks need and back. Its resources are the cluster's id with
// LaunchTemplate, InstanceRole, InstanceProfile, InstanceSecurityGroup,
// AutoScalingGroup and CapacityProvider behind.
type AddCapacityOptions struct {
	// InstanceType is one that spate takes the machine image by; default m5.large.
	InstanceType string
	// MachineImage is an AMI's id; default the newest Amazon Linux 2023 for
	// ECS, for the processor or the GPU that the type has.
	MachineImage Text
	// MinCapacity and MaxCapacity are the fewest instances, default 0, and the
	// most, default 10.
	MinCapacity, MaxCapacity int
	// VPCSubnets is where instances start; default the private subnets, or the
	// public ones where there are no others.
	VPCSubnets *SubnetSelection
	// AssociatePublicIPAddress gives each instance an address, which it needs
	// in public subnets, and has there by default.
	AssociatePublicIPAddress *bool
	// KeyName is the key pair for logging in; default none.
	KeyName Text
	// SpotPrice is the most dollars that an hour of an instance may cost; given,
	// instances are of spare capacity.
	SpotPrice string
}

// What a type's name says of its machine.
// https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html
var (
	instanceType = pattern(`^[a-z][a-z0-9-]*\.[a-z0-9-]+$`)
	gravitonType = pattern(`^(?:a1|[a-z]+\d+g[a-z]*)\.`)
	gpuType      = pattern(`^(?:p\d|g\d)`)
)

// machineImage is the parameter by which AWS publishes the newest image for ECS.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/retrieve-ecs-optimized_AMI.html
func machineImage(instance string) Text {
	kind := ""
	switch {
	case gravitonType().MatchString(instance):
		kind = "arm64/"
	case gpuType().MatchString(instance):
		kind = "gpu/"
	}
	return Text("{{resolve:ssm:/aws/service/ecs/optimized-ami/amazon-linux-2023/" + kind + "recommended/image_id}}")
}

// addCapacity gives a cluster of the stack a group of instances.
func (c *Cluster) addCapacity(o AddCapacityOptions) {
	s := c.stack
	instance := cmp.Or(o.InstanceType, "m5.large")
	if !instanceType().MatchString(instance) {
		s.at(c.id, "Capacity.InstanceType").problem("write one such as m5.large", "%q is not an instance type", instance)
	}
	most := cmp.Or(o.MaxCapacity, 10)
	s.at(c.id, "Capacity.MinCapacity").between(o.MinCapacity, 0, most)
	kind, subnets, routes := s.chooseSubnets(location{owner: c.id, vpc: c.vpc, subnets: o.VPCSubnets, subnetsField: "Capacity.VPCSubnets"})
	public := kind == publicSubnet
	if o.AssociatePublicIPAddress != nil {
		public = *o.AssociatePublicIPAddress
	}
	s.instanceTemplate(c, o, instance, public)
	group := c.id + "AutoScalingGroup"
	s.draft(group, template.Draft{Type: "AWS::AutoScaling::AutoScalingGroup", DependsOn: routes, Properties: props{
		"LaunchTemplate": props{
			"LaunchTemplateId": (c.id + "LaunchTemplate").ref(), "Version": (c.id + "LaunchTemplate").att("LatestVersionNumber"),
		},
		"MaxSize": strconv.Itoa(most),
		"MinSize": strconv.Itoa(o.MinCapacity),
		// ECS says which instances are free to go.
		"NewInstancesProtectedFromScaleIn": true,
		"VPCZoneIdentifier":                texts(subnets),
	}})
	c.capacity = (c.id + "CapacityProvider").ref()
	s.add(c.id+"CapacityProvider", "AWS::ECS::CapacityProvider", props{
		"AutoScalingGroupProvider": props{
			"AutoScalingGroupArn":          group.ref(),
			"ManagedDraining":              "ENABLED",
			"ManagedScaling":               props{"Status": "ENABLED", "TargetCapacity": 100},
			"ManagedTerminationProtection": "ENABLED",
		},
	})
	c.provide(c.capacity)
}

// instanceTemplate adds what an instance is, and what it may do. Accounts that
// are new cannot make launch configurations, so it is a launch template.
// https://docs.aws.amazon.com/autoscaling/ec2/userguide/launch-configurations.html
func (s *Stack) instanceTemplate(c *Cluster, o AddCapacityOptions, instance string, public bool) {
	role := s.role(c.id+"InstanceRole", "ec2.amazonaws.com", nil, c.instancePermissions()...)
	profile := c.id + "InstanceProfile"
	s.add(profile, "AWS::IAM::InstanceProfile", props{"Roles": list{role.id.ref()}})
	group := s.closedGroup(c.id+"InstanceSecurityGroup", c.vpc.id)
	data := props{
		"IamInstanceProfile": props{"Arn": profile.att("Arn")},
		"ImageId":            cmp.Or(o.MachineImage, machineImage(instance)),
		"InstanceType":       instance,
		"MetadataOptions":    props{"HttpTokens": "required"},
		"NetworkInterfaces": list{props{
			"AssociatePublicIpAddress": public, "DeviceIndex": 0, "Groups": list{group},
		}},
		"UserData": template.Intrinsic{
			Name: "Fn::Base64", Argument: "#!/bin/sh\necho ECS_CLUSTER=" + c.name + " >> /etc/ecs/ecs.config\n",
		},
	}
	set(data, "KeyName", o.KeyName)
	if o.SpotPrice != "" {
		data["InstanceMarketOptions"] = props{"MarketType": "spot", "SpotOptions": props{"MaxPrice": o.SpotPrice}}
	}
	s.add(c.id+"LaunchTemplate", "AWS::EC2::LaunchTemplate", props{"LaunchTemplateData": data})
}

// instancePermissions are what ECS's agent on an instance does, no more.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/instance_IAM_role.html
func (c *Cluster) instancePermissions() []props {
	ours := props{"ArnEquals": props{"ecs:cluster": c.arn}}
	poll := allow("*", "ecs:Poll", "ecs:StartTelemetrySession", "ecs:UpdateContainerInstancesState")
	poll["Condition"] = ours
	return []props{
		allow(c.arn, "ecs:DeregisterContainerInstance", "ecs:RegisterContainerInstance", "ecs:Submit*"),
		poll,
		allow("*", "ecs:DiscoverPollEndpoint"),
	}
}
