package cli

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A style is an ANSI escape sequence, or nothing where there is no terminal.
type style string

const (
	plain  style = ""
	bold   style = "\x1b[1m"
	dim    style = "\x1b[2m"
	red    style = "\x1b[31m"
	green  style = "\x1b[32m"
	yellow style = "\x1b[33m"
	cyan   style = "\x1b[36m"
)

func (s style) of(text string) string {
	if s == plain {
		return text
	}
	return string(s) + text + "\x1b[0m"
}

// took writes a duration as people say it: 0.84s, 12.3s, 4m07s, 2h05m.
func took(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.2fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}

// number writes a metric with the digits that matter.
func number(f float64) string {
	return strconv.FormatFloat(f, 'g', 5, 64)
}

// count writes a number of things: 1 job, 2 jobs.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// cell escapes what would break a line of a table, or change the terminal:
// values of parameters and names of metrics and files may hold anything.
func cell(text string) string {
	odd := func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) && r != '\u00a0' }
	if !strings.ContainsFunc(text, odd) {
		return text
	}
	var b strings.Builder
	for rest := text; rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		if odd(r) {
			quoted := strconv.Quote(rest[:size])
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			b.WriteString(rest[:size])
		}
		rest = rest[size:]
	}
	return b.String()
}

// widestCell is how many columns of a value tables show; CSV and JSON have all
// of it.
const widestCell = 60

// shorten cuts a text to so many columns.
func shorten(text string, most int) string {
	return line{span{text: text}}.cut(most)[0].text
}

// printTable writes rows below their headings, in columns.
func printTable(w io.Writer, headings []string, rows [][]string) error {
	var cells [][]string
	for _, row := range append([][]string{headings}, rows...) {
		safe := make([]string, len(row))
		for i, text := range row {
			safe[i] = cell(text)
		}
		cells = append(cells, safe)
	}
	return printColumns(w, cells)
}

// printFacts writes names and what they stand for, in two columns.
func printFacts(w io.Writer, facts [][2]string) error {
	rows := make([][]string, len(facts))
	for i, fact := range facts {
		rows[i] = []string{fact[0], cell(fact[1])}
	}
	return printColumns(w, rows)
}

// printColumns writes rows so that their cells stand below one another.
func printColumns(w io.Writer, rows [][]string) error {
	const gap = 2
	var widths []int
	for _, row := range rows {
		for i, text := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], textWidth(text))
		}
	}
	out := bufio.NewWriter(w)
	for _, row := range rows {
		var line strings.Builder
		for i, text := range row {
			line.WriteString(text)
			line.WriteString(strings.Repeat(" ", widths[i]-textWidth(text)+gap))
		}
		fmt.Fprintln(out, strings.TrimRight(line.String(), " "))
	}
	return out.Flush()
}

func printJSON(w io.Writer, doc any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(doc)
}

// shellQuote writes a command so that a shell reads it back.
func shellQuote(argv []string) string {
	words := make([]string, len(argv))
	for i, word := range argv {
		words[i] = word
		if word == "" || strings.ContainsFunc(word, needsQuotes) {
			words[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}

func needsQuotes(r rune) bool {
	return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+,./:@%", r)
}
