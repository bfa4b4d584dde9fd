package job

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// document parses the text down to the node of its top mapping, in which every
// name is there once and no alias and no merge key is left.
func (d *decoder) document(data []byte) *yaml.Node {
	if !utf8.Valid(data) {
		line, column := position(data, invalidUTF8(data))
		p := encodingProblem(data)
		d.problems = append(d.problems, p.at(d.file, line, column)...)
		return nil
	}
	top := d.parse(data)
	switch {
	case top == nil:
		return nil
	case top.Kind != yaml.MappingNode:
		d.report(top, "a job file is a mapping, not "+shown(top), "write lines like `name: retrain`")
		return nil
	}
	r := resolver{d: d, size: map[*yaml.Node]int{}}
	if _, ok := r.resolve(top); !ok {
		return nil
	}
	return top
}

// parse reads the only document of the text.
func (d *decoder) parse(data []byte) *yaml.Node {
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	var doc, second yaml.Node
	if err == nil {
		err = loader.Load(&doc)
	}
	if errors.Is(err, io.EOF) || err == nil && (len(doc.Content) == 0 || isNull(doc.Content[0])) {
		d.report(nil, "there is nothing in the file", "a job file needs at least name and command")
		return nil
	}
	if err == nil {
		if err = loader.Load(&second); err == nil {
			d.report(&second, "a second document begins here, and a job file is one", "take the line --- out")
			return nil
		}
	}
	if !errors.Is(err, io.EOF) {
		d.malformed(data, err)
		return nil
	}
	return doc.Content[0]
}

var unknownAnchor = regexp.MustCompile(`^unknown anchor '(.+)' referenced$`)

// malformed reports what the YAML package could not read.
func (d *decoder) malformed(data []byte, err error) {
	p := Problem{File: d.file, Fact: strings.TrimPrefix(err.Error(), "yaml: "), Hint: "close brackets and quotes, and put quotes around text with : # or braces"}
	if bad, ok := errors.AsType[*yaml.LoadError](err); ok {
		p.Line, p.Column, p.Fact = bad.Mark.Line, bad.Mark.Column, bad.Message
	}
	lines := bytes.Split(data, []byte("\n"))
	if p.Line > 0 && p.Line <= len(lines) && bytes.HasPrefix(bytes.TrimLeft(lines[p.Line-1], " "), []byte("\t")) {
		p.Hint = "indent with spaces, not with tabs"
	}
	if anchor := unknownAnchor.FindStringSubmatch(p.Fact); anchor != nil {
		p.Hint = fmt.Sprintf("mark what it stands for with &%s further up, or write text as \"*%s\"", anchor[1], anchor[1])
	}
	d.problems = append(d.problems, p)
}

const utf8Hint = "save the file in that encoding"

// encodingProblem tells which encoding a text has that is not UTF-8, where its
// first bytes show that.
func encodingProblem(text []byte) *Problem {
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) {
		return &Problem{Fact: "the text is UTF-16, not UTF-8", Hint: "save the file as UTF-8, or change it: iconv -f UTF-16 -t UTF-8 OLD > NEW"}
	}
	return &Problem{Fact: "the text is not UTF-8", Hint: utf8Hint}
}

func invalidUTF8(data []byte) (offset int) {
	for offset < len(data) {
		r, size := utf8.DecodeRune(data[offset:])
		if r == utf8.RuneError && size <= 1 {
			break
		}
		offset += size
	}
	return offset
}

// position is the line and the column, in characters, of an offset.
func position(data []byte, offset int) (line, column int) {
	before := data[:offset]
	begin := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte("\n")) + 1, utf8.RuneCount(before[begin:]) + 1
}

// maxAliased is how many values the aliases of a file may stand for, counted
// where they are used. A few lines of aliases to aliases stand for billions.
const maxAliased = 100_000

// A resolver puts what aliases and merge keys stand for in their places. It
// copies nothing: the nodes are shared.
type resolver struct {
	d       *decoder
	size    map[*yaml.Node]int // how many values a resolved node holds
	aliased int
}

// resolve returns what a node stands for; !ok means that a problem was reported
// after which there is no going on.
func (r *resolver) resolve(n *yaml.Node) (_ *yaml.Node, ok bool) {
	if n.Kind == yaml.AliasNode {
		size, ok := r.size[n.Alias]
		if !ok {
			r.d.report(n, fmt.Sprintf("*%s stands within what it stands for", n.Value), "write the values out instead")
			return nil, false
		}
		if r.aliased += size; r.aliased > maxAliased {
			r.d.report(n, fmt.Sprintf("the aliases up to *%s stand for more than %d values", n.Value, maxAliased),
				"write the values to a file and name it in params.file")
			return nil, false
		}
		return n.Alias, true
	}
	for i, child := range n.Content {
		if n.Content[i], ok = r.resolve(child); !ok {
			return nil, false
		}
	}
	if n.Kind == yaml.MappingNode {
		r.settle(n)
	}
	size := 1
	for _, child := range n.Content {
		size += r.size[child]
	}
	r.size[n] = size
	return n, true
}

// settle gives a mapping one value a name: its own, or else the first that a
// merge key brings.
func (r *resolver) settle(n *yaml.Node) {
	first := map[string]*yaml.Node{}
	var pairs, merged []*yaml.Node
	add := func(key, value *yaml.Node) {
		first[key.Value] = key
		pairs = append(pairs, key, value)
	}
	for key, value := range mapping(n) {
		switch {
		case key.Kind != yaml.ScalarNode:
			r.d.report(key, "a name is text, not "+kindName(key), "write it like `name: value`")
		case key.Tag == "!!merge":
			merged = append(merged, value)
		case first[key.Value] != nil:
			r.d.report(key, brief(key.Value)+" is there twice", fmt.Sprintf("the first is in line %d", first[key.Value].Line))
		default:
			add(key, value)
		}
	}
	for _, from := range merged {
		sources := []*yaml.Node{from}
		if from.Kind == yaml.SequenceNode {
			sources = from.Content
		}
		for _, source := range sources {
			if source.Kind != yaml.MappingNode {
				r.d.report(source, "<< takes a mapping, not "+shown(source), "name one that is marked with & further up: <<: *name")
			}
			for key, value := range mapping(source) {
				if first[key.Value] == nil {
					add(key, value)
				}
			}
		}
	}
	n.Content = pairs
}
