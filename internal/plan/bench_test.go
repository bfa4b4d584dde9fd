package plan_test

import (
	"testing"
	"time"

	"github.com/spate-run/spate/internal/plan"
)

// wide is a model with so many tasks, and a cloud that starts them at once.
func wide(b testing.TB, tasks int) (*plan.Model, plan.Cloud) {
	m := model(b, jobTemplate, map[string]string{"Image": "x"})
	m.Capacity.Max = tasks
	c := plan.AWS(plan.DefaultImage)
	c.Burst, c.Rate, c.ServiceRate = 0, 0, 0
	return m, c
}

func BenchmarkJobs(b *testing.B) {
	for _, text := range []string{"1m..10m", "lognormal(5m, 0.5)"} {
		b.Run(text, func(b *testing.B) {
			m, c := wide(b, 10_000)
			d, err := plan.ParseDurations(text)
			if err != nil {
				b.Fatal(err)
			}
			l := plan.Load{Jobs: 1_000_000, Durations: d, Kick: true, Busy: 1}
			b.ReportAllocs()
			for i := range b.N {
				if o := plan.Simulate(m, c, l, uint64(i), nil); o.Done != l.Jobs {
					b.Fatalf("got %d jobs done, want %d", o.Done, l.Jobs)
				}
			}
			b.ReportMetric(float64(l.Jobs)*float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
		})
	}
}

func BenchmarkSeeds(b *testing.B) {
	m := model(b, jobTemplate, map[string]string{"Image": "x"})
	l := plan.Load{Jobs: 100, Durations: plan.Uniform(10*time.Minute, time.Hour), Kick: true, Busy: 1}
	b.ReportAllocs()
	for i := range b.N {
		plan.Simulate(m, plan.AWS(plan.DefaultImage), l, uint64(i), nil)
	}
}
