//go:build unix && !linux

package s3

import (
	"errors"
	"iter"
	"os"

	"golang.org/x/sys/unix"
)

// syncAll makes files and folders durable that were written since the folder
// top, which they are below, was opened. On macOS the drive is told to write
// what it holds once for all of them: fsync leaves that out, and os.File.Sync
// asks for it.
func syncAll(top *os.File, paths iter.Seq[string]) error {
	for path := range paths {
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		if err := errors.Join(unix.Fsync(int(file.Fd())), file.Close()); err != nil {
			return err
		}
	}
	return top.Sync()
}
