package cloudformation

import "context"

// A storedValue is a parameter as Parameter Store answers it.
type storedValue struct{ Name, Type, Value string }

const secureString = "SecureString"

// A storedInput is what a resource says of PutParameter's input.
type storedInput struct {
	Name           string
	AllowedPattern *string `json:",omitempty"`
	DataType       *string `json:",omitempty"`
	Description    *string `json:",omitempty"`
	Overwrite      bool
	Policies       *string `json:",omitempty"`
	Tags           []any   `json:",omitempty"`
	Tier           *string `json:",omitempty"`
	Type           string
	Value          *string `json:",omitempty"`
}

// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ssm-parameter.html
var storedParameter = kind{
	attributes: []string{"Type", "Value"},
	name:       "Name",
	replace:    []string{"Name"},
	create: func(ctx context.Context, c *clients, r request) (made, error) {
		input, err := parameterInput(r)
		if err != nil {
			return made{}, err
		}
		if input.Tags, err = r.tagList(); err != nil {
			return made{}, err
		}
		return putParameter(ctx, c, r, input)
	},
	update: func(ctx context.Context, c *clients, r request) (made, error) {
		input, err := parameterInput(r)
		if err != nil {
			return made{}, err
		}
		input.Overwrite = true
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
		on := func(what string, value any) properties {
			return properties{"ResourceType": "Parameter", "ResourceId": r.Name, what: value}
		}
		if len(set) > 0 {
			if err := c.ssm.Call(ctx, "AddTagsToResource", on("Tags", pairList(set)), nil); err != nil {
				return err
			}
		}
		if len(drop) == 0 {
			return nil
		}
		return c.ssm.Call(ctx, "RemoveTagsFromResource", on("TagKeys", drop), nil)
	},
	remove: func(ctx context.Context, c *clients, r request) error {
		return unlessAbsent(c.ssm.Call(ctx, "DeleteParameter", properties{"Name": r.Name}, nil))
	},
}

func parameterInput(r request) (storedInput, error) {
	var input storedInput
	if err := only(r.Properties, "AllowedPattern", "DataType", "Description", "Name", "Policies", "Tags", "Tier", "Type", "Value"); err != nil {
		return input, err
	}
	if err := fill(&input, without(r.Properties, "Tags")); err != nil {
		return input, err
	}
	input.Name = r.Name
	if input.Type == secureString {
		return input, reasonf("Properties validation failed for resource %s with message:\n#/Type: SecureString is not a valid enum value", r.Logical)
	}
	return input, nil
}

func putParameter(ctx context.Context, c *clients, r request, input storedInput) (made, error) {
	if err := c.ssm.Call(ctx, "PutParameter", input, nil); err != nil {
		return made{}, err
	}
	return made{ID: r.Name, Attributes: properties{"Type": input.Type, "Value": *input.Value}}, nil
}
