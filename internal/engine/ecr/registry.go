package ecr

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
)

var digestPattern = regexp.MustCompile(`^[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+$`)

// Prefix is where the registry's paths begin.
const Prefix = "/v2/"

// Registry answers the requests of docker push and docker pull, all of whose
// paths begin with [Prefix].
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md
func (s *Service) Registry() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.serve(w, r); err != nil {
			err.write(w)
		}
	})
}

// A refusal is an error as registries answer it.
type refusal struct {
	status        int
	code, message string
}

func (e *refusal) write(w http.ResponseWriter) {
	if e.status == http.StatusUnauthorized {
		w.Header().Set("Www-Authenticate", `Basic realm="spate",service="ecr.amazonaws.com"`)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(e.status)
	type problem struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	_ = json.NewEncoder(w).Encode(map[string][]problem{"errors": {{e.code, e.message}}}) // a client that has gone needs no answer
}

// internal hides a cause from the client, and tells the log.
func (s *Service) internal(r *http.Request, err error) *refusal {
	if r.Context().Err() == nil { // else nobody waits for the reply
		s.config.Log.Error("registry request failed", "method", r.Method, "path", r.URL.Path, "cause", err)
	}
	return &refusal{http.StatusInternalServerError, "UNKNOWN", "Internal failure"}
}

func (s *Service) serve(w http.ResponseWriter, r *http.Request) *refusal {
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	if !s.authorized(r) {
		return &refusal{http.StatusUnauthorized, "UNAUTHORIZED", "Not Authorized"}
	}
	path := strings.TrimPrefix(r.URL.Path, Prefix)
	if path == "" {
		s.blobHandler.ServeHTTP(w, r)
		return nil
	}
	repository, kind, reference, ok := split(path)
	if !ok {
		return &refusal{http.StatusNotFound, "NAME_UNKNOWN", "There is no such thing in this registry"}
	}
	if !s.has(repository) {
		return &refusal{http.StatusNotFound, "NAME_UNKNOWN", "The repository with name '" + repository + "' does not exist in the registry with id '" + s.config.Account.ID + "'"}
	}
	switch kind {
	case "manifests":
		return s.serveManifest(w, r, repository, reference)
	case "tags":
		return s.serveTags(w, r, repository)
	case "uploads":
		return s.serveUpload(w, r, repository, reference)
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return unsupported()
	}
	s.blobHandler.ServeHTTP(w, r)
	return nil
}

func unsupported() *refusal {
	return &refusal{http.StatusMethodNotAllowed, "UNSUPPORTED", "The operation is unsupported."}
}

func (s *Service) has(repository string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.repos[repository]
	return ok
}

// split takes a path apart. What it is of stands at its end, since names have
// slashes.
func split(path string) (repository, kind, reference string, ok bool) {
	parts := strings.Split(path, "/")
	n := len(parts)
	join := func(end int) string { return strings.Join(parts[:end], "/") }
	switch {
	case n >= 4 && parts[n-3] == "blobs" && parts[n-2] == "uploads":
		return join(n - 3), "uploads", parts[n-1], true
	case n >= 3 && parts[n-2] == "blobs" && parts[n-1] == "uploads":
		return join(n - 2), "uploads", "", true
	case n >= 3 && (parts[n-2] == "manifests" || parts[n-2] == "blobs"), n >= 3 && parts[n-2] == "tags" && parts[n-1] == "list":
		return join(n - 2), parts[n-2], parts[n-1], true
	}
	return "", "", "", false
}
