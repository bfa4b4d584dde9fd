package store

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"modernc.org/sqlite"
)

// SQLite's codes for a file that is no database, or not a whole one.
// https://www.sqlite.org/rescode.html
const (
	codeCorrupt     = 11
	codeNoDatabase  = 26
	primaryCodeMask = 0xff
)

// A damage is what is wrong with a file where SQLite would make a new database of
// it, and nobody would know.
type damage string

func (d damage) Error() string { return string(d) }

// Damage says whether an error comes from a database that is not as it was
// written, and then what is wrong with it, in SQLite's words where it has some.
func Damage(err error) (fact string, damaged bool) {
	if d, ok := errors.AsType[damage](err); ok {
		return string(d), true
	}
	fault, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return "", false
	}
	switch fault.Code() & primaryCodeMask {
	case codeCorrupt, codeNoDatabase:
		fact, _, _ = strings.Cut(fault.Error(), " (") // without the code's number
		return fact, true
	}
	return "", false
}

// inspect looks at the files of a database before SQLite does. A new one is never
// found empty, see create: one that is has lost what it held, and the log beside it
// would go too. The error of one that is not there is fs.ErrNotExist.
func inspect(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if log, logErr := os.Stat(path + "-wal"); logErr == nil && log.Size() > 0 {
			return damage("it is missing, and its log is there")
		}
		if _, linkErr := os.Lstat(path); linkErr == nil {
			return damage("it is a link to a file that is not there")
		}
		return err
	case err != nil:
		return err
	case info.IsDir():
		return &RefusedError{path, IsFolder, "is a folder"}
	case info.Size() == 0:
		return damage("it is empty")
	}
	return nil
}
