package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// A FullError reports that a home's disk has no room for what has to be
// recorded. What was acknowledged before is there.
type FullError struct{ Home string }

func (e *FullError) Error() string { return "the disk of " + e.Home + " is full" }

// An UnusableError reports a home that cannot be made, read or written.
type UnusableError struct {
	Home string
	Err  error
}

func (e *UnusableError) Error() string {
	return fmt.Sprintf("the home %s cannot be used: %v", e.Home, e.Err)
}

func (e *UnusableError) Unwrap() error { return e.Err }

// scarce is the room, in bytes, below which a disk counts as full: the store
// commits the changes of many requests at once.
const scarce = 512 << 10

// isFull says whether the disk of a home is full. A disk that does not tell is
// not.
func isFull(h home) bool {
	free, size, err := Room(string(h))
	for dir := string(h); errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir); {
		dir = filepath.Dir(dir)
		free, size, err = Room(dir)
	}
	return err == nil && size > 0 && free < scarce
}

// The time between two looks at the disk, and how many in a row have to find it
// full: jobs may take the last of it for a moment.
const (
	diskInterval = 500 * time.Millisecond
	diskLooks    = 3
)

// watchDisk returns a FullError when the home's disk is full and stays so: no
// job could be recorded from then on.
func (e *Engine) watchDisk(ctx context.Context) error {
	tick := time.NewTicker(diskInterval)
	defer tick.Stop()
	for looks := 0; looks < diskLooks; looks++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if !isFull(home(e.cfg.Home)) {
			looks = -1
		}
	}
	return &FullError{e.cfg.Home}
}

// shrinkInterval is the time between two looks at what the store has freed.
const shrinkInterval = 10 * time.Second

// shrink gives the disk back what the store has freed.
func (e *Engine) shrink(ctx context.Context) error {
	tick := time.NewTicker(shrinkInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := e.store.Shrink(ctx); err != nil && ctx.Err() == nil {
			e.cfg.Log.Warn("giving back the space of what was deleted", "err", err)
		}
	}
}

// explain returns the cause that an error has in the home's disk, or in the
// store's file, where it has one.
func explain(h home, err error) error {
	if err != nil && isFull(h) {
		return &FullError{string(h)}
	}
	return blameStore(h, err)
}

// A fullHandler passes a log on and keeps quiet about what goes wrong on a full
// disk: that is one fact, which the engine ends with, or the client is told,
// and not a line for each that runs into it.
type fullHandler struct {
	slog.Handler
	home home
}

func (h *fullHandler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn && (blamesDisk(r) || isFull(h.home)) {
		r.Level = slog.LevelDebug
		if !h.Enabled(ctx, r.Level) {
			return nil
		}
	}
	return h.Handler.Handle(ctx, r)
}

func (h *fullHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &fullHandler{h.Handler.WithAttrs(attrs), h.home}
}

func (h *fullHandler) WithGroup(name string) slog.Handler {
	return &fullHandler{h.Handler.WithGroup(name), h.home}
}

// blamesDisk says whether a record's error is that a disk is full, in the words
// of the system or of SQLite.
func blamesDisk(r slog.Record) (blames bool) {
	r.Attrs(func(a slog.Attr) bool {
		err, ok := a.Value.Any().(error)
		blames = ok && (errors.Is(err, syscall.ENOSPC) || strings.Contains(err.Error(), "database or disk is full"))
		return !blames
	})
	return blames
}
