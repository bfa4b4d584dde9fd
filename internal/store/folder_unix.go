//go:build unix

package store

import (
	"errors"
	"fmt"
	"os"
)

// SyncFolder has the disk keep the names in a folder.
func SyncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	if err := errors.Join(folder.Sync(), folder.Close()); err != nil {
		return fmt.Errorf("syncing %q: %w", path, err)
	}
	return nil
}
