package image

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spate-run/spate/internal/worker"
)

// The media types of what images are made of.
// https://github.com/opencontainers/image-spec/blob/main/media-types.md
const (
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar"
	typeGzip     = typeLayer + "+gzip"
	typeZstd     = typeLayer + "+zstd"

	// Docker's own, which say the same.
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerIndex    = "application/vnd.docker.distribution.manifest.list.v2+json"
	dockerLayer    = "application/vnd.docker.image.rootfs.diff.tar"
	dockerGzip     = dockerLayer + ".gzip"
)

// A descriptor names a blob or a manifest.
type descriptor struct {
	MediaType string    `json:"mediaType"`
	Digest    string    `json:"digest"`
	Size      int64     `json:"size"`
	Platform  *platform `json:"platform,omitempty"`
}

type platform struct {
	OS           string `json:"os"`
	Architecture string `json:"architecture"`
}

func (p platform) String() string { return p.OS + "/" + p.Architecture }

// A layer is a blob, and where it is.
type layer struct {
	descriptor
	open func(context.Context) (io.ReadCloser, error)
}

// An Image is a configuration and layers, which are read when they are needed.
type Image struct {
	config []byte
	layers []layer
}

// A manifest lists what an image is made of, or the manifests of an index.
type manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        *descriptor  `json:"config,omitempty"`
	Layers        []descriptor `json:"layers,omitempty"`
	Manifests     []descriptor `json:"manifests,omitempty"`
}

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (i *Image) configDescriptor() descriptor {
	return descriptor{MediaType: typeConfig, Digest: digestOf(i.config), Size: int64(len(i.config))}
}

// manifest is the image's manifest, as registries keep it.
func (i *Image) manifest() []byte {
	config := i.configDescriptor()
	m := manifest{SchemaVersion: 2, MediaType: typeManifest, Config: &config}
	for _, l := range i.layers {
		m.Layers = append(m.Layers, l.descriptor)
	}
	text, _ := json.Marshal(m) // strings and numbers always marshal
	return text
}

// Digest is what the image is called by in every registry.
func (i *Image) Digest() string { return digestOf(i.manifest()) }

// A settings is an image's configuration. What spate does not know of it stays
// as it is.
// https://github.com/opencontainers/image-spec/blob/main/config.md
type settings map[string]any

// readSettings reads a configuration. Its numbers stay as they are written.
func readSettings(text []byte) (settings, error) {
	s := settings{}
	from := json.NewDecoder(bytes.NewReader(text))
	from.UseNumber()
	if err := from.Decode(&s); err != nil {
		return nil, fmt.Errorf("reading the image's configuration: %w", err)
	}
	return s, nil
}

// object is an object within, which is there from now on.
func (s settings) object(name string) settings {
	within, ok := s[name].(map[string]any)
	if !ok {
		within = map[string]any{}
		s[name] = within
	}
	return within
}

func (s settings) text(name string) string {
	text, _ := s[name].(string)
	return text
}

// texts is a list of texts, or nil.
func (s settings) texts(name string) []string {
	list, _ := s[name].([]any)
	var texts []string
	for _, item := range list {
		text, _ := item.(string)
		texts = append(texts, text)
	}
	return texts
}

func (s settings) add(name string, item any) {
	list, _ := s[name].([]any)
	s[name] = append(slices.Clip(list), item)
}

// A PlatformError reports an image that is for other machines than the job.
type PlatformError struct{ Got, Want string } // such as "linux/arm64"

func (e *PlatformError) Error() string {
	return fmt.Sprintf("the image is for %s, and the job for %s", e.Got, e.Want)
}

// platformOf is what an architecture's images are for.
func platformOf(arch worker.Arch) platform { return platform{"linux", string(arch)} }

// pick chooses the manifest of a platform out of an index.
func pick(all []descriptor, want platform) (descriptor, error) {
	var have []string
	for _, d := range all {
		if d.Platform == nil || d.Platform.OS == "unknown" { // an attestation
			continue
		}
		if *d.Platform == want {
			return d, nil
		}
		have = append(have, d.Platform.String())
	}
	return descriptor{}, &PlatformError{Got: strings.Join(slices.Compact(have), ", "), Want: want.String()}
}

// layerType is a layer's media type in the words of OCI.
func layerType(mediaType string) (string, error) {
	switch mediaType {
	case typeLayer, typeGzip, typeZstd:
		return mediaType, nil
	case dockerLayer:
		return typeLayer, nil
	case dockerGzip:
		return typeGzip, nil
	}
	return "", errors.New("the image has a layer of type " + mediaType + ", which tasks cannot pull")
}
