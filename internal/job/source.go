package job

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"
)

// A Source gives the configurations of a run, one after the other, so that a
// million of them need no memory.
type Source struct {
	// Names are the parameters' names, the same for every configuration.
	Names []string
	// Configs may be ranged over more than once. It ends with the first error.
	Configs iter.Seq2[Config, error]

	checked bool // no configuration is wrong, and they are not too many
}

// glances is how many configurations pass between two looks at a context.
const glances = 1024

// Each ranges over the configurations until ctx ends, or there are more than
// MaxJobs.
func (s *Source) Each(ctx context.Context) iter.Seq2[Config, error] {
	return func(yield func(Config, error) bool) {
		n := 0
		for c, err := range s.Configs {
			switch {
			case n%glances == 0 && ctx.Err() != nil:
				err = context.Cause(ctx)
			case err == nil && n == MaxJobs:
				err = tooMany(fmt.Sprintf("there are more than %d configurations", MaxJobs))
			}
			if !yield(c, err) || err != nil {
				return
			}
			n++
		}
	}
}

// Check returns what is wrong with any of the configurations. Those of a file
// are read for that.
func (s *Source) Check(ctx context.Context) error {
	if s.checked {
		return nil
	}
	for _, err := range s.Each(ctx) {
		if err != nil {
			return err
		}
	}
	return nil
}

func tooMany(fact string) Problem {
	return Problem{File: "params", Fact: fact, Hint: fmt.Sprintf("a run has at most %d: send several runs, or let a job do more of the work", MaxJobs)}
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
	if g.size() > MaxJobs {
		return nil, tooMany(fmt.Sprintf("the grid has %s configurations", g.product()))
	}
	return &Source{Names: names, Configs: g.configs, checked: true}, nil
}

// size is how many configurations the grid has, or MaxJobs+1 for more of them.
func (g Grid) size() int {
	n := 1
	for _, axis := range g {
		if n *= min(len(axis.Values), MaxJobs+1); n > MaxJobs {
			return MaxJobs + 1
		}
	}
	return n
}

// product writes the grid's size: 20 × 5.
func (g Grid) product() string {
	var lengths []string
	for _, axis := range g {
		lengths = append(lengths, strconv.Itoa(len(axis.Values)))
	}
	return strings.Join(lengths, " × ")
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
		return nil, Problem{File: "params", Fact: "there are no configurations", Hint: "write them like [{size: 1}, {size: 2}]"}
	}
	names := list[0].Names()
	if err := nameable(names); err != nil {
		return nil, err
	}
	return &Source{Names: names, checked: len(list) <= MaxJobs, Configs: func(yield func(Config, error) bool) {
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
