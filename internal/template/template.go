package template

import (
	"slices"
	"strconv"
	"strings"
)

// A Template is a CloudFormation template. Sections keep the template's order.
type Template struct {
	Description string
	Parameters  []*Parameter
	Rules       []*Rule
	Conditions  []*Condition
	Resources   []*Resource
	Outputs     []*Output
	// Transforms are the names of what the template is to go through first.
	Transforms []string
	// Mappings is the section as written, or nil.
	Mappings *Node
	// Metadata is the section as written, or nil.
	Metadata *Node

	root       *Node
	extensions bool // Transform names AWS::LanguageExtensions
}

// A Condition is a named condition.
type Condition struct {
	Name  string
	Value *Node
	Pos   Pos
}

// A Resource is what a template declares under a logical id.
type Resource struct {
	ID         string
	Type       string
	Properties *Node // a map, or nil
	DependsOn  []string
	Condition  string // a condition's name, or empty
	// DeletionPolicy and UpdateReplacePolicy are "Delete", "Retain",
	// "Snapshot" or "RetainExceptOnCreate", or empty where not given.
	DeletionPolicy      string
	UpdateReplacePolicy string
	Metadata            *Node
	Pos                 Pos
}

// An Output is a value that a stack shows and may export.
type Output struct {
	Name        string
	Description string
	Value       *Node
	Condition   string
	Export      *Node // the export's name, or nil
	Pos         Pos
}

// New reads a template from its values. Its errors are [*Error].
func New(root *Node) (*Template, error) {
	if root.Kind != Map {
		return nil, errorf(root.Pos, "Template format error: unsupported structure.")
	}
	if path, null := findNull(root); null != nil {
		return nil, errorf(null.Pos, "[%s] 'null' values are not allowed in templates", path)
	}
	t := &Template{root: root}
	var unknown []string
	var unknownAt Pos
	for _, section := range root.Members {
		read, ok := sections[section.Name]
		if !ok {
			if unknown == nil {
				unknownAt = section.Pos
			}
			unknown = append(unknown, section.Name)
			continue
		}
		if err := read(t, section.Value); err != nil {
			return nil, err
		}
	}
	if unknown != nil {
		return nil, errorf(unknownAt, "Invalid template property or properties [%s]", strings.Join(unknown, ", "))
	}
	if len(t.Resources) == 0 {
		return nil, errorf(root.Pos, "Template format error: At least one Resources member must be defined.")
	}
	return t, t.checkSizes()
}

// findNull returns the first null in a value, if any, and how to get there.
func findNull(n *Node) (path string, null *Node) {
	if n.Kind == Null {
		return "", n
	}
	for i, item := range n.Items {
		if path, null := findNull(item); null != nil {
			return "/" + strconv.Itoa(i) + path, null
		}
	}
	for _, m := range n.Members {
		if path, null := findNull(m.Value); null != nil {
			return "/" + m.Name + path, null
		}
	}
	return "", nil
}

// checkSizes holds a template against CloudFormation's limits.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
func (t *Template) checkSizes() error {
	if len(t.Description) > 1024 {
		return errorf(t.root.Get("Description").Pos, "Template format error: 'Description' length is greater than 1024.")
	}
	for _, section := range []struct {
		name string
		most int
	}{{"Mappings", 200}, {"Outputs", 200}, {"Parameters", 200}, {"Resources", 500}} {
		n := t.root.Get(section.name)
		if n == nil || len(n.Members) <= section.most {
			continue
		}
		return errorf(n.Pos, "Template format error: Number of %s, %d, is greater than maximum allowed, %d",
			strings.ToLower(section.name), len(n.Members), section.most)
	}
	return nil
}

