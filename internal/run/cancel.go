package run

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"golang.org/x/sync/errgroup"

	"github.com/spate-run/spate/internal/record"
)

// A Cancellation is what cancelling a run came to.
type Cancellation struct {
	Jobs    int // that had no result, and get none
	Running int // of these; their workers stop them
	Drained int // messages that were taken out of the queue
}

// An EndedError reports a run that cannot be cancelled, since it has ended.
type EndedError struct{ Run string }

func (e *EndedError) Error() string { return fmt.Sprintf("run %s has ended", e.Run) }

// Cancel gives up the jobs of the run that have no result. What is in the
// queue of them is drained; workers stop those that run, and drop those that
// they meet.
func (r *Run) Cancel(ctx context.Context) (Cancellation, error) {
	f := r.Follow()
	p, err := f.count(ctx)
	if err != nil {
		return Cancellation{}, err
	}
	if p.Finished() {
		return Cancellation{}, &EndedError{r.ID}
	}
	running, err := f.running(ctx)
	if err != nil {
		return Cancellation{}, err
	}
	for _, o := range f.outcomes {
		if o.open.next(0) < 0 {
			continue
		}
		body, err := json.Marshal(record.Finish{Jobs: o.generation.jobs.count(), Failed: o.failed.count(), At: now()})
		if err != nil {
			return Cancellation{}, err
		}
		if _, err := r.Stack.Records().PutIfAbsent(ctx, record.CancelledKey(r.ID, o.generation.number), body); err != nil {
			return Cancellation{}, err
		}
	}
	c := Cancellation{Jobs: p.Jobs - p.Ended(), Running: len(running)}
	c.Drained, err = r.drain(ctx)
	return c, err
}

// Draining takes every message out of the queue for a moment, since SQS cannot
// look for those of a run. Others' stay hidden until it is over, so that each
// comes up once, and come back by themselves should this client die.
const (
	drainers  = 4
	drainHide = 2 * time.Minute
	drainTime = time.Minute // what it does not reach in that time, workers drop
)

// A drain is one draining of a queue.
type drain struct {
	run *Run

	mu      sync.Mutex
	drained int
	others  []types.Message
}

// drain deletes the run's own messages, and leaves those of others as they
// were.
func (r *Run) drain(ctx context.Context) (int, error) {
	d := &drain{run: r}
	group, groupCtx := errgroup.WithContext(ctx)
	until := time.Now().Add(drainTime)
	for range drainers {
		group.Go(func() error { return d.take(groupCtx, until) })
	}
	err := group.Wait()
	// Also when ctx has ended: others wait for these.
	back := d.handBack(context.WithoutCancel(ctx))
	if err == nil {
		err = back
	}
	if err != nil {
		return d.drained, fmt.Errorf("draining the queue of run %s: %w", r.ID, err)
	}
	return d.drained, nil
}

// take receives until the queue has nothing to give.
func (d *drain) take(ctx context.Context, until time.Time) error {
	for time.Now().Before(until) {
		out, err := d.run.Stack.aws.SQS.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl:              &d.run.Stack.Queue,
			MaxNumberOfMessages:   maxBatch,
			VisibilityTimeout:     int32(drainHide.Seconds()),
			WaitTimeSeconds:       1, // 0 would ask some of SQS's servers only
			MessageAttributeNames: []string{record.AttrRun},
		})
		if err != nil || len(out.Messages) == 0 {
			return err
		}
		if err := d.sort(ctx, out.Messages); err != nil {
			return err
		}
	}
	return nil
}

// sort deletes the run's messages and keeps those of others.
func (d *drain) sort(ctx context.Context, batch []types.Message) error {
	var own []types.DeleteMessageBatchRequestEntry
	var others []types.Message
	for i, m := range batch {
		if deref(m.MessageAttributes[record.AttrRun].StringValue) != d.run.ID {
			others = append(others, m)
			continue
		}
		own = append(own, types.DeleteMessageBatchRequestEntry{Id: new(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle})
	}
	d.mu.Lock()
	d.drained += len(own)
	d.others = append(d.others, others...)
	d.mu.Unlock()
	if len(own) == 0 {
		return nil
	}
	// What is not deleted comes back, and workers drop it.
	_, err := d.run.Stack.aws.SQS.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &d.run.Stack.Queue, Entries: own})
	return err
}

// handBack makes the messages of others visible again.
func (d *drain) handBack(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(drainers)
	for at := 0; at < len(d.others); at += maxBatch {
		group.Go(func() error {
			var entries []types.ChangeMessageVisibilityBatchRequestEntry
			for i, m := range d.others[at:min(at+maxBatch, len(d.others))] {
				entries = append(entries, types.ChangeMessageVisibilityBatchRequestEntry{
					Id: new(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 0,
				})
			}
			_, err := d.run.Stack.aws.SQS.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{
				QueueUrl: &d.run.Stack.Queue, Entries: entries,
			})
			return err
		})
	}
	return group.Wait()
}
