package wire

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"
)

// maxDepth bounds the nesting of a body in any protocol.
const maxDepth = 512

// A malformed error says what a request's body has wrong, in the words that
// AWS's services use where those are known.
type malformed string

func (m malformed) Error() string { return string(m) }

func malformedf(format string, args ...any) error {
	return malformed(fmt.Sprintf(format, args...))
}

// A jsonDecoder reads one JSON body into an SDK's input. Members that the
// input does not have are passed over, as AWS does; null is absence.
type jsonDecoder struct {
	data    []byte
	pos     int
	depth   int
	present *presence
	scratch []byte // of strings with escapes

	unchecked bool // the member's service checks its characters
}

func decodeJSON(body []byte, v reflect.Value, s *shape, present *presence) error {
	d := &jsonDecoder{data: body, present: present}
	if d.peek() == 0 && d.pos == len(body) {
		return nil // no body at all is an input without members
	}
	if err := d.structure(v, s); err != nil {
		return err
	}
	if d.peek(); d.pos != len(body) {
		return d.unexpected()
	}
	return nil
}

func (d *jsonDecoder) structure(v reflect.Value, s *shape) error {
	if err := d.open('{', "a Structure"); err != nil {
		return err
	}
	for i := 0; ; i++ {
		more, err := d.more(i, '}')
		if err != nil || !more {
			return err
		}
		name, err := d.key()
		if err != nil {
			return err
		}
		if err := d.member(v, s.byName[string(name)]); err != nil {
			return err
		}
	}
}

func (d *jsonDecoder) member(v reflect.Value, f *field) error {
	if f == nil {
		return d.skip()
	}
	if null, err := d.null(); null {
		return err
	}
	outer := d.present.enter(f.goName)
	d.unchecked = f.unchecked
	err := d.value(v.Field(f.index), f.shape)
	d.unchecked = false
	d.present.leave(outer)
	return err
}

// value reads a value that is not null.
func (d *jsonDecoder) value(v reflect.Value, s *shape) error {
	v = settle(v, s)
	switch s.kind {
	case kindString:
		return d.string(v)
	case kindBool:
		return d.bool(v)
	case kindInt:
		return d.int(v)
	case kindFloat:
		return d.float(v)
	case kindTime:
		return d.time(v)
	case kindBlob:
		return d.blob(v)
	case kindList:
		return d.list(v, s)
	case kindMap:
		return d.dictionary(v, s)
	case kindStruct:
		return d.structure(v, s)
	case kindUnion:
		return d.union(v, s)
	case kindDocument:
		return d.document(v, s)
	}
	return d.skip()
}

func (d *jsonDecoder) string(v reflect.Value) error {
	if d.peek() != '"' {
		return d.mismatch("a String")
	}
	text, err := d.text()
	if err != nil {
		return err
	}
	v.SetString(string(text))
	return nil
}

func (d *jsonDecoder) bool(v reflect.Value) error {
	switch d.peek() {
	case 't':
		v.SetBool(true)
		return d.literal("true")
	case 'f':
		v.SetBool(false)
		return d.literal("false")
	default:
		return d.mismatch("a Boolean")
	}
}

func (d *jsonDecoder) int(v reflect.Value) error {
	token, err := d.number("an Integer")
	if err != nil {
		return err
	}
	n, err := strconv.ParseInt(string(token), 10, 64)
	if err != nil { // perhaps a whole number in another spelling, such as 1e3
		f, ferr := strconv.ParseFloat(string(token), 64)
		if ferr != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<63 {
			return malformedf("%s can not be converted to an Integer", token)
		}
		n = int64(f)
	}
	return setInt(v, n)
}

// setInt stores a number that came without a size.
func setInt(v reflect.Value, n int64) error {
	if v.OverflowInt(n) {
		return malformedf("%d is out of range of an Integer", n)
	}
	v.SetInt(n)
	return nil
}

func (d *jsonDecoder) float(v reflect.Value) error {
	if d.peek() == '"' {
		text, err := d.text()
		if err != nil {
			return err
		}
		f, ok := notFinite(string(text))
		if !ok {
			return malformed("STRING_VALUE can not be converted to a Double")
		}
		v.SetFloat(f)
		return nil
	}
	token, err := d.number("a Double")
	if err != nil {
		return err
	}
	f, err := strconv.ParseFloat(string(token), 64)
	if err != nil {
		return malformedf("%s is out of range of a Double", token)
	}
	v.SetFloat(f)
	return nil
}

