package spate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A Secret is a variable that ECS fills when it starts a task.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Secret.html
type Secret struct {
	from     Text   // what a container definition's ValueFrom takes
	resource Text   // what the execution role may read
	action   string // with which action
}

const (
	readParameter = "ssm:GetParameters"
	readValue     = "secretsmanager:GetSecretValue"
)

// SecretFromSSMParameter is a parameter of Parameter Store beside the stack, by
// its name, such as /train/key; the value of a token begins without the slash.
func SecretFromSSMParameter(name Text) Secret {
	path := Text(strings.TrimPrefix(string(name), "/"))
	return secretParameter("arn:" + Partition + ":ssm:" + Region + ":" + AccountID + ":parameter/" + path)
}

func secretParameter(arn Text) Secret {
	return Secret{from: arn, resource: arn, action: readParameter}
}

// SecretFromSecretsManager is a secret of Secrets Manager, by its ARN, such as
// [Ref] of one in the stack. Of a secret that is a JSON object, field is the
// member; empty, the whole.
func SecretFromSecretsManager(arn Text, field string) Secret {
	if field == "" {
		return Secret{from: arn, resource: arn, action: readValue}
	}
	return SecretFromSecretsManagerVersion(arn, SecretVersionInfo{}, field)
}

// SecretVersionInfo names a version of a secret, by one of its fields.
type SecretVersionInfo struct{ VersionID, VersionStage string }

// SecretFromSecretsManagerVersion is a version of a secret of Secrets Manager.
func SecretFromSecretsManagerVersion(arn Text, version SecretVersionInfo, field string) Secret {
	from := arn + Text(":"+field+":"+version.VersionStage+":"+version.VersionID)
	return Secret{from: from, resource: arn, action: readValue}
}

var (
	ssmPath   = pattern(`^ssm:/?([A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*)$`)
	secretARN = pattern(`^arn:[a-z-]+:(ssm|secretsmanager):[a-z0-9-]+:\d{12}:(?:parameter/|secret:)\S+$`)
)

// readSecret reads where a job's secret is: an ARN of Secrets Manager or of
// Parameter Store, or ssm:/path for a parameter beside the stack.
func readSecret(value string) (Secret, error) {
	if m := ssmPath().FindStringSubmatch(value); m != nil {
		return SecretFromSSMParameter(Text(m[1])), nil
	}
	m := secretARN().FindStringSubmatch(value)
	if m == nil {
		return Secret{}, fmt.Errorf("%q says not where the secret is", value)
	}
	if m[1] == "ssm" {
		return secretParameter(Text(value)), nil
	}
	// A key, a stage and a version of the secret may stand behind its ARN.
	arn := strings.Join(strings.SplitN(value, ":", 8)[:7], ":")
	return Secret{from: Text(value), resource: Text(arn), action: readValue}, nil
}

// jobSecrets reads a job's secrets, and notes those that are wrong.
func (s *Stack) jobSecrets(secrets, env map[string]string) map[string]Secret {
	read := map[string]Secret{}
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		from, err := readSecret(secrets[name])
		if err != nil {
			s.check(Problem{
				Where: "secrets." + name, Fact: err.Error(),
				Hint: "write ssm:/path, or the ARN of a secret or of a parameter",
			})
		}
		if _, twice := env[name]; twice {
			s.check(Problem{Where: "secrets." + name, Fact: "env has a variable of this name too", Hint: "leave one out"})
		}
		read[name] = from
	}
	return read
}

// secrets checks what of a container is of secrets.
func (f field) secrets(secrets map[string]Secret) {
	names := slices.Sorted(maps.Keys(secrets))
	f.variables(names)
	for _, name := range names {
		if secrets[name] == (Secret{}) {
			f.problem(name+": spate.SecretFromSSMParameter(…) or spate.SecretFromSecretsManager(…)", "%s is of no secret", name)
		}
	}
}

// secretVariables is what a container definition says of its secrets.
func secretVariables(secrets map[string]Secret) list {
	var variables list
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		variables = append(variables, props{"Name": name, "ValueFrom": secrets[name].from})
	}
	return variables
}

// readSecrets are the statements that let secrets be read.
func readSecrets(secrets map[string]Secret) []props {
	byAction := map[string][]Text{}
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		from := secrets[name]
		if !slices.Contains(byAction[from.action], from.resource) {
			byAction[from.action] = append(byAction[from.action], from.resource)
		}
	}
	var statements []props
	for _, action := range slices.Sorted(maps.Keys(byAction)) {
		statements = append(statements, allow(texts(byAction[action]), action))
	}
	return statements
}
