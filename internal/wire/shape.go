package wire

import (
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/smithy-go/middleware"
)

// A kind is what a Go type of the SDK is on the wire.
type kind uint8

const (
	kindNone kind = iota // not carried: event streams, and unions nobody registered
	kindString
	kindBool
	kindInt
	kindFloat
	kindTime
	kindBlob
	kindList
	kindMap
	kindStruct
	kindUnion
	kindDocument
)

// A shape is the plan by which values of one Go type are read and written. It
// is made once for a type and shared; pointers have the shape of what they
// point to.
type shape struct {
	kind   kind
	typ    reflect.Type
	elem   *shape // of a list's elements or a map's values
	fields []field
	byName map[string]*field // by the name on the wire

	variants []variant     // of a union, by its fields' names
	document func(any) any // makes a document of decoded JSON
}

// A field is a member of a structure.
type field struct {
	goName string
	name   string // on the wire
	index  int
	shape  *shape

	// In the Query protocol some members are flattened: their list's elements
	// or map's entries stand beside the structure's other members under the
	// name flat. A flattened map's keys are named flatKey.
	flat    string
	flatKey string

	named     bool // a map whose entries have a Name and a Value in Query requests
	unchecked bool // a string whose service says itself which characters are wrong
}

// A variant is one choice of a union: the SDK's struct with the field Value.
type variant struct {
	typ   reflect.Type
	field field
}

// A planner makes shapes after one service's spelling, and keeps them.
type planner struct {
	service *Service
	special exceptions
	anyCase bool // of a member's first letter, in requests

	mu     sync.Mutex
	shapes map[reflect.Type]*shape
}

func newPlanner(s *Service) *planner {
	return &planner{service: s, special: exceptionsOf(s.Name), shapes: map[reflect.Type]*shape{}}
}

// shape returns the shape of a type. Shapes are whole before it returns, so
// that they are read without a lock afterwards.
func (p *planner) shape(t reflect.Type) *shape {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.plan(t)
}

var (
	timeType     = reflect.TypeFor[time.Time]()
	metadataType = reflect.TypeFor[middleware.Metadata]()
)

func (p *planner) plan(t reflect.Type) *shape {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if s, ok := p.shapes[t]; ok {
		return s
	}
	s := &shape{typ: t}
	p.shapes[t] = s // and its kind, before its parts: types may be recursive
	switch t.Kind() {
	case reflect.String:
		s.kind = kindString
	case reflect.Bool:
		s.kind = kindBool
	case reflect.Int32, reflect.Int64:
		s.kind = kindInt
	case reflect.Float32, reflect.Float64:
		s.kind = kindFloat
	case reflect.Slice:
		p.planSlice(s)
	case reflect.Map:
		s.kind = kindMap
		s.elem = p.plan(t.Elem())
	case reflect.Struct:
		p.planStruct(s)
	case reflect.Interface:
		p.planInterface(s)
	}
	return s
}

func (p *planner) planSlice(s *shape) {
	if s.typ.Elem().Kind() == reflect.Uint8 {
		s.kind = kindBlob
		return
	}
	s.kind = kindList
	s.elem = p.plan(s.typ.Elem())
}

func (p *planner) planStruct(s *shape) {
	if s.typ == timeType {
		s.kind = kindTime
		return
	}
	s.kind = kindStruct
	for i := range s.typ.NumField() {
		f := s.typ.Field(i)
		if !f.IsExported() || f.Type == metadataType {
			continue
		}
		member := p.field(s.typ, f)
		member.index = i
		if member.shape.kind != kindNone {
			s.fields = append(s.fields, member)
		}
	}
	s.byName = make(map[string]*field, len(s.fields))
	for i := range s.fields {
		s.byName[s.fields[i].name] = &s.fields[i]
		if p.anyCase {
			s.byName[lower(s.fields[i].name)] = &s.fields[i]
		}
	}
}

func (p *planner) field(in reflect.Type, f reflect.StructField) field {
	qualified := in.Name() + "." + f.Name
	name, ok := p.special.renamed[qualified]
	if !ok {
		name = p.spell(f.Name)
	}
	flat, key, _ := strings.Cut(p.special.flattened[qualified], "/")
	return field{
		goName: f.Name, name: name, shape: p.plan(f.Type), flat: flat, flatKey: key,
		named:     slices.Contains(p.special.entries, qualified),
		unchecked: slices.Contains(p.special.unchecked, qualified),
	}
}

// spell gives a Go name the case that the service has on the wire.
func (p *planner) spell(name string) string {
	if !p.service.LowerCamel {
		return name
	}
	return lower(name)
}

// planInterface plans a union or a document. The SDK's unions are interfaces
// whose implementations are named <Union>Member<Variant>.
func (p *planner) planInterface(s *shape) {
	if s.typ.Name() == "Interface" && p.special.document != nil {
		s.kind, s.document = kindDocument, p.special.document
		return
	}
	for _, v := range p.special.unions {
		t := reflect.TypeOf(v).Elem()
		name, ok := strings.CutPrefix(t.Name(), s.typ.Name()+"Member")
		if !ok {
			continue
		}
		s.kind = kindUnion
		value, _ := t.FieldByName("Value")
		s.variants = append(s.variants, variant{typ: t, field: field{
			goName: name, name: p.spell(name), index: value.Index[0], shape: p.plan(value.Type),
		}})
	}
}

// variant finds the choice that a union's value holds.
func (s *shape) variant(v reflect.Value) (reflect.Value, *field, bool) {
	if v.IsNil() {
		return reflect.Value{}, nil, false
	}
	held := v.Elem()
	if held.Kind() == reflect.Pointer {
		held = held.Elem()
	}
	for i := range s.variants {
		if s.variants[i].typ == held.Type() {
			f := &s.variants[i].field
			return held.Field(f.index), f, true
		}
	}
	return reflect.Value{}, nil, false
}

// choose sets a union to the named choice and returns that choice's value.
func (s *shape) choose(union reflect.Value, name []byte) (reflect.Value, *field, bool) {
	for i := range s.variants {
		f := &s.variants[i].field
		if f.name != string(name) {
			continue
		}
		held := reflect.New(s.variants[i].typ)
		union.Set(held)
		return held.Elem().Field(f.index), f, true
	}
	return reflect.Value{}, nil, false
}

// absent tells whether a structure's member is left out of a reply: nil is,
// and so are enumerations and strings without a value. Numbers and booleans
// that are not pointers are always there.
func absent(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return v.IsNil()
	case reflect.String:
		return v.Len() == 0
	}
	return false
}

// settle follows a pointer, and makes what it points to.
func settle(v reflect.Value, s *shape) reflect.Value {
	if v.Kind() != reflect.Pointer {
		return v
	}
	v.Set(reflect.New(s.typ))
	return v.Elem()
}

// A slot takes a map's entries, one after another.
type slot struct{ in, key, value reflect.Value }

func newSlot(in reflect.Value, s *shape) slot {
	return slot{in, reflect.New(s.typ.Key()).Elem(), reflect.New(s.typ.Elem()).Elem()}
}

// put stores the slot's value and empties the slot.
func (s slot) put(key string) {
	s.key.SetString(key)
	s.in.SetMapIndex(s.key, s.value)
	s.value.SetZero()
}
