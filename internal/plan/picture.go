package plan

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// The size of a picture in its own units, and of the margins for its axes.
const (
	pictureWidth  = 900.0
	marginLeft    = 46.0
	marginRight   = 14.0
	marginTop     = 10.0
	marginBottom  = 26.0
	pictureHeight = 250.0
)

// A frame maps values to a picture.
type frame struct{ width, height, maxX, maxY float64 }

func (f frame) x(v float64) float64 {
	return marginLeft + (f.width-marginLeft-marginRight)*v/max(f.maxX, 1e-9)
}

func (f frame) y(v float64) float64 {
	return f.height - marginBottom - (f.height-marginTop-marginBottom)*v/max(f.maxY, 1e-9)
}

func (p *page) open(height float64, label string) {
	p.add("<div class=\"scroll\"><svg viewBox=\"0 0 %g %g\" role=\"img\" aria-label=\"%s\">\n", pictureWidth, height, label)
}

// axes draws lines for round values of y, and times for x.
func (f frame) axes(p *page) {
	step := roundStep(f.maxY / 4)
	for v := 0.0; v <= f.maxY+1e-9; v += step {
		p.add("<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/><text class=\"end\" x=\"%.1f\" y=\"%.1f\">%g</text>\n",
			marginLeft, f.width-marginRight, f.y(v), f.y(v), marginLeft-6, f.y(v)+4, v)
	}
	f.times(p)
}

func (f frame) times(p *page) {
	step := roundTime(time.Duration(f.maxX / 7 * float64(time.Second)))
	for at := time.Duration(0); at.Seconds() <= f.maxX; at += step {
		p.add("<text class=\"middle\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", f.x(at.Seconds()), f.height-8, axisTime(at))
	}
}

// roundStep is a step of 1, 2 or 5 at some power of ten, not below a value or 1.
func roundStep(least float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(max(least, 1))))
	for _, m := range []float64{1, 2, 5, 10} {
		if step := m * power; step >= least {
			return max(step, 1)
		}
	}
	return 10 * power
}

// roundTime is a step of clocks, not below a value.
func roundTime(least time.Duration) time.Duration {
	for _, step := range []time.Duration{
		time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute,
		15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
	} {
		if step >= least {
			return step
		}
	}
	return max(48*time.Hour, least.Round(24*time.Hour))
}

func axisTime(at time.Duration) string {
	switch {
	case at == 0:
		return "0"
	case at < time.Minute:
		return fmt.Sprintf("%ds", int(at.Seconds()))
	case at%time.Hour == 0:
		return fmt.Sprintf("%dh", int(at.Hours()))
	case at < time.Hour:
		return fmt.Sprintf("%dm%s", int(at.Minutes()), seconds(at))
	}
	return fmt.Sprintf("%dh%02dm", int(at.Hours()), int(at.Minutes())%60)
}

func seconds(at time.Duration) string {
	if s := int(at.Seconds()) % 60; s > 0 {
		return fmt.Sprintf("%02ds", s)
	}
	return ""
}

// drawTimeline draws tasks as an area, busy ones in it, and jobs as a line.
func drawTimeline(p *page, samples []Sample, o *Outcome) {
	if len(samples) == 0 {
		return
	}
	f := frame{width: pictureWidth, height: pictureHeight, maxX: samples[len(samples)-1].At.Seconds()}
	for _, s := range samples {
		f.maxY = max(f.maxY, float64(s.Tasks), float64(s.Outstanding))
	}
	f.maxY = max(f.maxY*1.05, 1)
	p.open(f.height, "tasks and outstanding jobs over time")
	f.axes(p)
	steps := func(of func(Sample) int) string {
		var b strings.Builder
		for i, s := range samples {
			if i == 0 {
				fmt.Fprintf(&b, "M%.1f %.1f", f.x(0), f.y(float64(of(s))))
			}
			fmt.Fprintf(&b, "H%.1fV%.1f", f.x(s.At.Seconds()), f.y(float64(of(s))))
		}
		return b.String()
	}
	area := func(class string, of func(Sample) int) {
		p.add("<path class=\"%s\" d=\"%s", class, steps(of))
		p.add("V%.1fH%.1fZ\"/>\n", f.y(0), f.x(0))
	}
	area("tasks", func(s Sample) int { return s.Tasks })
	area("busy", func(s Sample) int { return s.Busy })
	p.add("<path class=\"jobs\" d=\"%s\"/>\n", steps(func(s Sample) int { return s.Outstanding }))
	x := f.x(min(o.Finish.Seconds(), f.maxX))
	ended := "done "
	if !o.Whole() {
		ended = "ended "
	}
	p.add("<line class=\"mark\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/><text class=\"end strong\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
		x, x, marginTop, f.y(0), x-6, marginTop+12, ended+ClockTime(o.Finish))
	p.add("</svg></div>\n<p class=\"legend\"><i class=\"dot tasks\"></i>tasks<i class=\"dot busy\"></i>tasks at work<i class=\"dot jobs\"></i>jobs outstanding</p>\n")
}

