package agent

import (
	"context"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Messages are deleted together, since where jobs are short a request for each
// is much of what they cost. None waits long for others: it stays hidden for
// longer by far, and should the worker end first, the message comes again and
// finds its job's result.
const (
	deleteWait = 100 * time.Millisecond
	deleteMost = 10 // of DeleteMessageBatch
)

// deleteAll deletes the messages whose receipts come in, until the channel is
// closed.
func (w *worker) deleteAll(ctx context.Context, receipts <-chan string) {
	for first := range receipts {
		w.deleteBatch(ctx, gather(first, receipts))
	}
}

// gather returns the first receipt and those that come soon after it.
func gather(first string, receipts <-chan string) []string {
	batch := []string{first}
	over := time.NewTimer(deleteWait)
	defer over.Stop()
	for len(batch) < deleteMost {
		select {
		case receipt, open := <-receipts:
			if !open {
				return batch
			}
			batch = append(batch, receipt)
		case <-over.C:
			return batch
		}
	}
	return batch
}

func (w *worker) deleteBatch(ctx context.Context, receipts []string) {
	in := &sqs.DeleteMessageBatchInput{QueueUrl: &w.Queue}
	for i := range receipts {
		in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{
			Id: new(strconv.Itoa(i)), ReceiptHandle: &receipts[i],
		})
	}
	out, err := w.sqs.DeleteMessageBatch(ctx, in)
	if err != nil {
		w.Log.Error("deleting messages", "error", err)
		return
	}
	for _, f := range out.Failed {
		w.Log.Error("deleting a message", "error", deref(f.Code)+": "+deref(f.Message))
	}
}
