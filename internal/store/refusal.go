package store

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"modernc.org/sqlite"
)

// SQLite's codes for a file that cannot be used, whatever is in it.
// https://www.sqlite.org/rescode.html
const (
	codePermission = 3
	codeBusy       = 5
	codeLocked     = 6
	codeReadOnly   = 8
	codeIO         = 10
	codeFull       = 13
	codeCannotOpen = 14
)

// A Reason is why a database cannot be used whose content is not at fault.
type Reason int

const (
	IsFolder   Reason = iota + 1
	Unwritable        // this user may not write it, or nobody
	Unopenable        // what SQLite needs beside it cannot be opened
	Failing           // the disk does not do as it is told
	NoRoom            // on its disk
	Limited           // in size, by a limit of this process (ulimit -f)
	Held              // by another program
)

// A RefusedError reports a database that cannot be used though nothing is known
// to be wrong with what is in it.
type RefusedError struct {
	Path   string
	Reason Reason
	Fact   string // after the file's name
}

func (e *RefusedError) Error() string { return filepath.Base(e.Path) + " " + e.Fact }

// Refused returns what an error of the database at path says about its file, nil
// for an error that has another cause.
func Refused(path string, err error) *RefusedError {
	if refused, ok := errors.AsType[*RefusedError](err); ok {
		return refused
	}
	refuse := func(r Reason, format string, args ...any) *RefusedError {
		return &RefusedError{path, r, fmt.Sprintf(format, args...)}
	}
	if fault, ok := errors.AsType[*fs.PathError](err); ok && fault.Path == path && errors.Is(err, fs.ErrPermission) {
		return refuse(Unwritable, "cannot be written: %v", fault.Err)
	}
	fault, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return nil
	}
	switch fault.Code() & primaryCodeMask {
	case codePermission, codeReadOnly:
		return refuse(Unwritable, "cannot be written: %v", fault)
	case codeCannotOpen:
		return refuse(Unopenable, "cannot be opened: %v", fault)
	case codeFull:
		return refuse(NoRoom, "has no room on its disk")
	case codeBusy, codeLocked:
		return refuse(Held, "is held by another program")
	case codeIO:
		if limit, limited := sizeLimit(); limited {
			return refuse(Limited, "cannot grow: files may have %d bytes at most", limit)
		}
		return refuse(Failing, "cannot be read or written: %v", fault)
	}
	return nil
}
