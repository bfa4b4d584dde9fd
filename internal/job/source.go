package job

import "iter"

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
		return FileSource(resolve(j.Dir, p.File))
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
	if err := nameable(names); err != nil {
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

// listSource gives the configurations of a list. That they have the same names
// was checked when they were read.
func listSource(list []Config) (*Source, error) {
	if len(list) == 0 {
		return nil, Problem{File: "params", Fact: "there are no configurations"}
	}
	names := list[0].Names()
	if err := nameable(names); err != nil {
		return nil, err
	}
	return &Source{Names: names, Configs: func(yield func(Config, error) bool) {
		for _, c := range list {
			if !yield(c, nil) {
				return
			}
		}
	}}, nil
}

func nameable(names []string) error {
	_, p := checkNames(names)
	if p == nil {
		return nil
	}
	p.File = "params"
	return *p
}
