package cloudwatch

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// A kind is what a term stands for, known before there is data.
type kind int

const (
	number kind = iota
	series
	list
)

func (k kind) String() string {
	return [...]string{"a number", "a time series", "a list of time series"}[k]
}

// A value is a number, or time series: one number a period, and NaN where there
// is no data.
type value struct {
	lines  [][]float64 // one, or those of a list; nil for a number
	number float64
}

// An expr computes a value from those of the ids that it refers to.
type expr func(ids map[string]value) value

// A term is an expression, or a part of one.
type term struct {
	eval  expr
	kind  kind
	width int // how many time series, 0 for a number
}

func constant(n float64) term {
	return term{eval: func(map[string]value) value { return value{number: n} }}
}

// with is the term with a function applied to each time series.
func (t term) with(f func(points []float64) []float64) term {
	of := t.eval
	t.eval = func(ids map[string]value) value {
		lines := slices.Clone(of(ids).lines)
		for i, line := range lines {
			lines[i] = f(line)
		}
		return value{lines: lines}
	}
	return t
}

// listed joins time series and lists to one list.
func listed(items []term) (term, error) {
	all := term{kind: list}
	for _, item := range items {
		if item.kind == number {
			return term{}, fmt.Errorf("a list holds time series, not numbers")
		}
		all.width += item.width
	}
	all.eval = func(ids map[string]value) value {
		var v value
		for _, item := range items {
			v.lines = append(v.lines, item.eval(ids).lines...)
		}
		return v
	}
	return all, nil
}

// functions are those whose arguments are expressions. Their errors say what
// arguments they take.
func functions() map[string]func(args []term) (term, error) {
	return map[string]func([]term) (term, error){
		"IF":    conditional,
		"ABS":   pointwise(math.Abs),
		"CEIL":  pointwise(math.Ceil),
		"FLOOR": pointwise(math.Floor),
		"MIN":   reducing(func(present []float64, _ int) float64 { return slices.Min(present) }),
		"MAX":   reducing(func(present []float64, _ int) float64 { return slices.Max(present) }),
		"SUM":   reducing(func(present []float64, _ int) float64 { return sum(present) }),
		"AVG":   reducing(func(present []float64, of int) float64 { return sum(present) / float64(of) }),
	}
}

func sum(points []float64) float64 {
	total := 0.
	for _, x := range points {
		total += x
	}
	return total
}

func errSeries() error { return errors.New("one time series, or one list of them") }

func pointwise(f func(float64) float64) func([]term) (term, error) {
	return func(args []term) (term, error) {
		if len(args) != 1 || args[0].kind == number {
			return term{}, errSeries()
		}
		return args[0].with(func(points []float64) []float64 {
			points = slices.Clone(points)
			for i, x := range points {
				points[i] = f(x)
			}
			return points
		}), nil
	}
}

// reducing makes a number of a time series, and one time series of a list,
// period by period. f gets the data that there is, at least one, and how many
// there could be.
func reducing(f func(present []float64, of int) float64) func([]term) (term, error) {
	reduce := func(points []float64) float64 {
		present := slices.DeleteFunc(slices.Clone(points), missing)
		if len(present) == 0 {
			return math.NaN()
		}
		return f(present, len(points))
	}
	return func(args []term) (term, error) {
		if len(args) != 1 || args[0].kind == number {
			return term{}, errSeries()
		}
		of := args[0].eval
		if args[0].kind == series {
			return term{eval: func(ids map[string]value) value { return value{number: reduce(of(ids).lines[0])} }}, nil
		}
		return term{kind: series, width: 1, eval: func(ids map[string]value) value {
			lines := of(ids).lines
			reduced, column := make([]float64, len(lines[0])), make([]float64, len(lines))
			for i := range reduced {
				for j, line := range lines {
					column[j] = line[i]
				}
				reduced[i] = reduce(column)
			}
			return value{lines: [][]float64{reduced}}
		}}, nil
	}
}

