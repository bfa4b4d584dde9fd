package wire

import "unicode/utf8"

const xmlDeclaration = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

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
		escaped := xmlEscape(r, size)
		if escaped != "" {
			b = append(append(b, text[start:i]...), escaped...)
			start = i + size
		}
		i += size
	}
	return append(b, text[start:]...)
}

func xmlEscape(r rune, size int) string {
	switch {
	case r == '&':
		return "&amp;"
	case r == '<':
		return "&lt;"
	case r == '>':
		return "&gt;"
	case r == '"':
		return "&quot;"
	case r == '\r':
		return "&#xD;"
	case r == '\n', r == '\t':
		return ""
	case r < ' ', r == 0xFFFE, r == 0xFFFF, r == utf8.RuneError && size == 1:
		return "\uFFFD"
	}
	return ""
}
