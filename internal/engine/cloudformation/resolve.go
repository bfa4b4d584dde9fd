package cloudformation

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"
)

// dynamicReference is a text that stands for a value of another service.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
var dynamicReference = regexp.MustCompile(`\{\{resolve:(ssm|ssm-secure|secretsmanager):([^{}]+)\}\}`)

// resolve puts what dynamic references stand for into the properties of a
// request, just before it is carried out: a stack keeps the references, and so
// no secret. An update that leaves a reference as it was leaves the resource so
// too, as on AWS.
func (r *request) resolve(ctx context.Context, c *clients) error {
	resolved, err := c.resolve(ctx, map[string]any(r.Properties))
	if err != nil {
		return err
	}
	r.Properties, _ = resolved.(map[string]any)
	return nil
}

// resolve returns a value with its dynamic references replaced.
func (c *clients) resolve(ctx context.Context, value any) (any, error) {
	var err error
	switch v := value.(type) {
	case string:
		return c.resolveText(ctx, v)
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			if list[i], err = c.resolve(ctx, item); err != nil {
				return nil, err
			}
		}
		return list, nil
	case map[string]any:
		members := make(map[string]any, len(v))
		for name, member := range v {
			if members[name], err = c.resolve(ctx, member); err != nil {
				return nil, err
			}
		}
		return members, nil
	}
	return value, nil
}

func (c *clients) resolveText(ctx context.Context, text string) (string, error) {
	var b strings.Builder
	end := 0
	for _, at := range dynamicReference.FindAllStringSubmatchIndex(text, -1) {
		service, reference := text[at[2]:at[3]], text[at[4]:at[5]]
		value, err := c.parameterValue(ctx, reference, service == "ssm-secure")
		if service == "secretsmanager" {
			value, err = c.secretValue(ctx, reference)
		}
		if err != nil {
			return "", err
		}
		b.WriteString(text[end:at[0]])
		b.WriteString(value)
		end = at[1]
	}
	b.WriteString(text[end:])
	return b.String(), nil
}

// parameterValue reads name:version, whose version may be left out. A secret
// one is for ssm-secure alone.
func (c *clients) parameterValue(ctx context.Context, reference string, secure bool) (string, error) {
	var out struct{ Parameter storedValue }
	err := c.ssm.Call(ctx, "GetParameter", properties{"Name": reference, "WithDecryption": secure}, &out)
	if isNotFound(err) {
		return "", reasonf("Unable to fetch parameters [%s] from parameter store for this account.", reference)
	}
	if err != nil {
		return "", err
	}
	if (out.Parameter.Type == secureString) != secure {
		return "", reasonf("Parameters [%s] referenced by template have types not supported by CloudFormation.", reference)
	}
	return out.Parameter.Value, nil
}

// secretValue reads secret-id:SecretString:json-key:version-stage:version-id,
// of which only the first is needed. An ARN as the id has colons of its own.
func (c *clients) secretValue(ctx context.Context, reference string) (string, error) {
	parts := strings.Split(reference, ":")
	id := 1
	if parts[0] == "arn" {
		id = min(7, len(parts))
	}
	rest := append(parts[id:len(parts):len(parts)], "", "", "", "")
	if rest[0] != "" && rest[0] != "SecretString" {
		return "", reasonf("Incorrect format is used in the following SSM reference: [{{resolve:secretsmanager:%s}}]", reference)
	}
	input := properties{"SecretId": strings.Join(parts[:id], ":")}
	if rest[2] != "" {
		input["VersionStage"] = rest[2]
	}
	if rest[3] != "" {
		input["VersionId"] = rest[3]
	}
	var out struct{ SecretString *string }
	if err := c.secrets.Call(ctx, "GetSecretValue", input, &out); err != nil {
		return "", err
	}
	key := rest[1]
	switch {
	case out.SecretString == nil:
		return "", reasonf("Could not find a value associated with SecretString in %s", input["SecretId"])
	case key == "":
		return *out.SecretString, nil
	}
	var members map[string]any
	decoder := json.NewDecoder(strings.NewReader(*out.SecretString))
	decoder.UseNumber()
	if err := decoder.Decode(&members); err != nil {
		return "", reasonf("Could not parse SecretString JSON")
	}
	text, ok := textOf(members[key])
	if !ok {
		return "", reasonf("Could not find a value associated with JSONKey in SecretString")
	}
	return text, nil
}
