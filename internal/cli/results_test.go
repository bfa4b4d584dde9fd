package cli

import (
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/record"
	"github.com/spate-run/spate/internal/run"
)

// rows are those of a run of any size; the last alone has a metric.
func rows(n int) func(yield func(run.Row, error) bool) {
	return func(yield func(run.Row, error) bool) {
		for i := range n {
			row := run.Row{Index: i, Config: job.Config{{Name: "p", Value: job.Value{Text: "a b", Literal: false}}}, State: record.Cancelled}
			if i%2 == 1 {
				row.Result = &record.Result{State: record.Done}
			}
			if i == n-1 {
				row.Result.Metrics = map[string]float64{"m": 0.1}
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

func TestEveryLineOfACSVHasAllColumns(t *testing.T) {
	var out strings.Builder
	if err := printAllCSV(&out, []string{"p"}, rows(4)); err != nil {
		t.Fatal(err)
	}
	want := "index,p,state,seconds,m\n0,a b,cancelled,,\n1,a b,done,0.000,\n2,a b,cancelled,,\n3,a b,done,0.000,0.1\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestACSVOfAnySizeTakesLittleMemory(t *testing.T) {
	const n, most = 20_000, 2 << 20
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, last := heap(), uint64(0)
	counted := func(yield func(run.Row, error) bool) {
		rows(n)(yield)
		last = heap()
	}
	if err := printAllCSV(io.Discard, []string{"p"}, counted); err != nil {
		t.Fatal(err)
	}
	if last > before+most {
		t.Errorf("%d rows take %d bytes of memory, want at most %d", n, last-before, most)
	}
}

// Values, and names of metrics, that would break a table or change a terminal
// are escaped in it. CSV and JSON have them as they are.
func TestTablesEscapeWhatIsNoText(t *testing.T) {
	odd := "a\tb\nc\x1b[31m\u202e\xff é 文"
	row := run.Row{
		Config: job.Config{{Name: "p", Value: job.Text(odd)}}, State: record.Done,
		Result: &record.Result{State: record.Done, Metrics: map[string]float64{"m\nn": 1}},
	}
	var table, csv strings.Builder
	if err := printResults(&table, []string{"p"}, []run.Row{row}, "table"); err != nil {
		t.Fatal(err)
	}
	if err := printResults(&csv, []string{"p"}, []run.Row{row}, "csv"); err != nil {
		t.Fatal(err)
	}
	want := "INDEX  P                                  STATE  SECONDS  M\\nN\n" +
		`0      a\tb\nc\x1b[31m\u202e\xff é 文  done   0.000    1` + "\n"
	if diff := cmp.Diff(strings.Join(strings.Fields(want), " "), strings.Join(strings.Fields(table.String()), " ")); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	if got := csv.String(); !strings.Contains(got, odd) || !strings.Contains(got, "m\nn") {
		t.Errorf("CSV: got %q, want %q in it", got, odd)
	}
}

// Metrics and parameters that are named like columns of the table have columns
// of their own, by which it can be sorted.
func TestColumnsOfOneName(t *testing.T) {
	metrics := map[string]float64{"State": 2, "n": 3, "loss": 4, "time": 5}
	rows := []run.Row{
		{Index: 0, Config: job.Config{{Name: "index", Value: job.Text("7")}, {Name: "n", Value: job.Text("8")}}, State: record.Cancelled},
		{Index: 1, Config: job.Config{{Name: "index", Value: job.Text("6")}, {Name: "n", Value: job.Text("9")}}, State: record.Done,
			Result: &record.Result{State: record.Done, Metrics: metrics}},
	}
	var got strings.Builder
	if err := printResults(&got, []string{"index", "n"}, rows, "csv"); err != nil {
		t.Fatal(err)
	}
	const want = "index,param.index,n,state,seconds,metric.State,loss,metric.n,metric.time\n0,7,8,cancelled,,,,,\n1,6,9,done,0.000,2,4,3,5\n"
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for order, first := range map[string]int{
		"metric.n": 1, "param.index": 1, "index": 0, "-index": 1, "n": 0, "-n": 1, "metric.State": 1, "state": 0, "seconds": 1, "metric.time": 1,
	} {
		sorted := slices.Clone(rows)
		if err := sortRows(sorted, order); err != nil {
			t.Errorf("sorting by %s: %v", order, err)
		} else if sorted[0].Index != first {
			t.Errorf("sorting by %s: got job %d first, want %d", order, sorted[0].Index, first)
		}
	}
}
