package template

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Parameter is a value that a stack is given when it is made.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
type Parameter struct {
	Name        string
	Type        string
	Description string
	// Default is used where no value is given; nil means one must be.
	Default               *string
	AllowedValues         []string
	AllowedPattern        string
	ConstraintDescription string
	NoEcho                bool
	// The bounds are nil where not given; the lengths count characters.
	MinLength, MaxLength *int
	MinValue, MaxValue   *float64
	Pos                  Pos

	pattern *regexp.Regexp
}

func readParameter(m Member) (*Parameter, error) {
	p := &Parameter{Name: m.Name, Pos: m.Pos}
	if m.Value.Kind != Map {
		return nil, errorf(m.Pos, "Template format error: Every Parameters member must be an object: %s", m.Name)
	}
	for _, a := range m.Value.Members {
		if err := p.readAttribute(a); err != nil {
			return nil, err
		}
	}
	if p.Type == "" {
		return nil, errorf(m.Pos, "Template format error: Every Parameters object must contain a Type member.")
	}
	if !p.kind().known() {
		return nil, errorf(m.Pos, "Template format error: Unrecognized parameter type: %s", p.Type)
	}
	if p.AllowedPattern != "" {
		pattern, err := regexp.Compile("^(?:" + p.AllowedPattern + ")$")
		if err != nil {
			return nil, errorf(m.Pos, "Template format error: AllowedPattern of parameter %s is no regular expression: %s", p.Name, p.AllowedPattern)
		}
		p.pattern = pattern
	}
	return p, nil
}

func (p *Parameter) readAttribute(a Member) error {
	path := "/Parameters/" + p.Name + "/" + a.Name
	if a.Name == "AllowedValues" {
		var err error
		p.AllowedValues, err = readScalars(path, a.Value)
		return err
	}
	text, err := readScalar(path, a.Value)
	if err != nil {
		return err
	}
	switch a.Name {
	case "Type":
		p.Type = text
	case "Description":
		p.Description = text
	case "Default":
		p.Default = &text
	case "AllowedPattern":
		p.AllowedPattern = text
	case "ConstraintDescription":
		p.ConstraintDescription = text
	case "NoEcho":
		p.NoEcho = text == "true"
	case "MinLength":
		p.MinLength, err = number(text, strconv.Atoi)
	case "MaxLength":
		p.MaxLength, err = number(text, strconv.Atoi)
	case "MinValue":
		p.MinValue, err = number(text, parseFloat)
	case "MaxValue":
		p.MaxValue, err = number(text, parseFloat)
	default:
		return errorf(a.Pos, "Invalid template parameter property '%s'", a.Name)
	}
	if err != nil {
		return errorf(a.Value.Pos, "Template format error: [%s] must be a number", path)
	}
	return nil
}

func parseFloat(s string) (float64, error) { return strconv.ParseFloat(s, 64) }

func number[T any](text string, parse func(string) (T, error)) (*T, error) {
	value, err := parse(text)
	return &value, err
}

func readScalar(path string, n *Node) (string, error) {
	if n.Kind != String && n.Kind != Number && n.Kind != Bool {
		return "", errorf(n.Pos, "Template format error: [%s] must be a string", path)
	}
	return n.Text, nil
}

func readScalars(path string, n *Node) ([]string, error) {
	if n.Kind != List {
		return nil, errorf(n.Pos, "Template format error: [%s] must be a list", path)
	}
	texts := make([]string, len(n.Items))
	for i, item := range n.Items {
		text, err := readScalar(path, item)
		if err != nil {
			return nil, err
		}
		texts[i] = text
	}
	return texts, nil
}

