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

// A sending is one message as a request asks to send it.
type sending struct {
	types.SendMessageBatchRequestEntry
	delayed bool // says DelaySeconds; 0 counts
}

// A sent message is what its sender is told.
type sent struct {
	id            uuid
	md5Body       *string
	md5Attributes *string
	md5System     *string
}

func (s *Service) sendMessage(ctx context.Context, in *sqs.SendMessageInput) (*sqs.SendMessageOutput, error) {
	q, err := s.find(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	m, told, err := s.compose(q, sending{
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
	if err := s.send(ctx, q, []*message{m}); err != nil {
		return nil, err
	}
	return &sqs.SendMessageOutput{
		MessageId:                    aws.String(told.id.String()),
		MD5OfMessageBody:             told.md5Body,
		MD5OfMessageAttributes:       told.md5Attributes,
		MD5OfMessageSystemAttributes: told.md5System,
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
	out := &sqs.SendMessageBatchOutput{}
	var messages []*message
	for i, entry := range in.Entries {
		m, told, err := s.compose(q, sending{
			SendMessageBatchRequestEntry: entry,
			delayed:                      wire.Present(ctx, fmt.Sprintf("Entries[%d].DelaySeconds", i)),
		})
		if err != nil {
			out.Failed = append(out.Failed, failure(entry.Id, err))
			continue
		}
		messages = append(messages, m)
		out.Successful = append(out.Successful, types.SendMessageBatchResultEntry{
			Id:                           entry.Id,
			MessageId:                    aws.String(told.id.String()),
			MD5OfMessageBody:             told.md5Body,
			MD5OfMessageAttributes:       told.md5Attributes,
			MD5OfMessageSystemAttributes: told.md5System,
		})
	}
	return out, s.send(ctx, q, messages)
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
func (s *Service) compose(q *queue, in sending) (*message, *sent, error) {
	settings := s.settingsOf(q)
	if err := checkSending(in, settings); err != nil {
		return nil, nil, err
	}
	system, trace, err := systemAttributes(in.MessageSystemAttributes)
	if err != nil {
		return nil, nil, err
	}
	delay := settings.delay
	if in.delayed {
		delay = int(in.DelaySeconds)
	}
	now := nowMilli()
	m := &message{
		uuid:     newUUID(),
		sent:     now,
		delivery: delivery{due: now + int64(delay)*1000},
		payload: &payload{
			body:  *in.MessageBody,
			extra: extra{Attributes: in.MessageAttributes, Trace: trace, Group: aws.ToString(in.MessageGroupId)},
		},
	}
	return m, &sent{
		id:            m.uuid,
		md5Body:       md5Text(m.payload.body),
		md5Attributes: md5Attributes(in.MessageAttributes),
		md5System:     md5Attributes(system),
	}, nil
}

func checkSending(in sending, settings settings) error {
	body := aws.ToString(in.MessageBody)
	if body == "" {
		return missingParameter("MessageBody")
	}
	if !validText(body) {
		return wire.Faultf("InvalidMessageContents", invalidCharacters)
	}
	if err := checkMessageAttributes(in.MessageAttributes); err != nil {
		return err
	}
	if len(body)+attributesSize(in.MessageAttributes) > settings.maxSize {
		return invalidParameter("One or more parameters are invalid. Reason: Message must be shorter than %d bytes.",
			settings.maxSize)
	}
	if in.DelaySeconds < 0 || in.DelaySeconds > maxDelay {
		return invalidValue(in.DelaySeconds, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900.")
	}
	if in.MessageDeduplicationId != nil {
		return invalidValue(*in.MessageDeduplicationId, "MessageDeduplicationId",
			"The request include parameter that is not valid for this queue type.")
	}
	if in.MessageGroupId != nil && !groupID().MatchString(*in.MessageGroupId) {
		return invalidValue(*in.MessageGroupId, "MessageGroupId",
			"MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.")
	}
	return nil
}

// systemAttributes checks system attributes, of which there is one, and returns
// them as what checksums are computed from.
func systemAttributes(given map[string]types.MessageSystemAttributeValue) (map[string]types.MessageAttributeValue, string, error) {
	const name = string(types.MessageSystemAttributeNameForSendsAWSTraceHeader)
	trace := given[name]
	if len(given) == 0 {
		return nil, "", nil
	}
	if len(given) > 1 || aws.ToString(trace.StringValue) == "" || aws.ToString(trace.DataType) != "String" {
		return nil, "", invalidParameter("Message (system) attributes are limited to %s, of type String.", name)
	}
	checked := map[string]types.MessageAttributeValue{
		name: {DataType: trace.DataType, StringValue: trace.StringValue},
	}
	return checked, *trace.StringValue, nil
}

// send commits messages as one change, and then puts them into their queue.
func (s *Service) send(ctx context.Context, q *queue, messages []*message) error {
	if len(messages) == 0 {
		return nil
	}
	s.gate.RLock()
	defer s.gate.RUnlock()
	s.mu.Lock()
	deleted := q.deleted
	for _, m := range messages {
		s.lastMessage++
		m.id = s.lastMessage
	}
	s.mu.Unlock()
	if deleted {
		return noSuchQueue()
	}
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		for _, m := range messages {
			if err := insertMessage(tx, q.ID, m); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := nowMilli()
	for _, m := range messages {
		body := m.payload
		m.payload = nil
		s.hold(m, body)
		s.add(q, m, now)
		q.counts.sent(len(body.body) + attributesSize(body.extra.Attributes))
	}
	s.advance(q, now)
	return nil
}
