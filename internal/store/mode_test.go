package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/spate-run/spate/internal/store"
)

func TestNobodyElseReadsTheDatabase(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"new.db", "old.db"} {
		path := filepath.Join(dir, name)
		if name == "old.db" { // as an earlier version made it
			if err := open(t, path).Close(); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		s, err := store.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) < 4 { // the log and its index beside each
		t.Fatalf("got %v and error %v, want two databases", entries, err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != 0o600 {
			t.Errorf("%s: got mode %o, want 600", entry.Name(), got)
		}
	}
}
