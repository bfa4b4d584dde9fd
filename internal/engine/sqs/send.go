package sqs

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

// A sending is one message as a request asks to send it.
type sending struct {
	types.SendMessageBatchRequestEntry
	delayed bool   // says DelaySeconds; 0 counts
	trace   string // of the request itself; an attribute goes before it
	prefix  string // of parameters' names, where it is one of a batch
}

// A sent message is one on its way into a queue, with what its sender is told.
type sent struct {
	*message
	group         string
	scope         string // of its deduplication
	found         twin   // what it is a duplicate of
	duplicate     bool
	md5Body       *string
	md5Attributes *string
	md5System     *string
}

func (s *Service) sendMessage(ctx context.Context, in *sqs.SendMessageInput) (*sqs.SendMessageOutput, error) {
	q, err := s.find(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	m, err := s.compose(q, sending{
		trace: wire.TraceID(ctx),
		SendMessageBatchRequestEntry: types.SendMessageBatchRequestEntry{
			MessageBody:             in.MessageBody,
			DelaySeconds:            in.DelaySeconds,
			MessageAttributes:       in.MessageAttributes,
			MessageSystemAttributes: in.MessageSystemAttributes,
			MessageDeduplicationId:  in.MessageDeduplicationId,
			MessageGroupId:          in.MessageGroupId,
		},
		delayed: wire.Present(ctx, "DelaySeconds"),
	})
	if err != nil {
		return nil, err
	}
	if err := s.send(ctx, q, []*sent{m}); err != nil {
		return nil, err
	}
	return &sqs.SendMessageOutput{
		MessageId:                    aws.String(m.messageID()),
		SequenceNumber:               m.sequence(q),
		MD5OfMessageBody:             m.md5Body,
		MD5OfMessageAttributes:       m.md5Attributes,
		MD5OfMessageSystemAttributes: m.md5System,
	}, nil
}

func (s *Service) sendMessageBatch(ctx context.Context, in *sqs.SendMessageBatchInput) (*sqs.SendMessageBatchOutput, error) {
	q, err := s.find(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	if err := checkSendBatch(in.Entries); err != nil {
		return nil, err
	}
	if err := checkGroups(in.Entries, s.settingsOf(q)); err != nil {
		return nil, err
	}
	out := &sqs.SendMessageBatchOutput{}
	var messages []*sent
	var ids []*string
	for i, entry := range in.Entries {
		m, err := s.compose(q, sending{
			SendMessageBatchRequestEntry: entry,
			delayed:                      wire.Present(ctx, fmt.Sprintf("Entries[%d].DelaySeconds", i)),
			trace:                        wire.TraceID(ctx),
			prefix:                       fmt.Sprintf("SendMessageBatchRequestEntry.%d.", i+1),
		})
		if err != nil {
			out.Failed = append(out.Failed, failure(entry.Id, err))
			continue
		}
		messages, ids = append(messages, m), append(ids, entry.Id)
	}
	if err := s.send(ctx, q, messages); err != nil {
		return nil, err
	}
	for i, m := range messages {
		out.Successful = append(out.Successful, types.SendMessageBatchResultEntry{
			Id:                           ids[i],
			MessageId:                    aws.String(m.messageID()),
			SequenceNumber:               m.sequence(q),
			MD5OfMessageBody:             m.md5Body,
			MD5OfMessageAttributes:       m.md5Attributes,
			MD5OfMessageSystemAttributes: m.md5System,
		})
	}
	return out, nil
}

// checkGroups refuses a whole batch for a FIFO queue of which a message does not
// say what it has to: that is no fault of a single entry.
func checkGroups(entries []types.SendMessageBatchRequestEntry, settings settings) error {
	if !settings.fifo {
		return nil
	}
	for _, entry := range entries {
		switch {
		case aws.ToString(entry.MessageGroupId) == "":
			return invalidParameter("The request must contain the parameter MessageGroupId.")
		case entry.MessageDeduplicationId == nil && !settings.byContent:
			return noDeduplication()
		}
	}
	return nil
}

func checkSendBatch(entries []types.SendMessageBatchRequestEntry) error {
	ids := make([]*string, len(entries))
	size := 0
	for i, entry := range entries {
		ids[i] = entry.Id
		size += len(aws.ToString(entry.MessageBody)) + attributesSize(entry.MessageAttributes)
	}
	if err := checkBatch("SendMessageBatchRequestEntry", ids); err != nil {
		return err
	}
	if size > maxMessageSize {
		return legacy("BatchRequestTooLong", "Batch requests cannot be longer than %d bytes. You have sent %d bytes.",
			maxMessageSize, size)
	}
	return nil
}

// compose makes the message that a request asks for. It is nowhere yet.
func (s *Service) compose(q *queue, in sending) (*sent, error) {
	settings := s.settingsOf(q)
	if err := checkSending(in, settings); err != nil {
		return nil, err
	}
	system, trace, err := systemAttributes(in.MessageSystemAttributes)
	if err != nil {
		return nil, err
	}
	if _, bad := invalidCharacter(in.trace); trace == "" && !bad {
		trace = in.trace
	}
	delay := settings.delay
	if in.delayed && !settings.fifo {
		delay = int(in.DelaySeconds)
	}
	now, sum := nowMilli(), md5Text(*in.MessageBody)
	m := &sent{
		message: &message{
			uuid:     newUUID(),
			sent:     now,
			delivery: delivery{due: now + int64(delay)*1000},
			payload: &payload{
				body:  *in.MessageBody,
				md5:   sum,
				extra: extra{Attributes: in.MessageAttributes, Trace: trace},
			},
		},
		group:         aws.ToString(in.MessageGroupId),
		md5Body:       sum,
		md5Attributes: md5Attributes(in.MessageAttributes),
		md5System:     md5Attributes(system),
	}
	if settings.fifo {
		m.payload.dedup = dedupOf(in)
	}
	if settings.byGroup {
		m.scope = m.group
	}
	return m, nil
}

// messageID is the id of a message, or of the one that it is a duplicate of.
func (m *sent) messageID() string {
	if m.duplicate {
		return m.found.uuid.String()
	}
	return m.uuid.String()
}

// sequence is the message's number in a FIFO queue, nil in another.
func (m *sent) sequence(q *queue) *string {
	switch {
	case !isFIFO(q.name):
		return nil
	case m.duplicate:
		return aws.String(sequenceNumber(m.found.id))
	}
	return aws.String(sequenceNumber(m.id))
}

func checkSending(in sending, settings settings) error {
	body := aws.ToString(in.MessageBody)
	if body == "" {
		return missingParameter(in.prefix + "MessageBody")
	}
	if found, ok := invalidCharacter(body); ok {
		return wire.Faultf("InvalidMessageContents", invalidBinary, found, "body")
	}
	if err := checkMessageAttributes(in.MessageAttributes); err != nil {
		return err
	}
	if len(body)+attributesSize(in.MessageAttributes) > settings.maxSize {
		reason := "are invalid"
		if in.prefix != "" {
			reason = "cannot be validated"
		}
		return invalidParameter("One or more parameters %s. Reason: Message must be shorter than %d bytes.",
			reason, settings.maxSize)
	}
	if in.DelaySeconds < 0 || in.DelaySeconds > maxDelay {
		return invalidValue(in.DelaySeconds, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900.")
	}
	return checkGroup(in, settings)
}

// systemAttributes checks system attributes, of which there is one, and returns
// them as what checksums are computed from.
func systemAttributes(given map[string]types.MessageSystemAttributeValue) (map[string]types.MessageAttributeValue, string, error) {
	const name = string(types.MessageSystemAttributeNameForSendsAWSTraceHeader)
	trace := given[name]
	if len(given) == 0 {
		return nil, "", nil
	}
	for _, unknown := range slices.Sorted(maps.Keys(given)) {
		if unknown != name {
			return nil, "", invalidParameter("Message system attribute name '%s' is invalid.", unknown)
		}
	}
	if aws.ToString(trace.StringValue) == "" || aws.ToString(trace.DataType) != "String" {
		return nil, "", invalidParameter("Message (system) attributes are limited to %s, of type String.", name)
	}
	checked := map[string]types.MessageAttributeValue{
		name: {DataType: trace.DataType, StringValue: trace.StringValue},
	}
	return checked, *trace.StringValue, nil
}

// send commits messages as one change, and then puts them into their queue.
func (s *Service) send(ctx context.Context, q *queue, messages []*sent) error {
	if len(messages) == 0 {
		return nil
	}
	s.gate.RLock()
	defer s.gate.RUnlock()
	s.mu.Lock()
	deleted, fifo := q.deleted, q.fifo
	for _, m := range messages {
		if !fifo {
			s.lastMessage++
			m.id = s.lastMessage
		}
	}
	s.mu.Unlock()
	if deleted {
		return noSuchQueue()
	}
	var place arrival
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		if fifo {
			return s.insertInOrder(tx, q, &place, messages)
		}
		for _, m := range messages {
			if err := insertMessage(tx, q.ID, m.group, m.message); err != nil {
				return err
			}
		}
		return nil
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if fifo {
		s.turn(q, &place)
		defer s.arrived(q, &place)
	}
	if err != nil {
		return err
	}
	now := nowMilli()
	for _, m := range messages {
		if m.duplicate {
			continue
		}
		body := m.payload
		m.payload = nil
		s.hold(m.message, body)
		s.add(q, m.group, m.message, now)
		q.counts.sent(len(body.body) + attributesSize(body.extra.Attributes))
	}
	s.advance(q, now)
	return nil
}
