package cloudwatch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/spate-run/spate/internal/metric"
	"github.com/spate-run/spate/internal/scaling"
	"github.com/spate-run/spate/internal/sorting"
	"github.com/spate-run/spate/internal/store"
)

// A document is what the store keeps of an alarm, under its name.
type document struct {
	Alarm types.MetricAlarm
	Tags  map[string]string
}

// An alarm is a metric alarm as it is evaluated. Its document is replaced,
// never changed, so a copy may leave the lock.
type alarm struct {
	document
	rule    scaling.Alarm
	program *program
	watched string // the id of the query that the threshold is for
	// significant is how many values an evaluation needs, where an alarm on a
	// percentile ignores low samples; else 0.
	significant float64
	// values are the newest data points that there were to evaluate.
	values []float64
}

// metricsLimit is how many metrics an alarm may be on.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
const metricsLimit = 10

// newAlarm checks and compiles an alarm's configuration.
func newAlarm(doc document) (*alarm, error) {
	m := doc.Alarm
	queries := m.Metrics
	if len(queries) == 0 {
		queries = []types.MetricDataQuery{{
			Id: new("m"),
			MetricStat: &types.MetricStat{
				Metric: &types.Metric{Namespace: m.Namespace, MetricName: m.MetricName, Dimensions: m.Dimensions},
				Period: m.Period, Stat: new(cmp.Or(string(m.Statistic), aws.ToString(m.ExtendedStatistic))), Unit: m.Unit,
			},
		}}
	}
	p, err := compile(queries)
	if err != nil {
		return nil, err
	}
	watched, err := p.watched(queries)
	if err != nil {
		return nil, err
	}
	a := &alarm{
		document: doc,
		program:  p,
		watched:  watched,
		rule: scaling.Alarm{
			Comparison: scaling.Comparison(m.ComparisonOperator),
			Threshold:  aws.ToFloat64(m.Threshold),
			Periods:    int(aws.ToInt32(m.EvaluationPeriods)),
			Datapoints: int(aws.ToInt32(m.DatapointsToAlarm)),
			Missing:    scaling.Treatment(aws.ToString(m.TreatMissingData)),
		},
	}
	if aws.ToString(m.EvaluateLowSampleCountPercentile) == lowSampleIgnore {
		a.significant = p.sources[watched].statistic.Significant()
	}
	return a, nil
}

// watched is the id of the one query that an alarm is for.
func (p *program) watched(queries []types.MetricDataQuery) (string, error) {
	if len(p.sources) > metricsLimit {
		return "", validation("The alarm's metrics list has more than %d metrics.", metricsLimit)
	}
	returned := slices.DeleteFunc(slices.Clone(queries), func(q types.MetricDataQuery) bool {
		return q.ReturnData != nil && !*q.ReturnData
	})
	if len(returned) != 1 {
		return "", validation("Exactly one element of the metrics list should return data.")
	}
	id := *returned[0].Id
	if !p.Single(id) {
		return "", validation("Metrics expression that return multi time series are only allowed for MetricsInsights expression with an ORDER BY clause")
	}
	for _, q := range queries {
		if p.Period(*q.Id) != p.Period(id) {
			return "", validation("All metrics in an alarm must have the same period.")
		}
	}
	return id, nil
}

func (a *alarm) period() time.Duration { return a.program.Period(a.watched) }

func (a *alarm) enabled() bool { return aws.ToBool(a.Alarm.ActionsEnabled) }

// breach is what the alarm tells the policies that it invokes.
func (a *alarm) breach() scaling.Breach {
	return scaling.Breach{
		Alarm: *a.Alarm.AlarmName, Comparison: a.rule.Comparison, Threshold: a.rule.Threshold, Values: a.values,
	}
}

// A deed is what an alarm's evaluation leaves to be done.
type deed struct {
	breach  scaling.Breach
	actions []string
}

// entered are the actions for a state that the alarm has just gone to.
func (a *alarm) entered(state types.StateValue) []string {
	if !a.enabled() {
		return nil
	}
	switch state {
	case types.StateValueAlarm:
		return a.Alarm.AlarmActions
	case types.StateValueOk:
		return a.Alarm.OKActions
	}
	return a.Alarm.InsufficientDataActions
}

