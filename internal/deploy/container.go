package deploy

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spate-run/spate/internal/template"
)

// A Draft is a template as it is to be deployed: with values for its
// parameters, and what resources come to as far as that is known before there
// are any. What is not known yet, a resource's id or attribute, stands there as
// ${Id} or ${Id.Attribute}.
type Draft struct {
	*template.Template
	scope *template.Scope
}

// NewDraft evaluates a template. Values in the parameter store stand there as
// their names.
func NewDraft(t *template.Template, name string, at Place, parameters map[string]string) (*Draft, error) {
	stored := map[string]string{}
	for _, name := range t.ParameterStoreNames(parameters) {
		stored[name] = name
	}
	values, err := t.ParameterValues(parameters, stored)
	if wrong, ok := errors.AsType[*template.Error](err); ok {
		return nil, errors.New(wrong.Message)
	}
	if err != nil {
		return nil, err
	}
	return &Draft{t, &template.Scope{
		Template: t, Parameters: values,
		Pseudo: template.Pseudo{AccountID: at.Account, Region: at.Region, StackName: name, StackID: "${AWS::StackId}"},
		Ref:    func(id string) (any, error) { return "${" + id + "}", nil },
		GetAtt: func(id, attribute string) (any, error) { return "${" + id + "." + attribute + "}", nil },
		Export: func(name string) (string, bool) { return "${" + name + "}", true },
	}}, nil
}

// A declared is a resource that is made, and its properties.
type declared struct {
	*template.Resource
	properties map[string]any
}

// of lists the resources of a type that are made. Those whose properties cannot
// be worked out are left to CloudFormation, which says so.
func (d *Draft) of(kind string) []declared {
	var all []declared
	for _, r := range d.Resources {
		if made, err := d.scope.Active(r.ID); r.Type != kind || !made || err != nil {
			continue
		}
		if p, err := d.scope.Properties(r.ID); err == nil {
			all = append(all, declared{r, p})
		}
	}
	return all
}

// A Container is a container of one of a template's task definitions.
type Container struct {
	// TaskDefinition is the logical id.
	TaskDefinition string
	Name           string
	Image          string
	EntryPoint     []string
	Command        []string

	node *template.Node
}

// Containers lists the containers that are spelled out in the template.
func (d *Draft) Containers() []Container {
	var all []Container
	for _, r := range d.of("AWS::ECS::TaskDefinition") {
		nodes := r.Properties.Get("ContainerDefinitions")
		if nodes == nil || nodes.Kind != template.List {
			continue
		}
		for _, node := range nodes.Items {
			value, err := d.scope.Value(node)
			container, ok := value.(map[string]any)
			if err != nil || !ok {
				continue
			}
			all = append(all, Container{
				TaskDefinition: r.ID, Name: text(container["Name"]), Image: text(container["Image"]),
				EntryPoint: texts(container["EntryPoint"]), Command: texts(container["Command"]), node: node,
			})
		}
	}
	return all
}

// Called says whether a container is meant by a name: its own, its task
// definition's, or both with a slash.
func (c Container) Called(name string) bool {
	return name == c.Name || name == c.TaskDefinition || name == c.TaskDefinition+"/"+c.Name
}

// Set changes what the template says of the container: its Image or EntryPoint.
// The template has to be read again.
func (c Container) Set(property string, value any) error {
	if c.node.Kind != template.Map || isCall(c.node) {
		return fmt.Errorf("the definition of container %s is not spelled out", c.Name)
	}
	return set(c.node, property, value)
}

// Idle lets the services of a task definition have no task, now and later. The
// template has to be read again.
func (d *Draft) Idle(taskDefinition string) error {
	for _, service := range d.of("AWS::ECS::Service") {
		if text(service.properties["TaskDefinition"]) != "${"+taskDefinition+"}" {
			continue
		}
		if err := set(service.Properties, "DesiredCount", 0); err != nil {
			return err
		}
		for _, target := range d.of("AWS::ApplicationAutoScaling::ScalableTarget") {
			if !strings.Contains(text(target.properties["ResourceId"]), "${"+service.ID+".") {
				continue
			}
			if err := errors.Join(set(target.Properties, "MinCapacity", 0), set(target.Properties, "MaxCapacity", 0)); err != nil {
				return err
			}
		}
	}
	return nil
}

func isCall(n *template.Node) bool {
	_, _, ok := n.Call()
	return ok
}

// set gives a member of a map another value.
func set(of *template.Node, name string, value any) error {
	node, err := template.NodeOf(value)
	if err != nil {
		return err
	}
	for i := range of.Members {
		if of.Members[i].Name == name {
			of.Members[i].Value = node
			return nil
		}
	}
	of.Members = append(of.Members, template.Member{Name: name, Value: node})
	return nil
}

func text(value any) string {
	s, _ := value.(string)
	return s
}

func texts(value any) []string {
	var all []string
	items, _ := value.([]any)
	for _, item := range items {
		all = append(all, text(item))
	}
	return all
}
