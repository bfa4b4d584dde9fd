package metric_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/spate-run/spate/internal/metric"
)

var none = math.NaN()

// noon is a Friday.
var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// evaluate computes an expression over metrics of a minute, all as long as the
// longest. METRICS() has them in the order of ids.
func evaluate(t *testing.T, text string, ids []string, points map[string][]float64) ([]metric.Line, error) {
	t.Helper()
	queries := []metric.Query{{ID: "expression", Expression: text}}
	count := 0
	for _, id := range ids {
		queries = append(queries, metric.Query{ID: id, Period: time.Minute})
		count = max(count, len(points[id]))
	}
	p, err := metric.Compile(queries)
	if err != nil {
		return nil, err
	}
	grid := metric.Grid{Begin: noon, Period: p.Period("expression"), Count: count}
	return p.On(grid, func(id string, g metric.Grid) []float64 {
		long := make([]float64, g.Count)
		for i := range long {
			long[i] = none
		}
		copy(long, points[id])
		return long
	}).Lines("expression"), nil
}

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
func TestMetricMath(t *testing.T) {
	ids := []string{"a", "b1", "c"}
	points := map[string][]float64{
		"a":  {1, none, 3, none},
		"b1": {10, 20, 0, none},
		"c":  {-1.5, 0, 1.5, none},
	}
	for text, want := range map[string][]float64{
		"a + b1":                      {11, 20, 3, none}, // what one of two has not is 0
		"a*2+1":                       {3, none, 7, none},
		"1 + 2 * a":                   {3, none, 7, none},
		"(1 + 2) * a":                 {3, none, 9, none},
		"10 - a - 1":                  {8, none, 6, none},
		"b1 / a":                      {10, none, 0, none}, // dividing by zero makes no data point
		"a * 1e2 / 2.5E+1":            {4, none, 12, none},
		"-a":                          {-1, none, -3, none},
		"2 ^ a ^ 2":                   {2, none, 512, none},
		"-a ^ 2":                      {-1, none, -9, none},
		"FILL(a, 0)":                  {1, 0, 3, 0},
		"FILL(a, REPEAT) + .5":        {1.5, 1.5, 3.5, 3.5},
		"FILL(a, LINEAR)":             {1, 2, 3, none},
		"FILL(b1, a)":                 {10, 20, 0, none},
		"FILL(a, -1) + FILL(b1, 100)": {11, 19, 3, 99},
		" a\t+\n1 ":                   {2, none, 4, none},
		"1 == 1 || a > 9 && a > 9":    {1, none, 1, none}, // AND binds more than OR
		"a != 1":                      {0, none, 1, none},
		"a <= 1":                      {1, none, 0, none},

		"IF(1 < 2, a, c)":               {1, none, 3, none},
		"IF(0, a)":                      {none, none, none, none},
		"IF(-1, a, 7)":                  {1, none, 3, none},
		"IF(b1 > 0 AND a == 1, b1, -7)": {10, -7, -7, none},

		"ABS(c)":                  {1.5, 0, 1.5, none},
		"CEIL(c)":                 {-1, 0, 2, none},
		"FLOOR(c)":                {-2, 0, 1, none},
		"LOG10(b1 * 10)":          {2, math.Log10(200), none, none}, // of 0 there is none
		"LOG(c)":                  {none, none, math.Log(1.5), none},
		"a - MIN(a)":              {0, none, 2, none},
		"a - MAX(a)":              {-2, none, 0, none},
		"a * SUM(a)":              {4, none, 12, none},
		"b1 * 0 + AVG(b1)":        {7.5, 7.5, 7.5, none}, // what is missing counts as 0
		"a * STDDEV(a)":           {1, none, 3, none},
		"a / DATAPOINT_COUNT(b1)": {1. / 3, none, 1, none},
		"a - MAX(c/0)":            {none, none, none, none},
		"FILL(a, MAX(b1))":        {1, 20, 3, 20},

		"MAX([a, b1])":                           {10, 20, 3, none},
		"MIN([a, b1])":                           {1, 20, 0, none},
		"SUM([a, b1])":                           {11, 20, 3, none},
		"AVG([a, b1])":                           {5.5, 10, 1.5, none},
		"STDDEV([a, b1])":                        {4.5, 0, 1.5, none},
		"DATAPOINT_COUNT([a, b1])":               {2, 1, 2, 0},
		"SUM([a])":                               {1, none, 3, none},
		"SUM(METRICS())":                         {9.5, 20, 4.5, none},
		"SUM(METRICS(\"b\"))":                    {10, 20, 0, none},
		"SUM(-[a, b1] * 2)":                      {-22, -40, -6, none},
		"SUM(100/[a, b1])":                       {110, 5, 100. / 3, none},
		"AVG([a, b1]/c)":                         {(1/-1.5 + 10/-1.5) / 2, none, 1, none},
		"SUM([METRICS(\"a\"), METRICS('b'), a])": {12, 20, 6, none},
		"MAX(FILL([a, b1], 4))":                  {10, 20, 3, 4},
		"SUM(CEIL(METRICS()))":                   {10, 20, 5, none},
		"b1 / METRIC_COUNT(METRICS())":           {10. / 3, 20. / 3, 0, none},

		"DIFF(b1)":                  {none, 10, -20, none},
		"DIFF(a)":                   {none, none, 2, none}, // over the gap
		"DIFF_TIME(a)":              {none, none, 120, none},
		"RATE(a) * 60":              {none, none, 1, none},
		"RUNNING_SUM(a)":            {1, none, 4, none},
		"SUM(RUNNING_SUM([a, b1]))": {11, 30, 34, none},
		"b1 / PERIOD(b1) * 60":      {10, 20, 0, none},
		"TIME_SERIES(5 * 2)":        {10, 10, 10, 10},
		"TIME_SERIES(MAX(b1))":      {20, 20, 20, 20},

		"MINUTE(a)":             {0, 1, 2, 3},
		"HOUR(a)":               {12, 12, 12, 12},
		"DAY(a)":                {5, 5, 5, 5},
		"DATE(a)":               {20, 20, 20, 20},
		"MONTH(a)":              {11, 11, 11, 11},
		"YEAR(a)":               {2026, 2026, 2026, 2026},
		"EPOCH(a) - 1795176000": {0, 60, 120, 180},
		"IF(DAY(a) < 6, a)":     {1, 0, 3, 0},
		"IF((DAY(a)<6 AND (HOUR(a)>=13 AND HOUR(a)<17)),a)": {none, none, none, none},

		"FIRST(SORT(METRICS(), AVG, DESC))":                       {10, 20, 0, none},
		"LAST(SORT(METRICS(), SUM, DESC))":                        {-1.5, 0, 1.5, none},
		"FIRST(SORT([b1, a, c], MIN, ASC))":                       {-1.5, 0, 1.5, none},
		"LAST(SORT([a, b1], MAX, DESC, 1))":                       {10, 20, 0, none},
		"SUM(SLICE(SORT(METRICS(), SUM, DESC), 1))":               {-.5, 0, 4.5, none},
		"SUM(SLICE(METRICS(), 0, 2))":                             {11, 20, 3, none},
		"FIRST(SLICE(METRICS(), 9))":                              {none, none, none, none},
		"TIME_SERIES(METRIC_COUNT(REMOVE_EMPTY([a, a / 0, b1])))": {2, 2, 2, 2},
	} {
		lines, err := evaluate(t, text, ids, points)
		if err != nil || len(lines) != 1 {
			t.Errorf("%q: got %v, %v; want one time series", text, lines, err)
			continue
		}
		if diff := cmp.Diff(want, lines[0].Points, cmpopts.EquateNaNs(), cmpopts.EquateApprox(0, 1e-12)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

// The page's own examples of operators and of IF.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html#metric-math-syntax-operators
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html#using-IF-expressions
func TestMetricMathAsDocumented(t *testing.T) {
	ids := []string{"metric1", "metric2", "metric3"}
	for _, tt := range []struct {
		metric1, metric2, metric3 []float64
		text                      string
		want                      []float64
	}{
		{[]float64{30, 20, 0, 0}, []float64{20, none, 20, none}, nil, "metric1 < metric2", []float64{0, 0, 1, 0}},
		{[]float64{30, 20, 0, 0}, []float64{20, none, 20, none}, nil, "metric1 >= 30", []float64{1, 0, 0, 0}},
		{[]float64{30, 20, 0, 0}, []float64{20, none, 20, none}, nil, "metric1 > 15 AND metric2 > 15", []float64{1, 0, 0, 0}},
		{[]float64{1, 1, 0, 0, none}, []float64{30, none, 0, 0, 30}, []float64{0, 0, 20, none, 20}, "IF(metric1, metric2, metric3)", []float64{30, 0, 20, none, none}},
		{[]float64{1, 1, 0, 0, none}, nil, []float64{0, 0, 20, none, 20}, "IF(metric1, 5, metric3)", []float64{5, 5, 20, none, none}},
		{[]float64{1, 1, 0, 0, none}, []float64{30, none, 0, 0, 30}, nil, "IF(metric1, metric2, 5)", []float64{30, 0, 5, 5, none}},
	} {
		lines, err := evaluate(t, tt.text, ids, map[string][]float64{"metric1": tt.metric1, "metric2": tt.metric2, "metric3": tt.metric3})
		if err != nil {
			t.Errorf("%q: %v", tt.text, err)
			continue
		}
		if diff := cmp.Diff(tt.want, lines[0].Points, cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tt.text, diff)
		}
	}
}

// A result may be several time series, each still that of its metric.
func TestArrays(t *testing.T) {
	points := map[string][]float64{"a": {1, 2}, "b": {30, none}, "c": {5, 5}}
	for text, want := range map[string]map[string][]float64{
		"METRICS() / 100":                     {"a": {.01, .02}, "b": {.3, none}, "c": {.05, .05}},
		"[a, b] - c":                          {"a": {-4, -3}, "b": {25, -5}},
		"SLICE(SORT(METRICS(), MAX, ASC), 1)": {"c": {5, 5}, "b": {30, none}},
		"FILL(METRICS(\"b\"), c)":             {"b": {30, 5}},
		"REMOVE_EMPTY([a / 0, b])":            {"b": {30, none}},
	} {
		lines, err := evaluate(t, text, []string{"a", "b", "c"}, points)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		got := map[string][]float64{}
		for _, line := range lines {
			got[line.Metric] = line.Points
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateNaNs(), cmpopts.EquateApprox(0, 1e-12)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"1 + 2":                     "The result must be a time series or an array of time series, not a scalar",
		"MAX(a)":                    "The result must be a time series or an array of time series, not a scalar",
		"a AND":                     "Invalid syntax",
		"a and b":                   "Invalid syntax",
		"a = 1":                     "Invalid syntax",
		"a ! b":                     "Invalid syntax",
		"a + 0x1p4":                 "Invalid syntax",
		"MAX(a":                     "Invalid syntax",
		"METRICS(\"a":               "Invalid syntax",
		"A + 1":                     "Invalid syntax",
		"a + z":                     "Variable 'z' not found",
		"a + expression":            "Expression refers to itself",
		"a + hourly":                "All metrics must have the same period",
		"IF(a)":                     "Function 'IF' takes a condition and one or two values, scalars or time series",
		"IF([a, b], 1, 0)":          "Function 'IF' takes a condition and one or two values, scalars or time series",
		"MAX(a, b)":                 "Function 'MAX' takes one time series, or one array of them",
		"a + ABS(1)":                "Function 'ABS' takes one time series, or one array of them",
		"SUM([a, 1])":               "An array holds time series, not scalars",
		"SUM([a] > 1)":              "Operator '>' does not take these operands: at most one array of time series, and that of an arithmetic operator",
		"SUM([a, b] + [a])":         "Operator '+' does not take these operands: at most one array of time series, and that of an arithmetic operator",
		"FILL(1, 0)":                "Function 'FILL' takes one time series, or one array of them",
		"FILL(a, [a, b])":           "Function 'FILL' fills with a scalar, a time series, REPEAT or LINEAR",
		"PERIOD(expression)":        "Function 'PERIOD' takes a metric",
		"TIME_SERIES(a)":            "Function 'TIME_SERIES' takes one scalar",
		"FIRST(a)":                  "Function 'FIRST' takes one array of time series",
		"SLICE([a, b])":             "Function 'SLICE' takes an array of time series, and one or two scalars",
		"SORT([a, b], MEDIAN, ASC)": "Function 'SORT' sorts by AVG, MIN, MAX or SUM",
		"SORT([a, b], AVG, UP)":     "Function 'SORT' sorts in the order ASC or DESC",
		"MONTH([a, b])":             "Function 'MONTH' takes one time series",
		"MEDIAN([a, b])":            "Function 'MEDIAN' not found",
		"SEARCH('x', 'Sum', 60)":    "Function 'SEARCH' is not supported here",
		"SELECT AVG(x) FROM y":      "Metrics Insights queries are not supported here",
		strings.Repeat("(", 2049):   "Expression is longer than 2048 characters",
	} {
		_, err := metric.Compile([]metric.Query{
			{ID: "expression", Expression: text},
			{ID: "a", Period: time.Minute}, {ID: "b", Period: time.Minute}, {ID: "hourly", Period: time.Hour},
		})
		if want = "Error in expression 'expression': " + want; err == nil || err.Error() != want {
			t.Errorf("%q: got error %v, want %s", text, err, want)
		}
	}
	for name, queries := range map[string][]metric.Query{
		"Error in expression 'f': Function 'X' not found":                                                                    {{ID: "e", Expression: "f + 1"}, {ID: "f", Expression: "X(m)"}, {ID: "m", Period: 1}},
		"Error in expression 'e': Period must be specified when there is no metric":                                          {{ID: "e", Expression: "TIME_SERIES(1)"}},
		"The values for parameter id in MetricDataQueries are not unique.":                                                   {{ID: "e", Period: 1}, {ID: "e", Period: 1}},
		"The value E for parameter MetricDataQueries.member.2.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.": {{ID: "e", Period: 1}, {ID: "E", Period: 1}},
	} {
		if _, err := metric.Compile(queries); err == nil || err.Error() != name {
			t.Errorf("got error %v, want %s", err, name)
		}
	}
}

// Expressions that use others in any order, arrays too, and each once: forty
// that double one another are not computed a trillion times.
func TestExpressionsOfExpressions(t *testing.T) {
	queries := []metric.Query{
		{ID: "total", Expression: "SUM(all)"}, {ID: "all", Expression: "[m, m] * 2"}, {ID: "m", Period: time.Minute},
		{ID: "e0", Expression: "m"},
	}
	for i := range 40 {
		id := func(i int) string { return "e" + string(rune('a'+i/10)) + string(rune('0'+i%10)) }
		below := "e0"
		if i > 0 {
			below = id(i - 1)
		}
		queries = append(queries, metric.Query{ID: id(i), Expression: "(" + below + " + " + below + ") / 2"})
	}
	p, err := metric.Compile(queries)
	if err != nil {
		t.Fatal(err)
	}
	loads := 0
	e := p.On(metric.Grid{Begin: noon, Period: time.Minute, Count: 1}, func(string, metric.Grid) []float64 {
		loads++
		return []float64{3}
	})
	if got := e.Lines("total")[0].Points[0]; got != 12 {
		t.Errorf("got total %v, want 12", got)
	}
	if got := e.Lines("ed9")[0].Points[0]; got != 3 || loads != 1 {
		t.Errorf("got %v of %d loads, want 3 of one", got, loads)
	}
	if p.Single("all") || !p.Single("total") {
		t.Errorf("got all single %v, total single %v; want false, true", p.Single("all"), p.Single("total"))
	}
}

// An expression without metrics has its own period, or else that of the others.
func TestPeriodOfConstants(t *testing.T) {
	p, err := metric.Compile([]metric.Query{
		{ID: "own", Expression: "TIME_SERIES(1)", Period: time.Hour},
		{ID: "shortest", Expression: "TIME_SERIES(1)"},
		{ID: "m", Period: 5 * time.Minute}, {ID: "n", Period: time.Minute},
	})
	if err != nil {
		t.Fatal(err)
	}
	if p.Period("own") != time.Hour || p.Period("shortest") != time.Minute {
		t.Errorf("got periods %v and %v, want 1h and 1m", p.Period("own"), p.Period("shortest"))
	}
}

func FuzzCompile(f *testing.F) {
	for _, text := range []string{
		"a + b", "FILL(a, REPEAT) * (2 - .5)", "-(", "FILL(", "1e5", "a(", "é", "FILL(a,", "a * 1e-5",
		"IF(a > 0 AND b == 0 || 1 <= 2, a, 0)", "SUM([a, METRICS(\"a\")] ^ -2) / MAX(a)",
		"SLICE(SORT(METRICS(), AVG, DESC, 3), 0, 1e9)", "LAST(REMOVE_EMPTY([a/0]))", "RATE(FILL(METRICS(), LINEAR))",
		"TIME_SERIES(PERIOD(a)) + DAY(b)", "DATAPOINT_COUNT(SLICE([a], 5))",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines, err := evaluate(t, text, []string{"a", "b"}, map[string][]float64{"a": {1, none, -3}, "b": {none, 0, 5}})
		if err != nil {
			return
		}
		for _, line := range lines {
			if len(line.Points) != 3 {
				t.Errorf("%q: got %v, want three periods", text, line)
			}
			for _, x := range line.Points {
				if math.IsInf(x, 0) {
					t.Errorf("%q: got %v, want numbers", text, line)
				}
			}
		}
	})
}