// repeated are the actions for each minute that the alarm stays in ALARM:
// those that scale.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html
func (a *alarm) repeated() []string {
	if !a.enabled() || a.Alarm.StateValue != types.StateValueAlarm {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(a.Alarm.AlarmActions), func(arn string) bool {
		return !strings.Contains(arn, ":scalingPolicy:")
	})
}

// evaluate judges alarms at the beginning of a beat, stores the states that
// changed, and returns what is to be done. Alarms with a period of a minute or
// more, and repeated actions, are for whole intervals.
func (s *Service) evaluate(ctx context.Context, at time.Time, whole bool) ([]deed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var due []deed
	changed := map[string]document{}
	for _, name := range slices.Sorted(maps.Keys(s.alarms)) {
		a := s.alarms[name]
		if !whole && a.period() >= time.Minute {
			continue
		}
		points, enough, err := s.points(ctx, a, at)
		if err != nil {
			return nil, err
		}
		verdict := scaling.Verdict{State: scaling.State(a.Alarm.StateValue)}
		if enough {
			verdict = a.rule.Evaluate(verdict.State, points)
		}
		if len(verdict.Evaluated) > 0 {
			a.values = values(verdict.Evaluated)
		}
		state := types.StateValue(verdict.State)
		switch {
		case state != a.Alarm.StateValue:
			changed[name] = a.moved(state, verdict.Reason, a.reasonData(points, verdict))
			due = append(due, deed{a.breach(), a.entered(state)})
		case whole:
			due = append(due, deed{a.breach(), a.repeated()})
		}
	}
	sorting.By(due, scaleOutFirst)
	return due, s.move(ctx, changed)
}

// scaleOutFirst orders deeds so that of two alarms that scale one service at
// the same time the one that wants more is heard first.
func scaleOutFirst(a, b deed) int {
	rank := func(d deed) int {
		if d.breach.Comparison.Upward() {
			return 0
		}
		return 1
	}
	return rank(a) - rank(b)
}

// move stores alarms in their new states. The caller holds s.mu.
func (s *Service) move(ctx context.Context, changed map[string]document) error {
	if len(changed) == 0 {
		return nil
	}
	var items []types.AlarmHistoryItem
	for _, name := range slices.Sorted(maps.Keys(changed)) {
		items = append(items, stateItem(s.alarms[name].Alarm, changed[name].Alarm))
	}
	return s.replace(ctx, changed, items)
}

