package spate

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/spate-run/spate/internal/template"
)

// A secret is a variable that ECS fills when it starts a task.
type secret struct {
	from     any    // what a container definition's ValueFrom takes
	resource any    // what the execution role may read
	action   string // with which action
}

var (
	ssmPath   = regexp.MustCompile(`^ssm:/?([A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*)$`)
	secretARN = regexp.MustCompile(`^arn:[a-z-]+:(ssm|secretsmanager):[a-z0-9-]+:\d{12}:(?:parameter/|secret:)\S+$`)
)

// readSecret reads where a secret is: an ARN of Secrets Manager or of Parameter
// Store, or ssm:/path for a parameter beside the stack.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Secret.html
func readSecret(value string) (secret, error) {
	if m := ssmPath.FindStringSubmatch(value); m != nil {
		arn := template.Sub("arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/" + m[1])
		return secret{from: arn, resource: arn, action: "ssm:GetParameters"}, nil
	}
	m := secretARN.FindStringSubmatch(value)
	if m == nil {
		return secret{}, fmt.Errorf("%q says not where the secret is", value)
	}
	if m[1] == "ssm" {
		return secret{from: value, resource: value, action: "ssm:GetParameters"}, nil
	}
	// A key, a stage and a version of the secret may stand behind its ARN.
	arn := strings.Join(strings.SplitN(value, ":", 8)[:7], ":")
	return secret{from: value, resource: arn, action: "secretsmanager:GetSecretValue"}, nil
}

// secretVariables is what a container definition says of a job's secrets, and
// notes those that are wrong.
func (s *Stack) secretVariables(secrets, env map[string]string) list {
	var variables list
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		from, err := readSecret(secrets[name])
		if err != nil {
			s.check(Problem{
				Where: "secrets." + name, Fact: err.Error(),
				Hint: "write ssm:/path, or the ARN of a secret or of a parameter",
			})
		}
		if _, twice := env[name]; twice {
			s.check(Problem{Where: "secrets." + name, Fact: "env has a variable of this name too"})
		}
		variables = append(variables, props{"Name": name, "ValueFrom": from.from})
	}
	return variables
}

// readSecrets are the statements that let a task's secrets be read. What is
// wrong with one is noted where it is used.
func readSecrets(secrets map[string]string) []props {
	byAction := map[string]list{}
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		if from, err := readSecret(secrets[name]); err == nil {
			byAction[from.action] = append(byAction[from.action], from.resource)
		}
	}
	var statements []props
	for _, action := range slices.Sorted(maps.Keys(byAction)) {
		statements = append(statements, allow(byAction[action], action))
	}
	return statements
}
