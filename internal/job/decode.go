package job

import (
	"bytes"
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// A decoder reads a YAML document into a Job. It goes on after a mistake, so
// that all of them are told, and remembers where each field stands for the
// checks that follow.
type decoder struct {
	file     string
	problems Problems
	at       map[string]*yaml.Node // by the field's path, such as "network.vpc"
}

func (d *decoder) report(n *yaml.Node, fact, hint string) {
	p := Problem{File: d.file, Fact: fact, Hint: hint}
	if n != nil {
		p.Line, p.Column = n.Line, n.Column
	}
	d.problems = append(d.problems, p)
}

// document parses the text down to the node of its top mapping.
func (d *decoder) document(data []byte) *yaml.Node {
	if len(bytes.TrimSpace(data)) == 0 {
		d.report(nil, "the file is empty", "a job file needs at least name and command")
		return nil
	}
	var doc yaml.Node
	if err := yaml.Load(data, &doc); err != nil {
		p := Problem{File: d.file, Fact: err.Error()}
		if bad, ok := errors.AsType[*yaml.LoadError](err); ok {
			p.Line, p.Column, p.Fact = bad.Mark.Line, bad.Mark.Column, bad.Message
		}
		d.problems = append(d.problems, p)
		return nil
	}
	return doc.Content[0]
}

// value reads a node into v, which is settable.
func (d *decoder) value(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	d.at[path] = n
	switch target := v.Addr().Interface().(type) {
	case *Grid:
		*target = d.grid(n)
		return
	case *[]Config:
		*target = d.configs(n)
		return
	case *Strings:
		if n.Kind == yaml.ScalarNode {
			*target = Strings{n.Value}
			return
		}
	case *Scaling:
		if n.Kind == yaml.ScalarNode && n.Value == "burst" {
			return
		}
	case encoding.TextUnmarshaler:
		if n.Kind != yaml.ScalarNode {
			d.report(n, fmt.Sprintf("%s is a single value, not %s", path, kindName(n)), "")
		} else if err := target.UnmarshalText([]byte(n.Value)); err != nil {
			d.report(n, fmt.Sprintf("%s: %v", path, err), "")
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.fields(n, v, path)
	case reflect.Slice:
		d.list(n, v, path)
	default:
		d.plain(n, v, path)
	}
}

// plain reads what the YAML package can read by itself.
func (d *decoder) plain(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		d.report(n, path+" has no value", "give it one, or leave the line out for the default")
		return
	}
	if v.Kind() == reflect.String && n.Kind == yaml.ScalarNode {
		v.SetString(n.Value) // 3.10 and true are what was written, not a number
		return
	}
	if err := n.Load(v.Addr().Interface()); err != nil {
		d.report(n, fmt.Sprintf("%s is %s, not %s", path, typeName(v), shown(n)), "")
	}
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.SequenceNode {
		d.report(n, fmt.Sprintf("%s is a list, not %s", path, shown(n)), "write it like ["+listHint(n)+"]")
		return
	}
	items := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		d.value(item, items.Index(i), fmt.Sprintf("%s[%d]", path, i))
	}
	v.Set(items)
}

func listHint(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode {
		return strings.Join(strings.Fields(n.Value), ", ")
	}
	return "…"
}

// fields reads a mapping into a struct, by its yaml tags.
func (d *decoder) fields(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.MappingNode {
		d.report(n, fmt.Sprintf("%s is a mapping, not %s", cmp.Or(path, "a job file"), shown(n)), "")
		return
	}
	known := fieldNames(v.Type())
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := slices.Index(known, key.Value)
		if at < 0 || key.Value == "-" {
			d.report(key, fmt.Sprintf("unknown field %q", join(path, key.Value)),
				didYouMean(key.Value, slices.DeleteFunc(slices.Clone(known), func(s string) bool { return s == "-" })))
			continue
		}
		d.value(value, v.Field(at), join(path, key.Value))
	}
}

func fieldNames(t reflect.Type) []string {
	names := make([]string, t.NumField())
	for i := range names {
		names[i] = t.Field(i).Tag.Get("yaml")
	}
	return names
}

func (d *decoder) grid(n *yaml.Node) Grid {
	if n.Kind != yaml.MappingNode {
		d.report(n, "params.grid is a mapping from names to lists, not "+shown(n), "write it like {size: [1, 2, 3]}")
		return nil
	}
	var grid Grid
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, list := n.Content[i], n.Content[i+1]
		axis := Axis{Name: key.Value}
		values := []*yaml.Node{list} // a single value is a list of one
		if list.Kind == yaml.SequenceNode {
			values = list.Content
		}
		for _, item := range values {
			axis.Values = append(axis.Values, d.scalar(item, key.Value))
		}
		if len(axis.Values) == 0 {
			d.report(list, fmt.Sprintf("parameter %q has no values", key.Value), "")
		}
		grid = append(grid, axis)
	}
	return grid
}

func (d *decoder) configs(n *yaml.Node) []Config {
	if n.Kind != yaml.SequenceNode {
		d.report(n, "params.list is a list of configurations, not "+shown(n), "")
		return nil
	}
	configs := []Config{} // a list without configurations is not the same as no list
	for _, item := range n.Content {
		if item.Kind != yaml.MappingNode {
			d.report(item, "a configuration is a mapping, not "+shown(item), "write it like {size: 1}")
			continue
		}
		var c Config
		for i := 0; i+1 < len(item.Content); i += 2 {
			name := item.Content[i].Value
			c = append(c, Param{Name: name, Value: d.scalar(item.Content[i+1], name)})
		}
		configs = append(configs, c)
	}
	return configs
}

// scalar reads one parameter's value.
func (d *decoder) scalar(n *yaml.Node, name string) Value {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		d.report(n, fmt.Sprintf("parameter %q is %s", name, kindName(n)), "a value is text, a number, true or false")
		return Value{}
	}
	switch n.Tag {
	case "!!int", "!!float", "!!bool":
		return literal(n.Value)
	}
	return Text(n.Value)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func typeName(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Int:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Bool:
		return "true or false"
	case reflect.Map:
		return "a mapping"
	case reflect.Pointer:
		return typeName(reflect.Zero(v.Type().Elem()))
	}
	return "text"
}

func kindName(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Tag == "!!null":
		return "empty"
	}
	return "a single value"
}

func shown(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode && n.Tag != "!!null" {
		return fmt.Sprintf("%q", n.Value)
	}
	return kindName(n)
}
