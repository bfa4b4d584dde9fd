package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spate-run/spate/internal/store"
)

func TestAFileThatCannotBeUsedIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		ruin func(path string) error
		want store.Reason
		fact string
	}{
		"a folder": {func(path string) error {
			return errors.Join(os.Remove(path), os.Mkdir(path, 0o700))
		}, store.IsFolder, "x.db is a folder"},
		"no room for a log": {func(path string) error {
			return os.Mkdir(path+"-wal", 0o700)
		}, store.Unopenable, "x.db cannot be opened: unable to open database file (14)"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.db")
			if err := open(t, path).Close(); err != nil {
				t.Fatal(err)
			}
			if err := c.ruin(path); err != nil {
				t.Fatal(err)
			}
			_, err := store.Open(t.Context(), path)
			got := store.Refused(path, err)
			if got == nil || got.Reason != c.want || got.Error() != c.fact {
				t.Errorf("got %v of %v, want %q", got, err, c.fact)
			}
			if fact, damaged := store.Damage(err); damaged {
				t.Errorf("got damage %q, want none", fact)
			}
		})
	}
}

// A database of SQLite's own kind that lets nobody write.
func TestAReadOnlyDatabaseIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path)
	err := s.Update(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec("PRAGMA query_only(1)")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	err = store.NewTable[note](s, "note").Save(t.Context(), "key", note{})
	want := "x.db cannot be written: attempt to write a readonly database (8)"
	if got := store.Refused(path, fmt.Errorf("saving: %w", err)); got == nil || got.Reason != store.Unwritable || got.Error() != want {
		t.Errorf("got %v of %v, want %q", got, err, want)
	}
}

func TestAFullDatabaseIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path)
	err := s.Update(t.Context(), func(tx *store.Tx) error {
		row, err := tx.QueryRow("PRAGMA max_page_count = 1")
		var n int
		return errors.Join(err, row.Scan(&n))
	})
	if err != nil {
		t.Fatal(err)
	}
	err = store.NewTable[note](s, "note").Save(t.Context(), "key", note{Text: strings.Repeat("x", 100_000)})
	if got := store.Refused(path, err); got == nil || got.Reason != store.NoRoom {
		t.Errorf("got %v of %v, want that there is no room", got, err)
	}
}

// limitEnv names the database that TestLimited opens in a process whose files may
// not grow.
const limitEnv = "STORE_TEST_LIMITED"

func TestLimited(t *testing.T) {
	path := os.Getenv(limitEnv)
	if path == "" {
		t.Skip("runs in a process that TestALimitOfFilesIsTold starts")
	}
	_, err := store.Open(t.Context(), path)
	fmt.Println("refused:", store.Refused(path, err))
}

func TestALimitOfFilesIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", "-c", `ulimit -f 8; exec "$0" -test.run='^TestLimited$'`, os.Args[0])
	cmd.Env = append(os.Environ(), limitEnv+"="+path)
	out, err := cmd.CombinedOutput()
	if want := "refused: x.db cannot grow: files may have 8192 bytes at most\n"; err != nil || !strings.Contains(string(out), want) {
		t.Errorf("got %v and %q, want %q", err, out, want)
	}
}

func TestADatabaseThatIsHeldIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	var err error
	for range 2 { // the second does not wait, as a store does
		var db *sql.DB
		if db, err = sql.Open("sqlite", path+"?_txlock=exclusive"); err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		_, err = db.BeginTx(t.Context(), nil)
	}
	if got := store.Refused(path, err); got == nil || got.Reason != store.Held {
		t.Errorf("got %v of %v, want that another program holds it", got, err)
	}
}
