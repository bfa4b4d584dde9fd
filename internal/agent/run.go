package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/spate-run/spate/internal/record"
	"github.com/spate-run/spate/internal/runner"
)

// A run is one that messages named: what was read of it, and what is known.
// A worker keeps it, and its inputs on disk, for as long as it works.
type run struct {
	record.Run
	in          string // the folder of its inputs
	generations map[int]*generation
}

// A generation is what is known of one generation of a run.
type generation struct {
	cancelled bool
	lookedAt  time.Time // for its cancellation
	jobs      int       // 0: not known yet
	done      bool
	countAt   time.Time // when its results may be counted again
}

// openRun returns a run; it reads its record and its inputs when it is named
// for the first time.
func (w *worker) openRun(ctx context.Context, id string) (*run, error) {
	if r := w.runs[id]; r != nil {
		return r, nil
	}
	r := &run{in: filepath.Join(w.dir, "in-"+strconv.Itoa(len(w.runs))), generations: map[int]*generation{}}
	err := w.records.GetJSON(ctx, record.RunKey(id), &r.Run)
	if _, missing := errors.AsType[*record.NotFoundError](err); missing {
		return nil, &unreadableError{err}
	}
	if err != nil {
		return nil, err
	}
	defaults := defaultJob()
	r.Job.Timeout = cmp.Or(r.Job.Timeout, defaults.Timeout)
	r.Job.StopTimeout = cmp.Or(r.Job.StopTimeout, defaults.StopTimeout)
	if err := w.fetchInputs(ctx, id, r.in); err != nil {
		return nil, errors.Join(err, runner.RemoveAll(r.in))
	}
	w.runs[id] = r
	return r, nil
}

func (r *run) generation(number int) *generation {
	if r.generations[number] == nil {
		r.generations[number] = &generation{}
	}
	return r.generations[number]
}

// transfers is how many files travel at once.
const transfers = 8

// fetchInputs copies a run's inputs into a folder that it makes.
func (w *worker) fetchInputs(ctx context.Context, id, dir string) error {
	if err := os.Mkdir(dir, 0o777); err != nil {
		return fmt.Errorf("making a folder for inputs: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(transfers)
	prefix := record.InPrefix(id)
	for object, err := range w.records.List(ctx, prefix, "") {
		if err != nil {
			return errors.Join(err, group.Wait())
		}
		name := filepath.FromSlash(strings.TrimPrefix(object.Key, prefix))
		if strings.HasSuffix(object.Key, "/") { // a folder, as consoles make them
			continue
		}
		group.Go(func() error {
			if !filepath.IsLocal(name) {
				return fmt.Errorf("input %q would leave its folder", name)
			}
			return w.fetch(ctx, object.Key, filepath.Join(dir, name))
		})
	}
	return group.Wait()
}

func (w *worker) fetch(ctx context.Context, key, path string) (err error) {
	body, err := w.records.Open(ctx, key)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	// Jobs share the inputs: one that writes to them is told.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o444)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = io.Copy(f, body)
	return err
}

// isCancelled says whether a generation is cancelled. What it knows is at most
// as old as the time between two looks.
func (w *worker) isCancelled(ctx context.Context, r *run, number int) (bool, error) {
	g := r.generation(number)
	if g.cancelled || time.Since(g.lookedAt) < w.Watch {
		return g.cancelled, nil
	}
	cancelled, err := w.records.Exists(ctx, record.CancelledKey(r.ID, number))
	if err != nil {
		return false, err
	}
	g.cancelled, g.lookedAt = cancelled, time.Now()
	return cancelled, nil
}

// The time between two counts of a generation's results: listing takes a
// request for a thousand of them.
const (
	countInterval    = 10 * time.Second
	countPerThousand = time.Second
)

// finishRuns looks which runs are done.
func (w *worker) finishRuns(ctx context.Context) {
	for _, r := range w.runs {
		if err := w.finishRun(ctx, r); err != nil && ctx.Err() == nil {
			w.Log.Warn("looking whether a run is done", "run", r.ID, "error", err)
		}
	}
}

// finishRun writes which of the generations that messages named are done: those
// of which every job has its result.
func (w *worker) finishRun(ctx context.Context, r *run) error {
	var errs []error
	for number, g := range r.generations {
		if !g.done && time.Now().After(g.countAt) {
			errs = append(errs, w.finishGeneration(ctx, r, number))
		}
	}
	return errors.Join(errs...)
}

func (w *worker) finishGeneration(ctx context.Context, r *run, number int) error {
	g := r.generation(number)
	g.countAt = time.Now().Add(countInterval + time.Duration(r.Jobs/1000)*countPerThousand)
	if g.jobs == 0 {
		jobs, err := w.jobs(ctx, r, number)
		if err != nil {
			return err
		}
		g.jobs = jobs
	}
	results, err := w.count(ctx, record.ResultsPrefix(r.ID, number))
	if err != nil || results < g.jobs {
		return err
	}
	failed, err := w.count(ctx, record.FailedPrefix(r.ID, number))
	if err != nil {
		return err
	}
	body, err := json.Marshal(record.Finish{Jobs: g.jobs, Failed: failed, At: now()})
	if err != nil {
		return err
	}
	if _, err := w.records.PutIfAbsent(ctx, record.DoneKey(r.ID, number), body); err != nil {
		return err
	}
	g.done, err = w.tellEnd(ctx, r, ending{generation: number, jobs: g.jobs, failed: failed})
	return err
}

// jobs is how many jobs a generation has: those of the run, or those that were
// sent again.
func (w *worker) jobs(ctx context.Context, r *run, number int) (int, error) {
	if number == 1 {
		return r.Jobs, nil
	}
	var retry record.Retry
	err := w.records.GetJSON(ctx, record.RetryKey(r.ID, number), &retry)
	return len(retry.Indices), err
}

func (w *worker) count(ctx context.Context, prefix string) (n int, err error) {
	for _, err := range w.records.Indices(ctx, prefix) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// now is the time as records hold it.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
