package metric

import (
	"errors"
	"math"
	"slices"
)

// A kind is what a term stands for, known before there is data.
type kind int

const (
	scalar kind = iota
	series
	array // of time series, of any length
)

// A Line is one time series of a result.
type Line struct {
	// Metric is the id of the metric that the line is of; it is empty where it
	// is made of several.
	Metric string
	// Points are one number a period, NaN where there is no data.
	Points []float64
}

// A value is a number, or time series.
type value struct {
	kind   kind
	number float64
	lines  []Line // one of a series, any number of an array
}

func one(points []float64) value { return value{kind: series, lines: []Line{{Points: points}}} }

// at is a line's value in a period. A number, or a single time series beside an
// array, is the same for all of them.
func (v value) at(line, i int) float64 {
	switch v.kind {
	case scalar:
		return v.number
	case series:
		line = 0
	}
	return v.lines[line].Points[i]
}

// A term is an expression, or a part of one.
type term struct {
	kind kind
	eval func(*Evaluation) value
}

func constant(n float64) term {
	return term{eval: func(*Evaluation) value { return value{number: n} }}
}

// each is the term with a function applied to each of its time series.
func (t term) each(f func(g Grid, points []float64) []float64) term {
	return term{kind: t.kind, eval: func(e *Evaluation) value {
		v := t.eval(e)
		v.lines = slices.Clone(v.lines)
		for i, line := range v.lines {
			v.lines[i].Points = f(e.grid, line.Points)
		}
		return v
	}}
}

// joined makes one array of time series and arrays.
func joined(items []term) (term, error) {
	for _, item := range items {
		if item.kind == scalar {
			return term{}, refuse("An array holds time series, not scalars")
		}
	}
	return term{kind: array, eval: func(e *Evaluation) value {
		v := value{kind: array}
		for _, item := range items {
			v.lines = append(v.lines, item.eval(e).lines...)
		}
		return v
	}}, nil
}

// binary combines two terms. Where one of two time series has no data, 0 stands
// for it; where both have none, or beside a number, there is no result.
func binary(op string, left, right term) (term, error) {
	t := term{kind: max(left.kind, right.kind)}
	arithmetic := slices.Contains([]string{"+", "-", "*", "/", "^"}, op)
	if t.kind == array && (!arithmetic || left.kind == right.kind) {
		return term{}, refuse("Operator '%s' does not take these operands: at most one array of time series, and that of an arithmetic operator", op)
	}
	mixed := left.kind == scalar || right.kind == scalar
	t.eval = func(e *Evaluation) value {
		return combine(e.grid, left.eval(e), right.eval(e), func(x, y float64) float64 {
			if missing(x) && missing(y) || mixed && (missing(x) || missing(y)) {
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

// combine applies f to every period of each line.
func combine(g Grid, a, b value, f func(x, y float64) float64) value {
	if a.kind == scalar && b.kind == scalar {
		return value{number: f(a.number, b.number)}
	}
	longer := a
	if b.kind > a.kind {
		longer = b
	}
	v := value{kind: longer.kind}
	for n, line := range longer.lines {
		points := make([]float64, g.Count)
		for i := range points {
			points[i] = f(a.at(n, i), b.at(n, i))
		}
		line.Points = points
		if a.kind == series && b.kind == series {
			line.Metric = ""
		}
		v.lines = append(v.lines, line)
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
	return finite(result)
}

// finite drops what is no number.
func finite(x float64) float64 {
	if math.IsInf(x, 0) {
		return math.NaN()
	}
	return x
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

// filled replaces missing data with another value.
func filled(of, filler term) term {
	return term{kind: of.kind, eval: func(e *Evaluation) value {
		return combine(e.grid, of.eval(e), filler.eval(e), func(x, y float64) float64 {
			if missing(x) {
				return y
			}
			return x
		})
	}}
}

// repeated replaces missing data with the newest value before it.
func repeated(_ Grid, points []float64) []float64 {
	points = slices.Clone(points)
	for i, x := range points {
		if i > 0 && missing(x) {
			points[i] = points[i-1]
		}
	}
	return points
}

// interpolated fills each gap with a straight line between the values on its
// sides. What is missing at the ends stays so: there is no other side.
func interpolated(_ Grid, points []float64) []float64 {
	points = slices.Clone(points)
	last := -1
	for i, x := range points {
		if missing(x) {
			continue
		}
		if last >= 0 {
			slope := (x - points[last]) / float64(i-last)
			for j := last + 1; j < i; j++ {
				points[j] = points[last] + slope*float64(j-last)
			}
		}
		last = i
	}
	return points
}

// conditional is IF(condition, then[, otherwise]). A period has no data where
// the condition has none, or the value it chooses; but where the condition is a
// time series and true, a missing value is 0.
func conditional(args []term) (term, error) {
	isArray := func(t term) bool { return t.kind == array }
	if len(args) < 2 || len(args) > 3 || slices.ContainsFunc(args, isArray) {
		return term{}, errors.New("a condition and one or two values, scalars or time series")
	}
	condition, then, otherwise := args[0], args[1], constant(math.NaN())
	if len(args) == 3 {
		otherwise = args[2]
	}
	t := term{kind: max(condition.kind, then.kind, otherwise.kind)}
	t.eval = func(e *Evaluation) value {
		c, a, b := condition.eval(e), then.eval(e), otherwise.eval(e)
		choose := func(i int) float64 {
			switch x := c.at(0, i); {
			case missing(x):
				return math.NaN()
			case x == 0:
				return b.at(0, i)
			}
			if x := a.at(0, i); !missing(x) || c.kind == scalar {
				return x
			}
			return 0
		}
		if t.kind == scalar {
			return value{number: choose(0)}
		}
		return one(e.grid.points(choose))
	}
	return t, nil
}
