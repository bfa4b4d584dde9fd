package metric

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/spate-run/spate/internal/sorting"
)

// functions are those whose arguments are expressions. Their errors say what
// arguments they take.
func functions() map[string]func(args []term) (term, error) {
	all := map[string]func([]term) (term, error){
		"IF":           conditional,
		"ABS":          pointwise(math.Abs),
		"CEIL":         pointwise(math.Ceil),
		"FLOOR":        pointwise(math.Floor),
		"LOG":          pointwise(math.Log),
		"LOG10":        pointwise(math.Log10),
		"DIFF":         stepwise(func(dy, _ float64) float64 { return dy }),
		"DIFF_TIME":    stepwise(func(_, dt float64) float64 { return dt }),
		"RATE":         stepwise(func(dy, dt float64) float64 { return dy / dt }),
		"RUNNING_SUM":  perLine(runningSum),
		"TIME_SERIES":  timeSeries,
		"METRIC_COUNT": metricCount,
		"FIRST":        pick(func(lines []Line) Line { return lines[0] }),
		"LAST":         pick(func(lines []Line) Line { return lines[len(lines)-1] }),
		"REMOVE_EMPTY": removeEmpty,
		"SLICE":        slice,
		"MINUTE":       ofTime(time.Time.Minute),
		"HOUR":         ofTime(time.Time.Hour),
		"DAY":          ofTime(func(t time.Time) int { return (int(t.Weekday())+6)%7 + 1 }), // Monday is 1
		"DATE":         ofTime(time.Time.Day),
		"MONTH":        ofTime(func(t time.Time) int { return int(t.Month()) }),
		"YEAR":         ofTime(time.Time.Year),
		"EPOCH":        ofTime(func(t time.Time) int { return int(t.Unix()) }),
	}
	for name, f := range reducers() {
		all[name] = reducing(f)
	}
	return all
}

// A reducer makes one number of several; NaN among them is missing data.
type reducer func(points []float64) float64

// reducers make a number of a time series, and one time series of an array,
// period by period.
func reducers() map[string]reducer {
	return map[string]reducer{
		"MIN":    known(slices.Min[[]float64]),
		"MAX":    known(slices.Max[[]float64]),
		"SUM":    known(sum),
		"STDDEV": known(deviation),
		// Missing values are treated as 0.
		"AVG": func(points []float64) float64 {
			return known(sum)(points) / float64(len(points))
		},
		"DATAPOINT_COUNT": func(points []float64) float64 { return float64(len(data(points))) },
	}
}

func data(points []float64) []float64 {
	return slices.DeleteFunc(slices.Clone(points), missing)
}

// known reduces the data that there is; without any there is no result.
func known(f func([]float64) float64) reducer {
	return func(points []float64) float64 {
		if there := data(points); len(there) > 0 {
			return finite(f(there))
		}
		return math.NaN()
	}
}

func sum(points []float64) float64 {
	total := 0.
	for _, x := range points {
		total += x
	}
	return total
}

// deviation is the standard deviation of all points, as of a whole population.
func deviation(points []float64) float64 {
	mean, squares := sum(points)/float64(len(points)), 0.
	for _, x := range points {
		squares += (x - mean) * (x - mean)
	}
	return math.Sqrt(squares / float64(len(points)))
}

func errSeries() error { return errors.New("one time series, or one array of them") }
func errArray() error  { return errors.New("one array of time series") }

func reducing(f reducer) func([]term) (term, error) {
	return func(args []term) (term, error) {
		if len(args) != 1 || args[0].kind == scalar {
			return term{}, errSeries()
		}
		of := args[0].eval
		if args[0].kind == series {
			return term{eval: func(e *Evaluation) value { return value{number: f(of(e).lines[0].Points)} }}, nil
		}
		return term{kind: series, eval: func(e *Evaluation) value {
			lines := of(e).lines
			column := make([]float64, len(lines))
			return one(e.grid.points(func(i int) float64 {
				for j, line := range lines {
					column[j] = line.Points[i]
				}
				return f(column)
			}))
		}}, nil
	}
}

// perLine applies a function to each time series.
func perLine(f func(g Grid, points []float64) []float64) func([]term) (term, error) {
	return func(args []term) (term, error) {
		if len(args) != 1 || args[0].kind == scalar {
			return term{}, errSeries()
		}
		return args[0].each(f), nil
	}
}

func pointwise(f func(float64) float64) func([]term) (term, error) {
	return perLine(func(_ Grid, points []float64) []float64 {
		points = slices.Clone(points)
		for i, x := range points {
			points[i] = finite(f(x))
		}
		return points
	})
}

