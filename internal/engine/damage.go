package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

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
	path := home(folder).database()
	file, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	wrong, err := store.Check(ctx, path)
	if err == nil && len(wrong) > 0 {
		err = &DamagedError{path, wrong[0]}
	}
	return file.Size(), err
}

// blameStore names the store's file where an error comes from what is in it.
func blameStore(h home, err error) error {
	if fact, damaged := store.Damage(err); damaged {
		return &DamagedError{h.database(), fact}
	}
	return err
}
