package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/spate-run/spate/internal/record"
	"github.com/spate-run/spate/internal/sorting"
)

// A DeadLetter is a message that no worker could read.
type DeadLetter struct {
	ID       string
	Sent     time.Time
	Receives int
	Body     string
	// Run, Index and Generation are what the message says of itself; empty for
	// those that are not spate's.
	Run, Index, Generation string

	handle *string
}

// deadHide is how long letters are hidden from others while they are read.
const deadHide = 30 * time.Second

// CountDead counts the dead letters, as nearly as SQS knows.
func (s *Stack) CountDead(ctx context.Context) (int, error) { return s.countOf(ctx, s.Dead) }

// DeadLetters reads dead letters, the oldest first, at most so many, and leaves
// them where they are.
func (s *Stack) DeadLetters(ctx context.Context, most int) ([]DeadLetter, error) {
	letters, err := s.takeDead(ctx, most)
	// Also when ctx has ended: they would be hidden from a redrive.
	if back := s.handBackDead(context.WithoutCancel(ctx), letters); err == nil {
		err = back
	}
	if err != nil {
		return nil, fmt.Errorf("reading the dead letters of %s: %w", s.Name, err)
	}
	sorting.By(letters, func(a, b DeadLetter) int { return cmp.Or(a.Sent.Compare(b.Sent), strings.Compare(a.ID, b.ID)) })
	return letters, nil
}

func (s *Stack) takeDead(ctx context.Context, most int) ([]DeadLetter, error) {
	var letters []DeadLetter
	for until := time.Now().Add(deadHide / 2); len(letters) < most && time.Now().Before(until); {
		out, err := s.aws.SQS.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl:                    &s.Dead,
			MaxNumberOfMessages:         int32(min(maxBatch, most-len(letters))),
			VisibilityTimeout:           int32(deadHide.Seconds()),
			WaitTimeSeconds:             1, // 0 would ask some of SQS's servers only
			MessageAttributeNames:       []string{"All"},
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
		})
		if err != nil || len(out.Messages) == 0 {
			return letters, err
		}
		for _, m := range out.Messages {
			letters = addLetter(letters, newDeadLetter(m))
		}
	}
	return letters, nil
}

// addLetter adds a letter, of which SQS may give two copies.
func addLetter(letters []DeadLetter, l DeadLetter) []DeadLetter {
	if i := slices.IndexFunc(letters, func(had DeadLetter) bool { return had.ID == l.ID }); i >= 0 {
		letters[i] = l // its handle is the newer one
		return letters
	}
	return append(letters, l)
}

func newDeadLetter(m types.Message) DeadLetter {
	text := func(name string) string { return deref(m.MessageAttributes[name].StringValue) }
	sent, _ := strconv.ParseInt(m.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64)
	receives, _ := strconv.Atoi(m.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)])
	return DeadLetter{
		ID: deref(m.MessageId), Sent: time.UnixMilli(sent), Receives: receives, Body: deref(m.Body),
		Run: text(record.AttrRun), Index: text(record.AttrIndex), Generation: text(record.AttrGeneration), handle: m.ReceiptHandle,
	}
}

// handBackDead shows letters to others again.
func (s *Stack) handBackDead(ctx context.Context, letters []DeadLetter) error {
	for batch := range slices.Chunk(letters, maxBatch) {
		var entries []types.ChangeMessageVisibilityBatchRequestEntry
		for i, l := range batch {
			entries = append(entries, types.ChangeMessageVisibilityBatchRequestEntry{Id: new(strconv.Itoa(i)), ReceiptHandle: l.handle})
		}
		_, err := s.aws.SQS.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &s.Dead, Entries: entries})
		if err != nil {
			return err
		}
	}
	return nil
}

// A Redriven is what moving dead letters came to.
type Redriven struct{ Moved, Of int }

// redrivePause is between two looks at a redrive.
const redrivePause = 200 * time.Millisecond

// Redrive has SQS move all dead letters to the stack's queue, where workers try
// them again, and waits until it has. It goes on when ctx ends. The queue is
// named, since SQS does not know where a message came from that was sent to the
// dead-letter queue outright.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
func (s *Stack) Redrive(ctx context.Context) (Redriven, error) {
	r, err := s.redrive(ctx)
	if err != nil {
		return r, fmt.Errorf("moving the dead letters of %s: %w", s.Name, err)
	}
	return r, nil
}

func (s *Stack) redrive(ctx context.Context) (Redriven, error) {
	source, err := s.arnOf(ctx, s.Dead)
	if err != nil {
		return Redriven{}, err
	}
	target, err := s.arnOf(ctx, s.Queue)
	if err != nil {
		return Redriven{}, err
	}
	_, err = s.aws.SQS.StartMessageMoveTask(ctx, &sqs.StartMessageMoveTaskInput{SourceArn: &source, DestinationArn: &target})
	if err != nil && !alreadyMoving(err) {
		return Redriven{}, err
	}
	for {
		out, err := s.aws.SQS.ListMessageMoveTasks(ctx, &sqs.ListMessageMoveTasksInput{SourceArn: &source, MaxResults: new(int32(1))})
		if err != nil {
			return Redriven{}, err
		}
		if len(out.Results) == 0 {
			return Redriven{}, fmt.Errorf("SQS does not know of the task that it has started")
		}
		task := out.Results[0]
		r := Redriven{Moved: int(task.ApproximateNumberOfMessagesMoved)}
		if task.ApproximateNumberOfMessagesToMove != nil {
			r.Of = int(*task.ApproximateNumberOfMessagesToMove)
		}
		switch status := deref(task.Status); status {
		case "COMPLETED":
			return r, nil
		case "FAILED", "CANCELLED":
			return r, fmt.Errorf("SQS's task is %s after %d messages: %s", status, r.Moved, deref(task.FailureReason))
		}
		select {
		case <-ctx.Done():
			return r, context.Cause(ctx)
		case <-time.After(redrivePause):
		}
	}
}

// alreadyMoving says whether dead letters are moved as it is: by somebody else,
// or by a request of ours whose answer got lost. Either does what is wanted.
func alreadyMoving(err error) bool {
	fault, ok := errors.AsType[smithy.APIError](err)
	return ok && strings.Contains(fault.ErrorMessage(), "already a task running")
}

func (s *Stack) arnOf(ctx context.Context, url string) (string, error) {
	out, err := s.aws.SQS.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn},
	})
	if err != nil {
		return "", err
	}
	return out.Attributes[string(types.QueueAttributeNameQueueArn)], nil
}

// PurgeDead deletes all dead letters, which SQS may take a minute for.
func (s *Stack) PurgeDead(ctx context.Context) error {
	if _, err := s.aws.SQS.PurgeQueue(ctx, &sqs.PurgeQueueInput{QueueUrl: &s.Dead}); err != nil {
		return fmt.Errorf("deleting the dead letters of %s: %w", s.Name, err)
	}
	return nil
}
