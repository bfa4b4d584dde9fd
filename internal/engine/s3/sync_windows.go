package s3

import (
	"errors"
	"iter"
	"os"
)

// syncAll makes files durable that were written since the folder top, which they
// are below, was opened. A folder cannot be synced here: NTFS keeps a journal of
// its names.
func syncAll(_ *os.File, paths iter.Seq[string]) error {
	for path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if info.IsDir() {
			continue
		}
		file, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		if err := errors.Join(file.Sync(), file.Close()); err != nil {
			return err
		}
	}
	return nil
}
