package ssm

import (
	"context"
	"maps"
	"slices"

	"github.com/spate-run/spate/internal/wire"
)

// tagLimit is how many tags a parameter may have.
const tagLimit = 50

func tooManyTags() *wire.Fault {
	return wire.Faultf("TooManyTagsError", "The number of tags must not exceed %d.", tagLimit)
}

func (s *Service) addTagsToResource(ctx context.Context, in *AddTagsToResourceInput) (*AddTagsToResourceOutput, error) {
	return &AddTagsToResourceOutput{}, s.retag(ctx, in.ResourceType, in.ResourceId, func(tags map[string]string) {
		maps.Copy(tags, tagMap(in.Tags))
	})
}

func (s *Service) removeTagsFromResource(ctx context.Context, in *RemoveTagsFromResourceInput) (*RemoveTagsFromResourceOutput, error) {
	return &RemoveTagsFromResourceOutput{}, s.retag(ctx, in.ResourceType, in.ResourceId, func(tags map[string]string) {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
	})
}

// retag changes a parameter's tags. The fixed ones have none and take none.
func (s *Service) retag(ctx context.Context, kind ResourceTypeForTagging, name *string, change func(map[string]string)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.taggedLocked(kind, name)
	if err != nil {
		return err
	}
	if _, stored := s.parameters[p.Name]; !stored {
		return wire.Faultf("InvalidResourceId", "")
	}
	tags := map[string]string{}
	maps.Copy(tags, p.Tags)
	change(tags)
	if len(tags) > tagLimit {
		return tooManyTags()
	}
	p.Tags = tags
	return s.saveLocked(ctx, p)
}

func (s *Service) listTagsForResource(_ context.Context, in *ListTagsForResourceInput) (*ListTagsForResourceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.taggedLocked(in.ResourceType, in.ResourceId)
	if err != nil {
		return nil, err
	}
	out := &ListTagsForResourceOutput{TagList: []Tag{}}
	for _, key := range slices.Sorted(maps.Keys(p.Tags)) {
		out.TagList = append(out.TagList, Tag{Key: &key, Value: new(p.Tags[key])})
	}
	return out, nil
}

// taggedLocked finds the resource of a request about tags. Its faults have no
// message, as AWS's have none.
func (s *Service) taggedLocked(kind ResourceTypeForTagging, name *string) (parameter, error) {
	if kind != ResourceTypeForTaggingParameter {
		return parameter{}, wire.Faultf("InvalidResourceType", "")
	}
	p, ok := s.findLocked(deref(name))
	if !ok {
		return parameter{}, wire.Faultf("InvalidResourceId", "")
	}
	return p, nil
}

func tagMap(tags []Tag) map[string]string {
	all := map[string]string{}
	for _, tag := range tags {
		all[deref(tag.Key)] = deref(tag.Value)
	}
	return all
}
