package run

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/record"
)

// reads is how many objects are read at once.
const reads = 32

// A Row is one job of a run: its configuration, and its result once it has
// one.
type Row struct {
	Index  int
	Config job.Config
	Result *record.Result // nil while there is none
}

// Rows reads every job of the run, in the order of the configurations.
func (r *Run) Rows(ctx context.Context) ([]Row, error) {
	rows, err := r.configs(ctx)
	if err != nil {
		return nil, err
	}
	records := r.Stack.Records()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(reads)
	prefix := record.ResultsPrefix(r.ID, 1)
	for object, err := range records.List(ctx, prefix, "") {
		if err != nil {
			return nil, errors.Join(err, group.Wait())
		}
		index, ok := record.ParseIndex(prefix, object.Key)
		if !ok || index >= len(rows) {
			continue
		}
		group.Go(func() error {
			rows[index].Result = new(record.Result)
			return records.GetJSON(ctx, object.Key, rows[index].Result)
		})
	}
	return rows, group.Wait()
}

// configs reads the run's configurations.
func (r *Run) configs(ctx context.Context) ([]Row, error) {
	body, err := r.Stack.Records().Open(ctx, record.ParamsKey(r.ID))
	if err != nil {
		return nil, err
	}
	defer body.Close()
	rows := make([]Row, 0, r.Jobs)
	lines := bufio.NewReaderSize(body, 1<<16)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return rows, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading the configurations of run %s: %w", r.ID, err)
		}
		row := Row{Index: len(rows)}
		if err := json.Unmarshal(line, &row.Config); err != nil {
			return nil, fmt.Errorf("reading configuration %d of run %s: %w", row.Index, r.ID, err)
		}
		rows = append(rows, row)
	}
}

// LogTail returns the last n bytes of the log of the attempt that decided a
// job.
func (r *Run) LogTail(ctx context.Context, result record.Result, n int64) (string, error) {
	body, err := r.Stack.Records().OpenTail(ctx, r.attemptKey(result, "log.txt"), n)
	if err != nil {
		return "", err
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	return string(text), err
}

// Log opens the log of a job's newest attempt; the caller closes it.
func (r *Run) Log(ctx context.Context, index int) (io.ReadCloser, error) {
	if index < 0 || index >= r.Jobs {
		return nil, &NoJobError{Run: r.ID, Index: index, Jobs: r.Jobs}
	}
	var newest record.Attempt
	for object, err := range r.Stack.Records().List(ctx, record.JobPrefix(r.ID, index), "") {
		if err != nil {
			return nil, err
		}
		a, name, ok := record.ParseAttempt(r.ID, object.Key)
		if ok && name == "log.txt" && cmp.Or(cmp.Compare(a.Generation, newest.Generation), cmp.Compare(a.Number, newest.Number)) > 0 {
			newest = a
		}
	}
	if newest.Number == 0 {
		return nil, &NoLogError{Run: r.ID, Index: index}
	}
	return r.Stack.Records().Open(ctx, record.AttemptPrefix(r.ID, index, newest.Generation, newest.Number)+"log.txt")
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
			return r.download(ctx, r.attemptKey(*row.Result, "log.txt"), folder+".log")
		})
		files++
		for _, output := range row.Result.Outputs {
			name, ok := localName(output.Name)
			if !ok {
				return files, errors.Join(fmt.Errorf("output %q of job %d would leave its folder", output.Name, row.Index), group.Wait())
			}
			files++
			group.Go(func() error {
				return r.download(ctx, r.attemptKey(*row.Result, "out/"+output.Name), filepath.Join(folder, name))
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

func (r *Run) download(ctx context.Context, key, path string) (err error) {
	body, err := r.Stack.Records().Open(ctx, key)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = io.Copy(f, body)
	return err
}
