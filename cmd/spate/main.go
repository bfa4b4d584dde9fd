// Command spate runs a large job for many configurations, on this machine or
// on AWS.
package main

import (
	"context"
	"os"

	"github.com/spate-run/spate/internal/cli"
)

func main() {
	ctx, stop := cli.Interruptible(context.Background(), func() { os.Exit(1) })
	code := cli.Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
