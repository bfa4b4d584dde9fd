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
	terminal bool
	width    int
	lines    int // of the block as it was drawn last
	next     time.Time
	trouble  string // that was told last
}

// The pace of the lines where there is no terminal.
const lineEvery = 3 * time.Second

func (a *app) newProgress(r *run.Run, label func(index int) string) *progress {
	p := &progress{w: a.stderr, label: label, started: time.Now()}
	if f, ok := a.stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" {
		p.terminal = true
		p.width, _, _ = term.GetSize(int(f.Fd()))
	}
	p.width = max(p.width, 60)
	fmt.Fprintf(p.w, "%s: %s, run %s\n", r.Job.Name, count(r.Jobs, "job"), r.ID)
	return p
}

// update shows how far the run has come by now.
func (p *progress) update(now run.Progress) {
	if p.terminal {
		p.draw(p.block(now))
		return
	}
	if time.Now().Before(p.next) && !now.Finished() && now.Trouble == p.trouble {
		return
	}
	p.next, p.trouble = time.Now().Add(lineEvery), now.Trouble
	fmt.Fprintln(p.w, p.line(now))
}

// draw replaces the block. Lines are cut to the terminal's width, so that each
// takes one row and the block can be found again.
func (p *progress) draw(lines []string) {
	var b strings.Builder
	if p.lines > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", p.lines)
	}
	for _, line := range lines {
		b.WriteString("\r" + line + "\x1b[K\n")
	}
	b.WriteString("\x1b[J")
	p.lines = len(lines)
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
	if now.Trouble != "" {
		s += "; no task starts: " + now.Trouble
	}
	return s
}

// slowest is how many running jobs the block names.
const slowest = 3

func (p *progress) block(now run.Progress) []string {
	counts := []string{green.of(fmt.Sprintf("%d done", now.Done))}
	if now.Failed > 0 {
		counts = append(counts, red.of(fmt.Sprintf("%d failed", now.Failed)))
	}
	if now.Cancelled > 0 {
		counts = append(counts, yellow.of(fmt.Sprintf("%d cancelled", now.Cancelled)))
	}
	counts = append(counts, cyan.of(fmt.Sprintf("%d running", len(now.Running))), dim.of(fmt.Sprintf("%d waiting", now.Waiting())))
	pace := took(time.Since(p.started).Truncate(100 * time.Millisecond))
	if now.Rate() > 0 && !now.Finished() {
		pace += fmt.Sprintf("   %.1f jobs/s   %s left", now.Rate(), roughly(now.Left()))
	}
	pace += fmt.Sprintf("   tasks %d, wanted %d", now.Tasks.Running, now.Tasks.Desired)
	lines := []string{
		p.bar(now) + "  " + strings.Join(counts, dim.of(" · ")),
		dim.of(cut(pace, p.width-1)),
	}
	if now.Trouble != "" {
		lines = append(lines, yellow.of(cut("no task starts: "+now.Trouble, p.width-1)))
	}
	for _, attempt := range now.Running[:min(slowest, len(now.Running))] {
		name := fmt.Sprintf("  #%d", attempt.Index)
		if attempt.Number > 1 {
			name += fmt.Sprintf(" (attempt %d)", attempt.Number)
		}
		text := fmt.Sprintf("%s  %s  %s", name, took(time.Since(attempt.Started).Truncate(100*time.Millisecond)), p.label(attempt.Index))
		lines = append(lines, cut(text, p.width-1))
	}
	return lines
}

// bar draws done and failed jobs to scale.
func (p *progress) bar(now run.Progress) string {
	width := min(40, p.width/3)
	done := width * now.Done / max(1, now.Jobs)
	failed := width * (now.Done + now.Failed) / max(1, now.Jobs)
	return green.of(strings.Repeat("█", done)) + red.of(strings.Repeat("█", failed-done)) +
		dim.of(strings.Repeat("░", width-failed))
}

// cut shortens a line to a number of columns.
func cut(s string, columns int) string {
	runes := []rune(s)
	if len(runes) <= columns {
		return s
	}
	return string(runes[:max(0, columns-1)]) + "…"
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
