// Package ecr is the embedded engine's Amazon Elastic Container Registry: AWS's
// API of repositories and images ([Service.Wire]), and the registry that docker
// push and docker pull speak to ([Service.Registry]).
//
// It owns repositories and manifests, which are rows of the store, and the blobs
// that manifests name, which are files:
//
//	dir/uploads/<id>        what is being pushed
//	dir/blobs/sha256/<hex>  whole, and on disk before the push of it is answered
//
// It promises that an image whose push was acknowledged is there, blobs and all;
// that a tag which may not be overwritten is not; and that blobs which no
// manifest names any more are removed, with the last image that named them or
// when the engine starts.
//
// go-containerregistry's pkg/registry answers for blobs: their digests, ranges
// and errors. It keeps manifests and unfinished uploads in memory, so those are
// answered here (docs/adr/0009-registry.md). All repositories share their blobs.
//
// A repository's address is the engine's own, such as 127.0.0.1:4100/name, which
// Docker takes without TLS. docker login wants the password of
// GetAuthorizationToken, which holds for twelve hours, from one start of the
// engine to the next.
//
// Lifecycle and repository policies, scanning and encryption are kept and shown,
// and do nothing.
package ecr
