package template

import (
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"strconv"
	"strings"
)

// call evaluates an intrinsic function. What each takes and gives:
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
func (s *Scope) call(name string, argument *Node) (any, error) {
	switch name {
	case "Ref":
		return s.ref(argument.Text, argument.Pos)
	case "Fn::GetAtt":
		return s.callGetAtt(argument)
	case "Fn::Sub":
		return s.callSub(argument)
	case "Fn::Join":
		return s.callJoin(argument)
	case "Fn::Split":
		return s.callSplit(argument)
	case "Fn::Select":
		return s.callSelect(argument)
	case "Fn::FindInMap":
		return s.callFindInMap(argument)
	case "Fn::If":
		return s.callIf(argument)
	case "Fn::And", "Fn::Or", "Fn::Not", "Fn::Equals", "Fn::Contains", "Fn::EachMemberEquals", "Fn::EachMemberIn":
		return s.truth(&Node{Kind: Map, Members: []Member{{Name: name, Value: argument}}, Pos: argument.Pos})
	case "Fn::Base64":
		text, err := s.text(argument)
		return base64.StdEncoding.EncodeToString([]byte(text)), err
	case "Fn::Cidr":
		return s.callCidr(argument)
	case "Fn::GetAZs":
		return s.callGetAZs(argument)
	case "Fn::ImportValue":
		return s.callImportValue(argument)
	case "Fn::Length":
		items, err := s.items(argument, "Fn::Length")
		return json.Number(strconv.Itoa(len(items))), err
	case "Fn::ToJsonString":
		return s.callToJSONString(argument)
	case "Fn::RefAll", "Fn::ValueOf", "Fn::ValueOfAll":
		return nil, errorf(argument.Pos, "Template error: %s asks what the account has, which is not known here", name)
	default:
		return nil, unsupportedFunction(name, argument.Pos)
	}
}

func unsupportedFunction(name string, at Pos) *Error {
	return errorf(at, "Template error: Encountered unsupported function: %s Supported functions are: [%s]",
		name, strings.Join(functions, ", "))
}

func (s *Scope) callGetAtt(argument *Node) (any, error) {
	id, attribute, err := splitGetAtt(argument)
	if err != nil {
		return nil, err
	}
	name, err := s.text(attribute)
	if err != nil {
		return nil, err
	}
	return s.getAtt(id, name, argument.Pos)
}

func (s *Scope) callSub(argument *Node) (any, error) {
	text, values, err := splitSub(argument)
	if err != nil {
		return nil, err
	}
	parts, err := parseSub(text, argument.Pos)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	known := map[string]any{} // each value once: calls within calls would double
	for _, part := range parts {
		b.WriteString(part.literal)
		if part.variable == "" {
			continue
		}
		value, ok := known[part.variable]
		if !ok {
			if value, err = s.variable(part.variable, values, argument.Pos); err != nil {
				return nil, err
			}
			known[part.variable] = value
		}
		if _, gone := value.(absent); gone {
			continue
		}
		piece, ok := scalar(value)
		if !ok {
			return nil, errorf(argument.Pos, "Template error: Fn::Sub cannot put %s into a string: it has more than one value", part.variable)
		}
		b.WriteString(piece)
	}
	return b.String(), nil
}

// variable returns the value of a name in a Fn::Sub text.
func (s *Scope) variable(name string, values *Node, at Pos) (any, error) {
	if given := values.Get(name); given != nil {
		return s.eval(given)
	}
	if id, attribute, ok := strings.Cut(name, "."); ok {
		return s.getAtt(id, attribute, at)
	}
	return s.ref(name, at)
}

func (s *Scope) callJoin(argument *Node) (any, error) {
	if len(argument.Items) != 2 || argument.Items[0].Kind != String {
		return nil, malformed("Fn::Join", argument.Pos)
	}
	texts, err := s.texts(argument.Items[1], "Fn::Join")
	return strings.Join(texts, argument.Items[0].Text), err
}