// sections is how each section of a template is read.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html
var sections = map[string]func(*Template, *Node) error{
	"AWSTemplateFormatVersion": func(_ *Template, n *Node) error {
		if version, _ := n.text(); version != "2010-09-09" {
			return errorf(n.Pos, "Template format error: unsupported value for AWSTemplateFormatVersion.")
		}
		return nil
	},
	"Description": func(t *Template, n *Node) error { return readText(&t.Description, "Description", n) },
	"Metadata":    func(t *Template, n *Node) error { t.Metadata = n; return nil },
	"Transform":   (*Template).readTransform,
	"Rules": func(t *Template, n *Node) error {
		return eachMember("Rules", n, func(m Member) error {
			r, err := readRule(m)
			t.Rules = append(t.Rules, r)
			return err
		})
	},
	"Hooks": func(_ *Template, n *Node) error {
		return errorf(n.Pos, "Template format error: the section Hooks is not supported")
	},
	"Mappings": (*Template).readMappings,
	"Parameters": func(t *Template, n *Node) error {
		return eachMember("Parameters", n, func(m Member) error {
			p, err := readParameter(m)
			t.Parameters = append(t.Parameters, p)
			return err
		})
	},
	"Conditions": func(t *Template, n *Node) error {
		return eachMember("Conditions", n, func(m Member) error {
			t.Conditions = append(t.Conditions, &Condition{Name: m.Name, Value: m.Value, Pos: m.Pos})
			return nil
		})
	},
	"Resources": func(t *Template, n *Node) error {
		return eachMember("Resources", n, func(m Member) error {
			r, err := readResource(m)
			t.Resources = append(t.Resources, r)
			return err
		})
	},
	"Outputs": func(t *Template, n *Node) error {
		return eachMember("Outputs", n, func(m Member) error {
			o, err := readOutput(m)
			t.Outputs = append(t.Outputs, o)
			return err
		})
	},
}

// eachMember reads a section whose members are named by the template's author.
func eachMember(section string, n *Node, read func(Member) error) error {
	if n.Kind != Map {
		return errorf(n.Pos, "Template format error: [/%s] must be an object", section)
	}
	for _, m := range n.Members {
		if strings.HasPrefix(m.Name, "Fn::") {
			return errorf(m.Pos, "Template format error: [/%s] calls %s, which is not supported", section, m.Name)
		}
		if !alphanumeric(m.Name) {
			return errorf(m.Pos, "Template format error: %s name %s is non alphanumeric.", strings.TrimSuffix(section, "s"), m.Name)
		}
		if err := read(m); err != nil {
			return err
		}
	}
	return nil
}

func (t *Template) readTransform(n *Node) (err error) {
	t.Transforms, err = readTexts("Transform", n)
	t.extensions = slices.Contains(t.Transforms, languageExtensions)
	return err
}

// readMappings checks the two levels of names that every mapping has, and that
// what they lead to is a text or a list of texts.
func (t *Template) readMappings(n *Node) error {
	t.Mappings = n
	return eachMember("Mappings", n, func(m Member) error {
		if m.Value.Kind != Map {
			return errorf(m.Pos, "Template format error: Every Mappings member %s must be a map.", m.Name)
		}
		for _, top := range m.Value.Members {
			if top.Value.Kind != Map {
				return errorf(top.Pos, "Template format error: Every Mappings attribute must be a map: %s.%s", m.Name, top.Name)
			}
			for _, a := range top.Value.Members {
				for n := range a.Value.All() {
					if n.Kind == Map || n.Kind == List && n != a.Value {
						return errorf(a.Pos, "Template format error: Every Mappings attribute must be a String or a List.")
					}
				}
			}
		}
		return nil
	})
}

func readResource(m Member) (*Resource, error) {
	r := &Resource{ID: m.Name, Pos: m.Pos}
	path := "/Resources/" + m.Name
	if m.Value.Kind != Map {
		return nil, errorf(m.Pos, "Template format error: [%s] resource definition is malformed", path)
	}
	for _, a := range m.Value.Members {
		var err error
		switch a.Name {
		case "Type":
			err = readText(&r.Type, path+"/Type", a.Value)
		case "Properties":
			r.Properties = a.Value
			if a.Value.Kind != Map {
				err = errorf(a.Pos, "Template format error: [%s/Properties] 'Properties' must be an object", path)
			}
		case "DependsOn":
			r.DependsOn, err = readTexts(path+"/DependsOn", a.Value)
		case "Condition":
			err = readCondition(&r.Condition, a.Value)
		case "DeletionPolicy":
			err = readPolicy(&r.DeletionPolicy, m.Name, a)
		case "UpdateReplacePolicy":
			err = readPolicy(&r.UpdateReplacePolicy, m.Name, a)
		case "Metadata":
			r.Metadata = a.Value
		case "CreationPolicy", "UpdatePolicy":
			// Both only concern types that spate does not make.
		default:
			err = errorf(a.Pos, "Invalid template resource property '%s'", a.Name)
		}
		if err != nil {
			return nil, err
		}
	}
	if r.Type == "" {
		return nil, errorf(m.Pos, "Template format error: [%s] Every Resources object must contain a Type member.", path)
	}
	return r, nil
}

