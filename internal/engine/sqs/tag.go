package sqs

import (
	"context"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// Limits of a queue's tags.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html
const (
	maxTags     = 50
	maxTagKey   = 128 // characters
	maxTagValue = 256
)

func (s *Service) tagQueue(ctx context.Context, in *sqs.TagQueueInput) (*sqs.TagQueueOutput, error) {
	q, err := s.find(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	if len(in.Tags) == 0 {
		return nil, missingParameter("Tags")
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	err = s.amend(ctx, in.QueueUrl, func(doc *document) error {
		doc.Tags = merged(doc.Tags, in.Tags)
		return checkTagCount(q.name, doc.Tags)
	})
	return &sqs.TagQueueOutput{}, err
}

func (s *Service) untagQueue(ctx context.Context, in *sqs.UntagQueueInput) (*sqs.UntagQueueOutput, error) {
	if _, err := s.find(in.QueueUrl); err != nil {
		return nil, err
	}
	switch {
	case in.TagKeys == nil:
		return nil, missingParameter("TagKeys")
	case len(in.TagKeys) == 0:
		return nil, checkTagKey("")
	}
	for _, key := range in.TagKeys {
		if err := checkTagKey(key); err != nil {
			return nil, err
		}
	}
	err := s.amend(ctx, in.QueueUrl, func(doc *document) error {
		doc.Tags = merged(doc.Tags, nil)
		for _, key := range in.TagKeys {
			delete(doc.Tags, key)
		}
		return nil
	})
	return &sqs.UntagQueueOutput{}, err
}

func (s *Service) listQueueTags(_ context.Context, in *sqs.ListQueueTagsInput) (*sqs.ListQueueTagsOutput, error) {
	q, err := s.find(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(q.Tags) == 0 {
		return &sqs.ListQueueTagsOutput{}, nil
	}
	return &sqs.ListQueueTagsOutput{Tags: maps.Clone(q.Tags)}, nil
}

func checkTagCount(queue string, tags map[string]string) error {
	if len(tags) > maxTags {
		return invalidParameter("Too many tags added for queue %s.", queue)
	}
	return nil
}

const tagCharacters = " may only contain unicode letters, digits, whitespace, or one of these symbols: _ . : / = + - @"

// checkTags checks keys and values of tags that are to be added. The prefix is
// refused in the words of AWS's other services: SQS's are not documented.
func checkTags(tags map[string]string) error {
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		if err := checkTagKey(key); err != nil {
			return err
		}
		switch value := tags[key]; {
		case utf8.RuneCountInString(value) > maxTagValue:
			return invalidParameter("Tag values must be between 0 and 256 characters in length.")
		case !isTagText(value):
			return invalidParameter("Tag values" + tagCharacters)
		case isReserved(value):
			return invalidParameter("aws: prefixed tag values are not allowed for external use.")
		}
	}
	return nil
}

func checkTagKey(key string) error {
	switch {
	case key == "", utf8.RuneCountInString(key) > maxTagKey:
		return invalidParameter("Tag keys must be between 1 and 128 characters in length.")
	case !isTagText(key):
		return invalidParameter("Tag keys" + tagCharacters)
	case isReserved(key):
		return invalidParameter("aws: prefixed tag key names are not allowed for external use.")
	}
	return nil
}

func isReserved(text string) bool { return strings.HasPrefix(strings.ToLower(text), "aws:") }

// isTagText says whether a text has only the characters that tags may have.
func isTagText(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsSpace(r) && !strings.ContainsRune("_.:/=+-@", r)
	})
}
