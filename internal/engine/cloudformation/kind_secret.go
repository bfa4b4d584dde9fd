package cloudformation

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
)

// A secretInput is what a resource says of CreateSecret's and UpdateSecret's
// inputs.
type secretInput struct {
	ClientRequestToken string
	Name               string  `json:",omitempty"`
	SecretId           string  `json:",omitempty"`
	Description        *string `json:",omitempty"`
	KmsKeyId           *string `json:",omitempty"`
	SecretString       *string `json:",omitempty"`
	Tags               []any   `json:",omitempty"`
}

// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-secret.html
var secret = kind{
	attributes: []string{"Id"},
	name:       "Name",
	replace:    []string{"Name"},
	create: func(ctx context.Context, c *clients, r request) (made, error) {
		input, err := secretInputOf(ctx, c, r)
		if err != nil {
			return made{}, err
		}
		if input.Tags, err = r.tagList(); err != nil {
			return made{}, err
		}
		input.Name = r.Name
		var out struct{ ARN string }
		if err := c.secrets.Call(ctx, "CreateSecret", input, &out); err != nil {
			return made{}, err
		}
		return made{ID: out.ARN, Attributes: properties{"Id": out.ARN}}, nil
	},
	update: func(ctx context.Context, c *clients, r request) (made, error) {
		input, err := secretInputOf(ctx, c, r)
		if err != nil {
			return made{}, err
		}
		if input.Description == nil && r.Before["Description"] != nil {
			input.Description = new("")
		}
		input.SecretId = r.ID
		return made{ID: r.ID}, c.secrets.Call(ctx, "UpdateSecret", input, nil)
	},
	tag: func(ctx context.Context, c *clients, r request, set map[string]string, drop []string) error {
		if len(set) > 0 {
			if err := c.secrets.Call(ctx, "TagResource", properties{"SecretId": r.ID, "Tags": pairList(set)}, nil); err != nil {
				return err
			}
		}
		if len(drop) == 0 {
			return nil
		}
		return c.secrets.Call(ctx, "UntagResource", properties{"SecretId": r.ID, "TagKeys": drop}, nil)
	},
	remove: func(ctx context.Context, c *clients, r request) error {
		id := r.ID
		if id == "" {
			id = r.Name
		}
		// Without a recovery window, so that a stack can be made again at once.
		return unlessAbsent(c.secrets.Call(ctx, "DeleteSecret", properties{"SecretId": id, "ForceDeleteWithoutRecovery": true}, nil))
	},
}

// secretInputOf reads a secret's properties, with its value where that is given
// or is to be generated anew.
func secretInputOf(ctx context.Context, c *clients, r request) (secretInput, error) {
	input := secretInput{ClientRequestToken: uuid()}
	if err := only(r.Properties, "Description", "GenerateSecretString", "KmsKeyId", "Name", "ReplicaRegions", "SecretString", "Tags"); err != nil {
		return input, err
	}
	if r.Properties["ReplicaRegions"] != nil {
		return input, reasonf("Replicas of secrets are not supported by the embedded engine")
	}
	generate := r.Properties["GenerateSecretString"]
	if generate != nil && r.Properties["SecretString"] != nil {
		return input, reasonf("You can't specify both SecretString and GenerateSecretString.")
	}
	if err := fill(&input, without(r.Properties, "GenerateSecretString", "Name", "Tags")); err != nil {
		return input, err
	}
	if generate == nil || r.ID != "" && !r.changed("GenerateSecretString") {
		return input, nil
	}
	text, err := generated(ctx, c, generate)
	input.SecretString = &text
	return input, err
}

// A passwordInput is GetRandomPassword's.
type passwordInput struct {
	ExcludeCharacters                                                                    *string `json:",omitempty"`
	ExcludeLowercase, ExcludeNumbers, ExcludePunctuation, ExcludeUppercase, IncludeSpace bool
	PasswordLength                                                                       *int64 `json:",omitempty"`
	RequireEachIncludedType                                                              *bool  `json:",omitempty"`
}

// generated is a random password; or the template's object with the password
// under its key.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-secretsmanager-secret-generatesecretstring.html
func generated(ctx context.Context, c *clients, how any) (string, error) {
	options, _ := how.(map[string]any)
	var input passwordInput
	if err := fillMembers(&input, map[string]any(without(options, "GenerateStringKey", "SecretStringTemplate")), "GenerateSecretString"); err != nil {
		return "", err
	}
	object, templated := textOf(options["SecretStringTemplate"])
	key, keyed := textOf(options["GenerateStringKey"])
	if templated != keyed {
		return "", reasonf("You must specify both GenerateStringKey and SecretStringTemplate, or neither of them.")
	}
	var out struct{ RandomPassword string }
	if err := c.secrets.Call(ctx, "GetRandomPassword", input, &out); err != nil {
		return "", err
	}
	if !templated {
		return out.RandomPassword, nil
	}
	var members map[string]any
	if err := json.Unmarshal([]byte(object), &members); err != nil || members == nil {
		return "", reasonf("Could not parse SecretStringTemplate JSON.")
	}
	members[key] = out.RandomPassword
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(members)
	return strings.TrimSpace(text.String()), err
}
