package run

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/record"
)

// reads is how many objects are read at once.
const reads = 32

// Waiting is the state of a job that has no result yet.
const Waiting record.State = "waiting"

// A Row is one job of a run: its configuration, and its result once it has
// one.
type Row struct {
	Index      int
	Config     job.Config
	Generation int // that decides: the highest that sent the job
	State      record.State
	Result     *record.Result // nil while there is none
}

// Rows reads every job of the run, in the order of the configurations.
func (r *Run) Rows(ctx context.Context) ([]Row, error) {
	rows := make([]Row, 0, r.Jobs)
	for row, err := range r.EachRow(ctx) {
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// rowsAtOnce is how many rows are in memory at once: results are read side by
// side.
const rowsAtOnce = 1024

// EachRow is Rows without holding all of them. An error is the last that comes.
func (r *Run) EachRow(ctx context.Context) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		s, err := r.surveyed(ctx)
		if err != nil {
			yield(Row{}, err)
			return
		}
		outcomes := s.outcomes()
		window := make([]Row, 0, rowsAtOnce)
		pass := func() (more bool) {
			if err := r.fill(ctx, window, outcomes); err != nil {
				yield(Row{}, err)
				return false
			}
			for _, row := range window {
				if !yield(row, nil) {
					return false
				}
			}
			window = window[:0]
			return true
		}
		for row, err := range r.configs(ctx) {
			if err != nil {
				yield(Row{}, err)
				return
			}
			window = append(window, row)
			if len(window) == rowsAtOnce && !pass() {
				return
			}
		}
		pass()
	}
}

// fill tells what became of jobs, and reads the results of those that have one.
func (r *Run) fill(ctx context.Context, rows []Row, outcomes []outcome) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(reads)
	for i := range rows {
		row := &rows[i]
		for _, o := range outcomes {
			switch number := o.generation.number; {
			case o.done.has(row.Index), o.failed.has(row.Index):
				group.Go(func() error { return r.readResult(ctx, row, number) })
			case o.cancelled.has(row.Index):
				row.Generation, row.State = number, record.Cancelled
			case o.open.has(row.Index):
				row.Generation, row.State = number, Waiting
			}
		}
	}
	return group.Wait()
}

func (r *Run) readResult(ctx context.Context, row *Row, generation int) error {
	row.Generation, row.Result = generation, new(record.Result)
	err := r.Stack.Records().GetJSON(ctx, record.ResultKey(r.ID, generation, row.Index), row.Result)
	row.State = row.Result.State
	return err
}

