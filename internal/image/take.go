package image

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/distribution/reference"

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
func Take(ctx context.Context, name string, arch worker.Arch) (*Image, error) {
	ref, err := reference.ParseDockerRef(name)
	if err != nil {
		return nil, fmt.Errorf("reading the name of an image: %w", err)
	}
	login, err := dockerLogin(ctx, reference.Domain(ref))
	if err != nil {
		return nil, err
	}
	from := newRemote(reference.Domain(ref), reference.Path(ref), "pull", login)
	at := "latest"
	switch ref := ref.(type) {
	case reference.Digested:
		at = ref.Digest().String()
	case reference.Tagged:
		at = ref.Tag()
	}
	img, err := from.image(ctx, at, arch)
	if isMissing(err) {
		return nil, &MissingError{Reference: name, Err: err}
	}
	if err != nil {
		return nil, fmt.Errorf("asking for image %s: %w", name, err)
	}
	return img, nil
}

// image is the image that a tag or a digest names.
func (r *remote) image(ctx context.Context, at string, arch worker.Arch) (*Image, error) {
	m, err := r.manifest(ctx, at)
	if err == nil && (m.MediaType == typeIndex || m.MediaType == dockerIndex || len(m.Manifests) > 0) {
		var chosen descriptor
		if chosen, err = pick(m.Manifests, platformOf(arch)); err == nil {
			m, err = r.manifest(ctx, chosen.Digest)
		}
	}
	if err != nil {
		return nil, err
	}
	if m.Config == nil {
		return nil, fmt.Errorf("its manifest, of type %q, is none of an image", m.MediaType)
	}
	img := &Image{}
	if img.config, err = r.get(ctx, "blobs", m.Config.Digest); err != nil {
		return nil, err
	}
	for _, l := range m.Layers {
		if l.MediaType, err = layerType(l.MediaType); err != nil {
			return nil, err
		}
		img.layers = append(img.layers, layer{descriptor: l, open: r.open(l.Digest)})
	}
	return img, nil
}

func (r *remote) manifest(ctx context.Context, at string) (m manifest, err error) {
	text, err := r.get(ctx, "manifests", at)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("reading a manifest: %w", err)
	}
	return m, nil
}

// Platform says what an image in a repository is for, such as linux/arm64. It is
// a MissingError where there is no such image.
func Platform(ctx context.Context, repository, digest string, login Login) (string, error) {
	ref, err := reference.ParseNormalizedNamed(repository)
	if err != nil {
		return "", fmt.Errorf("reading the name of a repository: %w", err)
	}
	from := newRemote(reference.Domain(ref), reference.Path(ref), "pull", login)
	m, err := from.manifest(ctx, digest)
	if err == nil && m.Config == nil {
		err = fmt.Errorf("its manifest, of type %q, is none of an image", m.MediaType)
	}
	var config []byte
	if err == nil {
		config, err = from.get(ctx, "blobs", m.Config.Digest)
	}
	var p platform
	if err == nil {
		err = json.Unmarshal(config, &p)
	}
	if isMissing(err) {
		return "", &MissingError{Reference: repository + "@" + digest, Err: err}
	}
	if err != nil {
		return "", fmt.Errorf("asking for image %s@%s: %w", repository, digest, err)
	}
	return p.String(), nil
}
