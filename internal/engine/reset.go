package engine

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"github.com/spate-run/spate/internal/runner"
	"github.com/spate-run/spate/internal/store"
)

// ResetPath is where an ephemeral engine takes a POST that has it forget
// everything: tasks are stopped, and what they were part of is gone. The reply
// comes when the engine is as new, at the address and with the keys it had. Where
// requests are signed this one has the keys as its user and password.
const ResetPath = "/_spate/reset"

// A renewal is what an ephemeral engine needs to become new while it is served.
type renewal struct {
	asked chan chan error // takes where to answer to

	mu       sync.RWMutex // held for reading by requests, for writing while nothing can be asked
	requests context.Context
	cancel   context.CancelFunc // ends the requests that are being answered
}

func newRenewal() *renewal {
	r := &renewal{asked: make(chan chan error)}
	r.requests, r.cancel = context.WithCancel(context.Background())
	return r
}

// front answers resets, and leads all else to the engine as it is then.
func (e *Engine) front(ctx context.Context) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == ResetPath {
			e.reset(ctx, w, r)
			return
		}
		e.renewal.mu.RLock()
		defer e.renewal.mu.RUnlock()
		during, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(e.renewal.requests, cancel)()
		e.handler.ServeHTTP(w, r.WithContext(during))
	})
}

func (e *Engine) reset(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method != http.MethodPost:
		http.Error(w, "spate: a reset is a POST", http.StatusMethodNotAllowed)
		return
	case !e.cfg.Open && !e.hasKeys(r):
		http.Error(w, "spate: a reset takes the engine's keys: curl -u \"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY\"", http.StatusForbidden)
		return
	}
	done := make(chan error, 1)
	select {
	case e.renewal.asked <- done:
	case <-ctx.Done():
		http.Error(w, "spate: the engine is ending", http.StatusServiceUnavailable)
		return
	}
	if err := <-done; err != nil {
		http.Error(w, "spate: "+err.Error(), http.StatusInternalServerError)
	}
}

func (e *Engine) hasKeys(r *http.Request) bool {
	user, password, _ := r.BasicAuth()
	keys := e.address.Keys
	return subtle.ConstantTimeCompare([]byte(user), []byte(keys.AccessKeyID))&
		subtle.ConstantTimeCompare([]byte(password), []byte(keys.SecretAccessKey)) == 1
}

// serveRenewed serves until ctx ends, and starts over as often as somebody asks.
func (e *Engine) serveRenewed(ctx context.Context) error {
	for {
		life, end := context.WithCancel(ctx)
		over := make(chan struct{})
		asked := make(chan chan error, 1)
		go func() {
			defer close(asked)
			select {
			case done := <-e.renewal.asked:
				asked <- done
				end()
			case <-over:
			}
		}()
		err := e.serveUntil(life)
		end()
		close(over)
		done := <-asked
		if done == nil {
			return err
		}
		if err == nil {
			err = e.renew(ctx)
		}
		done <- err
		if err != nil {
			return err
		}
	}
}

// renew gives up all that the engine knows. Its tasks have ended.
func (e *Engine) renew(ctx context.Context) error {
	e.renewal.cancel()
	e.renewal.mu.Lock()
	defer e.renewal.mu.Unlock()
	e.renewal.requests, e.renewal.cancel = context.WithCancel(context.Background())
	if err := errors.Join(e.bridge.close(), e.runners.Close(), e.store.Close()); err != nil {
		return fmt.Errorf("ending what the engine did: %w", err)
	}
	h := home(e.cfg.Home)
	if err := h.empty(); err != nil {
		return fmt.Errorf("emptying the home: %w", err)
	}
	e.bridge, e.runners, e.store = newBridge(), nil, nil
	return e.load(ctx, h)
}

// empty removes what an engine has recorded in its home, and keeps what it is
// known by.
func (h home) empty() error {
	entries, err := os.ReadDir(string(h))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		path := filepath.Join(string(h), entry.Name())
		if path == h.identity() || path == h.lock() || path == h.leases() {
			continue
		}
		if err := runner.RemoveAll(path); err != nil {
			return err
		}
	}
	return os.MkdirAll(h.objects(), 0o700)
}

// load opens the store and makes the services over it.
func (e *Engine) load(ctx context.Context, h home) (err error) {
	if err := missesStore(h); err != nil {
		return err
	}
	if e.store, err = store.Open(ctx, h.database()); err != nil {
		return err
	}
	return e.join(ctx, h)
}
