package spate

import (
	"fmt"

	"github.com/spate-run/spate/internal/template"
)

// nameProperty is the property that names resources of a type, of which an
// account has one of a name in a region; empty for other types.
func nameProperty(kind string) string {
	switch kind {
	case "AWS::CloudWatch::Alarm":
		return "AlarmName"
	case "AWS::ECR::Repository":
		return "RepositoryName"
	case "AWS::ECS::CapacityProvider", "AWS::Events::Rule", "AWS::SSM::Parameter", "AWS::SecretsManager::Secret":
		return "Name"
	case "AWS::ECS::Cluster":
		return "ClusterName"
	case "AWS::ECS::Service":
		return "ServiceName" // of one in a cluster
	case "AWS::IAM::Role":
		return "RoleName"
	case "AWS::Logs::LogGroup":
		return "LogGroupName"
	case "AWS::S3::Bucket":
		return "BucketName"
	case "AWS::SNS::Topic":
		return "TopicName"
	case "AWS::SQS::Queue":
		return "QueueName"
	}
	return ""
}

// takenNames are the problems of resources that would have the name of another.
func (s *Stack) takenNames(nodes map[logicalID]*template.Node) (problems []error) {
	type name struct{ kind, within, name string }
	owners := map[name]logicalID{}
	for _, r := range s.resources {
		property := nameProperty(r.Type)
		properties := nodes[r.id].Get("Properties")
		given := properties.Get(property)
		if given == nil || given.Kind != template.String || nodes[r.id].Get("Condition") != nil {
			continue
		}
		of := name{kind: r.Type, name: given.Text}
		if cluster := properties.Get("Cluster"); cluster != nil {
			text, _ := cluster.MarshalJSON() // what was read always marshals
			of.within = string(text)
		}
		if owner, taken := owners[of]; taken && owner != r.id {
			problems = append(problems, Problem{
				string(r.id) + "." + property, fmt.Sprintf("%s has the name %q too", owner, given.Text), "choose another, or leave it out",
			})
			continue
		}
		owners[of] = r.id
	}
	return problems
}
