package cloudformation

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ssm-parameter.html
var storedParameter = kind{
	name:    "Name",
	replace: []string{"Name"},
	create: func(ctx context.Context, c *clients, r request) (made, error) {
		input, err := parameterInput(r)
		if err != nil {
			return made{}, err
		}
		tags, err := r.tags()
		if err != nil {
			return made{}, err
		}
		for _, key := range sortedKeys(tags) {
			input.Tags = append(input.Tags, types.Tag{Key: &key, Value: new(tags[key])})
		}
		return putParameter(ctx, c, r, input)
	},
	update: func(ctx context.Context, c *clients, r request) (made, error) {
		input, err := parameterInput(r)
		if err != nil {
			return made{}, err
		}
		input.Overwrite = new(true)
		// What a request leaves out stays; the template has dropped it.
		if input.Description == nil {
			input.Description = new("")
		}
		if input.AllowedPattern == nil {
			input.AllowedPattern = new("")
		}
		return putParameter(ctx, c, r, input)
	},
	tag: func(ctx context.Context, c *clients, r request, set map[string]string, drop []string) error {
		var tags []types.Tag
		for _, key := range sortedKeys(set) {
			tags = append(tags, types.Tag{Key: &key, Value: new(set[key])})
		}
		if tags != nil {
			if _, err := c.ssm.AddTagsToResource(ctx, &ssm.AddTagsToResourceInput{
				ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: &r.Name, Tags: tags,
			}); err != nil {
				return err
			}
		}
		if len(drop) == 0 {
			return nil
		}
		_, err := c.ssm.RemoveTagsFromResource(ctx, &ssm.RemoveTagsFromResourceInput{
			ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: &r.Name, TagKeys: drop,
		})
		return err
	},
	remove: func(ctx context.Context, c *clients, r request) error {
		_, err := c.ssm.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: &r.Name})
		return unlessAbsent(err)
	},
}

func parameterInput(r request) (ssm.PutParameterInput, error) {
	input := ssm.PutParameterInput{}
	if err := only(r.Properties, "AllowedPattern", "DataType", "Description", "Name", "Policies", "Tags", "Tier", "Type", "Value"); err != nil {
		return input, err
	}
	if err := fill(&input, without(r.Properties, "Tags")); err != nil {
		return input, err
	}
	input.Name = &r.Name
	if input.Type == types.ParameterTypeSecureString {
		return input, reasonf("Properties validation failed for resource %s with message:\n#/Type: SecureString is not a valid enum value", r.Logical)
	}
	return input, nil
}

func putParameter(ctx context.Context, c *clients, r request, input ssm.PutParameterInput) (made, error) {
	if _, err := c.ssm.PutParameter(ctx, &input); err != nil {
		return made{}, err
	}
	return made{ID: r.Name, Attributes: properties{"Type": string(input.Type), "Value": *input.Value}}, nil
}
