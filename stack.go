package spate

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/template"
)

// A Stack is a CloudFormation stack that is being described.
type Stack struct {
	// Description says in the template what the stack is for.
	Description string
	// CDKDefaults gives the constructs that are added from now on the defaults
	// of AWS CDK's in place of spate's, idle cost and all.
	CDKDefaults bool

	name       string
	parameters []entry
	conditions []condition
	outputs    []entry
	resources  []*resource
	overrides  []override
	tags       []tag
	tasks      []*TaskDefinition
	problems   []error
	warnings   []string
	clusters   map[*VPC]*Cluster // of the constructs that are given none
}

// An entry is a parameter or an output.
type entry struct {
	name       string
	attributes props
}

type condition struct {
	name string
	test template.Intrinsic
}

type resource struct {
	id logicalID
	template.Draft
}

type tag struct {
	key   string
	value Text
}

// The short names that resources are written with.
type (
	props = map[string]any
	list  = []any
)

// NewStack begins a stack. Its name is what it is deployed under: a letter,
// then letters, digits and hyphens, 128 at most.
func NewStack(name string) *Stack {
	s := &Stack{name: name, Description: "spate: " + name}
	if naming := stackNaming(); !naming.allows(name) || !letter(rune(name[0])) {
		s.at("NewStack", "name").problem("write "+naming.rule, "%q cannot be a name here", name)
	}
	return s
}

// JobFile describes the stack that runs a job, by its job file or the folder
// that holds a spate.yaml.
func JobFile(path string) (*Stack, error) {
	j, err := job.Load(path)
	if err != nil {
		return nil, err
	}
	return Job(j), nil
}

// ParameterProps describe a parameter.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
type ParameterProps struct {
	Type          string  // String, Number, AWS::SSM::Parameter::Value<String> …; default String
	Default       *string // left out, deploying needs a value
	Description   string
	AllowedValues []string
}

// Parameter adds a value that is given when the stack is deployed.
func (s *Stack) Parameter(name string, p ParameterProps) Text {
	s.at(logicalID(name), "Parameter").named(Text(name), logicalNaming())
	attributes := props{"Type": p.Type}
	if p.Type == "" {
		attributes["Type"] = "String"
	}
	if p.Default != nil {
		attributes["Default"] = *p.Default
	}
	set(attributes, "Description", p.Description)
	setList(attributes, "AllowedValues", p.AllowedValues)
	s.parameter(name, attributes)
	return Ref(name)
}

func (s *Stack) parameter(name string, attributes props) {
	s.parameters = append(s.parameters, entry{name, attributes})
}

// Output adds a value that the deployed stack shows.
func (s *Stack) Output(name string, value Text) {
	s.at(logicalID(name), "Output").named(Text(name), logicalNaming())
	s.output(name, "", value)
}

func (s *Stack) output(name, description string, value Text) {
	attributes := props{"Value": value}
	set(attributes, "Description", description)
	s.outputs = append(s.outputs, entry{name, attributes})
}

// Tag puts a tag on every resource of the stack that can bear one, those that
// are added later too. A tag that a resource has of its own stays.
func (s *Stack) Tag(key string, value Text) {
	s.tags = append(s.tags, tag{key, value})
}

// Resource adds a resource of any type as CloudFormation has it: its properties
// are maps, lists, numbers, strings and Texts. Its values are
// [Ref] and [GetAtt] of its id; functions that have no Text are maps too,
// such as map[string]any{"Fn::GetAZs": ""}.
func (s *Stack) Resource(id, kind string, properties map[string]any) {
	s.add(logicalID(id), kind, maps.Clone(properties))
}

// add puts a resource into the stack.
func (s *Stack) add(id logicalID, kind string, properties props) *resource {
	return s.draft(id, template.Draft{Type: kind, Properties: properties})
}

// disposable puts a resource into the stack that holds something, and says
// outright that it goes with the stack.
func (s *Stack) disposable(id logicalID, kind string, properties props) *resource {
	return s.draft(id, template.Draft{Type: kind, DeletionPolicy: "Delete", UpdateReplacePolicy: "Delete", Properties: properties})
}

// draft puts a resource with more than properties into the stack.
func (s *Stack) draft(id logicalID, d template.Draft) *resource {
	switch where := string(id); {
	case !logicalNaming().allows(where):
		s.check(Problem{where, fmt.Sprintf("%q cannot be an id", where), "write " + logicalNaming().rule})
	case s.resource(id) != nil:
		s.check(Problem{where, "the stack has another resource of this id, an " + s.resource(id).Type, "choose another id"})
	}
	r := &resource{id, d}
	s.resources = append(s.resources, r)
	return r
}

func (s *Stack) resource(id logicalID) *resource {
	i := slices.IndexFunc(s.resources, func(r *resource) bool { return r.id == id })
	if i < 0 {
		return nil
	}
	return s.resources[i]
}

// CloudFormation's quotas.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
const (
	mostResources = 500
	mostInline    = 51_200    // bytes of a template in a request
	mostStored    = 1_000_000 // bytes of a template in S3
)

