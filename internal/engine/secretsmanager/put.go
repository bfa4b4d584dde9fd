package secretsmanager

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/spate-run/spate/internal/wire"
)

// Quotas. https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
const (
	valueLimit   = 65536 // bytes
	versionLimit = 100
	stageLimit   = 20
	tagLimit     = 50
)

const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
)

// A value is what a version is to hold; empty where a request has none.
type value struct {
	text   *string
	binary []byte
}

func (v value) empty() bool { return v.text == nil && v.binary == nil }

func (v value) check() error {
	switch {
	case v.text != nil && v.binary != nil:
		return invalid("You can't specify both a binary secret value and a string secret value in the same secret.")
	case len(deref(v.text)) > valueLimit, len(v.binary) > valueLimit:
		return constraint("**********", "secretString", "Member must have length less than or equal to 65536")
	}
	return nil
}

// checkToken applies the rules of ClientRequestToken, which becomes a version's
// id. The SDKs make one up.
func checkToken(token *string) error {
	switch n := len(deref(token)); {
	case n == 0:
		return invalid("You must provide a ClientRequestToken value. We recommend a UUID-type value.")
	case n < 32 || n > 64:
		return invalid("ClientRequestToken must be 32-64 characters long.")
	}
	return nil
}

func (s *Service) createSecret(ctx context.Context, in *CreateSecretInput) (*CreateSecretOutput, error) {
	v := value{in.SecretString, in.SecretBinary}
	if err := checkCreate(in, v); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	there, exists := s.secrets[*in.Name]
	switch {
	case !exists || there.gone():
	case there.Deletion != nil:
		return nil, badRequest("You can't create this secret because a secret with this name is already scheduled for deletion.")
	case !v.empty() && there.holds(*in.ClientRequestToken, v): // the same request once more
		return &CreateSecretOutput{ARN: &there.ARN, Name: &there.Name, VersionId: in.ClientRequestToken}, nil
	default:
		return nil, wire.Faultf("ResourceExistsException", "The operation failed because the secret %s already exists.", *in.Name)
	}
	now := time.Now()
	made := secret{
		ARN: s.newARN(*in.Name), Name: *in.Name, Description: in.Description, KMSKeyID: in.KmsKeyId,
		Created: now, Changed: now, Tags: tagMap(in.Tags),
	}
	out := &CreateSecretOutput{ARN: &made.ARN, Name: &made.Name}
	if !v.empty() {
		made = made.with(version{ID: *in.ClientRequestToken, Created: now, Text: v.text, Binary: v.binary, Stages: []string{current}})
		out.VersionId = in.ClientRequestToken
	}
	return out, s.saveLocked(ctx, made)
}

