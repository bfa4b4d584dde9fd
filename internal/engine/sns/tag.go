package sns

import (
	"context"
	"maps"
	"slices"

	"github.com/spate-run/spate/internal/wire"
)

// tagLimit is how many tags a topic may have.
// https://docs.aws.amazon.com/sns/latest/dg/sns-tags.html
const tagLimit = 50

// retag returns tags with further ones.
func retag(before map[string]string, tags []Tag) (map[string]string, error) {
	after, given := maps.Clone(before), map[string]bool{}
	if after == nil {
		after = map[string]string{}
	}
	for _, tag := range tags {
		key := deref(tag.Key)
		if given[key] {
			return nil, invalid("Duplicated keys are not allowed.")
		}
		given[key] = true
		after[key] = deref(tag.Value)
	}
	if len(after) > tagLimit {
		return nil, wire.Faultf("TagLimitExceeded", "Could not complete request: tag quota of per resource exceeded")
	}
	return after, nil
}

// taggedLocked returns the topic of a request about tags.
func (s *Service) taggedLocked(arn *string) (topic, error) {
	t, err := s.topicLocked(arn, "ResourceArn")
	if isMissing(err) {
		err = &wire.Fault{Code: "ResourceNotFound", Message: "Resource does not exist", Status: 404}
	}
	return t, err
}

func (s *Service) tagResource(ctx context.Context, in *TagResourceInput) (*TagResourceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.taggedLocked(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	if t.Tags, err = retag(t.Tags, in.Tags); err != nil {
		return nil, err
	}
	return &TagResourceOutput{}, s.saveTopicLocked(ctx, t)
}

func (s *Service) untagResource(ctx context.Context, in *UntagResourceInput) (*UntagResourceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.taggedLocked(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	t.Tags = maps.Clone(t.Tags)
	for _, key := range in.TagKeys {
		delete(t.Tags, key)
	}
	return &UntagResourceOutput{}, s.saveTopicLocked(ctx, t)
}

func (s *Service) listTagsForResource(_ context.Context, in *ListTagsForResourceInput) (*ListTagsForResourceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.taggedLocked(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	out := &ListTagsForResourceOutput{Tags: []Tag{}}
	for _, key := range slices.Sorted(maps.Keys(t.Tags)) {
		out.Tags = append(out.Tags, Tag{Key: &key, Value: new(t.Tags[key])})
	}
	return out, nil
}
