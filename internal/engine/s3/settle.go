package s3

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spate-run/spate/internal/store"
)

// settleBatch is how many files one transaction of settling covers.
const settleBatch = 1000

// settleDelay is how long a small object's content stays in the store, and a
// deleted file in its folder, at least.
const settleDelay = time.Second

// Run settles objects in the background until ctx ends: it syncs the files of
// small ones and removes files that nothing refers to any more. It begins with
// what an earlier process left to settle.
func (s *Service) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.unsettled:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(settleDelay):
		}
		if err := s.settle(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("settling objects failed", "error", err)
		}
	}
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
	size         int64
}

// settle syncs all files whose content is in the store, and removes the files
// that were garbage when it began. Contents go first, since one of them may be
// of a file that is garbage by now.
func (s *Service) settle(ctx context.Context) error {
	garbage, err := s.filed(ctx, "SELECT id, bucket, file, 0 FROM s3_garbage ORDER BY id", 0)
	if err != nil {
		return err
	}
	const contents = "SELECT id, bucket, file, length(content) FROM s3_content WHERE id > ? ORDER BY id LIMIT 1000"
	for after := int64(0); ; {
		batch, err := s.filed(ctx, contents, after)
		if err != nil {
			return err
		}
		if len(batch) == 0 {
			break
		}
		after = batch[len(batch)-1].id
		if err := s.settleContents(ctx, batch); err != nil {
			return err
		}
	}
	return s.removeGarbage(ctx, garbage)
}

// settleContents syncs files and takes their contents out of the store.
func (s *Service) settleContents(ctx context.Context, batch []filed) error {
	var synced []filed
	folders := map[string]bool{}
	for _, row := range batch {
		if s.files.waiting(row.file) != nil {
			continue // its writer is at work, or could not write it
		}
		if err := syncFile(s.files.place(row.bucket, row.file), os.O_RDWR); err != nil {
			return err
		}
		synced = append(synced, row)
		folders[row.bucket] = true
	}
	for bucket := range folders {
		if err := syncFolder(s.files.folder(bucket)); err != nil {
			return err
		}
	}
	if len(folders) > 0 {
		if err := syncFolder(filepath.Join(s.files.dir, "buckets")); err != nil {
			return err
		}
	}
	if err := s.deleteRows(ctx, "DELETE FROM s3_content WHERE id = ?", synced); err != nil {
		return err
	}
	for _, row := range synced {
		s.files.unsettled.Add(-row.size)
	}
	return nil
}

func (s *Service) removeGarbage(ctx context.Context, garbage []filed) error {
	var gone []filed
	for _, row := range garbage {
		if s.files.waiting(row.file) != nil {
			continue
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
		if err := rows.Scan(&row.id, &row.bucket, &row.file, &row.size); err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, rows.Err()
}

// recover completes what a process before this one left under way, so far as
// readers see it. Settling is left to Run, for it takes time.
func (s *Service) recover(ctx context.Context) error {
	if err := s.rewrite(ctx); err != nil {
		return fmt.Errorf("writing small objects again: %w", err)
	}
	if err := s.receiveArrivals(ctx); err != nil {
		return fmt.Errorf("moving objects that had arrived: %w", err)
	}
	return nil
}

// rewrite writes the files of all contents in the store: any of them may be
// torn or missing.
func (s *Service) rewrite(ctx context.Context) error {
	rows, err := s.store.Query(ctx, "SELECT bucket, file, content FROM s3_content")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var st staged
		if err := rows.Scan(&st.bucket, &st.file, &st.content); err != nil {
			return err
		}
		if st.content == nil { // how the driver reads an empty one
			st.content = []byte{}
		}
		st.size = int64(len(st.content))
		if err := os.MkdirAll(s.files.folder(st.bucket), 0o700); err != nil {
			return err
		}
		if err := s.files.move(&st); err != nil {
			return err
		}
		s.files.unsettled.Add(st.size)
	}
	return rows.Err()
}

// receiveArrivals moves files whose row was committed to their place, and
// removes the others.
func (s *Service) receiveArrivals(ctx context.Context) error {
	entries, err := os.ReadDir(s.files.incoming.path)
	if err != nil || len(entries) == 0 {
		return err
	}
	owned, err := s.filed(ctx, `SELECT 0, bucket, file, 0 FROM s3_object
		UNION ALL SELECT 0, bucket, file, 0 FROM s3_part JOIN s3_upload ON s3_upload.id = s3_part.upload`)
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
		if err := os.MkdirAll(s.files.folder(bucket), 0o700); err != nil {
			return err
		}
		if err := s.files.move(&staged{bucket: bucket, file: entry.Name()}); err != nil {
			return err
		}
	}
	return nil
}
