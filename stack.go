package spate

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

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
	s.at(logicalID(name), "Parameter").fixed(name, logicalNaming())
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
	s.at(logicalID(name), "Parameter").single(s.parameters)
	s.parameters = append(s.parameters, entry{name, attributes})
}

// single notes a parameter or an output whose name another has.
func (f field) single(others []entry) {
	name, what, _ := strings.Cut(f.where, ".")
	if slices.ContainsFunc(others, func(e entry) bool { return e.name == name }) {
		f.problem("choose another name", "the stack has another %s of this name", strings.ToLower(what))
	}
}

// Output adds a value that the deployed stack shows.
func (s *Stack) Output(name string, value Text) {
	s.at(logicalID(name), "Output").fixed(name, logicalNaming())
	s.output(name, "", value)
}

func (s *Stack) output(name, description string, value Text) {
	s.at(logicalID(name), "Output").single(s.outputs)
	attributes := props{"Value": value}
	set(attributes, "Description", description)
	s.outputs = append(s.outputs, entry{name, attributes})
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
	switch where := plainText(Text(id)); {
	case !logicalNaming().allows(string(id)):
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
	nodes := map[logicalID]*template.Node{}
	for _, r := range s.resources {
		node, wrong := s.node(r)
		problems = append(problems, wrong...)
		b.ResourceNode(string(r.id), node)
		nodes[r.id] = node
	}
	problems = append(problems, s.takenNames(nodes)...)
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
		return nil, Problem{s.name, err.Error(), "look where Resource, Override, Ref and GetAtt name what is not in the stack"}
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
	warnings := append(slices.Clone(s.warnings), s.untagged()...)
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

// node is a resource as the template holds it, tags, overrides and all, and
// what is wrong with it.
func (s *Stack) node(r *resource) (n *template.Node, problems []error) {
	n, err := r.Node()
	if err != nil {
		return &template.Node{Kind: template.Map}, []error{Problem{string(r.id), err.Error(), "write maps, lists, strings, numbers and Texts"}}
	}
	resolve(n)
	if wrong := s.putTags(r, n); wrong != nil {
		problems = append(problems, wrong)
	}
	problems = append(problems, s.override(r.id, n)...)
	return n, append(problems, tokenKeys(string(r.id), "", n)...)
}

// tokenKeys are the problems of keys that hold tokens.
func tokenKeys(where, path string, n *template.Node) (problems []error) {
	for i, item := range n.Items {
		problems = append(problems, tokenKeys(where, path+strconv.Itoa(i)+".", item)...)
	}
	for _, m := range n.Members {
		if Text(m.Name).open() {
			problems = append(problems, Problem{where, "the key " + plainText(Text(path+m.Name)) + " holds a token, which only the deployed stack knows", plainKeys})
		}
		problems = append(problems, tokenKeys(where, path+m.Name+".", m.Value)...)
	}
	return problems
}

const plainKeys = "keys are plain strings; values may hold tokens"

func compact(t *template.Template) []byte {
	text, _ := t.MarshalJSON() // what was read from nodes always marshals
	return text
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
