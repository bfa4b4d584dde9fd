package sorting_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/sorting"
)

func TestEqualsKeepTheirOrder(t *testing.T) {
	list := strings.Fields("b2 a1 b1 a3 a2")
	byLetter := func(a, b string) int { return strings.Compare(a[:1], b[:1]) }
	want := strings.Fields("a1 a3 a2 b2 b1")
	if diff := cmp.Diff(want, sorting.All(slices.Values(list), byLetter)); diff != "" {
		t.Errorf("All (-want +got):\n%s", diff)
	}
	sorting.By(list, byLetter)
	if diff := cmp.Diff(want, list); diff != "" {
		t.Errorf("By (-want +got):\n%s", diff)
	}
	if got := sorting.All(slices.Values([]int(nil)), func(a, b int) int { return a - b }); len(got) != 0 {
		t.Errorf("got %v of nothing", got)
	}
}
