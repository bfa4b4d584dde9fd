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
	ids := map[string]value{}
	for id, points := range map[string][]float64{
		"a":  {1, none, 3, none},
		"b1": {10, 20, 0, none},
		"c":  {-1.5, 0, 1.5, none},
		// the page's own examples
		"metric1": {30, 20, 0, 0},
		"metric2": {20, none, 20, none},
		"if1":     {1, 1, 0, 0, none},
		"if2":     {30, none, 0, 0, 30},
		"if3":     {0, 0, 20, none, 20},
	} {
		ids[id] = value{lines: [][]float64{points}}
	}
	for text, want := range map[string][]float64{
		"a + b1":                      {11, 20, 3, none}, // what one of two has not is 0
		"a*2+1":                       {3, none, 7, none},
		"1 + 2 * a":                   {3, none, 7, none},
		"(1 + 2) * a":                 {3, none, 9, none},
		"10 - a - 1":                  {8, none, 6, none},
		"b1 / a":                      {10, none, 0, none}, // dividing by zero makes no data point
		"-a":                          {-1, none, -3, none},
		"2 ^ a ^ 2":                   {2, none, 512, none},
		"-a ^ 2":                      {-1, none, -9, none},
		"FILL(a, 0)":                  {1, 0, 3, 0},
		"FILL(a, REPEAT) + .5":        {1.5, 1.5, 3.5, 3.5},
		"FILL(b1, a)":                 {10, 20, 0, none},
		"FILL(a, -1) + FILL(b1, 100)": {11, 19, 3, 99},
		" a\t+\n1 ":                   {2, none, 4, none},

		"metric1 < metric2":                   {0, 0, 1, 0},
		"metric1 >= 30":                       {1, 0, 0, 0},
		"metric1 > 15 AND metric2 > 15":       {1, 0, 0, 0},
		"metric1 > 15 && metric2 > 15":        {1, 0, 0, 0},
		"metric1 > 15 OR metric2 > 15":        {1, 1, 1, 0},
		"metric1 == 30 || metric1 + 20 == 40": {1, 1, 0, 0},
		"1 == 1 || a > 9 && a > 9":            {1, none, 1, none}, // AND binds more than OR
		"a != 1":                              {0, none, 1, none},
		"a <= 1":                              {1, none, 0, none},

		"IF(if1, if2, if3)":             {30, 0, 20, none, none},
		"IF(if1, 5, if3)":               {5, 5, 20, none, none},
		"IF(if1, if2, 5)":               {30, 0, 5, 5, none},
		"IF(if1, 1, 0)":                 {1, 1, 0, 0, none},
		"IF(if1, if2)":                  {30, 0, none, none, none},
		"IF(1 < 2, if2, if3)":           {30, none, 0, 0, 30},
		"IF(0, if2)":                    {none, none, none, none, none},
		"IF(-1, if2, 7)":                {30, none, 0, 0, 30},
		"IF(b1 > 0 AND a == 1, b1, -7)": {10, -7, -7, none},

		"ABS(c)":               {1.5, 0, 1.5, none},
		"CEIL(c)":              {-1, 0, 2, none},
		"FLOOR(c)":             {-2, 0, 1, none},
		"a - MIN(a)":           {0, none, 2, none},
		"a - MAX(a)":           {-2, none, 0, none},
		"a * SUM(a)":           {4, none, 12, none},
		"b1 * 0 + AVG(b1)":     {7.5, 7.5, 7.5, none}, // what is missing counts as 0
		"MAX([a, b1])":         {10, 20, 3, none},
		"MIN([a, b1])":         {1, 20, 0, none},
		"SUM([a, b1])":         {11, 20, 3, none},
		"AVG([a, b1])":         {5.5, 10, 1.5, none},
		"SUM([a])":             {1, none, 3, none},
		"SUM(METRICS())":       {11, 20, 3, none},
		"SUM(METRICS(\"b\"))":  {10, 20, 0, none},
		"SUM(-[a, b1] * 2)":    {-22, -40, -6, none},
		"SUM([a, b1]/[b1, a])": {10.1, 0, 0, none},
		"SUM([METRICS(\"a\"), METRICS(\"b\"), a])": {12, 20, 6, none},
		"MAX(FILL([a, b1], 4))":                    {10, 20, 3, 4},
		"SUM(CEIL(METRICS()))":                     {11, 20, 3, none},
		"FILL(a, MAX(b1))":                         {1, 20, 3, 20},
		"a - MAX(c/0)":                             {none, none, none, none},
	} {
		e, err := parse(text, []string{"a", "b1"})
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if diff := cmp.Diff([][]float64{want}, e.eval(ids).lines, cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestMetricMathRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                   "unexpected end of the expression",
		"1 + 2":              "it refers to no metric",
		"MAX(a)":             "its result is a number, not a single time series",
		"[a, b]":             "its result is a list of time series, not a single time series",
		"METRICS() * 2":      "its result is a list of time series, not a single time series",
		"a AND":              "unexpected end of the expression",
		"a and b":            `unexpected "and b"`,
		"a = 1":              `unexpected "= 1"`,
		"a ! b":              `unexpected "! b"`,
		"IF(a)":              "IF takes a condition and one or two values, numbers or time series",
		"IF([a, b], 1, 0)":   "IF takes a condition and one or two values, numbers or time series",
		"MAX(a, b)":          "MAX takes one time series, or one list of them",
		"a + ABS(1)":         "ABS takes one time series, or one list of them",
		"SUM([a, 1])":        "a list holds time series, not numbers",
		"SUM([a] > 1)":       "> does not take lists of time series",
		"SUM([a, b] + [a])":  "+ takes lists of the same length",
		"FILL(1, 0)":         "FILL takes a time series or a list of them",
		"FILL(a, [a, b])":    "FILL fills with a number, a time series or REPEAT",
		`SUM(METRICS("zz"))`: `METRICS("zz") stands for no metric`,
		`SUM(METRICS("a))`:   `expected "\"" before ""`,
		"STDDEV([a, b])":     "the function STDDEV is not supported",
		"MAX(a":              `expected ")" before ""`,
	} {
		_, err := parse(text, []string{"a", "b"})
		if err == nil || err.Error() != want {
			t.Errorf("%q: got error %v, want %s", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"a + b", "FILL(a, REPEAT) * (2 - .5)", "-(", "FILL(", "1e5", "a(", "é", "FILL(a,",
		"IF(a > 0 AND b == 0 || 1 <= 2, a, 0)", "SUM([a, METRICS(\"a\")] ^ -2) / MAX(a)",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := parse(text, []string{"a", "b"})
		if err != nil {
			return
		}
		ids := map[string]value{}
		for _, ref := range e.refs {
			ids[ref] = value{lines: [][]float64{{1, math.NaN()}}}
		}
		if v := e.eval(ids); len(v.lines) != 1 || len(v.lines[0]) != 2 {
			t.Errorf("%q: got %v, want one time series of two periods", text, v)
		}
	})
}
