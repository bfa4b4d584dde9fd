package ecs

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/spate-run/spate/internal/wire"
)

// A pair is a variable and its value.
type pair struct{ name, value string }

// gather gets what a member's variables are made of that others keep: secrets
// and files. Its errors are worded as Fargate's.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/resource-initialization-error.html
func (x *execution) gather(ctx context.Context, m *member) error {
	for _, f := range m.definition.EnvironmentFiles {
		pairs, err := x.service.environmentFile(ctx, aws.ToString(f.Value))
		if err != nil {
			return fmt.Errorf("ResourceInitializationError: failed to download env files: file download command: non empty error stream: service call has been retried 1 time(s): %w", err)
		}
		m.files = append(m.files, pairs...)
	}
	for _, s := range m.definition.Secrets {
		value, err := x.service.secret(ctx, s)
		if err != nil {
			return fmt.Errorf("ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: %w", err)
		}
		m.secrets = append(m.secrets, pair{aws.ToString(s.Name), value})
	}
	return nil
}

// secret reads what a reference names: a secret of Secrets Manager by its ARN,
// else a parameter by its name or ARN.
func (s *Service) secret(ctx context.Context, ref types.Secret) (string, error) {
	from := aws.ToString(ref.ValueFrom)
	if strings.HasPrefix(from, "arn:") && strings.Contains(from, ":secretsmanager:") {
		value, err := s.managedSecret(ctx, from)
		if err != nil {
			return "", fmt.Errorf("unable to retrieve secret from asm: service call has been retried 1 time(s): %w", err)
		}
		return value, nil
	}
	name := from
	if _, path, ok := strings.Cut(from, ":parameter"); ok && strings.HasPrefix(from, "arn:") {
		name = path
		if strings.Count(path, "/") == 1 { // arn:…:parameter/name, of a name without a slash
			name = path[1:]
		}
	}
	var out struct{ Parameter struct{ Value string } }
	store := wire.NewCaller(s.config.AWS, "ssm")
	err := store.Call(ctx, "GetParameter", map[string]any{"Name": name, "WithDecryption": true}, &out)
	if fault, ok := errors.AsType[smithy.APIError](err); ok && fault.ErrorCode() == "ParameterNotFound" {
		err = fmt.Errorf("invalid ssm parameters: %s", name)
	}
	if err != nil {
		return "", fmt.Errorf("unable to retrieve secrets from ssm: service call has been retried 1 time(s): %w", err)
	}
	return out.Parameter.Value, nil
}

// managedSecret reads a secret by an ARN that may name more:
// arn:aws:secretsmanager:region:account:secret:name:json-key:stage:version.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
func (s *Service) managedSecret(ctx context.Context, ref string) (string, error) {
	parts := strings.Split(ref, ":")
	parts = append(parts, make([]string, max(0, 10-len(parts)))...)
	arn, key := strings.Join(parts[:7], ":"), parts[7]
	in := map[string]string{"SecretId": arn}
	if parts[8] != "" {
		in["VersionStage"] = parts[8]
	}
	if parts[9] != "" {
		in["VersionId"] = parts[9]
	}
	var out struct {
		SecretString *string
		SecretBinary []byte
	}
	manager := wire.NewCaller(s.config.AWS, "secretsmanager")
	err := manager.Call(ctx, "GetSecretValue", in, &out)
	if fault, ok := errors.AsType[smithy.APIError](err); ok {
		return "", fmt.Errorf("failed to fetch secret %s from secrets manager: %s: %s", ref, fault.ErrorCode(), fault.ErrorMessage())
	}
	if err != nil {
		return "", fmt.Errorf("failed to fetch secret %s from secrets manager: %w", ref, err)
	}
	value := aws.ToString(out.SecretString)
	if out.SecretString == nil {
		value = string(out.SecretBinary)
	}
	if key == "" {
		return value, nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(value), &fields); err != nil {
		return "", fmt.Errorf("retrieved secret from Secrets Manager did not contain valid json: %w", err)
	}
	field, ok := fields[key]
	if !ok {
		return "", fmt.Errorf("retrieved secret from Secrets Manager did not contain json key %s", key)
	}
	var plain string
	if json.Unmarshal(field, &plain) == nil {
		return plain, nil
	}
	return string(field), nil
}

// environmentFile reads an object of lines NAME=value, by its ARN.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/use-environment-file.html
func (s *Service) environmentFile(ctx context.Context, arn string) ([]pair, error) {
	_, path, _ := strings.Cut(arn, ":s3:::")
	bucket, key, ok := strings.Cut(path, "/")
	if !ok {
		return nil, fmt.Errorf("%q is not the ARN of an object", arn)
	}
	client := s3.NewFromConfig(s.config.AWS, func(o *s3.Options) { o.UsePathStyle = true })
	out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if fault, ok := errors.AsType[smithy.APIError](err); ok {
		err = fmt.Errorf("%s: %s", fault.ErrorCode(), fault.ErrorMessage())
	}
	if err != nil {
		return nil, fmt.Errorf("failed to download %s: %w", arn, err)
	}
	defer out.Body.Close()
	var pairs []pair
	lines := bufio.NewScanner(out.Body)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		name, value, ok := strings.Cut(line, "=")
		if ok && name != "" && !strings.HasPrefix(line, "#") {
			pairs = append(pairs, pair{name, value})
		}
	}
	return pairs, lines.Err()
}
