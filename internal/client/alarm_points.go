package client

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// A Gauge is what an alarm looks at: a metric of its own, or expressions over
// several.
type Gauge struct {
	MetricName
	Period  int          `xml:"Period"` // seconds
	Stat    string       `xml:"Statistic"`
	Queries []gaugeQuery `xml:"Metrics>member"`
}

// A MetricName is how CloudWatch names one metric.
type MetricName struct {
	Namespace  string      `xml:"Namespace"`
	Metric     string      `xml:"MetricName"`
	Dimensions []dimension `xml:"Dimensions>member"`
}

type dimension struct {
	Name  string `xml:"Name"`
	Value string `xml:"Value"`
}

// A gaugeQuery is one of an alarm's expressions, or a metric that they use.
type gaugeQuery struct {
	ID         string `xml:"Id"`
	Expression string `xml:"Expression"`
	Period     int    `xml:"Period"`
	Returned   string `xml:"ReturnData"` // "" is true
	Metric     *struct {
		Name   MetricName `xml:"Metric"`
		Period int        `xml:"Period"`
		Stat   string     `xml:"Stat"`
	} `xml:"MetricStat"`
}

// period is over how many seconds the alarm's metric is looked at.
func (g Gauge) period() int {
	longest := g.Period
	for _, q := range g.Queries {
		longest = max(longest, q.Period)
		if q.Metric != nil {
			longest = max(longest, q.Metric.Period)
		}
	}
	return max(longest, 1)
}

// A Point is a metric's value in the period that begins at a time.
type Point struct {
	At    time.Time
	Value float64
}

// Points returns the values that an alarm's metric had in the last so many of
// its periods, the oldest first. Periods without data have none. Where the
// engine's time goes faster than AWS's, so do the periods.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
func (a *AWS) Points(ctx context.Context, g Gauge, periods int) ([]Point, error) {
	period := max(g.period()/max(a.Cadence, 1), 1)
	now := time.Now()
	input := url.Values{
		"StartTime": {now.Add(-time.Duration(periods*period) * time.Second).UTC().Format(time.RFC3339)},
		"EndTime":   {now.UTC().Format(time.RFC3339)},
		"ScanBy":    {"TimestampAscending"},
	}
	g.ask(input, period)
	var out struct {
		XMLName xml.Name
		Times   []time.Time `xml:"GetMetricDataResult>MetricDataResults>member>Timestamps>member"`
		Values  []float64   `xml:"GetMetricDataResult>MetricDataResults>member>Values>member"`
	}
	err := a.ask(ctx, query{
		host: "monitoring." + a.config.Region + "." + domain(a.config.Region), scope: "monitoring", version: "2010-08-01",
		action: "GetMetricData", input: input,
	}, &out)
	if err == nil && len(out.Times) != len(out.Values) {
		err = fmt.Errorf("CloudWatch answered %d times for %d values", len(out.Times), len(out.Values))
	}
	if err != nil {
		return nil, err
	}
	points := make([]Point, len(out.Times))
	for i := range points {
		points[i] = Point{out.Times[i], out.Values[i]}
	}
	return points, nil
}

// ask puts the alarm's queries into a request, with one period for all.
func (g Gauge) ask(input url.Values, period int) {
	if len(g.Queries) == 0 {
		input.Set("MetricDataQueries.member.1.Id", "m")
		g.put(input, "MetricDataQueries.member.1.MetricStat.", g.Stat, period)
	}
	for i, q := range g.Queries {
		at := fmt.Sprintf("MetricDataQueries.member.%d.", i+1)
		input.Set(at+"Id", q.ID)
		if strings.EqualFold(q.Returned, "false") {
			input.Set(at+"ReturnData", "false")
		}
		if q.Metric != nil {
			q.Metric.Name.put(input, at+"MetricStat.", q.Metric.Stat, period)
			continue
		}
		input.Set(at+"Expression", q.Expression)
		input.Set(at+"Period", strconv.Itoa(period))
	}
}

func (m MetricName) put(input url.Values, at, stat string, period int) {
	input.Set(at+"Metric.Namespace", m.Namespace)
	input.Set(at+"Metric.MetricName", m.Metric)
	for i, d := range m.Dimensions {
		input.Set(fmt.Sprintf("%sMetric.Dimensions.member.%d.Name", at, i+1), d.Name)
		input.Set(fmt.Sprintf("%sMetric.Dimensions.member.%d.Value", at, i+1), d.Value)
	}
	input.Set(at+"Period", strconv.Itoa(period))
	input.Set(at+"Stat", stat)
}
