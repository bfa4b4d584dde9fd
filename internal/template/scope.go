package template

import (
	"encoding/json"
	"fmt"
	"strings"
)

// A Scope is what a stack knows when its template is evaluated. Fields that
// the evaluated part does not need may stay zero.
//
// The template has to be valid: [Template.Validate] is what finds cycles. A
// Scope is one goroutine's, and its parameters stay what they are once it has
// evaluated something.
// Values come out as plain Go: map[string]any, []any, string, json.Number,
// bool and, for null, nil.
type Scope struct {
	Template *Template
	// Parameters are the values of [Template.ParameterValues].
	Parameters map[string]any
	Pseudo     Pseudo
	// Ref returns what Ref gives for a resource that is there.
	Ref func(id string) (any, error)
	// GetAtt returns a resource's attribute; the name may hold periods.
	GetAtt func(id, attribute string) (any, error)
	// Export returns the value of another stack's export, if there is one.
	Export func(name string) (value string, ok bool)
	// Zones lists a region's availability zones. Nil means its a, b and c.
	Zones func(region string) []string

	conditions map[string]bool // those evaluated before
}

// Pseudo holds the values of the pseudo parameters.
type Pseudo struct {
	AccountID, Region, StackID, StackName string
	NotificationARNs                      []string
	Partition                             string // "aws" where empty
	URLSuffix                             string // "amazonaws.com" where empty
}

// An OutputValue is an output of a stack, evaluated.
type OutputValue struct {
	Name, Description, Value string
	Export                   string // the export's name, or empty
}

// maxText bounds what functions within functions make of a short text.
const maxText = 1 << 20

// absent is what AWS::NoValue evaluates to: whatever it stands in for is gone.
type absent struct{}

// Properties evaluates a resource's properties. A resource without any has an
// empty map.
func (s *Scope) Properties(id string) (map[string]any, error) {
	r := s.Template.Resource(id)
	if r == nil {
		return nil, fmt.Errorf("evaluating %s: the template has no such resource", id)
	}
	if r.Properties == nil {
		return map[string]any{}, nil
	}
	value, err := s.Value(r.Properties)
	if err != nil {
		return nil, err
	}
	properties, ok := value.(map[string]any)
	if !ok {
		return nil, errorf(r.Properties.Pos, "[/Resources/%s/Properties] 'Properties' must be an object", id)
	}
	return properties, nil
}

// Active reports whether a resource's condition holds, so that it is made.
func (s *Scope) Active(id string) (bool, error) {
	r := s.Template.Resource(id)
	if r == nil {
		return false, nil
	}
	return s.holds(r.Condition)
}

// Outputs evaluates the outputs whose condition holds.
func (s *Scope) Outputs() ([]OutputValue, error) {
	var outputs []OutputValue
	for _, o := range s.Template.Outputs {
		holds, err := s.holds(o.Condition)
		if err != nil {
			return nil, err
		}
		if !holds {
			continue
		}
		value, err := s.text(o.Value)
		if err != nil {
			return nil, fmt.Errorf("output %s: %w", o.Name, err)
		}
		output := OutputValue{Name: o.Name, Description: o.Description, Value: value}
		if o.Export != nil {
			if output.Export, err = s.text(o.Export); err != nil {
				return nil, fmt.Errorf("output %s: %w", o.Name, err)
			}
		}
		outputs = append(outputs, output)
	}
	return outputs, nil
}

// Condition evaluates a named condition.
func (s *Scope) Condition(name string) (bool, error) {
	c := s.Template.Condition(name)
	if c == nil {
		return false, errorf(Pos{}, "Template format error: Unresolved condition dependency %s in the Resources block of the template", name)
	}
	if holds, ok := s.conditions[name]; ok {
		return holds, nil
	}
	holds, err := s.truth(c.Value)
	if err != nil {
		return false, err
	}
	if s.conditions == nil {
		s.conditions = map[string]bool{}
	}
	s.conditions[name] = holds
	return holds, nil
}

