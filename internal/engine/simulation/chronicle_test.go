package simulation

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// A chronicle is what happened, for whoever reads of a seed that failed.
type chronicle struct {
	mu     sync.Mutex
	begin  time.Time
	lines  []string // the last ones
	notes  int
	digest hash.Hash // of the driver's notes
	faults []string
}

func newChronicle() *chronicle { return &chronicle{begin: time.Now(), digest: sha256.New()} }

// tail is how many lines are kept.
const tail = 400

func (c *chronicle) line(text string) string {
	line := fmt.Sprintf("%12s  %s", time.Since(c.begin).Round(time.Millisecond), text)
	c.lines = append(c.lines, line)
	if len(c.lines) > 2*tail {
		c.lines = slices.Clone(c.lines[tail:])
	}
	return line
}

// note notes what is the same in every repetition of a seed.
func (c *chronicle) note(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notes++
	fmt.Fprintln(c.digest, c.line(fmt.Sprintf(format, args...)))
}

// blame notes that a promise was broken.
func (c *chronicle) blame(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = append(c.faults, c.line("BROKEN: "+fmt.Sprintf(format, args...)))
}

func (c *chronicle) broken() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.faults)
}

func (c *chronicle) sum() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprintf("%x of %d notes", c.digest.Sum(nil)[:8], c.notes)
}

func (c *chronicle) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.lines[max(0, len(c.lines)-tail):], "\n")
}

// What the services log is for the reader alone: ids differ each time.

func (c *chronicle) Enabled(context.Context, slog.Level) bool { return true }
func (c *chronicle) WithAttrs([]slog.Attr) slog.Handler       { return c }
func (c *chronicle) WithGroup(string) slog.Handler            { return c }

func (c *chronicle) Handle(_ context.Context, r slog.Record) error {
	var text strings.Builder
	fmt.Fprintf(&text, "    %s %s", r.Level, r.Message)
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&text, " %s=%v", a.Key, a.Value)
		return true
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.line(text.String())
	return nil
}
