package wire

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A form is a Query request as a tree: Entries.1.Id=a is the value "a" of part
// "Id" of part "1" of part "Entries".
type form struct {
	value string
	parts map[string]*form
}

// maxParts bounds the parts of a form, each of which takes far more memory
// than its bytes in the request.
const maxParts = 1 << 17

// parse adds the pairs of an encoded form.
func (f *form) parse(text string) error {
	total := 0
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return fmt.Errorf("reading the query string: %w", err)
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return fmt.Errorf("reading the query string: %w", err)
		}
		depth := 1 + strings.Count(name, ".")
		if total += depth; depth > maxDepth || total > maxParts {
			return malformed("The query string has too many parts")
		}
		at := f
		for part := range strings.SplitSeq(name, ".") {
			at = at.grow(part)
		}
		at.value = value
	}
	return nil
}

func (f *form) grow(part string) *form {
	next := f.parts[part]
	if next == nil {
		if f.parts == nil {
			f.parts = map[string]*form{}
		}
		next = &form{}
		f.parts[part] = next
	}
	return next
}

func (f *form) text(part string) string {
	if next := f.parts[part]; next != nil {
		return next.value
	}
	return ""
}

// part returns a part, which may be nil, of a form, which may be nil.
func (f *form) part(name string) *form {
	if f == nil {
		return nil
	}
	return f.parts[name]
}

// addQueue takes the QueueUrl from the path, where SQS's clients may post to.
func (f *form) addQueue(path string) {
	if f.parts["QueueUrl"] == nil && len(path) > 1 {
		f.grow("QueueUrl").value = path
	}
}

// numbered returns the parts with numbers for names in their order.
func (f *form) numbered() []*form {
	if f == nil {
		return nil
	}
	var numbers []int
	for name := range f.parts {
		if n, err := strconv.Atoi(name); err == nil && strconv.Itoa(n) == name {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	parts := make([]*form, len(numbers))
	for i, n := range numbers {
		parts[i] = f.parts[strconv.Itoa(n)]
	}
	return parts
}

// elements returns the parts of a flattened list. One of strings with a single
// element may do without its number: AttributeName=All.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html#API_ReceiveMessage_Examples
func (f *form) elements(s *shape) []*form {
	parts := f.numbered()
	if len(parts) == 0 && f.value != "" && s.elem.kind == kindString {
		return []*form{f}
	}
	return parts
}

// A queryDecoder reads a form into an SDK's input.
type queryDecoder struct{ present *presence }

func (d queryDecoder) structure(from *form, v reflect.Value, s *shape) error {
	for i := range s.fields {
		f := &s.fields[i]
		name := f.name
		if f.flat != "" {
			name = f.flat
		}
		part := from.parts[name]
		if part == nil {
			continue
		}
		outer := d.present.enter(f.goName)
		err := d.member(part, v.Field(f.index), f)
		d.present.leave(outer)
		if err != nil {
			return err
		}
	}
	return nil
}

func (d queryDecoder) member(from *form, v reflect.Value, f *field) error {
	v = settle(v, f.shape)
	switch {
	case f.shape.kind == kindList && f.flat != "":
		return d.list(from.elements(f.shape), v, f.shape)
	case f.named:
		return d.dictionary(from.part("entry").numbered(), "Name", "Value", v, f.shape)
	case f.shape.kind == kindMap && f.flat != "":
		return d.dictionary(from.numbered(), f.flatKey, "Value", v, f.shape)
	}
	return d.value(from, v, f.shape)
}

func (d queryDecoder) value(from *form, v reflect.Value, s *shape) error {
	v = settle(v, s)
	switch s.kind {
	case kindList:
		return d.list(from.part("member").numbered(), v, s)
	case kindMap:
		return d.dictionary(from.part("entry").numbered(), "key", "value", v, s)
	case kindStruct:
		return d.structure(from, v, s)
	case kindUnion:
		return d.union(from, v, s)
	}
	return d.scalar(from.value, v, s)
}

func (d queryDecoder) list(parts []*form, v reflect.Value, s *shape) error {
	v.Set(reflect.MakeSlice(s.typ, len(parts), len(parts)))
	for i, part := range parts {
		outer := d.present.enterElement(i)
		err := d.value(part, v.Index(i), s.elem)
		d.present.leave(outer)
		if err != nil {
			return err
		}
	}
	return nil
}

func (d queryDecoder) dictionary(parts []*form, keyName, valueName string, v reflect.Value, s *shape) error {
	d.present.inAMap++
	defer func() { d.present.inAMap-- }()
	v.Set(reflect.MakeMapWithSize(s.typ, len(parts)))
	slot := newSlot(v, s)
	for _, part := range parts {
		if from := part.part(valueName); from != nil {
			if err := d.value(from, slot.value, s.elem); err != nil {
				return err
			}
		}
		slot.put(part.text(keyName))
	}
	return nil
}

func (d queryDecoder) union(from *form, v reflect.Value, s *shape) error {
	for i := range s.variants {
		name := s.variants[i].field.name
		part := from.parts[name]
		if part == nil {
			continue
		}
		if !v.IsNil() {
			return malformed("A union has more than one member")
		}
		value, f, _ := s.choose(v, []byte(name))
		if err := d.value(part, value, f.shape); err != nil {
			return err
		}
	}
	return nil
}

func (d queryDecoder) scalar(text string, v reflect.Value, s *shape) error {
	switch s.kind {
	case kindString:
		v.SetString(text)
	case kindBool:
		if text != "true" && text != "false" {
			return malformedf("%q is not a valid boolean", text)
		}
		v.SetBool(text == "true")
	case kindInt:
		n, err := strconv.ParseInt(text, 10, v.Type().Bits())
		if err != nil || text[0] == '+' {
			return malformedf("%q is not a valid integer", text)
		}
		v.SetInt(n)
	case kindFloat:
		f, ok := notFinite(text)
		if !ok {
			var err error
			if f, err = strconv.ParseFloat(text, v.Type().Bits()); err != nil || strings.Trim(text, "+-.eE0123456789") != "" {
				return malformedf("%q is not a valid number", text)
			}
		}
		v.SetFloat(f)
	case kindTime:
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return malformed("timestamp must follow ISO8601")
		}
		v.Set(reflect.ValueOf(t.UTC()))
	case kindBlob:
		blob, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return malformed("The blob is not valid base64")
		}
		v.SetBytes(blob)
	}
	return nil
}