func readCondition(name *string, n *Node) error {
	text, ok := n.text()
	if !ok {
		return errorf(n.Pos, "Template format error: Every Condition member must be a string.")
	}
	*name = text
	return nil
}

func readPolicy(policy *string, id string, a Member) error {
	known := []string{"Delete", "Retain", "Snapshot"}
	if a.Name == "DeletionPolicy" {
		known = append(known, "RetainExceptOnCreate")
	}
	if _, _, call := a.Value.Call(); call {
		return errorf(a.Value.Pos, "Template format error: %s of resource %s is a function, which is not supported", a.Name, id)
	}
	text, ok := a.Value.text()
	if !ok || !slices.Contains(known, text) {
		return errorf(a.Value.Pos, "Template format error: Unrecognized %s %s for resource %s", a.Name, a.Value.Text, id)
	}
	*policy = text
	return nil
}

func readOutput(m Member) (*Output, error) {
	o := &Output{Name: m.Name, Pos: m.Pos}
	path := "/Outputs/" + m.Name
	if m.Value.Kind != Map {
		return nil, errorf(m.Pos, "Template format error: [%s] Outputs must be objects", path)
	}
	for _, a := range m.Value.Members {
		var err error
		switch a.Name {
		case "Description":
			err = readText(&o.Description, path+"/Description", a.Value)
		case "Value":
			o.Value = a.Value
		case "Condition":
			err = readCondition(&o.Condition, a.Value)
		case "Export":
			if o.Export = a.Value.Get("Name"); o.Export == nil {
				err = errorf(a.Pos, "Template format error: [%s/Export] Export must contain a Name", path)
			}
		default:
			err = errorf(a.Pos, "Invalid template output property '%s'", a.Name)
		}
		if err != nil {
			return nil, err
		}
	}
	if o.Value == nil {
		return nil, errorf(m.Pos, "Template format error: [%s] Every Outputs member must contain a Value object", path)
	}
	return o, nil
}

func readText(text *string, path string, n *Node) error {
	s, ok := n.text()
	if !ok {
		return errorf(n.Pos, "Template format error: [/%s] must be a string", strings.TrimPrefix(path, "/"))
	}
	*text = s
	return nil
}

// readTexts reads a string or a list of strings.
func readTexts(path string, n *Node) ([]string, error) {
	items := n.Items
	if n.Kind != List {
		items = []*Node{n}
	}
	texts := make([]string, len(items))
	for i, item := range items {
		if err := readText(&texts[i], path+"/"+strconv.Itoa(i), item); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

func alphanumeric(s string) bool {
	for _, c := range s {
		if !(c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z') {
			return false
		}
	}
	return s != ""
}

// Root returns the template's values as they were written.
func (t *Template) Root() *Node { return t.root }

// JSON returns the template as JSON, two spaces a level, members in order.
func (t *Template) JSON() []byte { return t.root.Indented() }

// MarshalJSON writes the template as compact JSON.
func (t *Template) MarshalJSON() ([]byte, error) { return t.root.MarshalJSON() }

// Resource returns the resource of a logical id, or nil.
func (t *Template) Resource(id string) *Resource {
	return find(t.Resources, func(r *Resource) bool { return r.ID == id })
}

// Parameter returns a parameter by its name, or nil.
func (t *Template) Parameter(name string) *Parameter {
	return find(t.Parameters, func(p *Parameter) bool { return p.Name == name })
}

// Condition returns a condition by its name, or nil.
func (t *Template) Condition(name string) *Condition {
	return find(t.Conditions, func(c *Condition) bool { return c.Name == name })
}

func find[T any](all []*T, match func(*T) bool) *T {
	if i := slices.IndexFunc(all, match); i >= 0 {
		return all[i]
	}
	return nil
}
