package sqs

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

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

// State is all that the service knows of its queues, their messages and move
// tasks and of duplicates, save what passes with time.
func (s *Service) State(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for name, at := range s.deleted {
		lines = append(lines, fmt.Sprint("deleted ", name, at))
	}
	for name, q := range s.queues {
		lines = append(lines, fmt.Sprintf("%s %+v", name, q.document))
		for _, task := range q.moves {
			lines = append(lines, fmt.Sprintf("%s %s moves to %q: %d of %d, %s", name, task.ID, task.Destination, task.Moved, task.ToMove, task.Status))
		}
		for _, m := range q.all.items {
			line, err := s.stateOf(ctx, m)
			if err != nil {
				return "", err
			}
			lines = append(lines, name+" "+line)
		}
	}
	rows, err := s.store.Query(ctx, "SELECT queue || scope || id || at || message || hex(uuid) FROM sqs_dedup")
	if err != nil {
		return "", err
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return "", err
		}
		lines = append(lines, "duplicates of "+line)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n"), rows.Err()
}

func (s *Service) stateOf(ctx context.Context, m *message) (string, error) {
	var body, extra, source, dedup string
	row := s.store.QueryRow(ctx, "SELECT body, coalesce(extra, ''), source, dedup FROM sqs_message WHERE id = ?", m.id)
	if err := row.Scan(&body, &extra, &source, &dedup); err != nil {
		return "", fmt.Errorf("reading message %d: %w", m.id, err)
	}
	return fmt.Sprintf("%d %v %q %d %+v %d: %q %s %q %q", m.id, m.uuid, m.lane.group, m.sent, m.delivery, m.base, body, extra, source, dedup), nil
}
