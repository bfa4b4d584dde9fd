package measure

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// A Table holds what was measured, a line each.
type Table struct{ lines []line }

// A line is one thing that was measured. The target is empty where there is
// none.
type line struct{ what, got, target, verdict string }

// Print writes the table.
func (t *Table) Print(to io.Writer) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WHAT\tMEASURED\tTARGET\t")
	for _, l := range t.lines {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", l.what, l.got, l.target, l.verdict)
	}
	w.Flush()
}

// Add adds a line without a target.
func (t *Table) Add(what, got string) { t.lines = append(t.lines, line{what: what, got: got}) }

// AddRatio adds a ratio that should be at most so much.
func (t *Table) AddRatio(what string, got, most float64) {
	t.lines = append(t.lines, line{what, fmt.Sprintf("%.2f", got), fmt.Sprintf("≤ %.2f", most), verdict(got <= most)})
}

// AddAtLeast adds a ratio that should be at least so much.
func (t *Table) AddAtLeast(what string, got, least float64) {
	t.lines = append(t.lines, line{what, fmt.Sprintf("%.0f", got), fmt.Sprintf("≥ %.0f", least), verdict(got >= least)})
}

// AddTime adds the median of times that should be at most so much.
func (t *Table) AddTime(what string, got Series, most time.Duration) {
	t.lines = append(t.lines, line{what, got.String(), fmt.Sprintf("≤ %v", most), verdict(got.Median() <= most)})
}

// AddMemory adds a size in bytes that should be at most so much.
func (t *Table) AddMemory(what string, got, most int64) {
	t.lines = append(t.lines, line{what, megabytes(got), "≤ " + megabytes(most), verdict(got <= most)})
}

// MB is a million bytes.
const MB = 1_000_000

func megabytes(n int64) string { return fmt.Sprintf("%d MB", (n+MB/2)/MB) }

func verdict(met bool) string {
	if met {
		return "met"
	}
	return "missed"
}

// A Series is one time measured again and again.
type Series []time.Duration

// Median is the middle one.
func (s Series) Median() time.Duration {
	if len(s) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(s))[len(s)/2]
}

// String gives the median and the extremes.
func (s Series) String() string {
	if len(s) == 0 {
		return "not measured"
	}
	if len(s) == 1 {
		return Short(s[0])
	}
	return fmt.Sprintf("%s (%s to %s)", Short(s.Median()), Short(slices.Min(s)), Short(slices.Max(s)))
}

// Short rounds a time to what means something.
func Short(d time.Duration) string {
	if d < time.Second {
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}

// Ratio is that of two medians.
func Ratio(a, b Series) float64 { return float64(a.Median()) / float64(b.Median()) }
