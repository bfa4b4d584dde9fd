package cloudwatch

import (
	"context"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// putMetricData stores values of the caller's own metrics.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
func (s *Service) putMetricData(_ context.Context, in *cw.PutMetricDataInput) (*cw.PutMetricDataOutput, error) {
	switch {
	case in.Namespace == nil:
		return nil, required("Namespace")
	case strings.HasPrefix(*in.Namespace, "AWS/"):
		return nil, invalidValue("The value AWS/ for parameter Namespace is invalid.")
	}
	data := in.MetricData
	for _, entity := range in.EntityMetricData {
		data = append(data, entity.MetricData...)
	}
	if len(data) == 0 {
		return nil, required("MetricData")
	}
	if len(data) > 1000 {
		return nil, invalidValue("The collection MetricData must not have a size greater than 1000.")
	}
	now := time.Now()
	samples := make([][]sample, len(data))
	for i, d := range data {
		var err error
		if samples[i], err = read(d, "MetricData.member."+strconv.Itoa(i+1), now); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, d := range data {
		r := s.ring(*in.Namespace, *d.MetricName, d.Dimensions)
		for _, x := range samples[i] {
			r.add(x)
		}
	}
	return &cw.PutMetricDataOutput{}, nil
}

// read makes samples of a datum, which AWS's messages call member.
func read(d types.MetricDatum, member string, now time.Time) ([]sample, error) {
	if aws.ToString(d.MetricName) == "" {
		return nil, required(member + ".MetricName")
	}
	if len(d.Dimensions) > 30 {
		return nil, invalidValue("The collection %s.Dimensions must not have a size greater than 30.", member)
	}
	at, unit := now, d.Unit
	if d.Timestamp != nil {
		at = *d.Timestamp
	}
	if unit == "" {
		unit = types.StandardUnitNone
	}
	switch {
	case !slices.Contains(unit.Values(), unit):
		return nil, invalidValue("The value %s for parameter %s.Unit is invalid.", unit, member)
	case at.Before(now.Add(-14*24*time.Hour)) || at.After(now.Add(2*time.Hour)):
		return nil, invalidValue("The value %s for parameter %s.Timestamp must be within the past two weeks and no more than two hours in the future.", at.UTC().Format(time.RFC3339), member)
	}
	if v := d.StatisticValues; v != nil {
		return readSet(v, member, sample{at: at, unit: unit})
	}
	values, counts := d.Values, d.Counts
	if d.Value != nil {
		values, counts = append([]float64{*d.Value}, values...), nil
	}
	switch {
	case len(values) == 0:
		return nil, required(member + ".Value")
	case d.Value != nil && len(d.Values) > 0:
		return nil, invalidCombination("At most one of the parameters %s.Value and %s.Values may be set.", member, member)
	case len(counts) > 0 && len(counts) != len(values):
		return nil, invalidValue("The parameters %s.Values and %s.Counts must be of the same size.", member, member)
	}
	var samples []sample
	for i, value := range values {
		x := single(at, value, unit)
		if len(counts) > 0 {
			x.count, x.sum = counts[i], counts[i]*value
		}
		if err := finite(member, x.sum, x.count); err != nil {
			return nil, err
		}
		samples = append(samples, x)
	}
	return samples, nil
}

func readSet(v *types.StatisticSet, member string, x sample) ([]sample, error) {
	if v.SampleCount == nil || v.Sum == nil || v.Minimum == nil || v.Maximum == nil {
		return nil, required(member + ".StatisticValues")
	}
	x.count, x.sum, x.low, x.high = *v.SampleCount, *v.Sum, *v.Minimum, *v.Maximum
	return []sample{x}, finite(member, x.count, x.sum, x.low, x.high)
}

func finite(member string, numbers ...float64) error {
	for _, x := range numbers {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return invalidValue("The value %v for parameter %s.Value is invalid.", x, member)
		}
	}
	return nil
}

// statisticsLimit is how many data points GetMetricStatistics returns at most.
const statisticsLimit = 1440

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html
func (s *Service) getMetricStatistics(_ context.Context, in *cw.GetMetricStatisticsInput) (*cw.GetMetricStatisticsOutput, error) {
	if err := checkStatistics(in); err != nil {
		return nil, err
	}
	g := between(*in.StartTime, *in.EndTime, seconds(*in.Period))
	if g.count > statisticsLimit {
		return nil, invalidCombination("You have requested up to %d datapoints, which exceeds the limit of 1,440. You may reduce the datapoints requested by increasing Period, or decreasing the time range.", g.count)
	}
	s.mu.Lock()
	merged := s.find(&types.Metric{Namespace: in.Namespace, MetricName: in.MetricName, Dimensions: in.Dimensions}).over(g, in.Unit)
	s.mu.Unlock()
	out := &cw.GetMetricStatisticsOutput{Label: in.MetricName, Datapoints: []types.Datapoint{}}
	for i, x := range merged {
		if x.count > 0 {
			out.Datapoints = append(out.Datapoints, datapoint(g.at(i), x, in.Statistics))
		}
	}
	return out, nil
}

func checkStatistics(in *cw.GetMetricStatisticsInput) error {
	switch {
	case in.Namespace == nil:
		return required("Namespace")
	case in.MetricName == nil:
		return required("MetricName")
	case in.StartTime == nil:
		return required("StartTime")
	case in.EndTime == nil:
		return required("EndTime")
	case in.Period == nil:
		return required("Period")
	case len(in.ExtendedStatistics) > 0:
		return validation("ExtendedStatistics is not supported.")
	case len(in.Statistics) == 0:
		return required("Statistics")
	case !in.StartTime.Before(*in.EndTime):
		return invalidValue("The parameter StartTime must be less than the parameter EndTime.")
	}
	for _, stat := range in.Statistics {
		if !slices.Contains(stat.Values(), stat) {
			return notOneOf(stat, "statistics", stat.Values())
		}
	}
	return checkPeriod(*in.Period)
}

func datapoint(at time.Time, x sample, stats []types.Statistic) types.Datapoint {
	d := types.Datapoint{Timestamp: &at, Unit: x.unit}
	for _, stat := range stats {
		value := new(x.statistic(stat))
		switch stat {
		case types.StatisticSampleCount:
			d.SampleCount = value
		case types.StatisticSum:
			d.Sum = value
		case types.StatisticMinimum:
			d.Minimum = value
		case types.StatisticMaximum:
			d.Maximum = value
		default:
			d.Average = value
		}
	}
	return d
}

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html
func (s *Service) listMetrics(_ context.Context, in *cw.ListMetricsInput) (*cw.ListMetricsOutput, error) {
	s.mu.Lock()
	metrics := []types.Metric{}
	for _, key := range slices.Sorted(maps.Keys(s.rings)) {
		if r := s.rings[key]; r.listed(in) {
			metrics = append(metrics, r.metric)
		}
	}
	s.mu.Unlock()
	page, next, err := paged(metrics, in.NextToken, nil, 500)
	if err != nil {
		return nil, err
	}
	return &cw.ListMetricsOutput{Metrics: page, NextToken: next}, nil
}

func (r *ring) listed(in *cw.ListMetricsInput) bool {
	m := r.metric
	if in.Namespace != nil && *in.Namespace != *m.Namespace || in.MetricName != nil && *in.MetricName != *m.MetricName {
		return false
	}
	if in.RecentlyActive != "" && r.samples[len(r.samples)-1].at.Before(time.Now().Add(-3*time.Hour)) {
		return false
	}
	for _, f := range in.Dimensions {
		if !slices.ContainsFunc(m.Dimensions, func(d types.Dimension) bool {
			return *d.Name == aws.ToString(f.Name) && (f.Value == nil || *d.Value == *f.Value)
		}) {
			return false
		}
	}
	return true
}
