package cloudwatch

import (
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

	"github.com/spate-run/spate/internal/scaling"
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
	// values are the newest data points that there were to evaluate.
	values []float64
}

// newAlarm checks and compiles an alarm's configuration.
func newAlarm(doc document) (*alarm, error) {
	m := doc.Alarm
	queries := m.Metrics
	if len(queries) == 0 {
		queries = []types.MetricDataQuery{{
			Id: new("m"),
			MetricStat: &types.MetricStat{
				Metric: &types.Metric{Namespace: m.Namespace, MetricName: m.MetricName, Dimensions: m.Dimensions},
				Period: m.Period, Stat: new(string(m.Statistic)), Unit: m.Unit,
			},
		}}
	}
	p, err := compile(queries)
	if err != nil {
		return nil, err
	}
	returned := slices.DeleteFunc(slices.Clone(queries), func(q types.MetricDataQuery) bool {
		return q.ReturnData != nil && !*q.ReturnData
	})
	if len(returned) != 1 {
		return nil, validation("Exactly one element of the metrics list should return data.")
	}
	return &alarm{
		document: doc,
		program:  p,
		watched:  *returned[0].Id,
		rule: scaling.Alarm{
			Comparison: scaling.Comparison(m.ComparisonOperator),
			Threshold:  aws.ToFloat64(m.Threshold),
			Periods:    int(aws.ToInt32(m.EvaluationPeriods)),
			Datapoints: int(aws.ToInt32(m.DatapointsToAlarm)),
			Missing:    scaling.Treatment(aws.ToString(m.TreatMissingData)),
		},
	}, nil
}

func (a *alarm) period() time.Duration { return a.program.nodes[a.watched].period }

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

// evaluate judges every alarm at the beginning of an interval, stores the
// states that changed, and returns what is to be done.
func (s *Service) evaluate(ctx context.Context, at time.Time) ([]deed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var due []deed
	changed := map[string]document{}
	for _, name := range slices.Sorted(maps.Keys(s.alarms)) {
		a := s.alarms[name]
		points := s.points(a, at)
		verdict := a.rule.Evaluate(scaling.State(a.Alarm.StateValue), points)
		if len(verdict.Evaluated) > 0 {
			a.values = values(verdict.Evaluated)
		}
		state := types.StateValue(verdict.State)
		if state == a.Alarm.StateValue {
			due = append(due, deed{a.breach(), a.repeated()})
			continue
		}
		changed[name] = a.moved(state, verdict.Reason, a.reasonData(points, verdict))
		due = append(due, deed{a.breach(), a.entered(state)})
	}
	slices.SortStableFunc(due, scaleOutFirst)
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
	if err := s.config.Store.Update(ctx, func(tx *store.Tx) error {
		for name, doc := range changed {
			if err := s.table.Put(tx, name, doc); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	for name, doc := range changed {
		s.recordState(s.alarms[name].Alarm, doc.Alarm)
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
// last period ends with the interval that begins at the time at, or one step
// before it when no data has come yet for that. The caller holds s.mu.
func (s *Service) points(a *alarm, at time.Time) []scaling.Point {
	period := a.period() / time.Duration(s.config.Cadence)
	step := min(period, s.interval())
	end := at.Truncate(step).Add(step)
	points := s.ending(a, end, period)
	newest := grid{begin: end.Add(-period), period: period, count: 1}
	if math.IsNaN(points[len(points)-1].Value) || !s.fed(a.program, newest) {
		return s.ending(a, end.Add(-step), period)
	}
	return points
}

// fed reports whether any metric of a program has data on a grid. Its values
// do not tell: FILL makes some of nothing.
func (s *Service) fed(p *program, g grid) bool {
	for _, n := range p.nodes {
		if m := n.query.MetricStat; m != nil && s.find(m.Metric).over(g, m.Unit)[0].count > 0 {
			return true
		}
	}
	return false
}

func (s *Service) ending(a *alarm, end time.Time, period time.Duration) []scaling.Point {
	count := a.rule.Range()
	g := grid{begin: end.Add(-time.Duration(count) * period), period: period, count: count}
	points := make([]scaling.Point, count)
	for i, x := range s.eval(a.program, a.watched, g) {
		points[i] = scaling.Point{Time: g.at(i), Value: x}
	}
	return points
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
		Statistic: string(a.Alarm.Statistic),
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
