package s3

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/spate-run/spate/internal/store"
)

// settleBatch is how many files are settled in one go, and so, at 32 KiB each,
// how much memory that takes.
const settleBatch = 500

// Settling begins when nothing has changed for a while: new files make every
// sync of the store's log several times as slow. It does not wait for ever.
const (
	settlePause = 250 * time.Millisecond
	settleWaits = 40 // pauses at most
)

// Run settles objects in the background until ctx ends, and then once more: it
// makes files of small ones, and removes files that nothing refers to any more.
// It begins with what an earlier process left to settle.
func (s *Service) Run(ctx context.Context) error {
	for s.awaitPause(ctx) {
		if err := s.settle(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("settling objects failed", "error", err)
		}
	}
	return s.settle(context.WithoutCancel(ctx))
}

// awaitPause waits for changes, and then for a pause in them, for long enough,
// or for the store to hold too much. It returns false when ctx ends.
func (s *Service) awaitPause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-s.unsettled:
	}
	for range settleWaits {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(settlePause):
		}
		select {
		case <-s.unsettled:
		default:
			return true
		}
		if s.files.unsettled.Load() > unsettledLimit/2 {
			return true
		}
	}
	return true
}

// wakeSettler tells Run that there is something to settle.
func (s *Service) wakeSettler() {
	select {
	case s.unsettled <- struct{}{}:
	default:
	}
}

// A filed is a row that names a file.
type filed struct {
	id           int64
	bucket, file string
	content      []byte // nil in other rows than contents
}

// settle makes files of all contents in the store, and removes the files that
// were garbage when it began. Contents go first: one may be garbage by now.
func (s *Service) settle(ctx context.Context) error {
	garbage, err := s.filed(ctx, "SELECT id, bucket, file, NULL FROM s3_garbage ORDER BY id")
	if err != nil {
		return err
	}
	for {
		batch, err := s.filed(ctx, "SELECT id, bucket, file, content FROM s3_content ORDER BY id LIMIT ?", settleBatch)
		if err != nil {
			return err
		}
		if len(batch) == 0 {
			return s.removeGarbage(ctx, garbage)
		}
		if err := s.settleContents(ctx, batch); err != nil {
			return err
		}
	}
}

// settleContents makes files, and takes their contents out of the store.
func (s *Service) settleContents(ctx context.Context, batch []filed) error {
	if err := s.writeFiles(batch); err != nil {
		return err
	}
	if err := s.deleteRows(ctx, "DELETE FROM s3_content WHERE id = ?", batch); err != nil {
		return err
	}
	for _, row := range batch {
		s.files.forget(row.file)
		s.files.unsettled.Add(-int64(len(row.content)))
	}
	return nil
}

// writeFiles makes files, and makes them durable all at once.
func (s *Service) writeFiles(batch []filed) error {
	folder := filepath.Join(s.files.dir, "buckets")
	top, err := os.Open(folder) // before the files: it is told of errors from now on
	if err != nil {
		return err
	}
	defer top.Close()
	written := map[string]bool{folder: true}
	for _, row := range batch {
		folder := s.files.folder(row.bucket)
		if !written[folder] {
			if err := os.MkdirAll(folder, 0o700); err != nil {
				return err
			}
			written[folder] = true
		}
		path := s.files.place(row.bucket, row.file)
		if err := os.WriteFile(path, row.content, 0o600); err != nil {
			return err
		}
		written[path] = true
	}
	return syncAll(top, maps.Keys(written))
}

func (s *Service) removeGarbage(ctx context.Context, garbage []filed) error {
	var gone []filed
	for _, row := range garbage {
		if s.files.waiting(row.file) != nil {
			continue // it is on its way; the next time will do
		}
		err := os.Remove(s.files.place(row.bucket, row.file))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		gone = append(gone, row)
	}
	return s.deleteRows(ctx, "DELETE FROM s3_garbage WHERE id = ?", gone)
}

func (s *Service) deleteRows(ctx context.Context, statement string, rows []filed) error {
	for len(rows) > 0 {
		batch := rows[:min(len(rows), settleBatch)]
		rows = rows[len(batch):]
		if err := s.store.Update(ctx, func(tx *store.Tx) error {
			for _, row := range batch {
				if _, err := tx.Exec(statement, row.id); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) filed(ctx context.Context, query string, args ...any) ([]filed, error) {
	rows, err := s.store.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []filed
	for rows.Next() {
		var row filed
		if err := rows.Scan(&row.id, &row.bucket, &row.file, &row.content); err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, rows.Err()
}

// recover completes what a process before this one left under way, so far as
// readers see it. Settling is left to Run, for it takes time.
func (s *Service) recover(ctx context.Context) error {
	if err := s.remember(ctx); err != nil {
		return fmt.Errorf("reading objects that are no files yet: %w", err)
	}
	if err := s.receiveArrivals(ctx); err != nil {
		return fmt.Errorf("moving objects that had arrived: %w", err)
	}
	return nil
}

// remember reads the contents that have no file yet, or a torn one.
func (s *Service) remember(ctx context.Context) error {
	contents, err := s.filed(ctx, "SELECT id, bucket, file, content FROM s3_content")
	if err != nil {
		return err
	}
	for _, row := range contents {
		content := append([]byte{}, row.content...) // an empty one is read as nil
		st := &staged{bucket: row.bucket, file: row.file, size: int64(len(content)), content: content}
		s.files.remember(st)
		s.files.settleIn(st)
	}
	return nil
}

// receiveArrivals moves files whose row was committed to their place, and
// removes the others.
func (s *Service) receiveArrivals(ctx context.Context) error {
	entries, err := os.ReadDir(s.files.incoming.path)
	if err != nil || len(entries) == 0 {
		return err
	}
	owned, err := s.filed(ctx, `SELECT 0, bucket, file, NULL FROM s3_object
		UNION ALL SELECT 0, bucket, file, NULL FROM s3_part JOIN s3_upload ON s3_upload.id = s3_part.upload`)
	if err != nil {
		return err
	}
	bucketOf := map[string]string{}
	for _, row := range owned {
		bucketOf[row.file] = row.bucket
	}
	for _, entry := range entries {
		bucket, ok := bucketOf[entry.Name()]
		if !ok {
			if err := os.Remove(s.files.arrival(entry.Name())); err != nil {
				return err
			}
			continue
		}
		if err := s.files.move(bucket, entry.Name()); err != nil {
			return err
		}
	}
	return nil
}
