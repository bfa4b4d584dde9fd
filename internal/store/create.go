package store

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
)

// create makes an empty database that is one whenever it is there: it gets its
// name last. So a file of no bytes is never what a start that was killed has left.
func create(ctx context.Context, path string) error {
	next := path + ".new"
	// SQLite would leave it to the umask who may read. What a start that was killed
	// has left beside an empty file it removes.
	if err := os.WriteFile(next, nil, 0o600); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", dsn(next, "synchronous(FULL)"))
	if err != nil {
		return err
	}
	if err := errors.Join(db.PingContext(ctx), db.Close()); err != nil {
		return err
	}
	if err := os.Rename(next, path); err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(path))
}
