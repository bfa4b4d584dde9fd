package agent_test

import (
	"testing"

	"github.com/spate-run/spate/internal/agent"
	"github.com/spate-run/spate/internal/record"
)

// BenchmarkJob measures what a worker and its engine take for a job that does
// nothing, the process included.
func BenchmarkJob(bench *testing.B) {
	b := newBed(bench)
	b.run(bench.N, nil)
	for i := range bench.N {
		b.send(i, 1, "{}")
	}
	bench.ResetTimer()
	b.work("", func(c *agent.Config) { c.Command, c.Log = []string{"true"}, nil })
	b.await("an empty queue", func() bool { _, all := b.queued(); return all == 0 })
	bench.StopTimer()
	results := 0
	for range b.records.Indices(bench.Context(), record.ResultsPrefix(runID, 1)) {
		results++
	}
	if results != bench.N {
		bench.Errorf("got %d results of %d jobs", results, bench.N)
	}
}
