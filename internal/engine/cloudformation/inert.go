package cloudformation

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"regexp"
	"time"
)

// An inertKind is a resource type that the embedded engine keeps and does
// nothing with: its resources exist in their stack alone. Its texts are
// patterns, in which {hex} is a random id, {ip} a random address, {name} the
// resource's name, {id} its physical id, {account} and {region} where it is,
// {now} when it was made, and {Property} a property's text with
// {Property:default} in its place when it is not given.
type inertKind struct {
	name      string // the property that names the resource
	lowerName bool
	scoped    bool
	replace   []string
	id        string // what Ref returns
	// attributes are what Fn::GetAtt returns, and lists those that are lists.
	attributes map[string]string
	lists      map[string][]string
}

// inert are the inert types, with the return values that each type's page
// documents under
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/
var inert = map[string]inertKind{
	"AWS::CDK::Metadata": {id: "{logical}"},

	"AWS::AutoScaling::AutoScalingGroup": {
		name: "AutoScalingGroupName", replace: []string{"AutoScalingGroupName", "InstanceId"}, id: "{name}",
		attributes: map[string]string{
			"AutoScalingGroupARN": "arn:aws:autoscaling:{region}:{account}:autoScalingGroup:{uuid}:autoScalingGroupName/{name}",
		},
	},
	"AWS::AutoScaling::LaunchConfiguration": {name: "LaunchConfigurationName", replace: []string{"*"}, id: "{name}"},
	"AWS::AutoScaling::LifecycleHook": {
		name: "LifecycleHookName", scoped: true, replace: []string{"AutoScalingGroupName", "LifecycleHookName"}, id: "{name}",
	},

	"AWS::EC2::EIP": {
		replace: []string{"Domain"}, id: "{ip}",
		attributes: map[string]string{"AllocationId": "eipalloc-{hex}", "PublicIp": "{id}"},
	},
	"AWS::EC2::InternetGateway": {id: "igw-{hex}", attributes: map[string]string{"InternetGatewayId": "{id}"}},
	"AWS::EC2::LaunchTemplate": {
		replace: []string{"LaunchTemplateName"}, id: "lt-{hex}",
		attributes: map[string]string{"DefaultVersionNumber": "1", "LatestVersionNumber": "1", "LaunchTemplateId": "{id}"},
	},
	"AWS::EC2::NatGateway": {
		replace: []string{"AllocationId", "ConnectivityType", "SubnetId"}, id: "nat-{hex}",
		attributes: map[string]string{"NatGatewayId": "{id}"},
	},
	"AWS::EC2::Route": {
		replace: []string{"DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId", "RouteTableId"},
		id:      "{RouteTableId}|{DestinationCidrBlock}{DestinationIpv6CidrBlock}{DestinationPrefixListId}",
		attributes: map[string]string{
			"CidrBlock": "{DestinationCidrBlock}{DestinationIpv6CidrBlock}{DestinationPrefixListId}",
		},
	},
	"AWS::EC2::RouteTable": {
		replace: []string{"VpcId"}, id: "rtb-{hex}", attributes: map[string]string{"RouteTableId": "{id}"},
	},
	"AWS::EC2::SecurityGroup": {
		replace: []string{"GroupDescription", "GroupName", "VpcId"}, id: "sg-{hex}",
		attributes: map[string]string{"GroupId": "{id}", "Id": "{id}", "VpcId": "{VpcId}"},
	},
	"AWS::EC2::SecurityGroupEgress":  {replace: []string{"*"}, id: "sgr-{hex}", attributes: map[string]string{"Id": "{id}"}},
	"AWS::EC2::SecurityGroupIngress": {replace: []string{"*"}, id: "sgr-{hex}", attributes: map[string]string{"Id": "{id}"}},
	"AWS::EC2::Subnet": {
		replace: []string{"AvailabilityZone", "AvailabilityZoneId", "CidrBlock", "VpcId"}, id: "subnet-{hex}",
		attributes: map[string]string{
			"AvailabilityZone": "{AvailabilityZone:{region}a}", "CidrBlock": "{CidrBlock}",
			"NetworkAclAssociationId": "aclassoc-{hex}", "SubnetId": "{id}", "VpcId": "{VpcId}",
		},
		lists: map[string][]string{"Ipv6CidrBlocks": {}},
	},
	"AWS::EC2::SubnetRouteTableAssociation": {
		replace: []string{"SubnetId"}, id: "rtbassoc-{hex}", attributes: map[string]string{"Id": "{id}"},
	},
	"AWS::EC2::VPC": {
		replace: []string{"CidrBlock", "Ipv4IpamPoolId", "Ipv4NetmaskLength"}, id: "vpc-{hex}",
		attributes: map[string]string{
			"CidrBlock": "{CidrBlock}", "DefaultNetworkAcl": "acl-{hex}", "DefaultSecurityGroup": "sg-{hex}", "VpcId": "{id}",
		},
		lists: map[string][]string{"CidrBlockAssociations": {"vpc-cidr-assoc-{hex}"}, "Ipv6CidrBlocks": {}},
	},
	"AWS::EC2::VPCEndpoint": {
		replace: []string{"ServiceName", "VpcEndpointType", "VpcId"}, id: "vpce-{hex}",
		attributes: map[string]string{"CreationTimestamp": "{now}", "Id": "{id}"},
		lists:      map[string][]string{"DnsEntries": {}, "NetworkInterfaceIds": {}},
	},
	"AWS::EC2::VPCGatewayAttachment": {
		replace: []string{"VpcId"}, id: "IGW|{VpcId}", attributes: map[string]string{"AttachmentType": "IGW"},
	},

	"AWS::ECS::CapacityProvider": {name: "Name", replace: []string{"ClusterName", "Name"}, id: "{name}"},

	"AWS::IAM::InstanceProfile": {
		name: "InstanceProfileName", replace: []string{"InstanceProfileName", "Path"}, id: "{name}",
		attributes: map[string]string{"Arn": "arn:aws:iam::{account}:instance-profile{Path:/}{name}"},
	},
	"AWS::IAM::ManagedPolicy": {
		name: "ManagedPolicyName", replace: []string{"Description", "ManagedPolicyName", "Path"},
		id:         "arn:aws:iam::{account}:policy{Path:/}{name}",
		attributes: map[string]string{"PolicyArn": "{id}", "PolicyId": "ANPA{hex}"},
	},
	"AWS::IAM::Policy": {name: "PolicyName", id: "{name}", attributes: map[string]string{"Id": "{name}"}},
	"AWS::IAM::Role": {
		name: "RoleName", replace: []string{"Path", "RoleName"}, id: "{name}",
		attributes: map[string]string{"Arn": "arn:aws:iam::{account}:role{Path:/}{name}", "RoleId": "AROA{hex}"},
	},

	"AWS::Lambda::Function": {
		name: "FunctionName", replace: []string{"FunctionName", "PackageType"}, id: "{name}",
		attributes: map[string]string{"Arn": "arn:aws:lambda:{region}:{account}:function:{name}"},
	},
	"AWS::Lambda::Permission": {replace: []string{"*"}, id: "{name}", attributes: map[string]string{"Id": "{id}"}},

	"AWS::S3::BucketPolicy": {replace: []string{"Bucket"}, id: "{Bucket}"},
}

