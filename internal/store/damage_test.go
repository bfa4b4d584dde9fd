package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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

// SQLite makes a new database of these, and drops the log of the old one.
func TestWhatIsGoneIsDamage(t *testing.T) {
	for name, c := range map[string]struct {
		ruin func(path string) error
		want string
	}{
		"no bytes":          {func(path string) error { return os.Truncate(path, 0) }, "it is empty"},
		"no file but a log": {os.Remove, "it is missing, and its log is there"},
		"no file at a link": {func(path string) error {
			return errors.Join(os.Remove(path), os.Remove(path+"-wal"), os.Symlink(path+".moved", path))
		}, "it is a link to a file that is not there"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.db")
			notes := store.NewTable[note](open(t, path), "note")
			if err := notes.Save(t.Context(), "key", note{}); err != nil {
				t.Fatal(err)
			}
			if err := c.ruin(path); err != nil { // the store's log is there while it is open
				t.Fatal(err)
			}
			before := files(t, path)
			_, err := store.Open(t.Context(), path)
			if fact, damaged := store.Damage(err); !damaged || fact != c.want {
				t.Errorf("got %q and %v of %v when it is opened, want %q", fact, damaged, err, c.want)
			}
			if wrong, err := store.Check(t.Context(), path); err != nil || !cmp.Equal(wrong, []string{c.want}) {
				t.Errorf("got %q and %v when it is checked, want %q", wrong, err, c.want)
			}
			if diff := cmp.Diff(before, files(t, path)); diff != "" {
				t.Errorf("files were changed (-before +after):\n%s", diff)
			}
		})
	}
}

// files returns the bytes that the files of a database have.
func files(t *testing.T, path string) map[string]int64 {
	t.Helper()
	sizes := map[string]int64{}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		sizes[entry.Name()] = info.Size()
	}
	return sizes
}

// A start that was killed leaves what the next one goes on with.
func TestAStartThatWasKilledIsGoneOnWith(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	for _, leftover := range []string{path + ".new", path + ".new-wal", path + ".new-journal"} {
		writeFile(t, leftover, []byte("half"))
	}
	if err := store.NewTable[note](open(t, path), "note").Save(t.Context(), "key", note{}); err != nil {
		t.Fatal(err)
	}
	for name := range files(t, path) {
		if strings.Contains(name, ".new") {
			t.Errorf("got %s left, want it gone", name)
		}
	}
}
