package wire

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"
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

// peek returns the next byte that is not white space, or 0 at the end.
func (d *jsonDecoder) peek() byte {
	for d.pos < len(d.data) {
		switch c := d.data[d.pos]; c {
		case ' ', '\t', '\r', '\n':
			d.pos++
		default:
			return c
		}
	}
	return 0
}

func (d *jsonDecoder) unexpected() error {
	if d.pos >= len(d.data) {
		return malformed("Unexpected end-of-input")
	}
	return malformedf("Unexpected character (%q) at offset %d", d.data[d.pos], d.pos)
}

func (d *jsonDecoder) expect(c byte) error {
	if d.peek() != c {
		return d.unexpected()
	}
	d.pos++
	return nil
}

// open begins an object or a list.
func (d *jsonDecoder) open(c byte) error {
	if found := d.peek(); found != c {
		return d.mismatch(found, c)
	}
	if d.depth++; d.depth > maxDepth {
		return malformed("The request is nested too deeply")
	}
	d.pos++
	return nil
}

// more tells whether an object or a list that has given i elements has
// another, and passes over the comma or the closing bracket.
func (d *jsonDecoder) more(i int, closing byte) (bool, error) {
	c := d.peek()
	switch {
	case c == closing:
		d.pos++
		d.depth--
		return false, nil
	case i == 0:
		return true, nil
	case c != ',':
		return false, d.unexpected()
	}
	d.pos++
	return true, nil
}

// key reads a member's name and its colon. It is valid until the next string.
func (d *jsonDecoder) key() ([]byte, error) {
	if d.peek() != '"' {
		return nil, d.unexpected()
	}
	name, err := d.text()
	if err != nil {
		return nil, err
	}
	return name, d.expect(':')
}

// null passes over a null, and tells whether there was one.
func (d *jsonDecoder) null() (bool, error) {
	if d.peek() != 'n' {
		return false, nil
	}
	return true, d.literal("null")
}

func (d *jsonDecoder) literal(word string) error {
	if len(d.data)-d.pos < len(word) || string(d.data[d.pos:d.pos+len(word)]) != word {
		return d.unexpected()
	}
	d.pos += len(word)
	return nil
}

