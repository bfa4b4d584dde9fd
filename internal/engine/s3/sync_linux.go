package s3

import (
	"fmt"
	"iter"
	"os"

	"golang.org/x/sys/unix"
)

// syncAll makes files and folders durable that were written since the folder
// top, which they are below, was opened. Syncing their whole file system takes
// a tenth of the time that syncing them one after the other does.
func syncAll(top *os.File, _ iter.Seq[string]) error {
	if err := unix.Syncfs(int(top.Fd())); err != nil {
		return fmt.Errorf("syncing the file system of %s: %w", top.Name(), err)
	}
	return nil
}
