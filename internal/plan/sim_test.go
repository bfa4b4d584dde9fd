package plan_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/plan"
	"github.com/spate-run/spate/internal/template"
)

func model(t testing.TB, path string, parameters map[string]string) *plan.Model {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tt, err := template.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	m, err := plan.Read(tt, plan.Options{Parameters: parameters})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const (
	jobTemplate = "../../testdata/plain.template.json"
	asWritten   = "../../testdata/cdk/as-written.template.json"
)

// retrain is the load of the example: 100 jobs of 10 to 60 minutes.
func retrain() plan.Load {
	return plan.Load{Jobs: 100, Durations: plan.Uniform(10*time.Minute, time.Hour), Busy: 1, Kick: true}
}

func ask(m *plan.Model, l plan.Load, seeds int) *plan.Study {
	s, err := plan.Ask(context.Background(), plan.Question{Model: m, Cloud: plan.AWS(plan.DefaultImage), Load: l, Seeds: seeds, Seed: 1})
	if err != nil {
		panic(err)
	}
	return s
}

func TestJobsOfAnHourAreDoneInLittleMore(t *testing.T) {
	s := ask(model(t, jobTemplate, map[string]string{"Image": "x"}), retrain(), 200)
	for i := range s.Outcomes {
		o := &s.Outcomes[i]
		if over := o.Finish - o.Longest; over < 20*time.Second || over > 2*time.Minute {
			t.Errorf("seed %d: got %s beyond the longest job, want a start's time", i, over)
		}
		if o.Done != 100 || o.Peak != 100 || o.Killed != 0 {
			t.Errorf("seed %d: got %d jobs done on %d tasks, %d killed, want 100 on 100 and none", i, o.Done, o.Peak, o.Killed)
		}
	}
	idle := s.Mean(func(o *plan.Outcome) float64 { return (o.Starting + o.Idle).Hours() / o.TaskTime.Hours() })
	if idle < .10 || idle > .14 {
		t.Errorf("got %.3f of the task-minutes without work, want about 0.12", idle)
	}
}

func TestThePatternAsWrittenTakesADay(t *testing.T) {
	l := retrain()
	l.Kick, l.Busy = false, 0 // as if there were no scaling on CPU
	m := model(t, asWritten, nil)
	at, whole := ask(m, l, 50).Finish(.5)
	if !whole || at < 28*time.Hour || at > 30*time.Hour {
		t.Errorf("got %s (%t), want about 29 h: two tasks for 3,500 minutes of work", at, whole)
	}
	m.Capacity.Max = 100
	at, whole = ask(m, l, 50).Finish(.5)
	if !whole || at < 3*time.Hour+20*time.Minute || at > 3*time.Hour+50*time.Minute {
		t.Errorf("got %s (%t), want about 3.6 h: a task more every five minutes", at, whole)
	}
}

func TestTheSameSeedIsTheSameRun(t *testing.T) {
	m := model(t, jobTemplate, map[string]string{"Image": "x"})
	l := retrain()
	l.Failure, l.Interruption = .1, .3
	m.Task.Spot = 1
	l.Retries, l.Backoff = 2, 10*time.Second
	if diff := cmp.Diff(ask(m, l, 20).Outcomes, ask(m, l, 20).Outcomes); diff != "" {
		t.Errorf("got another answer the second time:\n%s", diff)
	}
}

// A pause between two attempts doubles up to a quarter of an hour, as the worker's
// does: a job that never succeeds ends when its pauses are over.
func TestPausesBetweenAttempts(t *testing.T) {
	const takes = 10 * time.Second
	for _, c := range []struct {
		backoff time.Duration
		retries int
		want    time.Duration
	}{
		{10 * time.Second, 3, (10 + 20 + 40) * time.Second},
		{10 * time.Second, 10, (10+20+40+80+160+320+640)*time.Second + 3*15*time.Minute},
		{time.Hour, 100, 100 * time.Hour},
		{0, 5, 0},
	} {
		l := plan.Load{Jobs: 1, Durations: plan.Constant(takes), Failure: 1, Backoff: c.backoff, Retries: c.retries}
		o := plan.Simulate(static(t, 1), plan.Cloud{}, l, 1, nil)
		if want := c.want + time.Duration(c.retries+1)*takes; o.Finish != want || o.Attempts != c.retries+1 {
			t.Errorf("%s, %d retries: got %d attempts in %s, want %s", c.backoff, c.retries, o.Attempts, o.Finish, want)
		}
	}
}

// No more tasks run than the account's quota has room for: not those that are
// there before the run, nor those of a way that it is compared with.
func TestTheQuotaHoldsForEveryTask(t *testing.T) {
	const quota = 1.5 // six of a quarter
	m, err := edited(t, asWritten, `"MaxCapacity": 2`, `"MaxCapacity": 100`)
	if err != nil {
		t.Fatal(err)
	}
	cloud := plan.AWS(plan.DefaultImage)
	cloud.Quota = quota
	l := plan.Load{Jobs: 60, Durations: plan.Constant(20 * time.Second), Busy: 1}
	s, err := plan.Ask(t.Context(), plan.Question{Model: m, Cloud: cloud, Load: l, Seeds: 10, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	for i := range s.Outcomes {
		if o := &s.Outcomes[i]; o.Peak > 6 || o.Finish < 200*time.Second {
			t.Errorf("got %d tasks and %s, want 6, which have 10 jobs each", o.Peak, o.Finish)
		}
	}
	if got := s.IdleTasks(); got > 6 {
		t.Errorf("got %g tasks between runs, want 6 at most", got)
	}
	all, err := plan.Compare(t.Context(), s, "x")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if a.Name == "Step Functions" && a.P50 < 200*time.Second {
			t.Errorf("got %s with Step Functions, want 200s or more", a.P50)
		}
	}
}

func TestNeverStaysNever(t *testing.T) {
	s := plan.Study{Outcomes: make([]plan.Outcome, 3)}
	if got := s.Time(.95, func(*plan.Outcome) time.Duration { return plan.Never }); got != plan.Never {
		t.Errorf("got %d, want a time that never comes, %d", got, plan.Never)
	}
}
