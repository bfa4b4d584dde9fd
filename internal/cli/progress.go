package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/run"
)

// A progress shows how far a run has come: on a terminal one block that is
// drawn over and over, elsewhere a line every few seconds.
type progress struct {
	w        io.Writer
	label    func(index int) string
	started  time.Time
	size     func() (columns, rows int) // of the terminal; nil where there is none
	coloured bool
	drawn    []int // the columns of the block's lines as they were drawn last
	next     time.Time
	trouble  string // that was told last
	taken    int    // tasks by Spot, that were told last
}

// The pace of the lines where there is no terminal.
const lineEvery = 3 * time.Second

func (a *app) newProgress(r *run.Run, label func(index int) string) *progress {
	p := &progress{w: a.stderr, label: label, started: time.Now()}
	if onTerminal(a.stderr) && os.Getenv("TERM") != "dumb" {
		f := a.stderr.(*os.File)
		p.size = func() (int, int) { return terminalSize(f) }
		p.coloured = os.Getenv("NO_COLOR") == ""
	}
	fmt.Fprintf(p.w, "%s: %s, run %s\n", r.Job.Name, count(r.Jobs, "job"), r.ID)
	return p
}

// terminalSize asks each time: people change it. One that does not tell has
// the columns and rows that terminals used to have.
func terminalSize(f *os.File) (columns, rows int) {
	columns, rows, err := term.GetSize(int(f.Fd()))
	if err != nil || columns <= 0 || rows <= 0 {
		return 80, 24
	}
	return columns, rows
}

// update shows how far the run has come by now.
func (p *progress) update(now run.Progress) {
	if p.size != nil {
		columns, rows := p.size()
		p.draw(p.block(now, columns-1), columns, rows)
		return
	}
	if time.Now().Before(p.next) && !now.Finished() && now.Trouble == p.trouble && now.Interruptions == p.taken {
		return
	}
	p.next, p.trouble, p.taken = time.Now().Add(lineEvery), now.Trouble, now.Interruptions
	fmt.Fprintln(p.w, p.line(now))
}

// draw replaces the block. Lines are cut so that each takes one row, and there
// are fewer than the terminal has: else the block could not be found again. One
// that has become narrower since may have broken the lines that are there.
func (p *progress) draw(lines []line, columns, rows int) {
	var b strings.Builder
	up := 0
	for _, width := range p.drawn {
		up += max(1, (width+columns-1)/columns)
	}
	if up > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", min(up, rows-1))
	}
	p.drawn = p.drawn[:0]
	for _, l := range lines[:min(len(lines), max(1, rows-1))] {
		l = l.cut(columns - 1)
		p.drawn = append(p.drawn, l.width())
		b.WriteString("\r" + l.write(p.coloured) + "\x1b[K\n")
	}
	b.WriteString("\x1b[J")
	_, _ = io.WriteString(p.w, b.String())
}

func (p *progress) line(now run.Progress) string {
	s := fmt.Sprintf("%6s  %d of %d done, %d failed, %d running, %d waiting; tasks %d of %d",
		took(time.Since(p.started).Truncate(time.Second)), now.Done, now.Jobs, now.Failed, len(now.Running), now.Waiting(),
		now.Tasks.Running, now.Tasks.Desired)
	if now.Cancelled > 0 {
		s += fmt.Sprintf("; %d cancelled", now.Cancelled)
	}
	if now.Rate() > 0 && !now.Finished() {
		s += fmt.Sprintf("; %.1f/s, %s left", now.Rate(), roughly(now.Left()))
	}
	if now.Interruptions > 0 {
		s += "; " + interruptions(now.Interruptions)
	}
	if now.Trouble != "" {
		s += "; no task starts: " + now.Trouble
	}
	return s
}

// interruptions tells of tasks that AWS took back. Their jobs are tried again.
func interruptions(n int) string { return count(n, "task") + " taken back by Spot" }

// slowest is how many running jobs the block names.
const slowest = 3

// block is what a terminal shows, for lines of so many columns.
func (p *progress) block(now run.Progress, columns int) []line {
	lines := []line{
		p.counts(now, columns),
		{{dim, p.pace(now)}},
	}
	if now.Interruptions > 0 {
		lines = append(lines, line{{dim, interruptions(now.Interruptions) + "; their jobs are tried again"}})
	}
	if now.Trouble != "" {
		lines = append(lines, line{{yellow, "no task starts: " + now.Trouble}})
	}
	for _, attempt := range now.Running[:min(slowest, len(now.Running))] {
		name := fmt.Sprintf("  #%d", attempt.Index)
		if attempt.Number > 1 {
			name += fmt.Sprintf(" (attempt %d)", attempt.Number)
		}
		text := name + "  " + took(time.Since(attempt.Started).Truncate(100*time.Millisecond)) + "  " + p.label(attempt.Index)
		lines = append(lines, line{{plain, text}})
	}
	return lines
}

// counts is the bar, where there is room for one, and what it shows in numbers.
func (p *progress) counts(now run.Progress, columns int) line {
	counts := line{{green, fmt.Sprintf("%d done", now.Done)}}
	add := func(s style, n int, what string) {
		counts = append(counts, span{dim, " · "}, span{s, fmt.Sprintf("%d %s", n, what)})
	}
	if now.Failed > 0 {
		add(red, now.Failed, "failed")
	}
	if now.Cancelled > 0 {
		add(yellow, now.Cancelled, "cancelled")
	}
	add(cyan, len(now.Running), "running")
	add(dim, now.Waiting(), "waiting")
	const gap, widest, narrowest = "  ", 40, 5
	width := min(widest, columns-counts.width()-len(gap))
	if width < narrowest {
		return counts
	}
	return append(append(bar(now, width), span{plain, gap}), counts...)
}

func (p *progress) pace(now run.Progress) string {
	pace := took(time.Since(p.started).Truncate(100 * time.Millisecond))
	if now.Rate() > 0 && !now.Finished() {
		pace += fmt.Sprintf("   %.1f jobs/s   %s left", now.Rate(), roughly(now.Left()))
	}
	return pace + fmt.Sprintf("   tasks %d, wanted %d", now.Tasks.Running, now.Tasks.Desired)
}

// bar draws done and failed jobs to scale.
func bar(now run.Progress, width int) line {
	done := width * now.Done / max(1, now.Jobs)
	failed := width * (now.Done + now.Failed) / max(1, now.Jobs)
	return line{
		{green, strings.Repeat("█", done)}, {red, strings.Repeat("█", failed-done)}, {dim, strings.Repeat("░", width-failed)},
	}
}

// roughly rounds a time that is an estimate.
func roughly(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Round(time.Second).Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Round(time.Minute).Minutes()))
	}
	return fmt.Sprintf("%.1fh", d.Hours())
}

// labels names the jobs of a source by their configurations.
func labels(source *job.Source, most int) func(index int) string {
	var names []string
	for c, err := range source.Configs {
		if err != nil || len(names) == most {
			break
		}
		names = append(names, c.String())
	}
	return func(index int) string {
		if index >= len(names) {
			return ""
		}
		return names[index]
	}
}
