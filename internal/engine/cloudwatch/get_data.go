package cloudwatch

import (
	"context"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// The limits of one GetMetricData request.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
const (
	queriesLimit = 500
	dataLimit    = 100_800
)

func (s *Service) getMetricData(_ context.Context, in *cw.GetMetricDataInput) (*cw.GetMetricDataOutput, error) {
	if err := checkGetMetricData(in); err != nil {
		return nil, err
	}
	p, err := compile(in.MetricDataQueries)
	if err != nil {
		return nil, err
	}
	for id, n := range p.nodes {
		if in.EndTime.Sub(*in.StartTime)/n.period > dataLimit {
			return nil, validation("The query '%s' asks for more than %d datapoints.", id, dataLimit)
		}
	}
	all := s.results(p, in)
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
	}
	return nil
}

// results are the whole results of all queries that return data.
func (s *Service) results(p *program, in *cw.GetMetricDataInput) []types.MetricDataResult {
	s.mu.Lock()
	defer s.mu.Unlock()
	results := []types.MetricDataResult{}
	for _, q := range in.MetricDataQueries {
		if q.ReturnData != nil && !*q.ReturnData {
			continue
		}
		g := between(*in.StartTime, *in.EndTime, p.nodes[*q.Id].period)
		r := types.MetricDataResult{
			Id: q.Id, Label: new(label(q)), StatusCode: types.StatusCodeComplete,
			Timestamps: []time.Time{}, Values: []float64{},
		}
		for i, x := range s.eval(p, *q.Id, g) {
			if !math.IsNaN(x) {
				r.Timestamps = append(r.Timestamps, g.at(i))
				r.Values = append(r.Values, x)
			}
		}
		if in.ScanBy != types.ScanByTimestampAscending {
			slices.Reverse(r.Timestamps)
			slices.Reverse(r.Values)
		}
		results = append(results, r)
	}
	return results
}

func label(q types.MetricDataQuery) string {
	switch {
	case q.Label != nil:
		return *q.Label
	case q.MetricStat != nil:
		return *q.MetricStat.Metric.MetricName
	}
	return *q.Id
}

// cut makes a page of results. A token counts the data points before it.
func cut(all []types.MetricDataResult, in *cw.GetMetricDataInput) (*cw.GetMetricDataOutput, error) {
	skip, left := 0, dataLimit
	if in.NextToken != nil {
		var err error
		if skip, err = strconv.Atoi(*in.NextToken); err != nil || skip < 0 {
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
		out.NextToken = new(strconv.Itoa(end))
	}
	return out, nil
}

func within(i, n int) int { return min(max(i, 0), n) }
