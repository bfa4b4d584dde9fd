package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spate-run/spate/internal/store"
)

// A DamagedError reports a file of a home that does not hold what an engine
// wrote there.
type DamagedError struct{ Path, Fact string }

func (e *DamagedError) Error() string { return e.Path + " is damaged: " + e.Fact }

// parseIdentity reads what saveIdentity wrote to a file.
func parseIdentity(path string, text []byte) (identity, error) {
	var id identity
	damaged := func(fact string) (identity, error) { return identity{}, &DamagedError{path, fact} }
	switch err := json.Unmarshal(text, &id); {
	case len(bytes.TrimSpace(text)) == 0:
		return damaged("it is empty")
	case !json.Valid(text):
		return damaged("it is no JSON")
	case err != nil:
		return damaged(err.Error())
	case id.Keys.AccessKeyID == "" || id.Keys.SecretAccessKey == "":
		return damaged("it holds no keys")
	case id.Port < 0 || id.Port > 1<<16-1:
		return damaged(fmt.Sprintf("%d is no port", id.Port))
	}
	return id, nil
}

// CheckStore reads the whole store of a home, in which an engine may be at work,
// and returns a DamagedError for what is not as it was written. It returns how
// many bytes the store has, 0 for a home without one.
func CheckStore(ctx context.Context, folder string) (size int64, err error) {
	h := home(folder)
	wrong, err := store.Check(ctx, h.database())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, nil
	case err != nil:
		return 0, blameStore(h, err)
	case len(wrong) > 0:
		return 0, &DamagedError{h.database(), wrong[0]}
	}
	file, err := os.Stat(h.database())
	if err != nil {
		return 0, err
	}
	return file.Size(), nil
}

// missesStore refuses a home that has objects and no store that knows of them: an
// engine would begin anew without a word.
func missesStore(h home) error {
	if _, err := os.Lstat(h.database()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	buckets, err := os.ReadDir(filepath.Join(h.objects(), "buckets"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(buckets) > 0 {
		return &DamagedError{h.database(), "it is missing, and the objects that it knows of are there"}
	}
	return nil
}

// blameStore names the store's file where an error comes from what is in it, or
// from the file's not being for use.
func blameStore(h home, err error) error {
	if fact, damaged := store.Damage(err); damaged {
		return &DamagedError{h.database(), fact}
	}
	if refused := store.Refused(h.database(), err); refused != nil {
		return &UnusableError{string(h), refused}
	}
	return err
}
