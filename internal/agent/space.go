package agent

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// A space is an attempt's own folder, which ends with it.
//
//	params.json   the message's body
//	log.txt       what the command prints
//	out/          SPATE_OUT
//	tmp/          TMPDIR
type space struct {
	dir  string
	body *os.File // params.json, for reading
	log  *tee
}

func (w *worker) newSpace(body string) (s *space, err error) {
	w.spaces++
	s = &space{dir: filepath.Join(w.dir, strconv.Itoa(w.spaces))}
	defer func() {
		if err != nil {
			err = fmt.Errorf("making the attempt's folder: %w", errors.Join(err, s.close()))
		}
	}()
	for _, dir := range []string{s.dir, s.out(), s.tmp()} {
		if err := os.Mkdir(dir, 0o777); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(s.params(), []byte(body), 0o644); err != nil {
		return nil, err
	}
	if s.body, err = os.Open(s.params()); err != nil {
		return nil, err
	}
	file, err := os.Create(filepath.Join(s.dir, "log.txt"))
	if err != nil {
		return nil, err
	}
	s.log = &tee{file: file, stream: w.Output}
	return s, nil
}

func (s *space) out() string    { return filepath.Join(s.dir, "out") }
func (s *space) tmp() string    { return filepath.Join(s.dir, "tmp") }
func (s *space) params() string { return filepath.Join(s.dir, "params.json") }

func (s *space) close() error {
	var errs []error
	if s.body != nil {
		errs = append(errs, s.body.Close())
	}
	if s.log != nil {
		errs = append(errs, s.log.file.Close())
	}
	return errors.Join(append(errs, removeAll(s.dir))...)
}

// A tee writes to the log file, and to a stream beside it. A full disk or a
// broken stream does not stop the job: the other goes on.
type tee struct {
	file   *os.File
	stream io.Writer
	lost   error // why the file is not whole
}

func (t *tee) Write(p []byte) (int, error) {
	_, _ = t.stream.Write(p)
	if t.lost == nil {
		_, t.lost = t.file.Write(p)
	}
	return len(p), nil
}

// note adds a line of spate's own.
func (t *tee) note(format string, args ...any) {
	fmt.Fprintf(t, "spate: "+format+"\n", args...)
}

// removeAll removes a folder also where a job took its own rights away.
func removeAll(dir string) error {
	err := os.RemoveAll(dir)
	if err == nil {
		return nil
	}
	_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, _ error) error {
		if entry != nil && entry.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir)
}
