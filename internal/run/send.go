package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"golang.org/x/sync/errgroup"

	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/record"
)

// A message and a batch hold at most 1 MiB, attributes and their names
// included; a batch has at most 10 messages.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
const (
	maxBytes      = 1 << 20
	maxBatch      = 10
	attributeRoom = 256 // more than the attributes of one message take
	maxBody       = maxBytes - attributeRoom
)

// batchesAtOnce is how many batches travel at once; after each such wave
// sent.json is brought up to date.
const batchesAtOnce = 10

// sentRecord is sent.json.
type sentRecord struct {
	// Sent configurations, from the first on, are in the queue for certain.
	Sent int `json:"sent"`
}

// Send puts the jobs into the queue that are not there yet, of every
// generation, and sees to it that tasks for the backlog start without waiting
// for an alarm. What it sent once it may send again when it was ended in the
// midst; workers drop what is there twice.
func (r *Run) Send(ctx context.Context, backlog int) error {
	s, err := r.surveyed(ctx)
	if err != nil {
		return err
	}
	kick := sync.OnceValue(func() error { return r.Stack.kick(ctx, backlog) })
	for _, g := range s.generations {
		if g.cancelled {
			continue
		}
		if err := r.send(ctx, g, kick); err != nil {
			return err
		}
	}
	return kick()
}

func (g *generation) sentKey(run string) string {
	if g.number == 1 {
		return record.SentKey(run)
	}
	return record.RetrySentKey(run, g.number)
}

// sent is how many jobs of a generation were sent for certain.
func (r *Run) sent(ctx context.Context, g *generation) (int, error) {
	var got sentRecord
	err := r.Stack.Records().GetJSON(ctx, g.sentKey(r.ID), &got)
	if _, missing := errors.AsType[*record.NotFoundError](err); missing {
		return 0, nil
	}
	return got.Sent, err
}

// send sends what is left of a generation, a wave of batches at a time, and
// wakes the service as soon as the first wave is in.
func (r *Run) send(ctx context.Context, g *generation, kick func() error) error {
	sent, err := r.sent(ctx, g)
	if err != nil || sent >= g.jobs.count() {
		return err
	}
	for wave, err := range r.waves(ctx, g, sent) {
		if err != nil {
			return err
		}
		group, groupCtx := errgroup.WithContext(ctx)
		for _, batch := range wave {
			sent += len(batch)
			group.Go(func() error { return r.Stack.sendBatch(groupCtx, batch) })
		}
		if err := group.Wait(); err != nil {
			return fmt.Errorf("sending configurations: %w", err)
		}
		if err := kick(); err != nil {
			return err
		}
		if err := r.Stack.Records().PutJSON(ctx, g.sentKey(r.ID), sentRecord{sent}); err != nil {
			return err
		}
	}
	return nil
}

type batch []types.SendMessageBatchRequestEntry

// waves groups what is left of a generation into batches that SQS takes, and
// batches into waves.
func (r *Run) waves(ctx context.Context, g *generation, sent int) iter.Seq2[[]batch, error] {
	return func(yield func([]batch, error) bool) {
		var wave []batch
		var next batch
		size, skip := 0, sent
		for row, err := range r.configs(ctx) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !g.jobs.has(row.Index) {
				continue
			}
			if skip--; skip >= 0 {
				continue
			}
			entry, entrySize, err := message(r.ID, row.Index, g.number, row.Config)
			if err != nil {
				yield(nil, err)
				return
			}
			if len(next) == maxBatch || size+entrySize > maxBytes {
				wave, next, size = append(wave, next), nil, 0
			}
			if len(wave) == batchesAtOnce {
				if !yield(wave, nil) {
					return
				}
				wave = nil
			}
			next, size = append(next, entry), size+entrySize
		}
		if len(next) > 0 {
			yield(append(wave, next), nil)
		}
	}
}

// message is one configuration as SQS carries it: the parameters are the body,
// so that a container that reads the queue by itself can use it too.
func message(run string, index, generation int, c job.Config) (types.SendMessageBatchRequestEntry, int, error) {
	body, err := json.Marshal(c)
	if err != nil {
		return types.SendMessageBatchRequestEntry{}, 0, err
	}
	text := func(s string) types.MessageAttributeValue {
		return types.MessageAttributeValue{DataType: new("String"), StringValue: &s}
	}
	number := func(n int) types.MessageAttributeValue {
		return types.MessageAttributeValue{DataType: new("Number"), StringValue: new(strconv.Itoa(n))}
	}
	return types.SendMessageBatchRequestEntry{
		Id:          new(strconv.Itoa(index)),
		MessageBody: new(string(body)),
		MessageAttributes: map[string]types.MessageAttributeValue{
			record.AttrRun:        text(run),
			record.AttrIndex:      number(index),
			record.AttrGeneration: number(generation),
		},
	}, len(body) + attributeRoom, nil
}

// batchTries bounds how often the entries that SQS did not take are sent.
const batchTries = 5

// sendBatch sends a batch, and what of it SQS did not take once more.
func (s *Stack) sendBatch(ctx context.Context, b batch) error {
	for try := 1; len(b) > 0; try++ {
		out, err := s.aws.SQS.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &s.Queue, Entries: b})
		if err != nil {
			return err
		}
		var left batch
		var errs []error
		for _, f := range out.Failed {
			for _, entry := range b {
				if *entry.Id == *f.Id {
					left = append(left, entry)
				}
			}
			errs = append(errs, fmt.Errorf("configuration %s: %s: %s", *f.Id, *f.Code, deref(f.Message)))
			if f.SenderFault {
				try = batchTries
			}
		}
		if len(left) > 0 && try >= batchTries {
			return errors.Join(errs...)
		}
		b = left
	}
	return nil
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
