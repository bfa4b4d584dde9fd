package secretsmanager

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spate-run/spate/internal/sorting"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

// Config says what a Service stands on.
type Config struct {
	Store   *store.Store
	Account wire.Account
}

// A Service is Secrets Manager. Its methods are safe for concurrent use.
type Service struct {
	account wire.Account
	table   store.Table[secret]

	// mu guards secrets, and is held while a change is written. The documents
	// are replaced as a whole, so that replies may point into them.
	mu      sync.Mutex
	secrets map[string]secret // by name
}

// A secret is the document of one.
type secret struct {
	ARN         string
	Name        string
	Description *string
	KMSKeyID    *string
	Created     time.Time
	Changed     time.Time
	Accessed    *time.Time // the day, as AWS tells it
	Deletion    *time.Time // when it will be gone; nil where it is not to be
	Tags        map[string]string
	Versions    []version // the oldest first
}

// A version is one value of a secret.
type version struct {
	ID      string
	Created time.Time
	Text    *string // one of the two
	Binary  []byte
	Stages  []string
}

// New loads the secrets.
func New(ctx context.Context, config Config) (*Service, error) {
	s := &Service{account: config.Account, table: store.NewTable[secret](config.Store, "secretsmanager.secret")}
	var err error
	if s.secrets, err = s.table.All(ctx); err != nil {
		return nil, fmt.Errorf("loading secrets: %w", err)
	}
	for name, secret := range s.secrets {
		if !secret.gone() {
			continue
		}
		if err := s.table.Remove(ctx, name); err != nil {
			return nil, fmt.Errorf("forgetting a deleted secret: %w", err)
		}
		delete(s.secrets, name)
	}
	return s, nil
}

// Wire returns the operations of the service.
func (s *Service) Wire() *wire.Service {
	w := &wire.Service{Name: "secretsmanager", Target: "secretsmanager", JSONVersion: "1.1"}
	wire.Handle(w, s.createSecret)
	wire.Handle(w, s.putSecretValue)
	wire.Handle(w, s.updateSecret)
	wire.Handle(w, s.getSecretValue)
	wire.Handle(w, s.batchGetSecretValue)
	wire.Handle(w, s.describeSecret)
	wire.Handle(w, s.listSecrets)
	wire.Handle(w, s.listSecretVersionIds)
	wire.Handle(w, s.deleteSecret)
	wire.Handle(w, s.restoreSecret)
	wire.Handle(w, s.tagResource)
	wire.Handle(w, s.untagResource)
	wire.Handle(w, getRandomPassword)
	return w
}

// gone reports that a secret's recovery window has ended.
func (c secret) gone() bool { return c.Deletion != nil && !time.Now().Before(*c.Deletion) }

// findLocked returns the secret of an id: its name, its ARN, or its ARN without
// the random suffix.
func (s *Service) findLocked(id *string) (secret, error) {
	name := deref(id)
	if rest, ok := strings.CutPrefix(name, s.account.ARN("secretsmanager", "secret:")); ok {
		name = rest
		// The whole ARN is looked for first: a name may end like one.
		if i := strings.LastIndexByte(rest, '-'); i >= 0 {
			if found, ok := s.secrets[rest[:i]]; ok && found.ARN == *id && !found.gone() {
				return found, nil
			}
		}
	}
	found, ok := s.secrets[name]
	if !ok || found.gone() {
		return secret{}, missing("Secrets Manager can't find the specified secret.")
	}
	return found, nil
}

// liveLocked is findLocked for what cannot be done to a secret that is to be
// deleted.
func (s *Service) liveLocked(id *string) (secret, error) {
	found, err := s.findLocked(id)
	if err == nil && found.Deletion != nil {
		err = badRequest("You can't perform this operation on the secret because it was marked for deletion.")
	}
	return found, err
}

// listLocked returns the secrets, the oldest first.
func (s *Service) listLocked() []secret {
	list := slices.DeleteFunc(slices.Collect(maps.Values(s.secrets)), secret.gone)
	sorting.By(list, func(a, b secret) int {
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return list
}

// saveLocked writes a secret.
func (s *Service) saveLocked(ctx context.Context, c secret) error {
	if err := s.table.Save(ctx, c.Name, c); err != nil {
		return err
	}
	s.secrets[c.Name] = c
	return nil
}

// newARN ends in six random characters, so that a secret made anew under a name
// has another one.
func (s *Service) newARN(name string) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	suffix := make([]byte, 6)
	rand.Read(suffix) // never fails
	for i, b := range suffix {
		suffix[i] = letters[int(b)%len(letters)]
	}
	return s.account.ARN("secretsmanager", "secret:"+name+"-"+string(suffix))
}

func missing(format string, args ...any) *wire.Fault {
	return wire.Faultf("ResourceNotFoundException", format, args...)
}

func badRequest(format string, args ...any) *wire.Fault {
	return wire.Faultf("InvalidRequestException", format, args...)
}

func invalid(format string, args ...any) *wire.Fault {
	return wire.Faultf("InvalidParameterException", format, args...)
}

// constraint is AWS's message for a member that breaks a rule of its shape.
func constraint(value any, member, rule string) *wire.Fault {
	return wire.Faultf("ValidationException", "1 validation error detected: Value '%v' at '%s' failed to satisfy constraint: %s", value, member, rule)
}

// deref is what p points to, or the zero value.
func deref[T any](p *T) (value T) {
	if p != nil {
		value = *p
	}
	return value
}
