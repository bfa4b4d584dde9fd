package plan

import (
	"bytes"
	_ "embed"
	"fmt"
	"html"
	"strings"
	"time"
)

// A Report is an answer as a page: one file that needs nothing else, in light
// and dark.
type Report struct {
	Name     string
	Study    *Study
	Median   Outcome // of the seed in the middle
	Seed     uint64
	Timeline []Sample
	Compared []Alternative
	Warnings []string
	// Within is what was asked for, or 0; the others answer it.
	Within   time.Duration
	Met      bool
	Share    float64
	LeastMax int
	NoMax    string // why there is none
}

//go:embed report.css
var style string

// A page is HTML that is being written.
type page struct{ bytes.Buffer }

// add writes a format whose arguments are escaped where they are texts.
func (p *page) add(format string, args ...any) {
	for i, arg := range args {
		if text, ok := arg.(string); ok {
			args[i] = html.EscapeString(text)
		}
	}
	fmt.Fprintf(p, format, args...)
}

// HTML writes the page. The same report is the same page, byte for byte.
func (r Report) HTML() []byte {
	var p page
	s := r.Study
	p.add("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
	p.add("<title>%s: plan</title>\n<style>\n", r.Name)
	p.WriteString(style)
	p.add("</style>\n</head>\n<body>\n<main>\n<header>\n<p class=\"kind\">spate plan</p>\n<h1>%s</h1>\n", r.Name)
	p.add("<p>%d jobs of %s, on at most %d tasks of %g vCPU and %g GiB. Simulated %d times, from seed %d.</p>\n",
		s.Load.Jobs, s.Load.Durations.String(), s.Model.Capacity.Max, s.Model.Task.CPU, s.Model.Task.Memory, s.Seeds, s.Seed)
	r.verdict(&p)
	p.add("</header>\n")
	r.tiles(&p)
	p.add("<section>\n<h2>The run in the middle</h2>\n<p class=\"note\">Tasks and jobs from minute to minute, of seed %d.</p>\n", r.Seed)
	drawTimeline(&p, r.Timeline, &r.Median)
	p.add("<h3>Where the time goes</h3>\n")
	r.parts(&p)
	p.add("</section>\n<section>\n<h2>When it is done</h2>\n<p class=\"note\">How many of the %d simulations are done when.</p>\n", len(s.Outcomes))
	drawFinishes(&p, s, r.Within)
	p.add("</section>\n")
	r.comparison(&p)
	r.small(&p)
	p.add("</main>\n</body>\n</html>\n")
	return p.Bytes()
}

func (r Report) verdict(p *page) {
	if r.Within > 0 {
		class, answer := "no", "not within"
		if r.Met {
			class, answer = "yes", "within"
		}
		p.add("<p class=\"verdict %s\">Done %s %s: %.3g %% of the simulations are.", class, answer, ClockTime(r.Within), 100*r.Share)
		switch {
		case r.LeastMax > 0:
			p.add(" The smallest <code>max</code> that holds it in 95 of 100 is <b>%d</b>.", r.LeastMax)
		case !r.Met:
			p.add(" No <code>max</code> holds it in 95 of 100: %s.", r.NoMax)
		}
		p.add("</p>\n")
	}
	p.add("<p><b>Why:</b> %s.</p>\n", r.Study.Why())
	for _, warning := range r.Warnings {
		p.add("<p class=\"warning\">%s</p>\n", warning)
	}
}

func (r Report) tiles(p *page) {
	s := r.Study
	finish := func(q float64) string { return ClockTime(s.FinishOrNever(q)) }
	start := func(q float64) string { return ClockTime(s.Time(q, (*Outcome).FirstStartOrNever)) }
	mean := func(of func(*Outcome) float64) float64 { return s.Mean(of) }
	lost := mean(func(o *Outcome) float64 { return float64(o.Lost + o.Unfinished + o.Failed) })
	tile := func(name, value, note string) {
		p.add("<div class=\"tile\"><p>%s</p><b>%s</b><span>%s</span></div>\n", name, value, note)
	}
	p.add("<div class=\"tiles\">\n")
	tile("Done, P50", finish(.5), "P95 "+finish(.95))
	tile("First start, P50", start(.5), "P95 "+start(.95))
	tile("Most tasks at once", fmt.Sprintf("%.0f", s.Quantile(.5, func(o *Outcome) float64 { return float64(o.Peak) })),
		fmt.Sprintf("%.0f task-minutes, %.0f %% of them wasted", mean(func(o *Outcome) float64 { return o.TaskTime.Minutes() }),
			100*mean(func(o *Outcome) float64 { return float64(o.TaskTime-o.Useful) / float64(max(o.TaskTime, 1)) })))
	tile("Cost of a run", money(mean(func(o *Outcome) float64 { return o.Cost.Total() })), money(s.IdleMonth())+" a month idle")
	tile("Jobs without a result", fmt.Sprintf("%.3g", lost),
		fmt.Sprintf("%.3g killed, %.3g repeated", mean(func(o *Outcome) float64 { return float64(o.Killed + o.Interrupted) }),
			mean(func(o *Outcome) float64 { return float64(o.Repeated) })))
	p.add("</div>\n")
}

func (r Report) parts(p *page) {
	parts := r.Median.Parts()
	whole := max(r.Median.Finish.Seconds(), 1)
	list := []struct {
		name, says string
		lasts      time.Duration
	}{
		{"waking", "until something wants a task", parts.Waking},
		{"starting", "until the first job starts", parts.Starting},
		{"waiting", "until the job starts that ends last", parts.Waiting},
		{"running", "until half of the tasks have nothing more to do", parts.Running},
		{"tail", "until the last job ends", parts.Tail},
	}
	p.add("<div class=\"stack\">")
	for i, part := range list {
		if share := 100 * part.lasts.Seconds() / whole; share > 0 {
			p.add("<i class=\"part%d\" style=\"width:%.3f%%\"></i>", i, share)
		}
	}
	p.add("</div>\n<table class=\"parts\">\n")
	for i, part := range list {
		p.add("<tr><td><i class=\"dot part%d\"></i>%s</td><td class=\"n\">%s</td><td>%s</td></tr>\n", i, part.name, ClockTime(part.lasts), part.says)
	}
	p.add("</table>\n")
}

func (r Report) comparison(p *page) {
	if len(r.Compared) == 0 {
		return
	}
	p.add("<section>\n<h2>Beside other ways</h2>\n<p class=\"note\">Time to the last result, in the run in the middle, on a scale that is logarithmic.</p>\n")
	drawCompared(p, r.Compared)
	p.add("<div class=\"wide\"><table class=\"ways\">\n<tr><th>Way</th><th class=\"n\">P50</th><th class=\"n\">P95</th><th class=\"n\">A run</th><th class=\"n\">Idle month</th><th>Stands on</th></tr>\n")
	for _, a := range r.Compared {
		says := strings.Join(a.Assumptions, "; ")
		p50, p95, cost := ClockTime(a.P50), ClockTime(a.P95), money(a.Cost)
		if a.Cannot != "" {
			p50, p95, cost = "cannot", "", ""
			says = strings.TrimSuffix(a.Cannot+"; "+says, "; ")
		}
		if a.Lost > 0 {
			says = fmt.Sprintf("%.3g jobs have no result; ", a.Lost) + says
		}
		p.add("<tr><td>%s</td>", a.Name)
		// A narrow window shows the names, which stand above the columns otherwise.
		for _, cell := range []struct{ name, text string }{{"P50", p50}, {"P95", p95}, {"A run", cost}, {"Idle month", money(a.Month)}} {
			p.add("<td class=\"n\" data-name=\"%s\">%s</td>", cell.name, cell.text)
		}
		p.add("<td class=\"says\">%s</td></tr>\n", says)
	}
	p.add("</table></div>\n</section>\n")
}

// small is what the page stands on.
func (r Report) small(p *page) {
	p.add("<details>\n<summary>What the simulation stands on</summary>\n<div class=\"wide\"><table>\n<tr><th>Figure of AWS's</th><th>Value</th><th>Source</th></tr>\n")
	for _, f := range Figures() {
		p.add("<tr><td>%s</td><td>%s</td><td class=\"says\">%s</td></tr>\n", f.Name, f.Value, f.Source)
	}
	p.add("</table></div>\n<div class=\"wide\"><table>\n<tr><th>Price, %s, %s</th><th class=\"n\">USD</th><th>A</th><th>Source</th><th>Read</th></tr>\n", Region, Priced)
	for _, price := range Prices() {
		p.add("<tr><td>%s</td><td class=\"n\">%s</td><td>%s</td><td class=\"says\">%s</td><td class=\"says\">%s</td></tr>\n", price.Name, digits(price.USD), price.Per, price.Source, price.Seen)
	}
	p.add("</table></div>\n</details>\n")
}

func digits(f float64) string {
	return strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.10f", f), "0"), ".")
}

func money(f float64) string {
	if f > 0 && f < 0.005 {
		return "under $0.01"
	}
	return fmt.Sprintf("$%.2f", f)
}

// ClockTime writes a duration for people: 42s, 4m07s, 1h00m35s, 29h12m, 4d03h, never.
func ClockTime(d time.Duration) string {
	if d == Never {
		return "never"
	}
	d = d.Round(time.Second)
	h, m, s := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	switch {
	case h >= 100:
		return fmt.Sprintf("%dd%02dh", h/24, h%24)
	case h >= 10:
		return fmt.Sprintf("%dh%02dm", h, m)
	case h > 0:
		return fmt.Sprintf("%dh%02dm%02ds", h, m, s)
	case m > 0:
		return fmt.Sprintf("%dm%02ds", m, s)
	}
	return fmt.Sprintf("%ds", s)
}
