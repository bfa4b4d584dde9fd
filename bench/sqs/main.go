// Command sqs measures the embedded engine's queue over the wire: cycles of send,
// receive and delete by a lean HTTP client and by the Go SDK's, beside a handler
// that reads the request and answers a canned reply, and beside goaws, which keeps
// messages in memory only.
//
//	go run ./bench/sqs
//	go run ./bench/sqs -goaws path/to/goaws     built from github.com/Admiral-Piett/goaws
//	go run ./bench/sqs -large                   a million messages, ten thousand receivers
//	go run ./bench/sqs -soak                    a million messages by a thousand connections
//
// spate's messages are on disk before they are acknowledged. Rivals take turns, and
// of several rounds the median counts.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/spate-run/spate/bench/internal/measure"
)

// options are the parameters of the benchmark.
type options struct {
	spate  string
	goaws  string
	rounds int
	each   time.Duration
}

func main() {
	var o options
	floor := flag.String("floor", "", "answer canned replies at this `address`, as a rival of itself")
	flag.StringVar(&o.spate, "spate", "", "measure this `program` (default: build it from the checkout)")
	flag.StringVar(&o.goaws, "goaws", "", "compare with this `program`")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds of the comparison")
	flag.DurationVar(&o.each, "each", 2*time.Second, "how long a rival has in a round")
	much := flag.Bool("large", false, "measure a queue that holds much")
	through := flag.Bool("soak", false, "let a million messages pass by a thousand connections")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	switch {
	case *floor != "":
		err = serveFloor(ctx, *floor)
	case *much:
		err = large(ctx, o)
	case *through:
		err = soak(ctx, o)
	default:
		err = run(ctx, o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/sqs:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	rivals, stop, err := start(ctx, o)
	defer stop()
	if err != nil {
		return err
	}
	fmt.Printf("%s\n\n", measure.Machine())
	b := &bench{options: o, rivals: rivals}
	for _, l := range []load{
		{connections: 16, size: 256, batch: 1},
		{connections: 64, size: 256, batch: 1},
		{connections: 16, size: 1024, batch: 1},
		{connections: 64, size: 1024, batch: 1},
		{connections: 16, size: 1024, batch: 10},
		{connections: 16, size: 256, batch: 1, sdk: true},
	} {
		if err := b.compare(ctx, l); err != nil {
			return err
		}
	}
	if err := b.wake(ctx, 300); err != nil {
		return err
	}
	fmt.Printf("\nload at the end %s\n", measure.Load())
	return nil
}