func checkCreate(in *CreateSecretInput, v value) error {
	name := deref(in.Name)
	switch {
	case name == "":
		return constraint(name, "name", "Member must have length greater than or equal to 1")
	case len(name) > 512:
		return constraint(name, "name", "Member must have length less than or equal to 512")
	case !regexp.MustCompile(`^[A-Za-z0-9/_+=.@!-]+$`).MatchString(name):
		return wire.Faultf("ValidationException", "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
	case len(in.AddReplicaRegions) > 0:
		return invalid("Replicas are not supported by this engine.")
	case in.Type != nil:
		return invalid("Managed external secrets are not supported by this engine.")
	case len(in.Tags) > tagLimit:
		return tooManyTags()
	}
	return cmp.Or(checkToken(in.ClientRequestToken), v.check())
}

// holds reports whether a version of the id has the value.
func (c secret) holds(id string, v value) bool {
	there, ok := c.version(id)
	return ok && deref(there.Text) == deref(v.text) && bytes.Equal(there.Binary, v.binary)
}

func (c secret) version(id string) (version, bool) {
	i := slices.IndexFunc(c.Versions, func(v version) bool { return v.ID == id })
	if i < 0 {
		return version{}, false
	}
	return c.Versions[i], true
}

// staged returns the version that has a label.
func (c secret) staged(stage string) (version, bool) {
	i := slices.IndexFunc(c.Versions, func(v version) bool { return slices.Contains(v.Stages, stage) })
	if i < 0 {
		return version{}, false
	}
	return c.Versions[i], true
}

// with returns the secret with a further version, which takes its labels from
// the others. What loses AWSCURRENT becomes AWSPREVIOUS.
func (c secret) with(v version) secret {
	moved := v.Stages
	old, replaced := c.staged(current)
	replaced = replaced && slices.Contains(v.Stages, current)
	if replaced {
		moved = append(slices.Clone(moved), previous)
	}
	var versions []version
	for _, other := range c.Versions {
		other.Stages = slices.DeleteFunc(slices.Clone(other.Stages), func(stage string) bool { return slices.Contains(moved, stage) })
		if replaced && other.ID == old.ID && !slices.Contains(v.Stages, previous) {
			other.Stages = append(other.Stages, previous)
		}
		versions = append(versions, other)
	}
	for len(versions) >= versionLimit {
		i := slices.IndexFunc(versions, func(v version) bool { return len(v.Stages) == 0 })
		if i < 0 {
			break
		}
		versions = slices.Delete(versions, i, i+1)
	}
	c.Versions = append(versions, v)
	c.Changed = v.Created
	return c
}

// putLocked gives a secret a further version, unless it has it already.
func (s *Service) putLocked(ctx context.Context, c secret, token string, v value, stages []string) (version, error) {
	if there, ok := c.version(token); ok {
		if !c.holds(token, v) {
			return version{}, wire.Faultf("ResourceExistsException", "A resource with the ID you requested already exists.")
		}
		return there, nil
	}
	made := version{ID: token, Created: time.Now(), Text: v.text, Binary: v.binary, Stages: stages}
	return made, s.saveLocked(ctx, c.with(made))
}

func (s *Service) putSecretValue(ctx context.Context, in *PutSecretValueInput) (*PutSecretValueOutput, error) {
	v := value{in.SecretString, in.SecretBinary}
	if err := cmp.Or(checkToken(in.ClientRequestToken), v.check()); err != nil {
		return nil, err
	}
	if v.empty() {
		return nil, invalid("You must provide either SecretString or SecretBinary.")
	}
	stages := in.VersionStages
	if len(stages) == 0 {
		stages = []string{current}
	}
	if len(stages) > stageLimit {
		return nil, constraint(stages, "versionStages", "Member must have length less than or equal to 20")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.liveLocked(in.SecretId)
	if err != nil {
		return nil, err
	}
	made, err := s.putLocked(ctx, c, *in.ClientRequestToken, v, stages)
	if err != nil {
		return nil, err
	}
	return &PutSecretValueOutput{ARN: &c.ARN, Name: &c.Name, VersionId: &made.ID, VersionStages: made.Stages}, nil
}

func (s *Service) updateSecret(ctx context.Context, in *UpdateSecretInput) (*UpdateSecretOutput, error) {
	v := value{in.SecretString, in.SecretBinary}
	if err := cmp.Or(checkToken(in.ClientRequestToken), v.check()); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.liveLocked(in.SecretId)
	if err != nil {
		return nil, err
	}
	out := &UpdateSecretOutput{ARN: &c.ARN, Name: &c.Name}
	c.Description, c.KMSKeyID = cmp.Or(in.Description, c.Description), cmp.Or(in.KmsKeyId, c.KMSKeyID)
	c.Changed = time.Now()
	if v.empty() {
		return out, s.saveLocked(ctx, c)
	}
	made, err := s.putLocked(ctx, c, *in.ClientRequestToken, v, []string{current})
	out.VersionId = &made.ID
	return out, err
}

func tooManyTags() *wire.Fault {
	return invalid("The request failed because the secret would have more than %d tags.", tagLimit)
}

func (s *Service) tagResource(ctx context.Context, in *TagResourceInput) (*TagResourceOutput, error) {
	return &TagResourceOutput{}, s.retag(ctx, in.SecretId, func(tags map[string]string) { maps.Copy(tags, tagMap(in.Tags)) })
}

func (s *Service) untagResource(ctx context.Context, in *UntagResourceInput) (*UntagResourceOutput, error) {
	return &UntagResourceOutput{}, s.retag(ctx, in.SecretId, func(tags map[string]string) {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
	})
}

func (s *Service) retag(ctx context.Context, id *string, change func(map[string]string)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.liveLocked(id)
	if err != nil {
		return err
	}
	tags := map[string]string{}
	maps.Copy(tags, c.Tags)
	change(tags)
	if len(tags) > tagLimit {
		return tooManyTags()
	}
	c.Tags = tags
	return s.saveLocked(ctx, c)
}

func tagMap(tags []Tag) map[string]string {
	all := map[string]string{}
	for _, tag := range tags {
		all[deref(tag.Key)] = deref(tag.Value)
	}
	return all
}

func (c secret) tags() []Tag {
	var all []Tag
	for _, key := range slices.Sorted(maps.Keys(c.Tags)) {
		all = append(all, Tag{Key: &key, Value: new(c.Tags[key])})
	}
	return all
}
