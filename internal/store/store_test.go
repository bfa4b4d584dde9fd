package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/store"
)

type note struct{ Text string }

func open(t testing.TB, path string) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestDocumentsOutliveTheStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a folder?", "x.db")
	if _, err := store.Open(t.Context(), path); err == nil {
		t.Fatal("opening a store in a folder that is not there: got no error")
	}
	path = filepath.Join(t.TempDir(), "odd ?#% name.db")
	s := open(t, path)
	notes := store.NewTable[note](s, "note")
	for _, key := range []string{"a", "b", "c"} {
		if err := notes.Save(t.Context(), key, note{Text: key}); err != nil {
			t.Fatal(err)
		}
	}
	if err := notes.Remove(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	got, err := store.NewTable[note](open(t, path), "note").All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]note{"a": {"a"}, "c": {"c"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("documents after reopening (-want +got):\n%s", diff)
	}
}

func TestFailedChangeLeavesItsNeighboursAlone(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"))
	notes := store.NewTable[note](s, "note")
	refused := errors.New("refused")

	// The first change holds the writer until all others wait, so that they
	// share one transaction.
	entered, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Update(t.Context(), func(*store.Tx) error {
			once.Do(func() { close(entered); <-release })
			return nil
		}); err != nil {
			t.Error(err)
		}
	})
	<-entered
	errs := make([]error, 20)
	for i := range errs {
		wg.Go(func() {
			errs[i] = s.Update(t.Context(), func(tx *store.Tx) error {
				if err := notes.Put(tx, fmt.Sprint(i), note{}); err != nil {
					return err
				}
				if i%5 == 0 {
					return refused
				}
				return nil
			})
		})
	}
	close(release)
	wg.Wait()

	all, err := notes.All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, err := range errs {
		_, stored := all[fmt.Sprint(i)]
		if wantErr := i%5 == 0; errors.Is(err, refused) != wantErr || stored == wantErr {
			t.Errorf("change %d: got error %v and stored %v, want a refusal to be %v", i, err, stored, wantErr)
		}
	}
}

func TestAPanicFailsTheChangeAlone(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"))
	notes := store.NewTable[note](s, "note")
	err := s.Update(t.Context(), func(tx *store.Tx) error {
		if err := notes.Put(tx, "lost", note{}); err != nil {
			return err
		}
		panic("no such thing")
	})
	if err == nil || !strings.Contains(err.Error(), "no such thing") {
		t.Errorf("got %v, want the panic's cause", err)
	}
	if err := notes.Save(t.Context(), "kept", note{}); err != nil {
		t.Fatal(err)
	}
	all, err := notes.All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]note{"kept": {}}, all); diff != "" {
		t.Errorf("got other documents (-want +got):\n%s", diff)
	}
}

func TestUpdateAfterClose(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "x.db"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	err := s.Update(t.Context(), func(*store.Tx) error { return nil })
	if !errors.Is(err, store.ErrClosed) {
		t.Errorf("got %v, want %v", err, store.ErrClosed)
	}
}

func TestNewerFormatIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := open(t, path)
	if err := s.Migrate(t.Context(), fmt.Sprintf("PRAGMA user_version = %d", store.Format+1)); err != nil {
		t.Fatal(err)
	}
	s.Close()
	_, err := store.Open(t.Context(), path)
	if newer, ok := errors.AsType[*store.NewerError](err); !ok || newer.Found != store.Format+1 {
		t.Errorf("got %v, want a NewerError that found %d", err, store.Format+1)
	}
}

func BenchmarkUpdate(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "x.db"))
	notes := store.NewTable[note](s, "note")
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := notes.Save(context.Background(), "key", note{Text: "text"}); err != nil {
				b.Error(err)
			}
		}
	})
}
