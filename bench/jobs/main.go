// Command jobs measures what spate costs beside the jobs themselves: many jobs
// of `true` against GNU parallel and xargs on the same machine in the same
// minutes, the time to a first job, the time of small commands, and memory.
//
//	go run ./bench/jobs
//
// It prints a table with the targets that the project has set itself. It is no
// test: machines differ and are busy, so what is missed is only told. Rivals
// take turns, and of several rounds the median counts.
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
	spate  string
	jobs   int
	many   int
	huge   int
	slots  int
	rounds int
	starts int
}

func main() {
	var o options
	flag.StringVar(&o.spate, "spate", "", "measure this `program` (default: build it from the checkout)")
	flag.IntVar(&o.jobs, "jobs", 1000, "jobs of the comparison")
	flag.IntVar(&o.many, "many", 10_000, "jobs of the run that tells whether time grows linearly; 0 leaves it out")
	flag.IntVar(&o.huge, "huge", 0, "jobs of the run whose memory is measured, which takes minutes: try 100000")
	flag.IntVar(&o.slots, "slots", 2, "jobs at once")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds of the comparison")
	flag.IntVar(&o.starts, "starts", 11, "times that each small command is started")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench/jobs:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	b, err := newBench(ctx, o)
	if err != nil {
		return err
	}
	defer b.close()
	fmt.Printf("%s\n\n", measure.Machine())
	var t measure.Table
	for _, measure := range []func(context.Context, *measure.Table) error{
		b.compare, b.first, b.commands, b.idle, b.memory,
	} {
		if err := measure(ctx, &t); err != nil {
			return err
		}
	}
	t.Print(os.Stdout)
	fmt.Printf("\nload at the end %s\n", measure.Load())
	return nil
}
