package template

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spate-run/spate/internal/sorting"
)

// Dependencies returns the logical ids of the resources that a resource needs
// before it can be made: those it names in DependsOn and those its properties
// refer to, in the template's order. Ids that are not there are left out.
func (t *Template) Dependencies(id string) []string {
	return t.dependencies(t.Resource(id), t.positions())
}

// Levels returns the order of creation: the resources of a level need only
// those of levels before it, so they can be made at the same time. Deletion
// goes the other way. Within a level ids keep the template's order.
func (t *Template) Levels() ([][]string, error) {
	positions := t.positions()
	needs := make(map[string][]string, len(t.Resources))
	for _, r := range t.Resources {
		needs[r.ID] = t.dependencies(r, positions)
	}
	var levels [][]string
	deep := depths{}
	for _, r := range t.Resources {
		if circle := deep.visit(r.ID, needs, nil); circle != nil {
			return nil, errorf(t.Resource(slices.Min(circle)).Pos, "Circular dependency between resources: %s", round(circle))
		}
	}
	for _, r := range t.Resources {
		depth := deep[r.ID]
		for len(levels) < depth {
			levels = append(levels, nil)
		}
		levels[depth-1] = append(levels[depth-1], r.ID)
	}
	return levels, nil
}

// depths are how deep names stand in a graph: 1 for one that needs no other.
type depths map[string]int

// visit works out a name's depth. Where names need one another in a circle it
// returns them, as it goes round; path is how the name was come to.
func (d depths) visit(name string, needs map[string][]string, path []string) (circle []string) {
	if d[name] > 0 {
		return nil
	}
	if start := slices.Index(path, name); start >= 0 {
		return path[start:]
	}
	path = append(path, name)
	depth := 0
	for _, next := range needs[name] {
		if circle := d.visit(next, needs, path); circle != nil {
			return circle
		}
		depth = max(depth, d[next])
	}
	d[name] = depth + 1
	return nil
}

// round tells of what needs one another in a circle: who they are, as AWS says
// it, and how it goes round.
func round(circle []string) string {
	start := slices.Index(circle, slices.Min(circle))
	circle = slices.Concat(circle[start:], circle[:start])
	return fmt.Sprintf("[%s] (%s → %s)", strings.Join(slices.Sorted(slices.Values(circle)), ", "), strings.Join(circle, " → "), circle[0])
}

// positions maps logical ids to their places in the template.
func (t *Template) positions() map[string]int {
	positions := make(map[string]int, len(t.Resources))
	for i, r := range t.Resources {
		positions[r.ID] = i
	}
	return positions
}

func (t *Template) dependencies(r *Resource, positions map[string]int) []string {
	if r == nil {
		return nil
	}
	found := map[string]bool{}
	for _, id := range r.DependsOn {
		found[id] = true
	}
	for _, ref := range references(r.Properties) {
		found[ref.name] = true
	}
	var ids []string
	for id := range found {
		if _, ok := positions[id]; ok {
			ids = append(ids, id)
		}
	}
	sorting.By(ids, func(a, b string) int { return positions[a] - positions[b] })
	return ids
}
