package cli

import (
	"io"
	"runtime"
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
