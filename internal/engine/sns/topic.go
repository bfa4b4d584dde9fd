package sns

import (
	"context"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spate-run/spate/internal/store"
)

// A rule says what an attribute's value may be.
type rule func(string) bool

func anyText(string) bool { return true }

func boolean(v string) bool { return v == "true" || v == "false" }

func oneOf(all ...string) rule { return func(v string) bool { return slices.Contains(all, v) } }

func percentage(v string) bool {
	n, err := strconv.Atoi(v)
	return v == "" || err == nil && 0 <= n && n <= 100
}

func document(v string) bool { return v == "" || json.Valid([]byte(v)) }

// topicRules are the attributes of topics that can be set.
// https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html
func topicRules(name string) rule {
	for _, protocol := range []string{"HTTP", "Firehose", "Lambda", "Application", "SQS"} {
		switch strings.TrimPrefix(name, protocol) {
		case "SuccessFeedbackRoleArn", "FailureFeedbackRoleArn":
			return anyText
		case "SuccessFeedbackSampleRate":
			return percentage
		}
	}
	return map[string]rule{
		"DisplayName":               func(v string) bool { return len(v) <= 100 },
		"Policy":                    document,
		"DeliveryPolicy":            document,
		"ArchivePolicy":             document,
		"KmsMasterKeyId":            anyText,
		"TracingConfig":             oneOf("PassThrough", "Active"),
		"SignatureVersion":          oneOf("1", "2"),
		"ContentBasedDeduplication": boolean,
		"FifoThroughputScope":       oneOf("Topic", "MessageGroup"),
	}[name]
}

// onlyFIFO are the attributes that only FIFO topics have.
var onlyFIFO = []string{"ContentBasedDeduplication", "FifoThroughputScope", "ArchivePolicy"}

// checkTopic applies the rules of a topic's attribute.
func checkTopic(name, value string, fifo bool) error {
	allowed := topicRules(name)
	switch {
	case allowed == nil, slices.Contains(onlyFIFO, name) && !fifo:
		return invalid("AttributeName")
	case !allowed(value):
		return invalid("Attributes Reason: %s: Invalid value [%s]", name, value)
	}
	return nil
}

func (s *Service) createTopic(ctx context.Context, in *CreateTopicInput) (*CreateTopicOutput, error) {
	made, err := s.newTopic(in)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := &CreateTopicOutput{TopicArn: &made.ARN}
	if there, ok := s.topics[made.ARN]; ok {
		return out, there.agrees(in, made)
	}
	return out, s.saveTopicLocked(ctx, made)
}

// newTopic is the topic that a request describes.
func (s *Service) newTopic(in *CreateTopicInput) (topic, error) {
	name, fifo := deref(in.Name), in.Attributes["FifoTopic"] == "true"
	base, suffixed := strings.CutSuffix(name, ".fifo")
	if !regexp.MustCompile(`^[A-Za-z0-9_-]+$`).MatchString(base) || len(name) > 256 || suffixed != fifo {
		return topic{}, invalid("Topic Name")
	}
	t := topic{
		ARN: s.config.Account.ARN("sns", name), Name: name, Created: time.Now(), Attributes: map[string]string{},
	}
	for _, key := range slices.Sorted(maps.Keys(in.Attributes)) {
		value := in.Attributes[key]
		if key == "FifoTopic" {
			if !boolean(value) {
				return topic{}, invalid("Attributes Reason: FifoTopic: Invalid value [%s]. Must be true or false.", value)
			}
		} else if err := checkTopic(key, value, fifo); err != nil {
			return topic{}, err
		}
		if value != "" {
			t.Attributes[key] = value
		}
	}
	if in.DataProtectionPolicy != nil {
		return topic{}, invalid("DataProtectionPolicy Reason: Data protection is not supported by this engine.")
	}
	var err error
	t.Tags, err = retag(nil, in.Tags)
	return t, err
}

