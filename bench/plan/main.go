// Command plan measures the simulator: how many jobs a second one core
// simulates on a service of many tasks, what that allocates, and how long a plan
// with many seeds takes.
//
//	go run ./bench/plan
//
// Measured is the time of the simulations alone, of a job's template that was
// compiled before; the median of several rounds counts. Memory is all that was
// allocated, so the most that was held at once is less.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/spate-run/spate/bench/internal/measure"
)

// options are the parameters of the benchmark.
type options struct {
	jobs   int
	tasks  int
	seeds  int
	rounds int
}

func main() {
	var o options
	flag.IntVar(&o.jobs, "jobs", 1_000_000, "jobs of the large run")
	flag.IntVar(&o.tasks, "tasks", 10_000, "its tasks")
	flag.IntVar(&o.seeds, "seeds", 1000, "seeds of the small one, which has 100 jobs")
	flag.IntVar(&o.rounds, "rounds", 5, "times that each is measured")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	fmt.Printf("%s\n\n", measure.Machine())
	if err := run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench/plan:", err)
		os.Exit(1)
	}
}
