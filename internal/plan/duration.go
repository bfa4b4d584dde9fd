package plan

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/spate-run/spate/internal/sorting"
)

// A Problem is what is wrong with a question, and what would be right.
type Problem struct{ Fact, Hint string }

func (p Problem) Error() string { return p.Fact }

func problem(hint, format string, args ...any) Problem {
	return Problem{Fact: fmt.Sprintf(format, args...), Hint: hint}
}

// Durations say how long jobs take: an inverse distribution function, as knots
// with straight lines between them, as a list of values that are equally
// likely, or as a lognormal. The zero value takes no time.
type Durations struct {
	text   string
	knots  []knot
	values []float64 // seconds, sorted
	median float64   // seconds, of a lognormal
	sigma  float64
	most   float64 // seconds, that a lognormal does not exceed
}

// A knot says that a job takes at most so many seconds with a probability of p.
type knot struct{ p, seconds float64 }

// Constant are jobs that all take the same time.
func Constant(d time.Duration) *Durations {
	return &Durations{text: d.String(), knots: []knot{{0, d.Seconds()}, {1, d.Seconds()}}}
}

// Uniform are jobs that take any time of a range alike.
func Uniform(from, to time.Duration) *Durations {
	return &Durations{text: from.String() + ".." + to.String(), knots: []knot{{0, from.Seconds()}, {1, to.Seconds()}}}
}

// Measured are jobs that take what others took before them; there is at least
// one, and none is negative.
func Measured(text string, taken []time.Duration) *Durations {
	d := &Durations{text: text}
	for _, t := range taken {
		d.values = append(d.values, t.Seconds())
	}
	slices.Sort(d.values)
	return d
}

func (d *Durations) String() string { return d.text }

// longest is more than any job of a lognormal takes, for those that know it.
func (d *Durations) Longest() time.Duration { return d.at(math.Nextafter(1, 0)) }

// at is the duration that a share u of all jobs does not exceed; u is in [0, 1).
func (d *Durations) at(u float64) time.Duration {
	return time.Duration(d.seconds(u) * float64(time.Second))
}

func (d *Durations) seconds(u float64) float64 {
	switch {
	case len(d.values) > 0:
		return d.values[int(u*float64(len(d.values)))]
	case d.sigma > 0:
		return min(d.median*math.Exp(d.sigma*math.Sqrt2*math.Erfinv(2*max(u, 1e-12)-1)), d.most)
	}
	for i := 1; i < len(d.knots); i++ {
		a, b := d.knots[i-1], d.knots[i]
		if u < b.p || i == len(d.knots)-1 {
			return a.seconds + (b.seconds-a.seconds)*(u-a.p)/(b.p-a.p)
		}
	}
	return 0
}

// mean is the mean duration in seconds.
func (d *Durations) mean() float64 {
	switch {
	case len(d.values) > 0:
		sum := 0.0
		for _, v := range d.values {
			sum += v
		}
		return sum / float64(len(d.values))
	case d.sigma > 0:
		// That of what lies below the most, and the rest at the most.
		below := func(z float64) float64 { return (1 + math.Erf(z/math.Sqrt2)) / 2 }
		z := math.Log(d.most/d.median) / d.sigma
		return d.median*math.Exp(d.sigma*d.sigma/2)*below(z-d.sigma) + d.most*(1-below(z))
	}
	sum := 0.0
	for i := 1; i < len(d.knots); i++ {
		a, b := d.knots[i-1], d.knots[i]
		sum += (b.p - a.p) * (a.seconds + b.seconds) / 2
	}
	return sum
}

// durationHint shows the ways to write durations.
const durationHint = `write 35m, 10m..60m, p50=20m,p95=50m, "uniform(10m, 60m)", "lognormal(30m, 0.5)", or the name of a .csv file`

// ParseDurations reads how long jobs take:
//
//	35m                    all alike
//	10m..60m               any time of a range alike, as uniform(10m, 60m)
//	p50=20m,p95=50m        quantiles, with straight lines between them
//	lognormal(30m, 0.5)    the median, and the deviation of the logarithm; 14 days
//	                       at most
//	times.csv              one a row
func ParseDurations(text string) (*Durations, error) {
	text = strings.TrimSpace(text)
	switch name, arguments, called := call(text); {
	case strings.HasSuffix(strings.ToLower(text), ".csv"):
		return readDurations(text)
	case called && name == "uniform":
		return parseRange(text, arguments)
	case called && name == "lognormal":
		return parseLognormal(text, arguments)
	case called:
		return nil, problem(durationHint, "there is no distribution %q of durations", name)
	case strings.Contains(text, ".."):
		from, to, _ := strings.Cut(text, "..")
		return parseRange(text, []string{from, to})
	case strings.Contains(text, "="):
		return parseQuantiles(text)
	}
	d, err := parseTime(text, text)
	if err != nil {
		return nil, err
	}
	return Constant(d), nil
}

func call(text string) (name string, arguments []string, ok bool) {
	name, rest, ok := strings.Cut(text, "(")
	if !ok || !strings.HasSuffix(rest, ")") {
		return "", nil, false
	}
	return strings.ToLower(strings.TrimSpace(name)), strings.Split(strings.TrimSuffix(rest, ")"), ","), true
}

