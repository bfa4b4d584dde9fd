package client

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// An early body is closed while it is sent, as the SDK closes those of requests
// that are answered already.
type early struct{ io.Reader }

func (e *early) Close() error { return nil }

// WriteTo is as the SDK's bodies have it when they are closed.
func (e *early) WriteTo(w io.Writer) (int64, error) { return 0, io.EOF }

func TestABodyThatIsClosedEarlyCutsNoReply(t *testing.T) {
	const reply = 1 << 20
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, strings.Repeat("x", reply))
	}))
	defer server.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, &early{Reader: strings.NewReader("body")})
	if err != nil {
		t.Fatal(err)
	}
	request.ContentLength = 4
	answer, err := loopbackClient().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	if err != nil || len(got) != reply {
		t.Errorf("got %d bytes and %v, want %d", len(got), err, reply)
	}
}
