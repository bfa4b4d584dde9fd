package ecr

import (
	"context"
	"errors"
	"slices"

	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

// batchLimit is how many images a request may name.
const batchLimit = 100

// lookLocked returns the image that has the digest and the tag that are given.
func (s *Service) lookLocked(repository, digest, tag string) (image, bool) {
	if digest != "" {
		i, ok := s.held[repository][digest]
		return i, ok && (tag == "" || slices.Contains(i.Tags, tag))
	}
	for _, i := range s.held[repository] {
		if tag != "" && slices.Contains(i.Tags, tag) {
			return i, true
		}
	}
	return image{}, false
}

// failLocked says why an image is not found; nil where it is.
func (s *Service) failLocked(repository string, id ImageIdentifier) *ImageFailure {
	failure := func(code ImageFailureCode, why string) *ImageFailure {
		return &ImageFailure{ImageId: &id, FailureCode: code, FailureReason: &why}
	}
	digest, tag := deref(id.ImageDigest), deref(id.ImageTag)
	switch {
	case digest == "" && tag == "":
		return failure(ImageFailureCodeMissingDigestAndTag, "Invalid request parameters: both tag and digest cannot be null")
	case digest != "" && !digestPattern.MatchString(digest):
		return failure(ImageFailureCodeInvalidImageDigest, "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'")
	}
	if _, ok := s.lookLocked(repository, digest, tag); ok {
		return nil
	}
	if _, ok := s.lookLocked(repository, digest, ""); ok && digest != "" {
		return failure(ImageFailureCodeImageTagDoesNotMatchDigest, "Requested image tag does not match the image digest")
	}
	return failure(ImageFailureCodeImageNotFound, "Requested image not found")
}

func wanted(status TagStatus, i image) bool {
	switch status {
	case TagStatusTagged:
		return len(i.Tags) > 0
	case TagStatusUntagged:
		return len(i.Tags) == 0
	}
	return true
}

func (s *Service) listImages(_ context.Context, in *ListImagesInput) (*ListImagesOutput, error) {
	size, err := pageSize(in.MaxResults)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.findLocked(in.RepositoryName, in.RegistryId)
	if err != nil {
		return nil, err
	}
	ids := []ImageIdentifier{}
	for _, i := range s.imagesLocked(r.Name) {
		if in.Filter == nil || wanted(in.Filter.TagStatus, i) {
			ids = append(ids, i.ids()...)
		}
	}
	out := &ListImagesOutput{}
	out.ImageIds, out.NextToken = page(ids, func(id ImageIdentifier) string { return *id.ImageDigest + " " + deref(id.ImageTag) }, in.NextToken, size)
	return out, nil
}

// ids are what an image is listed as: once for each tag.
func (i image) ids() []ImageIdentifier {
	if len(i.Tags) == 0 {
		return []ImageIdentifier{{ImageDigest: &i.Digest}}
	}
	var ids []ImageIdentifier
	for _, tag := range i.Tags {
		ids = append(ids, ImageIdentifier{ImageDigest: &i.Digest, ImageTag: &tag})
	}
	return ids
}

func (s *Service) describeImages(_ context.Context, in *DescribeImagesInput) (*DescribeImagesOutput, error) {
	size, err := pageSize(in.MaxResults)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.findLocked(in.RepositoryName, in.RegistryId)
	if err != nil {
		return nil, err
	}
	images := s.imagesLocked(r.Name)
	if len(in.ImageIds) > 0 {
		images = nil
		for _, id := range in.ImageIds {
			i, ok := s.lookLocked(r.Name, deref(id.ImageDigest), deref(id.ImageTag))
			if !ok {
				return nil, s.noImage(r.Name, id)
			}
			images = append(images, i)
		}
	}
	images = slices.DeleteFunc(images, func(i image) bool { return in.Filter != nil && !wanted(in.Filter.TagStatus, i) })
	out := &DescribeImagesOutput{ImageDetails: []ImageDetail{}}
	images, out.NextToken = page(images, func(i image) string { return i.Digest }, in.NextToken, size)
	for _, i := range images {
		detail := ImageDetail{
			RegistryId: &s.config.Account.ID, RepositoryName: &r.Name, ImageDigest: &i.Digest, ImageTags: i.Tags,
			ImageManifestMediaType: &i.MediaType, ImagePushedAt: &i.Pushed, ImageStatus: ImageStatusActive,
		}
		if len(i.Parts) == 0 {
			detail.ImageSizeInBytes, detail.ArtifactMediaType = &i.Size, &i.Artifact
		}
		out.ImageDetails = append(out.ImageDetails, detail)
	}
	return out, nil
}

func (s *Service) noImage(repository string, id ImageIdentifier) *wire.Fault {
	text := func(p *string) string {
		if p == nil {
			return "null"
		}
		return *p
	}
	return wire.Faultf("ImageNotFoundException", "The image with imageId {imageDigest:'%s', imageTag:'%s'} does not exist within the repository with name '%s' in the registry with id '%s'",
		text(id.ImageDigest), text(id.ImageTag), repository, s.config.Account.ID)
}

func checkIDs(ids []ImageIdentifier) error {
	if len(ids) < 1 || len(ids) > batchLimit {
		return invalid("imageIds", "Member must have length between 1 and 100")
	}
	return nil
}

func (s *Service) batchGetImage(_ context.Context, in *BatchGetImageInput) (*BatchGetImageOutput, error) {
	if err := checkIDs(in.ImageIds); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.findLocked(in.RepositoryName, in.RegistryId)
	if err != nil {
		return nil, err
	}
	out := &BatchGetImageOutput{Images: []Image{}, Failures: []ImageFailure{}}
	for _, id := range in.ImageIds {
		if failure := s.failLocked(r.Name, id); failure != nil {
			out.Failures = append(out.Failures, *failure)
			continue
		}
		i, _ := s.lookLocked(r.Name, deref(id.ImageDigest), deref(id.ImageTag))
		out.Images = append(out.Images, Image{
			RegistryId: &s.config.Account.ID, RepositoryName: &r.Name,
			ImageId:       &ImageIdentifier{ImageDigest: &i.Digest, ImageTag: id.ImageTag},
			ImageManifest: new(string(i.Manifest)), ImageManifestMediaType: &i.MediaType,
		})
	}
	return out, nil
}

// batchDeleteImage deletes images by their digests, and takes tags away. An
// image that loses its last tag goes too.
func (s *Service) batchDeleteImage(ctx context.Context, in *BatchDeleteImageInput) (*BatchDeleteImageOutput, error) {
	if err := checkIDs(in.ImageIds); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.findLocked(in.RepositoryName, in.RegistryId)
	if err != nil {
		return nil, err
	}
	out := &BatchDeleteImageOutput{ImageIds: []ImageIdentifier{}, Failures: []ImageFailure{}}
	for _, id := range in.ImageIds {
		failure := s.failLocked(r.Name, id)
		if failure != nil {
			out.Failures = append(out.Failures, *failure)
			continue
		}
		i, _ := s.lookLocked(r.Name, deref(id.ImageDigest), deref(id.ImageTag))
		deleted, err := s.deleteLocked(ctx, i, id)
		if fault, ok := errors.AsType[*wire.Fault](err); ok {
			out.Failures = append(out.Failures, ImageFailure{
				ImageId: &id, FailureCode: ImageFailureCode(fault.Code), FailureReason: &fault.Message,
			})
			continue
		}
		if err != nil {
			return nil, err
		}
		out.ImageIds = append(out.ImageIds, deleted...)
	}
	return out, nil
}

// deleteLocked deletes an image, or the one tag that it is named by.
func (s *Service) deleteLocked(ctx context.Context, i image, id ImageIdentifier) ([]ImageIdentifier, error) {
	if id.ImageDigest == nil && len(i.Tags) > 1 {
		i.Tags = slices.DeleteFunc(slices.Clone(i.Tags), func(tag string) bool { return tag == *id.ImageTag })
		if err := s.images.Save(ctx, i.key(), i); err != nil {
			return nil, err
		}
		s.holdLocked(i)
		return []ImageIdentifier{{ImageDigest: &i.Digest, ImageTag: id.ImageTag}}, nil
	}
	for _, other := range s.imagesLocked(i.Repository) {
		if slices.Contains(other.Parts, i.Digest) {
			return nil, wire.Faultf(string(ImageFailureCodeImageReferencedByManifestList), "Requested image referenced by manifest list: [%s]", other.Digest)
		}
	}
	if err := s.images.Remove(ctx, i.key()); err != nil {
		return nil, err
	}
	delete(s.held[i.Repository], i.Digest)
	s.freeLocked([]image{i})
	return i.ids(), nil
}

// freeLocked removes the blobs of deleted images that no other image names.
// What cannot be removed now is when the engine starts.
func (s *Service) freeLocked(images []image) {
	named := s.namedLocked()
	for _, i := range images {
		for _, digest := range i.Blobs {
			if named[digest] {
				continue
			}
			if err := s.blobs.remove(digest); err != nil {
				s.config.Log.Warn("removing a layer of a deleted image", "digest", digest, "error", err)
			}
		}
	}
}

// saveLocked writes images, of which one may have taken a tag of another.
func (s *Service) saveLocked(ctx context.Context, images ...image) error {
	if err := s.store.Update(ctx, func(tx *store.Tx) error {
		for _, i := range images {
			if err := s.images.Put(tx, i.key(), i); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	for _, i := range images {
		s.holdLocked(i)
	}
	return nil
}
