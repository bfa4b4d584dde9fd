package cloudformation

import (
	"cmp"
	"context"
	"regexp"
)

// A createRepository is what a resource says of CreateRepository's input.
type createRepository struct {
	Name                    string `json:"repositoryName"`
	EncryptionConfiguration *struct {
		EncryptionType string  `json:"encryptionType"`
		KmsKey         *string `json:"kmsKey,omitempty"`
	} `json:"encryptionConfiguration,omitempty"`
	ImageScanningConfiguration struct {
		ScanOnPush bool `json:"scanOnPush"`
	} `json:"imageScanningConfiguration"`
	ImageTagMutability string       `json:"imageTagMutability,omitempty"`
	Exclusions         []properties `json:"imageTagMutabilityExclusionFilters,omitempty"`
	Tags               []any        `json:"tags,omitempty"`
}

// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecr-repository.html
var repository = kind{
	attributes: []string{"Arn", "RepositoryUri"},
	name:       "RepositoryName",
	lowerName:  true,
	replace:    []string{"EncryptionConfiguration", "RepositoryName"},
	create: func(ctx context.Context, c *clients, r request) (made, error) {
		input, err := repositoryInput(r)
		if err != nil {
			return made{}, err
		}
		if input.Tags, err = r.tagList(); err != nil {
			return made{}, err
		}
		input.Name = repositoryName(r)
		var out struct {
			Repository struct{ RepositoryName, RepositoryArn, RepositoryUri string }
		}
		if err := c.ecr.Call(ctx, "CreateRepository", input, &out); err != nil {
			return made{}, err
		}
		r.ID = out.Repository.RepositoryName
		return made{ID: r.ID, Attributes: properties{
			"Arn": out.Repository.RepositoryArn, "RepositoryUri": out.Repository.RepositoryUri,
		}}, putRepositoryPolicies(ctx, c, r)
	},
	update: func(ctx context.Context, c *clients, r request) (made, error) {
		input, err := repositoryInput(r)
		if err != nil {
			return made{}, err
		}
		if err := c.ecr.Call(ctx, "PutImageTagMutability", properties{
			"repositoryName": r.ID, "imageTagMutability": cmp.Or(input.ImageTagMutability, "MUTABLE"),
			"imageTagMutabilityExclusionFilters": input.Exclusions,
		}, nil); err != nil {
			return made{}, err
		}
		if err := c.ecr.Call(ctx, "PutImageScanningConfiguration", properties{
			"repositoryName": r.ID, "imageScanningConfiguration": input.ImageScanningConfiguration,
		}, nil); err != nil {
			return made{}, err
		}
		return made{ID: r.ID}, putRepositoryPolicies(ctx, c, r)
	},
	tag: func(ctx context.Context, c *clients, r request, set map[string]string, drop []string) error {
		arn := r.Account.ARN("ecr", "repository/"+r.ID)
		if len(set) > 0 {
			if err := c.ecr.Call(ctx, "TagResource", properties{"resourceArn": arn, "tags": pairList(set)}, nil); err != nil {
				return err
			}
		}
		if len(drop) == 0 {
			return nil
		}
		return c.ecr.Call(ctx, "UntagResource", properties{"resourceArn": arn, "tagKeys": drop}, nil)
	},
	remove: func(ctx context.Context, c *clients, r request) error {
		return unlessAbsent(c.ecr.Call(ctx, "DeleteRepository", properties{
			"repositoryName": repositoryName(r), "force": r.text("EmptyOnDelete") == "true",
		}, nil))
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

// repositoryInput reads the properties that are members of CreateRepository's
// input.
func repositoryInput(r request) (createRepository, error) {
	direct := []string{"EncryptionConfiguration", "ImageScanningConfiguration", "ImageTagMutability"}
	others := []string{"EmptyOnDelete", "ImageTagMutabilityExclusionFilters", "LifecyclePolicy", "RepositoryName", "RepositoryPolicyText", "Tags"}
	var input createRepository
	if err := only(r.Properties, append(direct, others...)...); err != nil {
		return input, err
	}
	if err := fill(&input, without(r.Properties, others...)); err != nil {
		return input, err
	}
	filters, _ := r.Properties["ImageTagMutabilityExclusionFilters"].([]any)
	for _, filter := range filters {
		members, _ := filter.(map[string]any)
		kind, _ := textOf(members["ImageTagMutabilityExclusionFilterType"])
		value, _ := textOf(members["ImageTagMutabilityExclusionFilterValue"])
		input.Exclusions = append(input.Exclusions, properties{"filterType": kind, "filter": value})
	}
	return input, nil
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
		err = c.ecr.Call(ctx, "PutLifecyclePolicy", properties{"repositoryName": r.ID, "lifecyclePolicyText": text}, nil)
	case r.Before["LifecyclePolicy"] != nil:
		err = c.ecr.Call(ctx, "DeleteLifecyclePolicy", properties{"repositoryName": r.ID}, nil)
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
		err = c.ecr.Call(ctx, "SetRepositoryPolicy", properties{"repositoryName": r.ID, "policyText": text}, nil)
	case r.Before["RepositoryPolicyText"] != nil:
		err = c.ecr.Call(ctx, "DeleteRepositoryPolicy", properties{"repositoryName": r.ID}, nil)
		err = unlessAbsent(err)
	}
	return err
}
