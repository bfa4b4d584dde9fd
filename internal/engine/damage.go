package engine

import (
	"bytes"
	"encoding/json"
	"fmt"

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

// blameStore names the store's file where an error comes from what is in it.
func blameStore(h home, err error) error {
	if fact, damaged := store.Damage(err); damaged {
		return &DamagedError{h.database(), fact}
	}
	return err
}
