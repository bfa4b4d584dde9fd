package run

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// A set is held against a map.
func TestSetsHoldWhatWasAdded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 300).Draw(t, "size")
		draw := func(name string) (set, map[int]bool) {
			s, m := newSet(size), map[int]bool{}
			for _, i := range rapid.SliceOf(rapid.IntRange(0, size-1)).Draw(t, name) {
				s.add(i)
				m[i] = true
			}
			return s, m
		}
		a, inA := draw("a")
		b, inB := draw("b")
		for name, test := range map[string]struct {
			got  set
			want func(int) bool
		}{
			"a":       {a, func(i int) bool { return inA[i] }},
			"a and b": {a.and(b), func(i int) bool { return inA[i] && inB[i] }},
			"a or b":  {a.or(b), func(i int) bool { return inA[i] || inB[i] }},
			"a - b":   {a.minus(b), func(i int) bool { return inA[i] && !inB[i] }},
			"whole":   {wholeSet(size), func(int) bool { return true }},
		} {
			want := map[int]bool{}
			for i := range size {
				if test.want(i) {
					want[i] = true
				}
				if test.got.has(i) != test.want(i) {
					t.Errorf("%s: got %d in the set: %t, want %t", name, i, test.got.has(i), test.want(i))
				}
			}
			if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Collect(test.got.all), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s: indices (-want +got):\n%s", name, diff)
			}
			if test.got.count() != len(want) {
				t.Errorf("%s: got %d indices, want %d", name, test.got.count(), len(want))
			}
		}
	})
}

func TestSetsLeaveOutWhatTheyHaveNoRoomFor(t *testing.T) {
	s := newSet(10)
	s.add(-1)
	s.add(64)
	if s.count() != 0 || s.has(-1) || s.has(64) || s.next(64) != -1 {
		t.Errorf("got %v, want an empty set", s)
	}
}
