package sqs

import (
	"context"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// Fill puts messages into a queue's memory only.
func (s *Service) Fill(name string, n int, received int32, due int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := nowMilli()
	for range n {
		s.lastMessage++
		m := &message{id: s.lastMessage, uuid: newUUID(), sent: now, delivery: delivery{due: due, received: received}}
		s.add(s.queues[name], "", m, now)
	}
}

// FillGroups puts messages of so many groups into a queue's memory only.
func (s *Service) FillGroups(name string, n, groups int, due int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := nowMilli()
	for i := range n {
		s.lastMessage++
		m := &message{id: s.lastMessage, uuid: newUUID(), sent: now, delivery: delivery{due: due}}
		s.add(s.queues[name], strconv.Itoa(i%groups), m, now)
	}
}

// TakeAndReturn claims messages of a queue, and ends the claims.
func (s *Service) TakeAndReturn(name string, most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queues[name]
	s.settle(q, q.take(most))
}

// Release makes what is in flight visible, after calling first in the same
// moment.
func (s *Service) Release(name string, first func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first()
	q := s.queues[name]
	for _, m := range q.inFlight.items {
		m.due = 0 // of all, so that their order holds
	}
	s.advance(q, nowMilli())
}

// Cycle sends, receives and deletes a message without the wire.
func (s *Service) Cycle(ctx context.Context, url, body string) error {
	if _, err := s.sendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &body}); err != nil {
		return err
	}
	out, err := s.receiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &url})
	if err != nil {
		return err
	}
	for _, m := range out.Messages {
		if _, err := s.deleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}); err != nil {
			return err
		}
	}
	return nil
}
