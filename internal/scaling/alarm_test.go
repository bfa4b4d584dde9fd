package scaling_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/scaling"
)

// series writes data as the documentation does: 0 is within the threshold, X
// breaches it, - is missing. The newest point is the last.
func series(t *testing.T, drawn string) []scaling.Point {
	t.Helper()
	begin := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	var points []scaling.Point
	for i, mark := range strings.Fields(drawn) {
		value, ok := map[string]float64{"0": 0, "X": 5, "-": math.NaN()}[mark]
		if !ok {
			t.Fatalf("drawing %q: no mark %q", drawn, mark)
		}
		points = append(points, scaling.Point{Time: begin.Add(time.Duration(i) * time.Minute), Value: value})
	}
	return points
}

// keep stands for "Retain current state".
const keep scaling.State = "keep"

// Both tables and the examples of
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
func TestMissingDataAsDocumented(t *testing.T) {
	const (
		ok    = scaling.OK
		alarm = scaling.InAlarm
		none  = scaling.InsufficientData
	)
	for _, row := range []struct {
		needed                                   int
		data                                     string
		missing, ignore, breaching, notBreaching scaling.State
	}{
		{3, "0 - X - X", ok, ok, ok, ok},
		{3, "0 - - - -", ok, ok, ok, ok},
		{3, "- - - - -", none, keep, alarm, ok},
		{3, "0 X X - X", alarm, alarm, alarm, alarm},
		{3, "- - X - -", alarm, keep, alarm, ok},
		{2, "0 - X - X", alarm, alarm, alarm, alarm},
		{2, "0 0 X 0 X", alarm, alarm, alarm, alarm},
		{2, "0 - X - -", ok, ok, alarm, ok},
		{2, "- - - - 0", ok, ok, alarm, ok},
		{2, "- - - X -", alarm, keep, alarm, ok},
		{3, "- - - - X", ok, keep, alarm, ok}, // "does not go immediately into ALARM state"
		{3, "- - - X -", ok, keep, alarm, ok},
	} {
		for treatment, want := range map[scaling.Treatment]scaling.State{
			"":                   row.missing,
			scaling.Missing:      row.missing,
			scaling.Ignore:       row.ignore,
			scaling.Breaching:    row.breaching,
			scaling.NotBreaching: row.notBreaching,
		} {
			for _, now := range []scaling.State{ok, alarm, none} {
				a := scaling.Alarm{
					Comparison: scaling.Above, Threshold: 1,
					Periods: 3, Datapoints: row.needed, Missing: treatment,
				}
				want := want
				if want == keep {
					want = now
				}
				if got := a.Evaluate(now, series(t, row.data)).State; got != want {
					t.Errorf("%d of 3, %s, missing data %q, now %s: got %s, want %s",
						row.needed, row.data, treatment, now, got, want)
				}
			}
		}
	}
}

// states evaluates an alarm after each of its data points.
func states(a scaling.Alarm, points []scaling.Point) []scaling.State {
	now := scaling.InsufficientData
	var all []scaling.State
	for i := range points {
		now = a.Evaluate(now, points[:i+1]).State
		all = append(all, now)
	}
	return all
}

// The figure: a threshold of three units, three of three periods. The third to
// the fifth breach, the sixth does not, and the ninth does for one period only.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
func TestEvaluationAsDrawn(t *testing.T) {
	const ok, alarm = scaling.OK, scaling.InAlarm
	a := scaling.Alarm{Comparison: scaling.Above, Threshold: 3, Periods: 3, Datapoints: 3}
	got := states(a, series(t, "0 0 X X X 0 0 0 X 0"))
	want := []scaling.State{ok, ok, ok, ok, alarm, ok, ok, ok, ok, ok}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
}

// https://repost.aws/knowledge-center/cloudwatch-alarms-trigger-actions
func TestEvaluationOfTheKnowledgeCenter(t *testing.T) {
	a := scaling.Alarm{Comparison: scaling.Above, Threshold: 45, Periods: 3, Datapoints: 3}
	var points []scaling.Point
	for i, average := range []float64{61.123, 57.847, 60.503, 55.473, 41.685, 58.390, 57.846, 61.123} {
		points = append(points, scaling.Point{Time: time.Date(2026, 11, 22, 5, 25+5*i, 0, 0, time.UTC), Value: average})
	}
	const ok, alarm = scaling.OK, scaling.InAlarm
	want := []scaling.State{alarm, alarm, ok, ok, ok, alarm} // at 05:35, 05:40, 05:45, 05:50, 05:55 and 06:00
	if diff := cmp.Diff(want, states(a, points)[2:]); diff != "" {
		t.Errorf("states from 05:35 on (-want +got):\n%s", diff)
	}
}

