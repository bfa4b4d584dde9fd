package spate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/template"
)

// An override changes what a construct has written.
type override struct {
	id    logicalID
	path  string
	value any
}

// Override sets what stands at a path in a resource, or takes it away where
// value is nil. The path begins at the resource and has periods between its
// parts; elements of lists are numbers, and one past the end appends:
//
//	stack.Override("FargateServiceTaskDefinition", "Properties.ContainerDefinitions.0.User", "1000")
//	stack.Override("Queue", "DeletionPolicy", "Retain")
//
// The ids of what a construct adds begin with its own, as its type's
// documentation lists them. Overrides come last, in their order, and are not
// checked.
func (s *Stack) Override(id, path string, value any) {
	s.overrides = append(s.overrides, override{logicalID(id), path, value})
}

// override applies a resource's overrides.
func (s *Stack) override(id logicalID, n *template.Node) (problems []error) {
	for _, o := range s.overrides {
		if o.id != id {
			continue
		}
		fault := ""
		value, err := template.NodeOf(o.value)
		if err != nil {
			fault = err.Error()
		} else {
			resolve(value)
			fault = put(n, strings.Split(o.path, "."), value)
		}
		if fault != "" {
			problems = append(problems, Problem{fmt.Sprintf("Override(%q, %q)", o.id, o.path), fault, "write names and numbers with periods between: Properties.Tags.0.Value"})
		}
	}
	return problems
}

// strayOverrides are those of resources that there are not.
func (s *Stack) strayOverrides() (problems []error) {
	for _, o := range s.overrides {
		if s.resource(o.id) != nil {
			continue
		}
		ids := make([]string, len(s.resources))
		for i, r := range s.resources {
			ids[i] = string(r.id)
		}
		hint := "look in the documentation of the construct's method, or in the template"
		if near, ok := job.Nearest(string(o.id), ids); ok {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		problems = append(problems, Problem{fmt.Sprintf("Override(%q, %q)", o.id, o.path), "the stack has no such resource", hint})
	}
	return problems
}

// put sets the value at a path, or removes it where the value is null, and
// says what is wrong with the path.
func put(n *template.Node, path []string, value *template.Node) (fault string) {
	step, rest := path[0], path[1:]
	if step == "" {
		return "the path has an empty part"
	}
	if n.Kind == template.List {
		return putItem(n, step, rest, value)
	}
	if n.Kind != template.Map {
		return fmt.Sprintf("what %q is looked for in is neither a map nor a list", step)
	}
	i := slices.IndexFunc(n.Members, func(m template.Member) bool { return m.Name == step })
	switch {
	case value.Kind == template.Null && len(rest) == 0:
		if i >= 0 {
			n.Members = slices.Delete(n.Members, i, i+1)
		}
		return ""
	case i < 0:
		n.Members = append(n.Members, template.Member{Name: step, Value: &template.Node{Kind: template.Map}})
		i = len(n.Members) - 1
	}
	if len(rest) == 0 {
		n.Members[i].Value = value
		return ""
	}
	return put(n.Members[i].Value, rest, value)
}

func putItem(n *template.Node, step string, rest []string, value *template.Node) (fault string) {
	i, err := strconv.Atoi(step)
	if err != nil || i < 0 || i > len(n.Items) {
		return fmt.Sprintf("%q is no place in a list of %d", step, len(n.Items))
	}
	switch {
	case value.Kind == template.Null && len(rest) == 0:
		if i < len(n.Items) {
			n.Items = slices.Delete(n.Items, i, i+1)
		}
		return ""
	case i == len(n.Items):
		n.Items = append(n.Items, &template.Node{Kind: template.Map})
	}
	if len(rest) == 0 {
		n.Items[i] = value
		return ""
	}
	return put(n.Items[i], rest, value)
}
