package cloudwatch

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/spate-run/spate/internal/metric"
)

// A program is a checked set of metric data queries.
type program struct {
	*metric.Program
	sources map[string]source
}

// A source is what a query that is no expression reads.
type source struct {
	metric    *types.Metric
	statistic metric.Statistic
	unit      types.StandardUnit
}

// compile checks queries: ids, statistics, periods, expressions and what those
// refer to.
func compile(queries []types.MetricDataQuery) (*program, error) {
	p := &program{sources: map[string]source{}}
	var plain []metric.Query
	for _, q := range queries {
		query, from, err := readQuery(q)
		if err != nil {
			return nil, err
		}
		plain = append(plain, query)
		if q.MetricStat != nil {
			p.sources[query.ID] = from
		}
	}
	var err error
	if p.Program, err = metric.Compile(plain); err != nil {
		return nil, validation("%s", err)
	}
	return p, nil
}

func readQuery(q types.MetricDataQuery) (metric.Query, source, error) {
	query := metric.Query{ID: aws.ToString(q.Id)}
	switch {
	case (q.Expression == nil) == (q.MetricStat == nil):
		return query, source{}, validation("Exactly one of the parameters Expression and MetricStat must be set for the query '%s'.", query.ID)
	case q.AccountId != nil:
		return query, source{}, validation("AccountId is not supported: there is one account.")
	}
	if q.Period != nil {
		if err := checkPeriod(*q.Period); err != nil {
			return query, source{}, err
		}
		query.Period = seconds(*q.Period)
	}
	if q.Expression != nil {
		if query.Expression = *q.Expression; query.Expression == "" {
			return query, source{}, validation("Error in expression '%s': Invalid syntax", query.ID)
		}
		return query, source{}, nil
	}
	m := q.MetricStat
	switch {
	case m.Metric == nil || m.Metric.Namespace == nil || m.Metric.MetricName == nil:
		return query, source{}, required("MetricStat.Metric")
	case m.Period == nil:
		return query, source{}, required("MetricStat.Period")
	}
	if err := checkPeriod(*m.Period); err != nil {
		return query, source{}, err
	}
	query.Period = seconds(*m.Period)
	statistic, ok := metric.ParseStatistic(aws.ToString(m.Stat))
	if !ok {
		return query, source{}, validation("The value %s for parameter Stat is not supported.", aws.ToString(m.Stat))
	}
	if m.Unit != "" && !slices.Contains(m.Unit.Values(), m.Unit) {
		return query, source{}, notOneOf(m.Unit, "unit", m.Unit.Values())
	}
	return query, source{m.Metric, statistic, m.Unit}, nil
}

func seconds(n int32) time.Duration { return time.Duration(n) * time.Second }

// checkPeriod holds a period to the ones that AWS takes.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricStat.html
func checkPeriod(period int32) error {
	if period > 0 && period%60 == 0 || slices.Contains([]int32{1, 5, 10, 20, 30}, period) {
		return nil
	}
	return validation("Period must be 1, 5, 10, 20, 30, or a multiple of 60.")
}

// An evaluation computes queries on one grid. It looks at the tracks, so its
// user holds s.mu. err is why data could not be read.
type evaluation struct {
	*metric.Evaluation
	err error
}

func (s *Service) on(ctx context.Context, p *program, g metric.Grid) *evaluation {
	e := &evaluation{}
	e.Evaluation = p.On(g, func(id string, g metric.Grid) []float64 {
		from := p.sources[id]
		t, err := s.find(ctx, from.metric, g.Begin)
		e.err = errors.Join(e.err, err)
		points := make([]float64, g.Count)
		for i, x := range t.over(g, from.unit, from.statistic.NeedsValues()) {
			points[i] = from.statistic.Of(x)
		}
		return points
	})
	return e
}
