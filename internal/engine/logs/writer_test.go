package logs_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/wire"
)

func TestWriterMakesEventsOfLines(t *testing.T) {
	b := start(t)
	w := b.service.Writer("group", "made/by/writer")
	long := strings.Repeat("x", 256<<10)
	for _, text := range []string{"one\ntw", "o\n", "\n\n", "th\xffree\n", long + "\n", "last"} {
		if n, err := io.WriteString(w, text); err != nil || n != len(text) {
			t.Fatalf("writing: got %d and error %v", n, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("x")); err == nil {
		t.Error("writing after Close: got no error")
	}
	want := []string{"one", "two", "th\uFFFDree", long[:256<<10-26], long[256<<10-26:], "last"}
	if diff := cmp.Diff(want, b.all(t, "made/by/writer")); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestWriterDropsLinesWithoutAGroup(t *testing.T) {
	b := start(t)
	w := b.service.Writer("none", "stream")
	for range 3 {
		if _, err := w.Write(bytes.Repeat([]byte("0123456789abcdef\n"), 20_000)); err != nil {
			t.Errorf("writing: %v", err)
		}
	}
	if err := w.Close(); err != nil {
		t.Errorf("closing: %v", err)
	}
}

func TestWriterFlushesWithinASecond(t *testing.T) {
	home := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := startAt(t, home)
		w := b.service.Writer("group", "stream")
		defer w.Close()
		for _, line := range []string{"first", "second"} {
			if _, err := io.WriteString(w, line+"\nand a part of "); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			synctest.Wait()
		}
		if diff := cmp.Diff([]string{"first", "and a part of second"}, b.all(t, "stream")); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

func TestWriterUnderAFlood(t *testing.T) {
	b := start(t)
	w := b.service.Writer("group", "stream")
	const lines = 40_000
	begun := time.Now()
	var most uint64
	for i := range lines {
		fmt.Fprintf(w, "%07d %s\n", i, strings.Repeat("x", 92))
		if i%4_000 == 0 {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapInuse)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d lines of 100 bytes in %v, heap at most %d MB", lines, time.Since(begun), most>>20)
	if most > 64<<20 {
		t.Errorf("got a heap of %d MB, want at most 64", most>>20)
	}
	got := b.all(t, "stream")
	if len(got) != lines {
		t.Fatalf("got %d lines, want %d", len(got), lines)
	}
	for i, line := range got {
		if !strings.HasPrefix(line, fmt.Sprintf("%07d ", i)) {
			t.Fatalf("line %d: got %q", i, line)
		}
	}
}

func TestOpenMakesTheStream(t *testing.T) {
	b := start(t)
	for range 2 { // the second time it is there
		w, last, err := b.service.Open(t.Context(), "group", "of/a/quiet/container")
		if err != nil {
			t.Fatal(err)
		}
		if !last.IsZero() {
			t.Errorf("got a last line at %v, want none", last)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
	if got := b.all(t, "of/a/quiet/container"); len(got) != 0 {
		t.Errorf("got events %q, want a stream with none", got)
	}
	_, _, err := b.service.Open(t.Context(), "new", "stream")
	if fault, ok := errors.AsType[*wire.Fault](err); !ok || fault.Code != "ResourceNotFoundException" {
		t.Errorf("a group that is not there: got %v, want ResourceNotFoundException", err)
	}
	for range 2 {
		if err := b.service.MakeGroup(t.Context(), "new"); err != nil {
			t.Error(err)
		}
	}
	w, _, err := b.service.Open(t.Context(), "new", "stream")
	if err != nil {
		t.Fatalf("a group that was made: got %v", err)
	}
	before := time.Now()
	_, _ = io.WriteString(w, "a line\n")
	after := time.Now()
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	_, last, err := b.service.Open(t.Context(), "new", "stream")
	if err != nil || last.Before(before) || last.After(after.Add(time.Millisecond)) {
		t.Errorf("got a last line at %v, %v, want it between %v and %v", last, err, before, after)
	}
}