func (s *Scope) callSplit(argument *Node) (any, error) {
	if len(argument.Items) != 2 || argument.Items[0].Kind != String || argument.Items[0].Text == "" {
		return nil, malformed("Fn::Split", argument.Pos)
	}
	text, err := s.text(argument.Items[1])
	if err != nil {
		return nil, err
	}
	return anys(strings.Split(text, argument.Items[0].Text)), nil
}

func (s *Scope) callSelect(argument *Node) (any, error) {
	if len(argument.Items) != 2 {
		return nil, malformed("Fn::Select", argument.Pos)
	}
	text, err := s.text(argument.Items[0])
	if err != nil {
		return nil, err
	}
	items, err := s.items(argument.Items[1], "Fn::Select")
	if err != nil {
		return nil, err
	}
	index, err := strconv.Atoi(text)
	if err != nil {
		return nil, malformed("Fn::Select", argument.Pos)
	}
	if index < 0 || index >= len(items) {
		return nil, errorf(argument.Pos, "Template error: Fn::Select  cannot select nonexistent value at index %d", index)
	}
	return items[index], nil
}

func (s *Scope) callFindInMap(argument *Node) (any, error) {
	if len(argument.Items) != 3 && len(argument.Items) != 4 {
		return nil, malformed("Fn::FindInMap", argument.Pos)
	}
	var keys [3]string
	for i, item := range argument.Items[:3] {
		key, err := s.text(item)
		if err != nil {
			return nil, err
		}
		keys[i] = key
	}
	found := s.Template.Mappings
	for _, key := range keys {
		found = found.Get(key)
	}
	if found != nil {
		return s.eval(found)
	}
	if len(argument.Items) == 4 {
		if fallback := argument.Items[3].Get("DefaultValue"); fallback != nil {
			return s.eval(fallback)
		}
	}
	return nil, noMapping(argument.Pos, keys[:])
}

func noMapping(at Pos, keys []string) *Error {
	return errorf(at, "Template error: Unable to get mapping for %s", strings.Join(keys, "::"))
}

func (s *Scope) callIf(argument *Node) (any, error) {
	chosen, err := s.choose(argument)
	if err != nil {
		return nil, err
	}
	return s.eval(chosen)
}

// choose returns the value that Fn::If's condition chooses.
func (s *Scope) choose(argument *Node) (*Node, error) {
	if len(argument.Items) != 3 || argument.Items[0].Kind != String {
		return nil, malformed("Fn::If", argument.Pos)
	}
	holds, err := s.Condition(argument.Items[0].Text)
	if err != nil {
		return nil, err
	}
	if holds {
		return argument.Items[1], nil
	}
	return argument.Items[2], nil
}

// callCidr cuts a block into count smaller ones, each with so many bits left
// for hosts.
func (s *Scope) callCidr(argument *Node) (any, error) {
	if len(argument.Items) != 2 && len(argument.Items) != 3 {
		return nil, malformed("Fn::Cidr", argument.Pos)
	}
	texts := []string{"", "", "8"}
	for i, item := range argument.Items {
		text, err := s.text(item)
		if err != nil {
			return nil, err
		}
		texts[i] = text
	}
	block, err := netip.ParsePrefix(texts[0])
	count, countErr := strconv.Atoi(texts[1])
	hostBits, bitsErr := strconv.Atoi(texts[2])
	if err != nil || countErr != nil || bitsErr != nil || count < 1 || count > 256 {
		return nil, malformed("Fn::Cidr", argument.Pos)
	}
	return cutBlock(block.Masked(), count, hostBits, argument.Pos)
}

func cutBlock(block netip.Prefix, count, hostBits int, at Pos) (any, error) {
	size := block.Addr().BitLen()
	length := size - hostBits
	free := length - block.Bits()
	if hostBits < 1 || free < 0 || free < 8 && count > 1<<free {
		return nil, errorf(at, "Template error: Fn::Cidr: %s does not hold %d blocks with %d bits for hosts", block, count, hostBits)
	}
	blocks := make([]any, count)
	for i := range blocks {
		address := block.Addr().AsSlice()
		carry := i
		for bit := length - 1; carry > 0; bit-- {
			address[bit/8] |= byte(carry&1) << (7 - bit%8)
			carry >>= 1
		}
		start, _ := netip.AddrFromSlice(address)
		blocks[i] = netip.PrefixFrom(start, length).String()
	}
	return blocks, nil
}

