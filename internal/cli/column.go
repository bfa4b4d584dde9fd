package cli

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spate-run/spate/internal/run"
)

// A column shows a parameter or a metric. Its heading is the name, unless
// another column has that.
type column struct{ name, heading string }

// columns are those of a table of results, beside its own.
type columns struct{ params, metrics []column }

// ownColumns are the names that every table of results has already, and "time",
// which sorts it.
func ownColumns() []string { return []string{"index", "state", "seconds", "time"} }

// newColumns gives every column a heading of its own. Tables show them in
// capitals.
func newColumns(params, metrics []string) columns {
	var c columns
	taken := ownColumns()
	is := func(heading string) bool {
		return slices.ContainsFunc(taken, func(other string) bool { return strings.EqualFold(other, heading) })
	}
	for _, name := range params {
		c.params = append(c.params, column{name, apart(name, "param.", is)})
	}
	taken = append(taken, headingsOf(c.params)...)
	for _, name := range metrics {
		c.metrics = append(c.metrics, column{name, apart(name, "metric.", is)})
	}
	return c
}

// apart puts prefixes before a name until it is not taken.
func apart(name, prefix string, taken func(string) bool) string {
	for taken(name) {
		name = prefix + name
	}
	return name
}

func headingsOf(columns []column) []string {
	var all []string
	for _, c := range columns {
		all = append(all, c.heading)
	}
	return all
}

// headings lists all columns: index, parameters, state, time and metrics.
func (c columns) headings() []string {
	return slices.Concat([]string{"index"}, headingsOf(c.params), []string{"state", "seconds"}, headingsOf(c.metrics))
}

// cells lays out a row.
func (c columns) cells(row run.Row, metric func(float64) string) []string {
	line := []string{strconv.Itoa(row.Index)}
	for _, p := range c.params {
		value, _ := row.Config.Get(p.name)
		line = append(line, value.Text)
	}
	if row.Result == nil {
		return append(line, append([]string{string(row.State), ""}, make([]string, len(c.metrics))...)...)
	}
	line = append(line, string(row.Result.State), strconv.FormatFloat(duration(*row.Result).Seconds(), 'f', 3, 64))
	for _, m := range c.metrics {
		text := ""
		if value, ok := row.Result.Metrics[m.name]; ok {
			text = metric(value)
		}
		line = append(line, text)
	}
	return line
}

// A key is what one row is sorted by: numbers first, then texts.
type key struct {
	missing bool
	number  float64
	text    string
}

// by returns how to sort by a column.
func (c columns) by(heading string) (of func(run.Row) key, known bool) {
	is := func(c column) bool { return c.heading == heading }
	if i := slices.IndexFunc(c.metrics, is); i >= 0 {
		return metricKey(c.metrics[i].name), true
	}
	if i := slices.IndexFunc(c.params, is); i >= 0 {
		return paramKey(c.params[i].name), true
	}
	switch heading {
	case "time", "seconds":
		return timeKey, true
	case "index":
		return func(row run.Row) key { return key{number: float64(row.Index)} }, true
	case "state":
		return func(row run.Row) key { return key{text: string(row.State)} }, true
	}
	return nil, false
}

func timeKey(row run.Row) key {
	if row.Result == nil {
		return key{missing: true}
	}
	return key{number: duration(*row.Result).Seconds()}
}

func metricKey(name string) func(run.Row) key {
	return func(row run.Row) key {
		if row.Result == nil {
			return key{missing: true}
		}
		value, ok := row.Result.Metrics[name]
		return key{number: value, missing: !ok || math.IsNaN(value)}
	}
}

func paramKey(name string) func(run.Row) key {
	return func(row run.Row) key {
		value, ok := row.Config.Get(name)
		if n, err := strconv.ParseFloat(value.Text, 64); ok && err == nil {
			return key{number: n}
		}
		return key{missing: !ok, number: math.Inf(1), text: value.Text}
	}
}
