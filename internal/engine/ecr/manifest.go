package ecr

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// manifestLimit bounds a manifest, in bytes, as the specification suggests.
const manifestLimit = 4 << 20

var tagPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`) })

func (s *Service) serveManifest(w http.ResponseWriter, r *http.Request, repository, reference string) *refusal {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return s.sendManifest(w, repository, reference)
	case http.MethodPut:
		return s.receiveManifest(w, r, repository, reference)
	}
	return unsupported()
}

func (s *Service) sendManifest(w http.ResponseWriter, repository, reference string) *refusal {
	digest, tag := reference, ""
	if !digestPattern.MatchString(reference) {
		digest, tag = "", reference
	}
	s.mu.Lock()
	i, ok := s.lookLocked(repository, digest, tag)
	s.mu.Unlock()
	if !ok {
		return &refusal{http.StatusNotFound, "MANIFEST_UNKNOWN", "Requested image not found"}
	}
	w.Header().Set("Content-Type", i.MediaType)
	w.Header().Set("Docker-Content-Digest", i.Digest)
	w.Header().Set("Content-Length", strconv.Itoa(len(i.Manifest)))
	_, _ = w.Write(i.Manifest) // a client that has gone needs no answer
	return nil
}

func (s *Service) receiveManifest(w http.ResponseWriter, r *http.Request, repository, reference string) *refusal {
	text, err := io.ReadAll(io.LimitReader(r.Body, manifestLimit+1))
	if err != nil {
		return s.internal(r, err)
	}
	if len(text) > manifestLimit {
		return &refusal{http.StatusRequestEntityTooLarge, "MANIFEST_INVALID", "The manifest is larger than 4 MiB"}
	}
	i, problem := newImage(repository, r.Header.Get("Content-Type"), text)
	if problem != nil {
		return problem
	}
	switch {
	case digestPattern.MatchString(reference) && reference != i.Digest:
		return &refusal{http.StatusBadRequest, "DIGEST_INVALID", "The manifest does not match the digest " + reference}
	case digestPattern.MatchString(reference):
		reference = ""
	case !tagPattern().MatchString(reference):
		return &refusal{http.StatusBadRequest, "TAG_INVALID", "Invalid image tag " + reference}
	}
	if problem := s.keep(r, i, reference); problem != nil {
		return problem
	}
	w.Header().Set("Location", Prefix+repository+"/manifests/"+i.Digest)
	w.Header().Set("Docker-Content-Digest", i.Digest)
	w.WriteHeader(http.StatusCreated)
	return nil
}

// newImage reads a manifest.
func newImage(repository, mediaType string, text []byte) (image, *refusal) {
	digest, _, err := v1.SHA256(bytes.NewReader(text))
	i := image{Repository: repository, Digest: digest.String(), MediaType: mediaType, Manifest: text, Pushed: time.Now()}
	switch kind := types.MediaType(mediaType); {
	case err != nil:
	case kind.IsIndex():
		err = i.readIndex(text)
	case kind.IsImage():
		err = i.readManifest(text)
	default:
		err = fmt.Errorf("the media type %q is not supported", mediaType)
	}
	if err != nil {
		return i, &refusal{http.StatusBadRequest, "MANIFEST_INVALID", err.Error()}
	}
	return i, nil
}

func (i *image) readIndex(text []byte) error {
	index, err := v1.ParseIndexManifest(bytes.NewReader(text))
	if err != nil {
		return err
	}
	for _, part := range index.Manifests {
		i.Parts = append(i.Parts, part.Digest.String())
	}
	return nil
}

func (i *image) readManifest(text []byte) error {
	manifest, err := v1.ParseManifest(bytes.NewReader(text))
	if err != nil {
		return err
	}
	i.Artifact = string(manifest.Config.MediaType)
	for _, blob := range append([]v1.Descriptor{manifest.Config}, manifest.Layers...) {
		if !blob.MediaType.IsDistributable() {
			continue // it is somewhere else
		}
		if digest := blob.Digest.String(); !slices.Contains(i.Blobs, digest) {
			i.Blobs = append(i.Blobs, digest)
		}
		i.Size += blob.Size
	}
	return nil
}

// keep takes an image among those of its repository, under a tag if there is
// one, once all that it names is there.
func (s *Service) keep(r *http.Request, i image, tag string) *refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	repository, ok := s.repos[i.Repository]
	if !ok {
		return &refusal{http.StatusNotFound, "NAME_UNKNOWN", "The repository has been deleted"}
	}
	if missing, err := s.missingLocked(r.Context(), i); err != nil {
		return s.internal(r, err)
	} else if missing != "" {
		return &refusal{http.StatusNotFound, "MANIFEST_BLOB_UNKNOWN", "The manifest names " + missing + ", which has not been pushed"}
	}
	if there, ok := s.held[i.Repository][i.Digest]; ok {
		i.Tags, i.Pushed = there.Tags, there.Pushed
	}
	changed := []image{i}
	if tag != "" && !slices.Contains(i.Tags, tag) {
		before, taken := s.lookLocked(i.Repository, "", tag)
		if taken && repository.fixes(tag) {
			return &refusal{http.StatusBadRequest, "TAG_INVALID", fmt.Sprintf("The image tag '%s' already exists in the '%s' repository and cannot be overwritten because the tag is immutable.", tag, i.Repository)}
		}
		changed[0].Tags = append(slices.Clone(i.Tags), tag)
		slices.Sort(changed[0].Tags)
		if taken {
			before.Tags = slices.DeleteFunc(slices.Clone(before.Tags), func(other string) bool { return other == tag })
			changed = append(changed, before)
		}
	}
	if err := s.saveLocked(r.Context(), changed...); err != nil {
		return s.internal(r, err)
	}
	return nil
}

// missingLocked returns a digest that an image names and that is not there.
func (s *Service) missingLocked(ctx context.Context, i image) (string, error) {
	for _, part := range i.Parts {
		if _, ok := s.held[i.Repository][part]; !ok {
			return part, nil
		}
	}
	for _, digest := range i.Blobs {
		h, err := v1.NewHash(digest)
		if err != nil {
			return digest, nil
		}
		if _, err := s.blobs.Stat(ctx, i.Repository, h); errors.Is(err, registry.ErrNotFound) {
			return digest, nil
		} else if err != nil {
			return "", err
		}
	}
	return "", nil
}

// serveTags lists a repository's tags, by name.
func (s *Service) serveTags(w http.ResponseWriter, r *http.Request, repository string) *refusal {
	if r.Method != http.MethodGet {
		return unsupported()
	}
	query := r.URL.Query()
	n, err := strconv.Atoi(query.Get("n"))
	if query.Has("n") && (err != nil || n < 1) {
		return &refusal{http.StatusBadRequest, "PAGINATION_NUMBER_INVALID", "Invalid number of tags: " + query.Get("n")}
	}
	s.mu.Lock()
	tags := []string{}
	for _, i := range s.held[repository] {
		tags = append(tags, i.Tags...)
	}
	s.mu.Unlock()
	slices.Sort(tags)
	if last := query.Get("last"); last != "" {
		tags = slices.DeleteFunc(tags, func(tag string) bool { return tag <= last })
	}
	if n > 0 && n < len(tags) {
		tags = tags[:n]
		w.Header().Set("Link", fmt.Sprintf(`<%s%s/tags/list?n=%d&last=%s>; rel="next"`, Prefix, repository, n, tags[n-1]))
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"name": repository, "tags": tags}) // as above
	return nil
}
