package wire

import (
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"
)

// cborCodec speaks Smithy RPC v2: the operation in the path, bodies of CBOR.
// https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
type cborCodec struct{ jsonCodec } // errors are those of JSON

func (cborCodec) route(h *handler, r *http.Request, _ []byte) (*server, *operation, *Fault) {
	path := strings.Split(r.URL.Path, "/")
	n := len(path)
	if n < 4 || path[n-4] != "service" || path[n-2] != "operation" {
		return nil, nil, unknownOperation(r.URL.Path)
	}
	s := h.byCBOR[path[n-3]]
	if s == nil {
		return nil, nil, unknownOperation(r.URL.Path)
	}
	op := s.operations[path[n-1]]
	if op == nil {
		return s, nil, unknownOperation(path[n-1])
	}
	return s, op, nil
}

func (cborCodec) decode(body []byte, v reflect.Value, s *shape, p *presence) error {
	if len(body) == 0 {
		return nil
	}
	value, err := cbor.Decode(body)
	if err != nil {
		return err
	}
	d := cborDecoder{present: p}
	return d.value(value, v, s)
}

func (cborCodec) appendReply(b []byte, _ *exchange, v reflect.Value, s *shape) []byte {
	return append(b, cbor.Encode(cborValue(v, s))...)
}

func (cborCodec) appendFault(b []byte, x *exchange, f *Fault) []byte {
	x.tellQueryCode(f)
	return append(b, cbor.Encode(cbor.Map{
		"__type":  cbor.String(f.Code),
		"message": cbor.String(strings.ToValidUTF8(f.Message, "\ufffd")),
	})...)
}

func (cborCodec) header(x *exchange) {
	x.w.Header().Set("Content-Type", "application/cbor")
	x.w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
}

// A cborDecoder reads a CBOR value into an SDK's input.
type cborDecoder struct{ present *presence }

func (d cborDecoder) value(from cbor.Value, v reflect.Value, s *shape) error {
	v = settle(v, s)
	switch s.kind {
	case kindList:
		return d.list(from, v, s)
	case kindMap:
		return d.dictionary(from, v, s)
	case kindStruct:
		return d.structure(from, v, s)
	case kindUnion:
		return d.union(from, v, s)
	}
	return d.scalar(from, v, s)
}

func (d cborDecoder) structure(from cbor.Value, v reflect.Value, s *shape) error {
	members, ok := from.(cbor.Map)
	if !ok {
		return malformedf("%T found where a structure was expected", from)
	}
	for i := range s.fields {
		f := &s.fields[i]
		member := members[f.name]
		if isNil(member) {
			continue
		}
		outer := d.present.enter(f.goName)
		err := d.value(member, v.Field(f.index), f.shape)
		d.present.leave(outer)
		if err != nil {
			return err
		}
	}
	return nil
}

func isNil(v cbor.Value) bool {
	switch v.(type) {
	case nil, *cbor.Nil, *cbor.Undefined:
		return true
	}
	return false
}

func (d cborDecoder) list(from cbor.Value, v reflect.Value, s *shape) error {
	elements, ok := from.(cbor.List)
	if !ok {
		return malformedf("%T found where a list was expected", from)
	}
	v.Set(reflect.MakeSlice(s.typ, 0, len(elements)))
	for _, element := range elements {
		if isNil(element) {
			continue
		}
		outer := d.present.enterElement(v.Len())
		err := d.value(element, extend(v), s.elem)
		d.present.leave(outer)
		if err != nil {
			return err
		}
	}
	return nil
}

func (d cborDecoder) dictionary(from cbor.Value, v reflect.Value, s *shape) error {
	entries, ok := from.(cbor.Map)
	if !ok {
		return malformedf("%T found where a map was expected", from)
	}
	d.present.inAMap++
	defer func() { d.present.inAMap-- }()
	v.Set(reflect.MakeMapWithSize(s.typ, len(entries)))
	slot := newSlot(v, s)
	for name, from := range entries {
		if isNil(from) {
			continue
		}
		if err := d.value(from, slot.value, s.elem); err != nil {
			return err
		}
		slot.put(strings.ToValidUTF8(name, "\ufffd"))
	}
	return nil
}

