package engine_test

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/spate-run/spate/internal/engine"
)

// The bridge has a loopback address here, which no bridge has; the engine's own
// is another.
func TestTheBridgeTakesSignedRequestsOnly(t *testing.T) {
	e, _ := opened(t, engine.Config{Home: t.TempDir(), Open: true})
	at, err := e.OpenBridge(netip.MustParseAddr("127.0.0.2"))
	if err != nil {
		t.Skipf("SKIPPED: %v", err) // other than on Linux, 127.0.0.1 may be the only one
	}
	for endpoint, want := range map[string]int{e.Address().Endpoint: http.StatusOK, at: http.StatusForbidden} {
		reply, err := http.Get(endpoint + "/?Action=ListQueues&Version=2012-11-05")
		if err != nil {
			t.Fatal(err)
		}
		reply.Body.Close()
		if reply.StatusCode != want {
			t.Errorf("unsigned at %s: got status %d, want %d", endpoint, reply.StatusCode, want)
		}
	}
	reply, err := http.Get(at + "/v2/")
	if err != nil {
		t.Fatal(err)
	}
	reply.Body.Close()
	if reply.StatusCode == http.StatusOK {
		t.Error("the registry answers on the bridge")
	}
}
