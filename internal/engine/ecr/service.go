package ecr

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/spate-run/spate/internal/sorting"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

// Config says what a Service stands on.
type Config struct {
	Store   *store.Store
	Account wire.Account
	Log     *slog.Logger
	// Dir is the folder of the blobs. It belongs to the Service.
	Dir string
	// Endpoint is the engine's address, such as http://127.0.0.1:4100.
	Endpoint string
	// Keys make the passwords that the registry takes; nil lets everybody in.
	Keys *wire.Keys
}

// A Service is ECR. Its methods are safe for concurrent use.
type Service struct {
	config       Config
	store        *store.Store
	repositories store.Table[repository]
	images       store.Table[image]
	blobs        *blobs
	blobHandler  http.Handler // pkg/registry's

	// mu guards what follows, and is held while a change is written. The
	// documents are replaced as a whole, so that replies may point into them.
	mu    sync.Mutex
	repos map[string]repository
	held  map[string]map[string]image // by repository and digest
}

// A repository is the document of one.
type repository struct {
	Name       string
	Created    time.Time
	Mutability ImageTagMutability
	Exclusions []ImageTagMutabilityExclusionFilter
	Scan       bool
	Encryption EncryptionConfiguration
	Lifecycle  *string
	Policy     *string
	Tags       map[string]string
}

// An image is the document of a manifest in a repository.
type image struct {
	Repository string
	Digest     string
	MediaType  string
	Artifact   string // the media type of its config
	Manifest   []byte
	Size       int64 // of its layers, in bytes
	Pushed     time.Time
	Tags       []string // sorted
	Blobs      []string // the digests it needs
	Parts      []string // the digests of the manifests it lists
}

func (i image) key() string { return i.Repository + "@" + i.Digest }

// New loads the repositories, and removes what pushes and deletions that were
// cut short have left.
func New(ctx context.Context, config Config) (*Service, error) {
	s := &Service{
		config: config, store: config.Store,
		repositories: store.NewTable[repository](config.Store, "ecr.repository"),
		images:       store.NewTable[image](config.Store, "ecr.image"),
		held:         map[string]map[string]image{},
	}
	var err error
	if s.repos, err = s.repositories.All(ctx); err != nil {
		return nil, fmt.Errorf("loading repositories: %w", err)
	}
	images, err := s.images.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("loading images: %w", err)
	}
	for _, i := range images {
		s.holdLocked(i)
	}
	if s.blobs, err = newBlobs(config.Dir, s.namedLocked()); err != nil {
		return nil, fmt.Errorf("opening images %q: %w", config.Dir, err)
	}
	s.blobHandler = registry.New(
		registry.WithBlobHandler(s.blobs),
		registry.Logger(slog.NewLogLogger(config.Log.Handler(), slog.LevelDebug)),
	)
	return s, nil
}

// holdLocked takes an image among those in memory.
func (s *Service) holdLocked(i image) {
	if s.held[i.Repository] == nil {
		s.held[i.Repository] = map[string]image{}
	}
	s.held[i.Repository][i.Digest] = i
}

// namedLocked is the set of the blobs that manifests name.
func (s *Service) namedLocked() map[string]bool {
	named := map[string]bool{}
	for _, images := range s.held {
		for _, i := range images {
			for _, digest := range i.Blobs {
				named[digest] = true
			}
		}
	}
	return named
}

// Wire returns the operations of ECR's API.
func (s *Service) Wire() *wire.Service {
	w := &wire.Service{Name: "ecr", Target: "AmazonEC2ContainerRegistry_V20150921", JSONVersion: "1.1", LowerCamel: true}
	wire.Handle(w, s.createRepository)
	wire.Handle(w, s.describeRepositories)
	wire.Handle(w, s.deleteRepository)
	wire.Handle(w, s.putImageTagMutability)
	wire.Handle(w, s.putImageScanningConfiguration)
	wire.Handle(w, s.putLifecyclePolicy)
	wire.Handle(w, s.getLifecyclePolicy)
	wire.Handle(w, s.deleteLifecyclePolicy)
	wire.Handle(w, s.setRepositoryPolicy)
	wire.Handle(w, s.getRepositoryPolicy)
	wire.Handle(w, s.deleteRepositoryPolicy)
	wire.Handle(w, s.tagResource)
	wire.Handle(w, s.untagResource)
	wire.Handle(w, s.listTagsForResource)
	wire.Handle(w, s.listImages)
	wire.Handle(w, s.describeImages)
	wire.Handle(w, s.batchGetImage)
	wire.Handle(w, s.batchDeleteImage)
	wire.Handle(w, s.getAuthorizationToken)
	return w
}

// host is where docker finds the registry.
func (s *Service) host() string {
	_, host, _ := strings.Cut(s.config.Endpoint, "://")
	return host
}

// findLocked returns a repository of a registry, by default the account's own.
func (s *Service) findLocked(name, registryID *string) (repository, error) {
	id := cmp.Or(deref(registryID), s.config.Account.ID)
	r, ok := s.repos[deref(name)]
	if !ok || id != s.config.Account.ID {
		return repository{}, wire.Faultf("RepositoryNotFoundException", "The repository with name '%s' does not exist in the registry with id '%s'", deref(name), id)
	}
	return r, nil
}

// change rewrites a repository.
func (s *Service) change(ctx context.Context, name, registryID *string, apply func(*repository) error) (repository, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.findLocked(name, registryID)
	if err != nil {
		return r, err
	}
	if err := apply(&r); err != nil {
		return r, err
	}
	if err := s.repositories.Save(ctx, r.Name, r); err != nil {
		return r, err
	}
	s.repos[r.Name] = r
	return r, nil
}

// imagesLocked returns the images of a repository, the oldest first.
func (s *Service) imagesLocked(name string) []image {
	var list []image
	for _, i := range s.held[name] {
		list = append(list, i)
	}
	sorting.By(list, func(a, b image) int { return cmp.Or(a.Pushed.Compare(b.Pushed), strings.Compare(a.Digest, b.Digest)) })
	return list
}

func invalid(parameter, rule string) *wire.Fault {
	return wire.Faultf("InvalidParameterException", "Invalid parameter at '%s' failed to satisfy constraint: '%s'", parameter, rule)
}

// pageSize returns how many items a page has.
func pageSize(asked *int32) (int, error) {
	const standard, most = 100, 1000
	switch {
	case asked == nil:
		return standard, nil
	case *asked < 1 || *asked > most:
		return 0, invalid("maxResults", "Member must be between 1 and 1000")
	}
	return int(*asked), nil
}

// page cuts a list: what comes behind the item that the token is of, size items
// at most.
func page[T any](all []T, key func(T) string, token *string, size int) (items []T, next *string) {
	if token != nil {
		all = all[1+slices.IndexFunc(all, func(item T) bool { return key(item) == *token }):]
	}
	if len(all) <= size {
		return all, nil
	}
	return all[:size], new(key(all[size-1]))
}

// deref is what p points to, or the zero value.
func deref[T any](p *T) (value T) {
	if p != nil {
		value = *p
	}
	return value
}
