package agent

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/spate-run/spate/internal/runner"
)

// A space is an attempt's own folder.
//
//	log.txt       what the command prints
//	out/          SPATE_OUT
//	params.json   SPATE_PARAMS, the message's body
//	tmp/          TMPDIR
//
// Making and removing files is much of what a short job costs, so a space that
// a job left as it was given is used again.
type space struct {
	dir    string
	params *os.File
	log    tee
}

// space returns one for a message with this body.
func (w *worker) space(body string) (*space, error) {
	var s *space
	if n := len(w.spaces); n > 0 {
		s, w.spaces = w.spaces[n-1], w.spaces[:n-1]
	} else {
		w.spacesMade++
		made, err := newSpace(filepath.Join(w.dir, strconv.Itoa(w.spacesMade)))
		if err != nil {
			return nil, fmt.Errorf("making the attempt's folder: %w", err)
		}
		s = made
	}
	s.log.stream = w.Output
	if _, err := s.params.WriteAt([]byte(body), 0); err != nil {
		return nil, fmt.Errorf("writing the attempt's parameters: %w", errors.Join(err, s.close()))
	}
	return s, nil
}

// free takes a space back.
func (w *worker) free(s *space) error {
	if !s.isUntouched() || s.params.Truncate(0) != nil || s.log.reset() != nil {
		return s.close()
	}
	w.spaces = append(w.spaces, s)
	return nil
}

func newSpace(dir string) (*space, error) {
	s := &space{dir: dir}
	err := os.Mkdir(dir, 0o777)
	if err == nil {
		err = errors.Join(os.Mkdir(s.out(), 0o777), os.Mkdir(s.tmp(), 0o777))
	}
	if err == nil {
		s.params, err = os.Create(s.paramsPath())
	}
	if err == nil {
		s.log.file, err = os.Create(filepath.Join(dir, "log.txt"))
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// checkOut says what a job made of the folder for its outputs, where that is
// none any more.
func (s *space) checkOut() error {
	info, err := os.Lstat(s.out())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("was removed by the job")
	case err != nil:
		return err
	case info.Mode().Type() == fs.ModeSymlink:
		return errors.New("was replaced by a symbolic link, and has to stay the folder that it was")
	case !info.IsDir():
		return errors.New("was replaced by a file, and has to stay the folder that it was")
	}
	return nil
}

func (s *space) out() string        { return filepath.Join(s.dir, "out") }
func (s *space) tmp() string        { return filepath.Join(s.dir, "tmp") }
func (s *space) paramsPath() string { return filepath.Join(s.dir, "params.json") }

// isUntouched says whether the folder holds what it was made with, and no more.
func (s *space) isUntouched() bool {
	return slices.Equal(names(s.dir), []string{"log.txt", "out", "params.json", "tmp"}) &&
		isFresh(s.out()) && isFresh(s.tmp()) && isAt(s.params, s.paramsPath())
}

// names lists a folder in order, or nothing where it cannot be read.
func names(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	list := make([]string, len(entries))
	for i, entry := range entries {
		list[i] = entry.Name()
	}
	return list
}

// isFresh says whether a path is an empty folder that its owner can use.
func isFresh(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() || info.Mode().Perm()&0o700 != 0o700 {
		return false
	}
	entries, err := os.ReadDir(path)
	return err == nil && len(entries) == 0
}

// isAt says whether a path still names an open file that can be read.
func isAt(file *os.File, path string) bool {
	opened, err := file.Stat()
	if err != nil {
		return false
	}
	named, err := os.Lstat(path)
	return err == nil && os.SameFile(opened, named) && named.Mode().Perm()&0o600 == 0o600
}

func (s *space) close() error {
	var errs []error
	for _, f := range []*os.File{s.params, s.log.file} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(append(errs, runner.RemoveAll(s.dir))...)
}

// A tee writes to the log file, and to a stream beside it. A full disk or a
// broken stream does not stop the job: the other goes on.
type tee struct {
	file    *os.File
	stream  io.Writer
	written bool  // something, to the file
	lost    error // why the file is not whole
}

func (t *tee) Write(p []byte) (int, error) {
	_, _ = t.stream.Write(p)
	if t.lost == nil {
		t.written = true
		_, t.lost = t.file.Write(p)
	}
	return len(p), nil
}

// note adds a line of spate's own.
func (t *tee) note(format string, args ...any) {
	fmt.Fprintf(t, "spate: "+format+"\n", args...)
}

// reset empties the file.
func (t *tee) reset() error {
	if !t.written {
		return nil
	}
	t.written, t.lost = false, nil
	if err := t.file.Truncate(0); err != nil {
		return err
	}
	_, err := t.file.Seek(0, io.SeekStart)
	return err
}
