package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spate-run/spate/internal/runner/group"
)

// Interruptible returns a context that ends at Ctrl-C, when the program is told
// to stop, and when its terminal is closed, unless nohup keeps it from that. A
// second signal calls again.
func Interruptible(ctx context.Context, again func()) (context.Context, context.CancelFunc) {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, end := context.WithCancel(ctx)
	group.OnEnd(end)
	ctx, stop := signal.NotifyContext(ctx, ends...)
	context.AfterFunc(ctx, func() {
		second := make(chan os.Signal, 1)
		signal.Notify(second, ends...)
		<-second
		again()
	})
	return ctx, func() {
		stop()
		end()
	}
}
