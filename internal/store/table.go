package store

import (
	"context"
	"encoding/json"
	"fmt"
)

// A Table holds the documents of one kind, as JSON, under keys.
type Table[T any] struct {
	store *Store
	kind  string
}

// NewTable returns the table of a kind. Kinds name their service: "ecs.task".
func NewTable[T any](s *Store, kind string) Table[T] {
	return Table[T]{store: s, kind: kind}
}

// All reads every document of the table.
func (t Table[T]) All(ctx context.Context) (map[string]T, error) {
	rows, err := t.store.Query(ctx, "SELECT key, value FROM doc WHERE kind = ?", t.kind)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", t.kind, err)
	}
	defer rows.Close()
	all := map[string]T{}
	for rows.Next() {
		var key string
		var value []byte
		if err := rows.Scan(&key, &value); err != nil {
			return nil, fmt.Errorf("reading %s: %w", t.kind, err)
		}
		var doc T
		if err := json.Unmarshal(value, &doc); err != nil {
			return nil, fmt.Errorf("reading %s %q: %w", t.kind, key, err)
		}
		all[key] = doc
	}
	return all, rows.Err()
}

// Put writes a document as part of a change.
func (t Table[T]) Put(tx *Tx, key string, doc T) error {
	value, err := json.Marshal(doc)
	if err != nil {
		return fmt.Errorf("writing %s %q: %w", t.kind, key, err)
	}
	_, err = tx.Exec("INSERT OR REPLACE INTO doc (kind, key, value) VALUES (?, ?, ?)", t.kind, key, value)
	return err
}

// Delete removes a document as part of a change. A key that is not there is no
// error.
func (t Table[T]) Delete(tx *Tx, key string) error {
	_, err := tx.Exec("DELETE FROM doc WHERE kind = ? AND key = ?", t.kind, key)
	return err
}

// Save is a change that writes one document.
func (t Table[T]) Save(ctx context.Context, key string, doc T) error {
	return t.store.Update(ctx, func(tx *Tx) error { return t.Put(tx, key, doc) })
}

// Remove is a change that removes one document.
func (t Table[T]) Remove(ctx context.Context, key string) error {
	return t.store.Update(ctx, func(tx *Tx) error { return t.Delete(tx, key) })
}
