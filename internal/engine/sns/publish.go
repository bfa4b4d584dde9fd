package sns

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/spate-run/spate/internal/delivery"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

// repeatWindow is how long a FIFO topic tells a message from one that it had.
const repeatWindow = 5 * time.Minute

// A recent is what a FIFO topic has had of late.
type recent struct {
	last int64 // sequence number
	had  map[string]*message
}

func (s *Service) publish(ctx context.Context, in *PublishInput) (*PublishOutput, error) {
	d := draft{
		Message: in.Message, Structure: in.MessageStructure, Subject: in.Subject, Group: in.MessageGroupId,
		Repeat: in.MessageDeduplicationId, Attributes: in.MessageAttributes,
	}
	if in.PhoneNumber != nil {
		return s.text(ctx, *in.PhoneNumber, d)
	}
	t, err := s.target(in)
	if err != nil {
		return nil, err
	}
	m, err := newMessage(d, t)
	if err != nil {
		return nil, err
	}
	if err := s.spread(ctx, m); err != nil {
		return nil, err
	}
	return &PublishOutput{MessageId: &m.id, SequenceNumber: told(m.sequence)}, nil
}

// told is a text, or nothing.
func told(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// text is a message for a phone, which this engine only writes to the log.
func (s *Service) text(ctx context.Context, number string, d draft) (*PublishOutput, error) {
	if !phone(number) {
		return nil, invalid("PhoneNumber Reason: %s is not valid to publish to", number)
	}
	m, err := newMessage(d, topic{})
	if err != nil {
		return nil, err
	}
	s.config.Log.WarnContext(ctx, "notice not sent", "protocol", "sms", "endpoint", number, "message", m.body("sms"))
	return &PublishOutput{MessageId: &m.id}, nil
}

// target is the topic that a request publishes to.
func (s *Service) target(in *PublishInput) (topic, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case in.TopicArn == nil && in.TargetArn == nil:
		return topic{}, invalid("TopicArn or TargetArn Reason: no value for required parameter")
	case in.TopicArn == nil && strings.Contains(*in.TargetArn, ":endpoint/"):
		return topic{}, invalid("TargetArn Reason: No endpoint found for the target arn specified")
	case in.TopicArn == nil:
		return s.topicLocked(in.TargetArn, "TargetArn")
	}
	return s.topicLocked(in.TopicArn, "TopicArn")
}

// batchLimit is how many messages a batch has at most.
const batchLimit = 10

func (s *Service) publishBatch(ctx context.Context, in *PublishBatchInput) (*PublishBatchOutput, error) {
	s.mu.Lock()
	t, err := s.topicLocked(in.TopicArn, "TopicArn")
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if err := checkBatch(in.PublishBatchRequestEntries); err != nil {
		return nil, err
	}
	var all []*message
	size := 0
	for i, e := range in.PublishBatchRequestEntries {
		m, err := newMessage(draft{
			Message: e.Message, Structure: e.MessageStructure, Subject: e.Subject, Group: e.MessageGroupId,
			Repeat: e.MessageDeduplicationId, Attributes: e.MessageAttributes,
			path: fmt.Sprintf("publishBatchRequestEntries.%d.member.", i+1),
		}, t)
		if err != nil {
			return nil, err
		}
		size += m.size()
		all = append(all, m)
	}
	if size > sizeLimit {
		return nil, wire.Faultf("BatchRequestTooLong", "The length of all the messages put together is more than the limit.")
	}
	out := &PublishBatchOutput{Failed: []BatchResultErrorEntry{}, Successful: []PublishBatchResultEntry{}}
	for i, m := range all {
		id := in.PublishBatchRequestEntries[i].Id
		if err := s.spread(ctx, m); err != nil {
			s.config.Log.ErrorContext(ctx, "message of a batch was not published", "topic", t.ARN, "error", err)
			out.Failed = append(out.Failed, BatchResultErrorEntry{Id: id, Code: new("InternalError"), Message: new("Internal error.")})
			continue
		}
		out.Successful = append(out.Successful, PublishBatchResultEntry{Id: id, MessageId: &m.id, SequenceNumber: told(m.sequence)})
	}
	return out, nil
}

// checkBatch applies the rules of a batch's ids.
// https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html
func checkBatch(entries []PublishBatchRequestEntry) error {
	switch {
	case len(entries) == 0:
		return wire.Faultf("EmptyBatchRequest", "The batch request doesn't contain any entries.")
	case len(entries) > batchLimit:
		return wire.Faultf("TooManyEntriesInBatchRequest", "The batch request contains more entries than permissible.")
	}
	allowed := regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	seen := map[string]bool{}
	for _, e := range entries {
		id := deref(e.Id)
		switch {
		case len(id) > 80:
			return wire.Faultf("InvalidBatchEntryId", "The Id of a batch entry in the batch request is too long: %s", id)
		case !allowed.MatchString(id):
			return wire.Faultf("InvalidBatchEntryId", "The Id of a batch entry in the batch request contains an impermissible character: %s", id)
		case seen[id]:
			return wire.Faultf("BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.")
		}
		seen[id] = true
	}
	return nil
}