// kind returns the inert type as every other one.
func (i inertKind) kind() kind {
	return kind{
		inert:      true,
		name:       i.name,
		lowerName:  i.lowerName,
		scoped:     i.scoped,
		attributes: append(sortedKeys(i.attributes), sortedKeys(i.lists)...),
		replace:    i.replace,
		create: func(_ context.Context, _ *clients, r request) (made, error) {
			m := made{ID: expand(i.id, r), Attributes: properties{}}
			r.ID = m.ID
			for attribute, pattern := range i.attributes {
				m.Attributes[attribute] = expand(pattern, r)
			}
			for attribute, patterns := range i.lists {
				list := []any{}
				for _, pattern := range patterns {
					list = append(list, expand(pattern, r))
				}
				m.Attributes[attribute] = list
			}
			return m, nil
		},
	}
}

// placeholder finds {Word} and {Word:default}, whose default may itself hold
// one.
var placeholder = regexp.MustCompile(`\{(\w+)(?::((?:[^{}]|\{\w+\})*))?\}`)

func expand(pattern string, r request) string {
	return placeholder.ReplaceAllStringFunc(pattern, func(found string) string {
		parts := placeholder.FindStringSubmatch(found)
		switch parts[1] {
		case "account":
			return r.Account.ID
		case "region":
			return r.Account.Region
		case "logical":
			return r.Logical
		case "name":
			return r.Name
		case "id":
			return r.ID
		case "hex":
			return randomHex(17)
		case "ip":
			return fmt.Sprintf("203.0.113.%d", randomBytes(1)[0]) // TEST-NET-3: nobody's
		case "uuid":
			return uuid()
		case "now":
			return time.Now().UTC().Format(time.UnixDate)
		}
		if text := r.text(parts[1]); text != "" {
			return text
		}
		return expand(parts[2], r)
	})
}

// randomHex returns a number of hexadecimal digits, as EC2's ids have them.
func randomHex(digits int) string {
	return hex.EncodeToString(randomBytes(digits/2 + 1))[:digits]
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}

// uuid returns a random UUID, as in a stack's id.
func uuid() string {
	b := randomBytes(16)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
