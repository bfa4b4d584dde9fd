package template

import (
	"bytes"
	"encoding/json"
	"iter"
	"unicode/utf8"
)

// A Kind is what a Node holds.
type Kind int

// The kinds of values.
const (
	Null Kind = iota
	Bool
	Number
	String
	List
	Map
)

// A Pos is a place in a template's text; both count from 1, columns in
// characters. The zero Pos is a value that was not read from text.
type Pos struct{ Line, Column int }

// A Node is a value of a template, as it was written: members keep their
// order and numbers their spelling.
type Node struct {
	Kind Kind
	// Text is a string's text, a number's spelling, or "true" or "false".
	Text    string
	Items   []*Node  // a list's
	Members []Member // a map's
	Pos     Pos
}

// A Member is a name and its value in a map.
type Member struct {
	Name  string
	Value *Node
	Pos   Pos // the name's
}

// Get returns the value of a map's member, or nil where there is none.
func (n *Node) Get(name string) *Node {
	if n == nil {
		return nil
	}
	for _, m := range n.Members {
		if m.Name == name {
			return m.Value
		}
	}
	return nil
}

// Call returns the intrinsic function that a node is, such as "Ref" or
// "Fn::Join", and its argument; ok is false for any other value.
func (n *Node) Call() (name string, argument *Node, ok bool) {
	if n == nil || len(n.Members) != 1 || !isFunction(n.Members[0].Name) {
		return "", nil, false
	}
	return n.Members[0].Name, n.Members[0].Value, true
}

// All walks a node and everything in it, outer values first.
func (n *Node) All() iter.Seq[*Node] {
	return func(yield func(*Node) bool) { n.walk(yield) }
}

func (n *Node) walk(yield func(*Node) bool) bool {
	if n == nil {
		return true
	}
	if !yield(n) {
		return false
	}
	for _, item := range n.Items {
		if !item.walk(yield) {
			return false
		}
	}
	for _, m := range n.Members {
		if !m.Value.walk(yield) {
			return false
		}
	}
	return true
}

// text returns a string's text and whether the node is a string.
func (n *Node) text() (string, bool) {
	if n == nil || n.Kind != String {
		return "", false
	}
	return n.Text, true
}

// MarshalJSON writes the node as compact JSON, members in their order.
func (n *Node) MarshalJSON() ([]byte, error) {
	return n.appendJSON(nil, noIndent), nil
}

// Indented returns the node as JSON, two spaces a level, with a final newline.
func (n *Node) Indented() []byte {
	return append(n.appendJSON(nil, 0), '\n')
}

// noIndent is the level of JSON that is written on one line.
const noIndent = -1

func (n *Node) appendJSON(b []byte, level int) []byte {
	switch n.Kind {
	case Bool, Number:
		return append(b, n.Text...)
	case String:
		return appendString(b, n.Text)
	case List:
		return appendAll(b, '[', ']', len(n.Items), level, func(b []byte, i, level int) []byte {
			return n.Items[i].appendJSON(b, level)
		})
	case Map:
		return appendAll(b, '{', '}', len(n.Members), level, func(b []byte, i, level int) []byte {
			b = append(appendString(b, n.Members[i].Name), ':')
			if level != noIndent {
				b = append(b, ' ')
			}
			return n.Members[i].Value.appendJSON(b, level)
		})
	default:
		return append(b, "null"...)
	}
}

// appendAll writes the elements of a list or a map between its brackets.
func appendAll(b []byte, open, end byte, count, level int, element func(b []byte, i, level int) []byte) []byte {
	b = append(b, open)
	inner := level
	if level != noIndent {
		inner++
	}
	for i := range count {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendNewline(b, inner)
		b = element(b, i, inner)
	}
	if count > 0 {
		b = appendNewline(b, level)
	}
	return append(b, end)
}

func appendNewline(b []byte, level int) []byte {
	if level == noIndent {
		return b
	}
	b = append(b, '\n')
	for range level {
		b = append(b, "  "...)
	}
	return b
}

// appendString writes a JSON string without escaping what only HTML minds.
func appendString(b []byte, s string) []byte {
	if plain(s) {
		b = append(b, '"')
		b = append(b, s...)
		return append(b, '"')
	}
	var quoted bytes.Buffer
	encoder := json.NewEncoder(&quoted)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(s) // a string always encodes, and a Buffer always takes it
	return append(b, bytes.TrimSuffix(quoted.Bytes(), []byte("\n"))...)
}

// plain reports whether a string needs no escapes in JSON.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
