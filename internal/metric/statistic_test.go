package metric_test

import (
	"math"
	"testing"

	"github.com/spate-run/spate/internal/metric"
)

// row is the sample of the numbers from first to last.
func row(first, last int) metric.Sample {
	var values []metric.Weighted
	for i := first; i <= last; i++ {
		values = append(values, metric.Weighted{Value: float64(i), Weight: 1})
	}
	return metric.Of(values...)
}

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
func TestStatistics(t *testing.T) {
	hundred := row(1, 100)
	for name, want := range map[string]float64{
		"SampleCount": 100, "Sum": 5050, "Average": 50.5, "Minimum": 1, "Maximum": 100,
		"p0": 1, "p0.0": 1, "p50": 50, "p95": 95, "p99.5": 100, "p100": 100,
		// The 10 % of data points with the highest values are left out.
		"tm90": 45.5, "TM(:90%)": 45.5, "tc90": 90, "ts90": 4095,
		// The 2 % lowest and the 2 % highest are left out.
		"TM(2%:98%)": 50.5, "TC(2%:98%)": 96,
		// Lower than or equal to 15, or higher than 95, are left out.
		"TM(15:95)": 55.5, "TC(15:95)": 80, "TC(:5)": 5, "TC(95:)": 5,
		"TS(80%:)": 1810,
		"IQM":      50.5, "TM(25%:75%)": 50.5,
		// The 2 % highest count as the value at the 98th percentile.
		"wm98": (98*99/2 + 98*2) / 100., "WM(10%:90%)": (10*10 + (11+90)*40. + 90*10) / 100,
		"PR(:30)": 30, "PR(10:20)": 10, "PR(90:)": 10,
	} {
		s, ok := metric.ParseStatistic(name)
		if !ok {
			t.Errorf("%s: got no statistic", name)
			continue
		}
		if got := s.Of(hundred); math.Abs(got-want) > 1e-9 {
			t.Errorf("%s of 1 to 100: got %v, want %v", name, got, want)
		}
		if s.String() != name || !math.IsNaN(s.Of(metric.Sample{})) {
			t.Errorf("%s: got %s, of nothing %v; want NaN", name, s, s.Of(metric.Sample{}))
		}
	}
	for _, name := range []string{
		"", "p", "p101", "p-1", "pp5", "average", "tm", "tm101", "TM90", "tm(5:6)", "TM()", "TM(:)", "TM(5)", "TM(5%:6)",
		"TM(6:5)", "TM(90%:10%)", "PR(1%:2%)", "pr90", "iqm", "p1e1", "p0.12345678901", "TM(:95%", "p0x5", "Tm90", "p.", "XX(1:2)",
	} {
		if s, ok := metric.ParseStatistic(name); ok {
			t.Errorf("%q: got statistic %v, want none", name, s)
		}
	}
}

// Statistics of single values need them, and no negative ones.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html#Percentiles-trimmedmean-requirements
func TestStatisticsNeedValues(t *testing.T) {
	set := metric.Sample{Count: 3, Sum: 12, Low: 2, High: 6}
	same := metric.Sample{Count: 3, Sum: 12, Low: 4, High: 4}
	p50, _ := metric.ParseStatistic("p50")
	for name, tt := range map[string]struct {
		sample metric.Sample
		want   float64
	}{
		"a set":           {set, none},
		"a set of one":    {metric.Sample{Count: 1, Sum: 4, Low: 4, High: 4}, 4},
		"a set of equals": {same, 4},
		"negative":        {row(-1, 1), none},
		"of weights":      {metric.Of(metric.Weighted{Value: 1, Weight: 9}, metric.Weighted{Value: 50, Weight: 11}), 50},
	} {
		if got := p50.Of(tt.sample); got != tt.want && !(math.IsNaN(got) && math.IsNaN(tt.want)) {
			t.Errorf("p50 of %s: got %v, want %v", name, got, tt.want)
		}
	}
	both := row(1, 3)
	both.Add(set, true)
	if got := p50.Of(both); !math.IsNaN(got) || both.Count != 6 || both.Sum != 18 || both.High != 6 {
		t.Errorf("values and a set: got p50 %v of %+v, want none of six", got, both)
	}
}

func TestThin(t *testing.T) {
	s := row(1, 1000)
	s.Thin(64)
	p90, _ := metric.ParseStatistic("p90")
	if got := p90.Of(s); len(s.Values) > 64 || got < 880 || got > 920 {
		t.Errorf("got %d values and p90 %v, want at most 64 and about 900", len(s.Values), got)
	}
	if got := metric.Of(s.Values...); got.Count != 1000 || math.Abs(got.Sum-s.Sum) > 1e-6 {
		t.Errorf("got %v values of sum %v, want 1000 of %v", got.Count, got.Sum, s.Sum)
	}
}

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html
func TestSignificant(t *testing.T) {
	for name, want := range map[string]float64{"p99": 1000, "p50": 20, "p10": 100, "p100": 0, "Average": 0} {
		s, _ := metric.ParseStatistic(name)
		if got := s.Significant(); got != want {
			t.Errorf("%s: got %v values, want %v", name, got, want)
		}
	}
}
