package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/spate-run/spate/internal/store"
)

func TestSpaceComesBackAfterDeletions(t *testing.T) {
	for name, prepare := range map[string]func(testing.TB, string){
		"a new file": func(testing.TB, string) {},
		"a file of an older version": func(t testing.TB, path string) {
			db, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			const made = `PRAGMA journal_mode = WAL; PRAGMA user_version = 1;
				CREATE TABLE doc (kind TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID;
				INSERT INTO doc VALUES ('note', 'kept', '{"Text":"of old"}')`
			if _, err := db.Exec(made); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.db")
			prepare(t, path)
			s := open(t, path)
			if err := s.Migrate(t.Context(), "CREATE TABLE large (body BLOB)"); err != nil {
				t.Fatal(err)
			}
			notes := store.NewTable[note](s, "note")
			const written, rows = 50_000_000, 500
			change(t, s, fmt.Sprintf("WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i+1 FROM n WHERE i < %d)"+
				" INSERT INTO large SELECT randomblob(%d) FROM n", rows, written/rows))
			if err := notes.Save(t.Context(), "last", note{Text: "x"}); err != nil {
				t.Fatal(err)
			}
			change(t, s, "DELETE FROM large")
			if err := s.Shrink(t.Context()); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := info.Size(), int64(20<<20); got > want {
				t.Errorf("got a file of %d bytes after %d were deleted, want at most %d", got, written, want)
			}
			kept, err := notes.All(t.Context())
			if err != nil || kept["last"].Text != "x" || name != "a new file" && kept["kept"].Text != "of old" {
				t.Errorf("got %v, %v, want what was not deleted", kept, err)
			}
		})
	}
}

func change(t testing.TB, s *store.Store, statement string) {
	t.Helper()
	err := s.Update(context.Background(), func(tx *store.Tx) error {
		_, err := tx.Exec(statement)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
