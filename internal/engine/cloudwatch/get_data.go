package cloudwatch

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/spate-run/spate/internal/metric"
)

// The limits of one GetMetricData request.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
const (
	queriesLimit = 500
	dataLimit    = 100_800
)

func (s *Service) getMetricData(ctx context.Context, in *cw.GetMetricDataInput) (*cw.GetMetricDataOutput, error) {
	if err := checkGetMetricData(in); err != nil {
		return nil, err
	}
	zone, err := readZone(in.LabelOptions)
	if err != nil {
		return nil, err
	}
	p, err := compile(in.MetricDataQueries)
	if err != nil {
		return nil, err
	}
	for _, q := range in.MetricDataQueries {
		if in.EndTime.Sub(*in.StartTime)/p.Period(*q.Id) > dataLimit {
			return nil, validation("The query '%s' asks for more than %d datapoints.", *q.Id, dataLimit)
		}
	}
	all, err := s.results(ctx, p, in, zone)
	if err != nil {
		return nil, err
	}
	return cut(all, in)
}

func checkGetMetricData(in *cw.GetMetricDataInput) error {
	switch {
	case len(in.MetricDataQueries) == 0:
		return required("MetricDataQueries")
	case len(in.MetricDataQueries) > queriesLimit:
		return validation("The collection MetricDataQueries must not have a size greater than %d.", queriesLimit)
	case in.StartTime == nil:
		return required("StartTime")
	case in.EndTime == nil:
		return required("EndTime")
	case !in.StartTime.Before(*in.EndTime):
		return validation("The parameter StartTime must be less than the parameter EndTime.")
	case in.ScanBy != "" && !slices.Contains(in.ScanBy.Values(), in.ScanBy):
		return notOneOf(in.ScanBy, "scanBy", in.ScanBy.Values())
	case in.MaxDatapoints != nil && *in.MaxDatapoints < 1:
		return tooSmall(*in.MaxDatapoints, "maxDatapoints")
	}
	return nil
}

// rounded is a request's start as CloudWatch rounds it down: to whole minutes,
// to five or to hours where the data is no finer; with a period of less than a
// minute, to that.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html
func rounded(start time.Time, period time.Duration) time.Time {
	const day = 24 * time.Hour
	switch age := time.Since(start); {
	case age > 63*day:
		return floor(start, time.Hour)
	case age > 15*day:
		return floor(start, 5*time.Minute)
	}
	return floor(start, min(period, time.Minute))
}

// asked is the grid of a request: its first period begins with its start.
func asked(start, end time.Time, period time.Duration) metric.Grid {
	begin := rounded(start, period)
	return metric.Grid{Begin: begin, Period: period, Count: int((end.Sub(begin) + period - 1) / period)}
}

// results are the whole results of all queries that return data.
func (s *Service) results(ctx context.Context, p *program, in *cw.GetMetricDataInput, zone *time.Location) ([]types.MetricDataResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	evaluations := map[time.Duration]*evaluation{}
	results := []types.MetricDataResult{}
	queries := map[string]types.MetricDataQuery{}
	for _, q := range in.MetricDataQueries {
		queries[*q.Id] = q
	}
	for _, q := range in.MetricDataQueries {
		if q.ReturnData != nil && !*q.ReturnData {
			continue
		}
		period := p.Period(*q.Id)
		g := asked(*in.StartTime, *in.EndTime, period)
		if evaluations[period] == nil {
			evaluations[period] = s.on(ctx, p, g)
		}
		for _, line := range evaluations[period].Lines(*q.Id) {
			r := newResult(q, g, line)
			of, ok := queries[line.Metric]
			l := labeler{query: q, of: of, several: ok && !p.Single(*q.Id), zone: zone, account: s.config.Account}
			r.Label = new(l.label(r.Timestamps, r.Values))
			if in.ScanBy != types.ScanByTimestampAscending {
				slices.Reverse(r.Timestamps)
				slices.Reverse(r.Values)
			}
			results = append(results, r)
		}
	}
	for _, e := range evaluations {
		if e.err != nil {
			return nil, e.err
		}
	}
	return results, nil
}

// newResult has the data points that there are, oldest first.
func newResult(q types.MetricDataQuery, g metric.Grid, line metric.Line) types.MetricDataResult {
	r := types.MetricDataResult{Id: q.Id, StatusCode: types.StatusCodeComplete, Timestamps: []time.Time{}, Values: []float64{}}
	for i, x := range line.Points {
		if !math.IsNaN(x) {
			r.Timestamps = append(r.Timestamps, g.At(i))
			r.Values = append(r.Values, x)
		}
	}
	return r
}

// cut makes a page of results. A token counts the data points before it.
func cut(all []types.MetricDataResult, in *cw.GetMetricDataInput) (*cw.GetMetricDataOutput, error) {
	skip, left := 0, dataLimit
	if in.NextToken != nil {
		text, ok := strings.CutPrefix(*in.NextToken, "points-")
		var err error
		if skip, err = strconv.Atoi(text); err != nil || skip < 0 || !ok {
			return nil, invalidToken()
		}
	}
	if n := int(aws.ToInt32(in.MaxDatapoints)); n > 0 {
		left = min(n, dataLimit)
	}
	out := &cw.GetMetricDataOutput{MetricDataResults: []types.MetricDataResult{}, Messages: []types.MessageData{}}
	position, end := 0, skip+left
	for _, r := range all {
		n := len(r.Values)
		low, high := within(skip-position, n), within(end-position, n)
		position += n
		if low == high && (n > 0 || skip > 0) {
			continue
		}
		r.Timestamps, r.Values = r.Timestamps[low:high], r.Values[low:high]
		if high < n {
			r.StatusCode = types.StatusCodePartialData
		}
		out.MetricDataResults = append(out.MetricDataResults, r)
	}
	if position > end {
		out.NextToken = new("points-" + strconv.Itoa(end))
	}
	return out, nil
}

func within(i, n int) int { return min(max(i, 0), n) }
