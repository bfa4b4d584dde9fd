package ssm

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spate-run/spate/internal/wire"
)

// namesLimit is how many parameters GetParameters and DeleteParameters take.
const namesLimit = 10

func checkNames(names []string) error {
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return invalid("Duplicate parameters in the request: %s. Remove duplicates and try again.", name)
		}
	}
	switch {
	case len(names) == 0:
		return constraint("[]", "names", "Member must have length greater than or equal to 1")
	case len(names) > namesLimit:
		return constraint(names, "names", "Member must have length less than or equal to 10")
	}
	return nil
}

func (s *Service) getParameter(_ context.Context, in *GetParameterInput) (*GetParameterOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.selectLocked(deref(in.Name), deref(in.WithDecryption))
	if err != nil {
		return nil, err
	}
	return &GetParameterOutput{Parameter: &p}, nil
}

func (s *Service) getParameters(_ context.Context, in *GetParametersInput) (*GetParametersOutput, error) {
	if err := checkNames(in.Names); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := &GetParametersOutput{Parameters: []Parameter{}, InvalidParameters: []string{}}
	for _, name := range in.Names {
		if p, err := s.selectLocked(name, deref(in.WithDecryption)); err == nil {
			out.Parameters = append(out.Parameters, p)
		} else {
			out.InvalidParameters = append(out.InvalidParameters, name)
		}
	}
	return out, nil
}

// selectLocked returns what a reference is to: a name or an ARN, and behind a
// colon the number of a version.
func (s *Service) selectLocked(reference string, decrypt bool) (Parameter, error) {
	name, selector := reference, ""
	if i := strings.LastIndexByte(reference, ':'); i >= 0 && !strings.Contains(reference[i:], "/") {
		name, selector = reference[:i], reference[i+1:]
	}
	p, ok := s.findLocked(name)
	if !ok {
		return Parameter{}, notFound()
	}
	if selector == "" {
		return s.describe(p, p.latest(), decrypt), nil
	}
	for _, v := range p.Versions {
		if selector == strconv.FormatInt(v.Number, 10) {
			out := s.describe(p, v, decrypt)
			out.Selector = new(":" + selector)
			return out, nil
		}
	}
	return Parameter{}, wire.Faultf("ParameterVersionNotFound", "Systems Manager could not find version %s of %s. Verify the version and try again.", selector, p.Name)
}

func (s *Service) describe(p parameter, v version, decrypt bool) Parameter {
	return Parameter{
		ARN: s.arn(p.Name), Name: &p.Name, DataType: &v.DataType, LastModifiedDate: &v.Modified,
		Type: v.Type, Value: shown(p, v, decrypt), Version: v.Number,
	}
}

// shown is a value as it may be seen. Without decryption a SecureString's is
// something that depends on its name alone.
func shown(p parameter, v version, decrypt bool) *string {
	if v.Type != ParameterTypeSecureString || decrypt {
		return &v.Value
	}
	sum := sha256.Sum256(fmt.Append(nil, p.Name, ":", v.Number))
	return new("AQICAH" + base64.StdEncoding.EncodeToString(sum[:]))
}

func (s *Service) getParametersByPath(_ context.Context, in *GetParametersByPathInput) (*GetParametersByPathOutput, error) {
	if err := checkPath(deref(in.Path)); err != nil {
		return nil, err
	}
	size, err := pageSize(in.MaxResults, 10)
	if err != nil {
		return nil, err
	}
	filters, err := newFilters(in.ParameterFilters, []string{"Type", "KeyId"})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []parameter
	for _, p := range s.listLocked() {
		if below(p.Name, *in.Path, deref(in.Recursive)) && filters.pass(p) {
			found = append(found, p)
		}
	}
	out := &GetParametersByPathOutput{Parameters: []Parameter{}}
	found, out.NextToken = page(found, func(p parameter) string { return p.Name }, in.NextToken, size)
	for _, p := range found {
		out.Parameters = append(out.Parameters, s.describe(p, p.latest(), deref(in.WithDecryption)))
	}
	return out, nil
}

// below reports whether a name is in a path: right in it, or at any depth.
func below(name, path string, recursive bool) bool {
	rest, ok := strings.CutPrefix("/"+strings.TrimPrefix(name, "/"), strings.TrimSuffix(path, "/")+"/")
	return ok && (recursive || !strings.Contains(rest, "/"))
}

func (s *Service) getParameterHistory(_ context.Context, in *GetParameterHistoryInput) (*GetParameterHistoryOutput, error) {
	size, err := pageSize(in.MaxResults, 50)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.findLocked(deref(in.Name))
	if !ok {
		return nil, notFound()
	}
	out := &GetParameterHistoryOutput{Parameters: []ParameterHistory{}}
	versions, next := page(p.Versions, func(v version) string { return fmt.Sprintf("%019d", v.Number) }, in.NextToken, size)
	out.NextToken = next
	for _, v := range versions {
		out.Parameters = append(out.Parameters, ParameterHistory{
			Name: &p.Name, Type: v.Type, KeyId: v.KeyID, LastModifiedDate: &v.Modified, LastModifiedUser: s.user(),
			Description: v.Description, Value: shown(p, v, deref(in.WithDecryption)), AllowedPattern: v.AllowedPattern,
			Version: v.Number, Labels: []string{}, Tier: v.Tier, Policies: []ParameterInlinePolicy{}, DataType: &v.DataType,
		})
	}
	return out, nil
}