// "The next time this alarm is evaluated, if the data is still missing it will
// go to ALARM, as that non-breaching data point will no longer be among the 5
// most recent".
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
func TestMissingDataOutlastsTheRange(t *testing.T) {
	a := scaling.Alarm{Comparison: scaling.Above, Threshold: 1, Periods: 3, Datapoints: 3, Missing: scaling.Breaching}
	for drawn, want := range map[string]scaling.State{"0 - - - -": scaling.OK, "0 - - - - -": scaling.InAlarm} {
		if got := a.Evaluate(scaling.OK, series(t, drawn)).State; got != want {
			t.Errorf("%s: got %s, want %s", drawn, got, want)
		}
	}
}

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
func TestComparison(t *testing.T) {
	for _, tt := range []struct {
		comparison           scaling.Comparison
		below, equal, beyond scaling.State
	}{
		{scaling.AtLeast, scaling.OK, scaling.InAlarm, scaling.InAlarm},
		{scaling.Above, scaling.OK, scaling.OK, scaling.InAlarm},
		{scaling.Below, scaling.InAlarm, scaling.OK, scaling.OK},
		{scaling.AtMost, scaling.InAlarm, scaling.InAlarm, scaling.OK},
	} {
		a := scaling.Alarm{Comparison: tt.comparison, Threshold: 10, Periods: 1}
		for value, want := range map[float64]scaling.State{9: tt.below, 10: tt.equal, 11: tt.beyond} {
			if got := a.Evaluate(scaling.OK, []scaling.Point{{Value: value}}).State; got != want {
				t.Errorf("%v %s 10: got %s, want %s", value, tt.comparison, got, want)
			}
		}
	}
}

// The wording of state reasons is CloudWatch's own, as its notifications and
// DescribeAlarms show it.
func TestReason(t *testing.T) {
	for _, tt := range []struct {
		alarm scaling.Alarm
		data  string
		want  string
	}{
		{
			scaling.Alarm{Comparison: scaling.AtLeast, Threshold: 1, Periods: 1}, "X",
			"Threshold Crossed: 1 out of the last 1 datapoints [5.0 (22/11/26 10:00:00)] was greater than or equal to the threshold (1.0) (minimum 1 datapoint for OK -> ALARM transition).",
		},
		{
			scaling.Alarm{Comparison: scaling.Above, Threshold: 2.5, Periods: 3, Datapoints: 2}, "X 0 X",
			"Threshold Crossed: 2 out of the last 3 datapoints [5.0 (22/11/26 10:02:00), 5.0 (22/11/26 10:00:00)] were greater than the threshold (2.5) (minimum 2 datapoints for OK -> ALARM transition).",
		},
		{
			scaling.Alarm{Comparison: scaling.Above, Threshold: 50, Periods: 1}, "0",
			"Threshold Crossed: 1 out of the last 1 datapoints [0.0 (22/11/26 10:00:00)] was not greater than the threshold (50.0) (minimum 1 datapoint for ALARM -> OK transition).",
		},
		{
			scaling.Alarm{Comparison: scaling.Below, Threshold: 0.0001, Periods: 1, Missing: scaling.Breaching}, "- - -",
			"Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as [Breaching].",
		},
		{
			scaling.Alarm{Comparison: scaling.Above, Threshold: 1, Periods: 3, Missing: scaling.NotBreaching}, "- - - - -",
			"Threshold Crossed: no datapoints were received for 3 periods and 3 missing datapoints were treated as [NonBreaching].",
		},
		{
			scaling.Alarm{Comparison: scaling.Above, Threshold: 1, Periods: 3, Missing: scaling.Breaching}, "- - - - X",
			"Threshold Crossed: 1 datapoint was received for 3 periods and 2 missing datapoints were treated as [Breaching].",
		},
		{
			scaling.Alarm{Comparison: scaling.Above, Threshold: 1, Periods: 2}, "- - - -",
			"Insufficient Data: 2 datapoints were unknown.",
		},
		{
			scaling.Alarm{Comparison: scaling.AtMost, Threshold: 2.5e-4, Periods: 1}, "0",
			"Threshold Crossed: 1 out of the last 1 datapoints [0.0 (22/11/26 10:00:00)] was less than or equal to the threshold (2.5E-4) (minimum 1 datapoint for OK -> ALARM transition).",
		},
	} {
		got := tt.alarm.Evaluate(scaling.InsufficientData, series(t, tt.data)).Reason
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("reason for %s (-want +got):\n%s", tt.data, diff)
		}
	}
}
