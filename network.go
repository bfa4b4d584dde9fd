package spate

import (
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/template"
)

// A placement is where tasks run.
type placement struct {
	configuration props    // an AwsvpcConfiguration
	dependsOn     []string // what has to be there before a task reaches anything
}

// The VPC of a stack that is given none. Two subnets of 16,384 addresses hold
// more tasks than a service can have.
const (
	vpcBlock = "10.0.0.0/16"

	vpc           logicalID = "Vpc"
	gateway       logicalID = "InternetGateway"
	routeTable    logicalID = "RouteTable"
	defaultRoute  logicalID = "DefaultRoute"
	securityGroup logicalID = "SecurityGroup"
)

// network returns where tasks run, and adds what is not given.
func (s *Stack) network(n job.Network) placement {
	if len(n.Subnets) > 0 {
		return s.givenNetwork(n)
	}
	if n.VPC != "" || len(n.SecurityGroups) > 0 {
		s.check(Problem{Where: "network", Fact: "there are no subnets", Hint: "add subnets: [subnet-…]"})
	}
	if n.AssignPublicIP != nil && !*n.AssignPublicIP {
		s.check(Problem{
			Where: "network.assignPublicIp", Fact: "without a public address tasks in the stack's own VPC reach nothing, since it has no NAT",
			Hint: "leave it out, or give subnets that have a way out",
		})
	}
	return s.ownNetwork()
}

// givenNetwork adds at most a security group. ECS's own default holds for the
// public address: none.
func (s *Stack) givenNetwork(n job.Network) placement {
	configuration := props{"AssignPublicIp": "DISABLED", "Subnets": n.Subnets}
	if n.AssignPublicIP != nil && *n.AssignPublicIP {
		configuration["AssignPublicIp"] = "ENABLED"
	}
	switch {
	case len(n.SecurityGroups) > 0:
		configuration["SecurityGroups"] = n.SecurityGroups
	case n.VPC != "":
		s.closedGroup(n.VPC)
		configuration["SecurityGroups"] = list{securityGroup.att("GroupId")}
	}
	return placement{configuration: configuration}
}

// ownNetwork adds a VPC that costs nothing while nothing runs: public subnets
// instead of NAT gateways, and no way in.
func (s *Stack) ownNetwork() placement {
	s.add(vpc, "AWS::EC2::VPC", props{"CidrBlock": vpcBlock, "EnableDnsHostnames": true, "EnableDnsSupport": true})
	s.add(gateway, "AWS::EC2::InternetGateway", nil)
	attachment := gateway + "Attachment"
	s.add(attachment, "AWS::EC2::VPCGatewayAttachment", props{"InternetGatewayId": gateway.ref(), "VpcId": vpc.ref()})
	s.add(routeTable, "AWS::EC2::RouteTable", props{"VpcId": vpc.ref()})
	s.draft(defaultRoute, template.Draft{
		Type:      "AWS::EC2::Route",
		DependsOn: []string{string(attachment)},
		Properties: props{
			"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway.ref(), "RouteTableId": routeTable.ref(),
		},
	})
	s.add("S3Endpoint", "AWS::EC2::VPCEndpoint", props{
		"RouteTableIds":   list{routeTable.ref()},
		"ServiceName":     template.Sub("com.amazonaws.${AWS::Region}.s3"),
		"VpcEndpointType": "Gateway",
		"VpcId":           vpc.ref(),
	})
	s.closedGroup(vpc.ref())
	place := placement{dependsOn: []string{string(defaultRoute)}}
	var subnets list
	for i, block := range []string{"10.0.0.0/18", "10.0.64.0/18"} {
		subnet := logicalID("Subnet" + string(rune('A'+i)))
		s.add(subnet, "AWS::EC2::Subnet", props{
			"AvailabilityZone": template.Select(i, template.GetAZs()), "CidrBlock": block, "VpcId": vpc.ref(),
		})
		s.add(subnet+"Routes", "AWS::EC2::SubnetRouteTableAssociation", props{
			"RouteTableId": routeTable.ref(), "SubnetId": subnet.ref(),
		})
		subnets = append(subnets, subnet.ref())
		place.dependsOn = append(place.dependsOn, string(subnet+"Routes"))
	}
	place.configuration = props{
		"AssignPublicIp": "ENABLED",
		"SecurityGroups": list{securityGroup.att("GroupId")},
		"Subnets":        subnets,
	}
	return place
}

// closedGroup adds a security group that lets everything out and nothing in.
func (s *Stack) closedGroup(vpc any) {
	s.add(securityGroup, "AWS::EC2::SecurityGroup", props{
		"GroupDescription": "Tasks: out to anywhere, in from nowhere",
		"VpcId":            vpc,
	})
}
