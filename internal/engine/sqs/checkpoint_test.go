package sqs_test

import (
	"bytes"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/engine/sqs"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

// TestEveryCommitAcrossACheckpoint has the log carried over into the database in
// the middle of a history, and begin anew. The power fails in the middle of that,
// and at every frame that is written over the log of before.
func TestEveryCommitAcrossACheckpoint(t *testing.T) {
	for seed := uint64(1); seed <= 4; seed++ {
		synctest.Test(t, func(t *testing.T) {
			dir := fastFolder(t)
			path, after := filepath.Join(dir, "x.db"), filepath.Join(dir, "after.db")
			w := walkOf(t, path, seed)
			for range 60 {
				w.act()
			}
			before := w.moment(path)
			database, old := contents(t, path), contents(t, path+"-wal")
			w.checkpoint()
			carried := contents(t, path)
			for pages := 0; pages <= len(carried)/4096; pages += 3 { // the disk had so many of them
				half := append([]byte{}, carried[:pages*4096]...)
				half = append(half, database[min(len(database), len(half)):]...)
				w.wantState(after, half, old, before, fmt.Sprintf("%d pages were carried over", pages))
			}

			moments := []moment{{before.state, 0}}
			for range 60 {
				w.act()
				m := w.moment(path)
				if bytes.Equal(contents(t, path+"-wal")[:walHeader], old[:walHeader]) {
					m.log = 0 // nothing of the new log is there
				}
				moments = append(moments, m)
			}
			log := contents(t, path+"-wal")
			last := moments[len(moments)-1]
			if last.log == 0 || !bytes.Equal(contents(t, path), carried) {
				t.Fatalf("seed %d: the log has not begun anew once", seed)
			}
			looks := 0
			for cut := 0; cut <= last.log; cut = next(cut) {
				i := 0
				for i+1 < len(moments) && moments[i+1].log <= cut {
					i++
				}
				if cut != moments[i].log && commits(log[max(walHeader, moments[i].log):moments[i+1].log]) > 1 {
					continue // in between there are states that no client was told of
				}
				torn := append(append([]byte{}, log[:cut]...), old[min(cut, len(old)):]...)
				w.wantState(after, carried, torn, moments[i], fmt.Sprintf("power lost at byte %d of the new log, moment %d", cut, i))
				looks++
			}
			if want := 60; looks < want {
				t.Errorf("seed %d: looked at %d losses of power, want %d or more", seed, looks, want)
			}
		})
	}
}

// next is the next place of a log to lose power at: its header's end, and the
// middle and the end of each frame.
func next(cut int) int {
	if cut == 0 {
		return walHeader
	}
	return cut + frameSize/2
}

// checkpoint carries the log over into the database.
func (w *walk) checkpoint() {
	w.t.Helper()
	var busy, log, carried int
	row := w.e.store.QueryRow(w.t.Context(), "PRAGMA wal_checkpoint(PASSIVE)")
	if err := row.Scan(&busy, &log, &carried); err != nil || busy != 0 || carried != log || log < 30 {
		w.t.Fatalf("a checkpoint: got %d, %d of %d frames, %v, want all of 30 or more", busy, carried, log, err)
	}
}

func (w *walk) wantState(path string, database, log []byte, want moment, when string) {
	w.t.Helper()
	overwrite(w.t, path, database)
	overwrite(w.t, path+"-wal", log)
	if diff := cmp.Diff(want.state, stateOf(w.t, path)); diff != "" {
		w.t.Fatalf("seed %d, %s (-before +after):\n%s", w.seed, when, diff)
	}
}

// TestHandlesOutliveTheLossOfPower has the power fail after each thing that a
// client did, and the client go on with the receipt handles that it has.
func TestHandlesOutliveTheLossOfPower(t *testing.T) {
	fine, refusals := 0, 0
	for seed := uint64(1); seed <= 6; seed++ {
		synctest.Test(t, func(t *testing.T) {
			dir := fastFolder(t)
			path, after := filepath.Join(dir, "x.db"), filepath.Join(dir, "after.db")
			w := walkOf(t, path, seed)
			for i := range 100 {
				if i == 50 {
					w.checkpoint()
				}
				w.act()
				synctest.Wait()
				overwrite(t, after, contents(t, path))
				overwrite(t, after+"-wal", contents(t, path+"-wal"))
				used, unused := w.useHandles(after)
				fine, refusals = fine+used, refusals+unused
			}
		})
	}
	if fine < 200 || refusals < 100 {
		t.Errorf("used %d handles that were good and %d that were not, want many of both", fine, refusals)
	}
}

// useHandles deletes by the handles that a client got last, of messages that are
// there and of others, and says how many were which.
func (w *walk) useHandles(path string) (fine, refusals int) {
	w.t.Helper()
	st, err := store.Open(w.t.Context(), path)
	if err != nil {
		w.t.Fatal(err)
	}
	defer st.Close()
	service, err := sqs.New(w.t.Context(), sqs.Config{Store: st, Account: account})
	if err != nil {
		w.t.Fatal(err)
	}
	left := func() (n int) {
		if err := st.QueryRow(w.t.Context(), "SELECT count(*) FROM sqs_message").Scan(&n); err != nil {
			w.t.Fatal(err)
		}
		return n
	}
	e := &engine{handler: wire.NewHandler(wire.Config{Services: []*wire.Service{service.Wire()}})}
	gone := map[*modelled]bool{}
	for _, handle := range w.known[max(0, len(w.known)-8):] {
		for _, q := range w.m.queues {
			if !w.belongs(q, handle) {
				continue
			}
			latest, _ := q.of(w.handles, handle)
			good := latest != nil && !gone[latest] && !(q.fifo && latest.visible(w.m.now))
			in := fmt.Sprintf(`{"QueueUrl": %q, "ReceiptHandle": %q`, q.name, handle)
			if got := e.raw(w.t, "ChangeMessageVisibility", in+`, "VisibilityTimeout": 9}`); good != (got.status == http.StatusOK) {
				w.t.Fatalf("seed %d: hiding %s after a loss of power: got %d %s, want it to succeed: %v\n%s",
					w.seed, w.handles[handle].body, got.status, got.body, good, strings.Join(w.log, "\n"))
			}
			before := left()
			got := e.raw(w.t, "DeleteMessage", in+"}")
			if deleted := before - left(); good != (deleted == 1) || good && got.status != http.StatusOK || deleted > 1 {
				w.t.Fatalf("seed %d: deleting %s after a loss of power: got %d %s and %d messages less, want it to succeed: %v",
					w.seed, w.handles[handle].body, got.status, got.body, deleted, good)
			}
			if !good {
				refusals++
				continue
			}
			gone[latest] = true
			fine++
		}
	}
	return fine, refusals
}
