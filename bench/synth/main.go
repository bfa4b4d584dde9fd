// Command synth measures what it takes to write a CloudFormation template: with
// spate's constructs and of a job file, against AWS CDK, whose pattern of the
// same name the constructs follow.
//
//	go run ./bench/synth
//
// Measured is the time of whole processes. The constructs' is a program that was
// built before, as node's program needs no building; `spate synth` of a Go
// program runs `go run`, whose compiler is not counted. CDK's are `node app.js`
// with CDK_VALIDATION=false, and `cdk synth` as it comes. They take turns, and the
// median counts. CDK comes from npm and is kept in the user's cache.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/spate-run/spate/bench/internal/measure"
)

// options are the parameters of the benchmark.
type options struct {
	modules string
	rounds  int
	starts  int
}

func main() {
	var o options
	flag.StringVar(&o.modules, "modules", "", "a `folder` with node_modules that hold aws-cdk-lib and aws-cdk (default: the cache's, installed when it is not there)")
	flag.IntVar(&o.rounds, "rounds", 5, "times that node and cdk are started")
	flag.IntVar(&o.starts, "starts", 11, "times that spate is started in each of the rounds")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench/synth:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "spate-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{options: o, dir: dir}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	fmt.Printf("%s\n%s\n\n", measure.Machine(), b.versions)
	var t measure.Table
	if err := b.compare(ctx, &t); err != nil {
		return err
	}
	t.Print(os.Stdout)
	fmt.Printf("\nload at the end %s\n", measure.Load())
	return nil
}
