package wire

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

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
func (d *jsonDecoder) open(c byte, wanted string) error {
	if d.peek() != c {
		return d.mismatch(wanted)
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

// mismatch reports a value that is not what was wanted, such as "a String".
func (d *jsonDecoder) mismatch(wanted string) error {
	token := ""
	switch c := d.peek(); {
	case c == '{':
		return malformed("Start of structure or map found where not expected.")
	case c == '[':
		return malformed("Start of list found where not expected")
	case c == '"':
		token = "STRING_VALUE"
	case c == 't':
		token = "TRUE_VALUE"
	case c == 'f':
		token = "FALSE_VALUE"
	case c == '-', '0' <= c && c <= '9':
		token = "NUMBER_VALUE"
	default:
		return d.unexpected()
	}
	return malformed(token + " can not be converted to " + wanted)
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
		_, err := d.number("")
		return err
	}
}

func (d *jsonDecoder) skipAll(opening, closing byte) error {
	if err := d.open(opening, ""); err != nil {
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
func (d *jsonDecoder) number(wanted string) ([]byte, error) {
	c := d.peek()
	if c != '-' && (c < '0' || c > '9') {
		return nil, d.mismatch(wanted)
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

// escapedText reads a string with escapes. What is no text is refused, bytes that
// are not UTF-8 and half a surrogate pair: to put U+FFFD for it would change what
// somebody sends. In a member whose characters its service checks half a pair is
// left to the service.
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
			switch {
			case !utf16.IsSurrogate(r):
				out = utf8.AppendRune(out, r)
			case !d.unchecked:
				return nil, malformedf("Unpaired surrogate \\u%04x before offset %d", r, d.pos)
			default:
				out = appendSurrogate(out, r)
			}
		case c < ' ':
			return nil, d.unexpected()
		case c < utf8.RuneSelf:
			out = append(out, c)
			d.pos++
		default:
			r, size := utf8.DecodeRune(d.data[d.pos:])
			if r == utf8.RuneError && size == 1 {
				return nil, malformedf("Invalid UTF-8 byte 0x%x at offset %d", c, d.pos)
			}
			out = append(out, d.data[d.pos:d.pos+size]...)
			d.pos += size
		}
	}
	return nil, d.unexpected()
}

// appendSurrogate appends half a pair of them in three bytes, which are not UTF-8.
func appendSurrogate(out []byte, r rune) []byte {
	return append(out, 0xE0|byte(r>>12), 0x80|byte(r>>6)&0x3F, 0x80|byte(r)&0x3F)
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
// pair; half a pair is what it is.
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
	return r, nil
}

func (d *jsonDecoder) hex(at int) (rune, bool) {
	if at+4 > len(d.data) {
		return 0, false
	}
	n, err := strconv.ParseUint(string(d.data[at:at+4]), 16, 16)
	return rune(n), err == nil
}
