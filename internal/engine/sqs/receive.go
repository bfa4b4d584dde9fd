package sqs

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

// A reception is what a ReceiveMessage asks for.
type reception struct {
	most       int
	visibility int // seconds
	wait       time.Duration
	token      string // the session token of the client's credentials
	attempt    *string
	again      *attempt // what it repeats, nil for a new one
}

// A revision is a claimed message and the delivery that it gets.
type revision struct {
	message *message
	delivery
	holder holder // who has it then, of those that outlive the engine
}

// A received message is one as its receiver sees it.
type received struct {
	revision
	payload *payload
}

func (s *Service) receiveMessage(ctx context.Context, in *sqs.ReceiveMessageInput) (*sqs.ReceiveMessageOutput, error) {
	q, err := s.find(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	settings := s.settingsOf(q)
	r, err := parseReception(ctx, in, settings)
	if err != nil {
		return nil, err
	}
	if err := checkSystemNames(in); err != nil {
		return nil, err
	}
	if err := checkAttempt(in.ReceiveRequestAttemptId, settings); err != nil {
		return nil, err
	}
	r.token, r.attempt = wire.SessionToken(ctx), in.ReceiveRequestAttemptId
	batch, err := s.receive(ctx, q, r)
	if err != nil {
		return nil, err
	}
	out := &sqs.ReceiveMessageOutput{}
	for _, m := range batch {
		out.Messages = append(out.Messages, s.show(q, m, in))
	}
	return out, nil
}

func parseReception(ctx context.Context, in *sqs.ReceiveMessageInput, settings settings) (reception, error) {
	r := reception{most: 1, visibility: settings.visibility, wait: time.Duration(settings.wait) * time.Second}
	if wire.Present(ctx, "MaxNumberOfMessages") {
		r.most = int(in.MaxNumberOfMessages)
	}
	if r.most < 1 || r.most > maxReceive {
		return r, invalidValue(r.most, "MaxNumberOfMessages", "Must be between 1 and 10, if provided.")
	}
	if wire.Present(ctx, "VisibilityTimeout") {
		r.visibility = int(in.VisibilityTimeout)
	}
	if err := checkVisibility(r.visibility); err != nil {
		return r, err
	}
	if wire.Present(ctx, "WaitTimeSeconds") {
		r.wait = time.Duration(in.WaitTimeSeconds) * time.Second
	}
	if r.wait < 0 || r.wait > maxWait*time.Second {
		return r, invalidValue(in.WaitTimeSeconds, "WaitTimeSeconds", "Must be >= 0 and <= 20, if provided.")
	}
	return r, nil
}

func checkVisibility(seconds int) error {
	if seconds < 0 || seconds > maxVisibility {
		return invalidValue(seconds, "VisibilityTimeout", "Must be >= 0 and <= 43200, if provided.")
	}
	return nil
}

// receive takes messages for a client, and waits for the first one as long as
// the client wants to.
func (s *Service) receive(ctx context.Context, q *queue, r reception) ([]received, error) {
	if batch, err := s.repeat(ctx, q, r); err != nil || len(batch) > 0 {
		return batch, err
	}
	timer := time.NewTimer(r.wait)
	defer timer.Stop()
	for {
		claimed, err := s.await(ctx, q, r, timer.C)
		if err != nil || len(claimed) == 0 {
			return nil, err
		}
		batch, err := s.deliver(ctx, q, r, claimed)
		if err != nil || len(batch) > 0 {
			return batch, err
		}
		// All of them were dead letters, or have been purged: look again.
	}
}

// await claims messages. It returns none when the time is over.
func (s *Service) await(ctx context.Context, q *queue, r reception, over <-chan time.Time) ([]*message, error) {
	s.mu.Lock()
	if q.deleted {
		s.mu.Unlock()
		return nil, noSuchQueue()
	}
	s.advance(q, nowMilli())
	claimed := q.take(r.most)
	full := q.invisible() >= inFlightLimit && !q.fifo // which says nothing
	if len(claimed) > 0 || r.wait == 0 {
		if len(claimed) == 0 {
			q.counts.Empty++
		}
		s.mu.Unlock()
		if len(claimed) == 0 && full {
			return nil, overLimit()
		}
		return claimed, nil
	}
	w := &waiter{most: r.most, batch: make(chan []*message, 1)}
	q.waiters = append(q.waiters, w)
	s.mu.Unlock()

	select {
	case claimed, open := <-w.batch:
		if !open {
			return nil, noSuchQueue()
		}
		return claimed, nil
	case <-over:
		return s.giveUp(q, w), nil
	case <-ctx.Done():
		s.putBack(q, s.giveUp(q, w))
		return nil, context.Cause(ctx)
	}
}

// giveUp ends a wait. What the waiter was handed in the last moment is
// returned.
func (s *Service) giveUp(q *queue, w *waiter) []*message {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q.leave(w) {
		q.counts.Empty++
		return nil
	}
	return <-w.batch
}

// putBack ends claims that came to nothing.
func (s *Service) putBack(q *queue, claimed []*message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(q, claimed)
}

// A verdict is what becomes of claimed messages.
type verdict struct {
	batch   []received
	dead    []*message
	letters []*message // what the dead become
	target  *queue     // where they go
	place   arrival    // in a FIFO queue
}

// deliver commits the reception of claimed messages and ends their claims. A
// message that was received too often goes to the dead-letter queue instead.
func (s *Service) deliver(ctx context.Context, q *queue, r reception, claimed []*message) ([]received, error) {
	s.gate.RLock()
	defer s.gate.RUnlock()
	v := s.triage(q, r, claimed)
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		for i := range v.batch {
			if err := v.batch[i].save(tx); err != nil {
				return err
			}
		}
		return s.moveDead(tx, q, v)
	})
	var gone error
	if err == nil {
		gone = context.Cause(ctx)
	}
	if gone != nil {
		s.takeBack(ctx, v.batch)
		v.batch = nil
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	if v.target != nil {
		s.turn(v.target, &v.place)
		defer s.arrived(v.target, &v.place)
	}
	if err != nil {
		s.settle(q, claimed)
		return nil, err
	}
	for _, m := range v.batch {
		m.message.delivery = m.delivery
		q.handed[m.message.id] = m.message
		s.note(q, m.message, r)
		s.hold(m.message, m.payload)
	}
	s.noteAttempt(q, r, v.batch)
	q.counts.Received += len(v.batch)
	s.bury(q, v)
	s.settle(q, claimed)
	return v.batch, gone
}

