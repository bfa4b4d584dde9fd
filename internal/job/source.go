package job

import (
	"fmt"
	"iter"
	"slices"
)

// A Source gives the configurations of a run, one after the other, so that a
// million of them need no memory.
type Source struct {
	// Names are the parameters' names, the same for every configuration.
	Names []string
	// Configs may be ranged over more than once. It ends with the first error.
	Configs iter.Seq2[Config, error]
}

// Source opens where the job's configurations come from.
func (j Job) Source() (*Source, error) {
	p := j.Params
	switch {
	case p.Grid != nil:
		return gridSource(p.Grid)
	case p.File != "":
		return fileSource(resolve(j.Dir, p.File))
	case p.List != nil:
		return listSource(p.List)
	}
	return listSource([]Config{{}})
}

func gridSource(g Grid) (*Source, error) {
	names := make([]string, len(g))
	for i, axis := range g {
		names[i] = axis.Name
	}
	if err := checkNames(names); err != nil {
		return nil, err
	}
	return &Source{Names: names, Configs: g.configs}, nil
}

// configs counts through the grid like an odometer.
func (g Grid) configs(yield func(Config, error) bool) {
	at := make([]int, len(g))
	for {
		c := make(Config, len(g))
		for i, axis := range g {
			c[i] = Param{Name: axis.Name, Value: axis.Values[at[i]]}
		}
		if !yield(c, nil) {
			return
		}
		i := len(g) - 1
		for ; i >= 0; i-- {
			if at[i]++; at[i] < len(g[i].Values) {
				break
			}
			at[i] = 0
		}
		if i < 0 {
			return
		}
	}
}

func listSource(list []Config) (*Source, error) {
	if len(list) == 0 {
		return nil, fmt.Errorf("params.list has no configurations")
	}
	names := list[0].Names()
	if err := checkNames(names); err != nil {
		return nil, err
	}
	for i, c := range list {
		if err := sameNames(names, c); err != nil {
			return nil, fmt.Errorf("configuration %d: %w", i, err)
		}
	}
	return &Source{Names: names, Configs: func(yield func(Config, error) bool) {
		for _, c := range list {
			if !yield(c, nil) {
				return
			}
		}
	}}, nil
}

// sameNames says whether a configuration has exactly the given parameters, in
// any order.
func sameNames(names []string, c Config) error {
	for _, p := range c {
		if !slices.Contains(names, p.Name) {
			return fmt.Errorf("parameter %q is not in the first configuration", p.Name)
		}
	}
	for _, name := range names {
		if _, ok := c.Get(name); !ok {
			return fmt.Errorf("parameter %q is missing", name)
		}
	}
	return checkNames(c.Names())
}
