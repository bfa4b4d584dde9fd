package plan_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/spate-run/spate/internal/plan"
)

// TestSearchDecidesAsTheStudy holds the shortened simulations of a search to the
// whole ones, on both sides of every outcome's finish.
func TestSearchDecidesAsTheStudy(t *testing.T) {
	worker := model(t, jobTemplate, map[string]string{"Image": "x"})
	for name, change := range map[string]func(*plan.Model, *plan.Load){
		"plain":     func(*plan.Model, *plan.Load) {},
		"alarms":    func(_ *plan.Model, l *plan.Load) { l.Kick = false },
		"fails":     func(_ *plan.Model, l *plan.Load) { l.Failure, l.Retries, l.Backoff = .1, 1, time.Second },
		"tolerates": func(_ *plan.Model, l *plan.Load) { l.Failure, l.Tolerate = .1, .12 },
		"timeout":   func(_ *plan.Model, l *plan.Load) { l.Timeout, l.Tolerate = 4*time.Minute, 1 },
		"spot":      func(m *plan.Model, l *plan.Load) { m.Task.Spot, l.Interruption = 1, .5 },
		"other": func(m *plan.Model, l *plan.Load) {
			m.Task.Worker, m.Queue.Visibility, m.Queue.MaxReceives = false, 30*time.Second, 9
		},
		"expires": func(m *plan.Model, _ *plan.Load) { m.Queue.Retention = 20 * time.Minute },
	} {
		for _, limit := range []int{1, 7, 40, 200} {
			t.Run(fmt.Sprint(name, limit), func(t *testing.T) {
				m := *worker.WithMax(limit)
				l := plan.Load{Jobs: 200, Durations: plan.Uniform(10*time.Second, 5*time.Minute), Kick: true, Busy: 1}
				change(&m, &l)
				for seed := range uint64(6) {
					o := plan.Simulate(&m, plan.AWS(plan.DefaultImage), l, seed, nil)
					for _, within := range []time.Duration{1, o.Finish / 2, o.Finish - 1, o.Finish, o.Finish + 1, o.Finish + 10*time.Minute, 400 * time.Hour} {
						got := holds(t, &m, l, seed, within)
						if want := o.Whole() && o.Finish <= within; got != want {
							t.Errorf("seed %d, finish %s, within %s: got %t, want %t", seed, o.Finish, within, got, want)
						}
					}
				}
			})
		}
	}
}

// holds is what a search finds out of one seed.
func holds(t *testing.T, m *plan.Model, l plan.Load, seed uint64, within time.Duration) bool {
	q := plan.Question{Model: m, Cloud: plan.AWS(plan.DefaultImage), Load: l, Seeds: 1, Seed: seed}
	got, err := plan.Holds(t.Context(), q, within)
	if err != nil {
		t.Fatal(err)
	}
	return got
}