// conditional is IF(condition, then[, otherwise]). A period has no data where
// the condition has none, or the value it chooses; but where the condition is a
// time series and true, a missing value is 0.
func conditional(args []term) (term, error) {
	isList := func(t term) bool { return t.kind == list }
	if len(args) < 2 || len(args) > 3 || slices.ContainsFunc(args, isList) {
		return term{}, errors.New("a condition and one or two values, numbers or time series")
	}
	condition, then, otherwise := args[0], args[1], constant(math.NaN())
	if len(args) == 3 {
		otherwise = args[2]
	}
	t := term{kind: max(condition.kind, then.kind, otherwise.kind)}
	t.width = int(t.kind) // no list
	t.eval = func(ids map[string]value) value {
		c, a, b := condition.eval(ids), then.eval(ids), otherwise.eval(ids)
		choose := func(i int) float64 {
			switch x := c.at(0, i); {
			case missing(x):
				return math.NaN()
			case x == 0:
				return b.at(0, i)
			}
			if x := a.at(0, i); !missing(x) || condition.kind == number {
				return x
			}
			return 0
		}
		return over(choose, c, a, b)
	}
	return t, nil
}

// over computes a number for each period of the first operand that has any.
func over(f func(i int) float64, operands ...value) value {
	for _, v := range operands {
		if v.lines == nil {
			continue
		}
		points := make([]float64, len(v.lines[0]))
		for i := range points {
			points[i] = f(i)
		}
		return value{lines: [][]float64{points}}
	}
	return value{number: f(0)}
}

// at is a line's value in a period. A number, or a single time series beside a
// list, is the same for all of them.
func (v value) at(line, i int) float64 {
	if v.lines == nil {
		return v.number
	}
	return v.lines[min(line, len(v.lines)-1)][i]
}

// repeated replaces missing data with the value before it.
func repeated(points []float64) []float64 {
	points = slices.Clone(points)
	for i, x := range points {
		if i > 0 && missing(x) {
			points[i] = points[i-1]
		}
	}
	return points
}

// filled replaces missing data with another value.
func filled(of, filler term) term {
	eval := of.eval
	of.eval = func(ids map[string]value) value {
		v, with := eval(ids), filler.eval(ids)
		return combine(v, with, max(of.width, filler.width), func(x, y float64) float64 {
			if missing(x) {
				return y
			}
			return x
		})
	}
	return of
}

// binary combines two terms. Where one of two time series has no data, 0 stands
// for it; where both have none, or beside a number, there is no result.
func binary(op string, left, right term) (term, error) {
	t := term{kind: max(left.kind, right.kind), width: max(left.width, right.width)}
	switch {
	case t.kind == list && !slices.Contains([]string{"+", "-", "*", "/", "^"}, op):
		return term{}, fmt.Errorf("%s does not take lists of time series", op)
	case left.kind == list && right.kind == list && left.width != right.width:
		return term{}, fmt.Errorf("%s takes lists of the same length", op)
	}
	single := left.kind == number || right.kind == number
	t.eval = func(ids map[string]value) value {
		return combine(left.eval(ids), right.eval(ids), t.width, func(x, y float64) float64 {
			if missing(x) && missing(y) || single && (missing(x) || missing(y)) {
				return math.NaN()
			}
			return calculate(op, present(x), present(y))
		})
	}
	return t, nil
}

func missing(x float64) bool { return math.IsNaN(x) }

func present(x float64) float64 {
	if missing(x) {
		return 0
	}
	return x
}

// combine applies f to every period of each line; width is how many lines.
func combine(a, b value, width int, f func(x, y float64) float64) value {
	var v value
	for line := range width {
		points := over(func(i int) float64 { return f(a.at(line, i), b.at(line, i)) }, a, b)
		v.lines = append(v.lines, points.lines...)
	}
	if width == 0 {
		v.number = f(a.number, b.number)
	}
	return v
}

// calculate has no result where it divides by zero.
func calculate(op string, x, y float64) float64 {
	var result float64
	switch op {
	case "+":
		result = x + y
	case "-":
		result = x - y
	case "*":
		result = x * y
	case "/":
		result = x / y
	case "^":
		result = math.Pow(x, y)
	default:
		if holds(op, x, y) {
			result = 1
		}
	}
	if math.IsInf(result, 0) {
		return math.NaN()
	}
	return result
}

func holds(op string, x, y float64) bool {
	switch op {
	case "==":
		return x == y
	case "!=":
		return x != y
	case "<":
		return x < y
	case "<=":
		return x <= y
	case ">":
		return x > y
	case ">=":
		return x >= y
	case "&&", "AND":
		return x != 0 && y != 0
	}
	return x != 0 || y != 0 // "||", "OR"
}