// bins is how many bars a distribution has.
const bins = 60

// drawFinishes draws how the finishes of all seeds lie, and what was asked for.
func drawFinishes(p *page, s *Study, within time.Duration) {
	var ends []float64
	for i := range s.Outcomes {
		if s.Outcomes[i].Whole() {
			ends = append(ends, s.Outcomes[i].Finish.Seconds())
		}
	}
	if len(ends) == 0 {
		p.add("<p class=\"note\">In none of them all jobs come to an end.</p>\n")
		return
	}
	slices.Sort(ends)
	low, high := ends[0], ends[len(ends)-1]
	if within > 0 {
		low, high = min(low, within.Seconds()), max(high, within.Seconds())
	}
	room := max((high-low)*.06, 1)
	low, high = max(0, low-room), high+room
	counts := make([]int, bins)
	most := 0
	for _, e := range ends {
		i := min(int(bins*(e-low)/(high-low)), bins-1)
		counts[i]++
		most = max(most, counts[i])
	}
	f := frame{width: pictureWidth, height: 190, maxX: high - low, maxY: float64(most) * 1.25}
	p.open(f.height, "distribution of the time to the last result")
	p.add("<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>\n", marginLeft, f.width-marginRight, f.y(0), f.y(0))
	width := (f.x(f.maxX) - f.x(0)) / bins
	for i, n := range counts {
		if n > 0 {
			p.add("<rect class=\"bar\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n",
				f.x(0)+float64(i)*width+.5, f.y(float64(n)), width-1, f.y(0)-f.y(float64(n)))
		}
	}
	step := roundTime(time.Duration((high - low) / 7 * float64(time.Second)))
	first := time.Duration(low*float64(time.Second)).Truncate(step) + step
	for at := first; at.Seconds() <= high; at += step {
		p.add("<text class=\"middle\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", f.x(at.Seconds()-low), f.height-8, ClockTime(at))
	}
	mark := func(class, label string, at float64, row int) {
		x := f.x(at - low)
		side, dx := "begin", 5.0
		if x > f.width*.75 {
			side, dx = "end", -5
		}
		p.add("<line class=\"%s\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/><text class=\"strong %s\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
			class, x, x, marginTop, f.y(0), side, x+dx, marginTop+10+float64(row)*14, label)
	}
	at := func(q float64) float64 { return ends[rank(q, len(ends))] }
	mark("mark", "P50 "+ClockTime(time.Duration(at(.5)*float64(time.Second))), at(.5), 0)
	mark("mark", "P95 "+ClockTime(time.Duration(at(.95)*float64(time.Second))), at(.95), 1)
	if within > 0 {
		mark("limit", "asked for: "+ClockTime(within), within.Seconds(), 2)
	}
	p.add("</svg></div>\n")
}

// drawCompared draws a bar for each way that can run the jobs.
func drawCompared(p *page, all []Alternative) {
	const row = 30.0
	low, high := math.Inf(1), 0.0
	for _, a := range all {
		if a.Cannot == "" && a.P50 != Never {
			low, high = min(low, a.P50.Seconds()), max(high, a.P50.Seconds())
		}
	}
	if high == 0 {
		return
	}
	low = math.Log10(max(low/3, 1))
	high = math.Log10(high * 1.05)
	const begin, end = 190.0, pictureWidth - 110
	p.open(row*float64(len(all))+6, "time to the last result of every way")
	for i, a := range all {
		y := row * float64(i)
		p.add("<text class=\"end\" x=\"%.1f\" y=\"%.1f\">%s</text>", begin-10, y+20, a.Name)
		if a.Cannot != "" {
			p.add("<text class=\"begin\" x=\"%.1f\" y=\"%.1f\">cannot</text>\n", begin, y+20)
			continue
		}
		if a.P50 == Never {
			p.add("<text class=\"begin\" x=\"%.1f\" y=\"%.1f\">never</text>\n", begin, y+20)
			continue
		}
		class := "bar other"
		if i == 0 {
			class = "bar"
		}
		width := max(2, (end-begin)*(math.Log10(max(a.P50.Seconds(), 1))-low)/max(high-low, 1e-9))
		p.add("<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"18\" rx=\"3\"/><text class=\"begin strong\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
			class, begin, y+6, width, begin+width+8, y+20, ClockTime(a.P50))
	}
	p.add("</svg></div>\n")
}
