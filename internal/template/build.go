package template

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// An Intrinsic is a call of a CloudFormation function, written in Go.
type Intrinsic struct {
	Name     string
	Argument any
}

// Ref stands for a parameter's value or a resource's id.
func Ref(name string) Intrinsic { return Intrinsic{"Ref", name} }

// GetAtt stands for a resource's attribute.
func GetAtt(id, attribute string) Intrinsic {
	return Intrinsic{"Fn::GetAtt", []any{id, attribute}}
}

// Sub stands for a text with variables: ${Id}, ${Id.Attribute}, ${AWS::Region}.
func Sub(text string) Intrinsic { return Intrinsic{"Fn::Sub", text} }

// Join stands for texts put together with a separator between them.
func Join(separator string, texts ...any) Intrinsic {
	return Intrinsic{"Fn::Join", []any{separator, texts}}
}

// Select stands for an element of a list; indices start at 0.
func Select(index int, list any) Intrinsic {
	return Intrinsic{"Fn::Select", []any{index, list}}
}

// Split stands for the list of what stands between separators in a text.
func Split(separator string, text any) Intrinsic {
	return Intrinsic{"Fn::Split", []any{separator, text}}
}

// GetAZs stands for the availability zones of the stack's region.
func GetAZs() Intrinsic { return Intrinsic{"Fn::GetAZs", ""} }

// If stands for one of two values; the condition is one of the template's.
func If(condition string, then, otherwise any) Intrinsic {
	return Intrinsic{"Fn::If", []any{condition, then, otherwise}}
}

// Equals is a condition.
func Equals(a, b any) Intrinsic { return Intrinsic{"Fn::Equals", []any{a, b}} }

// NodeOf returns the node of a Go value: nil, bools, strings, numbers, slices,
// maps (their members sorted by name), [Intrinsic], *Node itself, and whatever
// else marshals to JSON.
func NodeOf(value any) (*Node, error) {
	switch value := value.(type) {
	case nil:
		return &Node{Kind: Null}, nil
	case *Node:
		return value, nil
	case bool:
		return &Node{Kind: Bool, Text: strconv.FormatBool(value)}, nil
	case string:
		return &Node{Kind: String, Text: value}, nil
	case int:
		return &Node{Kind: Number, Text: strconv.Itoa(value)}, nil
	case Intrinsic:
		return nodeOfMap(map[string]any{value.Name: value.Argument})
	case map[string]any:
		return nodeOfMap(value)
	case map[string]string:
		return nodeOfMap(value)
	case []any:
		return nodeOfList(value)
	case []map[string]any:
		return nodeOfList(value)
	case []string:
		return nodeOfList(value)
	}
	data, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("writing %T: %w", value, err)
	}
	return parseJSON(data)
}

func nodeOfMap[V any](values map[string]V) (*Node, error) {
	n := &Node{Kind: Map}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value, err := NodeOf(values[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		n.Members = append(n.Members, Member{Name: name, Value: value})
	}
	return n, nil
}

func nodeOfList[V any](values []V) (*Node, error) {
	n := &Node{Kind: List}
	for i, item := range values {
		value, err := NodeOf(item)
		if err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
		n.Items = append(n.Items, value)
	}
	return n, nil
}

// A Builder writes a template. Entries come in the order in which they are
// added; what is wrong with one is told by Template.
type Builder struct {
	Description string

	parameters, conditions, resources, outputs Node
	err                                        error
}

// A Draft is a resource to be written. Zero fields are left out.
type Draft struct {
	Type                string
	Condition           string
	DependsOn           []string
	DeletionPolicy      string
	UpdateReplacePolicy string
	Properties          map[string]any
	Metadata            map[string]any
}

// Parameter adds a parameter: Type, Default, Description …
func (b *Builder) Parameter(name string, attributes map[string]any) {
	b.add(&b.parameters, name, attributes)
}

// Condition adds a condition.
func (b *Builder) Condition(name string, condition Intrinsic) {
	b.add(&b.conditions, name, condition)
}

// Output adds an output: Value, Description, Export …
func (b *Builder) Output(name string, attributes map[string]any) {
	b.add(&b.outputs, name, attributes)
}

// Resource adds a resource.
func (b *Builder) Resource(id string, draft Draft) {
	node, err := draft.Node()
	if err != nil {
		b.fail(fmt.Errorf("writing %s: %w", id, err))
		return
	}
	b.ResourceNode(id, node)
}

// ResourceNode adds a resource that is a node already.
func (b *Builder) ResourceNode(id string, resource *Node) {
	b.add(&b.resources, id, resource)
}

// Node returns the resource as a template holds it.
func (d Draft) Node() (*Node, error) {
	n := &Node{Kind: Map}
	set := func(name, value string) {
		if value != "" {
			n.Members = append(n.Members, Member{Name: name, Value: &Node{Kind: String, Text: value}})
		}
	}
	set("Type", d.Type)
	set("Condition", d.Condition)
	set("DeletionPolicy", d.DeletionPolicy)
	set("UpdateReplacePolicy", d.UpdateReplacePolicy)
	if d.DependsOn != nil {
		on, _ := NodeOf(d.DependsOn) // a list of strings always has a node
		n.Members = append(n.Members, Member{Name: "DependsOn", Value: on})
	}
	for _, section := range []struct {
		name   string
		values map[string]any
	}{{"Metadata", d.Metadata}, {"Properties", d.Properties}} {
		if section.values == nil {
			continue
		}
		value, err := NodeOf(section.values)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", section.name, err)
		}
		n.Members = append(n.Members, Member{Name: section.name, Value: value})
	}
	return n, nil
}

// fail keeps the first thing that went wrong.
func (b *Builder) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

// add puts a value into a map and keeps the first thing that went wrong.
func (b *Builder) add(to *Node, name string, value any) {
	node, err := NodeOf(value)
	if err == nil && to.Get(name) != nil {
		err = fmt.Errorf("there is another entry of this name")
	}
	if err != nil {
		b.fail(fmt.Errorf("writing %s: %w", name, err))
		return
	}
	to.Kind = Map
	to.Members = append(to.Members, Member{Name: name, Value: node})
}

// Template returns what has been written, read and validated as any other.
func (b *Builder) Template() (*Template, error) {
	root := &Node{}
	b.add(root, "AWSTemplateFormatVersion", "2010-09-09")
	if b.Description != "" {
		b.add(root, "Description", b.Description)
	}
	for _, section := range []struct {
		name string
		node *Node
	}{
		{"Parameters", &b.parameters},
		{"Conditions", &b.conditions},
		{"Resources", &b.resources},
		{"Outputs", &b.outputs},
	} {
		if section.node.Kind == Map {
			b.add(root, section.name, section.node)
		}
	}
	if b.err != nil {
		return nil, b.err
	}
	t, err := New(root)
	if err != nil {
		return nil, err
	}
	if err := t.Validate(); err != nil {
		return nil, err
	}
	return t, nil
}