// stepwise computes from each value's difference to the value before it and the
// seconds between them. Periods without data are passed over.
func stepwise(f func(dy, dt float64) float64) func([]term) (term, error) {
	return perLine(func(g Grid, points []float64) []float64 {
		last := -1
		return g.points(func(i int) float64 {
			if missing(points[i]) {
				return math.NaN()
			}
			before := last
			last = i
			if before < 0 {
				return math.NaN()
			}
			return finite(f(points[i]-points[before], g.At(i).Sub(g.At(before)).Seconds()))
		})
	})
}

func runningSum(g Grid, points []float64) []float64 {
	total := 0.
	return g.points(func(i int) float64 {
		if missing(points[i]) {
			return math.NaN()
		}
		total = present(finite(total + points[i]))
		return total
	})
}

func timeSeries(args []term) (term, error) {
	if len(args) != 1 || args[0].kind != scalar {
		return term{}, errors.New("one scalar")
	}
	of := args[0].eval
	return term{kind: series, eval: func(e *Evaluation) value {
		n := of(e).number
		return one(e.grid.points(func(int) float64 { return n }))
	}}, nil
}

// ofTime makes a number of each period's beginning, in UTC, whether there is
// data or not.
func ofTime(f func(time.Time) int) func([]term) (term, error) {
	return func(args []term) (term, error) {
		if len(args) != 1 || args[0].kind != series {
			return term{}, errors.New("one time series")
		}
		return args[0].each(func(g Grid, _ []float64) []float64 {
			return g.points(func(i int) float64 { return float64(f(g.At(i).UTC())) })
		}), nil
	}
}

func metricCount(args []term) (term, error) {
	if len(args) != 1 || args[0].kind != array {
		return term{}, errArray()
	}
	of := args[0].eval
	return term{eval: func(e *Evaluation) value { return value{number: float64(len(of(e).lines))} }}, nil
}

// pick takes one time series of an array; of an empty one, a series without
// data.
func pick(f func([]Line) Line) func([]term) (term, error) {
	return func(args []term) (term, error) {
		if len(args) != 1 || args[0].kind != array {
			return term{}, errArray()
		}
		return some(series, args[0], func(_ *Evaluation, lines []Line) []Line {
			return []Line{f(lines)}
		}), nil
	}
}

// some makes a selection of an array's time series. Where it selects none and a
// series is wanted, that has no data.
func some(as kind, of term, choose func(e *Evaluation, lines []Line) []Line) term {
	return term{kind: as, eval: func(e *Evaluation) value {
		lines := of.eval(e).lines
		if len(lines) > 0 {
			lines = choose(e, slices.Clone(lines))
		}
		if len(lines) == 0 && as == series {
			return one(e.grid.points(func(int) float64 { return math.NaN() }))
		}
		return value{kind: as, lines: lines}
	}}
}

func removeEmpty(args []term) (term, error) {
	if len(args) != 1 || args[0].kind != array {
		return term{}, errArray()
	}
	return some(array, args[0], func(_ *Evaluation, lines []Line) []Line {
		return slices.DeleteFunc(lines, func(line Line) bool { return len(data(line.Points)) == 0 })
	}), nil
}

// slice is SLICE(array, begin[, end]), counted from 0; end is not part of it.
func slice(args []term) (term, error) {
	if len(args) < 2 || len(args) > 3 || args[0].kind != array ||
		slices.ContainsFunc(args[1:], func(t term) bool { return t.kind != scalar }) {
		return term{}, errors.New("an array of time series, and one or two scalars")
	}
	return some(array, args[0], func(e *Evaluation, lines []Line) []Line {
		end := len(lines)
		if len(args) == 3 {
			end = within(args[2].eval(e).number, end)
		}
		return lines[min(within(args[1].eval(e).number, len(lines)), end):end]
	}), nil
}

// within is a count from 0 to most; what is no number counts as 0.
func within(n float64, most int) int {
	if n > 0 {
		return int(min(n, float64(most)))
	}
	return 0
}

// sorted orders an array by a number of each of its time series; those without
// any come last. limit may be nil.
func sorted(of term, by reducer, order string, limit func(*Evaluation) value) term {
	return some(array, of, func(e *Evaluation, lines []Line) []Line {
		rank := func(line Line) float64 {
			n := by(line.Points)
			switch {
			case missing(n):
				return math.Inf(1)
			case order == "DESC":
				return -n
			}
			return n
		}
		sorting.By(lines, func(a, b Line) int { return cmp.Compare(rank(a), rank(b)) })
		if limit != nil {
			lines = lines[:within(limit(e).number, len(lines))]
		}
		return lines
	})
}
