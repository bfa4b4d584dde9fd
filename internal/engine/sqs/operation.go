package sqs

import (
	"context"
	"encoding/base64"
	"errors"
	"maps"
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

// splitURL returns a queue's name and the account before it, which is empty for a
// bare name.
func splitURL(url string) (account, name string) {
	url = strings.TrimRight(url, "/")
	i := strings.LastIndexByte(url, '/')
	if i < 0 {
		return "", url
	}
	rest := url[:i]
	j := strings.LastIndexByte(rest, '/')
	if j > 0 && rest[j-1] == '/' { // it is the host
		return "", url[i+1:]
	}
	return rest[j+1:], url[i+1:]
}

// nameIn is the name of a queue by its URL.
func nameIn(url *string) string {
	_, name := splitURL(aws.ToString(url))
	return name
}

// find returns the queue that a URL names. There are no queues of other accounts.
func (s *Service) find(url *string) (*queue, error) {
	if aws.ToString(url) == "" {
		return nil, missingParameter("QueueUrl")
	}
	account, name := splitURL(*url)
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queues[name]
	if q == nil || account != "" && account != s.account.ID {
		return nil, noSuchQueue()
	}
	return q, nil
}

func (s *Service) settingsOf(q *queue) settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return q.settings
}

// url is where a queue is for who asks: at the host that the request came to,
// since containers do not reach the one that programs of this machine do.
func (s *Service) url(ctx context.Context, name string) string {
	endpoint := s.endpoint
	if host := wire.Host(ctx); host != "" {
		endpoint = "http://" + host
	}
	return endpoint + "/" + s.account.ID + "/" + name
}

func (s *Service) arn(q *queue) string {
	return s.account.ARN("sqs", q.name)
}

func (s *Service) createQueue(ctx context.Context, in *sqs.CreateQueueInput) (*sqs.CreateQueueOutput, error) {
	if in.QueueName == nil {
		return nil, noQueueName()
	}
	name := *in.QueueName
	if err := checkQueueName(name, in.Attributes); err != nil {
		return nil, err
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	if err := checkTagCount(name, in.Tags); err != nil {
		return nil, err
	}
	s.gate.Lock()
	defer s.gate.Unlock()
	doc, err := s.draft(name, in)
	if err != nil {
		return nil, err
	}
	out := &sqs.CreateQueueOutput{QueueUrl: aws.String(s.url(ctx, name))}
	if doc == nil {
		return out, nil
	}
	err = s.store.Update(ctx, func(tx *store.Tx) error {
		return errors.Join(s.table.Put(tx, name, *doc), s.graves.Delete(tx, name))
	})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.deleted, name)
	s.queues[name] = newQueue(name, *doc)
	return out, nil
}

