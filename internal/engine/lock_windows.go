package engine

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// tryLock locks an open file, alone or beside others, and reports false where
// another holds it. It is let go of when the file is closed. What is locked here
// cannot be read by others, so it is a byte far behind the file's content.
func tryLock(f *os.File, how hold) (bool, error) {
	flags := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if how == alone {
		flags |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{OffsetHigh: 1})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return false, nil
	}
	return err == nil, err
}
