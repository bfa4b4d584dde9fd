package agent

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// A lease is the worker's hold on a message: until it ends, the message stays
// hidden, and the task protected.
type lease struct {
	worker  *worker
	receipt string
	cancel  context.CancelFunc
	heart   sync.WaitGroup
}

// hold takes a message that was received just now. The lease outlives ctx; it
// ends by delete or handBack.
func (w *worker) hold(ctx context.Context, receipt string) *lease {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l := &lease{worker: w, receipt: receipt, cancel: cancel}
	l.heart.Go(func() { l.beat(ctx) })
	return l
}

func (l *lease) beat(ctx context.Context) {
	tick := time.NewTicker(l.worker.Heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		call, cancel := context.WithTimeout(ctx, l.worker.Heartbeat)
		if err := l.hide(call, l.worker.Visibility); err != nil && ctx.Err() == nil {
			// The job goes on: should another worker get it too, the first
			// result counts.
			l.worker.Log.Warn("keeping the message", "error", err)
		}
		if err := l.worker.protection.renew(call); err != nil && ctx.Err() == nil {
			l.worker.Log.Warn("renewing task protection", "error", err)
		}
		cancel()
	}
}

func (l *lease) hide(ctx context.Context, d time.Duration) error {
	_, err := l.worker.sqs.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: &l.worker.Queue, ReceiptHandle: &l.receipt, VisibilityTimeout: seconds(d),
	})
	if err != nil {
		return fmt.Errorf("changing the message's visibility: %w", err)
	}
	return nil
}

// end stops the heartbeat, so that no late one hides what was handed back.
func (l *lease) end() {
	l.cancel()
	l.heart.Wait()
}

// delete has the message deleted. One that cannot be deleted comes again, and
// then finds its job's result.
func (l *lease) delete() {
	l.end()
	l.worker.receipts <- l.receipt
}

// handBack makes the message visible after a while. A message that cannot be
// handed back comes again when it is not hidden any more.
func (l *lease) handBack(ctx context.Context, after time.Duration) {
	l.end()
	if err := l.hide(ctx, after); err != nil {
		l.worker.Log.Error("handing the message back", "error", err)
	}
}
