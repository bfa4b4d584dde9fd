package cloudwatch

import (
	"context"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/spate-run/spate/internal/metric"
)

// The limits of PutMetricData.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
const (
	datumLimit     = 1000
	entityLimit    = 2
	dimensionLimit = 30
	valueLimit     = 150
	oldest         = 14 * 24 * time.Hour
	furthest       = 2 * time.Hour
)

// A sent datum is one that a client put, checked.
type sent struct {
	datum  types.MetricDatum
	at     int64
	unit   types.StandardUnit
	sample metric.Sample
}

// putMetricData stores values of the caller's own metrics. It is on disk when
// it is answered. Data of entities is data like any other.
func (s *Service) putMetricData(ctx context.Context, in *cw.PutMetricDataInput) (*cw.PutMetricDataOutput, error) {
	if err := checkNamespace(in.Namespace); err != nil {
		return nil, err
	}
	if len(in.EntityMetricData) > entityLimit {
		return nil, invalidValue("The collection EntityMetricData must not have a size greater than %d.", entityLimit)
	}
	total := len(in.MetricData)
	for _, entity := range in.EntityMetricData {
		total += len(entity.MetricData)
	}
	switch {
	case total == 0:
		return nil, required("MetricData")
	case total > datumLimit:
		return nil, invalidValue("The collection MetricData must not have a size greater than %d.", datumLimit)
	}
	data, err := readAll(in)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range data {
		if err := s.add(ctx, s.track(*in.Namespace, *d.datum.MetricName, d.datum.Dimensions), d.at, d.unit, d.sample); err != nil {
			return nil, err
		}
	}
	return &cw.PutMetricDataOutput{}, s.update(ctx, nil, nil)
}

func checkNamespace(name *string) error {
	switch {
	case name == nil:
		return required("Namespace")
	case strings.HasPrefix(*name, "AWS/"):
		return invalidValue("The value AWS/ for parameter Namespace is invalid.")
	case *name == "" || len(*name) > 255 || strings.HasPrefix(*name, ":") || !printable(*name):
		return invalidValue("The value %s for parameter Namespace is invalid.", *name)
	}
	return nil
}

