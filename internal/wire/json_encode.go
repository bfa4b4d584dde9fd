package wire

import (
	"encoding/base64"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spate-run/spate/internal/sorting"
)

// appendJSON appends a value that is not absent.
func appendJSON(b []byte, v reflect.Value, s *shape) []byte {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return append(b, "null"...)
		}
		v = v.Elem()
	}
	switch s.kind {
	case kindString:
		return appendJSONString(b, v.String())
	case kindBool:
		return strconv.AppendBool(b, v.Bool())
	case kindInt:
		return strconv.AppendInt(b, v.Int(), 10)
	case kindFloat:
		return appendJSONFloat(b, v.Float(), s.typ.Bits())
	case kindTime:
		return appendEpochSeconds(b, v.Interface().(time.Time))
	case kindBlob:
		b = append(b, '"')
		b = base64.StdEncoding.AppendEncode(b, v.Bytes())
		return append(b, '"')
	case kindList:
		return appendJSONList(b, v, s)
	case kindMap:
		return appendJSONMap(b, v, s)
	case kindStruct:
		return appendJSONStruct(b, v, s)
	case kindUnion:
		return appendJSONUnion(b, v, s)
	case kindDocument:
		return appendJSONDocument(b, v)
	}
	return append(b, "null"...)
}

func appendJSONStruct(b []byte, v reflect.Value, s *shape) []byte {
	b = append(b, '{')
	first := true
	for i := range s.fields {
		f := &s.fields[i]
		value := v.Field(f.index)
		if absent(value) {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, '"')
		b = append(b, f.name...)
		b = append(b, '"', ':')
		b = appendJSON(b, value, f.shape)
	}
	return append(b, '}')
}

func appendJSONList(b []byte, v reflect.Value, s *shape) []byte {
	b = append(b, '[')
	for i := range v.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSON(b, v.Index(i), s.elem)
	}
	return append(b, ']')
}

func appendJSONMap(b []byte, v reflect.Value, s *shape) []byte {
	b = append(b, '{')
	for i, e := range sorted(v) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendJSONString(b, e.key), ':')
		b = appendJSON(b, e.value, s.elem)
	}
	return append(b, '}')
}

// An entry is one of a map's.
type entry struct {
	key   string
	value reflect.Value
}

// sorted returns a map's entries by their keys, so that equal replies are
// equal bytes.
func sorted(m reflect.Value) []entry {
	entries := make([]entry, 0, m.Len())
	for i := m.MapRange(); i.Next(); {
		entries = append(entries, entry{i.Key().String(), i.Value()})
	}
	sorting.By(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	return entries
}

func appendJSONUnion(b []byte, v reflect.Value, s *shape) []byte {
	value, f, ok := s.variant(v)
	if !ok {
		return append(b, '{', '}')
	}
	b = append(b, '{', '"')
	b = append(b, f.name...)
	b = append(b, '"', ':')
	b = appendJSON(b, value, f.shape)
	return append(b, '}')
}

func appendJSONDocument(b []byte, v reflect.Value) []byte {
	document, ok := v.Interface().(interface{ MarshalSmithyDocument() ([]byte, error) })
	if !ok {
		return append(b, "null"...)
	}
	text, err := document.MarshalSmithyDocument()
	if err != nil {
		return append(b, "null"...)
	}
	return append(b, text...)
}

func appendJSONFloat(b []byte, f float64, bits int) []byte {
	if word := floatWord(f); word != "" {
		b = append(b, '"')
		b = append(b, word...)
		return append(b, '"')
	}
	format := byte('f')
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(b, f, format, -1, bits)
}

// floatWord returns the word that the protocols write for a float without
// digits, or "".
func floatWord(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return ""
}

// appendEpochSeconds writes seconds since 1970 with up to three decimals, and
// never an exponent, which some clients do not read.
func appendEpochSeconds(b []byte, t time.Time) []byte {
	ms := t.UnixMilli()
	if ms < 0 {
		b = append(b, '-')
		ms = -ms
	}
	b = strconv.AppendInt(b, ms/1000, 10)
	if ms %= 1000; ms == 0 {
		return b
	}
	return append(b, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
}

func appendJSONString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				b = append(append(b, s[start:i]...), "\ufffd"...)
				start = i + 1
			}
			i += size
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		start = i
	}
	return append(append(b, s[start:]...), '"')
}