// replace stores alarms whose configuration of metrics is as it was. The caller
// holds s.mu.
func (s *Service) replace(ctx context.Context, docs map[string]document, items []types.AlarmHistoryItem) error {
	if err := s.update(ctx, items, func(tx *store.Tx) error {
		for name, doc := range docs {
			if err := s.table.Put(tx, name, doc); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	for name, doc := range docs {
		s.alarms[name].document = doc
	}
	return nil
}

// moved is the alarm's document in another state.
func (a *alarm) moved(state types.StateValue, reason, data string) document {
	doc, now := a.document, time.Now().UTC()
	doc.Alarm.StateValue = state
	doc.Alarm.StateReason = &reason
	doc.Alarm.StateReasonData = nil
	if data != "" {
		doc.Alarm.StateReasonData = &data
	}
	doc.Alarm.StateUpdatedTimestamp = &now
	doc.Alarm.StateTransitionedTimestamp = &now
	return doc
}

// points are the alarm's data points, of periods divided by the cadence. The
// last period ends with the beat that begins at the time at, or one step before
// it when no data has come yet for that. enough is false where an alarm on a
// percentile has too few values to be judged. The caller holds s.mu.
func (s *Service) points(ctx context.Context, a *alarm, at time.Time) (points []scaling.Point, enough bool, err error) {
	period := max(a.period()/time.Duration(s.config.Cadence), time.Second)
	step := min(period, s.interval())
	g := metric.Grid{Period: period, Count: a.rule.Range()}
	end := at.Truncate(step).Add(step)
	fed, err := s.fed(ctx, a.program, metric.Grid{Begin: end.Add(-period), Period: period, Count: 1})
	if err != nil {
		return nil, false, err
	}
	for _, end := range []time.Time{end, end.Add(-step)} {
		g.Begin = end.Add(-time.Duration(g.Count) * period)
		e := s.on(ctx, a.program, g)
		newest := e.Lines(a.watched)[0].Points
		if e.err != nil {
			return nil, false, e.err
		}
		points = points[:0]
		for i, x := range newest {
			points = append(points, scaling.Point{Time: g.At(i), Value: x})
		}
		if fed && !math.IsNaN(newest[len(newest)-1]) {
			break
		}
	}
	g.Begin, g.Count = g.At(g.Count-a.rule.Periods), a.rule.Periods
	enough, err = s.enough(ctx, a, g)
	return points, enough, err
}

// fed reports whether any metric of a program has data on a grid. Its values
// do not tell: FILL makes some of nothing.
func (s *Service) fed(ctx context.Context, p *program, g metric.Grid) (bool, error) {
	for _, from := range p.sources {
		t, err := s.find(ctx, from.metric, g.Begin)
		if err != nil {
			return false, err
		}
		if t.over(g, from.unit, false)[0].Count > 0 {
			return true, nil
		}
	}
	return false, nil
}

// enough reports whether there are values for a percentile that means
// something; if the alarm cares.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html
func (s *Service) enough(ctx context.Context, a *alarm, g metric.Grid) (bool, error) {
	if a.significant == 0 {
		return true, nil
	}
	from := a.program.sources[a.watched]
	t, err := s.find(ctx, from.metric, g.Begin)
	if err != nil {
		return false, err
	}
	count := 0.
	for _, x := range t.over(g, from.unit, false) {
		count += x.Count
	}
	return count >= a.significant, nil
}

func values(points []scaling.Point) []float64 {
	var values []float64
	for _, p := range points {
		values = append(values, p.Value)
	}
	return values
}

// reasonData is a state's reason for programs.
func (a *alarm) reasonData(points []scaling.Point, v scaling.Verdict) string {
	const layout = "2006-01-02T15:04:05.000-0700"
	type datapoint struct {
		Timestamp string  `json:"timestamp"`
		Value     float64 `json:"value"`
	}
	data := struct {
		Version   string      `json:"version"`
		QueryDate string      `json:"queryDate"`
		StartDate string      `json:"startDate"`
		Statistic string      `json:"statistic,omitempty"`
		Period    int         `json:"period"`
		Recent    []float64   `json:"recentDatapoints"`
		Threshold float64     `json:"threshold"`
		Evaluated []datapoint `json:"evaluatedDatapoints"`
	}{
		Version:   "1.0",
		QueryDate: time.Now().UTC().Format(layout),
		StartDate: points[0].Time.UTC().Format(layout),
		Statistic: cmp.Or(string(a.Alarm.Statistic), aws.ToString(a.Alarm.ExtendedStatistic)),
		Period:    int(a.period().Seconds()),
		Recent:    append([]float64{}, values(v.Evaluated)...),
		Threshold: a.rule.Threshold,
		Evaluated: []datapoint{},
	}
	for _, p := range slices.Backward(v.Evaluated) {
		data.Evaluated = append(data.Evaluated, datapoint{p.Time.UTC().Format(layout), p.Value})
	}
	text, err := json.Marshal(data)
	if err != nil { // an infinity, by dividing; the reason itself says it in words
		return ""
	}
	return string(text)
}

// act performs actions, one after the other, and records how they went.
func (s *Service) act(ctx context.Context, d deed) {
	if s.config.Act == nil {
		return
	}
	for _, arn := range d.actions {
		err := s.config.Act(ctx, arn, d.breach)
		switch {
		case errors.Is(err, ErrNotPerformed):
			s.config.Log.DebugContext(ctx, "alarm action not performed", "alarm", d.breach.Alarm, "action", arn)
		case err != nil && ctx.Err() == nil:
			s.config.Log.WarnContext(ctx, "alarm action failed", "alarm", d.breach.Alarm, "action", arn, "error", err)
		}
		s.recordAction(d.breach.Alarm, arn, err)
	}
}
