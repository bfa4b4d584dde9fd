package template

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"unicode/utf8"
)

// maxDepth bounds the nesting of values; real templates stay below 30.
const maxDepth = 200

// An Error is what is wrong with a template, and where. Its text is AWS's.
type Error struct {
	Pos     Pos
	Message string
}

func (e *Error) Error() string { return e.Message }

func errorf(at Pos, format string, args ...any) *Error {
	return &Error{Pos: at, Message: fmt.Sprintf(format, args...)}
}

// Parse reads a template in JSON, which begins with a brace, or in YAML. It
// checks that sections and resources have their form; [Template.Validate]
// checks what they say. Its errors are [*Error].
func Parse(data []byte) (*Template, error) {
	root, err := read(data)
	if err != nil {
		return nil, err
	}
	return New(root)
}

func read(data []byte) (*Node, error) {
	if bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")) {
		return parseJSON(data)
	}
	return parseYAML(data)
}

func tooDeep(at Pos) *Error {
	return errorf(at, "Template format error: values are nested more than %d deep", maxDepth)
}

func duplicateKey(name string, at Pos) *Error {
	return errorf(at, "Template format error: duplicate key %q. (line %d, column %d)", name, at.Line, at.Column)
}

// parseJSON reads one JSON value with the positions of its parts.
func parseJSON(data []byte) (*Node, error) {
	p := &parser{data: data, decoder: json.NewDecoder(bytes.NewReader(data))}
	p.decoder.UseNumber()
	for i, c := range data {
		if c == '\n' {
			p.lines = append(p.lines, i+1)
		}
	}
	// The decoder's tokens alone would let errors at the end go by.
	var all json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, p.notWellFormed(err)
	}
	return p.value(0)
}

// A parser turns a JSON decoder's tokens into nodes.
type parser struct {
	data    []byte
	decoder *json.Decoder
	lines   []int // where each line after the first begins
}

func (p *parser) notWellFormed(err error) error {
	at := p.pos(len(p.data))
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok && syntax.Offset > 0 {
		at = p.pos(int(syntax.Offset) - 1)
	}
	return errorf(at, "Template format error: JSON not well-formed. (line %d, column %d)", at.Line, at.Column)
}

// pos returns the place of a byte.
func (p *parser) pos(offset int) Pos {
	offset = min(offset, len(p.data))
	line := sort.SearchInts(p.lines, offset+1)
	start := 0
	if line > 0 {
		start = p.lines[line-1]
	}
	return Pos{Line: line + 1, Column: utf8.RuneCount(p.data[start:offset]) + 1}
}

// next returns the next token and where it begins.
func (p *parser) next() (json.Token, Pos, error) {
	start := int(p.decoder.InputOffset())
	for start < len(p.data) && bytes.IndexByte([]byte(" \t\r\n,:"), p.data[start]) >= 0 {
		start++
	}
	token, err := p.decoder.Token()
	if err != nil {
		return nil, Pos{}, p.notWellFormed(err)
	}
	return token, p.pos(start), nil
}

func (p *parser) value(depth int) (*Node, error) {
	token, at, err := p.next()
	if err != nil {
		return nil, err
	}
	if depth > maxDepth {
		return nil, tooDeep(at)
	}
	node := &Node{Pos: at}
	switch token := token.(type) {
	case string:
		node.Kind, node.Text = String, token
	case json.Number:
		node.Kind, node.Text = Number, token.String()
	case bool:
		node.Kind, node.Text = Bool, fmt.Sprint(token)
	case json.Delim:
		if token == '[' {
			return node, p.items(node, depth)
		}
		return node, p.members(node, depth)
	}
	return node, nil
}

func (p *parser) items(list *Node, depth int) error {
	list.Kind = List
	for p.decoder.More() {
		item, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		list.Items = append(list.Items, item)
	}
	_, _, err := p.next()
	return err
}

func (p *parser) members(object *Node, depth int) error {
	object.Kind = Map
	seen := map[string]bool{}
	for p.decoder.More() {
		token, at, err := p.next()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		if seen[name] {
			return duplicateKey(name, at)
		}
		seen[name] = true
		value, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		object.Members = append(object.Members, Member{Name: name, Value: value, Pos: at})
	}
	_, _, err := p.next()
	return err
}
