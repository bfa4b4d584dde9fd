package ecs

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/spate-run/spate/internal/wire"
)

// maxTags is how many tags a resource may have.
const maxTags = 50

// TagResource adds tags to a resource, or gives them other values.
func (s *Service) TagResource(ctx context.Context, in *ecs.TagResourceInput) (*ecs.TagResourceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.tagged(aws.ToString(in.ResourceArn))
	if err != nil {
		return nil, err
	}
	tags := withTags(r.tags, in.Tags)
	if len(tags) > maxTags {
		return nil, wire.Faultf("InvalidParameterException", "Number of tags cannot exceed %d.", maxTags)
	}
	return &ecs.TagResourceOutput{}, r.set(ctx, tags)
}

// UntagResource removes tags from a resource.
func (s *Service) UntagResource(ctx context.Context, in *ecs.UntagResourceInput) (*ecs.UntagResourceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.tagged(aws.ToString(in.ResourceArn))
	if err != nil {
		return nil, err
	}
	tags := slices.DeleteFunc(slices.Clone(r.tags), func(t types.Tag) bool {
		return slices.Contains(in.TagKeys, aws.ToString(t.Key))
	})
	return &ecs.UntagResourceOutput{}, r.set(ctx, tags)
}

// ListTagsForResource lists a resource's tags.
func (s *Service) ListTagsForResource(_ context.Context, in *ecs.ListTagsForResourceInput) (*ecs.ListTagsForResourceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.tagged(aws.ToString(in.ResourceArn))
	if err != nil {
		return nil, err
	}
	return &ecs.ListTagsForResourceOutput{Tags: slices.Concat([]types.Tag{}, r.tags)}, nil
}

// withTags is a list of tags with others added, or in the place of those with
// the same keys.
func withTags(tags, more []types.Tag) []types.Tag {
	tags = slices.Clone(tags)
	for _, m := range more {
		i := slices.IndexFunc(tags, func(t types.Tag) bool { return aws.ToString(t.Key) == aws.ToString(m.Key) })
		if i < 0 {
			tags = append(tags, m)
		} else {
			tags[i] = m
		}
	}
	return tags
}

// A tagged is a resource's tags, and how to write others.
type tagged struct {
	tags []types.Tag
	set  func(ctx context.Context, tags []types.Tag) error
}

// tagged finds the resource of an ARN.
func (s *Service) tagged(arn string) (tagged, error) {
	prefix := s.config.Account.ARN("ecs", "")
	path, ok := strings.CutPrefix(arn, prefix)
	if !ok {
		return tagged{}, wire.Faultf("InvalidParameterException", "Invalid identifier: Unexpected ARN.")
	}
	kind, name, _ := strings.Cut(path, "/")
	switch kind {
	case "cluster":
		if c, ok := s.clusters[name]; ok {
			return tagged{c.Tags, func(ctx context.Context, tags []types.Tag) error {
				next := *c
				next.Tags = tags
				if err := s.tables.clusters.Save(ctx, c.Name, next); err != nil {
					return err
				}
				*c = next
				return nil
			}}, nil
		}
	case "service":
		if v, ok := s.services[name]; ok {
			return tagged{v.Tags, func(ctx context.Context, tags []types.Tag) error {
				next := *v
				next.Tags = tags
				if err := s.tables.services.Save(ctx, v.key(), next); err != nil {
					return err
				}
				*v = next
				return nil
			}}, nil
		}
	case "task":
		cluster, id, _ := strings.Cut(name, "/")
		if t, ok := s.tasks[id]; ok && t.Cluster == cluster {
			return tagged{t.Tags, func(ctx context.Context, tags []types.Tag) error {
				next := *t
				next.Tags = tags
				return s.commit(ctx, t, next)
			}}, nil
		}
	case "task-definition":
		if d := s.definition(&arn); d != nil && d.arn() == arn {
			return tagged{d.Tags, func(ctx context.Context, tags []types.Tag) error {
				next := *d
				next.Tags = tags
				if err := s.tables.definitions.Save(ctx, d.revision(), next); err != nil {
					return err
				}
				*d = next
				return nil
			}}, nil
		}
	}
	return tagged{}, wire.Faultf("ResourceNotFoundException", "The specified resource was not found.")
}
