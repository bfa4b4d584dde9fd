package spate

import (
	"cmp"
	"fmt"
	"math/bits"
	"net/netip"
	"slices"

	"github.com/spate-run/spate/internal/template"
)

// VPCProps describe a VPC. Left empty it costs nothing while nothing runs:
// public subnets instead of NAT gateways, and no way in.
type VPCProps struct {
	// CIDR is the block of addresses, /16 to /28; default 10.0.0.0/16.
	CIDR string
	// MaxAZs is in how many availability zones there are subnets; default 2.
	MaxAZs int
	// NATGateways is how many there are, at most one a zone, each billed by the
	// hour; default 0. With any, each zone also has a private subnet. CDK's
	// default is one a zone.
	NATGateways *int
}

// A VPC is a network that tasks run in. Its resources are the id and the id
// with InternetGateway, InternetGatewayAttachment, RouteTable, DefaultRoute,
// S3Endpoint, SubnetA, SubnetB … and, with NAT gateways, PrivateSubnetA … behind.
type VPC struct {
	stack   *Stack
	name    logicalID // also of one that is there already
	id      Text
	subnets []subnet
}

// ID is the VPC's id.
func (v *VPC) ID() Text { return v.id }

// PublicSubnets are the ids of the subnets that an internet gateway serves.
func (v *VPC) PublicSubnets() []Text { return v.chosen(publicSubnet) }

// PrivateSubnets are the ids of the subnets that reach out by NAT.
func (v *VPC) PrivateSubnets() []Text { return v.chosen(privateSubnet) }

func (v *VPC) chosen(kind string) (ids []Text) {
	for _, n := range v.subnets {
		if n.kind == kind {
			ids = append(ids, n.id)
		}
	}
	return ids
}

func (v *VPC) has(kind string) bool {
	return slices.ContainsFunc(v.subnets, func(n subnet) bool { return n.kind == kind })
}

// The kinds of subnets, as CDK's SubnetType has them.
const (
	publicSubnet   = "PUBLIC"
	privateSubnet  = "PRIVATE_WITH_EGRESS"
	isolatedSubnet = "PRIVATE_ISOLATED"
)

type subnet struct {
	id     Text
	kind   string
	routes []string // the resources without which it reaches nothing
}

// VPCAttributes name a VPC that is there already.
type VPCAttributes struct {
	VPCID             Text
	PublicSubnetIDs   []Text
	PrivateSubnetIDs  []Text // that reach out by NAT
	IsolatedSubnetIDs []Text // that reach nothing outside
}

// VPCFromAttributes is a VPC that is there already.
func (s *Stack) VPCFromAttributes(id string, a VPCAttributes) *VPC {
	if a.VPCID == "" {
		s.at(logicalID(id), "VPCID").problem("write its id, vpc-…", "it is missing")
	}
	v := &VPC{stack: s, name: logicalID(id), id: a.VPCID}
	for _, of := range []struct {
		kind string
		ids  []Text
	}{{publicSubnet, a.PublicSubnetIDs}, {privateSubnet, a.PrivateSubnetIDs}, {isolatedSubnet, a.IsolatedSubnetIDs}} {
		for _, id := range of.ids {
			v.subnets = append(v.subnets, subnet{id: id, kind: of.kind})
		}
	}
	if len(v.subnets) == 0 {
		s.at(logicalID(id), "PublicSubnetIDs").problem("name the subnets that tasks start in", "there are no subnets")
	}
	return v
}

// VPC adds a VPC.
func (s *Stack) VPC(id string, p VPCProps) *VPC {
	zones := cmp.Or(p.MaxAZs, 2)
	nats := 0
	switch {
	case p.NATGateways != nil:
		nats = *p.NATGateways
	case s.CDKDefaults:
		nats = zones
	}
	name := logicalID(id)
	s.at(name, "MaxAZs").between(zones, 1, 6)
	s.at(name, "NATGateways").between(nats, 0, zones)
	zones = min(max(zones, 1), 6)
	nats = min(max(nats, 0), zones)
	count := zones
	if nats > 0 {
		count += zones
	}
	block, parts, err := split(cmp.Or(p.CIDR, vpcBlock), count)
	if err != nil {
		s.at(name, "CIDR").problem("write an IPv4 block such as 10.0.0.0/16", "%v", err)
		return &VPC{stack: s, name: name, id: name.ref()}
	}
	n := s.beginVPC(name, name, block)
	n.cdk = s.CDKDefaults
	table := name
	if !n.cdk {
		n.publicTable(table)
	}
	for zone := range zones {
		if n.cdk { // which has a table for each
			table = n.publicTable(n.prefix + "Subnet" + zoneLetter(zone))
		}
		n.publicSubnet(zone, parts[zone], table)
	}
	n.natGateways(nats)
	for zone := range count - zones {
		n.privateSubnet(zone, parts[zones+zone])
	}
	if !n.cdk {
		n.s3Endpoint(table + "RouteTable")
	}
	return &VPC{stack: s, name: name, id: name.ref(), subnets: n.subnets}
}

// split cuts a block into equal parts, a power of two of them.
func split(cidr string, count int) (block string, parts []string, err error) {
	prefix, err := netip.ParsePrefix(cidr)
	if err != nil || !prefix.Addr().Is4() {
		return "", nil, fmt.Errorf("%q is not a block of addresses", cidr)
	}
	prefix = prefix.Masked()
	size := prefix.Bits() + bits.Len(uint(count-1))
	if prefix.Bits() < 16 || size > 28 {
		return "", nil, fmt.Errorf("%d subnets do not fit: a VPC is a /16 to /28 and a subnet at least a /28", count)
	}
	at := prefix.Addr().As4()
	first := uint32(at[0])<<24 | uint32(at[1])<<16 | uint32(at[2])<<8 | uint32(at[3])
	for i := range count {
		n := first + uint32(i)<<(32-size)
		parts = append(parts, netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}), size).String())
	}
	return prefix.String(), parts, nil
}

