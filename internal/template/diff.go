package template

import (
	"maps"
	"slices"
)

// Diff returns the names of the properties in which two evaluated property
// sets differ, sorted. As in AWS, "5" and 5 are the same, and so are "true"
// and true.
func Diff(before, after map[string]any) []string {
	changed := map[string]bool{}
	for name, value := range before {
		if other, ok := after[name]; !ok || !equal(value, other) {
			changed[name] = true
		}
	}
	for name := range after {
		if _, ok := before[name]; !ok {
			changed[name] = true
		}
	}
	return slices.Sorted(maps.Keys(changed))
}

// equal compares two evaluated values.
func equal(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, equal)
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, equal)
	case nil:
		return b == nil
	}
	left, ok := scalar(a)
	right, okToo := scalar(b)
	return ok && okToo && left == right
}