// Template returns the stack's template, or all of its problems.
func (s *Stack) Template() (*template.Template, error) {
	problems := slices.Clone(s.problems)
	if n := len(s.resources); n > mostResources {
		problems = append(problems, Problem{s.name, fmt.Sprintf("a stack has at most %d resources, not %d", mostResources, n), "make two stacks of it"})
	}
	b := template.Builder{Description: s.Description}
	for _, p := range s.parameters {
		b.Parameter(p.name, p.attributes)
	}
	for _, c := range s.conditions {
		b.Condition(c.name, c.test)
	}
	for _, r := range s.resources {
		node, err := s.node(r)
		if err != nil {
			problems = append(problems, Problem{Where: string(r.id), Fact: err.Error()})
			continue
		}
		problems = append(problems, s.override(r.id, node)...)
		b.ResourceNode(string(r.id), node)
	}
	problems = append(problems, s.strayOverrides()...)
	problems = append(problems, s.emptyTasks()...)
	for _, o := range s.outputs {
		b.Output(o.name, o.attributes)
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	t, err := b.Template()
	if err != nil {
		return nil, Problem{Where: s.name, Fact: err.Error()}
	}
	if n := len(compact(t)); n > mostStored {
		return nil, Problem{s.name, fmt.Sprintf("a template has at most %d bytes, not %d", mostStored, n), "make two stacks of it"}
	}
	return t, nil
}

// Validate returns all of the stack's problems, each a [Problem], or nil.
func (s *Stack) Validate() error {
	_, err := s.Template()
	return err
}

// Warnings are what is right and may still surprise, a sentence each.
func (s *Stack) Warnings() []string {
	warnings := slices.Clone(s.warnings)
	if t, err := s.Template(); err == nil {
		if n := len(compact(t)); n > mostInline {
			warnings = append(warnings, fmt.Sprintf(
				"%s: the template has %d bytes, and a request holds %d: deploy it by way of S3 (aws cloudformation deploy --s3-bucket …)",
				s.name, n, mostInline))
		}
	}
	return warnings
}

// Write writes the template as JSON, or returns all of the stack's problems.
func (s *Stack) Write(w io.Writer) error {
	t, err := s.Template()
	if err != nil {
		return err
	}
	text := t.JSON()
	if len(text) > mostInline {
		text = append(compact(t), '\n') // may still fit into a request
	}
	_, err = w.Write(text)
	return err
}

func compact(t *template.Template) []byte {
	text, _ := t.MarshalJSON() // what was read from nodes always marshals
	return text
}

// node is a resource as the template holds it, tags and all.
func (s *Stack) node(r *resource) (*template.Node, error) {
	d := r.Draft
	if tagged, ok := s.withTags(d); ok {
		d.Properties = maps.Clone(d.Properties)
		if d.Properties == nil {
			d.Properties = props{}
		}
		d.Properties["Tags"] = tagged
	}
	n, err := d.Node()
	if err != nil {
		return nil, err
	}
	resolve(n)
	return n, nil
}

// withTags are the tags of a resource's own and then those of the stack.
func (s *Stack) withTags(d template.Draft) (tags list, ok bool) {
	if len(s.tags) == 0 || !taggable(d.Type) {
		return nil, false
	}
	own := map[string]bool{}
	given, isList := d.Properties["Tags"].(list)
	if d.Properties["Tags"] != nil && !isList {
		return nil, false
	}
	for _, t := range given {
		if t, ok := t.(props); ok {
			own[fmt.Sprint(t["Key"])] = true
		}
	}
	tags = slices.Clone(given)
	for _, t := range s.tags {
		if own[t.key] {
			continue
		}
		member := props{"Key": t.key, "Value": t.value}
		if d.Type == "AWS::AutoScaling::AutoScalingGroup" {
			member["PropagateAtLaunch"] = true
		}
		tags = append(tags, member)
	}
	return tags, true
}

// taggable reports whether a type takes Tags, a list of Key and Value.
func taggable(kind string) bool {
	switch kind {
	case "AWS::AutoScaling::AutoScalingGroup", "AWS::CloudWatch::Alarm", "AWS::EC2::EIP",
		"AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::RouteTable",
		"AWS::EC2::SecurityGroup", "AWS::EC2::Subnet", "AWS::EC2::VPC", "AWS::ECR::Repository",
		"AWS::ECS::CapacityProvider", "AWS::ECS::Cluster", "AWS::ECS::Service", "AWS::ECS::TaskDefinition",
		"AWS::IAM::Role", "AWS::Logs::LogGroup", "AWS::S3::Bucket", "AWS::SNS::Topic", "AWS::SQS::Queue":
		return true
	}
	return false
}

// set puts a value into a map unless it is the zero value.
func set[T comparable](to props, name string, value T) {
	var zero T
	if value != zero {
		to[name] = value
	}
}

// setList puts a list into a map unless it is empty.
func setList[T any](to props, name string, values []T) {
	if len(values) > 0 {
		to[name] = values
	}
}

// setGiven puts a value into a map where one is given.
func setGiven[T any](to props, name string, value *T) {
	if value != nil {
		to[name] = *value
	}
}

// tagList is tags as CloudFormation has them.
func tagList(tags map[string]Text) (to list) {
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		to = append(to, props{"Key": key, "Value": tags[key]})
	}
	return to
}