func (d cborDecoder) union(from cbor.Value, v reflect.Value, s *shape) error {
	members, ok := from.(cbor.Map)
	if !ok {
		return malformedf("%T found where a union was expected", from)
	}
	for name, member := range members {
		if isNil(member) {
			continue
		}
		another := !v.IsNil()
		value, f, ok := s.choose(v, []byte(name))
		if !ok {
			continue
		}
		if another {
			return malformed("A union has more than one member")
		}
		if err := d.value(member, value, f.shape); err != nil {
			return err
		}
	}
	return nil
}

func (d cborDecoder) scalar(from cbor.Value, v reflect.Value, s *shape) error {
	switch s.kind {
	case kindString:
		text, ok := from.(cbor.String)
		if !ok {
			return malformedf("%T can not be converted to a String", from)
		}
		v.SetString(strings.ToValidUTF8(string(text), "\ufffd"))
	case kindBool:
		b, ok := from.(cbor.Bool)
		if !ok {
			return malformedf("%T can not be converted to a Boolean", from)
		}
		v.SetBool(bool(b))
	case kindInt:
		n, err := cbor.AsInt64(from)
		if err != nil {
			return malformedf("%T can not be converted to an Integer", from)
		}
		return setInt(v, n)
	case kindFloat:
		f, err := cbor.AsFloat64(from)
		if err != nil {
			return malformedf("%T can not be converted to a Double", from)
		}
		v.SetFloat(f)
	case kindTime:
		return d.time(from, v)
	case kindBlob:
		blob, ok := from.(cbor.Slice)
		if !ok {
			return malformedf("%T can not be converted to a Blob", from)
		}
		v.SetBytes(blob)
	}
	return nil
}

// epochTag marks seconds since 1970. https://www.rfc-editor.org/rfc/rfc8949#section-3.4.2
const epochTag = 1

func (cborDecoder) time(from cbor.Value, v reflect.Value) error {
	tag, ok := from.(*cbor.Tag)
	if !ok || tag.ID != epochTag {
		return malformedf("%T can not be converted to a Timestamp", from)
	}
	seconds, err := cbor.AsFloat64(tag.Value)
	if err != nil {
		return malformedf("%T can not be converted to a Timestamp", tag.Value)
	}
	return setTime(v, seconds)
}

// cborValue makes the CBOR of a value that is not absent.
func cborValue(v reflect.Value, s *shape) cbor.Value {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return &cbor.Nil{}
		}
		v = v.Elem()
	}
	switch s.kind {
	case kindString:
		return cbor.String(strings.ToValidUTF8(v.String(), "\ufffd"))
	case kindBool:
		return cbor.Bool(v.Bool())
	case kindInt:
		return cborInt(v.Int())
	case kindFloat:
		if s.typ.Bits() == 32 {
			return cbor.Float32(v.Float())
		}
		return cbor.Float64(v.Float())
	case kindTime:
		ms := v.Interface().(time.Time).UnixMilli()
		return &cbor.Tag{ID: epochTag, Value: cbor.Float64(float64(ms) / 1000)}
	case kindBlob:
		return cbor.Slice(v.Bytes())
	case kindList:
		list := make(cbor.List, v.Len())
		for i := range list {
			list[i] = cborValue(v.Index(i), s.elem)
		}
		return list
	case kindMap:
		m := make(cbor.Map, v.Len())
		for i := v.MapRange(); i.Next(); {
			m[strings.ToValidUTF8(i.Key().String(), "\ufffd")] = cborValue(i.Value(), s.elem)
		}
		return m
	case kindStruct:
		return cborStruct(v, s)
	case kindUnion:
		if value, f, ok := s.variant(v); ok {
			return cbor.Map{f.name: cborValue(value, f.shape)}
		}
	}
	return &cbor.Nil{}
}

func cborStruct(v reflect.Value, s *shape) cbor.Map {
	m := make(cbor.Map, len(s.fields))
	for i := range s.fields {
		f := &s.fields[i]
		if value := v.Field(f.index); !absent(value) {
			m[f.name] = cborValue(value, f.shape)
		}
	}
	return m
}

func cborInt(n int64) cbor.Value {
	if n >= 0 {
		return cbor.Uint(n)
	}
	return cbor.NegInt(uint64(-(n + 1)) + 1)
}
