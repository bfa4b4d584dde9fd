package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
)

// Check reads the whole database at path and returns what is wrong with it in
// SQLite's words, nothing for nothing. Who has it open can go on working.
// The error of one that is not there is fs.ErrNotExist.
// https://www.sqlite.org/pragma.html#pragma_integrity_check
func Check(ctx context.Context, path string) (wrong []string, err error) {
	defer func() {
		if fact, damaged := Damage(err); damaged {
			wrong, err = append(wrong, fact), nil
		}
		if err != nil {
			err = fmt.Errorf("checking store %q: %w", path, err)
		}
	}()
	if err := inspect(path); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?mode=ro&_pragma=busy_timeout(10000)")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	rows, err := db.QueryContext(ctx, "PRAGMA integrity_check(10)")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return nil, err
		}
		if line != "ok" {
			wrong = append(wrong, line)
		}
	}
	return wrong, rows.Err()
}
