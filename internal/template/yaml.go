package template

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// parseYAML reads the only document of a YAML text, as CloudFormation reads
// YAML: version 1.1, with tags for its functions, and without aliases and
// merge keys, so that a text stands for no more than it spells out.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html
func parseYAML(data []byte) (*Node, error) {
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		return nil, yamlNotWellFormed(unreadable(data))
	}
	var document, second yaml.Node
	err = loader.Load(&document)
	if errors.Is(err, io.EOF) || err == nil && len(document.Content) == 0 {
		return &Node{Kind: Null, Pos: Pos{1, 1}}, nil
	}
	if err != nil {
		return nil, yamlError(err, data)
	}
	switch err := loader.Load(&second); {
	case err == nil:
		return nil, yamlNotWellFormed(Pos{second.Line, second.Column})
	case !errors.Is(err, io.EOF):
		return nil, yamlError(err, data)
	}
	return nodeOfYAML(document.Content[0], 0)
}

// yamlError is AWS's error for a text that is no YAML.
func yamlError(err error, data []byte) error {
	if bad, ok := errors.AsType[*yaml.LoadError](err); ok && bad.Mark.Line > 0 {
		return yamlNotWellFormed(Pos{bad.Mark.Line, max(bad.Mark.Column, 1)})
	}
	return yamlNotWellFormed(unreadable(data))
}

func yamlNotWellFormed(at Pos) *Error {
	return errorf(at, "Template format error: YAML not well-formed. (line %d, column %d)", at.Line, at.Column)
}

// unreadable is the place of the first character that YAML does not allow.
func unreadable(data []byte) Pos {
	at := Pos{1, 1}
	for len(data) > 0 {
		c, size := utf8.DecodeRune(data)
		if c == utf8.RuneError && size == 1 || c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			break
		}
		at.Column++
		if c == '\n' {
			at = Pos{at.Line + 1, 1}
		}
		data = data[size:]
	}
	return at
}

// nodeOfYAML turns a node of the YAML library into ours.
func nodeOfYAML(n *yaml.Node, depth int) (*Node, error) {
	at := Pos{n.Line, n.Column}
	switch {
	case depth > maxDepth:
		return nil, tooDeep(at)
	case n.Kind == yaml.AliasNode:
		return nil, errorf(at, "Template error: YAML aliases are not allowed in CloudFormation templates")
	case isShortForm(n.Tag):
		return longForm(n, depth)
	}
	return plainYAML(n, n.Tag, depth)
}

// plainYAML turns a node into ours that has the tag given; "!" is a text, a
// list or a map, as it is written.
func plainYAML(n *yaml.Node, tag string, depth int) (*Node, error) {
	node := &Node{Pos: Pos{n.Line, n.Column}}
	switch {
	case n.Kind == yaml.ScalarNode:
		if !readYAMLScalar(node, n, tag) {
			return nil, yamlNotWellFormed(node.Pos)
		}
	case n.Kind == yaml.SequenceNode && (tag == "!!seq" || tag == "!"):
		node.Kind = List
		for _, item := range n.Content {
			value, err := nodeOfYAML(item, depth+1)
			if err != nil {
				return nil, err
			}
			node.Items = append(node.Items, value)
		}
	case n.Kind == yaml.MappingNode && (tag == "!!map" || tag == "!"):
		node.Kind = Map
		return node, yamlMembers(node, n.Content, depth)
	default: // !!set, !!omap and what else AWS does not read
		return nil, yamlNotWellFormed(node.Pos)
	}
	return node, nil
}

// yamlMembers reads the names and values of a mapping.
func yamlMembers(object *Node, content []*yaml.Node, depth int) error {
	seen := make(map[string]bool, len(content)/2)
	for i := 0; i+1 < len(content); i += 2 {
		key, err := nodeOfYAML(content[i], depth+1)
		if err != nil {
			return err
		}
		switch {
		case content[i].Tag == "!!merge":
			return errorf(key.Pos, "Template error: YAML merge keys are not allowed in CloudFormation templates")
		case key.Kind != String && key.Kind != Number && key.Kind != Bool:
			return yamlNotWellFormed(key.Pos)
		case seen[key.Text]:
			return duplicateKey(key.Text, key.Pos)
		}
		seen[key.Text] = true
		value, err := nodeOfYAML(content[i+1], depth+1)
		if err != nil {
			return err
		}
		object.Members = append(object.Members, Member{Name: key.Text, Value: value, Pos: key.Pos})
	}
	return nil
}

// isShortForm reports whether a tag stands for a function: !Ref, !GetAtt …
func isShortForm(tag string) bool {
	return len(tag) > 1 && tag[0] == '!' && tag[1] != '!'
}

// longForm turns a tagged value into the call that it stands for: !Sub x into
// {"Fn::Sub": "x"}. Functions that are not there are found by Validate.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
func longForm(n *yaml.Node, depth int) (*Node, error) {
	name := n.Tag[1:]
	if name != "Ref" && name != "Condition" {
		name = "Fn::" + name
	}
	argument, err := plainYAML(n, "!", depth+1)
	if err != nil {
		return nil, err
	}
	if id, attribute, ok := strings.Cut(argument.Text, "."); ok && name == "Fn::GetAtt" {
		argument = &Node{Kind: List, Pos: argument.Pos, Items: []*Node{
			{Kind: String, Text: id, Pos: argument.Pos},
			{Kind: String, Text: attribute, Pos: argument.Pos},
		}}
	}
	return &Node{Kind: Map, Members: []Member{{Name: name, Value: argument, Pos: argument.Pos}}, Pos: argument.Pos}, nil
}
