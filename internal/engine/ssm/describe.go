package ssm

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/spate-run/spate/internal/wire"
)

func (s *Service) describeParameters(_ context.Context, in *DescribeParametersInput) (*DescribeParametersOutput, error) {
	size, err := pageSize(in.MaxResults, 50)
	if err != nil {
		return nil, err
	}
	switch {
	case len(in.Filters) > 0 && len(in.ParameterFilters) > 0:
		return nil, invalid("You can use either Filters or ParameterFilters in a single request.")
	case deref(in.Shared):
		return nil, invalid("Shared parameters are not supported by this engine.")
	}
	given := in.ParameterFilters
	for _, f := range in.Filters { // the older spelling, whose values are prefixes
		given = append(given, ParameterStringFilter{Key: new(string(f.Key)), Option: new("BeginsWith"), Values: f.Values})
	}
	filters, err := newFilters(given, []string{"Path", "Name", "Type", "KeyId", "Tier", "DataType"})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found := slices.DeleteFunc(s.listLocked(), func(p parameter) bool { return !filters.pass(p) })
	out := &DescribeParametersOutput{Parameters: []ParameterMetadata{}}
	found, out.NextToken = page(found, func(p parameter) string { return p.Name }, in.NextToken, size)
	for _, p := range found {
		v := p.latest()
		out.Parameters = append(out.Parameters, ParameterMetadata{
			ARN: s.arn(p.Name), Name: &p.Name, Type: v.Type, KeyId: v.KeyID, LastModifiedDate: &v.Modified,
			LastModifiedUser: s.user(), Description: v.Description, AllowedPattern: v.AllowedPattern, Version: v.Number,
			Tier: v.Tier, Policies: []ParameterInlinePolicy{}, DataType: &v.DataType,
		})
	}
	return out, nil
}

// Filters are conditions that all must hold.
type filters []ParameterStringFilter

// newFilters checks filters against the keys that an operation has; those of
// tags are always there.
func newFilters(given []ParameterStringFilter, keys []string) (filters, error) {
	var all filters
	for _, f := range given {
		key := deref(f.Key)
		tag := strings.HasPrefix(key, "tag:")
		f.Option = cmp.Or(f.Option, new("Equals"))
		options := []string{"BeginsWith", "Equals"}
		switch key {
		case "Path":
			options = []string{"Recursive", "OneLevel"}
			if *f.Option == "Equals" {
				f.Option = new("OneLevel")
			}
		case "Name":
			options = append(options, "Contains")
		}
		switch {
		case !slices.Contains(keys, key) && !tag:
			return nil, wire.Faultf("InvalidFilterKey", "The following filter key is not valid: %s. Valid filter keys include: [%s].", key, strings.Join(keys, ", "))
		case slices.ContainsFunc(all, func(o ParameterStringFilter) bool { return *o.Key == key }):
			return nil, wire.Faultf("InvalidFilterKey", "The following filter is duplicated in the request: %s. A request can contain only one occurrence of a specific filter.", key)
		case !slices.Contains(options, *f.Option):
			return nil, wire.Faultf("InvalidFilterOption", "The following filter option is not valid: %s. Valid options include: [%s].", *f.Option, strings.Join(options, ", "))
		case len(f.Values) == 0 && !tag:
			return nil, wire.Faultf("InvalidFilterValue", "The following filter values are missing : null for filter key %s.", key)
		}
		if key == "Path" {
			for _, path := range f.Values {
				if err := checkPath(path); err != nil {
					return nil, err
				}
			}
		}
		all = append(all, f)
	}
	return all, nil
}

func (all filters) pass(p parameter) bool {
	return !slices.ContainsFunc(all, func(f ParameterStringFilter) bool { return !passes(f, p) })
}

func passes(f ParameterStringFilter, p parameter) bool {
	v := p.latest()
	text := ""
	switch *f.Key {
	case "Name", "Path":
		text = p.Name
	case "Type":
		text = string(v.Type)
	case "KeyId":
		text = deref(v.KeyID)
	case "Tier":
		text = string(v.Tier)
	case "DataType":
		text = v.DataType
	default:
		tag, ok := p.Tags[strings.TrimPrefix(*f.Key, "tag:")]
		if !ok || len(f.Values) == 0 {
			return ok
		}
		text = tag
	}
	return slices.ContainsFunc(f.Values, func(value string) bool {
		switch *f.Option {
		case "Recursive", "OneLevel":
			return below(text, value, *f.Option == "Recursive")
		case "BeginsWith":
			// A name is found with and without the slash it begins with.
			return strings.HasPrefix(text, value) || *f.Key == "Name" && strings.HasPrefix(text, "/"+value)
		case "Contains":
			return strings.Contains(text, value)
		}
		return text == value
	})
}
