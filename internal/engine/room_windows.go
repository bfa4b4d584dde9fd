package engine

import "golang.org/x/sys/windows"

// Room is how many bytes of a folder's disk are free for this user, of how many
// that it has.
func Room(dir string) (free, size uint64, err error) {
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, 0, err
	}
	err = windows.GetDiskFreeSpaceEx(path, &free, &size, nil)
	return free, size, err
}