// noteAttempt remembers what a client can ask for again. The caller holds mu.
func (s *Service) noteAttempt(q *queue, r reception, batch []received) {
	if r.attempt == nil || len(batch) == 0 {
		return
	}
	made := r.again
	if made == nil {
		made = &attempt{id: *r.attempt, at: nowMilli()}
		q.attempts.note(made)
	}
	made.given = nil
	for _, m := range batch {
		made.given = append(made.given, m.revision)
	}
}

// triage splits claimed messages into those to deliver and dead letters.
// Messages that a purge has taken are in neither.
func (s *Service) triage(q *queue, r reception, claimed []*message) *verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := &verdict{}
	if q.redrive != nil && r.again == nil {
		v.target = s.byARN(q.redrive.Target)
	}
	now := nowMilli()
	for _, m := range claimed {
		switch {
		case m.gone:
		case v.target != nil && m.received-m.base >= int32(q.redrive.Max):
			letter := *m
			letter.base, letter.due, letter.payload = m.received, now, nil
			v.dead, v.letters = append(v.dead, m), append(v.letters, &letter)
		default:
			from := revision{m, next(m, r, s.isTask(r.token), now), s.lasting(s.holderOf(q, r))}
			v.batch = append(v.batch, received{revision: from, payload: m.payload})
		}
	}
	return v
}

// next is the delivery that a message gets by a reception.
func next(m *message, r reception, task bool, now int64) delivery {
	d := m.delivery
	d.due = now + int64(r.visibility)*1000
	if r.again != nil {
		return d
	}
	d.received++
	d.taken, d.task = now, task
	if d.first == 0 {
		d.first = now
	}
	return d
}

// moveDead makes dead letters part of a change. A FIFO queue's get the
// deduplication ID that their message ID is, and the time, anew.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/setting-up-dead-letter-queue-retention.html
func (s *Service) moveDead(tx *store.Tx, q *queue, v *verdict) error {
	for i, m := range v.dead {
		letter := v.letters[i]
		if !isFIFO(v.target.name) {
			if err := moveMessage(tx, v.target.ID, letter, s.arn(q)); err != nil {
				return err
			}
			continue
		}
		if err := s.number(tx, v.target, &v.place, letter); err != nil {
			return err
		}
		if err := moveInOrder(tx, m.id, v.target.ID, letter, s.arn(q), m.uuid.String()); err != nil {
			return err
		}
	}
	return nil
}

// save makes the reception part of a change, and reads the payload if memory
// has none.
func (r *received) save(tx *store.Tx) error {
	if r.payload == nil {
		p, err := readPayload(tx, r.message.id)
		if err != nil {
			return err
		}
		r.payload = p
	}
	return saveDelivery(tx, r.message.id, r.delivery, r.holder)
}

