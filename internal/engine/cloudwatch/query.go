package cloudwatch

import (
	"regexp"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// expressionLimit is how long an expression may be.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html
const expressionLimit = 2048

var idPattern = regexp.MustCompile(`^[a-z][a-zA-Z0-9_]*$`)

// A program is a checked set of metric data queries that may refer to one
// another by their ids.
type program struct {
	nodes map[string]*node
}

// A node is one query: a metric or an expression.
type node struct {
	query  types.MetricDataQuery
	expr   expression // of an expression
	period time.Duration
}

// compile checks queries: ids, statistics, periods, expressions and what they
// refer to.
func compile(queries []types.MetricDataQuery) (*program, error) {
	p := &program{nodes: map[string]*node{}}
	var metrics []string
	for _, q := range queries {
		if q.MetricStat != nil {
			metrics = append(metrics, aws.ToString(q.Id))
		}
	}
	for _, q := range queries {
		id := aws.ToString(q.Id)
		if !idPattern.MatchString(id) {
			return nil, validation("The value '%s' for parameter Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.", id)
		}
		if p.nodes[id] != nil {
			return nil, validation("The values for parameter id in MetricDataQueries are not unique.")
		}
		n, err := newNode(q, metrics)
		if err != nil {
			return nil, err
		}
		p.nodes[id] = n
	}
	for id := range p.nodes {
		if err := p.resolve(id, nil); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func newNode(q types.MetricDataQuery, metrics []string) (*node, error) {
	id := aws.ToString(q.Id)
	switch {
	case (q.Expression == nil) == (q.MetricStat == nil):
		return nil, validation("Exactly one of the parameters Expression and MetricStat must be set for the query '%s'.", id)
	case q.AccountId != nil:
		return nil, validation("AccountId is not supported: there is one account.")
	case q.Expression != nil:
		if len(*q.Expression) > expressionLimit {
			return nil, validation("Error in expression '%s': it is longer than %d characters.", id, expressionLimit)
		}
		e, err := parse(*q.Expression, metrics)
		if err != nil {
			return nil, validation("Error in expression '%s': %s", id, err)
		}
		return &node{query: q, expr: e}, nil
	}
	m := q.MetricStat
	switch {
	case m.Metric == nil || m.Metric.Namespace == nil || m.Metric.MetricName == nil:
		return nil, required("MetricStat.Metric")
	case m.Period == nil:
		return nil, required("MetricStat.Period")
	}
	if err := checkStatistic(aws.ToString(m.Stat)); err != nil {
		return nil, err
	}
	if err := checkPeriod(*m.Period); err != nil {
		return nil, err
	}
	return &node{query: q, period: seconds(*m.Period)}, nil
}

func seconds(n int32) time.Duration { return time.Duration(n) * time.Second }

func checkStatistic(stat string) error {
	if !slices.Contains(types.Statistic("").Values(), types.Statistic(stat)) {
		return validation("The value '%s' for parameter Stat is not supported: SampleCount, Average, Sum, Minimum and Maximum are.", stat)
	}
	return nil
}

// checkPeriod holds a period to the ones that AWS takes.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricStat.html
func checkPeriod(period int32) error {
	if period > 0 && period%60 == 0 || slices.Contains([]int32{1, 5, 10, 20, 30}, period) {
		return nil
	}
	return validation("Period must be 1, 5, 10, 20, 30, or a multiple of 60.")
}

// resolve sets the period of an expression, which is that of all the metrics
// below it. above are the expressions that led here.
func (p *program) resolve(id string, above []string) error {
	n := p.nodes[id]
	if slices.Contains(above, id) {
		return validation("Error in expression '%s': it refers to itself.", id)
	}
	if n.period != 0 {
		return nil // seen before
	}
	for _, ref := range n.expr.refs {
		if p.nodes[ref] == nil {
			return validation("Error in expression '%s': there is no query with the id '%s'.", id, ref)
		}
		if err := p.resolve(ref, append(above, id)); err != nil {
			return err
		}
		period := p.nodes[ref].period
		if n.period != 0 && n.period != period {
			return validation("Error in expression '%s': the periods of its metrics differ.", id)
		}
		n.period = period
	}
	return nil
}

// eval computes a query on a grid. It looks at the rings, so the caller holds
// s.mu.
func (s *Service) eval(p *program, id string, g grid) []float64 {
	return s.evalOnce(p, id, g, map[string]value{}).lines[0]
}

// evalOnce keeps what it computed in known: expressions may share operands.
func (s *Service) evalOnce(p *program, id string, g grid, known map[string]value) value {
	if v, ok := known[id]; ok {
		return v
	}
	n := p.nodes[id]
	v := value{}
	if m := n.query.MetricStat; m != nil {
		points := make([]float64, g.count)
		for i, x := range s.find(m.Metric).over(g, m.Unit) {
			points[i] = x.statistic(types.Statistic(*m.Stat))
		}
		v.lines = [][]float64{points}
	} else {
		for _, ref := range n.expr.refs {
			s.evalOnce(p, ref, g, known)
		}
		v = n.expr.eval(known)
	}
	known[id] = v
	return v
}
