package secretsmanager

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/spate-run/spate/internal/sorting"
)

func (s *Service) listSecrets(_ context.Context, in *ListSecretsInput) (*ListSecretsOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, next, err := s.searchLocked(search{
		filters: in.Filters, size: in.MaxResults, most: 100, token: in.NextToken, deleted: deref(in.IncludePlannedDeletion),
		order: in.SortOrder, by: in.SortBy,
	})
	if err != nil {
		return nil, err
	}
	out := &ListSecretsOutput{NextToken: next, SecretList: []SecretListEntry{}}
	for _, c := range found {
		out.SecretList = append(out.SecretList, SecretListEntry{
			ARN: &c.ARN, Name: &c.Name, Description: c.Description, KmsKeyId: c.KMSKeyID, CreatedDate: &c.Created,
			LastChangedDate: &c.Changed, LastAccessedDate: c.Accessed, DeletedDate: c.Deletion, Tags: c.tags(),
			SecretVersionsToStages: c.stages(),
		})
	}
	return out, nil
}

// A search is what is looked for, and which page of it.
type search struct {
	filters []Filter
	size    *int32
	most    int
	token   *string
	deleted bool // with those that are to be deleted
	order   SortOrderType
	by      SortByType
}

func (s *Service) searchLocked(q search) ([]secret, *string, error) {
	size, err := pageSize(q.size, q.most)
	if err != nil {
		return nil, nil, err
	}
	for _, f := range q.filters {
		if len(f.Values) == 0 {
			return nil, nil, invalid("Invalid filter values for key: %s", f.Key)
		}
		if !slices.Contains(f.Key.Values(), f.Key) {
			return nil, nil, constraint(f.Key, "filters", "Member must satisfy enum value set: [all, name, tag-key, description, tag-value, primary-region, owning-service]")
		}
	}
	list := slices.DeleteFunc(s.listLocked(), func(c secret) bool {
		return c.Deletion != nil && !q.deleted || slices.ContainsFunc(q.filters, func(f Filter) bool { return !matches(f, c) })
	})
	switch q.by {
	case SortByTypeName:
		sorting.By(list, func(a, b secret) int { return strings.Compare(a.Name, b.Name) })
	case SortByTypeLastChangedDate:
		sorting.By(list, func(a, b secret) int { return a.Changed.Compare(b.Changed) })
	case SortByTypeLastAccessedDate:
		sorting.By(list, func(a, b secret) int { return deref(a.Accessed).Compare(deref(b.Accessed)) })
	}
	if q.order != SortOrderTypeAsc {
		slices.Reverse(list)
	}
	found, next := page(list, func(c secret) string { return c.ARN }, q.token, size)
	return found, next, nil
}

// matches reports whether one of a filter's values does. One that begins with !
// matches what it would not without.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_Filter.html
func matches(f Filter, c secret) bool {
	return slices.ContainsFunc(f.Values, func(value string) bool {
		plain, not := strings.CutPrefix(value, "!")
		return matchesValue(f.Key, plain, c) != not
	})
}

func matchesValue(key FilterNameStringType, value string, c secret) bool {
	begins := func(text string) bool { return strings.HasPrefix(text, value) }
	beginsAnyCase := func(text string) bool { return strings.HasPrefix(strings.ToLower(text), strings.ToLower(value)) }
	keys, values := slices.Collect(maps.Keys(c.Tags)), slices.Collect(maps.Values(c.Tags))
	switch key {
	case FilterNameStringTypeName:
		return begins(c.Name)
	case FilterNameStringTypeDescription:
		return beginsAnyCase(deref(c.Description))
	case FilterNameStringTypeTagKey:
		return slices.ContainsFunc(keys, begins)
	case FilterNameStringTypeTagValue:
		return slices.ContainsFunc(values, begins)
	case FilterNameStringTypeAll:
		words := strings.FieldsFunc(c.Name+" "+deref(c.Description), func(r rune) bool { return strings.ContainsRune(" /_+=.@!-", r) })
		return slices.ContainsFunc(slices.Concat(words, keys, values), beginsAnyCase)
	}
	return false // no replicas, and no services that own secrets
}

// pageSize returns how many items a page has: most, or fewer if asked for.
func pageSize(asked *int32, most int) (int, error) {
	switch {
	case asked == nil:
		return most, nil
	case *asked < 1:
		return 0, constraint(*asked, "maxResults", "Member must have value greater than or equal to 1")
	}
	return min(int(*asked), most), nil
}

// page cuts a list: what comes behind the item that the token is of, size items
// at most.
func page[T any](all []T, key func(T) string, token *string, size int) (items []T, next *string) {
	if token != nil {
		all = all[1+slices.IndexFunc(all, func(item T) bool { return key(item) == *token }):]
	}
	if len(all) <= size {
		return all, nil
	}
	return all[:size], new(key(all[size-1]))
}
