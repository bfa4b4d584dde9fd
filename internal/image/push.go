package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/sync/errgroup"
)

// A Login is a name and a password for a registry.
type Login struct{ User, Password string }

const (
	atOnce = 4 // blobs are pushed
	tries  = 3 // of a blob whose connection is lost
)

// Push brings an image to a repository, which is named with its registry, and
// returns its digest. What is there already is not sent again.
func Push(ctx context.Context, img *Image, repository string, login Login) (digest string, err error) {
	host, path, ok := strings.Cut(repository, "/")
	if !ok {
		return "", fmt.Errorf("%q is no repository: its registry is missing", repository)
	}
	to := newRemote(host, path, "pull,push", login)
	text := img.manifest()
	digest = digestOf(text)
	there, err := to.has(ctx, "manifests", digest)
	if there {
		return digest, nil
	}
	if err == nil {
		err = to.push(ctx, img)
	}
	if err == nil {
		// A tag that no other image can have: tags of the repository are immutable.
		tag := strings.TrimPrefix(digest, "sha256:")[:12]
		header := http.Header{"Content-Type": {typeManifest}}
		err = done(to.do(ctx, http.MethodPut, to.at("manifests", tag), int64(len(text)), content(text), header))
	}
	if err != nil {
		return "", fmt.Errorf("pushing to %s: %w", repository, err)
	}
	return digest, nil
}

// content opens what is in memory.
func content(text []byte) func(context.Context) (io.ReadCloser, error) {
	return func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }
}

// done is the end of a request whose answer says nothing.
func done(response *http.Response, err error) error {
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// push sends what a manifest names.
func (r *remote) push(ctx context.Context, img *Image) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	sent := map[string]bool{}
	for _, l := range append([]layer{{img.configDescriptor(), content(img.config)}}, img.layers...) {
		if !sent[l.Digest] {
			sent[l.Digest] = true
			group.Go(func() error { return r.blob(ctx, l) })
		}
	}
	return group.Wait()
}

// blob sends a blob that is not there.
func (r *remote) blob(ctx context.Context, l layer) (err error) {
	for range tries {
		var there bool
		if there, err = r.has(ctx, "blobs", l.Digest); err == nil && !there {
			err = r.upload(ctx, l)
		}
		refused, ok := errors.AsType[*refusal](err)
		if err == nil || ctx.Err() != nil || ok && refused.Status < 500 {
			return err
		}
	}
	return err
}

// upload sends a blob in one piece. The registry compares it with its digest.
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-blobs
func (r *remote) upload(ctx context.Context, l layer) error {
	begun, err := r.do(ctx, http.MethodPost, r.at("blobs", "uploads/"), 0, content(nil), nil)
	if err != nil {
		return err
	}
	location, err := next(begun)
	if err != nil {
		return err
	}
	header := http.Header{"Content-Type": {"application/octet-stream"}}
	sent, err := r.do(ctx, http.MethodPatch, location.String(), l.Size, l.open, header)
	if err != nil {
		return err
	}
	if location, err = next(sent); err != nil {
		return err
	}
	query := location.Query()
	query.Set("digest", l.Digest)
	location.RawQuery = query.Encode()
	return done(r.do(ctx, http.MethodPut, location.String(), 0, content(nil), nil))
}

// next is where an upload goes on.
func next(response *http.Response) (*url.URL, error) {
	location, err := response.Location()
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return nil, fmt.Errorf("asking where to push: %w", err)
	}
	return location, nil
}
