package dash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/spate-run/spate/internal/record"
	"github.com/spate-run/spate/internal/run"
)

// letters stand for the states of jobs in what the script reads.
func letter(s record.State) byte {
	switch s {
	case record.Done:
		return 'd'
	case record.Failed:
		return 'f'
	case record.Cancelled:
		return 'c'
	case run.Running:
		return 'r'
	}
	return 'w'
}

// stateOf is how a run stands in a word, and the class that colours it.
func stateOf(r *run.Run, p run.Progress) (word, class string) {
	switch {
	case !p.Finished():
		return fmt.Sprintf("running, %d%%", 100*p.Ended()/max(1, p.Jobs)), "running"
	case p.Cancelled > 0:
		return "cancelled", "cancelled"
	case float64(p.Failed) > float64(r.Job.Tolerate)*float64(p.Jobs):
		return "failed", "failed"
	}
	return "succeeded", "done"
}

func (s *Server) runPage(w http.ResponseWriter, r *http.Request, found *watch) {
	seen, err := found.look(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.show(w, r, http.StatusOK, runPage(s.frame(found.run.Job.Name), found.run, seen))
}

// A rowView is one job as the script reads it.
type rowView struct {
	Index   int                `json:"i"`
	State   string             `json:"s"`
	Params  []string           `json:"p"`
	Started int64              `json:"a,omitempty"` // Unix, in milliseconds
	Ended   int64              `json:"e,omitempty"`
	Tries   int                `json:"n,omitempty"`
	Metrics map[string]float64 `json:"m,omitempty"`
	Reason  string             `json:"why,omitempty"`
}

func viewRow(r *run.Run, row run.Row) rowView {
	v := rowView{Index: row.Index, State: string(letter(row.State)), Params: make([]string, len(r.Params))}
	for i, name := range r.Params {
		value, _ := row.Config.Get(name)
		v.Params[i] = value.Text
	}
	if result := row.Result; result != nil {
		v.Started, v.Ended = result.Started.UnixMilli(), result.Ended.UnixMilli()
		v.Tries, v.Metrics, v.Reason = result.Attempts, result.Metrics, result.Reason
	}
	return v
}

// A rowsView is the reply to what has changed since some number of changes.
type rowsView struct {
	Params []string  `json:"params"`
	Rows   []rowView `json:"rows"`
	Next   int       `json:"next"`
	Total  int       `json:"total"`
	Sent   int64     `json:"sent"`
}

// rows sends the jobs that have changed.
func (s *Server) rows(w http.ResponseWriter, r *http.Request, found *watch) {
	after, _ := strconv.Atoi(r.URL.Query().Get("after"))
	rows, next, err := found.rowsSince(r.Context(), after)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(viewRows(found.run, rows, next))
}

func viewRows(r *run.Run, rows []run.Row, next int) rowsView {
	v := rowsView{Params: r.Params, Rows: make([]rowView, len(rows)), Next: next, Total: r.Jobs, Sent: r.Created.UnixMilli()}
	for i, row := range rows {
		v.Rows[i] = viewRow(r, row)
	}
	return v
}

// A lookView is one look at a run as the script reads it.
type lookView struct {
	States   string     `json:"states,omitempty"` // a letter a job, where any changed
	Finished bool       `json:"finished"`
	Retry    bool       `json:"retry"` // there is something to retry
	Samples  []sample   `json:"samples,omitempty"`
	Scaled   []decision `json:"scaled,omitempty"`
	// Parts is HTML by the id of the element that it replaces.
	Parts map[string]string `json:"parts"`
}

// events sends looks at the run as they change, until the browser leaves.
func (s *Server) events(w http.ResponseWriter, r *http.Request, found *watch) {
	stream := newStream(w)
	before, told, since := "", "", int64(0)
	for {
		seen, err := found.look(r.Context())
		if r.Context().Err() != nil {
			return
		}
		if err != nil {
			if stream.send("trouble", err.Error()) != nil {
				return
			}
		} else {
			v := s.viewLook(r.Context(), found, seen, since)
			if v.States == before {
				v.States = ""
			} else {
				before = v.States
			}
			if n := len(v.Samples); n > 0 {
				since = v.Samples[n-1].At
			}
			text, err := json.Marshal(v)
			if err != nil {
				return
			}
			if string(text) == told {
				err = stream.beat()
			} else {
				told = string(text)
				err = stream.send("look", told)
			}
			if err != nil {
				return
			}
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(found.pause2()):
		}
	}
}

func (s *Server) viewLook(ctx context.Context, found *watch, seen look, since int64) lookView {
	v := lookView{Finished: seen.Finished(), Retry: seen.Failed+seen.Cancelled > 0}
	v.Samples, v.Scaled = found.history(since)
	v.Scaled = within(v.Scaled, endOf(seen))
	states := make([]byte, len(seen.Standings))
	for i, now := range seen.Standings {
		states[i] = letter(now.State)
	}
	v.States = string(states)
	v.Parts = map[string]string{
		"summary":   rendered(ctx, summaryPart(found.run, seen)),
		"decisions": rendered(ctx, decisionsPart(v.Scaled)),
	}
	return v
}

// endOf is when the run's last job ended, and zero while some have not.
func endOf(seen look) time.Time {
	if !seen.Finished() {
		return time.Time{}
	}
	return seen.LastEnd
}

func rendered(ctx context.Context, part templ.Component) string {
	var b strings.Builder
	if err := part.Render(ctx, &b); err != nil {
		return ""
	}
	return b.String()
}

// pause2 is pause for who does not hold the lock.
func (w *watch) pause2() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pause()
}

// mostNamed bounds what a form is read of.
const mostNamed = 1 << 20

// retry sends jobs of the run again: the one that is named, or all that failed.
func (s *Server) retry(w http.ResponseWriter, r *http.Request, found *watch) {
	var indices []int
	r.Body = http.MaxBytesReader(w, r.Body, mostNamed)
	for _, text := range r.URL.Query()["index"] {
		index, err := strconv.Atoi(text)
		if err != nil || index < 0 {
			http.Error(w, fmt.Sprintf("%q is not a job's index", text), http.StatusBadRequest)
			return
		}
		indices = append(indices, index)
	}
	jobs, err := found.run.Retry(r.Context(), indices)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	// It goes on when the page is closed, and a run that was sent in part can be
	// gone on with by `spate run --resume`.
	s.work.Go(func() {
		backlog, err := found.run.Backlog(s.base)
		if err == nil {
			err = found.run.Send(s.base, backlog)
		}
		if err != nil {
			s.Log.Error("a retry was not sent", "run", found.run.ID, "error", err)
		}
		found.stale()
	})
	found.stale()
	fmt.Fprintf(w, "%s sent again", count(jobs, "job is", "jobs are"))
}

func (s *Server) cancel(w http.ResponseWriter, r *http.Request, found *watch) {
	// Draining goes on when the page is closed: others' messages are hidden by it.
	c, err := found.run.Cancel(context.WithoutCancel(r.Context()))
	found.stale()
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	fmt.Fprintf(w, "%s given up", count(c.Jobs, "job is", "jobs are"))
}

// refuse says why what was asked for cannot be done.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	_, ended := errors.AsType[*run.EndedError](err)
	_, nothing := errors.AsType[*run.NothingToRetryError](err)
	_, open := errors.AsType[*run.OpenJobError](err)
	_, retried := errors.AsType[*run.RetriedError](err)
	if ended || nothing || open || retried {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	s.fail(w, r, err)
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
