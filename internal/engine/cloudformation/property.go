package cloudformation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Properties are a resource's properties with every intrinsic function worked
// out: map[string]any, []any, string, json.Number and bool.
type properties map[string]any

// UnmarshalJSON keeps the spelling of numbers.
func (p *properties) UnmarshalJSON(data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	return decoder.Decode((*map[string]any)(p))
}

// fill sets the members of an operation's input from properties. Names match
// whatever their case (CloudFormation writes EFSVolumeConfiguration where the
// SDK has EfsVolumeConfiguration), and scalars become what the member wants,
// as CloudFormation takes "120" for an integer.
func fill(input any, p properties) error {
	return fillStruct(reflect.ValueOf(input).Elem(), map[string]any(p), "")
}

// fillMembers is fill from the value of one property.
func fillMembers(input, value any, property string) error {
	return fillStruct(reflect.ValueOf(input).Elem(), value, property)
}

func fillValue(to reflect.Value, from any, path string) error {
	if to.Type() == reflect.TypeFor[time.Time]() {
		return fillTime(to, from, path)
	}
	switch to.Kind() {
	case reflect.Pointer:
		to.Set(reflect.New(to.Type().Elem()))
		return fillValue(to.Elem(), from, path)
	case reflect.Struct:
		return fillStruct(to, from, path)
	case reflect.Slice:
		return fillList(to, from, path)
	case reflect.Map:
		return fillMap(to, from, path)
	case reflect.String:
		text, ok := textOf(from)
		if !ok {
			return wrongType(path, "String")
		}
		to.SetString(text)
	case reflect.Bool:
		return fillBool(to, from, path)
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Float32, reflect.Float64:
		return fillNumber(to, from, path)
	default:
		return unsupported(path)
	}
	return nil
}

func fillStruct(to reflect.Value, from any, path string) error {
	members, ok := from.(map[string]any)
	if !ok {
		return reasonf("Value of property %s must be an object", path)
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		field := to.FieldByNameFunc(func(f string) bool { return strings.EqualFold(f, name) })
		if !field.IsValid() || !field.CanSet() {
			return unsupported(name)
		}
		if err := fillValue(field, members[name], name); err != nil {
			return err
		}
	}
	return nil
}

func fillList(to reflect.Value, from any, path string) error {
	items, ok := from.([]any)
	if !ok {
		return wrongType(path, "List")
	}
	to.Set(reflect.MakeSlice(to.Type(), len(items), len(items)))
	for i, item := range items {
		if err := fillValue(to.Index(i), item, path); err != nil {
			return err
		}
	}
	return nil
}

// fillMap takes an object, or a list of Key and Value as CloudFormation has
// tags where an API has a map.
func fillMap(to reflect.Value, from any, path string) error {
	members, ok := from.(map[string]any)
	if !ok {
		if members, ok = pairs(from); !ok {
			return wrongType(path, "Map")
		}
	}
	to.Set(reflect.MakeMapWithSize(to.Type(), len(members)))
	for name, member := range members {
		value := reflect.New(to.Type().Elem()).Elem()
		if err := fillValue(value, member, path); err != nil {
			return err
		}
		to.SetMapIndex(reflect.ValueOf(name).Convert(to.Type().Key()), value)
	}
	return nil
}

func pairs(from any) (map[string]any, bool) {
	items, ok := from.([]any)
	if !ok {
		return nil, false
	}
	members := map[string]any{}
	for _, item := range items {
		pair, ok := item.(map[string]any)
		if !ok {
			return nil, false
		}
		key, ok := pair["Key"].(string)
		if !ok {
			return nil, false
		}
		members[key] = pair["Value"]
	}
	return members, true
}

func fillBool(to reflect.Value, from any, path string) error {
	text, _ := textOf(from)
	value, err := strconv.ParseBool(text)
	if err != nil {
		return wrongType(path, "Boolean")
	}
	to.SetBool(value)
	return nil
}

func fillNumber(to reflect.Value, from any, path string) error {
	text, _ := textOf(from)
	value, err := strconv.ParseFloat(text, 64)
	if to.CanFloat() {
		if err != nil {
			return wrongType(path, "Double")
		}
		to.SetFloat(value)
		return nil
	}
	if err != nil || value != math.Trunc(value) || to.OverflowInt(int64(value)) {
		return wrongType(path, "Integer")
	}
	to.SetInt(int64(value))
	return nil
}

func fillTime(to reflect.Value, from any, path string) error {
	text, _ := textOf(from)
	value, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return wrongType(path, "Timestamp")
	}
	to.Set(reflect.ValueOf(value))
	return nil
}

// textOf returns a scalar as CloudFormation writes it into a string.
func textOf(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case json.Number:
		return v.String(), true
	}
	return "", false
}

// documentOf returns a value as an API takes a policy: a string as it is,
// anything else as JSON.
func documentOf(value any) (string, error) {
	if text, ok := textOf(value); ok {
		return text, nil
	}
	text, err := json.Marshal(value)
	return string(text), err
}

// A reason is an error in CloudFormation's own words, which becomes the status
// reason of a resource or a stack as it stands.
type reason string

func (r reason) Error() string { return string(r) }

func reasonf(format string, args ...any) reason {
	return reason(fmt.Sprintf(format, args...))
}

func unsupported(name string) error {
	return reasonf("Encountered unsupported property %s", name)
}

func wrongType(name, want string) error {
	return reasonf("Value of property %s must be of type %s", name, want)
}

// without returns properties less those named.
func without(p properties, names ...string) properties {
	rest := maps.Clone(p)
	for _, name := range names {
		delete(rest, name)
	}
	return rest
}

// only complains about the first property that is not among the names.
func only(p properties, names ...string) error {
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if !slices.Contains(names, name) {
			return unsupported(name)
		}
	}
	return nil
}