// takeBack undoes receptions on disk whose client has gone during the commit.
func (s *Service) takeBack(ctx context.Context, batch []received) {
	err := s.store.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		for _, m := range batch {
			if err := saveDelivery(tx, m.message.id, m.message.delivery, holder{}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil { // they stay hidden if the engine stops before their timeout
		s.log.Error("making messages of a lost client visible", "err", err)
	}
}

// bury moves dead letters in memory, where the store has moved them.
func (s *Service) bury(q *queue, v *verdict) {
	now := nowMilli()
	for i, m := range v.dead {
		if m.gone {
			continue
		}
		letter, p, group := v.letters[i], m.payload, m.lane.group
		s.drop(q, m)
		if p != nil {
			copied := *p
			copied.source = s.arn(q)
			if v.target.fifo {
				copied.dedup = m.uuid.String()
			}
			s.hold(letter, &copied)
		}
		s.add(v.target, group, letter, now)
	}
	if len(v.dead) > 0 {
		s.advance(v.target, now)
	}
}

// show returns a message as a ReceiveMessage asks to see it.
func (s *Service) show(q *queue, m received, in *sqs.ReceiveMessageInput) types.Message {
	h := handle{queue: q.ID, message: m.message.id, received: m.received, uuid: m.message.uuid}
	attributes := pickAttributes(m.payload.Attributes, in.MessageAttributeNames)
	return types.Message{
		MessageId:              aws.String(m.message.uuid.String()),
		ReceiptHandle:          aws.String(h.String()),
		Body:                   aws.String(m.payload.body),
		MD5OfBody:              m.payload.md5,
		MessageAttributes:      attributes,
		MD5OfMessageAttributes: md5Attributes(attributes),
		Attributes:             s.systemAttributesOf(m, in),
	}
}

// pickAttributes returns the attributes that names ask for: exact names, All, *,
// .*, and prefixes followed by .*.
func pickAttributes(all map[string]types.MessageAttributeValue, names []string) map[string]types.MessageAttributeValue {
	var picked map[string]types.MessageAttributeValue
	for name, value := range all {
		wanted := slices.ContainsFunc(names, func(pattern string) bool {
			prefix, wild := strings.CutSuffix(pattern, ".*")
			return pattern == "All" || pattern == "*" || pattern == name || wild && strings.HasPrefix(name, prefix)
		})
		if !wanted {
			continue
		}
		if picked == nil {
			picked = map[string]types.MessageAttributeValue{}
		}
		picked[name] = value
	}
	return picked
}

// checkSystemNames refuses names of system attributes that there are not. Names of
// queue attributes are among those of the old parameter, and name nothing.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
func checkSystemNames(in *sqs.ReceiveMessageInput) error {
	for _, name := range in.MessageSystemAttributeNames {
		if !isSystemName(string(name)) {
			return unknownAttribute(string(name))
		}
	}
	//lint:ignore SA1019 Older clients still ask by it.
	for _, name := range in.AttributeNames {
		if !isSystemName(string(name)) {
			return unknownAttribute(string(name))
		}
	}
	return nil
}

func isSystemName(name string) bool {
	return name == "All" || slices.Contains(types.MessageSystemAttributeName("").Values(), types.MessageSystemAttributeName(name)) ||
		slices.Contains(types.QueueAttributeName("").Values(), types.QueueAttributeName(name))
}

// systemAttributesOf returns the system attributes that a request asks for, by
// the new parameter or the old one.
func (s *Service) systemAttributesOf(m received, in *sqs.ReceiveMessageInput) map[string]string {
	wanted := map[types.MessageSystemAttributeName]bool{}
	for _, name := range in.MessageSystemAttributeNames {
		wanted[name] = true
	}
	//lint:ignore SA1019 Older clients still ask by it.
	for _, name := range in.AttributeNames {
		wanted[types.MessageSystemAttributeName(name)] = true
	}
	if len(wanted) == 0 {
		return nil
	}
	sequence := ""
	if m.payload.dedup != "" { // of a FIFO queue
		sequence = sequenceNumber(m.message.id)
	}
	attributes := map[string]string{}
	for name, value := range map[types.MessageSystemAttributeName]string{
		types.MessageSystemAttributeNameSenderId:                         s.account.ID,
		types.MessageSystemAttributeNameSentTimestamp:                    strconv.FormatInt(m.message.sent, 10),
		types.MessageSystemAttributeNameApproximateReceiveCount:          strconv.Itoa(int(m.received)),
		types.MessageSystemAttributeNameApproximateFirstReceiveTimestamp: strconv.FormatInt(m.first, 10),
		types.MessageSystemAttributeNameAWSTraceHeader:                   m.payload.Trace,
		types.MessageSystemAttributeNameMessageGroupId:                   m.message.lane.group,
		types.MessageSystemAttributeNameMessageDeduplicationId:           m.payload.dedup,
		types.MessageSystemAttributeNameSequenceNumber:                   sequence,
		types.MessageSystemAttributeNameDeadLetterQueueSourceArn:         m.payload.source,
	} {
		if value != "" && (wanted[name] || wanted[types.MessageSystemAttributeNameAll]) {
			attributes[string(name)] = value
		}
	}
	if len(attributes) == 0 {
		return nil
	}
	return attributes
}
