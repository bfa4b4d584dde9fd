package cloudwatch

import (
	"context"
	"math"
	"slices"
	"strconv"
	"time"

	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/spate-run/spate/internal/metric"
)

// statisticsLimit is how many data points GetMetricStatistics returns at most.
const statisticsLimit = 1440

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html
func (s *Service) getMetricStatistics(ctx context.Context, in *cw.GetMetricStatisticsInput) (*cw.GetMetricStatisticsOutput, error) {
	statistics, err := readStatistics(in)
	if err != nil {
		return nil, err
	}
	g := asked(*in.StartTime, *in.EndTime, seconds(*in.Period))
	if g.Count > statisticsLimit {
		return nil, invalidCombination("You have requested up to %d datapoints, which exceeds the limit of %d. You may reduce the datapoints requested by increasing Period, or decreasing the time range.", g.Count, statisticsLimit)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := &cw.GetMetricStatisticsOutput{Label: in.MetricName, Datapoints: []types.Datapoint{}}
	m := &types.Metric{Namespace: in.Namespace, MetricName: in.MetricName, Dimensions: in.Dimensions}
	t, err := s.find(ctx, m, g.Begin)
	if t == nil || err != nil {
		return out, err
	}
	for _, l := range t.lanes { // each unit has data points of its own
		if in.Unit != "" && in.Unit != l.unit {
			continue
		}
		for i, x := range t.over(g, l.unit, len(in.ExtendedStatistics) > 0) {
			if x.Count > 0 {
				out.Datapoints = append(out.Datapoints, datapoint(g.At(i), l.unit, x, statistics))
			}
		}
	}
	return out, nil
}

func readStatistics(in *cw.GetMetricStatisticsInput) ([]metric.Statistic, error) {
	switch {
	case in.Namespace == nil:
		return nil, required("Namespace")
	case in.MetricName == nil:
		return nil, required("MetricName")
	case in.StartTime == nil:
		return nil, required("StartTime")
	case in.EndTime == nil:
		return nil, required("EndTime")
	case in.Period == nil:
		return nil, required("Period")
	case len(in.Statistics) == 0 && len(in.ExtendedStatistics) == 0:
		return nil, invalidCombination("Must specify either Statistics or ExtendedStatistics")
	case len(in.Statistics) > 0 && len(in.ExtendedStatistics) > 0:
		return nil, invalidCombination("Statistics and ExtendedStatistics are mutually exclusive.")
	case len(in.Statistics) > 5:
		return nil, invalidValue("The collection Statistics must not have a size greater than 5.")
	case len(in.ExtendedStatistics) > 10:
		return nil, invalidValue("The collection ExtendedStatistics must not have a size greater than 10.")
	case !in.StartTime.Before(*in.EndTime):
		return nil, invalidValue("The parameter StartTime must be less than the parameter EndTime.")
	case in.Unit != "" && !slices.Contains(in.Unit.Values(), in.Unit):
		return nil, invalidValue("The parameter Unit must be a value in the set [%s].", list(in.Unit.Values()))
	}
	if checkPeriod(*in.Period) != nil {
		return nil, invalidValue("The parameter Period must be 1, 5, 10, 20, 30, or a multiple of 60.")
	}
	var statistics []metric.Statistic
	for i, name := range in.Statistics {
		if !slices.Contains(name.Values(), name) {
			return nil, invalidValue("The parameter Statistics.member.%d must be a value in the set [%s].", i+1, list(name.Values()))
		}
		statistic, _ := metric.ParseStatistic(string(name))
		statistics = append(statistics, statistic)
	}
	for i, name := range in.ExtendedStatistics {
		statistic, ok := metric.ParseStatistic(name)
		if !ok || !statistic.NeedsValues() {
			return nil, invalidValue("The value %s for parameter ExtendedStatistics.member.%s is not supported.", name, strconv.Itoa(i+1))
		}
		statistics = append(statistics, statistic)
	}
	return statistics, nil
}

// datapoint leaves out statistics that need single values where there are none.
func datapoint(at time.Time, unit types.StandardUnit, x metric.Sample, statistics []metric.Statistic) types.Datapoint {
	d := types.Datapoint{Timestamp: &at, Unit: unit}
	for _, statistic := range statistics {
		value := statistic.Of(x)
		switch types.Statistic(statistic.String()) {
		case types.StatisticSampleCount:
			d.SampleCount = &value
		case types.StatisticSum:
			d.Sum = &value
		case types.StatisticMinimum:
			d.Minimum = &value
		case types.StatisticMaximum:
			d.Maximum = &value
		case types.StatisticAverage:
			d.Average = &value
		default:
			if d.ExtendedStatistics == nil {
				d.ExtendedStatistics = map[string]float64{}
			}
			if !math.IsNaN(value) {
				d.ExtendedStatistics[statistic.String()] = value
			}
		}
	}
	return d
}