// agrees tells whether a topic may be made that is there already: the request
// says nothing that is not so.
func (t topic) agrees(in *CreateTopicInput, made topic) error {
	for key, value := range in.Attributes {
		if has := t.Attributes[key]; has != value && (key != "FifoTopic" || value == "true") {
			return invalid("Attributes Reason: Topic already exists with different attributes")
		}
	}
	for key, value := range made.Tags {
		if has, ok := t.Tags[key]; !ok || has != value {
			return invalid("Tags Reason: Topic already exists with different tags")
		}
	}
	return nil
}

func (s *Service) getTopicAttributes(_ context.Context, in *GetTopicAttributesInput) (*GetTopicAttributesOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.topicLocked(in.TopicArn, "TopicArn")
	if err != nil {
		return nil, err
	}
	confirmed, pending := 0, 0
	for _, sub := range s.ofTopicLocked(t.ARN) {
		if sub.Confirmed {
			confirmed++
		} else {
			pending++
		}
	}
	all := map[string]string{
		"DisplayName":             "",
		"EffectiveDeliveryPolicy": defaultDelivery,
		"Owner":                   s.config.Account.ID,
		"SubscriptionsConfirmed":  strconv.Itoa(confirmed),
		"SubscriptionsDeleted":    strconv.Itoa(t.Deleted),
		"SubscriptionsPending":    strconv.Itoa(pending),
		"TopicArn":                t.ARN,
	}
	if t.fifo() {
		all["ContentBasedDeduplication"] = "false"
	}
	maps.Copy(all, t.Attributes)
	all["Policy"] = s.policyText(t)
	if !t.fifo() {
		delete(all, "FifoTopic")
	}
	return &GetTopicAttributesOutput{Attributes: all}, nil
}

// defaultDelivery is how HTTP endpoints are tried on AWS.
// https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
const defaultDelivery = `{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":20,"maxDelayTarget":20,"numRetries":3,` +
	`"numMaxDelayRetries":0,"numNoDelayRetries":0,"numMinDelayRetries":0,"backoffFunction":"linear"},` +
	`"disableSubscriptionOverrides":false,"defaultRequestPolicy":{"headerContentType":"text/plain; charset=UTF-8"}}}`

func (s *Service) setTopicAttributes(ctx context.Context, in *SetTopicAttributesInput) (*SetTopicAttributesOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.topicLocked(in.TopicArn, "TopicArn")
	if err != nil {
		return nil, err
	}
	name, value := deref(in.AttributeName), deref(in.AttributeValue)
	if err := checkTopic(name, value, t.fifo()); err != nil {
		return nil, err
	}
	t.Attributes = set(t.Attributes, name, value)
	return &SetTopicAttributesOutput{}, s.saveTopicLocked(ctx, t)
}

func (s *Service) listTopics(_ context.Context, in *ListTopicsInput) (*ListTopicsOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := &ListTopicsOutput{Topics: []Topic{}}
	for _, arn := range slices.Sorted(maps.Keys(s.topics)) {
		out.Topics = append(out.Topics, Topic{TopicArn: &arn})
	}
	var err error
	out.Topics, out.NextToken, err = page(out.Topics, in.NextToken)
	return out, err
}

// deleteTopic deletes a topic with its subscriptions; one that is not there is
// no error.
func (s *Service) deleteTopic(ctx context.Context, in *DeleteTopicInput) (*DeleteTopicOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.topicLocked(in.TopicArn, "TopicArn")
	if isMissing(err) {
		return &DeleteTopicOutput{}, nil
	}
	if err != nil {
		return nil, err
	}
	subs := s.ofTopicLocked(t.ARN)
	if err := s.config.Store.Update(ctx, func(tx *store.Tx) error {
		for _, sub := range subs {
			if err := s.subscriptions.Delete(tx, sub.ARN); err != nil {
				return err
			}
		}
		return s.topicTable.Delete(tx, t.ARN)
	}); err != nil {
		return nil, err
	}
	for _, sub := range subs {
		delete(s.subs, sub.ARN)
	}
	delete(s.topics, t.ARN)
	delete(s.sent, t.ARN)
	return &DeleteTopicOutput{}, nil
}
