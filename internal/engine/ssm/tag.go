package ssm

import (
	"context"
	"maps"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/spate-run/spate/internal/wire"
)

// tagLimit is how many tags a parameter may have.
const tagLimit = 50

func tooManyTags() *wire.Fault {
	return wire.Faultf("TooManyTagsError", "The number of tags must not exceed %d.", tagLimit)
}

func (s *Service) addTagsToResource(ctx context.Context, in *sdk.AddTagsToResourceInput) (*sdk.AddTagsToResourceOutput, error) {
	return &sdk.AddTagsToResourceOutput{}, s.retag(ctx, in.ResourceType, in.ResourceId, func(tags map[string]string) {
		maps.Copy(tags, tagMap(in.Tags))
	})
}

func (s *Service) removeTagsFromResource(ctx context.Context, in *sdk.RemoveTagsFromResourceInput) (*sdk.RemoveTagsFromResourceOutput, error) {
	return &sdk.RemoveTagsFromResourceOutput{}, s.retag(ctx, in.ResourceType, in.ResourceId, func(tags map[string]string) {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
	})
}

// retag changes a parameter's tags. The fixed ones have none and take none.
func (s *Service) retag(ctx context.Context, kind types.ResourceTypeForTagging, name *string, change func(map[string]string)) error {
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

func (s *Service) listTagsForResource(_ context.Context, in *sdk.ListTagsForResourceInput) (*sdk.ListTagsForResourceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.taggedLocked(in.ResourceType, in.ResourceId)
	if err != nil {
		return nil, err
	}
	out := &sdk.ListTagsForResourceOutput{TagList: []types.Tag{}}
	for _, key := range slices.Sorted(maps.Keys(p.Tags)) {
		out.TagList = append(out.TagList, types.Tag{Key: &key, Value: new(p.Tags[key])})
	}
	return out, nil
}

// taggedLocked finds the resource of a request about tags. Its faults have no
// message, as AWS's have none.
func (s *Service) taggedLocked(kind types.ResourceTypeForTagging, name *string) (parameter, error) {
	if kind != types.ResourceTypeForTaggingParameter {
		return parameter{}, wire.Faultf("InvalidResourceType", "")
	}
	p, ok := s.findLocked(deref(name))
	if !ok {
		return parameter{}, wire.Faultf("InvalidResourceId", "")
	}
	return p, nil
}

func tagMap(tags []types.Tag) map[string]string {
	all := map[string]string{}
	for _, tag := range tags {
		all[deref(tag.Key)] = deref(tag.Value)
	}
	return all
}
