package engine

import "github.com/spate-run/spate/internal/engine/cloudformation"

// Inert says whether resources of a type are only kept in their stacks: they
// can be referred to, and do nothing.
func Inert(resourceType string) bool {
	for _, t := range cloudformation.ResourceTypes() {
		if t.Name == resourceType {
			return t.Inert
		}
	}
	return false
}
