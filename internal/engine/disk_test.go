package engine_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/engine"
)

func TestLogsAreQuietAboutAFullDisk(t *testing.T) {
	for _, level := range []slog.Level{slog.LevelWarn, slog.LevelDebug} {
		t.Run(level.String(), func(t *testing.T) {
			var out bytes.Buffer
			text := slog.NewTextHandler(&out, &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			}})
			log := engine.QuietAboutFull(text, t.TempDir()).With("service", "s")
			log.Error("one", "error", fmt.Errorf("writing: %w", syscall.ENOSPC))
			log.Error("two", "key", "k", "error", errors.New("database or disk is full (13)"))
			log.Error("three", "error", syscall.EIO)
			want := "level=ERROR msg=three service=s error=\"input/output error\"\n"
			if level == slog.LevelDebug {
				want = "level=DEBUG msg=one service=s error=\"writing: no space left on device\"\n" +
					"level=DEBUG msg=two service=s key=k error=\"database or disk is full (13)\"\n" + want
			}
			if diff := cmp.Diff(want, out.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
