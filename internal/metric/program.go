package metric

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"
)

// expressionLimit is how long an expression may be, in characters.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html
const expressionLimit = 2048

// A Query is a metric, or an expression that may refer to others by their ids.
type Query struct {
	ID string
	// Expression is empty for a metric.
	Expression string
	// Period is a metric's. An expression has that of the metrics it refers to;
	// where it refers to none, the one here, or else the shortest of all.
	Period time.Duration
}

// A Grid is a row of periods.
type Grid struct {
	Begin  time.Time
	Period time.Duration
	Count  int
}

// At is the beginning of a period.
func (g Grid) At(i int) time.Time { return g.Begin.Add(time.Duration(i) * g.Period) }

// points computes a number for each period.
func (g Grid) points(f func(i int) float64) []float64 {
	points := make([]float64, g.Count)
	for i := range points {
		points[i] = f(i)
	}
	return points
}

// A Program is a checked set of queries.
type Program struct {
	nodes map[string]*node
}

type node struct {
	metric bool
	kind   kind
	eval   func(*Evaluation) value // of an expression
	period time.Duration
}

// Compile checks queries: their ids, their expressions and what those refer to.
func Compile(queries []Query) (*Program, error) {
	c := &compiler{queries: map[string]Query{}, nodes: map[string]*node{}}
	for i, q := range queries {
		if !validID(q.ID) {
			return nil, refuse("The value %s for parameter MetricDataQueries.member.%d.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.", q.ID, i+1)
		}
		if _, ok := c.queries[q.ID]; ok {
			return nil, refuse("The values for parameter id in MetricDataQueries are not unique.")
		}
		c.queries[q.ID] = q
		if q.Expression != "" {
			continue
		}
		c.metrics = append(c.metrics, q.ID)
		if c.shortest == 0 || q.Period < c.shortest {
			c.shortest = q.Period
		}
	}
	for _, q := range queries {
		if _, err := c.node(q.ID); err != nil {
			return nil, err
		}
	}
	return &Program{nodes: c.nodes}, nil
}

func inExpression(id, format string, args ...any) error {
	return refuse("Error in expression '%s': %s", id, fmt.Sprintf(format, args...))
}

func validID(id string) bool {
	return id != "" && 'a' <= id[0] && id[0] <= 'z' && len(id) <= 255 &&
		strings.IndexFunc(id, func(r rune) bool { return r > 'z' || !inName(byte(r)) }) < 0
}

// A compiler makes the nodes of queries, each after those it refers to.
type compiler struct {
	queries  map[string]Query
	metrics  []string // ids, in their order
	shortest time.Duration
	nodes    map[string]*node // nil for those that are being made
}

func (c *compiler) node(id string) (*node, error) {
	if n, ok := c.nodes[id]; ok {
		if n == nil {
			return nil, inExpression(id, "Expression refers to itself")
		}
		return n, nil
	}
	c.nodes[id] = nil
	q := c.queries[id]
	n := &node{metric: true, kind: series, period: q.Period}
	if q.Expression != "" {
		var err error
		if n, err = c.expression(q); err != nil {
			return nil, err
		}
	}
	c.nodes[id] = n
	return n, nil
}

func (c *compiler) expression(q Query) (*node, error) {
	if len(q.Expression) > expressionLimit {
		return nil, inExpression(q.ID, "Expression is longer than %d characters", expressionLimit)
	}
	p := &parser{rest: q.Expression, metrics: c.metrics, refer: func(id string) (*node, error) {
		if _, ok := c.queries[id]; !ok {
			return nil, refuse("Variable '%s' not found", id)
		}
		n, err := c.node(id)
		if err != nil {
			err = &referenceError{err}
		}
		return n, err
	}}
	t, err := p.parse()
	if inner := (*referenceError)(nil); errors.As(err, &inner) {
		return nil, inner.cause // of another expression, which it names
	}
	if err != nil {
		return nil, inExpression(q.ID, "%s", err)
	}
	n := &node{kind: t.kind, eval: t.eval, period: p.common}
	if n.period == 0 {
		n.period = cmp.Or(q.Period, c.shortest)
	}
	if n.period == 0 {
		return nil, inExpression(q.ID, "Period must be specified when there is no metric")
	}
	return n, nil
}

// Period is a query's; 0 where there is none of that id.
func (p *Program) Period(id string) time.Duration {
	if n := p.nodes[id]; n != nil {
		return n.period
	}
	return 0
}

// Single reports whether a query's result is always one time series.
func (p *Program) Single(id string) bool {
	return p.nodes[id].kind == series
}

// A Loader returns a metric's points on a grid.
type Loader func(id string, g Grid) []float64

// An Evaluation computes queries on one grid, each at most once.
type Evaluation struct {
	program *Program
	grid    Grid
	load    Loader
	known   map[string]value
}

// On begins an evaluation.
func (p *Program) On(g Grid, load Loader) *Evaluation {
	return &Evaluation{program: p, grid: g, load: load, known: map[string]value{}}
}

// Lines returns a query's result: one time series, or those of an array.
func (e *Evaluation) Lines(id string) []Line { return e.value(id).lines }

func (e *Evaluation) value(id string) value {
	if v, ok := e.known[id]; ok {
		return v
	}
	var v value
	if n := e.program.nodes[id]; n.metric {
		v = value{kind: series, lines: []Line{{Metric: id, Points: e.load(id, e.grid)}}}
	} else {
		v = n.eval(e)
	}
	e.known[id] = v
	return v
}
