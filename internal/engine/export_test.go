package engine

import (
	"log/slog"
	"net/netip"
	"testing"
)

// Owner is the mark of a home's processes.
func Owner(t *testing.T, dir string) string {
	t.Helper()
	id, err := loadIdentity(home(dir))
	if err != nil {
		t.Fatal(err)
	}
	return home(dir).owner(id)
}

// QuietAboutFull is the log that an engine of a home writes to.
func QuietAboutFull(h slog.Handler, dir string) *slog.Logger {
	return slog.New(&fullHandler{h, home(dir)})
}

// OpenBridge opens the bridge as Docker's runner does.
func (e *Engine) OpenBridge(at netip.Addr) (endpoint string, err error) {
	return e.bridge.listen(at, e.address.Endpoint)
}
