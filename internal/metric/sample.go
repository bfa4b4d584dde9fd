package metric

import (
	"cmp"
	"math"
	"slices"

	"github.com/spate-run/spate/internal/sorting"
)

// A Weighted is a value and how often it came.
type Weighted struct {
	Value  float64 `json:"v"`
	Weight float64 `json:"n"`
}

// A Sample is what is known of the values of a metric at one time or over one
// period: CloudWatch's statistic set, and the values themselves if there are
// any. Its zero value is no data.
type Sample struct {
	Count, Sum, Low, High float64
	// Values are the single values, sorted, each once. They are nil where all
	// are the same, and where only the statistic set is known.
	Values []Weighted
}

// Of is the sample of values with their weights.
func Of(values ...Weighted) Sample {
	var s Sample
	for _, v := range values {
		s.Add(Sample{Count: v.Weight, Sum: v.Value * v.Weight, Low: v.Value, High: v.Value}, true)
	}
	return s
}

// single is the sample's only value, if that is what it has.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html#Percentiles-trimmedmean-requirements
func (s Sample) single() bool { return s.Low == s.High && s.Sum == s.Low*s.Count }

// values are nil where only a statistic set is known.
func (s Sample) values() []Weighted {
	if s.Values == nil && s.Count > 0 && s.single() {
		return []Weighted{{s.Low, s.Count}}
	}
	return s.Values
}

// Add adds another sample's data. Only with keep are the single values kept,
// which percentiles need and others do not.
func (s *Sample) Add(other Sample, keep bool) {
	if s.Count == 0 {
		*s = other
		if !keep {
			s.Values = nil
		}
		return
	}
	if other.Count == 0 {
		return
	}
	var values []Weighted
	if keep && !(s.single() && other.single() && s.Low == other.Low) {
		if a, b := s.values(), other.values(); a != nil && b != nil {
			values = merged(a, b)
		}
	}
	s.Count += other.Count
	s.Sum += other.Sum
	s.Low = min(s.Low, other.Low)
	s.High = max(s.High, other.High)
	s.Values = values
}

func merged(a, b []Weighted) []Weighted {
	all := sorting.All(slices.Values(slices.Concat(a, b)), func(a, b Weighted) int { return cmp.Compare(a.Value, b.Value) })
	kept := all[:0]
	for _, v := range all {
		if n := len(kept); n > 0 && kept[n-1].Value == v.Value {
			kept[n-1].Weight += v.Weight
			continue
		}
		kept = append(kept, v)
	}
	return kept
}

// Thin leaves at most most values, by putting neighbours together. Statistics
// that need single values become approximate, as CloudWatch's own are.
func (s *Sample) Thin(most int) {
	for len(s.Values) > most {
		kept := make([]Weighted, 0, len(s.Values)/2+1)
		for pair := range slices.Chunk(s.Values, 2) {
			v := pair[len(pair)-1]
			if len(pair) == 2 {
				weight := pair[0].Weight + pair[1].Weight
				v = Weighted{(pair[0].Value*pair[0].Weight + pair[1].Value*pair[1].Weight) / weight, weight}
			}
			kept = append(kept, v)
		}
		s.Values = kept
	}
}

// quantile is the value below or at which a share of the data is: the largest
// of what is left when the rest is left out.
func quantile(values []Weighted, share float64) float64 {
	total, below := weight(values), 0.
	for _, v := range values {
		if below += v.Weight; below >= share*total*(1-1e-12) {
			return v.Value
		}
	}
	return values[len(values)-1].Value
}

func weight(values []Weighted) float64 {
	total := 0.
	for _, v := range values {
		total += v.Weight
	}
	return total
}

func total(values []Weighted) float64 {
	total := 0.
	for _, v := range values {
		total += v.Value * v.Weight
	}
	return total
}

// mean is NaN without values.
func mean(values []Weighted) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	return total(values) / weight(values)
}
