package main

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spate-run/spate/bench/internal/measure"
)

// A soak sends, receives and deletes so many messages by so many connections.
const (
	soakMessages    = 1_000_000
	soakConnections = 1_000
	soakLooks       = 10
)

// soak prints what an engine takes while a million messages pass through it:
// neither memory nor files may grow with them.
func (l *largely) soak(ctx context.Context) (err error) {
	if l.queue, err = l.makeQueue(ctx, l.engine); err != nil {
		return err
	}
	measure.Tell("%d messages by %d connections", soakMessages, soakConnections)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var done atomic.Int64
	looked := make(chan struct{})
	go func() {
		defer close(looked)
		l.look(ctx, &done)
	}()
	began := time.Now()
	err = l.together(soakConnections, func(c *lean) error {
		payload := strings.Repeat("x", 1024)
		for done.Load() < soakMessages && ctx.Err() == nil {
			n, err := c.cycle(l.queue, payload, 1)
			if err != nil {
				return err
			}
			done.Add(int64(n))
		}
		return nil
	})
	took := time.Since(began)
	cancel()
	<-looked
	l.tell("messages a second", int(float64(done.Load())/took.Seconds()))
	return err
}

// look prints a line each time that another part of the messages has passed.
func (l *largely) look(ctx context.Context, done *atomic.Int64) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for next := int64(soakMessages / soakLooks); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if n := done.Load(); n >= next {
			l.tell(fmt.Sprintf("after %d messages", next), "")
			next += soakMessages / soakLooks
		}
	}
}