func (d *jsonDecoder) structure(v reflect.Value, s *shape) error {
	if err := d.open('{'); err != nil {
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
	err := d.value(v.Field(f.index), f.shape)
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
	if c := d.peek(); c != '"' {
		return d.mismatch(c, '"')
	}
	text, err := d.text()
	if err != nil {
		return err
	}
	v.SetString(string(text))
	return nil
}

func (d *jsonDecoder) bool(v reflect.Value) error {
	switch c := d.peek(); c {
	case 't':
		v.SetBool(true)
		return d.literal("true")
	case 'f':
		v.SetBool(false)
		return d.literal("false")
	default:
		return d.mismatch(c, 't')
	}
}

func (d *jsonDecoder) int(v reflect.Value) error {
	token, err := d.number()
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
	token, err := d.number()
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
	token, err := d.number()
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
	if c := d.peek(); c != '"' {
		return d.mismatch(c, '"')
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
	if err := d.open('['); err != nil {
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
	if err := d.open('{'); err != nil {
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
	if err := d.open('{'); err != nil {
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

// mismatch reports a value of another kind than the one that begins with want.
func (d *jsonDecoder) mismatch(found, want byte) error {
	to := map[byte]string{'"': "a String", 't': "a Boolean", '0': "a number"}[want]
	switch {
	case found == 0, to == "" && found != '[' && found != '{':
		if found == 0 || !beginsValue(found) {
			return d.unexpected()
		}
		return malformed("Unexpected field type")
	case found == '{':
		return malformed("Start of structure or map found where not expected.")
	case found == '[':
		return malformed("Start of list found where not expected")
	case found == '"':
		return malformed("STRING_VALUE can not be converted to " + to)
	case found == 't':
		return malformed("TRUE_VALUE can not be converted to " + to)
	case found == 'f':
		return malformed("FALSE_VALUE can not be converted to " + to)
	case beginsValue(found):
		return malformed("NUMBER_VALUE can not be converted to " + to)
	}
	return d.unexpected()
}

func beginsValue(c byte) bool {
	return c == '"' || c == 't' || c == 'f' || c == '{' || c == '[' || c == '-' || '0' <= c && c <= '9'
}

// skip passes over any value.
func (d *jsonDecoder) skip() error {
	switch c := d.peek(); c {
	case '{':
		return d.skipAll('{', '}')
	case '[':
		return d.skipAll('[', ']')
	case '"':
		_, err := d.text()
		return err
	case 't':
		return d.literal("true")
	case 'f':
		return d.literal("false")
	case 'n':
		return d.literal("null")
	default:
		_, err := d.number()
		return err
	}
}

func (d *jsonDecoder) skipAll(opening, closing byte) error {
	if err := d.open(opening); err != nil {
		return err
	}
	for i := 0; ; i++ {
		more, err := d.more(i, closing)
		if err != nil || !more {
			return err
		}
		if opening == '{' {
			if _, err := d.key(); err != nil {
				return err
			}
		}
		if err := d.skip(); err != nil {
			return err
		}
	}
}

// number reads a number by JSON's grammar.
func (d *jsonDecoder) number() ([]byte, error) {
	c := d.peek()
	if c != '-' && (c < '0' || c > '9') {
		return nil, d.mismatch(c, '0')
	}
	start := d.pos
	if c == '-' {
		d.pos++
	}
	zero := d.pos < len(d.data) && d.data[d.pos] == '0'
	whole := d.digits()
	ok := whole > 0 && (!zero || whole == 1)
	if ok && d.at('.') {
		d.pos++
		ok = d.digits() > 0
	}
	if ok && (d.at('e') || d.at('E')) {
		d.pos++
		if d.at('+') || d.at('-') {
			d.pos++
		}
		ok = d.digits() > 0
	}
	if !ok {
		return nil, d.unexpected()
	}
	return d.data[start:d.pos], nil
}

func (d *jsonDecoder) at(c byte) bool {
	return d.pos < len(d.data) && d.data[d.pos] == c
}

func (d *jsonDecoder) digits() int {
	start := d.pos
	for d.pos < len(d.data) && '0' <= d.data[d.pos] && d.data[d.pos] <= '9' {
		d.pos++
	}
	return d.pos - start
}

// text reads a string from its opening quote on. What it returns is a part of
// the body or of scratch, valid until the next string is read.
func (d *jsonDecoder) text() ([]byte, error) {
	start := d.pos + 1
	ascii := true
	for i := start; i < len(d.data); i++ {
		switch c := d.data[i]; {
		case c == '"':
			if text := d.data[start:i]; ascii || utf8.Valid(text) {
				d.pos = i + 1
				return text, nil
			}
			return d.escapedText(start)
		case c == '\\':
			return d.escapedText(start)
		case c < ' ':
			d.pos = i
			return nil, d.unexpected()
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	d.pos = len(d.data)
	return nil, d.unexpected()
}

// escapedText reads a string with escapes or with bytes that are not UTF-8,
// which become U+FFFD.
func (d *jsonDecoder) escapedText(start int) ([]byte, error) {
	out := d.scratch[:0]
	for d.pos = start; d.pos < len(d.data); {
		switch c := d.data[d.pos]; {
		case c == '"':
			d.pos++
			d.scratch = out
			return out, nil
		case c == '\\':
			r, err := d.escape()
			if err != nil {
				return nil, err
			}
			out = utf8.AppendRune(out, r)
		case c < ' ':
			return nil, d.unexpected()
		case c < utf8.RuneSelf:
			out = append(out, c)
			d.pos++
		default:
			r, size := utf8.DecodeRune(d.data[d.pos:])
			out = utf8.AppendRune(out, r)
			d.pos += size
		}
	}
	return nil, d.unexpected()
}

func (d *jsonDecoder) escape() (rune, error) {
	d.pos++ // the backslash
	if d.pos >= len(d.data) {
		return 0, d.unexpected()
	}
	c := d.data[d.pos]
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		return d.codePoint()
	default:
		return 0, d.unexpected()
	}
	d.pos++
	return rune(c), nil
}

// codePoint reads \uXXXX from its u on, and the second half of a surrogate
// pair; half a pair becomes U+FFFD.
func (d *jsonDecoder) codePoint() (rune, error) {
	r, ok := d.hex(d.pos + 1)
	if !ok {
		return 0, d.unexpected()
	}
	d.pos += 5
	if !utf16.IsSurrogate(r) {
		return r, nil
	}
	if d.at('\\') && d.pos+1 < len(d.data) && d.data[d.pos+1] == 'u' {
		if second, ok := d.hex(d.pos + 2); ok {
			if both := utf16.DecodeRune(r, second); both != utf8.RuneError {
				d.pos += 6
				return both, nil
			}
		}
	}
	return utf8.RuneError, nil
}

func (d *jsonDecoder) hex(at int) (rune, bool) {
	if at+4 > len(d.data) {
		return 0, false
	}
	n, err := strconv.ParseUint(string(d.data[at:at+4]), 16, 16)
	return rune(n), err == nil
}
