package store

import (
	"context"
	"database/sql"
	"fmt"
)

// Free pages up to this many, and as many as are in use, are kept for what comes
// next: taking them anew from the disk costs more than keeping them.
const sparePages = 4096

// shrinkStep is how many pages one change gives back: others wait for it.
const shrinkStep = 128

// Shrink gives the disk back what deletions have freed, in steps between which
// other changes go on.
func (s *Store) Shrink(ctx context.Context) error {
	shrunk := false
	for {
		spare, err := s.spare(ctx)
		if err != nil {
			return fmt.Errorf("shrinking the store: %w", err)
		}
		if !spare {
			break
		}
		shrunk = true
		err = s.Update(ctx, func(tx *Tx) error {
			_, err := tx.Exec(fmt.Sprintf("PRAGMA incremental_vacuum(%d)", shrinkStep))
			return err
		})
		if err != nil {
			return fmt.Errorf("shrinking the store: %w", err)
		}
	}
	if !shrunk {
		return nil
	}
	// The file is cut when the log has been carried over into it.
	if _, err := s.read.ExecContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)"); err != nil {
		return fmt.Errorf("shrinking the store: %w", err)
	}
	return nil
}

// spare says whether the file has more free pages than it should keep.
func (s *Store) spare(ctx context.Context) (bool, error) {
	var free, all int
	row := s.QueryRow(ctx, "SELECT freelist_count, page_count FROM pragma_freelist_count, pragma_page_count")
	if err := row.Scan(&free, &all); err != nil {
		return false, err
	}
	return free > max(sparePages, all-free), nil
}

// allowShrinking makes pages of a new file fit for being given back. A file of an
// older version is written anew once.
// https://www.sqlite.org/pragma.html#pragma_auto_vacuum
func allowShrinking(ctx context.Context, conn *sql.Conn) error {
	const incremental = 2
	var mode int
	if err := conn.QueryRowContext(ctx, "PRAGMA auto_vacuum").Scan(&mode); err != nil {
		return err
	}
	if mode == incremental {
		return nil
	}
	_, err := conn.ExecContext(ctx, "PRAGMA auto_vacuum = INCREMENTAL; VACUUM")
	return err
}
