package run

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/record"
)

// What ECS has forgotten is told by the attempts; what nothing is known of is
// counted apart.
func TestUsageIsReadFromTheAttempts(t *testing.T) {
	r := newRun(t, newStack(t), 3)
	waits := newTask(t, r.Stack) // which also makes the cluster
	began := time.Date(2026, 1, 5, 6, 0, 0, 0, time.UTC)
	put := func(index, attempt int, task string, from, to time.Duration) {
		t.Helper()
		prefix := record.AttemptPrefix(r.ID, index, 1, attempt)
		start := record.Start{Run: r.ID, Index: index, Generation: 1, Attempt: attempt, Task: task, Started: began.Add(from)}
		err := r.Stack.Records().PutJSON(t.Context(), prefix+"start.json", start)
		if err == nil && to > 0 {
			end := record.End{State: record.Failed, Started: began.Add(from), Ended: began.Add(to)}
			err = r.Stack.Records().PutJSON(t.Context(), prefix+"end.json", end)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	gone := waits[:len(waits)-4] + "0000"
	put(0, 1, gone, 0, time.Minute)
	put(0, 2, gone, 2*time.Minute, 5*time.Minute)
	put(1, 1, gone, 6*time.Minute, 7*time.Minute)
	put(2, 1, gone, 8*time.Minute, 0)
	u, err := r.Usage(t.Context(), began.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	want := &Usage{
		Jobs:     []time.Duration{4 * time.Minute, time.Minute, 0},
		Tasks:    []TaskUsage{{ARN: gone, From: began, To: began.Add(8 * time.Minute), Busy: 5 * time.Minute}},
		Attempts: 4, Unknown: 1,
	}
	if diff := cmp.Diff(want, u); diff != "" {
		t.Errorf("usage (-want +got):\n%s", diff)
	}
}
