package engine

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// refuseForeign guards an engine that takes requests that are not signed. Only
// this machine reaches it, and so do the pages that a browser on this machine
// shows: by a name of theirs that resolves to a loopback address, or by forms
// and images that need no leave to be sent. Those say where they come from.
func refuseForeign(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isOwn(r) {
			http.Error(w, "spate: this engine takes requests of programs on its own machine, not of web pages", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isOwn says whether a request is addressed to a loopback address by name, and
// not known to come from a page of another site.
func isOwn(r *http.Request) bool {
	if !isLoopback((&url.URL{Host: r.Host}).Hostname()) || r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		return false
	}
	for _, origin := range r.Header["Origin"] {
		from, err := url.Parse(origin)
		if err != nil || !isLoopback(from.Hostname()) { // also "null", of a page without one
			return false
		}
	}
	return true
}

// isLoopback says whether a host is this machine whoever resolves it: a
// loopback address, localhost, or a name below (RFC 6761), as buckets have.
func isLoopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