// printable reports whether a name is of ASCII without control characters.
func printable(name string) bool {
	return strings.IndexFunc(name, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

func readAll(in *cw.PutMetricDataInput) ([]sent, error) {
	now := time.Now()
	var all []sent
	read := func(data []types.MetricDatum, collection string) error {
		for i, d := range data {
			x, err := read(d, collection+".member."+strconv.Itoa(i+1), now)
			if err != nil {
				return err
			}
			all = append(all, x)
		}
		return nil
	}
	if err := read(in.MetricData, "MetricData"); err != nil {
		return nil, err
	}
	for i, entity := range in.EntityMetricData {
		if err := read(entity.MetricData, "EntityMetricData.member."+strconv.Itoa(i+1)+".MetricData"); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// read checks a datum, which AWS's messages call member.
func read(d types.MetricDatum, member string, now time.Time) (sent, error) {
	if err := checkDatum(d, member); err != nil {
		return sent{}, err
	}
	at, unit := now, d.Unit
	if d.Timestamp != nil {
		at = *d.Timestamp
	}
	if unit == "" {
		unit = types.StandardUnitNone
	}
	switch {
	case !slices.Contains(unit.Values(), unit):
		return sent{}, invalidValue("The parameter %s.Unit must be a value in the set [%s].", member, list(unit.Values()))
	case at.Before(now.Add(-oldest)):
		return sent{}, invalidValue("The parameter %s.Timestamp must specify a time within the past two weeks.", member)
	case at.After(now.Add(furthest)):
		return sent{}, invalidValue("The parameter %s.Timestamp must specify a time no more than two hours in the future.", member)
	}
	sample, err := readValues(d, member)
	return sent{datum: d, at: at.Unix(), unit: unit, sample: sample}, err
}

func checkDatum(d types.MetricDatum, member string) error {
	switch name := aws.ToString(d.MetricName); {
	case d.MetricName == nil:
		return required(member + ".MetricName")
	case name == "" || len(name) > 255 || !printable(name):
		return invalidValue("The value %s for parameter %s.MetricName is invalid.", name, member)
	case len(d.Dimensions) > dimensionLimit:
		return invalidValue("The collection %s.Dimensions must not have a size greater than %d.", member, dimensionLimit)
	case d.StorageResolution != nil && *d.StorageResolution != 1 && *d.StorageResolution != 60:
		return invalidValue("The value %d for parameter %s.StorageResolution is invalid. Valid values are 1 and 60.", *d.StorageResolution, member)
	}
	return checkDimensions(d.Dimensions, member+".Dimensions")
}

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html
func checkDimensions(dimensions []types.Dimension, collection string) error {
	for i, d := range dimensions {
		member := collection + ".member." + strconv.Itoa(i+1)
		name, value := aws.ToString(d.Name), aws.ToString(d.Value)
		switch {
		case d.Name == nil:
			return required(member + ".Name")
		case d.Value == nil:
			return required(member + ".Value")
		case name == "" || len(name) > 255 || strings.HasPrefix(name, ":") || !printable(name):
			return invalidValue("The value %s for parameter %s.Name is invalid.", name, member)
		case strings.TrimSpace(value) == "" || len(value) > 1024 || !printable(value):
			return invalidValue("The value %s for parameter %s.Value is invalid.", value, member)
		case slices.ContainsFunc(dimensions[:i], func(other types.Dimension) bool { return *other.Name == name }):
			return invalidValue("The parameter %s contains the dimension %s more than once.", collection, name)
		}
	}
	return nil
}

// readValues makes a sample of the one of Value, Values and StatisticValues
// that is there.
func readValues(d types.MetricDatum, member string) (metric.Sample, error) {
	ways := 0
	for _, there := range []bool{d.Value != nil, len(d.Values) > 0, d.StatisticValues != nil} {
		if there {
			ways++
		}
	}
	switch {
	case ways == 0:
		return metric.Sample{}, required(member + ".Value")
	case ways > 1:
		return metric.Sample{}, invalidCombination("The parameters %s.Value, %s.Values and %s.StatisticValues are mutually exclusive and you have specified more than one.", member, member, member)
	case d.Value != nil:
		return metric.Of(metric.Weighted{Value: *d.Value, Weight: 1}), finite(member+".Value", *d.Value)
	case d.StatisticValues != nil:
		return readSet(d.StatisticValues, member+".StatisticValues")
	case len(d.Values) > valueLimit:
		return metric.Sample{}, invalidValue("The collection %s.Values must not have a size greater than %d.", member, valueLimit)
	case len(d.Counts) > 0 && len(d.Counts) != len(d.Values):
		return metric.Sample{}, invalidValue("The parameters %s.Values and %s.Counts must be of the same size.", member, member)
	}
	var values []metric.Weighted
	for i, value := range d.Values {
		weight := 1.
		if len(d.Counts) > 0 {
			weight = d.Counts[i]
		}
		if err := finite(member+".Values.member."+strconv.Itoa(i+1), value); err != nil {
			return metric.Sample{}, err
		}
		if err := finite(member+".Counts.member."+strconv.Itoa(i+1), weight); err != nil || weight < 0 {
			return metric.Sample{}, invalidValue("The value %v for parameter %s.Counts.member.%d is invalid.", weight, member, i+1)
		}
		if weight > 0 {
			values = append(values, metric.Weighted{Value: value, Weight: weight})
		}
	}
	if len(values) == 0 {
		return metric.Sample{}, invalidValue("The parameter %s.Counts must have a count above 0.", member)
	}
	return metric.Of(values...), nil
}

func readSet(v *types.StatisticSet, member string) (metric.Sample, error) {
	for _, part := range []struct {
		name   string
		number *float64
	}{{"SampleCount", v.SampleCount}, {"Sum", v.Sum}, {"Minimum", v.Minimum}, {"Maximum", v.Maximum}} {
		if part.number == nil {
			return metric.Sample{}, required(member + "." + part.name)
		}
		if err := finite(member+"."+part.name, *part.number); err != nil {
			return metric.Sample{}, err
		}
	}
	switch {
	case *v.SampleCount <= 0:
		return metric.Sample{}, invalidValue("The value %v for parameter %s.SampleCount must be greater than 0.", *v.SampleCount, member)
	case *v.Minimum > *v.Maximum:
		return metric.Sample{}, invalidValue("The parameter %s.Maximum must be greater than or equal to the parameter %s.Minimum.", member, member)
	}
	return metric.Sample{Count: *v.SampleCount, Sum: *v.Sum, Low: *v.Minimum, High: *v.Maximum}, nil
}

// finite holds a number to the range that CloudWatch takes, -2^360 to 2^360.
func finite(member string, x float64) error {
	if math.IsNaN(x) || math.Abs(x) > 0x1p360 {
		return invalidValue("The value %v for parameter %s is invalid.", x, member)
	}
	return nil
}

// listed is how recent a metric's data must be for ListMetrics, and with
// RecentlyActive.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html
const (
	listed         = 14 * 24 * time.Hour
	recentlyActive = 3 * time.Hour
	metricsPage    = 500
)

func (s *Service) listMetrics(_ context.Context, in *cw.ListMetricsInput) (*cw.ListMetricsOutput, error) {
	if in.RecentlyActive != "" && in.RecentlyActive != types.RecentlyActivePt3h {
		return nil, notOneOf(in.RecentlyActive, "recentlyActive", in.RecentlyActive.Values())
	}
	for i, f := range in.Dimensions {
		if f.Name == nil {
			return nil, required("Dimensions.member." + strconv.Itoa(i+1) + ".Name")
		}
	}
	newest := time.Now().Add(-listed)
	if in.RecentlyActive != "" {
		newest = time.Now().Add(-recentlyActive)
	}
	s.mu.Lock()
	metrics := []types.Metric{}
	for _, key := range slices.Sorted(maps.Keys(s.tracks)) {
		if t := s.tracks[key]; t.newest >= newest.Unix() && matches(t.metric, in) {
			m := t.metric
			if m.Dimensions == nil {
				m.Dimensions = []types.Dimension{} // an empty list, as CloudWatch answers
			}
			metrics = append(metrics, m)
		}
	}
	s.mu.Unlock()
	if in.OwningAccount != nil && *in.OwningAccount != s.config.Account.ID {
		metrics = metrics[:0]
	}
	page, next, err := paged(metrics, in.NextToken, nil, metricsPage)
	if err != nil {
		return nil, err
	}
	out := &cw.ListMetricsOutput{Metrics: page, NextToken: next}
	if aws.ToBool(in.IncludeLinkedAccounts) {
		out.OwningAccounts = slices.Repeat([]string{s.config.Account.ID}, len(page))
	}
	return out, nil
}

func matches(m types.Metric, in *cw.ListMetricsInput) bool {
	if in.Namespace != nil && *in.Namespace != *m.Namespace || in.MetricName != nil && *in.MetricName != *m.MetricName {
		return false
	}
	for _, f := range in.Dimensions {
		if !slices.ContainsFunc(m.Dimensions, func(d types.Dimension) bool {
			return *d.Name == *f.Name && (f.Value == nil || *d.Value == *f.Value)
		}) {
			return false
		}
	}
	return true
}