func checkQueueName(name string, attributes map[string]string) error {
	if name == "" {
		return invalidParameter("Queue name cannot be empty")
	}
	base, suffixed := strings.CutSuffix(name, fifoSuffix)
	if strings.EqualFold(attributes[string(types.QueueAttributeNameFifoQueue)], "true") {
		if !suffixed || len(name) > 80 || !queueName().MatchString(base) {
			return invalidParameter("The name of a FIFO queue can only include alphanumeric characters, hyphens, " +
				"or underscores, must end with .fifo suffix and be 1 to 80 in length.")
		}
		return nil
	}
	if !queueName().MatchString(name) {
		return invalidParameter("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	return nil
}

// draft returns the document of a queue to create, nil when there is the very
// queue already.
func (s *Service) draft(name string, in *sqs.CreateQueueInput) (*document, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	given, err := s.parseAttributes(name, in.Attributes)
	if err != nil {
		return nil, err
	}
	if q := s.queues[name]; q != nil {
		for _, a := range attributes {
			if value, ok := given[string(a.name)]; ok && value != q.attribute(a) {
				return nil, queueNameExists(string(a.name))
			}
		}
		return nil, nil
	}
	if at, ok := s.deleted[name]; ok && nowMilli()-at < s.queueWait.Milliseconds() {
		return nil, deletedRecently(s.queueWait)
	}
	now := time.Now().Unix()
	doc := &document{ID: s.lastQueue + 1, Created: now, Modified: now, Attributes: given, Tags: in.Tags}
	if err := checkThroughput(doc); err != nil {
		return nil, err
	}
	s.lastQueue++
	return doc, nil
}

func (s *Service) getQueueURL(ctx context.Context, in *sqs.GetQueueUrlInput) (*sqs.GetQueueUrlOutput, error) {
	if aws.ToString(in.QueueName) == "" {
		return nil, noQueueName()
	}
	if owner := aws.ToString(in.QueueOwnerAWSAccountId); owner != "" && owner != s.account.ID {
		return nil, noSuchQueue()
	}
	q, err := s.find(in.QueueName)
	if err != nil || q.name != *in.QueueName {
		return nil, noSuchQueue()
	}
	return &sqs.GetQueueUrlOutput{QueueUrl: aws.String(s.url(ctx, q.name))}, nil
}

func (s *Service) listQueues(ctx context.Context, in *sqs.ListQueuesInput) (*sqs.ListQueuesOutput, error) {
	prefix := aws.ToString(in.QueueNamePrefix)
	s.mu.Lock()
	defer s.mu.Unlock()
	urls, next, err := s.page(ctx, in.MaxResults, in.NextToken, func(q *queue) bool {
		return strings.HasPrefix(q.name, prefix)
	})
	return &sqs.ListQueuesOutput{QueueUrls: urls, NextToken: next}, err
}

func (s *Service) listDeadLetterSourceQueues(ctx context.Context, in *sqs.ListDeadLetterSourceQueuesInput) (*sqs.ListDeadLetterSourceQueuesOutput, error) {
	target, err := s.find(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	urls, next, err := s.page(ctx, in.MaxResults, in.NextToken, func(q *queue) bool {
		return q.redrive != nil && q.redrive.Target == s.arn(target)
	})
	if urls == nil {
		urls = []string{} // which AWS answers here, and not for ListQueues
	}
	return &sqs.ListDeadLetterSourceQueuesOutput{QueueUrls: urls, NextToken: next}, err
}

// page lists the URLs of queues by name, most at a time. The token of the next
// page is the last name of this one. The caller holds mu.
func (s *Service) page(ctx context.Context, most *int32, token *string, wanted func(*queue) bool) (urls []string, next *string, err error) {
	limit := int(aws.ToInt32(most))
	if most != nil && (limit < 1 || limit > 1000) {
		return nil, nil, invalidParameter("Value for parameter MaxResults is invalid. Reason: " +
			"MaxResults must be an integer between 1 and 1000.")
	}
	after, err := base64.StdEncoding.DecodeString(aws.ToString(token))
	if err != nil {
		return nil, nil, invalidParameter("Invalid or expired next token.")
	}
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(s.queues)), func(name string) bool {
		return name <= string(after) || !wanted(s.queues[name])
	})
	if most != nil && len(names) > limit {
		names = names[:limit]
		next = aws.String(base64.StdEncoding.EncodeToString([]byte(names[limit-1])))
	}
	for _, name := range names[:min(len(names), 1000)] {
		urls = append(urls, s.url(ctx, name))
	}
	return urls, next, nil
}

func (s *Service) deleteQueue(ctx context.Context, in *sqs.DeleteQueueInput) (*sqs.DeleteQueueOutput, error) {
	s.gate.Lock()
	defer s.gate.Unlock()
	q, err := s.find(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	now := nowMilli()
	forgotten := s.oldGraves(now)
	err = s.store.Update(ctx, func(tx *store.Tx) error {
		if err := errors.Join(s.table.Delete(tx, q.name), s.graves.Put(tx, q.name, now)); err != nil {
			return err
		}
		for _, name := range forgotten {
			if err := s.graves.Delete(tx, name); err != nil {
				return err
			}
		}
		for _, task := range q.moves { // which change with gate only
			if err := s.moves.Delete(tx, task.ID); err != nil {
				return err
			}
		}
		return errors.Join(forgetDuplicates(tx, q.ID), emptyQueue(tx, q.ID))
	})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear(q)
	q.deleted = true
	delete(s.queues, q.name)
	for _, name := range forgotten {
		delete(s.deleted, name)
	}
	s.deleted[q.name] = now
	for _, w := range q.waiters {
		close(w.batch)
	}
	q.waiters = nil
	return &sqs.DeleteQueueOutput{}, nil
}

// oldGraves returns the names of deleted queues that are free again.
func (s *Service) oldGraves(now int64) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for name, at := range s.deleted {
		if now-at >= s.queueWait.Milliseconds() {
			names = append(names, name)
		}
	}
	return names
}

func (s *Service) purgeQueue(ctx context.Context, in *sqs.PurgeQueueInput) (*sqs.PurgeQueueOutput, error) {
	s.gate.Lock()
	defer s.gate.Unlock()
	q, err := s.find(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	now := nowMilli()
	doc := q.document // which changes with gate only
	if doc.Purged > 0 && now-doc.Purged < s.queueWait.Milliseconds() {
		return nil, purgeInProgress(q.name, s.queueWait)
	}
	doc.Purged = now
	err = s.store.Update(ctx, func(tx *store.Tx) error {
		return errors.Join(s.table.Put(tx, q.name, doc), forgetDuplicates(tx, q.ID), emptyQueue(tx, q.ID))
	})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q.document = doc
	s.clear(q)
	return &sqs.PurgeQueueOutput{}, nil
}

func (s *Service) getQueueAttributes(_ context.Context, in *sqs.GetQueueAttributesInput) (*sqs.GetQueueAttributesOutput, error) {
	q, err := s.find(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	all := s.attributesOf(q)
	out := &sqs.GetQueueAttributesOutput{}
	for _, name := range in.AttributeNames {
		if name == types.QueueAttributeNameAll {
			out.Attributes = all
			continue
		}
		value, ok := all[string(name)]
		if !ok && !slices.ContainsFunc(attributes, func(a attribute) bool { return a.name == name }) {
			return nil, unknownAttribute(string(name))
		}
		if ok { // without any there is no map
			out.Attributes = merged(out.Attributes, map[string]string{string(name): value})
		}
	}
	return out, nil
}

func (s *Service) attributesOf(q *queue) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(q, nowMilli())
	all := map[string]string{
		"QueueArn":                              s.arn(q),
		"CreatedTimestamp":                      strconv.FormatInt(q.Created, 10),
		"LastModifiedTimestamp":                 strconv.FormatInt(q.Modified, 10),
		"ApproximateNumberOfMessages":           strconv.Itoa(q.ready.visible()),
		"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(q.invisible()),
		"ApproximateNumberOfMessagesDelayed":    strconv.Itoa(q.delayed.Len()),
	}
	for _, a := range attributes {
		if value := q.attribute(a); value != "" {
			all[string(a.name)] = value
		}
	}
	if all[string(types.QueueAttributeNameKmsMasterKeyId)] == "" { // there is nothing to reuse
		delete(all, string(types.QueueAttributeNameKmsDataKeyReusePeriodSeconds))
	}
	return all
}

func (s *Service) setQueueAttributes(ctx context.Context, in *sqs.SetQueueAttributesInput) (*sqs.SetQueueAttributesOutput, error) {
	if len(in.Attributes) == 0 {
		return nil, missingParameter("Attribute.Name")
	}
	err := s.amend(ctx, in.QueueUrl, func(doc *document) error {
		given, err := s.parseAttributes(nameIn(in.QueueUrl), in.Attributes)
		if err != nil {
			return err
		}
		doc.Attributes = merged(doc.Attributes, given)
		doc.Modified = time.Now().Unix()
		return checkThroughput(doc)
	})
	return &sqs.SetQueueAttributesOutput{}, err
}

// amend commits a change of a queue's document. change is called with mu held,
// and must replace maps, not write to them.
func (s *Service) amend(ctx context.Context, url *string, change func(*document) error) error {
	s.gate.Lock()
	defer s.gate.Unlock()
	q, err := s.find(url)
	if err != nil {
		return err
	}
	s.mu.Lock()
	doc := q.document
	err = change(&doc)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	if err := s.table.Save(ctx, q.name, doc); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before := q.settings
	q.document, q.settings = doc, doc.parsed()
	if q.fifo && q.delay != before.delay {
		s.redelay(q)
	}
	s.advance(q, nowMilli())
	s.arm(q.next())
	return nil
}

func merged(old, added map[string]string) map[string]string {
	all := maps.Clone(old)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, added)
	return all
}
