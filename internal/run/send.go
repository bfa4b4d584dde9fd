package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"

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

// send puts the configurations into the queue, a wave of batches at a time,
// and wakes the service as soon as the first wave is in.
func (s *Stack) send(ctx context.Context, r record.Run, source *job.Source) error {
	sent, kicked := 0, false
	for wave, err := range waves(r.ID, source) {
		if err != nil {
			return err
		}
		group, groupCtx := errgroup.WithContext(ctx)
		for _, batch := range wave {
			sent += len(batch)
			group.Go(func() error { return s.sendBatch(groupCtx, batch) })
		}
		if err := group.Wait(); err != nil {
			return fmt.Errorf("sending configurations: %w", err)
		}
		if !kicked {
			if err := s.kick(ctx, r.Jobs); err != nil {
				return err
			}
			kicked = true
		}
		if err := s.Records().PutJSON(ctx, record.SentKey(r.ID), sentRecord{sent}); err != nil {
			return err
		}
	}
	return nil
}

type batch []types.SendMessageBatchRequestEntry

// waves groups a source's configurations into batches that SQS takes, and
// batches into waves.
func waves(run string, source *job.Source) iter.Seq2[[]batch, error] {
	return func(yield func([]batch, error) bool) {
		var wave []batch
		var next batch
		size, index := 0, 0
		for config, err := range source.Configs {
			if err != nil {
				yield(nil, err)
				return
			}
			entry, entrySize, err := message(run, index, 1, config)
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
			next, size, index = append(next, entry), size+entrySize, index+1
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
