package store

import (
	"errors"
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

// Damage says whether an error comes from a database that is not as it was
// written, and then what is wrong with it in SQLite's words.
func Damage(err error) (fact string, damaged bool) {
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
