package cloudwatch

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
func TestMetricMath(t *testing.T) {
	none := math.NaN()
	ids := map[string]value{
		"a":  {series: []float64{1, none, 3, none}},
		"b1": {series: []float64{10, 20, 0, none}},
	}
	for text, want := range map[string][]float64{
		"a + b1":                      {11, none, 3, none},
		"a*2+1":                       {3, none, 7, none},
		"1 + 2 * a":                   {3, none, 7, none},
		"(1 + 2) * a":                 {3, none, 9, none},
		"10 - a - 1":                  {8, none, 6, none},
		"a / b1":                      {0.1, none, none, none}, // dividing by zero makes no data point
		"-a":                          {-1, none, -3, none},
		"FILL(a, 0)":                  {1, 0, 3, 0},
		"FILL(a, REPEAT) + .5":        {1.5, 1.5, 3.5, 3.5},
		"FILL(b1, a)":                 {10, 20, 0, none},
		"FILL(a, -1) + FILL(b1, 100)": {11, 19, 3, 99},
		" a\t+\n1 ":                   {2, none, 4, none},
	} {
		e, err := parse(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, e.eval(ids).series, cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"a + b", "FILL(a, REPEAT) * (2 - .5)", "-(", "FILL(", "1e5", "a(", "é", "FILL(a,"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := parse(text)
		if err != nil {
			return
		}
		ids := map[string]value{}
		for _, ref := range e.refs {
			ids[ref] = value{series: []float64{1, math.NaN()}}
		}
		if v := e.eval(ids); v.series == nil && len(e.refs) > 0 {
			t.Errorf("%q refers to %v and is a number", text, e.refs)
		}
	})
}