func (s *Scope) callGetAZs(argument *Node) (any, error) {
	region, err := s.text(argument)
	if err != nil {
		return nil, err
	}
	region = orDefault(region, s.Pseudo.Region)
	if s.Zones == nil {
		return []any{region + "a", region + "b", region + "c"}, nil
	}
	return anys(s.Zones(region)), nil
}

func (s *Scope) callImportValue(argument *Node) (any, error) {
	name, err := s.text(argument)
	if err != nil {
		return nil, err
	}
	if s.Export != nil {
		if value, ok := s.Export(name); ok {
			return value, nil
		}
	}
	return nil, errorf(argument.Pos, "No export named %s found.", name)
}

func (s *Scope) callToJSONString(argument *Node) (any, error) {
	if argument.Kind != List && argument.Kind != Map {
		return nil, malformed("Fn::ToJsonString", argument.Pos)
	}
	value, err := s.node(argument)
	if err != nil {
		return nil, err
	}
	return string(value.appendJSON(nil, noIndent)), nil
}

// node evaluates a value and keeps the order of what stands in the template.
// One that AWS::NoValue removes is nil.
func (s *Scope) node(n *Node) (*Node, error) {
	if _, _, call := n.Call(); call || n.Kind != List && n.Kind != Map {
		value, err := s.eval(n)
		if _, gone := value.(absent); gone || err != nil {
			return nil, err
		}
		return NodeOf(value)
	}
	evaluated := &Node{Kind: n.Kind}
	for _, item := range n.Items {
		value, err := s.node(item)
		if err != nil {
			return nil, err
		}
		if value != nil {
			evaluated.Items = append(evaluated.Items, value)
		}
	}
	for _, m := range n.Members {
		value, err := s.node(m.Value)
		if err != nil {
			return nil, err
		}
		if value != nil {
			evaluated.Members = append(evaluated.Members, Member{Name: m.Name, Value: value})
		}
	}
	return evaluated, nil
}

// truth evaluates what stands where a condition is wanted.
func (s *Scope) truth(n *Node) (bool, error) {
	if n.Kind == Bool || n.Kind == String && (n.Text == "true" || n.Text == "false") {
		return n.Text == "true", nil
	}
	if name, ok := conditionName(n); ok {
		return s.Condition(name)
	}
	name, argument, _ := n.Call()
	switch name {
	case "Fn::And", "Fn::Or":
		if len(argument.Items) < 2 || len(argument.Items) > 10 {
			return false, malformed(name, n.Pos)
		}
		return s.any(argument.Items, name == "Fn::Or")
	case "Fn::Not":
		if len(argument.Items) != 1 {
			return false, malformed(name, n.Pos)
		}
		holds, err := s.truth(argument.Items[0])
		return !holds, err
	case "Fn::Equals":
		return s.equals(argument)
	case "Fn::Contains", "Fn::EachMemberEquals", "Fn::EachMemberIn":
		return s.compareMembers(name, argument)
	case "Fn::If":
		chosen, err := s.choose(argument)
		if err != nil {
			return false, err
		}
		return s.truth(chosen)
	}
	value, err := s.text(n)
	if err != nil {
		return false, err
	}
	if value != "true" && value != "false" {
		return false, errorf(n.Pos, "Template format error: Conditions can only be boolean operations on parameters and other conditions")
	}
	return value == "true", nil
}

// any looks for a condition of the given truth: with true it answers Fn::Or,
// with false Fn::And.
func (s *Scope) any(items []*Node, wanted bool) (bool, error) {
	for _, item := range items {
		holds, err := s.truth(item)
		if err != nil {
			return false, err
		}
		if holds == wanted {
			return wanted, nil
		}
	}
	return !wanted, nil
}

func (s *Scope) equals(argument *Node) (bool, error) {
	if len(argument.Items) != 2 {
		return false, malformed("Fn::Equals", argument.Pos)
	}
	left, err := s.Value(argument.Items[0])
	if err != nil {
		return false, err
	}
	right, err := s.Value(argument.Items[1])
	if err != nil {
		return false, err
	}
	return equal(left, right), nil
}

