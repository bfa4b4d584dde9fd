package template

import (
	"fmt"
	"slices"
	"strings"
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
	waiting := map[string][]string{}
	for _, r := range t.Resources {
		waiting[r.ID] = t.dependencies(r, positions)
	}
	var levels [][]string
	made := map[string]bool{}
	for len(made) < len(t.Resources) {
		var level []string
		for _, r := range t.Resources {
			ready := !slices.ContainsFunc(waiting[r.ID], func(id string) bool { return !made[id] })
			if ready && !made[r.ID] {
				level = append(level, r.ID)
			}
		}
		if level == nil {
			return nil, t.cycle(waiting, made)
		}
		for _, id := range level {
			made[id] = true
		}
		levels = append(levels, level)
	}
	return levels, nil
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
	slices.SortFunc(ids, func(a, b string) int { return positions[a] - positions[b] })
	return ids
}

// cycle returns the error that names the resources which wait for each other.
// Those that only wait for them are left out.
func (t *Template) cycle(waiting map[string][]string, made map[string]bool) error {
	var path []string
	for _, r := range t.Resources {
		if !made[r.ID] {
			path = append(path, r.ID)
			break
		}
	}
	// Each of them waits for another that is not made: following one leads
	// around a cycle.
	for {
		last := path[len(path)-1]
		next := waiting[last][slices.IndexFunc(waiting[last], func(id string) bool { return !made[id] })]
		if start := slices.Index(path, next); start >= 0 {
			path = path[start:]
			break
		}
		path = append(path, next)
	}
	return errorf(t.Resource(slices.Min(path)).Pos, "Circular dependency between resources: %s", circle(path))
}

// circle tells of what needs one another in a circle: who they are, as AWS
// says it, and how it goes round.
func circle(path []string) string {
	start := slices.Index(path, slices.Min(path))
	path = slices.Concat(path[start:], path[:start])
	return fmt.Sprintf("[%s] (%s → %s)", strings.Join(slices.Sorted(slices.Values(path)), ", "), strings.Join(path, " → "), path[0])
}
