package plan_test

import (
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/plan"
	"github.com/spate-run/spate/internal/template"
)

func TestReadTheExampleOfCDK(t *testing.T) {
	m := model(t, asWritten, nil)
	if diff := cmp.Diff(plan.Task{CPU: .25, Memory: .5, Disk: 20}, m.Task); diff != "" {
		t.Errorf("task (-want +got):\n%s", diff)
	}
	want := plan.Queue{ID: "queue276F7297", Visibility: 30 * time.Second, Retention: 4 * 24 * time.Hour}
	if diff := cmp.Diff(want, m.Queue); diff != "" {
		t.Errorf("queue (-want +got):\n%s", diff)
	}
	// Its alarms at 0 both go off while the queue is empty, and scaling out wins.
	want2 := plan.Capacity{Min: 1, Max: 2, Created: 1, Desired: 2, Idle: 2}
	if m.Capacity != want2 || len(m.Policies) != 4 {
		t.Errorf("got %+v and %d policies with alarms, want %+v and 4", m.Capacity, len(m.Policies), want2)
	}
	// Two NAT gateways, their addresses, two alarms and those of the CPU policy,
	// and the two tasks that it rests at.
	month := 730*(2*.045+2*.005+2*(.25*.04048+.5*.004445)) + .6
	if math.Abs(m.IdleMonth()-month) > .2 {
		t.Errorf("got $%.2f a month idle, want $%.2f", m.IdleMonth(), month)
	}
}

func TestReadEveryProp(t *testing.T) {
	m := model(t, "../../testdata/cdk/every-prop.template.json", nil)
	if m.Task.Spot == 0 || !m.Task.ARM || m.Task.Disk != 100 || m.Capacity.Max != 50 || m.Queue.MaxReceives != 5 {
		t.Errorf("got %+v, %+v and %+v", m.Task, m.Capacity, m.Queue)
	}
}

// What cannot be simulated is refused by name.
func TestWhatIsNotSimulated(t *testing.T) {
	text, err := os.ReadFile(asWritten)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ replace, by, want string }{
		{`"PolicyType": "StepScaling"`, `"PolicyType": "PredictiveScaling"`, "PredictiveScaling"},
		{`"ApproximateNumberOfMessagesVisible"`, `"NumberOfEmptyReceives"`, "AWS/SQS/NumberOfEmptyReceives"},
		{`"Statistic": "Maximum"`, `"Statistic": "p90"`, "p90"},
		{`"Period": 300`, `"Period": 30`, "30s"},
		{`ECSServiceAverageCPUUtilization`, `ALBRequestCountPerTarget`, "ALBRequestCountPerTarget"},
		{`"AdjustmentType": "ChangeInCapacity"`, `"AdjustmentType": "Guess"`, "Guess"},
		{`AWS::ECS::Service"`, `AWS::ECS::PrimaryTaskSet"`, "no ECS service"},
	} {
		changed := strings.ReplaceAll(strings.ReplaceAll(string(text), `":"`, `": "`), c.replace, c.by)
		if changed == string(text) {
			changed = strings.ReplaceAll(string(text), strings.ReplaceAll(c.replace, `": `, `":`), c.by)
		}
		parsed, err := template.Parse([]byte(changed))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := plan.Read(parsed, plan.Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", c.by, err, c.want)
		}
	}
}

func TestWhatProtectionIsFor(t *testing.T) {
	l := plan.Load{Jobs: 140, Durations: plan.Uniform(2*time.Minute, 20*time.Minute), Extends: true}
	m := model(t, "../../testdata/cdk/defaults.template.json", nil).WithMax(40)
	killed := ask(m, l, 20).Mean(func(o *plan.Outcome) float64 { return float64(o.Killed) })
	m.Task.Worker = true
	protected := ask(m, l, 20).Mean(func(o *plan.Outcome) float64 { return float64(o.Killed) })
	if killed == 0 || protected != 0 {
		t.Errorf("got %g jobs killed without protection and %g with it, want some and none", killed, protected)
	}
}

func TestAQueueThatSleepsWakesLate(t *testing.T) {
	l := plan.Load{Jobs: 10, Durations: plan.Constant(time.Minute), Busy: 1}
	m := model(t, jobTemplate, map[string]string{"Image": "x"})
	start := func() time.Duration {
		return ask(m, l, 200).Time(.95, func(o *plan.Outcome) time.Duration { return o.FirstStart })
	}
	awake := start()
	m.Queue.Touched = false
	if asleep := start(); awake > 5*time.Minute || asleep < 13*time.Minute || asleep > 19*time.Minute {
		t.Errorf("got the first start after %s, and %s when the queue slept, want a few minutes and up to 15 more", awake, asleep)
	}
}

func TestAQuotaLimitsTasks(t *testing.T) {
	m := model(t, jobTemplate, map[string]string{"Image": "x"})
	c := plan.AWS(plan.DefaultImage)
	c.Quota = 6
	if o := plan.Simulate(m, c, retrain(), 1, nil); o.Peak != 6 || o.Done != 100 || o.Finish < 9*time.Hour {
		t.Errorf("got %d tasks, %d done in %s, want 6 and some ten hours", o.Peak, o.Done, o.Finish)
	}
}

func TestLaunchesAreSpaced(t *testing.T) {
	m, _ := wide(t, 1000)
	c := plan.AWS(plan.DefaultImage)
	l := plan.Load{Jobs: 1000, Durations: plan.Constant(time.Hour), Kick: true}
	last := time.Duration(0)
	plan.Simulate(m, c, l, 1, func(e plan.Event) {
		if e.Kind == plan.JobStarted {
			last = e.At
		}
	})
	if last < 2*time.Minute || last > 4*time.Minute {
		t.Errorf("got the last of 1000 jobs started after %s, want 2 minutes for 500 tasks a minute, and a start", last)
	}
}

func TestLeastMax(t *testing.T) {
	m := model(t, jobTemplate, map[string]string{"Image": "x"})
	q := plan.Question{Model: m, Cloud: plan.AWS(plan.DefaultImage), Load: retrain(), Seeds: 50, Seed: 1}
	build := func(n int) (*plan.Model, error) { return m.WithMax(n), nil }
	limit, ok, err := plan.LeastMax(t.Context(), q, build, 90*time.Minute, 1, 100)
	if err != nil || !ok {
		t.Fatalf("got %d, %t, %v", limit, ok, err)
	}
	meets := func(n int) bool {
		other := q
		other.Model = m.WithMax(n)
		s, err := plan.Ask(t.Context(), other)
		if err != nil {
			t.Fatal(err)
		}
		return s.Meets(90*time.Minute, plan.Sure)
	}
	if !meets(limit) || meets(limit-1) {
		t.Errorf("got %d, which holds it: %t; one less does: %t", limit, meets(limit), meets(limit-1))
	}
	if got, ok, _ := plan.LeastMax(t.Context(), q, build, 90*time.Minute, limit+1, 100); !ok || got != limit+1 {
		t.Errorf("got %d, want %d, from which on was asked", got, limit+1)
	}
	if _, ok, _ := plan.LeastMax(t.Context(), q, build, 90*time.Minute, 101, 100); ok {
		t.Error("got a max of no range")
	}
	if _, ok, _ := plan.LeastMax(t.Context(), q, build, 50*time.Minute, 1, 100); ok {
		t.Error("got a max for less than the longest job takes")
	}
}