// spread brings a message to its topic's subscriptions.
func (s *Service) spread(ctx context.Context, m *message) error {
	s.mu.Lock()
	subs := s.ofTopicLocked(m.topic.ARN)
	repeated := m.topic.fifo() && !s.claimLocked(m)
	s.mu.Unlock()
	if repeated {
		return nil
	}
	for _, sub := range subs {
		if !sub.filter.passes(m) {
			continue
		}
		if err := s.bring(ctx, m, sub); err != nil {
			s.forget(m)
			return fmt.Errorf("publishing to %q: %w", sub.ARN, err)
		}
	}
	return nil
}

// claimLocked takes a message onto a FIFO topic, or reports that it is there.
// One that is there again has the id and the place of the first.
func (s *Service) claimLocked(m *message) bool {
	r := s.sent[m.topic.ARN]
	if r == nil {
		r = &recent{had: map[string]*message{}}
		s.sent[m.topic.ARN] = r
	}
	for key, old := range r.had {
		if m.at.Sub(old.at) >= repeatWindow {
			delete(r.had, key)
		}
	}
	if first := r.had[m.repeat]; first != nil {
		m.id, m.sequence = first.id, first.sequence
		return false
	}
	r.last = max(r.last+1, m.at.UnixNano()) // grows over restarts too
	m.sequence = fmt.Sprintf("%020d", r.last)
	r.had[m.repeat] = &message{id: m.id, sequence: m.sequence, at: m.at}
	return true
}

// forget lets a message come again that was not published.
func (s *Service) forget(m *message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.sent[m.topic.ARN]; r != nil {
		delete(r.had, m.repeat)
	}
}

// bring delivers a message to one endpoint. What the endpoint refuses goes to
// the dead-letter queue; an error is the engine's own.
func (s *Service) bring(ctx context.Context, m *message, sub subscription) error {
	switch {
	case sub.Protocol == "sqs":
		return s.send(ctx, m, sub)
	case postable(sub):
		if !sub.Confirmed {
			return nil
		}
		return s.owe(ctx, m, sub)
	}
	s.config.Log.WarnContext(ctx, "notice not sent", "topic", m.topic.ARN, "protocol", sub.Protocol,
		"endpoint", sub.Endpoint, "subject", deref(m.subject), "message", m.body(sub.Protocol))
	return nil
}

// A sending is SendMessage's input.
type sending struct {
	QueueUrl          string
	MessageBody       string
	MessageGroupId    string                           `json:",omitempty"`
	MessageAttributes map[string]MessageAttributeValue `json:",omitempty"`
}

// sendingTo is what a queue gets of a message.
func (s *Service) sendingTo(queueARN string, m *message, sub subscription) (delivery.Call, error) {
	in := sending{
		QueueUrl:       "https://sqs/" + queueARN[strings.LastIndexByte(queueARN, ':')+1:], // found by its last element
		MessageGroupId: m.group,
	}
	if sub.raw() {
		in.MessageBody, in.MessageAttributes = m.body(sub.Protocol), m.attributes
	} else {
		text, err := s.envelope(m, sub)
		if err != nil {
			return delivery.Call{}, err
		}
		in.MessageBody = text
	}
	text, err := encode(in)
	return delivery.Call{Service: "sqs", Operation: "SendMessage", Input: text}, err
}

// send sends to a subscription's queue, or to the queue for what that refuses.
func (s *Service) send(ctx context.Context, m *message, sub subscription) error {
	var refused error
	for _, queue := range []string{sub.Endpoint, sub.deadLetters()} {
		if queue == "" {
			break
		}
		call, err := s.sendingTo(queue, m, sub)
		if err != nil {
			return err
		}
		err = s.config.Send(ctx, call)
		if err == nil {
			return nil
		}
		if _, ok := errors.AsType[*wire.Fault](err); !ok {
			return err
		}
		refused = cmp.Or(refused, err)
	}
	s.config.Log.WarnContext(ctx, "notice was not delivered", "subscription", sub.ARN, "endpoint", sub.Endpoint, "error", refused)
	return nil
}

// owe stores a post to a subscription's endpoint.
func (s *Service) owe(ctx context.Context, m *message, sub subscription) error {
	d, err := s.notification(m, sub)
	if err != nil {
		return err
	}
	if err := s.config.Store.Update(ctx, func(tx *store.Tx) error { return s.posts.Put(tx, d) }); err != nil {
		return err
	}
	s.posts.Add(d)
	return nil
}
