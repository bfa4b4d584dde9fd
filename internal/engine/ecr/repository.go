package ecr

import (
	"cmp"
	"context"
	"maps"
	"path"
	"regexp"
	"slices"
	"time"

	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

// repositoryName is the pattern of names.
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
const repositoryName = `(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*`

func (s *Service) createRepository(ctx context.Context, in *CreateRepositoryInput) (*CreateRepositoryOutput, error) {
	name := deref(in.RepositoryName)
	switch {
	case len(name) < 2 || len(name) > 256:
		return nil, invalid("repositoryName", "must have length between 2 and 256")
	case !regexp.MustCompile("^" + repositoryName + "$").MatchString(name):
		return nil, invalid("repositoryName", "must satisfy regular expression '"+repositoryName+"'")
	case len(in.Tags) > tagLimit:
		return nil, tooManyTags()
	}
	mutability := cmp.Or(in.ImageTagMutability, ImageTagMutabilityMutable)
	if err := checkMutability(mutability, in.ImageTagMutabilityExclusionFilters); err != nil {
		return nil, err
	}
	r := repository{
		Name: name, Created: time.Now(), Mutability: mutability, Exclusions: in.ImageTagMutabilityExclusionFilters,
		Encryption: EncryptionConfiguration{EncryptionType: EncryptionTypeAes256}, Tags: tagMap(in.Tags),
	}
	if in.EncryptionConfiguration != nil {
		r.Encryption = *in.EncryptionConfiguration
	}
	if in.ImageScanningConfiguration != nil {
		r.Scan = in.ImageScanningConfiguration.ScanOnPush
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, exists := s.repos[name]; exists {
		return nil, wire.Faultf("RepositoryAlreadyExistsException", "The repository with name '%s' already exists in the registry with id '%s'", name, s.config.Account.ID)
	}
	if err := s.repositories.Save(ctx, name, r); err != nil {
		return nil, err
	}
	s.repos[name] = r
	return &CreateRepositoryOutput{Repository: s.describe(r)}, nil
}

func (s *Service) describe(r repository) *Repository {
	return &Repository{
		RegistryId: &s.config.Account.ID, RepositoryName: &r.Name, RepositoryArn: new(s.arn(r.Name)),
		RepositoryUri: new(s.host() + "/" + r.Name), CreatedAt: &r.Created,
		ImageTagMutability: r.Mutability, ImageTagMutabilityExclusionFilters: r.Exclusions,
		ImageScanningConfiguration: &ImageScanningConfiguration{ScanOnPush: r.Scan}, EncryptionConfiguration: &r.Encryption,
	}
}

func (s *Service) arn(name string) string { return s.config.Account.ARN("ecr", "repository/"+name) }

func (s *Service) describeRepositories(_ context.Context, in *DescribeRepositoriesInput) (*DescribeRepositoriesOutput, error) {
	size, err := pageSize(in.MaxResults)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	names := in.RepositoryNames
	if len(names) == 0 {
		names = slices.Sorted(maps.Keys(s.repos))
	}
	out := &DescribeRepositoriesOutput{Repositories: []Repository{}}
	names, out.NextToken = page(names, func(name string) string { return name }, in.NextToken, size)
	for _, name := range names {
		r, err := s.findLocked(&name, in.RegistryId)
		if err != nil {
			return nil, err
		}
		out.Repositories = append(out.Repositories, *s.describe(r))
	}
	return out, nil
}

func (s *Service) deleteRepository(ctx context.Context, in *DeleteRepositoryInput) (*DeleteRepositoryOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.findLocked(in.RepositoryName, in.RegistryId)
	if err != nil {
		return nil, err
	}
	images := s.imagesLocked(r.Name)
	if len(images) > 0 && !in.Force {
		return nil, wire.Faultf("RepositoryNotEmptyException", "The repository with name '%s' in registry with id '%s' cannot be deleted because it still contains images", r.Name, s.config.Account.ID)
	}
	if err := s.store.Update(ctx, func(tx *store.Tx) error {
		for _, i := range images {
			if err := s.images.Delete(tx, i.key()); err != nil {
				return err
			}
		}
		return s.repositories.Delete(tx, r.Name)
	}); err != nil {
		return nil, err
	}
	delete(s.repos, r.Name)
	delete(s.held, r.Name)
	s.freeLocked(images)
	return &DeleteRepositoryOutput{Repository: s.describe(r)}, nil
}

func (s *Service) putImageTagMutability(ctx context.Context, in *PutImageTagMutabilityInput) (*PutImageTagMutabilityOutput, error) {
	r, err := s.change(ctx, in.RepositoryName, in.RegistryId, func(r *repository) error {
		r.Mutability, r.Exclusions = in.ImageTagMutability, in.ImageTagMutabilityExclusionFilters
		return checkMutability(r.Mutability, r.Exclusions)
	})
	if err != nil {
		return nil, err
	}
	return &PutImageTagMutabilityOutput{
		RegistryId: &s.config.Account.ID, RepositoryName: &r.Name, ImageTagMutability: r.Mutability,
		ImageTagMutabilityExclusionFilters: r.Exclusions,
	}, nil
}

func checkMutability(m ImageTagMutability, filters []ImageTagMutabilityExclusionFilter) error {
	excludes := m == ImageTagMutabilityImmutableWithExclusion || m == ImageTagMutabilityMutableWithExclusion
	switch {
	case !slices.Contains(m.Values(), m):
		return invalid("imageTagMutability", "Member must satisfy enum value set: [IMMUTABLE, MUTABLE, MUTABLE_WITH_EXCLUSION, IMMUTABLE_WITH_EXCLUSION]")
	case excludes && len(filters) == 0:
		return invalid("imageTagMutabilityExclusionFilters", "ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set as "+string(m))
	case !excludes && len(filters) > 0:
		return invalid("imageTagMutabilityExclusionFilters", "ImageTagMutabilityExclusionFilters can't be specified when imageTagMutability is set as "+string(m))
	}
	return nil
}

// fixes reports whether a tag, once it is there, stays with its image.
func (r repository) fixes(tag string) bool {
	excluded := slices.ContainsFunc(r.Exclusions, func(f ImageTagMutabilityExclusionFilter) bool {
		matches, err := path.Match(deref(f.Filter), tag) // a tag has no slash
		return matches && err == nil
	})
	fixed := r.Mutability == ImageTagMutabilityImmutable || r.Mutability == ImageTagMutabilityImmutableWithExclusion
	return fixed != excluded
}

func (s *Service) putImageScanningConfiguration(ctx context.Context, in *PutImageScanningConfigurationInput) (*PutImageScanningConfigurationOutput, error) {
	r, err := s.change(ctx, in.RepositoryName, in.RegistryId, func(r *repository) error {
		if in.ImageScanningConfiguration == nil {
			return invalid("imageScanningConfiguration", "Member must not be null")
		}
		r.Scan = in.ImageScanningConfiguration.ScanOnPush
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &PutImageScanningConfigurationOutput{
		RegistryId: &s.config.Account.ID, RepositoryName: &r.Name,
		ImageScanningConfiguration: &ImageScanningConfiguration{ScanOnPush: r.Scan},
	}, nil
}
