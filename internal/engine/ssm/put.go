package ssm

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"time"

	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

// Quotas. https://docs.aws.amazon.com/general/latest/gr/ssm.html
const (
	versionLimit  = 100
	standardLimit = 4096 // bytes of a value
	advancedLimit = 8192
)

func (s *Service) putParameter(ctx context.Context, in *PutParameterInput) (*PutParameterOutput, error) {
	name, err := checkName(in.Name)
	if err != nil {
		return nil, err
	}
	if err := checkPut(in); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, exists := s.parameters[name]
	v, err := newVersion(in, p, exists)
	if err != nil {
		return nil, err
	}
	if !exists {
		p = parameter{Name: name, Tags: tagMap(in.Tags)}
	}
	if len(p.Tags) > tagLimit {
		return nil, tooManyTags()
	}
	kept := p.Versions[max(0, len(p.Versions)-versionLimit+1):]
	p.Versions = append(slices.Clone(kept), v)
	if err := s.saveLocked(ctx, p); err != nil {
		return nil, err
	}
	return &PutParameterOutput{Version: v.Number, Tier: v.Tier}, nil
}

// checkPut refuses what does not depend on what is there.
func checkPut(in *PutParameterInput) error {
	dataTypes := []string{"", "text", "aws:ec2:image", "aws:ssm:integration"}
	switch {
	case in.Value == nil:
		return constraint("null", "value", "Member must not be null")
	case *in.Value == "":
		return constraint("", "value", "Member must have length greater than or equal to 1")
	case deref(in.Overwrite) && len(in.Tags) > 0:
		return invalid("Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.")
	case in.Type != "" && !slices.Contains(in.Type.Values(), in.Type):
		return constraint(in.Type, "type", "Member must satisfy enum value set: [SecureString, StringList, String]")
	case in.Tier != "" && !slices.Contains(in.Tier.Values(), in.Tier):
		return constraint(in.Tier, "tier", "Member must satisfy enum value set: [Standard, Advanced, Intelligent-Tiering]")
	case !slices.Contains(dataTypes, deref(in.DataType)):
		return invalid("The following data type is not supported: %s (Data type names are all lowercase.)", *in.DataType)
	case in.Policies != nil && *in.Policies != "" && *in.Policies != "[]":
		return invalid("Parameter policies are not supported by this engine.")
	}
	return nil
}

// newVersion is what a request makes of a parameter. What it leaves out stays
// as it was.
func newVersion(in *PutParameterInput, p parameter, exists bool) (version, error) {
	v := version{DataType: "text"}
	switch {
	case exists && !deref(in.Overwrite):
		return v, wire.Faultf("ParameterAlreadyExists", "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
	case exists:
		v = p.latest()
	case in.Type == "":
		return v, invalid("A parameter type is required when you create a parameter.")
	}
	if exists && in.Type != "" && in.Type != v.Type {
		return v, wire.Faultf("HierarchyTypeMismatchException", "Parameter Store doesn't support changing a parameter type in a hierarchy. For example, you can't change a parameter from a String type to a SecureString type. You must create a new, unique parameter.")
	}
	tier, err := tierOf(cmp.Or(in.Tier, v.Tier), len(*in.Value))
	if err != nil {
		return v, err
	}
	v = version{
		Number: v.Number + 1, Type: cmp.Or(in.Type, v.Type), Value: *in.Value,
		Description: cmp.Or(in.Description, v.Description), AllowedPattern: cmp.Or(in.AllowedPattern, v.AllowedPattern),
		KeyID: cmp.Or(in.KeyId, v.KeyID), DataType: cmp.Or(deref(in.DataType), v.DataType),
		Tier: tier, Modified: time.Now(),
	}
	if v.Type == ParameterTypeSecureString {
		v.KeyID = cmp.Or(v.KeyID, new("alias/aws/ssm"))
	}
	return v, matchPattern(v)
}

// tierOf is the tier of a value: an intelligent one is as small as can be.
func tierOf(asked ParameterTier, size int) (ParameterTier, error) {
	tier, limit := ParameterTierStandard, standardLimit
	if asked == ParameterTierAdvanced || asked == ParameterTierIntelligentTiering && size > standardLimit {
		tier, limit = ParameterTierAdvanced, advancedLimit
	}
	switch {
	case size <= limit:
		return tier, nil
	case tier == ParameterTierAdvanced:
		return "", invalid("Advanced tier parameters support a maximum parameter value of %d characters.", limit)
	}
	return "", invalid("Standard tier parameters support a maximum parameter value of %d characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier. For more information, see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html", limit)
}

func matchPattern(v version) error {
	pattern := deref(v.AllowedPattern)
	if pattern == "" {
		return nil
	}
	allowed, err := regexp.Compile(`^(?:` + pattern + `)$`)
	if err != nil {
		return wire.Faultf("InvalidAllowedPatternException", "Invalid allowed pattern: %s", pattern)
	}
	if !allowed.MatchString(v.Value) {
		return wire.Faultf("ParameterPatternMismatchException", "Parameter value, cannot be validated against allowedPattern: %s", pattern)
	}
	return nil
}

func (s *Service) deleteParameter(ctx context.Context, in *DeleteParameterInput) (*DeleteParameterOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	deleted, err := s.deleteLocked(ctx, []string{deref(in.Name)})
	if err == nil && deleted == nil {
		err = notFound()
	}
	return &DeleteParameterOutput{}, err
}

func (s *Service) deleteParameters(ctx context.Context, in *DeleteParametersInput) (*DeleteParametersOutput, error) {
	if err := checkNames(in.Names); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	deleted, err := s.deleteLocked(ctx, in.Names)
	out := &DeleteParametersOutput{DeletedParameters: []string{}, InvalidParameters: []string{}}
	for _, name := range in.Names {
		if slices.Contains(deleted, name) {
			out.DeletedParameters = append(out.DeletedParameters, name)
		} else {
			out.InvalidParameters = append(out.InvalidParameters, name)
		}
	}
	return out, err
}

// deleteLocked deletes those of the parameters that are there.
func (s *Service) deleteLocked(ctx context.Context, names []string) ([]string, error) {
	var there []string
	for _, name := range names {
		if _, ok := s.parameters[name]; ok {
			there = append(there, name)
		}
	}
	if there == nil {
		return nil, nil
	}
	if err := s.store.Update(ctx, func(tx *store.Tx) error {
		for _, name := range there {
			if err := s.table.Delete(tx, name); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return nil, err
	}
	for _, name := range there {
		delete(s.parameters, name)
	}
	return there, nil
}
