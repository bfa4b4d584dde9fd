package sqs

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

func (s *Service) deleteMessage(ctx context.Context, in *sqs.DeleteMessageInput) (*sqs.DeleteMessageOutput, error) {
	q, err := s.find(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	h, err := handleOf(q, in.ReceiptHandle)
	if err != nil {
		return nil, err
	}
	faults, err := s.remove(ctx, q, []handle{h})
	if err != nil {
		return nil, err
	}
	return &sqs.DeleteMessageOutput{}, faults[0]
}

func (s *Service) deleteMessageBatch(ctx context.Context, in *sqs.DeleteMessageBatchInput) (*sqs.DeleteMessageBatchOutput, error) {
	q, err := s.find(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	ids := make([]*string, len(in.Entries))
	for i, entry := range in.Entries {
		ids[i] = entry.Id
	}
	if err := checkBatch("DeleteMessageBatchRequestEntry", ids); err != nil {
		return nil, err
	}
	out := &sqs.DeleteMessageBatchOutput{}
	var handles []handle
	var named []*string
	for _, entry := range in.Entries {
		h, err := handleOf(q, entry.ReceiptHandle)
		if err != nil {
			out.Failed = append(out.Failed, failure(entry.Id, err))
			continue
		}
		handles, named = append(handles, h), append(named, entry.Id)
	}
	faults, err := s.remove(ctx, q, handles)
	if err != nil {
		return nil, err
	}
	for i, id := range named {
		if faults[i] != nil {
			out.Failed = append(out.Failed, failure(id, faults[i]))
			continue
		}
		out.Successful = append(out.Successful, types.DeleteMessageBatchResultEntry{Id: id})
	}
	return out, nil
}

func handleOf(q *queue, given *string) (handle, error) {
	if aws.ToString(given) == "" {
		return handle{}, missingParameter("ReceiptHandle")
	}
	h, ok := parseHandle(*given)
	if !ok || h.queue != q.ID {
		return handle{}, invalidHandle(*given)
	}
	return h, nil
}

// current returns the message that a handle names, nil when the handle is not
// that of its latest reception or the message is no longer there. A FIFO queue's
// handle ends with the visibility timeout. The caller holds mu.
func (q *queue) current(h handle) *message {
	m := q.handed[h.message]
	if m == nil || m.uuid != h.uuid || m.received != h.received || q.fifo && m.visible() {
		return nil
	}
	return m
}

// expired says whether a handle of a FIFO queue names a message that its
// reception no longer holds. The caller holds mu.
func (q *queue) expired(h handle) bool {
	m := q.handed[h.message]
	return q.fifo && m != nil && m.uuid == h.uuid && (m.received != h.received || m.visible())
}

// claimCurrent claims the messages that handles name, all at once: who waits
// for a claim of others holds none. The result has nil for handles that name
// nothing, and for the second of two alike. The caller holds mu.
func (s *Service) claimCurrent(q *queue, handles []handle) []*message {
	messages := make([]*message, len(handles))
	for {
		claimed := false
		for i, h := range handles {
			messages[i] = q.current(h)
			claimed = claimed || messages[i] != nil && messages[i].in == nil
		}
		if !claimed {
			break
		}
		s.settled.Wait()
	}
	for i, m := range messages {
		if m == nil {
			continue
		}
		if m.in == nil { // by an earlier handle of this request
			messages[i] = nil
			continue
		}
		q.claim(m)
	}
	return messages
}

func present(messages []*message) []*message {
	var kept []*message
	for _, m := range messages {
		if m != nil && !m.gone {
			kept = append(kept, m)
		}
	}
	return kept
}

// remove deletes the messages that handles name as one change. Handles that
// name nothing any more are no error, save in a FIFO queue those of messages that
// are to be received again. There is a place for a fault for each handle.
func (s *Service) remove(ctx context.Context, q *queue, handles []handle) (faults []error, err error) {
	faults = make([]error, len(handles))
	s.mu.Lock()
	s.advance(q, nowMilli())
	messages := s.claimCurrent(q, handles)
	for i, h := range handles {
		if messages[i] == nil && q.expired(h) {
			faults[i] = invalidValue(h, "ReceiptHandle", "The receipt handle has expired.")
		}
	}
	claimed := present(messages)
	s.mu.Unlock()
	if len(claimed) == 0 {
		return faults, nil
	}
	s.gate.RLock()
	defer s.gate.RUnlock()
	err = s.store.Update(ctx, func(tx *store.Tx) error {
		return deleteMessages(tx, claimed)
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		for _, m := range claimed {
			s.drop(q, m)
		}
		q.counts.Deleted += len(claimed)
	}
	s.settle(q, claimed)
	return faults, err
}

// A change is a new visibility timeout for the message of a handle.
type change struct {
	handle
	text    string // the handle as it was given
	timeout int    // seconds
}

// changeOf checks a change of visibility. The timeout is nil where the request has
// none, which is told by the name it has there.
func changeOf(q *queue, receipt *string, timeout *int32, name string) (change, error) {
	h, err := handleOf(q, receipt)
	switch {
	case err != nil:
		return change{}, err
	case timeout == nil:
		return change{}, missingParameter(name)
	}
	return change{handle: h, text: *receipt, timeout: int(*timeout)}, checkVisibility(int(*timeout))
}

// given is a number of a request, nil where it has none under this path.
func given(ctx context.Context, path string, n int32) *int32 {
	if !wire.Present(ctx, path) {
		return nil
	}
	return &n
}

func (s *Service) changeMessageVisibility(ctx context.Context, in *sqs.ChangeMessageVisibilityInput) (*sqs.ChangeMessageVisibilityOutput, error) {
	q, err := s.find(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	c, err := changeOf(q, in.ReceiptHandle, given(ctx, "VisibilityTimeout", in.VisibilityTimeout), "VisibilityTimeout")
	if err != nil {
		return nil, err
	}
	faults, err := s.changeVisibility(ctx, q, []change{c})
	if err != nil {
		return nil, err
	}
	return &sqs.ChangeMessageVisibilityOutput{}, faults[0]
}

func (s *Service) changeMessageVisibilityBatch(ctx context.Context, in *sqs.ChangeMessageVisibilityBatchInput) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
	q, err := s.find(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	ids := make([]*string, len(in.Entries))
	for i, entry := range in.Entries {
		ids[i] = entry.Id
	}
	if err := checkBatch("ChangeMessageVisibilityBatchRequestEntry", ids); err != nil {
		return nil, err
	}
	out := &sqs.ChangeMessageVisibilityBatchOutput{}
	var changes []change
	var changed []*string
	for i, entry := range in.Entries {
		timeout := given(ctx, fmt.Sprintf("Entries[%d].VisibilityTimeout", i), entry.VisibilityTimeout)
		name := fmt.Sprintf("ChangeMessageVisibilityBatchRequestEntry.%d.VisibilityTimeout", i+1)
		c, err := changeOf(q, entry.ReceiptHandle, timeout, name)
		if err != nil {
			out.Failed = append(out.Failed, failure(entry.Id, err))
			continue
		}
		changes = append(changes, c)
		changed = append(changed, entry.Id)
	}
	faults, err := s.changeVisibility(ctx, q, changes)
	if err != nil {
		return nil, err
	}
	for i, id := range changed {
		if faults[i] != nil {
			out.Failed = append(out.Failed, failure(id, faults[i]))
			continue
		}
		out.Successful = append(out.Successful, types.ChangeMessageVisibilityBatchResultEntry{Id: id})
	}
	return out, nil
}

// changeVisibility makes changes of visibility as one change of the store. The
// faults are those of the single changes, nil for a change that was made.
//
// A message whose timeout has passed can be hidden again as long as nobody else
// has received it.
func (s *Service) changeVisibility(ctx context.Context, q *queue, changes []change) (faults []error, err error) {
	handles := make([]handle, len(changes))
	for i, c := range changes {
		handles[i] = c.handle
	}
	s.mu.Lock()
	s.advance(q, nowMilli())
	messages := s.claimCurrent(q, handles)
	s.mu.Unlock()

	s.gate.RLock()
	defer s.gate.RUnlock()
	faults, revised := s.judge(messages, changes)
	if len(revised) > 0 {
		err = s.store.Update(ctx, func(tx *store.Tx) error {
			for _, r := range revised {
				if err := saveDelivery(tx, r.message.id, r.delivery, r.holder); err != nil {
					return err
				}
			}
			return nil
		})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		for _, r := range revised {
			r.message.delivery = r.delivery
		}
	}
	s.settle(q, present(messages))
	return faults, err
}

// judge decides which changes can be made to claimed messages, and what comes
// of them. There is a place for a fault for each change.
func (s *Service) judge(messages []*message, changes []change) (faults []error, revised []revision) {
	s.mu.Lock()
	defer s.mu.Unlock()
	faults = make([]error, len(changes))
	now := nowMilli()
	for i, m := range messages {
		c := changes[i]
		if m == nil || m.gone {
			faults[i] = invalidValue(c.text, "ReceiptHandle",
				"Message does not exist or is not available for visibility timeout change.")
			continue
		}
		next := m.delivery
		next.due = now + int64(c.timeout)*1000
		if next.due > m.taken+maxVisibility*1000 {
			faults[i] = invalidValue(c.timeout, "VisibilityTimeout",
				"Total VisibilityTimeout for the message is beyond the limit [43200 seconds].")
			continue
		}
		s.renewed(m, c.timeout)
		revised = append(revised, revision{m, next, s.lasting(s.holders[m])})
	}
	return faults, revised
}