func zoneLetter(zone int) logicalID { return logicalID(rune('A' + zone)) }

// A network is a VPC that is being written.
type network struct {
	s          *Stack
	vpc        logicalID
	prefix     logicalID // of the ids of what belongs to it
	cdk        bool      // written as CDK does
	attachment logicalID
	nats       []logicalID
	subnets    []subnet
}

// beginVPC adds a VPC and its gateway.
func (s *Stack) beginVPC(id, prefix logicalID, block string) *network {
	n := &network{s: s, vpc: id, prefix: prefix, attachment: prefix + "InternetGatewayAttachment"}
	properties := props{"CidrBlock": block, "EnableDnsHostnames": true, "EnableDnsSupport": true}
	if s.CDKDefaults {
		properties["InstanceTenancy"] = "default"
	}
	s.add(id, "AWS::EC2::VPC", properties)
	s.add(prefix+"InternetGateway", "AWS::EC2::InternetGateway", nil)
	s.add(n.attachment, "AWS::EC2::VPCGatewayAttachment", props{
		"InternetGatewayId": (prefix + "InternetGateway").ref(), "VpcId": id.ref(),
	})
	return n
}

// publicTable adds a route table that leads to the gateway, and returns the
// prefix of its resources.
func (n *network) publicTable(prefix logicalID) logicalID {
	n.s.add(prefix+"RouteTable", "AWS::EC2::RouteTable", props{"VpcId": n.vpc.ref()})
	n.s.draft(prefix+"DefaultRoute", template.Draft{
		Type:      "AWS::EC2::Route",
		DependsOn: []string{string(n.attachment)},
		Properties: props{
			"DestinationCidrBlock": "0.0.0.0/0",
			"GatewayId":            (n.prefix + "InternetGateway").ref(),
			"RouteTableId":         (prefix + "RouteTable").ref(),
		},
	})
	return prefix
}

// s3Endpoint adds a way to S3 that costs nothing.
func (n *network) s3Endpoint(tables ...logicalID) {
	var ids list
	for _, table := range tables {
		ids = append(ids, table.ref())
	}
	for zone := range n.subnets {
		if id := n.prefix + "PrivateSubnet" + zoneLetter(zone) + "RouteTable"; n.s.resource(id) != nil {
			ids = append(ids, id.ref())
		}
	}
	n.s.add(n.prefix+"S3Endpoint", "AWS::EC2::VPCEndpoint", props{
		"RouteTableIds":   ids,
		"ServiceName":     "com.amazonaws." + Region + ".s3",
		"VpcEndpointType": "Gateway",
		"VpcId":           n.vpc.ref(),
	})
}

func (n *network) publicSubnet(zone int, block string, table logicalID) {
	id := n.prefix + "Subnet" + zoneLetter(zone)
	n.subnet(id, zone, block, publicSubnet, table+"RouteTable", string(table+"DefaultRoute"))
}

// subnet adds a subnet with its routes.
func (n *network) subnet(id logicalID, zone int, block, kind string, table logicalID, route string) {
	properties := props{"AvailabilityZone": template.Select(zone, template.GetAZs()), "CidrBlock": block, "VpcId": n.vpc.ref()}
	if n.cdk {
		properties["MapPublicIpOnLaunch"] = kind == publicSubnet
	}
	n.s.add(id, "AWS::EC2::Subnet", properties)
	n.s.add(id+"Routes", "AWS::EC2::SubnetRouteTableAssociation", props{"RouteTableId": table.ref(), "SubnetId": id.ref()})
	n.subnets = append(n.subnets, subnet{id: id.ref(), kind: kind, routes: []string{route, string(id + "Routes")}})
}

// natGateways adds NAT gateways with addresses of their own to the first
// public subnets.
func (n *network) natGateways(count int) {
	for zone := range count {
		id := n.prefix + "NatGateway" + zoneLetter(zone)
		n.s.add(id+"Address", "AWS::EC2::EIP", props{"Domain": "vpc"})
		n.s.draft(id, template.Draft{
			Type:       "AWS::EC2::NatGateway",
			DependsOn:  n.subnets[zone].routes,
			Properties: props{"AllocationId": (id + "Address").att("AllocationId"), "SubnetId": n.subnets[zone].id},
		})
		n.nats = append(n.nats, id)
	}
}

// privateSubnet adds a subnet that reaches out by the NAT gateway of its zone,
// or of another where there are fewer.
func (n *network) privateSubnet(zone int, block string) {
	id := n.prefix + "PrivateSubnet" + zoneLetter(zone)
	n.s.add(id+"RouteTable", "AWS::EC2::RouteTable", props{"VpcId": n.vpc.ref()})
	n.s.add(id+"DefaultRoute", "AWS::EC2::Route", props{
		"DestinationCidrBlock": "0.0.0.0/0",
		"NatGatewayId":         n.nats[zone%len(n.nats)].ref(),
		"RouteTableId":         (id + "RouteTable").ref(),
	})
	n.subnet(id, zone, block, privateSubnet, id+"RouteTable", string(id+"DefaultRoute"))
}