// conditionName returns the name in {"Condition": name}.
func conditionName(n *Node) (string, bool) {
	if len(n.Members) != 1 || n.Members[0].Name != "Condition" {
		return "", false
	}
	return n.Members[0].Value.text()
}

// text evaluates a value that has to be a single one.
func (s *Scope) text(n *Node) (string, error) {
	value, err := s.Value(n)
	if err != nil {
		return "", err
	}
	text, ok := scalar(value)
	if !ok {
		return "", errorf(n.Pos, "Template format error: a string is wanted here")
	}
	return text, nil
}

// items evaluates a value that has to be a list.
func (s *Scope) items(n *Node, function string) ([]any, error) {
	value, err := s.Value(n)
	if err != nil {
		return nil, err
	}
	items, ok := value.([]any)
	if !ok {
		return nil, malformed(function, n.Pos)
	}
	return items, nil
}

// texts evaluates a value that has to be a list of single ones.
func (s *Scope) texts(n *Node, function string) ([]string, error) {
	items, err := s.items(n, function)
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(items))
	for i, item := range items {
		text, ok := scalar(item)
		if !ok {
			return nil, malformed(function, n.Pos)
		}
		texts[i] = text
	}
	return texts, nil
}

// scalar returns a single value as text.
func scalar(value any) (string, bool) {
	switch value := value.(type) {
	case string:
		return value, true
	case json.Number:
		return value.String(), true
	case bool:
		return strconv.FormatBool(value), true
	default:
		return "", false
	}
}

func anys(texts []string) []any {
	values := make([]any, len(texts))
	for i, text := range texts {
		values[i] = text
	}
	return values
}

// malformed is AWS's error for a function's wrong arguments.
func malformed(function string, at Pos) *Error {
	return errorf(at, "Template error: %s", arguments[function])
}

// arguments says what each function wants, in AWS's words.
var arguments = map[string]string{
	"Ref":                  "every Ref object must have a single String value.",
	"Fn::And":              "every Fn::And object requires a list of at least 2 and at most 10 boolean parameters.",
	"Fn::Base64":           "every Fn::Base64 object must have a String-typed value.",
	"Fn::Cidr":             "every Fn::Cidr object requires two or three parameters: an IP block, a count from 1 to 256, and the number of bits for hosts.",
	"Fn::Contains":         "every Fn::Contains object requires a list of strings and a string.",
	"Fn::EachMemberEquals": "every Fn::EachMemberEquals object requires a list of strings and a string.",
	"Fn::EachMemberIn":     "every Fn::EachMemberIn object requires two lists of strings.",
	"Fn::Equals":           "every Fn::Equals object requires a list of 2 string parameters.",
	"Fn::FindInMap":        "every Fn::FindInMap object requires three parameters, the map name, map key and the attribute for return value",
	"Fn::If":               "Fn::If requires a list argument with three elements, the first being a condition's name",
	"Fn::ImportValue":      "the attribute in Fn::ImportValue must not depend on any resources, imported values, or Fn::GetAZs",
	"Fn::Join": "every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be joined " +
		"or a function that returns a list of strings (such as Fn::GetAZs) to be joined.",
	"Fn::Length":       "every Fn::Length object requires a list.",
	"Fn::Not":          "every Fn::Not object requires one boolean parameter.",
	"Fn::Or":           "every Fn::Or object requires a list of at least 2 and at most 10 boolean parameters.",
	"Fn::RefAll":       "every Fn::RefAll object must have the name of a parameter type.",
	"Fn::Select":       "Fn::Select requires a list argument with two elements: an integer index and a list",
	"Fn::Split":        "every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be split or a function that returns a string to be split.",
	"Fn::ToJsonString": "every Fn::ToJsonString object requires an object or a list.",
	"Fn::ValueOf":      "every Fn::ValueOf object requires two strings, a parameter's name and an attribute.",
	"Fn::ValueOfAll":   "every Fn::ValueOfAll object requires two strings, a parameter type and an attribute.",
}
