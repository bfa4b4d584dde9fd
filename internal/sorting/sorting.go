// Package sorting sorts. It does what package slices does, by the one sort of
// package sort: slices has a sort of its own for every type, which is 20 kB of
// the program each time.
package sorting

import (
	"iter"
	"slices"
	"sort"
)

// By sorts a list by a comparison, and leaves what is equal in its order.
func By[E any](list []E, compare func(a, b E) int) {
	sort.SliceStable(list, func(i, j int) bool { return compare(list[i], list[j]) < 0 })
}

// All collects what a sequence yields, sorted by a comparison.
func All[E any](values iter.Seq[E], compare func(a, b E) int) []E {
	list := slices.Collect(values)
	By(list, compare)
	return list
}
