package agent_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/record"
)

func TestAGenerationIsDoneWhenItsJobsHaveResults(t *testing.T) {
	b := newBed(t)
	b.run(3, nil)
	b.put(record.RetryKey(runID, 2), record.Retry{Indices: []int{0, 2}})
	b.send(0, 2, "{}")
	b.send(2, 2, "{}")
	b.work(`test $SPATE_INDEX = 0 || exit 65`)
	b.await("the generation is done", func() bool { return b.exists(record.DoneKey(runID, 2)) })
	var got record.Finish
	b.get(record.DoneKey(runID, 2), &got)
	if diff := cmp.Diff(record.Finish{Jobs: 2, Failed: 1}, got, whenever); diff != "" {
		t.Errorf("done (-want +got):\n%s", diff)
	}
	if b.exists(record.DoneKey(runID, 1)) {
		t.Error("the first generation is done without a result")
	}
}
