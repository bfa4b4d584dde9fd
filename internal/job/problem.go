package job

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/spate-run/spate/internal/sorting"
)

// A Problem is one mistake in a job file or in its parameters.
type Problem struct {
	File string
	// Line and Column count from 1; 0 means that the whole file is meant.
	Line, Column int
	// Fact says what is wrong; Hint, where there is one, what would be right.
	Fact, Hint string
}

func (p Problem) Error() string {
	switch {
	case p.File == "":
		return p.Fact
	case p.Line == 0:
		return p.File + ": " + p.Fact
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Fact)
}

// at is the problem at a place in a file.
func (p *Problem) at(file string, line, column int) Problems {
	return Problems{{File: file, Line: line, Column: column, Fact: p.Fact, Hint: p.Hint}}
}

// Problems are all the mistakes of one file, in its order.
type Problems []Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
		if p.Hint != "" {
			lines[i] += "\nhint: " + p.Hint
		}
	}
	return strings.Join(lines, "\n")
}

func (ps Problems) sorted() Problems {
	sorting.By(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return ps
}

// brief quotes a text, and not much of a long one.
func brief(s string) string {
	const most = 60
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most]) + "…"
	}
	return strconv.Quote(s)
}

// didYouMean is the hint that names the candidate nearest to a word, or all of
// them when none is near.
func didYouMean(word string, candidates []string) string {
	if near, ok := Nearest(word, candidates); ok {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(candidates) == 0 {
		return ""
	}
	return "known here: " + strings.Join(candidates, ", ")
}

// Nearest returns the candidate that a word was probably meant to be.
func Nearest(word string, candidates []string) (string, bool) {
	best, least := "", max(1, len(word)/3)+1
	for _, c := range candidates {
		if len(word)-len(c) >= least || len(c)-len(word) >= least {
			continue // and a very long word costs nothing
		}
		if d := distance(strings.ToLower(word), strings.ToLower(c)); d < least && d < max(1, len(word), len(c)) {
			best, least = c, d
		}
	}
	return best, best != ""
}

// distance is how many slips make one word of another, in bytes: a letter too
// many, one too few, a wrong one, or two neighbours swapped.
func distance(a, b string) int {
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+differs(a[i], b[j]))
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}

func differs(a, b byte) int {
	if a == b {
		return 0
	}
	return 1
}