// notFinite reads the floats that the protocols write as words.
func notFinite(word string) (float64, bool) {
	switch word {
	case "NaN":
		return math.NaN(), true
	case "Infinity":
		return math.Inf(1), true
	case "-Infinity":
		return math.Inf(-1), true
	}
	return 0, false
}

// time reads seconds since 1970 with a fraction.
func (d *jsonDecoder) time(v reflect.Value) error {
	token, err := d.number("a Timestamp")
	if err != nil {
		return err
	}
	f, err := strconv.ParseFloat(string(token), 64)
	if err != nil {
		return malformedf("%s is out of range of a Timestamp", token)
	}
	return setTime(v, f)
}

// setTime stores seconds since 1970, to the millisecond that AWS keeps.
func setTime(v reflect.Value, seconds float64) error {
	if !(math.Abs(seconds) < 1e12) { // far beyond year 9999, and NaN
		return malformedf("%v is out of range of a Timestamp", seconds)
	}
	t := time.UnixMilli(int64(math.Round(seconds * 1000))).UTC()
	v.Set(reflect.ValueOf(t))
	return nil
}

func (d *jsonDecoder) blob(v reflect.Value) error {
	if d.peek() != '"' {
		return d.mismatch("a Blob")
	}
	text, err := d.text()
	if err != nil {
		return err
	}
	blob := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(blob, text)
	if err != nil {
		return malformed("The blob is not valid base64")
	}
	v.SetBytes(blob[:n])
	return nil
}

func (d *jsonDecoder) list(v reflect.Value, s *shape) error {
	if err := d.open('[', "a List"); err != nil {
		return err
	}
	v.Set(reflect.MakeSlice(s.typ, 0, 0))
	for i := 0; ; i++ {
		more, err := d.more(i, ']')
		if err != nil || !more {
			return err
		}
		if null, err := d.null(); err != nil {
			return err
		} else if null {
			continue
		}
		outer := d.present.enterElement(v.Len())
		err = d.value(extend(v), s.elem)
		d.present.leave(outer)
		if err != nil {
			return err
		}
	}
}

// extend adds an empty element to a slice and returns it.
func extend(v reflect.Value) reflect.Value {
	n := v.Len()
	if n == v.Cap() {
		v.Grow(max(4, n))
	}
	v.SetLen(n + 1)
	return v.Index(n)
}

func (d *jsonDecoder) dictionary(v reflect.Value, s *shape) error {
	if err := d.open('{', "a Map"); err != nil {
		return err
	}
	d.present.inAMap++
	defer func() { d.present.inAMap-- }()
	v.Set(reflect.MakeMap(s.typ))
	slot := newSlot(v, s)
	for i := 0; ; i++ {
		more, err := d.more(i, '}')
		if err != nil || !more {
			return err
		}
		name, err := d.key()
		if err != nil {
			return err
		}
		key := string(name)
		if null, err := d.null(); err != nil {
			return err
		} else if null {
			continue
		}
		if err := d.value(slot.value, s.elem); err != nil {
			return err
		}
		slot.put(key)
	}
}

// union reads an object of which exactly one member is known and not null.
func (d *jsonDecoder) union(v reflect.Value, s *shape) error {
	if err := d.open('{', "a Union"); err != nil {
		return err
	}
	for i := 0; ; i++ {
		more, err := d.more(i, '}')
		if err != nil || !more {
			return err
		}
		name, err := d.key()
		if err != nil {
			return err
		}
		if null, err := d.null(); err != nil {
			return err
		} else if null {
			continue
		}
		if err := d.choice(v, s, name); err != nil {
			return err
		}
	}
}

func (d *jsonDecoder) choice(v reflect.Value, s *shape, name []byte) error {
	another := !v.IsNil()
	value, f, ok := s.choose(v, name)
	if !ok {
		return d.skip()
	}
	if another {
		return malformed("A union has more than one member")
	}
	return d.value(value, f.shape)
}

func (d *jsonDecoder) document(v reflect.Value, s *shape) error {
	d.peek()
	start := d.pos
	if err := d.skip(); err != nil {
		return err
	}
	var value any
	if err := json.Unmarshal(d.data[start:d.pos], &value); err != nil {
		return malformed("The document is not valid JSON")
	}
	v.Set(reflect.ValueOf(s.document(value)))
	return nil
}
