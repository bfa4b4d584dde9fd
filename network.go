package spate

import (
	"fmt"
	"slices"

	"github.com/spate-run/spate/internal/job"
)

// A placement is where tasks run.
type placement struct {
	configuration props    // an AwsvpcConfiguration
	dependsOn     []string // what has to be there before a task reaches anything
}

// vpcBlock is the block of a VPC that is given none.
const vpcBlock = "10.0.0.0/16"

// SubnetSelection says in which of a VPC's subnets tasks run.
type SubnetSelection struct {
	// SubnetType is PUBLIC, PRIVATE_WITH_EGRESS or PRIVATE_ISOLATED.
	SubnetType string
	// Subnets are the ids of subnets, instead.
	Subnets []Text
}

// A location is where the tasks of a construct are to run.
type location struct {
	owner          logicalID
	vpc            *VPC
	subnets        *SubnetSelection
	subnetsField   string // what the owner calls them
	securityGroups []Text
	assignPublicIP *bool
}

// place returns where tasks run, and adds a security group where none is given.
func (s *Stack) place(l location) placement {
	kind, ids, routes := s.chooseSubnets(l)
	public := kind == publicSubnet && !s.CDKDefaults
	if l.assignPublicIP != nil {
		public = *l.assignPublicIP
	}
	if kind == publicSubnet && !public && !s.CDKDefaults {
		s.at(l.owner, "AssignPublicIP").problem("leave it out, or choose subnets that have a way out",
			"without a public address tasks in public subnets reach nothing")
	}
	groups := l.securityGroups
	if len(groups) == 0 {
		groups = []Text{s.closedGroup(l.owner+"SecurityGroup", l.vpc.id)}
	}
	return placement{configuration: awsvpc(public, texts(groups), texts(ids)), dependsOn: routes}
}

func awsvpc(public bool, groups, subnets list) props {
	configuration := props{"AssignPublicIp": "DISABLED", "Subnets": subnets}
	if public {
		configuration["AssignPublicIp"] = "ENABLED"
	}
	setList(configuration, "SecurityGroups", groups)
	return configuration
}

// chooseSubnets returns the subnets that are asked for: of a type, by id, or
// else the private ones where there are any and no public address is wanted.
func (s *Stack) chooseSubnets(l location) (kind string, ids []Text, routes []string) {
	field := s.at(l.owner, l.subnetsField)
	switch {
	case l.subnets != nil && len(l.subnets.Subnets) > 0:
		for _, n := range l.vpc.subnets {
			if slices.Contains(l.subnets.Subnets, n.id) {
				routes = appendNew(routes, n.routes...)
			}
		}
		return "", l.subnets.Subnets, routes
	case l.subnets != nil && l.subnets.SubnetType != "":
		kind = l.subnets.SubnetType
		field.oneOf(kind, publicSubnet, privateSubnet, isolatedSubnet)
	case l.assignPublicIP != nil && *l.assignPublicIP:
		kind = publicSubnet
	default:
		kind = publicSubnet
		for _, other := range []string{privateSubnet, isolatedSubnet} {
			if l.vpc.has(other) && (other == privateSubnet || !l.vpc.has(publicSubnet)) {
				kind = other
				break
			}
		}
	}
	for _, n := range l.vpc.subnets {
		if n.kind == kind {
			ids = append(ids, n.id)
			routes = appendNew(routes, n.routes...)
		}
	}
	if len(ids) == 0 && len(l.vpc.subnets) > 0 {
		field.problem(fmt.Sprintf("its first is %s: choose that, or give the VPC NATGateways: new(1)", l.vpc.subnets[0].kind),
			"the VPC has no subnet of the type %s", kind)
	}
	return kind, ids, routes
}

func appendNew(to []string, names ...string) []string {
	for _, name := range names {
		if !slices.Contains(to, name) {
			to = append(to, name)
		}
	}
	return to
}

// closedGroup adds a security group that lets everything out and nothing in.
func (s *Stack) closedGroup(id logicalID, vpc Text) Text {
	s.add(id, "AWS::EC2::SecurityGroup", props{
		"GroupDescription": "Tasks: out to anywhere, in from nowhere",
		"VpcId":            vpc,
	})
	return id.att("GroupId")
}

const securityGroup logicalID = "SecurityGroup"

// network returns where a job's tasks run, and adds what is not given.
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
	groups := texts(n.SecurityGroups)
	if len(groups) == 0 && n.VPC != "" {
		groups = list{s.closedGroup(securityGroup, Text(n.VPC))}
	}
	public := n.AssignPublicIP != nil && *n.AssignPublicIP
	return placement{configuration: awsvpc(public, groups, texts(n.Subnets))}
}

// ownNetwork adds a VPC that costs nothing while nothing runs. Two subnets of
// 16,384 addresses hold more tasks than a service can have.
func (s *Stack) ownNetwork() placement {
	n := s.beginVPC("Vpc", "", vpcBlock)
	table := n.publicTable("")
	n.s3Endpoint("RouteTable")
	group := s.closedGroup(securityGroup, n.vpc.ref())
	place := placement{}
	var ids list
	for zone, block := range []string{"10.0.0.0/18", "10.0.64.0/18"} {
		n.publicSubnet(zone, block, table)
		ids = append(ids, n.subnets[zone].id)
		place.dependsOn = appendNew(place.dependsOn, n.subnets[zone].routes...)
	}
	place.configuration = awsvpc(true, list{group}, ids)
	return place
}
