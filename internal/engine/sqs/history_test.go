package sqs_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/engine/sqs"
	"github.com/spate-run/spate/internal/store"
)

// A moment is the state of a service that has told its clients so, and how much
// of the write-ahead log was written then.
type moment struct {
	state string
	log   int
}

// TestEveryCommitOfAHistory has clients do what they like, and then the power
// fail at every frame of the write-ahead log and in the middle of each: what is
// found is the state after the last commit that is whole.
func TestEveryCommitOfAHistory(t *testing.T) {
	for seed := uint64(1); seed <= 6; seed++ {
		synctest.Test(t, func(t *testing.T) {
			dir := fastFolder(t)
			path := filepath.Join(dir, "x.db")
			moments := record(t, path, seed)
			database, log := contents(t, path), contents(t, path+"-wal")
			// Nothing was carried over into the database meanwhile: the log has it all.
			if at := moments[0].log; at >= moments[len(moments)-1].log {
				t.Fatalf("seed %d: the log began anew", seed)
			}
			looks := 0
			for cut := moments[0].log; cut <= len(log); cut += frameSize / 2 {
				i := 0
				for i+1 < len(moments) && moments[i+1].log <= cut {
					i++
				}
				whole := cut == moments[i].log
				if !whole && (i+1 == len(moments) || commits(log[moments[i].log:moments[i+1].log]) > 1) {
					continue // in between there are states that no client was told of
				}
				after := filepath.Join(dir, "after.db")
				overwrite(t, after, database)
				overwrite(t, after+"-wal", log[:cut])
				looks++
				if diff := cmp.Diff(moments[i].state, stateOf(t, after)); diff != "" {
					t.Fatalf("seed %d, power lost at byte %d of the log, moment %d (-before +after):\n%s", seed, cut, i, diff)
				}
			}
			if want := 100; looks < want {
				t.Errorf("seed %d: looked at %d losses of power, want %d or more", seed, looks, want)
			}
		})
	}
}

// The layout of SQLite's write-ahead log: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
const (
	walHeader   = 32
	frameHeader = 24
	frameSize   = frameHeader + 4096
)

// commits counts the frames that end a transaction.
func commits(log []byte) int {
	n := 0
	for ; len(log) >= frameSize; log = log[frameSize:] {
		if binary.BigEndian.Uint32(log[4:]) != 0 { // the database's size after it
			n++
		}
	}
	return n
}

// record has a seed's client do things, and returns what was true after each.
func record(t *testing.T, path string, seed uint64) []moment {
	t.Helper()
	w := walkOf(t, path, seed)
	var moments []moment
	for range 120 {
		moments = append(moments, w.moment(path))
		w.act()
	}
	return moments
}

// walkOf has a seed's client begin.
func walkOf(t *testing.T, path string, seed uint64) *walk {
	t.Helper()
	e := start(t, path)
	w := &walk{t: t, e: e, r: rand.New(rand.NewPCG(seed, 2)), seed: seed*7 + 1, handles: map[string]*modelled{}, seqs: map[int]string{}}
	w.align()
	w.setUp()
	return w
}

func (w *walk) moment(path string) moment {
	w.t.Helper()
	synctest.Wait()
	state, err := w.e.service.State(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return moment{state, logEnd(contents(w.t, path+"-wal"))}
}

// logEnd is where the log of now ends: behind it there may be frames of an earlier
// one, which began with another salt.
func logEnd(log []byte) int {
	const salts = 8 // bytes, at 16 of the header and at 8 of each frame
	end := walHeader
	for end+frameSize <= len(log) && bytes.Equal(log[16:16+salts], log[end+8:end+8+salts]) {
		end += frameSize
	}
	return end
}

// stateOf opens the files that a power loss has left.
func stateOf(t *testing.T, path string) string {
	t.Helper()
	st, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	service, err := sqs.New(t.Context(), sqs.Config{Store: st, Account: account})
	if err != nil {
		t.Fatal(err)
	}
	state, err := service.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func contents(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func overwrite(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.Remove(path + "-shm"); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