// configs reads the run's configurations, one after the other.
func (r *Run) configs(ctx context.Context) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		body, err := r.Stack.Records().Open(ctx, record.ParamsKey(r.ID))
		if err != nil {
			yield(Row{}, err)
			return
		}
		defer body.Close()
		lines := bufio.NewReaderSize(body, 1<<16)
		for index := 0; ; index++ {
			line, err := lines.ReadBytes('\n')
			if errors.Is(err, io.EOF) && len(line) == 0 {
				return
			}
			if err != nil {
				yield(Row{}, fmt.Errorf("reading the configurations of run %s: %w", r.ID, err))
				return
			}
			row := Row{Index: index}
			if err := json.Unmarshal(line, &row.Config); err != nil {
				yield(Row{}, fmt.Errorf("reading configuration %d of run %s: %w", index, r.ID, err))
				return
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

// Label reads the configurations of the first jobs, at most so many, and names
// jobs by them.
func (r *Run) Label(ctx context.Context, most int) (func(index int) string, error) {
	var names []string
	for row, err := range r.configs(ctx) {
		if err != nil {
			return nil, err
		}
		if row.Index == most {
			break
		}
		names = append(names, row.Config.String())
	}
	return func(index int) string {
		if index >= len(names) {
			return ""
		}
		return names[index]
	}, nil
}

// LogTail returns the last n bytes of the log of the attempt that decided a
// job.
func (r *Run) LogTail(ctx context.Context, result record.Result, n int64) (string, error) {
	body, err := r.Stack.Records().OpenTail(ctx, r.attemptKey(result, "log.txt"), n)
	if err != nil {
		return "", ifThere(err)
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	return string(text), err
}

// Log opens the log of a job's newest attempt that has ended; the caller closes it.
func (r *Run) Log(ctx context.Context, index int) (io.ReadCloser, error) {
	if err := r.check(index); err != nil {
		return nil, err
	}
	var newest, ended record.Attempt
	for object, err := range r.Stack.Records().List(ctx, record.JobPrefix(r.ID, index), "") {
		if err != nil {
			return nil, err
		}
		a, name, ok := record.ParseAttempt(r.ID, object.Key)
		if !ok {
			continue
		}
		if isAfter(a, newest) {
			newest = a
		}
		if (name == "log.txt" || name == "end.json") && isAfter(a, ended) {
			ended = a
		}
	}
	if isAfter(newest, ended) {
		if _, err := r.doneEnd(ctx, newest); err == nil {
			ended = newest
		} else if err := ifThere(err); err != nil {
			return nil, err
		}
	}
	if ended.Number == 0 {
		return nil, &NoLogError{Run: r.ID, Index: index}
	}
	return r.openLog(ctx, ended)
}

// isAfter says whether an attempt of a job came after another.
func isAfter(a, b record.Attempt) bool {
	return cmp.Or(cmp.Compare(a.Generation, b.Generation), cmp.Compare(a.Number, b.Number)) > 0
}

// openLog opens the log of an attempt that has ended: one that printed nothing
// has none.
func (r *Run) openLog(ctx context.Context, a record.Attempt) (io.ReadCloser, error) {
	body, err := r.Stack.Records().Open(ctx, record.AttemptPrefix(r.ID, a.Index, a.Generation, a.Number)+"log.txt")
	if _, silent := errors.AsType[*record.NotFoundError](err); silent {
		return io.NopCloser(strings.NewReader("")), nil
	}
	return body, err
}

// A NoJobError reports an index that a run does not have.
type NoJobError struct {
	Run         string
	Index, Jobs int
}

func (e *NoJobError) Error() string {
	return fmt.Sprintf("run %s has no job %d; its jobs are 0 to %d", e.Run, e.Index, e.Jobs-1)
}

// A NoLogError reports a job of which no attempt has ended yet.
type NoLogError struct {
	Run   string
	Index int
}

func (e *NoLogError) Error() string {
	return fmt.Sprintf("job %d of run %s has no log yet: no attempt of it has ended", e.Index, e.Run)
}

func (r *Run) attemptKey(result record.Result, name string) string {
	return record.AttemptPrefix(r.ID, result.Index, result.Generation, result.Attempt) + name
}

// Download writes the outputs of the run's jobs into folders of dir that bear
// the jobs' indices, and the logs beside them.
func (r *Run) Download(ctx context.Context, rows []Row, dir string) (files int, err error) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(reads)
	for _, row := range rows {
		if row.Result == nil {
			continue
		}
		folder := filepath.Join(dir, fmt.Sprintf("%0*d", len(fmt.Sprint(r.Jobs-1)), row.Index))
		group.Go(func() error {
			body, err := r.openLog(ctx, record.Attempt{Index: row.Index, Generation: row.Result.Generation, Number: row.Result.Attempt})
			if err != nil {
				return err
			}
			return save(body, folder+".log")
		})
		files++
		for _, output := range row.Result.Outputs {
			name, ok := localName(output.Name)
			if !ok {
				return files, errors.Join(fmt.Errorf("output %q of job %d would leave its folder", output.Name, row.Index), group.Wait())
			}
			files++
			group.Go(func() error {
				body, err := r.Stack.Records().Open(ctx, r.attemptKey(*row.Result, "out/"+output.Name))
				if err != nil {
					return err
				}
				return save(body, filepath.Join(folder, name))
			})
		}
	}
	return files, group.Wait()
}

// localName turns an output's name into a path below its folder.
func localName(name string) (string, bool) {
	path := filepath.FromSlash(name)
	return path, filepath.IsLocal(path) && !strings.ContainsRune(name, 0)
}

// save writes an object to a file.
func save(body io.ReadCloser, path string) error {
	defer body.Close()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, body)
	return errors.Join(err, f.Close())
}
