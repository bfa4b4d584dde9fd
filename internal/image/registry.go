package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// A remote is one repository of a registry.
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md
type remote struct {
	base  string // such as https://registry-1.docker.io
	path  string // such as library/python
	scope string // what is asked leave for: "pull" or "pull,push"
	login Login

	mu   sync.Mutex
	auth string // the header of requests, once it is known
}

// dockerHub is where the images of docker.io are.
const dockerHub = "registry-1.docker.io"

func newRemote(host, path, scope string, login Login) *remote {
	if host == "docker.io" {
		host = dockerHub
	}
	scheme := "https://"
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	if ip := net.ParseIP(name); name == "localhost" || ip != nil && ip.IsLoopback() {
		scheme = "http://" // as Docker has it
	}
	return &remote{base: scheme + host, path: path, scope: scope, login: login}
}

// A refusal is a registry's answer that something cannot be had.
type refusal struct {
	Status int
	What   string
}

func (e *refusal) Error() string { return e.What }

// do sends a request, with leave where the registry wants some. The body is
// opened anew when it is sent again; nil is none.
func (r *remote) do(ctx context.Context, method, url string, size int64, open func(context.Context) (io.ReadCloser, error), header http.Header) (*http.Response, error) {
	for first := true; ; first = false {
		request, err := http.NewRequestWithContext(ctx, method, url, nil)
		if err != nil {
			return nil, err
		}
		if header != nil {
			request.Header = header.Clone()
		}
		if open != nil {
			if request.Body, err = open(ctx); err != nil {
				return nil, err
			}
			request.ContentLength = size
			if size == 0 {
				request.Body = http.NoBody
			}
		}
		r.mu.Lock()
		auth := r.auth
		r.mu.Unlock()
		if auth != "" {
			request.Header.Set("Authorization", auth)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return nil, err
		}
		if response.StatusCode == http.StatusUnauthorized && first {
			_ = response.Body.Close()
			if err := r.authorise(ctx, response.Header.Get("WWW-Authenticate")); err != nil {
				return nil, err
			}
			continue
		}
		if response.StatusCode >= 300 {
			return nil, refused(response)
		}
		return response, nil
	}
}

// refused reads what a registry says of a request that it refuses.
func refused(response *http.Response) error {
	defer response.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	var said struct {
		Errors []struct{ Code, Message string }
	}
	what := response.Request.Method + " " + response.Request.URL.Redacted() + ": " + response.Status
	if json.Unmarshal(text, &said) == nil && len(said.Errors) > 0 {
		what += ": " + said.Errors[0].Code + ": " + said.Errors[0].Message
	}
	return &refusal{Status: response.StatusCode, What: what}
}

// authorise gets leave in the way that a registry asks for.
// https://distribution.github.io/distribution/spec/auth/token/
func (r *remote) authorise(ctx context.Context, challenge string) error {
	kind, rest, _ := strings.Cut(challenge, " ")
	basic := &http.Request{Header: http.Header{}}
	if r.login != (Login{}) {
		basic.SetBasicAuth(r.login.User, r.login.Password)
	}
	auth := basic.Header.Get("Authorization")
	if strings.EqualFold(kind, "Bearer") {
		token, err := r.token(ctx, parameters(rest), auth)
		if err != nil {
			return err
		}
		auth = "Bearer " + token
	}
	r.mu.Lock()
	r.auth = auth
	r.mu.Unlock()
	return nil
}

func (r *remote) token(ctx context.Context, challenge map[string]string, auth string) (string, error) {
	realm, err := url.Parse(challenge["realm"])
	if err != nil || realm.Host == "" {
		return "", fmt.Errorf("%s does not say where leave is given", r.base)
	}
	query := realm.Query()
	query.Set("scope", "repository:"+r.path+":"+r.scope)
	if service := challenge["service"]; service != "" {
		query.Set("service", service)
	}
	realm.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, realm.String(), nil)
	if err != nil {
		return "", err
	}
	if auth != "" {
		request.Header.Set("Authorization", auth)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK {
		return "", refused(response)
	}
	defer response.Body.Close()
	var given struct {
		Token  string
		Access string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&given); err != nil {
		return "", fmt.Errorf("reading the leave that %s gives: %w", realm.Host, err)
	}
	if given.Token == "" {
		given.Token = given.Access
	}
	return given.Token, nil
}

// parameters are those of a challenge: name="value", …
func parameters(text string) map[string]string {
	all := map[string]string{}
	for text != "" {
		name, rest, ok := strings.Cut(text, `="`)
		if !ok {
			break
		}
		value, after, _ := strings.Cut(rest, `"`)
		all[strings.ToLower(strings.Trim(name, ", "))] = value
		text = after
	}
	return all
}

// at is the address of something in the repository.
func (r *remote) at(kind, name string) string {
	return r.base + "/v2/" + r.path + "/" + kind + "/" + name
}

// has says whether the repository has a manifest or a blob.
func (r *remote) has(ctx context.Context, kind, digest string) (bool, error) {
	header := http.Header{"Accept": {typeManifest, dockerManifest}}
	response, err := r.do(ctx, http.MethodHead, r.at(kind, digest), 0, nil, header)
	if isMissing(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, response.Body.Close()
}

// mostText is the largest manifest or configuration.
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests
const mostText = 8 << 20

// get reads a manifest or a configuration; one that is named by its digest has
// to be what the digest says.
func (r *remote) get(ctx context.Context, kind, name string) ([]byte, error) {
	header := http.Header{"Accept": {typeManifest, typeIndex, dockerManifest, dockerIndex}}
	response, err := r.do(ctx, http.MethodGet, r.at(kind, name), 0, nil, header)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, mostText))
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return nil, err
	}
	if strings.HasPrefix(name, "sha256:") && digestOf(text) != name {
		return nil, fmt.Errorf("%s gave something else than %s", r.base, name)
	}
	return text, nil
}

// open reads a blob.
func (r *remote) open(digest string) func(context.Context) (io.ReadCloser, error) {
	return func(ctx context.Context) (io.ReadCloser, error) {
		response, err := r.do(ctx, http.MethodGet, r.at("blobs", digest), 0, nil, nil)
		if err != nil {
			return nil, err
		}
		return response.Body, nil
	}
}

func isMissing(err error) bool {
	refused, ok := errors.AsType[*refusal](err)
	return ok && refused.Status == http.StatusNotFound
}
