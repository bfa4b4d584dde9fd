package cloudwatch

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/spate-run/spate/internal/metric"
	"github.com/spate-run/spate/internal/sorting"
)

// A track is one metric with its data, a lane for each unit.
type track struct {
	id     int64        // in the store; 0 while it is not there
	metric types.Metric // its dimensions are sorted by name
	newest int64        // the time of its last data, in Unix seconds
	lanes  []*lane
	// stored is up to when there is data in the store that is not here, from
	// before this service began; 0 where there is none.
	stored int64
}

func (t *track) lane(unit types.StandardUnit) *lane {
	for _, l := range t.lanes {
		if l.unit == unit {
			return l
		}
	}
	l := &lane{unit: unit}
	t.lanes = append(t.lanes, l)
	return l
}

func (t *track) add(at int64, unit types.StandardUnit, x metric.Sample) {
	t.lane(unit).add(at, x)
	t.newest = max(t.newest, at)
}

// over puts the data of each period together; an empty unit means all. values
// says whether single values are needed.
func (t *track) over(g metric.Grid, unit types.StandardUnit, values bool) []metric.Sample {
	samples := make([]metric.Sample, g.Count)
	if t == nil {
		return samples
	}
	for _, l := range t.lanes {
		if unit == "" || unit == l.unit {
			l.into(samples, g, values)
		}
	}
	return samples
}

// floor rounds down to whole periods since 1970, as CloudWatch's periods are.
func floor(t time.Time, period time.Duration) time.Time {
	past := t.Sub(time.Unix(0, 0)) % period
	if past < 0 {
		past += period
	}
	return t.Add(-past)
}

// track returns a metric's track, and makes it if there is none. The caller
// holds s.mu.
func (s *Service) track(namespace, name string, dimensions []types.Dimension) *track {
	dimensions = sorted(dimensions)
	key := trackKey(namespace, name, dimensions)
	t, ok := s.tracks[key]
	if !ok {
		t = &track{metric: types.Metric{Namespace: &namespace, MetricName: &name, Dimensions: dimensions}}
		s.tracks[key] = t
	}
	return t
}

// find returns a metric's track with all its data since a time, or nil where
// there is no such metric. The caller holds s.mu.
func (s *Service) find(ctx context.Context, m *types.Metric, since time.Time) (*track, error) {
	t := s.tracks[trackKey(aws.ToString(m.Namespace), aws.ToString(m.MetricName), sorted(m.Dimensions))]
	if t != nil && t.stored > 0 && since.Unix() <= t.stored {
		return t, s.load(ctx, t)
	}
	return t, nil
}

func sorted(dimensions []types.Dimension) []types.Dimension {
	return sorting.All(slices.Values(dimensions), func(a, b types.Dimension) int {
		return cmp.Compare(aws.ToString(a.Name), aws.ToString(b.Name))
	})
}

func trackKey(namespace, name string, dimensions []types.Dimension) string {
	parts := []string{namespace, name}
	for _, d := range dimensions {
		parts = append(parts, aws.ToString(d.Name), aws.ToString(d.Value))
	}
	return strings.Join(parts, "\x00")
}
