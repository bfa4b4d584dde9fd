package spate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spate-run/spate/internal/template"
)

type tag struct {
	key   string
	value Text
}

// Tag puts a tag on every resource of the stack that can bear one, those that
// are added later too. Of several values of a key the last counts; a tag that a
// resource has of its own stays.
//
// spate knows which types bear tags of those that it runs. Of another type a
// resource gets the stack's tags where it has Tags of its own, be they empty.
// Tags that are a function are a [Problem]: nobody knows their keys.
func (s *Stack) Tag(key string, value Text) {
	if key == "" || len(key) > 128 || Text(key).open() || strings.HasPrefix(strings.ToLower(key), "aws:") {
		s.at("Stack", "Tag").problem("1 to 128 characters, no token, and aws: not in front", "%q cannot be a tag's key", plainText(Text(key)))
	}
	if i := slices.IndexFunc(s.tags, func(t tag) bool { return t.key == key }); i >= 0 {
		s.tags[i].value = value
		return
	}
	s.tags = append(s.tags, tag{key, value})
}

// A tagShape is how a type has its tags.
type tagShape int

const (
	tagsUnknown tagShape = iota
	tagsNone
	tagsListed // a list of Key and Value
	tagsMapped // a map
)

// tagShapeOf is how a type has its tags, by the types' pages under
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/
func tagShapeOf(kind string) tagShape {
	switch kind {
	case "AWS::AutoScaling::AutoScalingGroup", "AWS::CloudWatch::Alarm", "AWS::EC2::EIP", "AWS::EC2::InternetGateway",
		"AWS::EC2::NatGateway", "AWS::EC2::RouteTable", "AWS::EC2::SecurityGroup", "AWS::EC2::Subnet", "AWS::EC2::VPC",
		"AWS::EC2::VPCEndpoint", "AWS::ECR::Repository", "AWS::ECS::CapacityProvider", "AWS::ECS::Cluster",
		"AWS::ECS::Service", "AWS::ECS::TaskDefinition", "AWS::Events::Rule", "AWS::IAM::Role", "AWS::Lambda::Function",
		"AWS::Logs::LogGroup", "AWS::S3::Bucket", "AWS::SNS::Topic", "AWS::SQS::Queue", "AWS::Scheduler::ScheduleGroup",
		"AWS::SecretsManager::Secret":
		return tagsListed
	case "AWS::SSM::Parameter":
		return tagsMapped
	case "AWS::ApplicationAutoScaling::ScalableTarget", "AWS::ApplicationAutoScaling::ScalingPolicy",
		"AWS::AutoScaling::LaunchConfiguration", "AWS::AutoScaling::LifecycleHook", "AWS::CDK::Metadata",
		"AWS::EC2::LaunchTemplate", "AWS::EC2::Route", "AWS::EC2::SecurityGroupEgress", "AWS::EC2::SecurityGroupIngress",
		"AWS::EC2::SubnetRouteTableAssociation", "AWS::EC2::VPCGatewayAttachment",
		"AWS::ECS::ClusterCapacityProviderAssociations", "AWS::IAM::InstanceProfile", "AWS::IAM::ManagedPolicy",
		"AWS::IAM::Policy", "AWS::Lambda::Permission", "AWS::S3::BucketPolicy", "AWS::SNS::Subscription",
		"AWS::SQS::QueuePolicy", "AWS::Scheduler::Schedule":
		return tagsNone
	}
	return tagsUnknown
}

// untagged are the warnings of resources that may bear tags and get none.
func (s *Stack) untagged() (warnings []string) {
	for _, r := range s.resources {
		if len(s.tags) > 0 && tagShapeOf(r.Type) == tagsUnknown && r.Properties["Tags"] == nil {
			warnings = append(warnings, fmt.Sprintf(
				"%s.Tags: the stack's tags are not on it: whether an %s bears tags is not known here; if it does, give it Tags, be they empty", r.id, r.Type))
		}
	}
	return warnings
}

// putTags joins the stack's tags with those of a resource's own, which stay.
func (s *Stack) putTags(r *resource, n *template.Node) error {
	shape := tagShapeOf(r.Type)
	own := n.Get("Properties").Get("Tags")
	if len(s.tags) == 0 || shape == tagsNone || shape == tagsUnknown && own == nil {
		return nil
	}
	if own == nil {
		own = &template.Node{Kind: template.List}
		if shape == tagsMapped {
			own.Kind = template.Map
		}
		setProperty(n, "Tags", own)
	}
	if wrong := misshapen(r, shape, own); wrong != nil {
		return wrong
	}
	had := tagKeys(own)
	for _, t := range s.tags {
		if had[t.key] {
			continue
		}
		if own.Kind == template.Map {
			own.Members = append(own.Members, template.Member{Name: t.key, Value: nodeOf(t.value)})
			continue
		}
		item := props{"Key": t.key, "Value": t.value}
		if r.Type == "AWS::AutoScaling::AutoScalingGroup" {
			item["PropagateAtLaunch"] = true
		}
		own.Items = append(own.Items, nodeOf(item))
	}
	return nil
}

// misshapen says why the stack's tags cannot be joined with a resource's own.
func misshapen(r *resource, shape tagShape, own *template.Node) error {
	where := string(r.id) + ".Tags"
	const leave = "leave Stack.Tag out, or write the tags out"
	for _, n := range append([]*template.Node{own}, own.Items...) {
		if call, _, ok := n.Call(); ok {
			return Problem{where, call + " may have any keys, so the stack's tags cannot be joined with it", leave}
		}
	}
	listed := own.Kind == template.List && !slices.ContainsFunc(own.Items, func(n *template.Node) bool { return n.Get("Key") == nil })
	switch {
	case shape == tagsListed && !listed:
		return Problem{where, fmt.Sprintf("an %s has a list of Key and Value", r.Type), `"Tags": []any{map[string]any{"Key": …, "Value": …}}`}
	case shape == tagsMapped && own.Kind != template.Map:
		return Problem{where, fmt.Sprintf("an %s has a map", r.Type), `"Tags": map[string]any{…: …}`}
	case shape == tagsUnknown && !listed && own.Kind != template.Map:
		return Problem{where, "they are neither a map nor a list of Key and Value, so the stack's tags cannot be joined with them", leave}
	}
	return nil
}

// tagKeys are the keys of a list of tags, or of a map.
func tagKeys(n *template.Node) map[string]bool {
	keys := map[string]bool{}
	for _, m := range n.Members {
		keys[m.Name] = true
	}
	for _, item := range n.Items {
		keys[item.Get("Key").Text] = true
	}
	return keys
}

// setProperty adds a property to a resource, in its place among the others.
func setProperty(n *template.Node, name string, value *template.Node) {
	properties := n.Get("Properties")
	if properties == nil {
		properties = &template.Node{Kind: template.Map}
		n.Members = append(n.Members, template.Member{Name: "Properties", Value: properties})
	}
	i, _ := slices.BinarySearchFunc(properties.Members, name, func(m template.Member, name string) int {
		return strings.Compare(m.Name, name)
	})
	properties.Members = slices.Insert(properties.Members, i, template.Member{Name: name, Value: value})
}

// nodeOf is a value of texts, numbers and flags, which always has a node.
func nodeOf(value any) *template.Node {
	n, _ := template.NodeOf(value)
	resolve(n)
	return n
}

// tagList is tags as CloudFormation has them.
func tagList(tags map[string]Text) (to list) {
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		to = append(to, props{"Key": key, "Value": tags[key]})
	}
	return to
}
