package dash

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spate-run/spate/internal/client"
)

// graphed is how many periods of an alarm's metric are drawn.
const graphed = 180

// A graph is a metric and a threshold in a box of 100 by 30.
type graph struct {
	Lines []string // points of SVG, one line for each stretch without a gap
	Limit string   // the threshold's height
	Last  string   // the last value in words
}

// draw puts the points into the box, the oldest on its left. Both 0 and the
// threshold are in it.
func draw(points []client.Point, threshold float64) *graph {
	g := &graph{Last: "no data"}
	low, high := min(0, threshold), max(0, threshold)
	for _, p := range points {
		low, high = min(low, p.Value), max(high, p.Value)
	}
	if high == low {
		high = low + 1
	}
	height := func(value float64) string {
		return strconv.FormatFloat(28-26*(value-low)/(high-low), 'f', 1, 64)
	}
	g.Limit = height(threshold)
	if len(points) == 0 {
		return g
	}
	first, last := points[0].At, points[len(points)-1]
	g.Last = "now " + number(last.Value)
	span := max(last.At.Sub(first).Seconds(), 1)
	var line []string
	end := func() {
		if len(line) == 1 { // a line of one point is a dot
			line = append(line, line[0])
		}
		g.Lines, line = append(g.Lines, strings.Join(line, " ")), nil
	}
	for i, p := range points {
		if i > 1 && p.At.Sub(points[i-1].At) > 2*points[1].At.Sub(first) {
			end()
		}
		line = append(line, fmt.Sprintf("%.1f,%s", 100*p.At.Sub(first).Seconds()/span, height(p.Value)))
	}
	end()
	return g
}

func number(value float64) string { return strconv.FormatFloat(value, 'g', 4, 64) }

// inSigns says when a metric is beside its alarm's threshold.
func inSigns(comparison string, threshold float64) string {
	sign, ok := map[string]string{
		"GreaterThanThreshold": "above", "GreaterThanOrEqualToThreshold": "from",
		"LessThanThreshold": "below", "LessThanOrEqualToThreshold": "up to",
	}[comparison]
	if !ok {
		return "by " + comparison
	}
	return sign + " " + number(threshold)
}
