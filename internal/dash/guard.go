package dash

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// policy lets pages have nothing but what this server sends them.
// https://developer.mozilla.org/docs/Web/HTTP/CSP
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

// tokenHeader carries the token of what changes something. A page of another
// site cannot set it.
const tokenHeader = "X-Spate-Token"

// A guard decides which requests are answered.
type guard struct {
	key  string // in the address that is printed
	port string // of the listener
}

func newGuard(at net.Addr) guard {
	_, port, _ := net.SplitHostPort(at.String())
	return guard{key: rand.Text(), port: port}
}

// derive makes a further secret of the key, so that the cookie does not show it.
func (g guard) derive(purpose string) string {
	sum := hmac.New(sha256.New, []byte(g.key))
	sum.Write([]byte(purpose))
	return hex.EncodeToString(sum.Sum(nil))
}

func (g guard) token() string { return g.derive("change") }

// cookie is the cookie's name: cookies are a host's, whatever its port is.
func (g guard) cookie() string { return "spate-" + g.port }

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// wrap lets requests pass that come from a page of this server, or with its key.
func (g guard) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		switch {
		case !g.isHost(r.Host):
			// A name that somebody else's DNS has lead here.
			http.Error(w, "this is not a name of the dashboard", http.StatusMisdirectedRequest)
		case !g.isOrigin(r):
			http.Error(w, "requests of other sites are not answered", http.StatusForbidden)
		case r.URL.Query().Has("key"):
			g.enter(w, r)
		case !g.known(r):
			http.Error(w, "this page needs the whole address that spate printed, with its key", http.StatusForbidden)
		case r.Method != http.MethodGet && r.Method != http.MethodHead && !same(r.Header.Get(tokenHeader), g.token()):
			http.Error(w, "what changes something needs the token of a page: load it again", http.StatusForbidden)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// isHost says whether the request meant a loopback name with the server's port.
func (g guard) isHost(host string) bool {
	name, port, err := net.SplitHostPort(host)
	return err == nil && port == g.port && (name == "localhost" || net.ParseIP(name).IsLoopback())
}

// isOrigin says whether no other site made the request. To follow a link to the
// dashboard is allowed.
// https://developer.mozilla.org/docs/Web/HTTP/Headers/Sec-Fetch-Site
func (g guard) isOrigin(r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" {
		u, err := url.Parse(origin)
		return err == nil && u.Scheme == "http" && u.Host == r.Host
	}
	site := r.Header.Get("Sec-Fetch-Site")
	navigates := r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
	return site == "" || site == "same-origin" || site == "none" || navigates
}

// enter takes the key out of the address and gives the browser a cookie for it.
func (g guard) enter(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet || !same(r.URL.Query().Get("key"), g.key) {
		http.Error(w, "the key is not that of this dashboard: spate prints a new address at each start", http.StatusForbidden)
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: g.cookie(), Value: g.derive("look"), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	// The path alone, with one slash: never another host.
	http.Redirect(w, r, "/"+strings.TrimLeft(r.URL.EscapedPath(), "/\\"), http.StatusSeeOther)
}

func (g guard) known(r *http.Request) bool {
	c, err := r.Cookie(g.cookie())
	return err == nil && same(c.Value, g.derive("look"))
}
