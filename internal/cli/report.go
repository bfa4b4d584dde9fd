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
)

// report prints the best configurations, the failures with the ends of their
// logs, the times, and what to type next.
func (a *app) report(ctx context.Context, r *run.Run, wall time.Duration) error {
	rows, err := r.Rows(ctx)
	if err != nil {
		return err
	}
	if err := a.reportBest(r, rows); err != nil {
		return err
	}
	if err := a.reportFailures(ctx, r, rows); err != nil {
		return err
	}
	var work time.Duration
	for _, row := range rows {
		if row.Result != nil {
			work += duration(*row.Result)
		}
	}
	fmt.Fprintf(a.stderr, "\nwall time %s, job time %s, speed-up %.1f\n", took(wall), took(work), work.Seconds()/max(wall.Seconds(), 1e-3))
	fmt.Fprintf(a.stderr, "next: spate results %[1]s --sort %[2]s\n      spate results %[1]s --download out\n      spate logs %[1]s 0\n",
		shortID(r.ID), firstMetric(rows))
	return nil
}

// firstMetric is what results are sorted by when nobody says.
func firstMetric(rows []run.Row) string {
	if metrics := metricNames(rows); len(metrics) > 0 {
		return metrics[0]
	}
	return "time"
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
		fmt.Fprintf(a.stderr, "\nthe %d with the lowest %s, of %d done:\n", len(shown), metric, len(done))
	} else {
		fmt.Fprintf(a.stderr, "\nby %s:\n", metric)
	}
	return printResults(a.stdout, r.Params, shown, "table")
}

func (a *app) reportFailures(ctx context.Context, r *run.Run, rows []run.Row) error {
	failed := slices.DeleteFunc(slices.Clone(rows), func(row run.Row) bool {
		return row.Result == nil || row.Result.State == record.Done
	})
	for i, row := range failed {
		if i == failuresShown {
			fmt.Fprintf(a.stderr, "… and %d more: spate results %s --sort time\n", len(failed)-i, shortID(r.ID))
			break
		}
		fmt.Fprintf(a.stderr, "\njob %d %s: %s\n", row.Index, row.Result.State, row.Config)
		if row.Result.Reason != "" {
			fmt.Fprintf(a.stderr, "  %s\n", row.Result.Reason)
		}
		tail, err := r.LogTail(ctx, *row.Result, tailBytes)
		if err != nil {
			return err
		}
		for _, line := range lastLines(tail, tailLines) {
			fmt.Fprintf(a.stderr, "  | %s\n", line)
		}
	}
	return nil
}

func lastLines(text string, n int) []string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(lines) == 1 && lines[0] == "" {
		return nil
	}
	return lines[max(0, len(lines)-n):]
}
