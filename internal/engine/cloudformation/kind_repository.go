package cloudformation

import (
	"context"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecr-repository.html
var repository = kind{
	name:      "RepositoryName",
	lowerName: true,
	replace:   []string{"EncryptionConfiguration", "RepositoryName"},
	create: func(ctx context.Context, c *clients, r request) (made, error) {
		input := ecr.CreateRepositoryInput{RepositoryName: new(repositoryName(r))}
		exclusions, err := repositoryProperties(r, &input)
		if err != nil {
			return made{}, err
		}
		tags, err := r.tags()
		if err != nil {
			return made{}, err
		}
		input.ImageTagMutabilityExclusionFilters, input.Tags = exclusions, repositoryTags(tags)
		out, err := c.ecr.CreateRepository(ctx, &input)
		if err != nil {
			return made{}, err
		}
		r.ID = *out.Repository.RepositoryName
		return made{ID: r.ID, Attributes: properties{
			"Arn": *out.Repository.RepositoryArn, "RepositoryUri": *out.Repository.RepositoryUri,
		}}, putRepositoryPolicies(ctx, c, r)
	},
	update: func(ctx context.Context, c *clients, r request) (made, error) {
		var input ecr.CreateRepositoryInput
		exclusions, err := repositoryProperties(r, &input)
		if err != nil {
			return made{}, err
		}
		mutability := input.ImageTagMutability
		if mutability == "" {
			mutability = types.ImageTagMutabilityMutable
		}
		if _, err := c.ecr.PutImageTagMutability(ctx, &ecr.PutImageTagMutabilityInput{
			RepositoryName: &r.ID, ImageTagMutability: mutability, ImageTagMutabilityExclusionFilters: exclusions,
		}); err != nil {
			return made{}, err
		}
		scanning := input.ImageScanningConfiguration
		if scanning == nil {
			scanning = &types.ImageScanningConfiguration{}
		}
		if _, err := c.ecr.PutImageScanningConfiguration(ctx, &ecr.PutImageScanningConfigurationInput{
			RepositoryName: &r.ID, ImageScanningConfiguration: scanning,
		}); err != nil {
			return made{}, err
		}
		return made{ID: r.ID}, putRepositoryPolicies(ctx, c, r)
	},
	tag: func(ctx context.Context, c *clients, r request, set map[string]string, drop []string) error {
		arn := r.Account.ARN("ecr", "repository/"+r.ID)
		if len(set) > 0 {
			if _, err := c.ecr.TagResource(ctx, &ecr.TagResourceInput{ResourceArn: &arn, Tags: repositoryTags(set)}); err != nil {
				return err
			}
		}
		if len(drop) == 0 {
			return nil
		}
		_, err := c.ecr.UntagResource(ctx, &ecr.UntagResourceInput{ResourceArn: &arn, TagKeys: drop})
		return err
	},
	remove: func(ctx context.Context, c *clients, r request) error {
		_, err := c.ecr.DeleteRepository(ctx, &ecr.DeleteRepositoryInput{
			RepositoryName: new(repositoryName(r)), Force: r.text("EmptyOnDelete") == "true",
		})
		return unlessAbsent(err)
	},
}

// repositoryName is the name of a repository; one that is made up has no two
// hyphens on end, which such names must not.
func repositoryName(r request) string {
	if r.text("RepositoryName") != "" {
		return r.Name
	}
	return regexp.MustCompile("-+").ReplaceAllString(r.Name, "-")
}

func repositoryTags(tags map[string]string) []types.Tag {
	var list []types.Tag
	for _, key := range sortedKeys(tags) {
		list = append(list, types.Tag{Key: &key, Value: new(tags[key])})
	}
	return list
}

// repositoryProperties fills in the properties that are members of the same
// name, and returns the one whose members are named otherwise.
func repositoryProperties(r request, input *ecr.CreateRepositoryInput) ([]types.ImageTagMutabilityExclusionFilter, error) {
	direct := []string{"EncryptionConfiguration", "ImageScanningConfiguration", "ImageTagMutability"}
	others := []string{"EmptyOnDelete", "ImageTagMutabilityExclusionFilters", "LifecyclePolicy", "RepositoryName", "RepositoryPolicyText", "Tags"}
	if err := only(r.Properties, append(direct, others...)...); err != nil {
		return nil, err
	}
	if err := fill(input, without(r.Properties, others...)); err != nil {
		return nil, err
	}
	filters, _ := r.Properties["ImageTagMutabilityExclusionFilters"].([]any)
	var exclusions []types.ImageTagMutabilityExclusionFilter
	for _, filter := range filters {
		members, _ := filter.(map[string]any)
		kind, _ := textOf(members["ImageTagMutabilityExclusionFilterType"])
		value, _ := textOf(members["ImageTagMutabilityExclusionFilterValue"])
		exclusions = append(exclusions, types.ImageTagMutabilityExclusionFilter{
			FilterType: types.ImageTagMutabilityExclusionFilterType(kind), Filter: &value,
		})
	}
	return exclusions, nil
}

// putRepositoryPolicies sets the two policies, and takes away those that an
// update drops.
func putRepositoryPolicies(ctx context.Context, c *clients, r request) error {
	lifecycle, _ := r.Properties["LifecyclePolicy"].(map[string]any)
	text, err := documentOf(lifecycle["LifecyclePolicyText"])
	if err != nil {
		return err
	}
	switch {
	case lifecycle["LifecyclePolicyText"] != nil:
		_, err = c.ecr.PutLifecyclePolicy(ctx, &ecr.PutLifecyclePolicyInput{RepositoryName: &r.ID, LifecyclePolicyText: &text})
	case r.Before["LifecyclePolicy"] != nil:
		_, err = c.ecr.DeleteLifecyclePolicy(ctx, &ecr.DeleteLifecyclePolicyInput{RepositoryName: &r.ID})
		err = unlessAbsent(err)
	}
	if err != nil {
		return err
	}
	policy := r.Properties["RepositoryPolicyText"]
	if text, err = documentOf(policy); err != nil {
		return err
	}
	switch {
	case policy != nil:
		_, err = c.ecr.SetRepositoryPolicy(ctx, &ecr.SetRepositoryPolicyInput{RepositoryName: &r.ID, PolicyText: &text})
	case r.Before["RepositoryPolicyText"] != nil:
		_, err = c.ecr.DeleteRepositoryPolicy(ctx, &ecr.DeleteRepositoryPolicyInput{RepositoryName: &r.ID})
		err = unlessAbsent(err)
	}
	return err
}
