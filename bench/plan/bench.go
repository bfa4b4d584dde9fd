package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"

	"github.com/spate-run/spate"
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/plan"
)

func run(ctx context.Context, o options, out io.Writer) error {
	m, err := model()
	if err != nil {
		return err
	}
	if err := large(ctx, o, m, out); err != nil {
		return err
	}
	return small(ctx, o, m, out)
}

// model is that of a job's template.
func model() (*plan.Model, error) {
	j, err := job.Parse("spate.yaml", []byte("name: bench\ncommand: [job]\nimage: image\nmax: 100\n"))
	if err != nil {
		return nil, err
	}
	t, err := spate.JobStack(j).Template()
	if err != nil {
		return nil, err
	}
	return plan.Read(t, plan.Options{Parameters: map[string]string{"Image": "image"}})
}

// large simulates one seed with many jobs, on one core.
func large(ctx context.Context, o options, m *plan.Model, out io.Writer) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	wide := m.WithMax(o.tasks)
	cloud := plan.AWS(plan.DefaultImage)
	cloud.Burst, cloud.Rate, cloud.ServiceRate = 0, 0, 0 // every task starts at once
	for _, text := range []string{"1m..10m", "lognormal(5m, 0.5)"} {
		durations, err := plan.ParseDurations(text)
		if err != nil {
			return err
		}
		load := plan.Load{Jobs: o.jobs, Durations: durations, Kick: true, Busy: 1}
		var rates, bytes []float64
		for round := range o.rounds {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			begin := time.Now()
			outcome := plan.Simulate(wide, cloud, load, uint64(round), nil)
			took := time.Since(begin)
			runtime.ReadMemStats(&after)
			if outcome.Done != o.jobs {
				return fmt.Errorf("simulating %s: got %d jobs done, want %d", text, outcome.Done, o.jobs)
			}
			rates = append(rates, float64(o.jobs)/took.Seconds())
			bytes = append(bytes, float64(after.TotalAlloc-before.TotalAlloc))
		}
		fmt.Fprintf(out, "one seed, one core, %d jobs of %s on %d tasks: %.2f million jobs/s, %.1f MB allocated in all\n",
			o.jobs, text, o.tasks, median(rates)/1e6, median(bytes)/1e6)
	}
	return nil
}

// small simulates many seeds of few jobs, on all cores, as spate plan does.
func small(ctx context.Context, o options, m *plan.Model, out io.Writer) error {
	q := plan.Question{
		Model: m, Cloud: plan.AWS(plan.DefaultImage), Seeds: o.seeds, Seed: 1,
		Load: plan.Load{Jobs: 100, Durations: plan.Uniform(10*time.Minute, time.Hour), Kick: true, Busy: 1},
	}
	var seconds []float64
	for range o.rounds {
		begin := time.Now()
		if _, err := plan.Ask(ctx, q); err != nil {
			return err
		}
		seconds = append(seconds, time.Since(begin).Seconds())
	}
	fmt.Fprintf(out, "%d seeds of 100 jobs, %d cores: %.2f s\n", o.seeds, runtime.GOMAXPROCS(0), median(seconds))
	return nil
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
