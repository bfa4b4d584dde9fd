//go:build unix

package store

import "golang.org/x/sys/unix"

// sizeLimit is how many bytes this process's files may have, if that is limited.
func sizeLimit() (bytes uint64, limited bool) {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_FSIZE, &limit) != nil {
		return 0, false
	}
	return limit.Cur, limit.Cur < 1<<62 // infinity is above it on every system
}
