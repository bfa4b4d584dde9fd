// Command spate runs a large job for many configurations, on this machine or
// on AWS.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spate-run/spate/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(cli.Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
