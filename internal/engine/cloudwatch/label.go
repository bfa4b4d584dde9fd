package cloudwatch

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/spate-run/spate/internal/wire"
)

// A labeler words the label of one result, with the dynamic values that it may
// have: ${AVG}, ${PROP('MetricName')} and the like.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/graph-dynamic-labels.html
type labeler struct {
	query   types.MetricDataQuery
	of      types.MetricDataQuery // the metric that the result is of, if it is of one
	several bool                  // the query may have several results
	zone    *time.Location
	account wire.Account
}

// label is that of a result with data, oldest first. One of several results is
// told apart by its metric's label.
func (l labeler) label(times []time.Time, values []float64) string {
	text := l.own()
	if l.several {
		text = strings.TrimSpace(text + " " + labeler{query: l.of}.own())
	}
	if !strings.Contains(text, "${") {
		return text
	}
	var b strings.Builder
	for text != "" {
		before, rest, found := strings.Cut(text, "${")
		b.WriteString(before)
		if !found {
			break
		}
		variable, after, closed := strings.Cut(rest, "}")
		replaced, known := l.variable(variable, times, values)
		if !closed || !known {
			replaced, after = "${", rest
		}
		b.WriteString(replaced)
		text = after
	}
	return b.String()
}

func (l labeler) own() string {
	if l.query.Label != nil {
		return *l.query.Label
	}
	return l.preset()
}

func (l labeler) preset() string {
	if m := l.query.MetricStat; m != nil {
		return *m.Metric.MetricName
	}
	return aws.ToString(l.query.Id)
}

// variable is a dynamic value, "--" where there is no data for it.
func (l labeler) variable(name string, times []time.Time, values []float64) (string, bool) {
	if name == "LABEL" {
		return l.preset(), true
	}
	if property, ok := strings.CutPrefix(name, "PROP('"); ok {
		return l.property(strings.TrimSuffix(property, "')"))
	}
	n := len(values)
	if name == "DATAPOINT_COUNT" {
		return strconv.Itoa(n), true
	}
	known := slices.Contains([]string{"AVG", "MIN", "MAX", "SUM", "FIRST", "LAST", "MIN_MAX_RANGE", "FIRST_LAST_RANGE", "FIRST_TIME", "LAST_TIME", "MIN_TIME", "MAX_TIME"}, name)
	if !known || n == 0 {
		return "--", known
	}
	low, high, sum := slices.Min(values), slices.Max(values), 0.
	for _, x := range values {
		sum += x
	}
	at := map[string]int{"FIRST_TIME": 0, "LAST_TIME": n - 1, "MIN_TIME": slices.Index(values, low), "MAX_TIME": slices.Index(values, high)}
	if i, ok := at[name]; ok {
		return times[i].In(l.zone).Format("2006-01-02 15:04:05"), true
	}
	value := map[string]float64{
		"AVG": sum / float64(n), "MIN": low, "MAX": high, "SUM": sum, "FIRST": values[0], "LAST": values[n-1],
		"MIN_MAX_RANGE": high - low, "FIRST_LAST_RANGE": values[n-1] - values[0],
	}[name]
	return strconv.FormatFloat(value, 'f', -1, 64), true
}

func (l labeler) property(name string) (string, bool) {
	of := l.query.MetricStat
	if of == nil {
		of = l.of.MetricStat
	}
	switch {
	case name == "AccountId":
		return l.account.ID, true
	case name == "Region":
		return l.account.Region, true
	case of == nil:
		return "", false
	}
	switch name {
	case "MetricName":
		return *of.Metric.MetricName, true
	case "Namespace":
		return *of.Metric.Namespace, true
	case "Period":
		return strconv.Itoa(int(*of.Period)), true
	case "Stat":
		return *of.Stat, true
	}
	dimension, ok := strings.CutPrefix(name, "Dim.")
	for _, d := range of.Metric.Dimensions {
		if ok && aws.ToString(d.Name) == dimension {
			return aws.ToString(d.Value), true
		}
	}
	return "", false
}

// readZone reads a time zone as LabelOptions give it: +0130, -0500.
func readZone(in *types.LabelOptions) (*time.Location, error) {
	if in == nil || in.Timezone == nil {
		return time.UTC, nil
	}
	at, err := time.Parse("-0700", *in.Timezone)
	if err != nil {
		return nil, validation("The value %s for parameter Timezone is invalid.", *in.Timezone)
	}
	_, offset := at.Zone()
	return time.FixedZone(*in.Timezone, offset), nil
}
