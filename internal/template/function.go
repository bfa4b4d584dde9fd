package template

import (
	"slices"
	"strings"
)

// NoValue is the pseudo parameter that removes the property it stands for.
const NoValue = "AWS::NoValue"

// pseudoParameters are what a Ref may name beside parameters and resources.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html
var pseudoParameters = []string{
	"AWS::AccountId", "AWS::NotificationARNs", NoValue, "AWS::Partition",
	"AWS::Region", "AWS::StackId", "AWS::StackName", "AWS::URLSuffix",
}

// functions are the intrinsic functions that every template may call.
var functions = []string{
	"Fn::And", "Fn::Base64", "Fn::Cidr", "Fn::Equals", "Fn::FindInMap", "Fn::GetAZs", "Fn::GetAtt",
	"Fn::If", "Fn::ImportValue", "Fn::Join", "Fn::Not", "Fn::Or", "Fn::Select", "Fn::Split", "Fn::Sub", "Ref",
}

// languageExtensions is the one transform that needs no macro: a Scope
// evaluates its functions.
const languageExtensions = "AWS::LanguageExtensions"

// extensionFunctions need it.
var extensionFunctions = []string{"Fn::Length", "Fn::ToJsonString"}

// isFunction reports whether a map's only member of this name makes it a call.
func isFunction(name string) bool {
	return name == "Ref" || strings.HasPrefix(name, "Fn::")
}

// A reference is a mention of a parameter or a resource.
type reference struct {
	call      string // the function that mentions it
	name      string
	attribute bool   // of a resource
	of        string // the attribute, or empty where a function names it
	pos       Pos
}

// references returns what a value mentions, in its order.
func references(n *Node) []reference {
	var found []reference
	for node := range n.All() {
		name, argument, ok := node.Call()
		if !ok {
			continue
		}
		switch name {
		case "Ref":
			found = append(found, reference{call: name, name: argument.Text, pos: argument.Pos})
		case "Fn::GetAtt":
			id, attribute, _ := splitGetAtt(argument)
			text, _ := attribute.text()
			found = append(found, reference{call: name, name: id, attribute: true, of: text, pos: argument.Pos})
		case "Fn::Sub":
			found = append(found, subReferences(argument)...)
		}
	}
	return found
}

func subReferences(argument *Node) []reference {
	text, values, err := splitSub(argument)
	if err != nil {
		return nil // Validate says so
	}
	parts, err := parseSub(text, argument.Pos)
	if err != nil {
		return nil
	}
	var found []reference
	for _, part := range parts {
		if part.variable == "" || values.Get(part.variable) != nil {
			continue
		}
		id, of, attribute := strings.Cut(part.variable, ".")
		found = append(found, reference{call: "Fn::Sub", name: id, attribute: attribute, of: of, pos: argument.Pos})
	}
	return found
}

// splitGetAtt reads both forms of Fn::GetAtt's argument: "Id.Attribute" and
// ["Id", "Attribute"], where the attribute may be a call.
func splitGetAtt(argument *Node) (id string, attribute *Node, err error) {
	if text, ok := argument.text(); ok {
		before, after, _ := strings.Cut(text, ".")
		id, attribute = before, &Node{Kind: String, Text: after, Pos: argument.Pos}
	} else if len(argument.Items) == 2 && argument.Items[0].Kind == String {
		id, attribute = argument.Items[0].Text, argument.Items[1]
	}
	if id == "" || attribute.Kind == String && attribute.Text == "" {
		return "", nil, errorf(argument.Pos, "Template error: every Fn::GetAtt object requires two non-empty parameters, "+
			"the resource name and the resource attribute")
	}
	return id, attribute, nil
}

// splitSub reads both forms of Fn::Sub's argument: a text, or a text and the
// values of its variables.
func splitSub(argument *Node) (text string, values *Node, err error) {
	if text, ok := argument.text(); ok {
		return text, nil, nil
	}
	if len(argument.Items) == 2 && argument.Items[0].Kind == String && argument.Items[1].Kind == Map {
		return argument.Items[0].Text, argument.Items[1], nil
	}
	return "", nil, errorf(argument.Pos, "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. "+
		"Specify a string as first argument, and an optional second argument to specify a mapping of values to replace in the string")
}

// A subPart is a piece of a Fn::Sub text: literal, or a variable's name.
type subPart struct{ literal, variable string }

// parseSub cuts a text at its variables; ${!x} stands for the text ${x}.
func parseSub(text string, at Pos) ([]subPart, error) {
	var parts []subPart
	for {
		before, rest, found := strings.Cut(text, "${")
		if before != "" {
			parts = append(parts, subPart{literal: before})
		}
		if !found {
			return parts, nil
		}
		name, after, closed := strings.Cut(rest, "}")
		literal, isLiteral := strings.CutPrefix(name, "!")
		switch {
		case closed && isLiteral:
			parts = append(parts, subPart{literal: "${" + literal + "}"})
		case closed && isVariable(name):
			parts = append(parts, subPart{variable: name})
		default:
			return nil, errorf(at, "Template error: variable names in Fn::Sub syntax must contain only alphanumeric characters, "+
				"underscores, periods, and colons")
		}
		text = after
	}
}

func isVariable(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(c rune) bool {
		return !alphanumeric(string(c)) && c != '_' && c != '.' && c != ':'
	})
}

func isPseudo(name string) bool { return slices.Contains(pseudoParameters, name) }
