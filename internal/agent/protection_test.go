package agent

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"
)

func TestProtectionIsRenewedAtHalfLife(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		asked = append(asked, string(body))
		if err := json.NewEncoder(w).Encode(map[string]any{"protection": map[string]any{"ProtectionEnabled": true}}); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	p := newProtection(Config{Agent: server.URL}.withDefaults())
	defer p.close()

	call := func(f func() error) {
		t.Helper()
		if err := f(); err != nil {
			t.Fatal(err)
		}
	}
	set, renew, clear := func() error { return p.set(t.Context()) }, func() error { return p.renew(t.Context()) }, func() error { return p.clear(t.Context()) }
	call(renew) // nothing to renew
	call(set)
	call(set) // it is set
	call(renew)
	if half := time.Until(p.renewAt); half > protectedFor/2 || half < protectedFor/2-time.Minute {
		t.Errorf("renewed in %v, want half of %v", half, protectedFor)
	}
	p.renewAt = time.Now() // half of its life later
	call(renew)
	call(clear)
	call(clear) // it is cleared
	on, off := `{"ProtectionEnabled":true,"ExpiresInMinutes":60}`, `{"ProtectionEnabled":false}`
	if want := []string{on, on, off}; !slices.Equal(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
}
