package agent

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spate-run/spate/internal/record"
)

// overdue is how long a worker that tells of a run's end may take before
// another does.
const overdue = time.Minute

// An ending is what a generation came to.
type ending struct{ generation, jobs, failed int }

// tellEnd tells the job's address of a generation's end, at least once: who
// claims it tells, and another does where it does not come to that. It returns
// whether there is no more to do about it.
func (w *worker) tellEnd(ctx context.Context, r *run, e ending) (bool, error) {
	if w.Tell == nil {
		return true, nil
	}
	key, claim := record.NoticeKey(r.ID, e.generation), record.Notice{Claimed: now(), Claim: rand.Text()}
	body, err := json.Marshal(claim)
	if err != nil {
		return false, err
	}
	first, err := w.records.PutIfAbsent(ctx, key, body)
	if err != nil {
		return false, err
	}
	if !first {
		var earlier record.Notice
		if err := w.records.GetJSON(ctx, key, &earlier); err != nil {
			return false, err
		}
		if !earlier.Sent.IsZero() || now().Sub(earlier.Claimed) < overdue {
			return !earlier.Sent.IsZero(), nil
		}
	}
	if err := w.Tell(ctx, e.subject(r), w.endText(r, e)); err != nil {
		return false, fmt.Errorf("telling that it is done: %w", err)
	}
	claim.Sent = now()
	return true, w.records.PutJSON(ctx, key, claim)
}

// unsuccessful says whether a run's jobs failed by more than it tolerates.
func (e ending) unsuccessful(r *run) bool {
	return float64(e.failed) > float64(r.Job.Tolerate)*float64(e.jobs)
}

// subject is the end in a line. A job's name is the longest part of it.
func (e ending) subject(r *run) string {
	state := "is done"
	if e.unsuccessful(r) {
		state = "failed"
	}
	return fmt.Sprintf("%.60s %s: %d of %d jobs done, %d failed", r.Job.Name, state, e.jobs-e.failed, e.jobs, e.failed)
}

// endText tells what a run came to, where its results are, and how to get them.
func (w *worker) endText(r *run, e ending) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n\n", e.subject(r))
	line := func(name, form string, values ...any) {
		fmt.Fprintf(&text, "%-9s "+form+"\n", append([]any{name}, values...)...)
	}
	line("run", "%s", r.ID)
	if e.generation > 1 {
		line("of it", "what retry %d sent again", e.generation-1)
	}
	switch {
	case !r.Scheduled.IsZero():
		line("sent", "%s by schedule", r.Created.UTC().Format(time.RFC3339))
	default:
		line("sent", "%s by %s on %s", r.Created.UTC().Format(time.RFC3339), r.User, r.Host)
	}
	line("ended", "%s", now().Format(time.RFC3339))
	line("results", "s3://%s/%s", w.Bucket, record.ResultsPrefix(r.ID, e.generation))
	line("outputs", "s3://%s/%s", w.Bucket, record.AttemptsPrefix(r.ID))
	place := ""
	if w.AWS.BaseEndpoint == nil {
		place = " --on aws --region " + w.AWS.Region
	}
	fmt.Fprintf(&text, "\n  spate results %s%s\n  spate results %s --download out%s\n", r.ID, place, r.ID, place)
	if e.failed > 0 {
		fmt.Fprintf(&text, "  spate retry %s%s\n", r.ID, place)
	}
	return text.String()
}

// lastWords is how long a worker that was told to stop looks whether a run is
// done: nobody may be left who would.
const lastWords = 10 * time.Second

// lastLook looks once more whether a run is done, when a worker stops that
// somebody is to be told by.
func (w *worker) lastLook(stopped, live context.Context) {
	if w.Tell == nil || errors.Is(context.Cause(stopped), errOrphaned) {
		return
	}
	ctx, cancel := context.WithTimeout(live, lastWords)
	defer cancel()
	for _, r := range w.runs {
		for _, g := range r.generations {
			g.countAt = time.Time{}
		}
	}
	w.finishRuns(ctx)
}