// parseTime reads one duration of a text.
func parseTime(whole, text string) (time.Duration, error) {
	d, err := time.ParseDuration(strings.TrimSpace(text))
	switch {
	case err != nil:
		return 0, problem(durationHint, "%q is not a duration", text)
	case d < 0:
		return 0, problem(durationHint, "a job cannot take %s: durations are not negative", d)
	case d == 0:
		return 0, problem(durationHint, "a job cannot take no time at all, as %q says", whole)
	case d > maxDuration:
		return 0, problem("a message lives 14 days at most", "a job cannot take %s", d)
	}
	return d, nil
}

// maxDuration is the longest that a queue keeps a message.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
const maxDuration = 14 * 24 * time.Hour

func parseRange(text string, bounds []string) (*Durations, error) {
	if len(bounds) != 2 {
		return nil, problem(durationHint, "%q is no range: it has two ends", text)
	}
	from, err := parseTime(text, bounds[0])
	if err != nil {
		return nil, err
	}
	to, err := parseTime(text, bounds[1])
	if err != nil {
		return nil, err
	}
	if from > to {
		return nil, problem("write "+strings.TrimSpace(bounds[1])+".."+strings.TrimSpace(bounds[0]), "%q begins above its end", text)
	}
	d := Uniform(from, to)
	d.text = text
	return d, nil
}

func parseLognormal(text string, arguments []string) (*Durations, error) {
	if len(arguments) != 2 {
		return nil, problem("write lognormal(30m, 0.5)", "%q needs a median and a deviation", text)
	}
	median, err := parseTime(text, arguments[0])
	if err != nil {
		return nil, err
	}
	sigma, err := strconv.ParseFloat(strings.TrimSpace(arguments[1]), 64)
	if err != nil || !(sigma > 0 && sigma <= 3) {
		return nil, problem("write lognormal(30m, 0.5)", "the deviation %q is not a number above 0, and 3 at most", strings.TrimSpace(arguments[1]))
	}
	return &Durations{text: text, median: median.Seconds(), sigma: sigma, most: maxDuration.Seconds()}, nil
}

// parseQuantiles reads p50=20m,p95=50m. Jobs below the lowest take anything from
// half of it on, unless p0 is given; the highest is the longest there is.
func parseQuantiles(text string) (*Durations, error) {
	d := &Durations{text: text}
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		digits, ok := strings.CutPrefix(strings.ToLower(name), "p")
		p, err := strconv.ParseFloat(digits, 64)
		if !ok || err != nil || !(p >= 0 && p <= 100) {
			return nil, problem(durationHint, "%q is no quantile from p0 to p100", name)
		}
		t, err := parseTime(text, value)
		if err != nil {
			return nil, err
		}
		d.knots = append(d.knots, knot{p / 100, t.Seconds()})
	}
	sorting.By(d.knots, func(a, b knot) int { return cmp.Compare(a.p, b.p) })
	for i := 1; i < len(d.knots); i++ {
		if a, b := d.knots[i-1], d.knots[i]; a.p == b.p || a.seconds > b.seconds {
			return nil, problem("quantiles rise: p50=20m,p95=50m", "%q: p%g does not lie above p%g", text, 100*b.p, 100*a.p)
		}
	}
	if first := d.knots[0]; first.p > 0 {
		d.knots = slices.Insert(d.knots, 0, knot{0, first.seconds / 2})
	}
	if last := d.knots[len(d.knots)-1]; last.p < 1 {
		d.knots = append(d.knots, knot{1, last.seconds})
	}
	return d, nil
}

// readDurations reads a CSV file: the column named seconds, minutes, hours or
// duration, or the only one of a file without a heading. Numbers are seconds
// where the heading does not say what they are.
func readDurations(path string) (*Durations, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, problem("name a .csv file that can be read", "%s", err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, problem("separate the columns by commas, as many in each row", "%s: %s", path, err)
	}
	const hint = "give it a column named seconds, minutes, hours or duration"
	if len(rows) == 0 {
		return nil, problem(hint, "%s holds no durations", path)
	}
	units := map[string]string{"seconds": "s", "duration": "s", "minutes": "m", "hours": "h"}
	column, first, unit := -1, 1, "s"
	for i, name := range rows[0] {
		name = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff"))) // Excel's mark
		if u, ok := units[name]; ok {
			if column >= 0 {
				return nil, problem("leave one of the two out", "%s has two columns of durations, %s and %s", path, rows[0][column], rows[0][i])
			}
			column, unit = i, u
		}
	}
	if column < 0 {
		if len(rows[0]) != 1 {
			return nil, problem(hint, "%s has %d columns, and none is named seconds, minutes, hours or duration", path, len(rows[0]))
		}
		if strings.IndexFunc(rows[0][0], unicode.IsDigit) < 0 {
			return nil, problem(hint, "%s: the heading %q does not say in what the durations are", path, rows[0][0])
		}
		column, first = 0, 0
	}
	var taken []time.Duration
	for i, row := range rows[first:] {
		d, err := parseCell(row[column], unit)
		if err != nil {
			return nil, problem("write seconds, or durations such as 35m", "%s, row %d: %s", path, first+i+1, err)
		}
		taken = append(taken, d)
	}
	if len(taken) == 0 {
		return nil, problem(hint, "%s holds no durations", path)
	}
	return Measured(path, taken), nil
}

func parseCell(text, unit string) (time.Duration, error) {
	text = strings.TrimSpace(strings.TrimPrefix(text, "\ufeff"))
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		// Programs write 1.5e+03 too, which no duration is written like.
		text = strconv.FormatFloat(n, 'f', -1, 64) + unit
	}
	return parseTime(text, text)
}
