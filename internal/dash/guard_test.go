package dash

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"testing"

	"github.com/spate-run/spate/internal/client"
)

// rig is a dashboard of an engine without stacks.
func rig(t *testing.T) *Server {
	t.Helper()
	session, err := client.Local(t.Context(), t.TempDir(), client.Look, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := session.Close(context.Background(), func() {}); err != nil {
			t.Error(err)
		}
	})
	s, err := Listen("127.0.0.1:0", Config{AWS: session.AWS, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestOnlyOwnPagesAreAnswered(t *testing.T) {
	s := rig(t)
	base := "http://" + s.listener.Addr().String()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	entered := &http.Client{Jar: jar}
	reply, err := entered.Get(s.URL("/"))
	if err != nil {
		t.Fatal(err)
	}
	reply.Body.Close()
	if got := reply.Request.URL.String(); reply.StatusCode != http.StatusOK || got != base+"/" {
		t.Fatalf("got %s at %s, want 200 at %s/", reply.Status, got, base)
	}
	if got := reply.Header.Get("Content-Security-Policy"); got != policy {
		t.Errorf("got the policy %q, want %q", got, policy)
	}
	stranger := &http.Client{}
	token := s.guard.token()
	for _, c := range []struct {
		name         string
		client       *http.Client
		method, path string
		host         string
		header       map[string]string
		want         int
	}{
		{name: "a page", client: entered, path: "/", want: 200},
		{name: "without the cookie", client: stranger, path: "/", want: 403},
		{name: "a file without the cookie", client: stranger, path: "/static/dash.js", want: 403},
		{name: "a wrong key", client: stranger, path: "/?key=AAAA", want: 403},
		{name: "an empty key", client: stranger, path: "/?key=", want: 403},
		{name: "another name for this machine", client: entered, path: "/", host: "evil.example:" + s.guard.port, want: 421},
		{name: "another port", client: entered, path: "/", host: "127.0.0.1:1", want: 421},
		{name: "localhost, whose cookie is another", client: entered, path: "/", host: "localhost:" + s.guard.port, want: 403},
		{name: "another origin", client: entered, path: "/", header: map[string]string{"Origin": "http://evil.example"}, want: 403},
		{name: "no origin to tell", client: entered, path: "/", header: map[string]string{"Origin": "null"}, want: 403},
		{name: "another site's frame", client: entered, path: "/", header: map[string]string{
			"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, want: 403},
		{name: "another site's picture", client: entered, path: "/", header: map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, want: 403},
		{name: "a link on another site", client: entered, path: "/", header: map[string]string{
			"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, want: 200},
		{name: "a change without the token", client: entered, method: "POST", path: "/run/last/cancel", want: 403},
		{name: "a change with another token", client: entered, method: "POST", path: "/run/last/cancel", header: map[string]string{tokenHeader: "x"}, want: 403},
		{name: "a change with the token and no cookie", client: stranger, method: "POST", path: "/run/last/cancel", header: map[string]string{tokenHeader: token}, want: 403},
		{name: "a change of a run that is not there", client: entered, method: "POST", path: "/run/last/cancel", header: map[string]string{tokenHeader: token}, want: 404},
		{name: "a stack that is not there", client: entered, path: "/stack/none", want: 404},
		{name: "a change by GET", client: entered, path: "/run/last/cancel", header: map[string]string{tokenHeader: token}, want: 405},
	} {
		t.Run(c.name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), c.method, base+c.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Host = c.host
			for name, value := range c.header {
				request.Header.Set(name, value)
			}
			reply, err := c.client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			reply.Body.Close()
			if reply.StatusCode != c.want {
				t.Errorf("got %s, want %d", reply.Status, c.want)
			}
		})
	}
}

func TestOnlyLoopbackIsServed(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "example.com:80", "nothing"} {
		if s, err := Listen(address, Config{}); err == nil {
			s.listener.Close()
			t.Errorf("listening at %s: got no error, want one", address)
		}
	}
}