// ParameterStoreNames returns the names in the parameter store that the given
// parameters, and the defaults of others, stand for, in the template's order:
// what [Template.ParameterValues] needs the values of.
func (t *Template) ParameterStoreNames(given map[string]string) []string {
	var names []string
	for _, p := range t.Parameters {
		name, ok := p.text(given)
		if ok && p.kind().stored && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// ParameterValues returns every parameter's value: the given one, else its
// default. A list's is a []any of strings, any other a string. Where the type
// says that a name in the parameter store was given, stored has what stands
// there under that name. Its errors are those of CreateStack.
func (t *Template) ParameterValues(given, stored map[string]string) (map[string]any, error) {
	var unknown, missing, unstored []string
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if t.Parameter(name) == nil {
			unknown = append(unknown, name)
		}
	}
	if unknown != nil {
		return nil, errorf(t.root.Pos, "Parameters: [%s] do not exist in the template", strings.Join(unknown, ", "))
	}
	values := map[string]any{}
	for _, p := range t.Parameters {
		text, ok := p.text(given)
		if !ok {
			missing = append(missing, p.Name)
			continue
		}
		if _, ok := stored[text]; p.kind().stored && !ok {
			if !slices.Contains(unstored, text) {
				unstored = append(unstored, text)
			}
			continue
		}
		value, err := p.value(text, stored)
		if err != nil {
			return nil, err
		}
		values[p.Name] = value
	}
	if missing != nil {
		return nil, errorf(t.root.Pos, "Parameters: [%s] must have values", strings.Join(missing, ", "))
	}
	if unstored != nil {
		return nil, errorf(t.root.Pos, "Unable to fetch parameters [%s] from parameter store for this account.", strings.Join(unstored, ","))
	}
	return values, nil
}

// text is what is given for a parameter, else its default.
func (p *Parameter) text(given map[string]string) (text string, ok bool) {
	if text, ok := given[p.Name]; ok {
		return text, true
	}
	if p.Default == nil {
		return "", false
	}
	return *p.Default, true
}

// value checks a given text and returns what Ref gives for it. As in AWS the
// constraints are those of what is given: a name in the parameter store, not
// what stands there.
func (p *Parameter) value(text string, stored map[string]string) (any, error) {
	kind := p.kind()
	if kind.resolved {
		if err := p.check(text); err != nil {
			return nil, err
		}
		text = stored[text]
	}
	items := []string{text}
	if kind.list {
		items = splitList(text)
	}
	for _, item := range items {
		if !kind.resolved {
			if err := p.check(item); err != nil {
				return nil, err
			}
		}
		if err := p.checkNumber(kind, item); err != nil {
			return nil, err
		}
	}
	if kind.list {
		return anys(items), nil
	}
	return text, nil
}

// splitList reads a list that is written with commas.
func splitList(text string) []string {
	if text == "" {
		return nil
	}
	items := strings.Split(text, ",")
	for i, item := range items {
		items[i] = strings.TrimSpace(item)
	}
	return items
}

// check holds a given text against the parameter's constraints.
func (p *Parameter) check(text string) error {
	if p.AllowedValues != nil && !slices.Contains(p.AllowedValues, text) {
		return p.refuse("Parameter '%s' must be one of AllowedValues", p.Name)
	}
	if p.pattern != nil && !p.pattern.MatchString(text) {
		return p.refuse("Parameter '%s' must match pattern %s", p.Name, p.AllowedPattern)
	}
	length := len([]rune(text))
	if p.MinLength != nil && length < *p.MinLength {
		return p.refuse("Parameter '%s' must contain at least %d characters", p.Name, *p.MinLength)
	}
	if p.MaxLength != nil && length > *p.MaxLength {
		return p.refuse("Parameter '%s' must contain at most %d characters", p.Name, *p.MaxLength)
	}
	return nil
}

// checkNumber checks a value of a type of numbers.
func (p *Parameter) checkNumber(kind parameterKind, text string) error {
	if kind.element != "Number" {
		return nil
	}
	value, err := json.Number(text).Float64()
	if err != nil {
		return errorf(p.Pos, "Parameter '%s' must be a number.", p.Name)
	}
	if p.MinValue != nil && value < *p.MinValue {
		return p.refuse("Parameter '%s' must be a number not less than %v", p.Name, *p.MinValue)
	}
	if p.MaxValue != nil && value > *p.MaxValue {
		return p.refuse("Parameter '%s' must be a number not greater than %v", p.Name, *p.MaxValue)
	}
	return nil
}

// refuse is the error for a value outside the constraints, in the template
// author's words where there are any.
func (p *Parameter) refuse(format string, args ...any) error {
	if p.ConstraintDescription != "" {
		return errorf(p.Pos, "Parameter '%s' failed to satisfy constraint: %s", p.Name, p.ConstraintDescription)
	}
	return errorf(p.Pos, format, args...)
}