// holds evaluates a condition that may not be given.
func (s *Scope) holds(condition string) (bool, error) {
	if condition == "" {
		return true, nil
	}
	return s.Condition(condition)
}

// Value evaluates a value. One that AWS::NoValue removes is nil.
func (s *Scope) Value(n *Node) (any, error) {
	value, err := s.eval(n)
	if _, gone := value.(absent); gone {
		return nil, err
	}
	return value, err
}

// eval evaluates a value, [absent] included.
func (s *Scope) eval(n *Node) (any, error) {
	switch n.Kind {
	case Bool:
		return n.Text == "true", nil
	case Number:
		return json.Number(n.Text), nil
	case String:
		return n.Text, nil
	case List:
		return s.list(n)
	case Map:
		if name, argument, ok := n.Call(); ok {
			value, err := s.call(name, argument)
			if text, ok := value.(string); ok && len(text) > maxText {
				return nil, errorf(n.Pos, "Template error: %s gives a string of more than %d bytes", name, maxText)
			}
			return value, err
		}
		return s.object(n)
	default:
		return nil, nil
	}
}

func (s *Scope) list(n *Node) (any, error) {
	values := make([]any, 0, len(n.Items))
	for _, item := range n.Items {
		value, err := s.eval(item)
		if err != nil {
			return nil, err
		}
		if _, gone := value.(absent); !gone {
			values = append(values, value)
		}
	}
	return values, nil
}

func (s *Scope) object(n *Node) (any, error) {
	values := make(map[string]any, len(n.Members))
	for _, m := range n.Members {
		value, err := s.eval(m.Value)
		if err != nil {
			return nil, err
		}
		if _, gone := value.(absent); !gone {
			values[m.Name] = value
		}
	}
	return values, nil
}

// ref answers Ref for parameters, pseudo parameters and resources.
func (s *Scope) ref(name string, at Pos) (any, error) {
	if value, ok := s.Parameters[name]; ok {
		return value, nil
	}
	if value, ok := s.Pseudo.value(name); ok {
		return value, nil
	}
	if err := s.there(name, at); err != nil {
		return nil, err
	}
	if s.Ref == nil {
		return nil, errorf(at, "Ref of %s is not known here", name)
	}
	return s.Ref(name)
}

func (s *Scope) getAtt(id, attribute string, at Pos) (any, error) {
	if err := s.there(id, at); err != nil {
		return nil, err
	}
	if s.GetAtt == nil {
		return nil, errorf(at, "Fn::GetAtt of %s is not known here", id)
	}
	return s.GetAtt(id, attribute)
}

// there checks that a resource which is referred to is made at all.
func (s *Scope) there(id string, at Pos) error {
	active, err := s.Active(id)
	if err != nil {
		return err
	}
	if !active {
		return unresolved(at, "Resources", id)
	}
	return nil
}

func unresolved(at Pos, block string, ids ...string) *Error {
	return errorf(at, "Template format error: Unresolved resource dependencies [%s] in the %s block of the template",
		strings.Join(ids, ", "), block)
}

func (p Pseudo) value(name string) (any, bool) {
	switch name {
	case "AWS::AccountId":
		return p.AccountID, true
	case "AWS::Region":
		return p.Region, true
	case "AWS::StackId":
		return p.StackID, true
	case "AWS::StackName":
		return p.StackName, true
	case "AWS::NotificationARNs":
		arns := make([]any, len(p.NotificationARNs))
		for i, arn := range p.NotificationARNs {
			arns[i] = arn
		}
		return arns, true
	case "AWS::Partition":
		return orDefault(p.Partition, "aws"), true
	case "AWS::URLSuffix":
		return orDefault(p.URLSuffix, "amazonaws.com"), true
	case NoValue:
		return absent{}, true
	default:
		return nil, false
	}
}

func orDefault(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
