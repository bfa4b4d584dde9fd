package cloudwatch

import (
	"cmp"
	"math"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// ringLimit is how many data points of a metric are kept: 68 hours of a
// collected metric at cadence 1, 68 minutes at cadence 60.
const ringLimit = 4096

// A sample is a statistic set at a time.
type sample struct {
	at                    time.Time
	unit                  types.StandardUnit
	count, sum, low, high float64
}

func single(at time.Time, value float64, unit types.StandardUnit) sample {
	return sample{at: at, unit: unit, count: 1, sum: value, low: value, high: value}
}

func (x *sample) merge(y sample) {
	if x.count == 0 {
		*x = y
		return
	}
	x.count += y.count
	x.sum += y.sum
	x.low = min(x.low, y.low)
	x.high = max(x.high, y.high)
}

// statistic is NaN when the sample has no data.
func (x sample) statistic(stat types.Statistic) float64 {
	if x.count == 0 {
		return math.NaN()
	}
	switch stat {
	case types.StatisticSampleCount:
		return x.count
	case types.StatisticSum:
		return x.sum
	case types.StatisticMinimum:
		return x.low
	case types.StatisticMaximum:
		return x.high
	}
	return x.sum / x.count
}

// A ring holds the newest samples of one metric, sorted by time. Values that
// come for the same time and unit are one sample.
type ring struct {
	metric  types.Metric // its dimensions are sorted by name
	samples []sample
}

func (r *ring) add(x sample) {
	i := len(r.samples)
	for i > 0 && r.samples[i-1].at.After(x.at) {
		i--
	}
	for j := i - 1; j >= 0 && r.samples[j].at.Equal(x.at); j-- {
		if r.samples[j].unit == x.unit {
			r.samples[j].merge(x)
			return
		}
	}
	r.samples = slices.Insert(r.samples, i, x)
	if len(r.samples) > ringLimit {
		r.samples = r.samples[1:]
	}
}

// A grid is a row of periods.
type grid struct {
	begin  time.Time
	period time.Duration
	count  int
}

func (g grid) at(i int) time.Time { return g.begin.Add(time.Duration(i) * g.period) }

// between is the grid of the whole periods that touch [begin, end).
func between(begin, end time.Time, period time.Duration) grid {
	begin = begin.Truncate(period)
	return grid{begin: begin, period: period, count: int((end.Sub(begin) + period - 1) / period)}
}

// over merges the samples of each period; an empty unit means all.
func (r *ring) over(g grid, unit types.StandardUnit) []sample {
	merged := make([]sample, g.count)
	if r == nil {
		return merged
	}
	first := sort.Search(len(r.samples), func(i int) bool { return !r.samples[i].at.Before(g.begin) })
	for _, x := range r.samples[first:] {
		i := int(x.at.Sub(g.begin) / g.period)
		if i >= g.count {
			break
		}
		if unit == "" || unit == x.unit {
			merged[i].merge(x)
		}
	}
	return merged
}

// ring returns the ring of a metric, and makes it if there is none. The caller
// holds s.mu.
func (s *Service) ring(namespace, name string, dimensions []types.Dimension) *ring {
	dimensions = sorted(dimensions)
	key := ringKey(namespace, name, dimensions)
	r, ok := s.rings[key]
	if !ok {
		r = &ring{metric: types.Metric{Namespace: &namespace, MetricName: &name, Dimensions: dimensions}}
		s.rings[key] = r
	}
	return r
}

// find returns the ring of a metric, or nil. The caller holds s.mu.
func (s *Service) find(m *types.Metric) *ring {
	return s.rings[ringKey(aws.ToString(m.Namespace), aws.ToString(m.MetricName), sorted(m.Dimensions))]
}

func sorted(dimensions []types.Dimension) []types.Dimension {
	return slices.SortedFunc(slices.Values(dimensions), func(a, b types.Dimension) int {
		return cmp.Compare(aws.ToString(a.Name), aws.ToString(b.Name))
	})
}

func ringKey(namespace, name string, dimensions []types.Dimension) string {
	parts := []string{namespace, name}
	for _, d := range dimensions {
		parts = append(parts, aws.ToString(d.Name), aws.ToString(d.Value))
	}
	return strings.Join(parts, "\x00")
}
