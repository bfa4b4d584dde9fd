package agent

import (
	"context"
	"errors"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/record"
	"github.com/spate-run/spate/internal/sorting"
)

// mostLost is how many attempts in a row may be lost before the job is given
// up: it takes its worker along, as one does that needs too much memory.
const mostLost = 3

// mostUnrecorded is how many attempts may be done without a result before the
// job is given up: what one leaves that cannot be written, the next leaves too.
const mostUnrecorded = 3

// A history is what became of a job's earlier attempts in a generation, by
// their numbers.
type history []past

// A past is an earlier attempt; without an end it was lost. (Or it runs on
// elsewhere, should a message be given out twice: nothing tells, and the first
// result counts.)
type past struct {
	number int
	end    *record.End
}

// history reads what became of a job's attempts.
func (w *worker) history(ctx context.Context, r ref) (history, error) {
	folders, err := w.records.Folders(ctx, record.JobPrefix(r.run, r.index))
	if err != nil {
		return nil, err
	}
	var h history
	for _, folder := range folders {
		if generation, number, ok := record.ParseAttemptFolder(folder); ok && generation == r.generation {
			h = append(h, past{number: number})
		}
	}
	sorting.By(h, func(a, b past) int { return a.number - b.number })
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(transfers)
	for i := range h {
		group.Go(func() error {
			var end record.End
			err := w.records.GetJSON(ctx, r.prefix(h[i].number)+"end.json", &end)
			if _, missing := errors.AsType[*record.NotFoundError](err); missing {
				return nil
			}
			h[i].end = &end
			return err
		})
	}
	return h, group.Wait()
}

// prefix is where the records of an attempt are.
func (r ref) prefix(attempt int) string {
	return record.AttemptPrefix(r.run, r.index, r.generation, attempt)
}

// next is the number of the attempt after those that are known.
func (h history) next() int {
	if len(h) == 0 {
		return 1
	}
	return h[len(h)-1].number + 1
}

// failures counts the attempts that failed on their own.
func (h history) failures() int { return h.count(record.Failed) }

// interruptions counts the attempts that ended without counting.
func (h history) interruptions() int { return h.count(record.Interrupted) }

// unrecorded counts the attempts that were done, and yet left no result.
func (h history) unrecorded() int { return h.count(record.Done) }

// count counts the attempts that ended so.
func (h history) count(state record.State) int {
	n := 0
	for _, p := range h {
		if p.end != nil && p.end.State == state {
			n++
		}
	}
	return n
}

// lost counts the attempts without an end since the last that has one.
func (h history) lost() int {
	n := 0
	for _, p := range slices.Backward(h) {
		if p.end != nil {
			break
		}
		n++
	}
	return n
}

// isOver says whether there is to be no further attempt.
func (h history) isOver(j job.Job) bool {
	final := slices.ContainsFunc(h, func(p past) bool {
		return p.end != nil && p.end.State == record.Failed && p.end.Final
	})
	return final || h.failures() > j.Retries || h.lost() >= mostLost || h.unrecorded() >= mostUnrecorded
}
