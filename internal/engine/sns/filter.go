package sns

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// A filter is a subscription's filter policy.
// https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
type filter struct {
	body bool // looks at the message's body, not at its attributes
	root *object
}

// An object is what a policy, or a part of it, asks of the keys of an object:
// all the fields, and one of the alternatives, if there are any.
type object struct {
	fields map[string]*node
	either []*object
}

// A node is what a policy asks of a key: one of the conditions, or all of an
// object.
type node struct {
	conditions []condition
	nested     *object
}

// A condition tells of a key's values whether they are as it asks. Values are
// strings, float64s, booleans and nil; a list gives all of its own. A key may
// be there without a value that can be compared.
type condition func(values []any, there bool) bool

// The limits of a policy.
// https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html
const (
	filterKeys         = 5
	filterCombinations = 150
)

const (
	scopeAttributes = "MessageAttributes"
	scopeBody       = "MessageBody"
)

// errNested is the one complaint that SNS words without the attribute's name.
var errNested = refusal("Filter policy scope MessageAttributes does not support nested filter policy")

// newFilter reads the policy among a subscription's attributes; nil where there
// is none, or an empty one.
func newFilter(attributes map[string]string) (*filter, error) {
	text := attributes["FilterPolicy"]
	if text == "" {
		return nil, nil
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var members map[string]any
	if err := decoder.Decode(&members); err != nil {
		return nil, fmt.Errorf("failed to parse JSON. %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("failed to parse JSON. There is more than one value")
	}
	if len(members) == 0 {
		return nil, nil
	}
	f := &filter{body: attributes["FilterPolicyScope"] == scopeBody}
	r := filterReader{flat: !f.body}
	var err error
	if f.root, err = r.object(members, 1); err != nil {
		return nil, err
	}
	switch {
	case r.keys > filterKeys:
		return nil, refuse("Filter policy can not have more than %d keys", filterKeys)
	case r.count(f.root, 1) > filterCombinations:
		return nil, refusal("Filter policy is too complex")
	}
	return f, nil
}

// A filterReader reads the parts of a policy and counts them.
type filterReader struct {
	flat bool
	keys int
}

func (r *filterReader) object(members map[string]any, depth int) (*object, error) {
	o := &object{fields: map[string]*node{}}
	for _, key := range slices.Sorted(maps.Keys(members)) {
		if alternatives, ok := orList(key, members[key]); ok {
			for _, alternative := range alternatives {
				read, err := r.object(alternative, depth)
				if err != nil {
					return nil, err
				}
				o.either = append(o.either, read)
			}
			continue
		}
		read, err := r.node(key, members[key], depth)
		if err != nil {
			return nil, err
		}
		o.fields[key] = read
	}
	return o, nil
}

// orList returns the alternatives of the key $or. A list of other things under
// that name is a key's conditions.
func orList(key string, value any) ([]map[string]any, bool) {
	items, ok := value.([]any)
	if key != "$or" || !ok || len(items) < 2 {
		return nil, false
	}
	var all []map[string]any
	for _, item := range items {
		members, ok := item.(map[string]any)
		if !ok || len(members) == 0 {
			return nil, false
		}
		all = append(all, members)
	}
	return all, true
}

func (r *filterReader) node(key string, value any, depth int) (*node, error) {
	switch v := value.(type) {
	case []any:
		r.keys++
		conditions, err := readConditions(v)
		return &node{conditions: conditions}, err
	case map[string]any:
		nested, err := r.object(v, depth+1)
		if err == nil && r.flat {
			err = errNested
		}
		return &node{nested: nested}, err
	}
	return nil, fmt.Errorf("%q must be an object or an array", key)
}

// count returns the combinations of a policy's values, each of which counts
// once for every level it is below.
func (r *filterReader) count(o *object, depth int) int {
	total := 1
	for _, n := range o.fields {
		if n.nested != nil {
			total *= r.count(n.nested, depth+1)
		} else {
			total *= len(n.conditions) * depth
		}
		total = min(total, filterCombinations+1) // enough, and no overflow
	}
	if len(o.either) > 0 {
		sum := 0
		for _, alternative := range o.either {
			sum += r.count(alternative, depth)
		}
		total *= sum
	}
	return total
}

func readConditions(items []any) ([]condition, error) {
	if len(items) == 0 {
		return nil, refusal("Empty arrays are not allowed")
	}
	var all []condition
	for _, item := range items {
		c, err := readCondition(item)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

func readCondition(item any) (condition, error) {
	switch v := item.(type) {
	case []any:
		return nil, refusal("Match value must be String, number, true, false, or null")
	case map[string]any:
		if len(v) != 1 {
			return nil, refusal("Only one key allowed in match expression")
		}
		for operator, operand := range v {
			return readOperator(operator, operand)
		}
	}
	want := scalar(item)
	return some(func(value any) bool { return value == want }), nil
}

// some is met by one value.
func some(match func(any) bool) condition {
	return func(values []any, _ bool) bool { return slices.ContainsFunc(values, match) }
}

// text is some of strings.
func text(match func(string) bool) condition {
	return some(func(value any) bool {
		s, ok := value.(string)
		return ok && match(s)
	})
}

func readOperator(operator string, operand any) (condition, error) {
	pattern, isText := operand.(string)
	switch operator {
	case "exists":
		want, ok := operand.(bool)
		if !ok {
			return nil, refusal("exists match pattern must be either true or false.")
		}
		return func(_ []any, there bool) bool { return there == want }, nil
	case "numeric":
		items, ok := operand.([]any)
		if !ok {
			return nil, refusal("Value of numeric must be an array.")
		}
		return readNumeric(items)
	case "anything-but":
		return readAnythingBut(operand)
	case "prefix", "suffix", "equals-ignore-case":
		if !isText {
			return nil, fmt.Errorf("%s match pattern must be a string", operator)
		}
	case "cidr":
		if !isText {
			return nil, errors.New("prefix match pattern must be a string")
		}
	}
	switch operator {
	case "prefix":
		return text(func(s string) bool { return strings.HasPrefix(s, pattern) }), nil
	case "suffix":
		return text(func(s string) bool { return strings.HasSuffix(s, pattern) }), nil
	case "equals-ignore-case":
		return text(func(s string) bool { return strings.EqualFold(s, pattern) }), nil
	case "cidr":
		return readCIDR(pattern)
	}
	return nil, refuse("Unrecognized match type %s", operator)
}

// readAnythingBut is met by a value that is none of those given.
func readAnythingBut(operand any) (condition, error) {
	var not []any
	switch v := operand.(type) {
	case map[string]any:
		prefix, ok := v["prefix"]
		if !ok || len(v) != 1 {
			return nil, refuse("Unsupported anything-but pattern: %s", strings.Join(slices.Sorted(maps.Keys(v)), ", "))
		}
		pattern, ok := prefix.(string)
		if !ok {
			return nil, errors.New("prefix match pattern must be a string")
		}
		return some(func(value any) bool {
			s, ok := value.(string)
			return !ok || !strings.HasPrefix(s, pattern)
		}), nil
	case []any:
		if len(v) == 0 {
			return nil, refusal("Empty arrays are not allowed")
		}
		for _, item := range v {
			not = append(not, scalar(item))
		}
	default:
		not = []any{scalar(v)}
	}
	for _, value := range not {
		switch value.(type) {
		case string, float64:
		default:
			return nil, refusal("Inside anything but list, start|null|boolean is not supported.")
		}
	}
	return some(func(value any) bool { return !slices.Contains(not, value) }), nil
}

func readCIDR(pattern string) (condition, error) {
	address, bits, ok := strings.Cut(pattern, "/")
	if !ok {
		return nil, refusal("Malformed CIDR, one '/' required")
	}
	n, err := strconv.Atoi(bits)
	if err != nil {
		return nil, refusal("Malformed CIDR, mask bits must be an integer")
	}
	in, err := netip.ParseAddr(address)
	if err != nil {
		return nil, refuse("Nonstandard IP address: %s", address)
	}
	network, err := in.Prefix(n)
	if err != nil {
		return nil, refusal("Malformed CIDR, mask bits must be an integer")
	}
	return text(func(s string) bool {
		addr, err := netip.ParseAddr(s)
		return err == nil && network.Contains(addr)
	}), nil
}

// scalar is a decoded value as conditions compare it.
func scalar(value any) any {
	if n, ok := value.(json.Number); ok {
		if f, err := n.Float64(); err == nil {
			return f
		}
	}
	if _, ok := value.([]any); ok { // cannot be compared
		return false
	}
	if _, ok := value.(map[string]any); ok {
		return false
	}
	return value
}

// passes tells whether a message is for the subscription that has the filter.
func (f *filter) passes(m *message) bool {
	if f == nil {
		return true
	}
	if !f.body {
		return f.root.attributes(m.attributes)
	}
	decoder := json.NewDecoder(bytes.NewReader([]byte(m.text)))
	decoder.UseNumber()
	var members map[string]any
	if err := decoder.Decode(&members); err != nil {
		return false // no JSON object: nothing to match
	}
	return f.root.matches(members)
}

func (o *object) attributes(all map[string]MessageAttributeValue) bool {
	for key, n := range o.fields {
		attribute, there := all[key]
		values := attributeValues(attribute)
		if !n.meets(values, there) {
			return false
		}
	}
	return len(o.either) == 0 || slices.ContainsFunc(o.either, func(e *object) bool { return e.attributes(all) })
}

// attributeValues are what of an attribute can be compared.
func attributeValues(a MessageAttributeValue) []any {
	kind, _, _ := strings.Cut(deref(a.DataType), ".")
	switch {
	case deref(a.DataType) == "String.Array":
		var items []any
		decoder := json.NewDecoder(strings.NewReader(deref(a.StringValue)))
		decoder.UseNumber()
		if err := decoder.Decode(&items); err == nil {
			return leaves(items)
		}
	case kind == "Number":
		if f, err := strconv.ParseFloat(deref(a.StringValue), 64); err == nil {
			return []any{f}
		}
	case kind == "String":
		return []any{deref(a.StringValue)}
	}
	return nil
}

func (n *node) meets(values []any, there bool) bool {
	return slices.ContainsFunc(n.conditions, func(c condition) bool { return c(values, there) })
}

// matches looks at an object of a message's body. What should be an object and
// is not has no keys.
func (o *object) matches(value any) bool {
	if items, ok := value.([]any); ok {
		return slices.ContainsFunc(items, o.matches)
	}
	members, _ := value.(map[string]any)
	for key, n := range o.fields {
		found := members[key]
		if n.nested != nil {
			if !n.nested.matches(found) {
				return false
			}
			continue
		}
		var values []any
		if _, there := members[key]; there {
			values = leaves(found)
		}
		if !n.meets(values, len(values) > 0) {
			return false
		}
	}
	return len(o.either) == 0 || slices.ContainsFunc(o.either, func(e *object) bool { return e.matches(members) })
}

// leaves are the scalars of a value: itself, or those in its lists.
func leaves(value any) []any {
	switch v := value.(type) {
	case map[string]any:
		return nil
	case []any:
		var all []any
		for _, item := range v {
			all = append(all, leaves(item)...)
		}
		return all
	}
	return []any{scalar(value)}
}
