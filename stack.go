package spate

import (
	"errors"

	"github.com/spate-run/spate/internal/template"
)

// A Stack is a CloudFormation stack that is being described.
type Stack struct {
	name     string
	builder  template.Builder
	problems []error
	warnings []string
}

// A Problem is something in a description that cannot be, and the mend.
type Problem struct {
	Where string // the field, such as "scaling.steps[1]"
	Fact  string
	Hint  string // what would be right, or empty
}

func (p Problem) Error() string {
	text := p.Where + ": " + p.Fact
	if p.Hint != "" {
		text += "\nhint: " + p.Hint
	}
	return text
}

// Template returns the stack's template, or all of its problems.
func (s *Stack) Template() (*template.Template, error) {
	if len(s.problems) > 0 {
		return nil, errors.Join(s.problems...)
	}
	return s.builder.Template()
}

// Warnings are what is right and may still surprise, a sentence each.
func (s *Stack) Warnings() []string { return s.warnings }

// check notes an error where there is one.
func (s *Stack) check(err error) {
	if err != nil {
		s.problems = append(s.problems, err)
	}
}

// jobTag is on everything that can be tagged, so that costs can be told apart.
const jobTag = "spate:job"

// The short names that resources are written with.
type (
	props = map[string]any
	list  = []any
)

// A logicalID is a resource's name in the template, and how others refer to it.
type logicalID string

func (id logicalID) ref() template.Intrinsic            { return template.Ref(string(id)) }
func (id logicalID) att(name string) template.Intrinsic { return template.GetAtt(string(id), name) }

// add puts a resource into the stack.
func (s *Stack) add(id logicalID, kind string, properties props) {
	s.draft(id, template.Draft{Type: kind, Properties: properties})
}

// disposable puts a resource into the stack that holds something, and says
// outright that it goes with the stack: runs are recorded in the bucket.
func (s *Stack) disposable(id logicalID, kind string, properties props) {
	s.draft(id, template.Draft{Type: kind, DeletionPolicy: "Delete", UpdateReplacePolicy: "Delete", Properties: properties})
}

// draft puts a resource with more than properties into the stack.
func (s *Stack) draft(id logicalID, d template.Draft) {
	if taggable(d.Type) {
		if d.Properties == nil {
			d.Properties = props{}
		}
		d.Properties["Tags"] = list{props{"Key": jobTag, "Value": s.name}}
	}
	s.builder.Resource(string(id), d)
}

func (s *Stack) output(name, description string, value template.Intrinsic) {
	s.builder.Output(name, props{"Description": description, "Value": value})
}

// taggable reports whether a type takes Tags, a list of Key and Value.
func taggable(kind string) bool {
	switch kind {
	case "AWS::CloudWatch::Alarm", "AWS::EC2::InternetGateway", "AWS::EC2::RouteTable",
		"AWS::EC2::SecurityGroup", "AWS::EC2::Subnet", "AWS::EC2::VPC", "AWS::ECR::Repository",
		"AWS::ECS::Cluster", "AWS::ECS::Service", "AWS::ECS::TaskDefinition", "AWS::IAM::Role",
		"AWS::Logs::LogGroup", "AWS::S3::Bucket", "AWS::SNS::Topic", "AWS::SQS::Queue":
		return true
	}
	return false
}
