//go:build unix

package engine

import (
	"errors"
	"os"
	"syscall"
)

// tryLock locks an open file, alone or beside others, and reports false where
// another holds it. It is let go of when the file is closed.
func tryLock(f *os.File, how hold) (bool, error) {
	flags := syscall.LOCK_SH | syscall.LOCK_NB
	if how == alone {
		flags = syscall.LOCK_EX | syscall.LOCK_NB
	}
	err := syscall.Flock(int(f.Fd()), flags)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
