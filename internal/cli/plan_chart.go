package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spate-run/spate/internal/plan"
)

// The size of a chart, in characters.
const (
	chartWidth  = 72
	chartHeight = 6
)

// chart draws the tasks and the outstanding jobs of the median run.
func (v *planView) chart(w io.Writer) {
	if len(v.timeline) < 2 {
		return
	}
	last := v.timeline[len(v.timeline)-1].At
	fmt.Fprintln(w)
	drawChart(w, "tasks", v.timeline, last, func(s plan.Sample) int { return s.Tasks })
	drawChart(w, "jobs outstanding", v.timeline, last, func(s plan.Sample) int { return s.Outstanding })
	middle := plan.ClockTime(last / 2)
	end := plan.ClockTime(last)
	gap := max(1, chartWidth/2-1-len(middle)/2)
	fmt.Fprintf(w, "%7s0%s%s%s%s\n", "", strings.Repeat(" ", gap), middle,
		strings.Repeat(" ", max(1, chartWidth-1-gap-len(middle)-len(end))), end)
}

// eighths are the steps of a bar's height.
func eighths() []rune { return []rune(" ▁▂▃▄▅▆▇█") }

// drawChart draws one value over time as bars; each is the highest of its share of
// the time.
func drawChart(w io.Writer, title string, samples []plan.Sample, last time.Duration, of func(plan.Sample) int) {
	columns := make([]int, chartWidth)
	most, column, before := 0, 0, 0
	for _, s := range samples {
		at := min(int(float64(chartWidth)*s.At.Seconds()/max(last.Seconds(), 1)), chartWidth-1)
		for ; column < at; column++ {
			columns[column] = max(columns[column], before)
		}
		before = of(s)
		columns[at] = max(columns[at], before)
		most = max(most, before)
	}
	fmt.Fprintf(w, "%7s%s\n", "", title)
	steps := eighths()
	for row := chartHeight - 1; row >= 0; row-- {
		label := ""
		if row == chartHeight-1 {
			label = fmt.Sprint(most)
		} else if row == 0 {
			label = "0"
		}
		var b strings.Builder
		for _, value := range columns {
			level := (value*chartHeight*8+most-1)/max(most, 1) - row*8
			b.WriteRune(steps[min(max(level, 0), 8)])
		}
		fmt.Fprintf(w, "%6s│%s\n", label, strings.TrimRight(b.String(), " "))
	}
}
