package metric

import (
	"math"
	"strconv"
	"strings"
)

// A Statistic makes one number of a sample.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
type Statistic struct {
	name    string
	bounds  bounds
	compute func(bounds, Sample) float64
	values  bool
	share   float64 // of a percentile
}

// bounds say which values count: those between two shares of the data, or those
// above low and up to high.
type bounds struct {
	low, high float64
	shares    bool
}

// ParseStatistic reads a statistic's name: Average, p99, tm90, TM(2%:98%),
// PR(:300), IQM.
func ParseStatistic(name string) (Statistic, bool) {
	if f, ok := plain()[name]; ok {
		return Statistic{name: name, compute: func(_ bounds, s Sample) float64 { return f(s) }}, true
	}
	if name == "IQM" {
		return Statistic{name: name, bounds: bounds{.25, .75, true}, compute: extended()["TM"], values: true}, true
	}
	if call, ok := strings.CutSuffix(name, ")"); ok {
		head, inner, _ := strings.Cut(call, "(")
		f, known := extended()[head]
		b, valid := parseBounds(inner)
		return Statistic{name: name, bounds: b, compute: f, values: true}, known && valid && (head != "PR" || !b.shares)
	}
	if text, ok := strings.CutPrefix(name, "p"); ok {
		share, valid := parseShare(text)
		s := Statistic{name: name, share: share, values: true}
		s.compute = func(_ bounds, x Sample) float64 { return quantile(x.Values, share) }
		return s, valid
	}
	if len(name) < 2 {
		return Statistic{}, false
	}
	f, ok := extended()[strings.ToUpper(name[:2])]
	share, valid := parseShare(name[2:])
	s := Statistic{name: name, bounds: bounds{0, share, true}, compute: f, values: true}
	return s, ok && valid && name[:2] == strings.ToLower(name[:2]) && name[:2] != "pr"
}

// plain are the statistics of a statistic set.
func plain() map[string]func(Sample) float64 {
	return map[string]func(Sample) float64{
		"SampleCount": func(s Sample) float64 { return s.Count },
		"Sum":         func(s Sample) float64 { return s.Sum },
		"Average":     func(s Sample) float64 { return s.Sum / s.Count },
		"Minimum":     func(s Sample) float64 { return s.Low },
		"Maximum":     func(s Sample) float64 { return s.High },
	}
}

// extended are those of single values within bounds.
func extended() map[string]func(bounds, Sample) float64 {
	return map[string]func(bounds, Sample) float64{
		"TM": func(b bounds, s Sample) float64 { return mean(b.trim(s.Values)) },
		"TC": func(b bounds, s Sample) float64 { return weight(b.trim(s.Values)) },
		"TS": func(b bounds, s Sample) float64 { return total(b.trim(s.Values)) },
		"WM": func(b bounds, s Sample) float64 { return mean(b.clamp(s.Values)) },
		"PR": func(b bounds, s Sample) float64 { return 100 * weight(b.trim(s.Values)) / weight(s.Values) },
	}
}

// parseShare reads a number from 0 to 100 with up to ten decimals.
func parseShare(text string) (float64, bool) {
	_, decimals, _ := strings.Cut(text, ".")
	n, ok := parseNumber(text)
	return n / 100, ok && n >= 0 && n <= 100 && len(decimals) <= 10
}

func parseNumber(text string) (float64, bool) {
	if strings.Trim(text, "0123456789.") != "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil
}

// parseBounds reads "10%:90%", ":95%", "150:1000" and the like.
func parseBounds(text string) (bounds, bool) {
	low, high, ok := strings.Cut(text, ":")
	if !ok || low == "" && high == "" {
		return bounds{}, false
	}
	b := bounds{low: math.Inf(-1), high: math.Inf(1), shares: strings.Contains(text, "%")}
	parse := parseNumber
	if b.shares {
		b.low, b.high = 0, 1
		parse = func(text string) (float64, bool) {
			digits, ok := strings.CutSuffix(text, "%")
			n, valid := parseShare(digits)
			return n, ok && valid
		}
	}
	if low != "" {
		if b.low, ok = parse(low); !ok {
			return bounds{}, false
		}
	}
	if high != "" {
		if b.high, ok = parse(high); !ok {
			return bounds{}, false
		}
	}
	return b, b.low < b.high
}

// trim leaves what is within the bounds. A value on the edge of a share counts
// with the part of its weight that is inside.
func (b bounds) trim(values []Weighted) []Weighted {
	var kept []Weighted
	all, below := weight(values), 0.
	for _, v := range values {
		inside := v.Weight
		if b.shares {
			inside = min(below+v.Weight, b.high*all) - max(below, b.low*all)
		} else if v.Value <= b.low || v.Value > b.high {
			inside = 0
		}
		below += v.Weight
		if inside > v.Weight*1e-9 {
			kept = append(kept, Weighted{v.Value, inside})
		}
	}
	return kept
}

// clamp makes the values outside of the bounds those on their edges.
func (b bounds) clamp(values []Weighted) []Weighted {
	low, high := b.low, b.high
	if b.shares {
		low, high = quantile(values, b.low), quantile(values, b.high)
	}
	clamped := make([]Weighted, len(values))
	for i, v := range values {
		clamped[i] = Weighted{min(max(v.Value, low), high), v.Weight}
	}
	return clamped
}

// Of is NaN where the sample has no data. A statistic that needs single values
// is also NaN where they are not known, or where any of them is negative.
func (s Statistic) Of(x Sample) float64 {
	if x.Count == 0 {
		return math.NaN()
	}
	if s.values {
		if x.Values = x.values(); x.Values == nil || x.Low < 0 {
			return math.NaN()
		}
	}
	return finite(s.compute(s.bounds, x))
}

// NeedsValues reports whether the statistic needs single values.
func (s Statistic) NeedsValues() bool { return s.values }

// Significant is how many values a percentile needs to be a good one: ten
// beyond it. Other statistics need none.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html
func (s Statistic) Significant() float64 {
	rare := min(s.share, 1-s.share)
	if rare <= 0 {
		return 0
	}
	return math.Round(10 / rare)
}

func (s Statistic) String() string { return s.name }
