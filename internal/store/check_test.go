package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spate-run/spate/internal/store"
)

// What no query comes by is found by reading everything.
func TestCheckFindsAnyPage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path)
	notes := store.NewTable[note](s, "note")
	if err := notes.Save(t.Context(), "large", note{Text: strings.Repeat("x", 100_000)}); err != nil {
		t.Fatal(err)
	}
	if wrong, err := store.Check(t.Context(), path); err != nil || len(wrong) > 0 {
		t.Errorf("got %q, %v of a store at work, want nothing", wrong, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	database, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const pageSize = 4096
	clear(database[len(database)-2*pageSize : len(database)-2*pageSize+4]) // what leads from one page of the document to the next
	if err := os.WriteFile(path, database, 0o600); err != nil {
		t.Fatal(err)
	}
	if wrong, err := store.Check(t.Context(), path); err != nil || len(wrong) == 0 {
		t.Errorf("got %q, %v of a damaged store, want what is wrong", wrong, err)
	}
}
