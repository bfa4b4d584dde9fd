package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/spate-run/spate/internal/record"
	"github.com/spate-run/spate/internal/run"
)

func TestALineIsCutToItsColumns(t *testing.T) {
	for _, test := range []struct {
		text string
		most int
		want string
	}{
		{"short", 5, "short"},
		{"too long", 5, "too …"},
		{"長い名前", 8, "長い名前"},
		{"長い名前", 7, "長い名…"},
		{"長い名前", 6, "長い…"}, // half a character is none
		{"e\u0301e\u0301", 2, "e\u0301e\u0301"},
		{"a", 0, ""},
		{"a\x1b[2Jb\nc", 80, "a·[2Jb·c"},
	} {
		l := line{{plain, test.text}}.cut(test.most)
		if got := l.write(false); got != test.want {
			t.Errorf("%q in %d columns: got %q, want %q", test.text, test.most, got, test.want)
		}
		if l.width() > test.most {
			t.Errorf("%q: got %d columns, want at most %d", test.text, l.width(), test.most)
		}
	}
}

func TestTheBlockFitsTheTerminal(t *testing.T) {
	now := run.Progress{Jobs: 1000, Done: 400, Failed: 20, Running: []run.Attempt{{
		Attempt: record.Attempt{Index: 7, Number: 2}, Started: time.Now().Add(-time.Minute),
	}}}
	for _, test := range []struct {
		columns, rows, bar int
	}{
		{200, 24, 40}, {80, 24, 31}, {50, 24, 0}, {30, 24, 0}, {1, 1, 0},
	} {
		var out strings.Builder
		p := &progress{
			w: &out, label: func(int) string { return strings.Repeat("sector=長い名前 ", 20) }, started: time.Now(),
			size: func() (int, int) { return test.columns, test.rows },
		}
		p.update(now)
		for text := range strings.SplitSeq(strings.TrimSuffix(out.String(), "\n\x1b[J"), "\n") {
			text = strings.TrimSuffix(strings.TrimPrefix(text, "\r"), "\x1b[K")
			if got := (line{{plain, text}}).width(); got > max(0, test.columns-1) {
				t.Errorf("%d columns: got %d in %q", test.columns, got, text)
			}
		}
		if got := strings.Count(out.String(), "█") + strings.Count(out.String(), "░"); got != test.bar {
			t.Errorf("%d columns: got a bar of %d, want %d", test.columns, got, test.bar)
		}
		if strings.Contains(out.String(), "\x1b[3") {
			t.Errorf("got colours that were not asked for: %q", out.String())
		}
	}
}

func TestTheBlockIsFoundAgainInANarrowerTerminal(t *testing.T) {
	var out strings.Builder
	columns := 80
	p := &progress{
		w: &out, label: func(int) string { return "" }, started: time.Now(),
		size: func() (int, int) { return columns, 24 },
	}
	p.draw([]line{{{plain, strings.Repeat("a", 70)}}, {{plain, "b"}}}, 80, 24)
	columns = 30
	out.Reset()
	p.update(run.Progress{Jobs: 1})
	if want := "\x1b[4A"; !strings.HasPrefix(out.String(), want) { // 70 columns have become three rows
		t.Errorf("got %q, want %q first", out.String(), want)
	}
}
