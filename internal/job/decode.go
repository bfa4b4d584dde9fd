package job

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v4"
)

const noValueHint = "give it one, or leave it out for the default"

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

// value reads a node into v, which is settable.
func (d *decoder) value(n *yaml.Node, v reflect.Value, path string) {
	d.at[path] = n
	if isNull(n) {
		d.report(n, path+" has no value", noValueHint)
		return
	}
	switch target := v.Addr().Interface().(type) {
	case *Grid:
		*target = d.grid(n)
		return
	case *[]Config:
		*target = d.configs(n)
		return
	case *map[string]string:
		*target = d.texts(n, path)
		return
	case *map[string]any:
		*target, _ = d.free(n, path).(map[string]any)
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
			d.report(n, fmt.Sprintf("%s is a single value, not %s", path, kindName(n)), "write it in one line with the name")
		} else if err := target.UnmarshalText([]byte(n.Value)); err != nil {
			bad, _ := errors.AsType[Problem](err)
			d.report(n, fmt.Sprintf("%s: %v", path, err), bad.Hint)
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
	if v.Kind() == reflect.String && n.Kind == yaml.ScalarNode {
		v.SetString(d.text(n, path))
		return
	}
	err := n.Load(v.Addr().Interface())
	if err == nil {
		return
	}
	kind := typeOf(v)
	if _, err := strconv.ParseFloat(n.Value, 64); kind.number && (errors.Is(err, strconv.ErrRange) || strings.Trim(n.Value, "0123456789") == "") {
		d.report(n, fmt.Sprintf("%s: %s is too large", path, strings.Trim(brief(n.Value), "\"")), "write a smaller number")
		return
	}
	hint := kind.hint
	if n.Kind == yaml.MappingNode && n.Style&yaml.FlowStyle != 0 && v.Kind() == reflect.String {
		hint = `put quotes around braces: "{name}"`
		if len(n.Content) == 2 && isNull(n.Content[1]) {
			hint = "put quotes around braces: " + strconv.Quote("{"+n.Content[0].Value+"}")
		}
	}
	d.report(n, fmt.Sprintf("%s is %s, not %s", path, kind.name, shown(n)), hint)
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

// listHint writes a text as the list of its words. What a shell would read in
// another way is left to a shell.
func listHint(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode || isNull(n) {
		return "a, b"
	}
	if strings.ContainsAny(n.Value, "'\"`\\$|&;<>()*?~") {
		return "sh, -c, " + strconv.Quote(n.Value)
	}
	words := strings.Fields(n.Value)
	for i, word := range words {
		if strings.ContainsFunc(word, needsQuotes) || strings.HasPrefix(word, "-") && len(word) == 1 {
			words[i] = strconv.Quote(word)
		}
	}
	return strings.Join(words, ", ")
}

// needsQuotes says whether a character may mean something else in YAML.
func needsQuotes(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_./=+", r)
}

// fields reads a mapping into a struct, by its yaml tags.
func (d *decoder) fields(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.MappingNode {
		d.report(n, fmt.Sprintf("%s is a mapping, not %s", path, shown(n)),
			fmt.Sprintf("write fields below it, such as `%s: …`", fieldNames(v.Type())[0]))
		return
	}
	known := fieldNames(v.Type())
	for key, value := range mapping(n) {
		at := slices.Index(known, key.Value)
		if at < 0 || key.Value == "-" {
			d.report(key, "unknown field "+brief(join(path, key.Value)),
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

// text reads a scalar as it was written: 3.10 and true are no number here.
func (d *decoder) text(n *yaml.Node, path string) string {
	if strings.ContainsRune(n.Value, 0) {
		d.report(n, path+" holds a NUL character", "neither commands nor variables can")
	}
	return n.Value
}

// texts reads environment variables.
func (d *decoder) texts(n *yaml.Node, path string) map[string]string {
	if n.Kind != yaml.MappingNode {
		d.report(n, fmt.Sprintf("%s is a mapping, not %s", path, shown(n)), "write it like {NAME: value}")
		return nil
	}
	texts := map[string]string{}
	for key, value := range mapping(n) {
		switch {
		case !envName().MatchString(key.Value):
			d.report(key, brief(key.Value)+" cannot name a variable", "a letter or _, then letters, digits and _")
		case strings.HasPrefix(key.Value, "SPATE_"):
			d.report(key, brief(key.Value)+" is spate's own", "choose a name that does not begin with SPATE_")
		}
		var text string
		d.value(value, reflect.ValueOf(&text).Elem(), join(path, key.Value))
		texts[key.Value] = text
	}
	return texts
}

// free reads a value of any shape that JSON has too.
func (d *decoder) free(n *yaml.Node, path string) any {
	switch {
	case n.Kind == yaml.MappingNode:
		values := map[string]any{}
		for key, value := range mapping(n) {
			values[key.Value] = d.free(value, join(path, key.Value))
		}
		return values
	case n.Kind == yaml.SequenceNode:
		values := make([]any, len(n.Content))
		for i, item := range n.Content {
			values[i] = d.free(item, fmt.Sprintf("%s[%d]", path, i))
		}
		return values
	case isNull(n):
		d.report(n, path+" has no value", noValueHint)
		return nil
	case n.Tag == "!!bool" || n.Tag == "!!int" || n.Tag == "!!float":
		return d.number(n)
	}
	return n.Value
}

// number reads a number or a boolean; one that JSON does not have is text.
func (d *decoder) number(n *yaml.Node) any {
	var value any
	if err := n.Load(&value); err != nil {
		return n.Value
	}
	if _, err := json.Marshal(value); err != nil {
		return n.Value
	}
	return value
}

func (d *decoder) grid(n *yaml.Node) Grid {
	const hint = "write it like {size: [1, 2, 3]}"
	if n.Kind != yaml.MappingNode {
		d.report(n, "params.grid is a mapping from names to lists, not "+shown(n), hint)
		return nil
	}
	if len(n.Content) == 0 {
		d.report(n, "params.grid has no parameters", hint)
	}
	var grid Grid
	for key, list := range mapping(n) {
		axis := Axis{Name: key.Value}
		values := []*yaml.Node{list} // a single value is a list of one
		if list.Kind == yaml.SequenceNode {
			values = list.Content
		}
		for _, item := range values {
			axis.Values = append(axis.Values, d.scalar(item, key.Value))
		}
		if len(axis.Values) == 0 {
			d.report(list, fmt.Sprintf("parameter %s has no values", brief(key.Value)), hint)
		}
		d.named(key)
		grid = append(grid, axis)
	}
	return grid
}

func (d *decoder) configs(n *yaml.Node) []Config {
	const hint = "write it like [{size: 1}, {size: 2}]"
	if n.Kind != yaml.SequenceNode {
		d.report(n, "params.list is a list of configurations, not "+shown(n), hint)
		return nil
	}
	if len(n.Content) == 0 {
		d.report(n, "params.list has no configurations", hint)
	}
	configs := []Config{} // a list without configurations is not the same as no list
	for i, item := range n.Content {
		if item.Kind != yaml.MappingNode {
			d.report(item, "a configuration is a mapping, not "+shown(item), "write it like {size: 1}")
			continue
		}
		var c Config
		for key, value := range mapping(item) {
			c = append(c, Param{Name: key.Value, Value: d.scalar(value, key.Value)})
			if i == 0 {
				d.named(key)
			}
		}
		configs = append(configs, c)
		if p := sameNames(configs[0].Names(), c); p != nil {
			d.report(item, p.Fact, p.Hint)
		}
	}
	return configs
}

// named checks a parameter's name.
func (d *decoder) named(key *yaml.Node) {
	if p := checkName(key.Value); p != nil {
		d.report(key, p.Fact, p.Hint)
	}
}

// scalar reads one parameter's value.
func (d *decoder) scalar(n *yaml.Node, name string) Value {
	if n.Kind != yaml.ScalarNode || isNull(n) {
		d.report(n, fmt.Sprintf("parameter %s is %s", brief(name), kindName(n)), valueHint)
		return Value{}
	}
	if p := checkText(name, n.Value); p != nil {
		d.report(n, p.Fact, p.Hint)
	}
	switch n.Tag {
	case "!!int", "!!float", "!!bool":
		return literal(n.Value)
	}
	return Text(n.Value)
}

// mapping ranges over the names and values of a mapping.
func mapping(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
			if !yield(n.Content[i], n.Content[i+1]) {
				return
			}
		}
	}
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// A valueType is what a person calls the type of a field.
type valueType struct {
	name, hint string
	number     bool
}

func typeOf(v reflect.Value) valueType {
	switch v.Kind() {
	case reflect.Int:
		return valueType{"a whole number", "write digits alone, such as 3", true}
	case reflect.Float64:
		return valueType{"a number", "write it like 2 or 0.5", true}
	case reflect.Bool:
		return valueType{"true or false", "write one of the two", false}
	case reflect.Pointer:
		return typeOf(reflect.Zero(v.Type().Elem()))
	}
	return valueType{"text", "write one value, in quotes where it has brackets or braces", false}
}

func kindName(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case isNull(n):
		return "empty"
	}
	return "a single value"
}

func shown(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode && !isNull(n) {
		return brief(n.Value)
	}
	return kindName(n)
}
