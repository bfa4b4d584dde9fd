package wire

import (
	"encoding/base64"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"
)

const xmlDeclaration = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// appendXMLElement appends a value that is not absent as an element.
func appendXMLElement(b []byte, name string, v reflect.Value, s *shape) []byte {
	b = append(append(append(b, '<'), name...), '>')
	b = appendXML(b, v, s)
	return append(append(append(b, "</"...), name...), '>')
}

// appendXML appends what an element of a value holds.
func appendXML(b []byte, v reflect.Value, s *shape) []byte {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return b
		}
		v = v.Elem()
	}
	switch s.kind {
	case kindString:
		return appendXMLText(b, v.String())
	case kindBool:
		return strconv.AppendBool(b, v.Bool())
	case kindInt:
		return strconv.AppendInt(b, v.Int(), 10)
	case kindFloat:
		return appendXMLFloat(b, v.Float(), s.typ.Bits())
	case kindTime:
		return v.Interface().(time.Time).UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	case kindBlob:
		return base64.StdEncoding.AppendEncode(b, v.Bytes())
	case kindList:
		return appendXMLList(b, "member", v, s)
	case kindMap:
		return appendXMLMap(b, "entry", "key", "value", v, s)
	case kindStruct:
		return appendXMLStruct(b, v, s)
	case kindUnion:
		if value, f, ok := s.variant(v); ok {
			return appendXMLElement(b, f.name, value, f.shape)
		}
	}
	return b
}

func appendXMLStruct(b []byte, v reflect.Value, s *shape) []byte {
	for i := range s.fields {
		f := &s.fields[i]
		value := v.Field(f.index)
		switch {
		case absent(value):
		case f.flat != "" && f.shape.kind == kindList:
			b = appendXMLList(b, f.flat, value, f.shape)
		case f.flat != "" && f.shape.kind == kindMap:
			b = appendXMLMap(b, f.flat, f.flatKey, "Value", value, f.shape)
		default:
			b = appendXMLElement(b, f.name, value, f.shape)
		}
	}
	return b
}

func appendXMLList(b []byte, name string, v reflect.Value, s *shape) []byte {
	for i := range v.Len() {
		b = appendXMLElement(b, name, v.Index(i), s.elem)
	}
	return b
}

func appendXMLMap(b []byte, name, keyName, valueName string, v reflect.Value, s *shape) []byte {
	for _, e := range sorted(v) {
		b = append(append(append(b, '<'), name...), '>')
		b = appendElement(b, keyName, e.key)
		b = appendXMLElement(b, valueName, e.value, s.elem)
		b = append(append(append(b, "</"...), name...), '>')
	}
	return b
}

func appendXMLFloat(b []byte, f float64, bits int) []byte {
	if word := floatWord(f); word != "" {
		return append(b, word...)
	}
	return strconv.AppendFloat(b, f, 'g', -1, bits)
}

// appendElement appends an element that holds text.
func appendElement(b []byte, name, text string) []byte {
	b = append(append(append(b, '<'), name...), '>')
	b = appendXMLText(b, text)
	return append(append(append(b, "</"...), name...), '>')
}

// appendXMLText escapes text. Characters that XML cannot hold become U+FFFD.
func appendXMLText(b []byte, text string) []byte {
	start := 0
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if escaped := xmlEscape(r, size); escaped != "" {
			b = append(append(b, text[start:i]...), escaped...)
			start = i + size
		}
		i += size
	}
	return append(b, text[start:]...)
}

// xmlEscape returns what stands for a character in XML, or "" for itself.
func xmlEscape(r rune, size int) string {
	switch {
	case r == '&':
		return "&amp;"
	case r == '<':
		return "&lt;"
	case r == '>':
		return "&gt;"
	case r == '\r': // a parser would make it a line feed
		return "&#xD;"
	case r == '\n', r == '\t':
		return ""
	case r < ' ', r == 0xFFFE, r == 0xFFFF, r == utf8.RuneError && size == 1:
		return "\uFFFD"
	}
	return ""
}
