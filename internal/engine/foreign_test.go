package engine_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/spate-run/spate/internal/engine"
)

func TestAnOpenEngineRefusesWebPages(t *testing.T) {
	e, err := engine.Open(t.Context(), engine.Config{Home: t.TempDir(), Open: true})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, e)
	endpoint, err := url.Parse(e.Address().Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, host string
		header     http.Header
		want       int
	}{
		{"an AWS client", endpoint.Host, nil, http.StatusOK},
		{"localhost", "localhost:" + endpoint.Port(), nil, http.StatusOK},
		{"without a port", "LOCALHOST.", nil, http.StatusOK},
		{"IPv6", "[::1]:4100", nil, http.StatusOK},
		{"a page of this machine", endpoint.Host, http.Header{"Origin": {"http://localhost:3000"}, "Sec-Fetch-Site": {"same-site"}}, http.StatusOK},
		{"an address typed in", endpoint.Host, http.Header{"Sec-Fetch-Site": {"none"}}, http.StatusOK},
		{"a name that resolves to this machine", "rebound.example:" + endpoint.Port(), nil, http.StatusForbidden},
		{"a name that ends alike", "notlocalhost", nil, http.StatusForbidden},
		{"another address", "192.0.2.1", nil, http.StatusForbidden},
		{"a form of a page", endpoint.Host, http.Header{"Origin": {"https://page.example"}}, http.StatusForbidden},
		{"a form of a page without an origin", endpoint.Host, http.Header{"Origin": {"null"}}, http.StatusForbidden},
		{"an image of a page", endpoint.Host, http.Header{"Sec-Fetch-Site": {"cross-site"}}, http.StatusForbidden},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint.String(), strings.NewReader("Action=ListQueues&Version=2012-11-05"))
			if err != nil {
				t.Fatal(err)
			}
			r.Host = test.host
			if test.header != nil {
				r.Header = test.header.Clone()
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			reply, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer reply.Body.Close()
			body, err := io.ReadAll(reply.Body)
			if err != nil || reply.StatusCode != test.want {
				t.Errorf("got status %d, %v, want %d:\n%s", reply.StatusCode, err, test.want, body)
			}
		})
	}
}
