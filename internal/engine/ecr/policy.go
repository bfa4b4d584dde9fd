package ecr

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spate-run/spate/internal/wire"
)

func (s *Service) putLifecyclePolicy(ctx context.Context, in *PutLifecyclePolicyInput) (*PutLifecyclePolicyOutput, error) {
	r, err := s.change(ctx, in.RepositoryName, in.RegistryId, func(r *repository) error {
		if !json.Valid([]byte(deref(in.LifecyclePolicyText))) {
			return invalid("LifecyclePolicyText", "Invalid JSON syntax")
		}
		r.Lifecycle = in.LifecyclePolicyText
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &PutLifecyclePolicyOutput{RegistryId: &s.config.Account.ID, RepositoryName: &r.Name, LifecyclePolicyText: r.Lifecycle}, nil
}

func (s *Service) getLifecyclePolicy(_ context.Context, in *GetLifecyclePolicyInput) (*GetLifecyclePolicyOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.findLocked(in.RepositoryName, in.RegistryId)
	if err == nil && r.Lifecycle == nil {
		err = s.noLifecycle(r)
	}
	if err != nil {
		return nil, err
	}
	return &GetLifecyclePolicyOutput{
		RegistryId: &s.config.Account.ID, RepositoryName: &r.Name, LifecyclePolicyText: r.Lifecycle,
		LastEvaluatedAt: new(time.Unix(0, 0)), // as AWS says while it has not been
	}, nil
}

func (s *Service) deleteLifecyclePolicy(ctx context.Context, in *DeleteLifecyclePolicyInput) (*DeleteLifecyclePolicyOutput, error) {
	out := &DeleteLifecyclePolicyOutput{RegistryId: &s.config.Account.ID, RepositoryName: in.RepositoryName}
	_, err := s.change(ctx, in.RepositoryName, in.RegistryId, func(r *repository) error {
		if r.Lifecycle == nil {
			return s.noLifecycle(*r)
		}
		out.LifecyclePolicyText, r.Lifecycle = r.Lifecycle, nil
		return nil
	})
	return out, err
}

func (s *Service) noLifecycle(r repository) *wire.Fault {
	return wire.Faultf("LifecyclePolicyNotFoundException", "Lifecycle policy does not exist for the repository with name '%s' in the registry with id '%s'", r.Name, s.config.Account.ID)
}

func (s *Service) setRepositoryPolicy(ctx context.Context, in *SetRepositoryPolicyInput) (*SetRepositoryPolicyOutput, error) {
	r, err := s.change(ctx, in.RepositoryName, in.RegistryId, func(r *repository) error {
		if !json.Valid([]byte(deref(in.PolicyText))) {
			return invalid("PolicyText", "Invalid repository policy provided")
		}
		r.Policy = in.PolicyText
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &SetRepositoryPolicyOutput{RegistryId: &s.config.Account.ID, RepositoryName: &r.Name, PolicyText: r.Policy}, nil
}

func (s *Service) getRepositoryPolicy(_ context.Context, in *GetRepositoryPolicyInput) (*GetRepositoryPolicyOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.findLocked(in.RepositoryName, in.RegistryId)
	if err == nil && r.Policy == nil {
		err = s.noPolicy(r)
	}
	if err != nil {
		return nil, err
	}
	return &GetRepositoryPolicyOutput{RegistryId: &s.config.Account.ID, RepositoryName: &r.Name, PolicyText: r.Policy}, nil
}

func (s *Service) deleteRepositoryPolicy(ctx context.Context, in *DeleteRepositoryPolicyInput) (*DeleteRepositoryPolicyOutput, error) {
	out := &DeleteRepositoryPolicyOutput{RegistryId: &s.config.Account.ID, RepositoryName: in.RepositoryName}
	_, err := s.change(ctx, in.RepositoryName, in.RegistryId, func(r *repository) error {
		if r.Policy == nil {
			return s.noPolicy(*r)
		}
		out.PolicyText, r.Policy = r.Policy, nil
		return nil
	})
	return out, err
}

func (s *Service) noPolicy(r repository) *wire.Fault {
	return wire.Faultf("RepositoryPolicyNotFoundException", "Repository policy does not exist for the repository with name '%s' in the registry with id '%s'", r.Name, s.config.Account.ID)
}

// tagLimit is how many tags a repository may have.
const tagLimit = 50

func tooManyTags() *wire.Fault {
	return wire.Faultf("TooManyTagsException", "The list of tags on the repository is over the limit. The maximum number of tags that can be applied to a repository is %d.", tagLimit)
}

func (s *Service) tagResource(ctx context.Context, in *TagResourceInput) (*TagResourceOutput, error) {
	return &TagResourceOutput{}, s.retag(ctx, in.ResourceArn, func(tags map[string]string) { maps.Copy(tags, tagMap(in.Tags)) })
}

func (s *Service) untagResource(ctx context.Context, in *UntagResourceInput) (*UntagResourceOutput, error) {
	return &UntagResourceOutput{}, s.retag(ctx, in.ResourceArn, func(tags map[string]string) {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
	})
}

func (s *Service) retag(ctx context.Context, arn *string, change func(map[string]string)) error {
	name, err := s.nameOf(arn)
	if err != nil {
		return err
	}
	_, err = s.change(ctx, &name, nil, func(r *repository) error {
		tags := map[string]string{}
		maps.Copy(tags, r.Tags)
		change(tags)
		if len(tags) > tagLimit {
			return tooManyTags()
		}
		r.Tags = tags
		return nil
	})
	return err
}

func (s *Service) listTagsForResource(_ context.Context, in *ListTagsForResourceInput) (*ListTagsForResourceOutput, error) {
	name, err := s.nameOf(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.findLocked(&name, nil)
	if err != nil {
		return nil, err
	}
	out := &ListTagsForResourceOutput{Tags: []Tag{}}
	for _, key := range slices.Sorted(maps.Keys(r.Tags)) {
		out.Tags = append(out.Tags, Tag{Key: &key, Value: new(r.Tags[key])})
	}
	return out, nil
}

// nameOf returns the repository's name in an ARN.
func (s *Service) nameOf(arn *string) (string, error) {
	name, ok := strings.CutPrefix(deref(arn), s.arn(""))
	if !ok {
		return "", invalid("resourceArn", "Invalid ARN")
	}
	return name, nil
}

func tagMap(tags []Tag) map[string]string {
	all := map[string]string{}
	for _, tag := range tags {
		all[deref(tag.Key)] = deref(tag.Value)
	}
	return all
}
