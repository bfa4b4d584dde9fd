package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/spate-run/spate/internal/store"
)

func TestDamageIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	if err := os.WriteFile(path, []byte("This is no database, and longer than a header of one."+string(make([]byte, 100))), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := store.Open(t.Context(), path)
	fact, damaged := store.Damage(fmt.Errorf("opening: %w", err))
	if want := "file is not a database"; !damaged || fact != want {
		t.Errorf("got %q and %v of %v, want %q", fact, damaged, err, want)
	}
	_, err = store.Open(t.Context(), filepath.Join(path, "below"))
	if fact, damaged := store.Damage(err); damaged {
		t.Errorf("got %q of %v, want no damage", fact, err)
	}
}
