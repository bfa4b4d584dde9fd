package cli

import (
	"strings"
	"unicode"
)

// A line is text for one row of a terminal, in styles.
type line []span

type span struct {
	style style
	text  string
}

// wide are the characters that take two columns of a terminal: those of East
// Asia, and pictures. (Unicode's East_Asian_Width W and F, in coarse ranges.)
var wide = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x1100, Hi: 0x115f, Stride: 1}, {Lo: 0x2e80, Hi: 0x303e, Stride: 1}, {Lo: 0x3041, Hi: 0xa4cf, Stride: 1},
		{Lo: 0xa960, Hi: 0xa97f, Stride: 1}, {Lo: 0xac00, Hi: 0xd7a3, Stride: 1}, {Lo: 0xf900, Hi: 0xfaff, Stride: 1},
		{Lo: 0xfe30, Hi: 0xfe6f, Stride: 1}, {Lo: 0xff00, Hi: 0xff60, Stride: 1}, {Lo: 0xffe0, Hi: 0xffe6, Stride: 1},
	},
	R32: []unicode.Range32{
		{Lo: 0x1f300, Hi: 0x1f64f, Stride: 1}, {Lo: 0x1f680, Hi: 0x1f6ff, Stride: 1}, {Lo: 0x1f900, Hi: 0x1faff, Stride: 1},
		{Lo: 0x20000, Hi: 0x3fffd, Stride: 1},
	},
}

// runeWidth is how many columns of a terminal a character takes.
func runeWidth(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case unicode.Is(wide, r):
		return 2
	}
	return 1
}

// textWidth is how many columns a text takes.
func textWidth(text string) (n int) {
	for _, r := range text {
		n += runeWidth(r)
	}
	return n
}

func (l line) width() (n int) {
	for _, s := range l {
		n += textWidth(s.text)
	}
	return n
}

// cut shortens a line to so many columns.
func (l line) cut(most int) line {
	if most < 1 {
		return nil
	}
	if l.width() <= most {
		return l
	}
	var short line
	left := most - 1 // the ellipsis takes one
	for _, s := range l {
		for i, r := range s.text {
			if left -= runeWidth(r); left < 0 {
				return append(short, span{s.style, s.text[:i] + "…"})
			}
		}
		short = append(short, s)
	}
	return short
}

// write writes the line for a terminal. Values of parameters may hold anything;
// what would move the cursor is shown as a dot.
func (l line) write(coloured bool) string {
	var b strings.Builder
	for _, s := range l {
		text := strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return '·'
			}
			return r
		}, s.text)
		if coloured {
			text = s.style.of(text)
		}
		b.WriteString(text)
	}
	return b.String()
}
