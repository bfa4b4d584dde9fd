package cli

import (
	"strings"
	"testing"
)

func TestScreenKeepsTextAndColoursOnly(t *testing.T) {
	for name, test := range map[string]struct{ printed, want string }{
		"text":            {"größe\t1\r\n世界\n", "größe\t1\r\n世界\n"},
		"a colour":        {"\x1b[1;31mred\x1b[0m\n", "\x1b[1;31mred\x1b[0m\n\x1b[0m"},
		"the cursor":      {"a\x1b[2J\x1b[Hb", `a\x1b[2J\x1b[Hb`},
		"a title":         {"\x1b]0;x\a", `\x1b]0;x\a`},
		"a question":      {"\x1b[c\x05", `\x1b[c\x05`},
		"C1 controls":     {"\u009b2J", `\u009b2J`},
		"no UTF-8":        {"a\xffb", `a\xffb`},
		"cut off":         {"a\x1b[3", `a\x1b[3`},
		"half a letter":   {"a\xc3", `a\xc3`},
		"an endless one":  {"\x1b[" + strings.Repeat("1", 100) + "m", `\x1b[` + strings.Repeat("1", 100) + "m"},
		"an escape alone": {"\x1b", `\x1b`},
	} {
		for size := range 4 { // of the pieces that it comes in; 0 is the whole
			var got strings.Builder
			s := &screen{w: &got}
			for rest := test.printed; rest != ""; {
				n := len(rest)
				if size > 0 {
					n = min(n, size)
				}
				if _, err := s.Write([]byte(rest[:n])); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if got.String() != test.want {
				t.Errorf("%s in pieces of %d: got %q, want %q", name, size, got.String(), test.want)
			}
		}
	}
}

func TestShownIsWhatATerminalLeaves(t *testing.T) {
	for line, want := range map[string]string{
		"\x1b[1;31mError\x1b[0m: no":     "Error: no",
		" 50%\r100%\r":                   "100%",
		"\tat main.go":                   "    at main.go",
		"\x1b[2J\x1b]0;t\a":              `\x1b[2J\x1b]0;t\a`,
		"cut \x1b[3":                     `cut \x1b[3`,
		"two \x1b[32mok\x1b[m, \x1b[Hhi": `two ok, \x1b[Hhi`,
	} {
		if got := shown(line); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}

func TestColumnsStandBelowOneAnother(t *testing.T) {
	var b strings.Builder
	if err := printTable(&b, []string{"NAME", "N"}, [][]string{{"世界", "1"}, {"größe", "2"}, {"a\tb"}, {"", "3"}}); err != nil {
		t.Fatal(err)
	}
	want := "NAME   N\n世界   1\ngröße  2\na\\tb\n       3\n"
	if got := b.String(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
