package sqs

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/spate-run/spate/internal/store"
)

const (
	fifoSuffix = ".fifo"
	// dedupWindow is how long a deduplication ID is remembered, from the first
	// message's sending, and a ReceiveRequestAttemptId from its first reception.
	// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-exactly-once-processing.html
	dedupWindow = 5 * time.Minute
)

func isFIFO(name string) bool { return strings.HasSuffix(name, fifoSuffix) }

// sequenceNumber is what clients call a message of a FIFO queue by, in 20
// digits. It grows with every message.
func sequenceNumber(id int64) string { return fmt.Sprintf("1%019d", id) }

const wrongQueueType = "The request include parameter that is not valid for this queue type."

// checkGroup checks what a message says about its group and its deduplication.
func checkGroup(in sending, settings settings) error {
	group, id := in.MessageGroupId, in.MessageDeduplicationId
	switch {
	case !settings.fifo && id != nil:
		return invalidValue(*id, "MessageDeduplicationId", wrongQueueType)
	case settings.fifo && aws.ToString(group) == "":
		return missingParameter("MessageGroupId")
	case group != nil && !groupID().MatchString(*group):
		return invalidValue(*group, "MessageGroupId",
			"MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.")
	case id != nil && !groupID().MatchString(*id):
		return invalidValue(*id, "MessageDeduplicationId",
			"MessageDeduplicationId can only include alphanumeric and punctuation characters. 1 to 128 in length.")
	case settings.fifo && id == nil && !settings.byContent:
		return noDeduplication()
	case settings.fifo && in.DelaySeconds != 0:
		return invalidValue(in.DelaySeconds, "DelaySeconds", wrongQueueType)
	}
	return nil
}

func noDeduplication() error {
	return invalidParameter("The queue should either have ContentBasedDeduplication enabled or " +
		"MessageDeduplicationId provided explicitly")
}

// dedupOf is a message's deduplication ID: its sender's, or a hash of its body.
func dedupOf(in sending) string {
	if in.MessageDeduplicationId != nil {
		return *in.MessageDeduplicationId
	}
	sum := sha256.Sum256([]byte(aws.ToString(in.MessageBody)))
	return hex.EncodeToString(sum[:])
}

// An arrival is a change that brings messages into a FIFO queue, whose order is
// that of the changes: sequence numbers are given while a change is made.
type arrival struct{ _ byte } // not of size 0: it is told by its address

// number gives a message the next place in a FIFO queue, as part of the change
// that stores it. When the change is made once more, all numbers are new.
func (s *Service) number(tx *store.Tx, q *queue, place *arrival, m *message) error {
	s.mu.Lock()
	if i := slices.Index(q.arrivals, place); i < 0 || i < len(q.arrivals)-1 {
		q.arrivals = append(q.arrivals, place)
		if i >= 0 {
			q.arrivals = slices.Delete(q.arrivals, i, i+1)
		}
	}
	s.lastMessage++
	m.id = s.lastMessage
	q.lastSent = max(q.lastSent, nowMilli())
	m.sent = q.lastSent
	m.due = m.sent + int64(q.delay)*1000
	s.mu.Unlock()
	// Numbers grow even when the messages are gone at a restart.
	_, err := tx.Exec("INSERT OR REPLACE INTO sqs_last (id, message) VALUES (0, ?)", m.id)
	return err
}

// turn waits until an arrival is the first one. Those before it have been
// committed before, or are about to fail. The caller holds mu, and calls arrived
// when its messages are in their places.
func (s *Service) turn(q *queue, a *arrival) {
	for slices.Contains(q.arrivals, a) && q.arrivals[0] != a {
		s.settled.Wait()
	}
}

// arrived ends an arrival, which may never have begun. The caller holds mu.
func (s *Service) arrived(q *queue, a *arrival) {
	if i := slices.Index(q.arrivals, a); i >= 0 {
		q.arrivals = slices.Delete(q.arrivals, i, i+1)
	}
	s.settled.Broadcast()
}

// A twin is the message that another is a duplicate of.
type twin struct {
	id   int64
	uuid uuid
}

// insertInOrder stores messages of a FIFO queue that are no duplicates, in the
// order of the changes. It may be called again for the same messages.
func (s *Service) insertInOrder(tx *store.Tx, q *queue, place *arrival, messages []*sent) error {
	now := nowMilli()
	forgotten := now - dedupWindow.Milliseconds()
	if _, err := tx.Exec("DELETE FROM sqs_dedup WHERE at <= ?", forgotten); err != nil {
		return err
	}
	for _, m := range messages {
		if err := m.findTwin(tx, q.ID); err != nil {
			return err
		}
		if m.duplicate {
			continue
		}
		if err := s.number(tx, q, place, m.message); err != nil {
			return err
		}
		if err := insertMessage(tx, q.ID, m.group, m.message); err != nil {
			return err
		}
		_, err := tx.Exec("INSERT INTO sqs_dedup (queue, scope, id, at, message, uuid) VALUES (?, ?, ?, ?, ?, ?)",
			q.ID, m.scope, m.payload.dedup, m.sent, m.id, m.uuid[:])
		if err != nil {
			return err
		}
	}
	return nil
}

// findTwin looks for the message that this one is a duplicate of. Those whose
// time is over have been forgotten.
func (m *sent) findTwin(tx *store.Tx, queue int64) error {
	m.duplicate = false
	row, err := tx.QueryRow("SELECT message, uuid FROM sqs_dedup WHERE queue = ? AND scope = ? AND id = ?",
		queue, m.scope, m.payload.dedup)
	if err != nil {
		return err
	}
	var id []byte
	switch err := row.Scan(&m.found.id, &id); {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("looking for a duplicate: %w", err)
	}
	copy(m.found.uuid[:], id)
	m.duplicate = true
	return nil
}

func forgetDuplicates(tx *store.Tx, queue int64) error {
	_, err := tx.Exec("DELETE FROM sqs_dedup WHERE queue = ?", queue)
	return err
}

// redelay gives a FIFO queue's delay to the messages that nobody has received
// yet: unlike a standard queue's it holds for what has been sent before. The
// caller holds mu.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-delay-queues.html
func (s *Service) redelay(q *queue) {
	now := nowMilli()
	for _, m := range slices.Clone(q.all.items) {
		if m.received > m.base || m.in == nil {
			continue
		}
		q.claim(m)
		m.due = m.sent + int64(q.delay)*1000
		s.place(q, m, now)
	}
}
