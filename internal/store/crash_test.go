package store_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/spate-run/spate/internal/store"
)

// TestMain lets the test binary be the writer that TestKill kills.
func TestMain(m *testing.M) {
	path := os.Getenv("STORE_TEST_WRITE")
	if name := os.Getenv("STORE_TEST_REFUSE"); name != "" {
		if err := writeRefused(path, name); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if path != "" {
		write(path)
	}
	os.Exit(m.Run())
}

// write acknowledges one document after the other on standard output, from
// several goroutines, until it is killed.
func write(path string) {
	s, err := store.Open(context.Background(), path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	notes := store.NewTable[note](s, "note")
	for w := range 8 {
		go func() {
			for n := 0; ; n++ {
				key := fmt.Sprintf("%d.%d", w, n)
				if err := notes.Save(context.Background(), key, note{Text: key}); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				fmt.Println(key)
			}
		}()
	}
	select {}
}

func TestKillLosesNothingAcknowledged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	for round := range 3 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "STORE_TEST_WRITE="+path)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var acknowledged []string
		for lines := bufio.NewScanner(out); lines.Scan(); {
			acknowledged = append(acknowledged, lines.Text())
			if len(acknowledged) == 300+100*round {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait() // it was killed
		checkHolds(t, path, acknowledged)
	}
}

func checkHolds(t *testing.T, path string, acknowledged []string) {
	t.Helper()
	s := open(t, path)
	defer s.Close()
	all, err := store.NewTable[note](s, "note").All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(acknowledged) < 300 {
		t.Fatalf("got %d acknowledged documents, want 300 or more", len(acknowledged))
	}
	for _, key := range acknowledged {
		if all[key].Text != key {
			t.Errorf("document %s was acknowledged and is lost", key)
		}
	}
}

// The layout of SQLite's write-ahead log: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
const (
	walHeader   = 32
	frameHeader = 24
)

// TestTornLog cuts the write-ahead log at every frame and in the middle of
// every frame, as a power loss would: what is left is a beginning of what was
// written.
func TestTornLog(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.db")
	s := open(t, path)
	notes := store.NewTable[note](s, "note")
	const documents = 25
	for n := range documents {
		if err := notes.Save(t.Context(), strconv.Itoa(n), note{Text: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	// Copied while the store is open: closing it would fold the log in.
	database, log := read(t, path), read(t, path+"-wal")
	pageSize := int(database[16])<<8 | int(database[17])
	frame := frameHeader + pageSize
	if len(log) < walHeader+documents*frame {
		t.Fatalf("the log has %d bytes, too few for %d documents", len(log), documents)
	}
	most := 0
	for cut := walHeader; cut <= len(log); cut += frame / 2 {
		torn := filepath.Join(t.TempDir(), "x.db")
		writeFile(t, torn, database)
		writeFile(t, torn+"-wal", log[:cut])
		most = max(most, countPrefix(t, torn))
	}
	if most != documents {
		t.Errorf("the whole log holds %d documents, want %d", most, documents)
	}
}

// countPrefix returns how many documents a store holds, which must be the
// first ones.
func countPrefix(t *testing.T, path string) int {
	t.Helper()
	s := open(t, path)
	defer s.Close()
	all, err := store.NewTable[note](s, "note").All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(all) {
		if _, ok := all[strconv.Itoa(n)]; !ok {
			t.Errorf("the store holds %d documents without number %d", len(all), n)
		}
	}
	return len(all)
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func writeFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
