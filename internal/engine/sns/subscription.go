package sns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spate-run/spate/internal/delivery"
)

// errName is the complaint about an attribute that there is not.
var errName = errors.New("AttributeName")

// checkSubscription applies the rules of a subscription's attribute and returns
// the value as it is kept. The filter policy is read with its scope, by
// newFilter.
// https://docs.aws.amazon.com/sns/latest/api/API_SetSubscriptionAttributes.html
func checkSubscription(protocol, name, value string) (string, error) {
	switch name {
	case "RawMessageDelivery":
		lower := strings.ToLower(value)
		if !boolean(lower) {
			return "", refuse("RawMessageDelivery: Invalid value [%s]. Must be true or false.", value)
		}
		if lower == "true" && !slices.Contains([]string{"sqs", "http", "https", "firehose"}, protocol) {
			return "", refuse("Invalid parameter: Delivery protocol [%s] does not support raw message delivery.", protocol)
		}
		return lower, nil
	case "FilterPolicyScope":
		if value != scopeAttributes && value != scopeBody {
			return "", fmt.Errorf("FilterPolicyScope: Invalid value [%s]. Please use either MessageBody or MessageAttributes", value)
		}
	case "RedrivePolicy":
		_, err := deadLetters(value)
		return value, err
	case "DeliveryPolicy":
		if !document(value) {
			return "", refusal("DeliveryPolicy: failed to parse JSON.")
		}
	case "SubscriptionRoleArn":
		if protocol != "firehose" {
			return "", errName
		}
	case "FilterPolicy", "ReplayPolicy":
	default:
		return "", errName
	}
	return value, nil
}

// deadLetters is the queue of a redrive policy; empty where there is none.
// https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html
func deadLetters(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	var p struct {
		Target string `json:"deadLetterTargetArn"`
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return "", fmt.Errorf("RedrivePolicy: failed to parse JSON. %w", err)
	}
	if p.Target != "" && !delivery.IsQueue(p.Target) || p.Target == "" && strings.TrimSpace(text) != "{}" {
		return "", errors.New("RedrivePolicy: deadLetterTargetArn is an invalid arn")
	}
	return p.Target, nil
}

// raw says that an endpoint has messages without their envelope.
func (sub subscription) raw() bool { return sub.Attributes["RawMessageDelivery"] == "true" }

// deadLetters is the queue for what cannot be delivered; empty where there is
// none.
func (sub subscription) deadLetters() string {
	arn, _ := deadLetters(sub.Attributes["RedrivePolicy"]) // was checked when it was set
	return arn
}

// subLocked returns the subscription of an ARN.
func (s *Service) subLocked(arn *string) (subscription, error) {
	if n := strings.Count(deref(arn), ":") + 1; n < 6 {
		return subscription{}, invalid("SubscriptionArn Reason: An ARN must have at least 6 elements, not %d", n)
	}
	sub, ok := s.subs[deref(arn)]
	if !ok {
		return sub, notFound("Subscription does not exist")
	}
	return sub, nil
}

func (s *Service) getSubscriptionAttributes(_ context.Context, in *GetSubscriptionAttributesInput) (*GetSubscriptionAttributesOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub, err := s.subLocked(in.SubscriptionArn)
	if err != nil {
		return nil, err
	}
	all := map[string]string{
		"ConfirmationWasAuthenticated": strconv.FormatBool(sub.Known),
		"Endpoint":                     sub.Endpoint,
		"Owner":                        s.config.Account.ID,
		"PendingConfirmation":          strconv.FormatBool(!sub.Confirmed),
		"Protocol":                     sub.Protocol,
		"RawMessageDelivery":           "false",
		"SubscriptionArn":              sub.ARN,
		"SubscriptionPrincipal":        "arn:aws:iam::" + s.config.Account.ID + ":root",
		"TopicArn":                     sub.Topic,
	}
	if sub.Protocol == "http" || sub.Protocol == "https" {
		all["EffectiveDeliveryPolicy"] = defaultDelivery
	}
	if sub.Attributes["FilterPolicy"] != "" {
		all["FilterPolicyScope"] = scopeAttributes
	}
	maps.Copy(all, sub.Attributes)
	return &GetSubscriptionAttributesOutput{Attributes: all}, nil
}

func (s *Service) setSubscriptionAttributes(ctx context.Context, in *SetSubscriptionAttributesInput) (*SetSubscriptionAttributesOutput, error) {
	name := deref(in.AttributeName)
	s.mu.Lock()
	defer s.mu.Unlock()
	sub, err := s.subLocked(in.SubscriptionArn)
	if err != nil {
		return nil, err
	}
	value, err := checkSubscription(sub.Protocol, name, deref(in.AttributeValue))
	if err != nil {
		return nil, invalid("%v", err)
	}
	if name == "FilterPolicy" && strings.TrimSpace(value) == "{}" {
		value = ""
	}
	sub.Attributes = set(sub.Attributes, name, value)
	if sub.filter, err = newFilter(sub.Attributes); errors.Is(err, errNested) {
		return nil, invalid("%v", err)
	}
	if err != nil {
		return nil, invalid("FilterPolicy: %v", err)
	}
	if err := s.subscriptions.Save(ctx, sub.ARN, sub); err != nil {
		return nil, err
	}
	s.subs[sub.ARN] = sub
	return &SetSubscriptionAttributesOutput{}, nil
}

func (s *Service) listSubscriptions(_ context.Context, in *ListSubscriptionsInput) (*ListSubscriptionsOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list, next, err := page(s.described(s.ofTopicLocked("")), in.NextToken)
	return &ListSubscriptionsOutput{Subscriptions: list, NextToken: next}, err
}

func (s *Service) listSubscriptionsByTopic(_ context.Context, in *ListSubscriptionsByTopicInput) (*ListSubscriptionsByTopicOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.topicLocked(in.TopicArn, "TopicArn")
	if err != nil {
		return nil, err
	}
	list, next, err := page(s.described(s.ofTopicLocked(t.ARN)), in.NextToken)
	return &ListSubscriptionsByTopicOutput{Subscriptions: list, NextToken: next}, err
}

// described are subscriptions as lists have them.
func (s *Service) described(subs []subscription) []Subscription {
	list := []Subscription{}
	for _, sub := range subs {
		arn := sub.ARN
		if !sub.Confirmed {
			arn = "PendingConfirmation"
		}
		list = append(list, Subscription{
			Endpoint: &sub.Endpoint, Owner: &s.config.Account.ID, Protocol: &sub.Protocol, SubscriptionArn: &arn, TopicArn: &sub.Topic,
		})
	}
	return list
}
