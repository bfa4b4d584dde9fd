package job

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// ParseAxis reads a parameter as it is given on the command line: k=v1,v2, or
// n=1..10 and n=0..1..0.25 for a range with both ends.
func ParseAxis(s string) (Axis, error) {
	name, list, ok := strings.Cut(s, "=")
	if p := checkName(name); p != nil {
		return Axis{}, Problem{File: "-p", Fact: p.Fact, Hint: p.Hint}
	}
	if !ok || list == "" {
		return Axis{}, Problem{File: "-p", Fact: fmt.Sprintf("parameter %q is given no values", name),
			Hint: fmt.Sprintf("write it like -p %s=1,2,3 or -p %s=1..10", name, name)}
	}
	axis := Axis{Name: name}
	for _, item := range strings.Split(list, ",") {
		values, err := parseRange(item)
		if err != nil {
			return Axis{}, Problem{File: "-p " + s, Fact: err.Error(), Hint: "write a range like 1..10, or 0..1..0.25 with a step"}
		}
		axis.Values = append(axis.Values, values...)
	}
	return axis, nil
}

// maxRange bounds a range, so that a slip of the finger does not fill memory.
const maxRange = 1_000_000

// parseRange returns the numbers of a range, or the item itself when it is
// none. It counts in decimal fractions, so that 0..1..0.1 has eleven values.
func parseRange(item string) ([]Value, error) {
	parts := strings.Split(item, "..")
	if len(parts) < 2 || !meantAsRange(parts) {
		return []Value{word(item)}, nil
	}
	bounds := make([]*big.Rat, len(parts))
	places := 0
	for i, part := range parts {
		r, ok := new(big.Rat).SetString(part)
		if len(parts) > 3 || !ok || strings.ContainsAny(part, "/eE") {
			return nil, fmt.Errorf("%q is no range", item)
		}
		bounds[i] = r
		if _, fraction, ok := strings.Cut(part, "."); ok {
			places = max(places, len(fraction))
		}
	}
	from, to, step := bounds[0], bounds[1], big.NewRat(1, 1)
	if len(bounds) == 3 {
		step = bounds[2]
	}
	if step.Sign() <= 0 {
		return nil, fmt.Errorf("a step is more than 0")
	}
	down := from.Cmp(to) > 0
	if down {
		step = new(big.Rat).Neg(step)
	}
	var values []Value
	for at := new(big.Rat).Set(from); at.Cmp(to) == 0 || (at.Cmp(to) > 0) == down; at.Add(at, step) {
		if len(values) == maxRange {
			return nil, fmt.Errorf("the range has more than %d values", maxRange)
		}
		values = append(values, Value{Text: at.FloatString(places), Literal: true})
	}
	return values, nil
}

// meantAsRange says whether all that stands between two dots is like a number,
// or left out: ../data is text.
func meantAsRange(parts []string) bool {
	numbers := 0
	for _, part := range parts {
		_, err := strconv.ParseFloat(part, 64)
		switch {
		case err == nil || errors.Is(err, strconv.ErrRange):
			numbers++
		case part != "":
			return false
		}
	}
	return numbers > 0
}

// word reads a value of the command line: a number where it is written like
// one, text otherwise.
func word(s string) Value {
	if s == "" {
		return Text("")
	}
	return literal(s)
}

// CheckAxes says whether the grid has the parameters that are given on the
// command line: another one would be crossed with them, and change nothing but
// the number of jobs. Where there is no grid, any may be given: the job finds
// them in its environment.
func (p Params) CheckAxes(axes []Axis) error {
	if len(p.Grid) == 0 {
		return nil
	}
	var known []string
	for _, axis := range p.Grid {
		known = append(known, axis.Name)
	}
	for _, axis := range axes {
		if !slices.Contains(known, axis.Name) {
			return Problem{File: "-p", Fact: fmt.Sprintf("the job has no parameter %q", axis.Name),
				Hint: didYouMean(axis.Name, known) + " (a new one has to be added to the job file's params first)"}
		}
	}
	return nil
}

// Override returns the parameters once some have been given on the command
// line: an axis replaces the grid's axis of its name, or joins at the end.
func (p Params) Override(axes []Axis) (Params, error) {
	if len(axes) == 0 {
		return p, nil
	}
	if p.File != "" || p.List != nil {
		return Params{}, Problem{File: "-p", Fact: "the configurations of this job come from a list, not from a grid",
			Hint: "give another list with --params FILE"}
	}
	grid := slices.Clone(p.Grid)
	for _, axis := range axes {
		at := slices.IndexFunc(grid, func(a Axis) bool { return a.Name == axis.Name })
		if at < 0 {
			grid = append(grid, axis)
			continue
		}
		grid[at] = axis
	}
	return Params{Grid: grid}, nil
}
