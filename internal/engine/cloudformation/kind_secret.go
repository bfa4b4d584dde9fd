package cloudformation

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-secret.html
var secret = kind{
	name:    "Name",
	replace: []string{"Name"},
	create: func(ctx context.Context, c *clients, r request) (made, error) {
		var input secretsmanager.CreateSecretInput
		if err := fillSecret(ctx, c, r, &input, &input.SecretString); err != nil {
			return made{}, err
		}
		tags, err := r.tags()
		if err != nil {
			return made{}, err
		}
		input.Name, input.Tags = &r.Name, secretTags(tags)
		out, err := c.secrets.CreateSecret(ctx, &input)
		if err != nil {
			return made{}, err
		}
		return made{ID: *out.ARN, Attributes: properties{"Id": *out.ARN}}, nil
	},
	update: func(ctx context.Context, c *clients, r request) (made, error) {
		var input secretsmanager.UpdateSecretInput
		if err := fillSecret(ctx, c, r, &input, &input.SecretString); err != nil {
			return made{}, err
		}
		if input.Description == nil && r.Before["Description"] != nil {
			input.Description = new("")
		}
		input.SecretId = &r.ID
		_, err := c.secrets.UpdateSecret(ctx, &input)
		return made{ID: r.ID}, err
	},
	tag: func(ctx context.Context, c *clients, r request, set map[string]string, drop []string) error {
		if len(set) > 0 {
			if _, err := c.secrets.TagResource(ctx, &secretsmanager.TagResourceInput{SecretId: &r.ID, Tags: secretTags(set)}); err != nil {
				return err
			}
		}
		if len(drop) == 0 {
			return nil
		}
		_, err := c.secrets.UntagResource(ctx, &secretsmanager.UntagResourceInput{SecretId: &r.ID, TagKeys: drop})
		return err
	},
	remove: func(ctx context.Context, c *clients, r request) error {
		id := r.ID
		if id == "" {
			id = r.Name
		}
		// Without a recovery window, so that a stack can be made again at once.
		_, err := c.secrets.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: &id, ForceDeleteWithoutRecovery: new(true)})
		return unlessAbsent(err)
	},
}

func secretTags(tags map[string]string) []types.Tag {
	var list []types.Tag
	for _, key := range sortedKeys(tags) {
		list = append(list, types.Tag{Key: &key, Value: new(tags[key])})
	}
	return list
}

// fillSecret fills an operation's input from a secret's properties, and its
// value where that is given, or is to be generated anew.
func fillSecret(ctx context.Context, c *clients, r request, input any, value **string) error {
	if err := only(r.Properties, "Description", "GenerateSecretString", "KmsKeyId", "Name", "ReplicaRegions", "SecretString", "Tags"); err != nil {
		return err
	}
	if r.Properties["ReplicaRegions"] != nil {
		return reasonf("Replicas of secrets are not supported by the embedded engine")
	}
	generate := r.Properties["GenerateSecretString"]
	if generate != nil && r.Properties["SecretString"] != nil {
		return reasonf("You can't specify both SecretString and GenerateSecretString.")
	}
	if err := fill(input, without(r.Properties, "GenerateSecretString", "Name", "Tags")); err != nil {
		return err
	}
	if generate == nil || r.ID != "" && !r.changed("GenerateSecretString") {
		return nil
	}
	text, err := generated(ctx, c, generate)
	*value = &text
	return err
}

// generated is a random password; or the template's object with the password
// under its key.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-secretsmanager-secret-generatesecretstring.html
func generated(ctx context.Context, c *clients, how any) (string, error) {
	options, _ := how.(map[string]any)
	var input secretsmanager.GetRandomPasswordInput
	if err := fillMembers(&input, map[string]any(without(options, "GenerateStringKey", "SecretStringTemplate")), "GenerateSecretString"); err != nil {
		return "", err
	}
	object, templated := textOf(options["SecretStringTemplate"])
	key, keyed := textOf(options["GenerateStringKey"])
	if templated != keyed {
		return "", reasonf("You must specify both GenerateStringKey and SecretStringTemplate, or neither of them.")
	}
	out, err := c.secrets.GetRandomPassword(ctx, &input)
	if err != nil {
		return "", err
	}
	if !templated {
		return *out.RandomPassword, nil
	}
	var members map[string]any
	if err := json.Unmarshal([]byte(object), &members); err != nil || members == nil {
		return "", reasonf("Could not parse SecretStringTemplate JSON.")
	}
	members[key] = *out.RandomPassword
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err = encoder.Encode(members)
	return strings.TrimSpace(text.String()), err
}
