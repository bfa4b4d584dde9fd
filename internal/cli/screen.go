package cli

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// onTerminal says whether a person reads what is written there.
func onTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// A screen writes what jobs printed to a terminal. It leaves text, tabs,
// carriage returns and colours as they are, and escapes what would do more: move
// the cursor, name the window, ask the terminal for an answer.
type screen struct {
	w        io.Writer
	rest     []byte // of a character, or of a colour, that is not complete
	coloured bool
}

// longestColour bounds a colour's sequence, in bytes.
const longestColour = 32

func (s *screen) Write(p []byte) (int, error) {
	text := append(s.rest, p...)
	var out bytes.Buffer
	for len(text) > 0 {
		n, complete := s.next(text, &out)
		if !complete {
			break
		}
		text = text[n:]
	}
	s.rest = bytes.Clone(text)
	_, err := s.w.Write(out.Bytes())
	return len(p), err
}

// next writes what a text begins with, and returns how many bytes that took; it
// is not complete where more of the text has to be known.
func (s *screen) next(text []byte, out *bytes.Buffer) (n int, complete bool) {
	if n, complete := colour(text); n > 0 || !complete {
		s.coloured = s.coloured || complete
		out.Write(text[:n])
		return n, complete
	}
	if !utf8.FullRune(text) {
		return 0, false
	}
	r, n := utf8.DecodeRune(text)
	switch {
	case r == '\n', r == '\t', r == '\r', r == '\u00a0', unicode.IsPrint(r) && (r != utf8.RuneError || n > 1):
		out.Write(text[:n])
	default:
		quoted := strconv.Quote(string(text[:n]))
		out.WriteString(quoted[1 : len(quoted)-1])
	}
	return n, true
}

// colour is how many bytes of a text are a sequence that sets colours (SGR); 0
// where it begins with none.
func colour(text []byte) (n int, complete bool) {
	const begin = "\x1b["
	if !bytes.HasPrefix(text, []byte(begin[:min(len(begin), len(text))])) {
		return 0, true
	}
	for n := len(begin); n < len(text); n++ {
		switch c := text[n]; {
		case c == 'm':
			return n + 1, true
		case c != ';' && c != ':' && (c < '0' || c > '9'), n > longestColour:
			return 0, true
		}
	}
	return 0, false
}

// uncoloured leaves the sequences out of a text that set colours.
func uncoloured(text string) string {
	var b strings.Builder
	for text != "" {
		plain, rest, found := strings.Cut(text, "\x1b")
		b.WriteString(plain)
		if !found {
			break
		}
		text = "\x1b" + rest
		n, _ := colour([]byte(text))
		if n == 0 {
			b.WriteByte(text[0])
			n = 1
		}
		text = text[n:]
	}
	return b.String()
}

// Close writes what is left, and takes colours back.
func (s *screen) Close() error {
	quoted := strconv.Quote(string(s.rest))
	end := quoted[1 : len(quoted)-1]
	if s.coloured {
		end += "\x1b[0m"
	}
	_, err := io.WriteString(s.w, end)
	return err
}
