package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// A table holds what was measured, a line each.
type table struct{ lines []line }

// A line is one thing that was measured. The target is empty where there is
// none.
type line struct{ what, got, target, verdict string }

func (t *table) print(to io.Writer) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WHAT\tMEASURED\tTARGET\t")
	for _, l := range t.lines {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", l.what, l.got, l.target, l.verdict)
	}
	w.Flush()
}

// add adds a line without a target.
func (t *table) add(what, got string) { t.lines = append(t.lines, line{what: what, got: got}) }

// addRatio adds a ratio that should be at most so much.
func (t *table) addRatio(what string, got, most float64) {
	t.lines = append(t.lines, line{what, fmt.Sprintf("%.2f", got), fmt.Sprintf("≤ %.2f", most), verdict(got <= most)})
}

// addTime adds the median of times that should be at most so much.
func (t *table) addTime(what string, got series, most time.Duration) {
	t.lines = append(t.lines, line{what, got.String(), fmt.Sprintf("≤ %v", most), verdict(got.median() <= most)})
}

// addMemory adds a size in bytes that should be at most so much.
func (t *table) addMemory(what string, got, most int64) {
	t.lines = append(t.lines, line{what, megabytes(got), "≤ " + megabytes(most), verdict(got <= most)})
}

const mb = 1_000_000

func megabytes(n int64) string { return fmt.Sprintf("%d MB", (n+mb/2)/mb) }

func verdict(met bool) string {
	if met {
		return "met"
	}
	return "missed"
}

// A series is one time measured again and again.
type series []time.Duration

func (s series) median() time.Duration {
	if len(s) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(s))[len(s)/2]
}

// String gives the median and the extremes.
func (s series) String() string {
	if len(s) == 0 {
		return "not measured"
	}
	if len(s) == 1 {
		return short(s[0])
	}
	return fmt.Sprintf("%s (%s to %s)", short(s.median()), short(slices.Min(s)), short(slices.Max(s)))
}

// short rounds a time to what means something.
func short(d time.Duration) string {
	if d < time.Second {
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}

func ratio(a, b series) float64 { return float64(a.median()) / float64(b.median()) }
