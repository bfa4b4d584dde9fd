//go:build unix

package engine

import "golang.org/x/sys/unix"

// Room is how many bytes of a folder's disk are free for this user, of how many
// that it has.
func Room(dir string) (free, size uint64, err error) {
	var disk unix.Statfs_t
	if err := unix.Statfs(dir, &disk); err != nil {
		return 0, 0, err
	}
	return uint64(disk.Bavail) * uint64(disk.Bsize), uint64(disk.Blocks) * uint64(disk.Bsize), nil
}
