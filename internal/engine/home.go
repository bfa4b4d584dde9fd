package engine

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spate-run/spate/internal/wire"
)

// A home is the folder of an engine's state.
type home string

func (h home) database() string { return filepath.Join(string(h), "spate.db") }
func (h home) objects() string  { return filepath.Join(string(h), "objects") }
func (h home) images() string   { return filepath.Join(string(h), "images") }
func (h home) lock() string     { return filepath.Join(string(h), "lock") }
func (h home) leases() string   { return filepath.Join(string(h), "leases") }
func (h home) identity() string { return filepath.Join(string(h), "identity") }

// longest is how long a home's path may be, in bytes, for workers to have their
// folders in it. Jobs have their TMPDIR there, some 28 bytes further on, and
// make sockets in that: a Python program's take 32, and the whole may have 104
// bytes (of macOS; Linux has 108).
const longest = 44

// work is the folder of workers' folders; where it is empty they are where the
// system has its temporary files.
func (h home) work() string {
	if len(h) > longest {
		return ""
	}
	return filepath.Join(string(h), "work")
}

// DefaultHome is where the embedded engine lives: $SPATE_HOME, or .spate in
// the person's home folder.
func DefaultHome() (string, error) {
	if dir := os.Getenv("SPATE_HOME"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("finding the home folder: %w", err)
	}
	return filepath.Join(dir, ".spate"), nil
}

// An identity is what clients know an engine by. It is kept, so that exports
// in somebody's shell and containers that outlive the engine stay right.
type identity struct {
	Port int
	Keys wire.Keys
}

// Mark is short for a home, in the names of images that are built for it.
func Mark(dir string) string {
	place := sha256.Sum256([]byte(dir))
	return hex.EncodeToString(place[:4])
}

// owner marks the processes of this home. It is no secret, and no other home
// has it: a copy of this one is in another place.
func (h home) owner(id identity) string {
	place := sha256.Sum256([]byte(h))
	return id.Keys.AccessKeyID + "." + hex.EncodeToString(place[:8])
}

// loadIdentity reads the home's identity, and makes one when there is none.
func loadIdentity(h home) (identity, error) {
	var id identity
	text, err := os.ReadFile(h.identity())
	if errors.Is(err, fs.ErrNotExist) {
		id.Keys = wire.Keys{AccessKeyID: "SPATE" + rand.Text()[:15], SecretAccessKey: rand.Text() + rand.Text()[:14]}
		return id, saveIdentity(h, id)
	}
	if err != nil {
		return id, err
	}
	return parseIdentity(h.identity(), text)
}

func saveIdentity(h home, id identity) error {
	text, err := json.Marshal(id)
	if err != nil {
		return err
	}
	next := h.identity() + ".new"
	if err := os.WriteFile(next, text, 0o600); err != nil {
		return err
	}
	return os.Rename(next, h.identity())
}

// KeptPort is the port that the engine of a home takes when it is free, or 0
// where none has run yet.
func KeptPort(dir string) int {
	var id identity
	text, err := os.ReadFile(home(dir).identity())
	if err != nil || json.Unmarshal(text, &id) != nil {
		return 0
	}
	return id.Port
}
