package simulation

import (
	"fmt"
	"testing"
	"time"
)

// From nothing to what a run needs takes one step: by the alarm alone, and by a
// client that raises the minimum. The way back ends at 0.
func TestOneStepFromEmpty(t *testing.T) {
	for _, n := range []int{1, 5, 12, 100} {
		for _, kicked := range []float64{0, 1} {
			t.Run(fmt.Sprintf("%d jobs, kicked %v", n, kicked), func(t *testing.T) {
				w := simulate(t, 1, func(p *plan) {
					*p = plan{
						limit: n, slots: n, cadence: 1, keeper: true, jobs: n, batches: 1, kicked: kicked,
						longest: 20 * time.Minute, storm: time.Minute,
					}
				})
				if len(w.counts) < 2 || w.counts[0] != n || w.counts[len(w.counts)-1] != 0 {
					t.Fatalf("scaled to %v, want %d first and 0 last", w.counts, n)
				}
				for i, count := range w.counts[1:] {
					if count >= w.counts[i] {
						t.Errorf("scaled to %v, want nothing but scaling in after the first step", w.counts)
					}
				}
				if got := len(w.numbered); got != n {
					t.Errorf("got %d tasks started, want %d: one for each job", got, n)
				}
			})
		}
	}
}
