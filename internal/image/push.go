package image

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/spate-run/spate/internal/worker"
)

// A MissingError reports an image that is in no registry.
type MissingError struct {
	Reference string
	Err       error
}

func (e *MissingError) Error() string { return fmt.Sprintf("there is no image %s", e.Reference) }

func (e *MissingError) Unwrap() error { return e.Err }

// Take returns an image from its registry, with the login that Docker's
// configuration has for that. Of an image for many platforms it takes the
// architecture's. The layers are read when they are needed.
func Take(ctx context.Context, reference string, arch worker.Arch) (v1.Image, error) {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return nil, fmt.Errorf("reading the name of an image: %w", err)
	}
	img, err := remote.Image(ref, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain),
		remote.WithPlatform(v1.Platform{OS: "linux", Architecture: string(arch)}))
	if isMissing(err) {
		return nil, &MissingError{Reference: reference, Err: err}
	}
	if err != nil {
		return nil, fmt.Errorf("asking for image %s: %w", reference, err)
	}
	return img, nil
}

// A Login is a name and a password for a registry.
type Login struct{ User, Password string }

// Push brings an image to a repository, which is named with its registry, and
// returns its digest. What is there already is not sent again.
func Push(ctx context.Context, img v1.Image, repository string, login Login) (digest string, err error) {
	hash, err := img.Digest()
	if err != nil {
		return "", fmt.Errorf("computing the image's digest: %w", err)
	}
	repo, err := name.NewRepository(repository)
	if err != nil {
		return "", fmt.Errorf("reading the name of a repository: %w", err)
	}
	options := []remote.Option{remote.WithContext(ctx), remote.WithAuth(&authn.Basic{Username: login.User, Password: login.Password})}
	_, err = remote.Head(repo.Digest(hash.String()), options...)
	if err == nil {
		return hash.String(), nil
	}
	if !isMissing(err) {
		return "", fmt.Errorf("asking %s for the image: %w", repository, err)
	}
	// A tag that no other image can have: tags of the repository are immutable.
	if err := remote.Write(repo.Tag(tag(hash)), img, options...); err != nil {
		return "", fmt.Errorf("pushing to %s: %w", repository, err)
	}
	return hash.String(), nil
}

// tag is an image's tag in its repository.
func tag(hash v1.Hash) string { return hash.Hex[:12] }

func isMissing(err error) bool {
	refused, ok := errors.AsType[*transport.Error](err)
	return ok && refused.StatusCode == http.StatusNotFound
}
