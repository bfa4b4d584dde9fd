package cli

import (
	"bufio"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/record"
	"github.com/spate-run/spate/internal/run"
	"github.com/spate-run/spate/internal/sorting"
)

func (a *app) resultsCommand() *cobra.Command {
	var output outputFlag
	var order, dir string
	cmd := &cobra.Command{
		Use:   "results RUN",
		Short: "Print the results of a run, and fetch its outputs",
		Example: `  spate results last --sort mape          the lowest first
  spate results last --sort -accuracy     the highest first
  spate results last -o csv > results.csv
  spate results last --download out       outputs and logs, a folder a job`,
		Args:              misused(oneRun),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			if info, err := os.Stat(dir); err == nil && !info.IsDir() {
				return &usageError{err: &hintedError{
					fact: dir + " is a file, and outputs go into a folder", hint: "name another: --download out",
				}}
			}
			ctx := cmd.Context()
			return a.withEngine(ctx, client.Look, func(s *client.Session) error {
				r, err := run.Find(ctx, s.AWS, args[0])
				if err != nil {
					return err
				}
				if output == "csv" && order == "" && dir == "" {
					return printAllCSV(a.stdout, r.Params, r.EachRow(ctx))
				}
				rows, err := r.Rows(ctx)
				if err != nil {
					return err
				}
				if err := sortRows(rows, order); err != nil {
					return err
				}
				if dir != "" {
					return a.download(ctx, r, rows, dir)
				}
				return printResults(a.stdout, r.Params, rows, output)
			})
		},
	}
	output.register(cmd, "table", "json", "csv")
	cmd.Flags().StringVar(&order, "sort", "", "sort by a metric, a parameter or `time`; -NAME sorts downwards")
	cmd.Flags().StringVar(&dir, "download", "", "write outputs and logs into this `folder`")
	return cmd
}

func (a *app) download(ctx context.Context, r *run.Run, rows []run.Row, dir string) error {
	files, err := r.Download(ctx, rows, dir)
	if bad, ok := errors.AsType[*fs.PathError](err); ok && !errors.Is(err, syscall.ENOSPC) {
		return &hintedError{fact: bad.Error(), hint: "name another folder: --download out"}
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "%s written to %s\n", count(files, "file"), dir)
	return nil
}

// metricNames lists the metrics that any of the rows has.
func metricNames(rows []run.Row) []string {
	names := map[string]bool{}
	for _, row := range rows {
		if row.Result != nil {
			for name := range row.Result.Metrics {
				names[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// sortRows sorts by a column or "time"; rows that have no such value come last.
// An empty order keeps the order of the configurations.
func sortRows(rows []run.Row, order string) error {
	name, down := strings.CutPrefix(order, "-")
	if name == "" || len(rows) == 0 {
		return nil
	}
	c := newColumns(rows[0].Config.Names(), metricNames(rows))
	of, ok := c.by(name)
	if !ok {
		known := slices.Concat(headingsOf(c.metrics), headingsOf(c.params), []string{"time"})
		hint := "there are " + strings.Join(known, ", ")
		if near, ok := job.Nearest(name, known); ok {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		return &hintedError{fact: fmt.Sprintf("there is neither a metric nor a parameter %q", name), hint: hint}
	}
	sorting.By(rows, func(x, y run.Row) int {
		a, b := of(x), of(y)
		if a.missing || b.missing {
			return cmp.Compare(btoi(a.missing), btoi(b.missing))
		}
		c := cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.text, b.text))
		if down {
			return -c
		}
		return c
	})
	return nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func duration(r record.Result) time.Duration { return r.Ended.Sub(r.Started) }

func printResults(w io.Writer, params []string, rows []run.Row, output outputFlag) error {
	c := newColumns(params, metricNames(rows))
	switch output {
	case "json":
		return printResultsJSON(w, rows)
	case "csv":
		return printCSV(w, c, func(yield func(run.Row, error) bool) {
			for _, row := range rows {
				if !yield(row, nil) {
					return
				}
			}
		})
	}
	headings := c.headings()
	for i := range headings {
		headings[i] = strings.ToUpper(headings[i])
	}
	var cells [][]string
	for _, row := range rows {
		line := c.cells(row, number)
		for i := range line {
			line[i] = shorten(line[i], widestCell)
		}
		cells = append(cells, line)
	}
	return printTable(w, headings, cells)
}

// printAllCSV prints the rows of a run of any size. The first line names the
// metrics, which are known when the last row has been read: until then the rows
// wait in a file.
func printAllCSV(w io.Writer, params []string, rows iter.Seq2[run.Row, error]) (err error) {
	f, err := os.CreateTemp("", "spate-results-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	kept := bufio.NewWriterSize(f, 1<<16)
	to := json.NewEncoder(kept)
	metrics := map[string]bool{}
	for row, err := range rows {
		if err != nil {
			return err
		}
		if row.Result != nil {
			for name := range row.Result.Metrics {
				metrics[name] = true
			}
		}
		if err := to.Encode(row); err != nil {
			return fmt.Errorf("keeping the results: %w", err)
		}
	}
	if err := kept.Flush(); err != nil {
		return fmt.Errorf("keeping the results: %w", err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return printCSV(w, newColumns(params, slices.Sorted(maps.Keys(metrics))), decodeRows(f))
}

func decodeRows(from io.Reader) iter.Seq2[run.Row, error] {
	return func(yield func(run.Row, error) bool) {
		decoder := json.NewDecoder(from)
		for {
			var row run.Row
			err := decoder.Decode(&row)
			if errors.Is(err, io.EOF) || !yield(row, err) || err != nil {
				return
			}
		}
	}
}

func printCSV(w io.Writer, c columns, rows iter.Seq2[run.Row, error]) error {
	exact := func(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
	out := csv.NewWriter(w)
	if err := out.Write(c.headings()); err != nil {
		return err
	}
	for row, err := range rows {
		if err != nil {
			return err
		}
		if err := out.Write(c.cells(row, exact)); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// A resultLine is one job in the JSON output.
type resultLine struct {
	Index      int                `json:"index"`
	Params     job.Config         `json:"params"`
	State      string             `json:"state"`
	Generation int                `json:"generation"`
	Attempts   int                `json:"attempts,omitempty"`
	ExitCode   *int               `json:"exitCode,omitempty"`
	Reason     string             `json:"reason,omitempty"`
	Seconds    float64            `json:"seconds,omitempty"`
	Metrics    map[string]float64 `json:"metrics,omitempty"`
	Outputs    []record.Output    `json:"outputs,omitempty"`
}

func printResultsJSON(w io.Writer, rows []run.Row) error {
	lines := make([]resultLine, len(rows))
	for i, row := range rows {
		lines[i] = resultLine{Index: row.Index, Params: row.Config, Generation: row.Generation, State: string(row.State)}
		if r := row.Result; r != nil {
			lines[i].State, lines[i].Attempts, lines[i].ExitCode = string(r.State), r.Attempts, &r.ExitCode
			lines[i].Reason, lines[i].Seconds = r.Reason, duration(*r).Seconds()
			lines[i].Metrics, lines[i].Outputs = r.Metrics, r.Outputs
		}
	}
	return printJSON(w, lines)
}
