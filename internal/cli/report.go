package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spate-run/spate/internal/record"
	"github.com/spate-run/spate/internal/run"
)

// How much of a run its report shows.
const (
	bestShown     = 10
	failuresShown = 5
	tailLines     = 5
	tailBytes     = 4 << 10
	reportMost    = 20_000 // jobs
)

// report prints the best configurations, the failures with the ends of their
// logs, the times, and what to type next. Of a very large run it tells no
// more than counts, which need not be read result by result.
func (a *app) report(ctx context.Context, r *run.Run, p run.Progress, f following) error {
	if r.Jobs > reportMost && f.output == "table" {
		fmt.Fprintf(a.stderr, "\n%s: %d done, %d failed, %d cancelled; wall time %s\n",
			count(r.Jobs, "job"), p.Done, p.Failed, p.Cancelled, took(p.LastEnd.Sub(f.since)))
		a.next("spate results " + shortID(r.ID) + " -o csv > results.csv")
		return nil
	}
	rows, err := r.Rows(ctx)
	if err != nil {
		return err
	}
	if f.output == "table" {
		err = a.reportBest(r, rows)
	} else {
		err = printResults(a.stdout, r.Params, rows, f.output)
	}
	if err != nil {
		return err
	}
	if err := a.reportFailures(ctx, r, rows); err != nil {
		return err
	}
	if p.Cancelled > 0 {
		fmt.Fprintf(a.stderr, "\n%s cancelled\n", count(p.Cancelled, "job"))
	}
	a.reportMetrics(r, rows)
	a.reportTimes(rows, p, f.since)
	a.suggest(r, rows, p)
	return nil
}

// reportMetrics tells of numbers that are missing in the table.
func (a *app) reportMetrics(r *run.Run, rows []run.Row) {
	bad := slices.DeleteFunc(slices.Clone(rows), func(row run.Row) bool {
		return row.Result == nil || row.Result.BadMetrics == ""
	})
	if len(bad) > 0 {
		fmt.Fprintf(a.stderr, "\nthe metrics of %s could not be read, or not all: spate show %s %d\n",
			count(len(bad), "job"), shortID(r.ID), bad[0].Index)
	}
}

// reportTimes tells how much faster jobs were done than one after the other.
func (a *app) reportTimes(rows []run.Row, p run.Progress, since time.Time) {
	var work time.Duration
	last := since
	for _, row := range rows {
		if row.Result != nil && row.Result.Ended.After(since) {
			work += duration(*row.Result)
			if row.Result.Ended.After(last) {
				last = row.Result.Ended
			}
		}
	}
	if p.Done == 0 || work == 0 {
		return
	}
	if p.LastEnd.After(last) {
		last = p.LastEnd // outputs travel after the job has ended
	}
	wall := last.Sub(since)
	fmt.Fprintf(a.stderr, "\nwall time %s, job time %s, speed-up %.1f\n", took(wall), took(work), work.Seconds()/max(wall.Seconds(), 1e-3))
}

// suggest says what to type next.
func (a *app) suggest(r *run.Run, rows []run.Row, p run.Progress) {
	id := shortID(r.ID)
	var commands []string
	if p.Done > 0 {
		commands = append(commands, "spate results "+id+" --sort "+shellQuote([]string{firstMetric(rows)}), "spate results "+id+" --download out")
	}
	for _, row := range rows {
		if row.State == record.Failed {
			commands = append(commands, fmt.Sprintf("spate show %s %d", id, row.Index))
			break
		}
	}
	if p.Failed+p.Cancelled > 0 {
		commands = append(commands, "spate retry "+id)
	} else {
		commands = append(commands, "spate logs "+id+" 0")
	}
	a.next(commands...)
}

// firstMetric heads the column that results are sorted by when nobody says.
func firstMetric(rows []run.Row) string {
	metrics := metricNames(rows)
	if len(metrics) == 0 {
		return "time"
	}
	return newColumns(rows[0].Config.Names(), metrics).metrics[0].heading
}

// reportBest prints the table of results: the whole of a short one, else the
// configurations with the lowest first metric.
func (a *app) reportBest(r *run.Run, rows []run.Row) error {
	done := slices.DeleteFunc(slices.Clone(rows), func(row run.Row) bool {
		return row.Result == nil || row.Result.State != record.Done
	})
	if len(done) == 0 {
		return nil
	}
	metric := firstMetric(done)
	if err := sortRows(done, metric); err != nil {
		return err
	}
	shown := done[:min(bestShown, len(done))]
	if len(done) > len(shown) {
		fmt.Fprintf(a.stderr, "\nthe %d with the lowest %s, of %d done:\n", len(shown), cell(metric), len(done))
	} else {
		fmt.Fprintf(a.stderr, "\nby %s:\n", cell(metric))
	}
	return printResults(a.stdout, r.Params, shown, "table")
}

func (a *app) reportFailures(ctx context.Context, r *run.Run, rows []run.Row) error {
	failed := slices.DeleteFunc(slices.Clone(rows), func(row run.Row) bool {
		return row.Result == nil || row.Result.State == record.Done
	})
	for i, row := range failed {
		if i == failuresShown {
			fmt.Fprintf(a.stderr, "… and %d more: spate show %s\n", len(failed)-i, shortID(r.ID))
			break
		}
		fmt.Fprintf(a.stderr, "\n%s\n", jobTitle(row, fmt.Sprintf("job %d %s", row.Index, row.Result.State)))
		if row.Result.Reason != "" {
			fmt.Fprintf(a.stderr, "  %s\n", cell(row.Result.Reason))
		}
		tail, err := r.LogTail(ctx, *row.Result, tailBytes)
		if err != nil {
			return err
		}
		for _, line := range lastLines(tail, tailLines) {
			fmt.Fprintf(a.stderr, "  | %s\n", shown(line))
		}
	}
	return nil
}

// jobTitle adds a job's parameters to what is said of it, where it has some.
func jobTitle(row run.Row, title string) string {
	if len(row.Config) == 0 {
		return title
	}
	return title + ": " + cell(row.Config.String())
}

// shown is a line of a log as a terminal leaves it, without colours: what is
// behind the last carriage return has overwritten the rest.
func shown(line string) string {
	line = strings.TrimRight(line, "\r")
	line = line[strings.LastIndexByte(line, '\r')+1:]
	return cell(strings.ReplaceAll(uncoloured(line), "\t", "    "))
}

func lastLines(text string, n int) []string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(lines) == 1 && lines[0] == "" {
		return nil
	}
	return lines[max(0, len(lines)-n):]
}
