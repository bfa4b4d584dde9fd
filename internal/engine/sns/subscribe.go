package sns

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spate-run/spate/internal/delivery"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

// pending are the protocols whose endpoints must confirm that they want
// notices.
// https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html
var pending = []string{"http", "https", "email", "email-json"}

// checkEndpoint applies the rules of a protocol's endpoints.
func checkEndpoint(protocol, endpoint string, fifo bool) error {
	address, err := url.Parse(endpoint)
	switch protocol {
	case "http", "https":
		if err != nil || address.Scheme != protocol || address.Host == "" {
			return invalid("Endpoint must match the specified protocol")
		}
	case "email", "email-json":
		if _, domain, ok := strings.Cut(endpoint, "@"); !ok || domain == "" {
			return invalid("Email address")
		}
	case "sms":
		if !phone(endpoint) {
			return wire.Faultf("InvalidParameter", "Invalid SMS endpoint: %s", endpoint)
		}
	case "sqs":
		if !delivery.IsQueue(endpoint) {
			return invalid("SQS endpoint ARN")
		}
		if strings.HasSuffix(endpoint, ".fifo") && !fifo {
			return invalid("Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics")
		}
	case "lambda":
		return checkARN(endpoint, "lambda", "Lambda endpoint ARN")
	case "application":
		return checkARN(endpoint, "sns", "Application endpoint arn invalid:"+endpoint)
	case "firehose":
		return checkARN(endpoint, "firehose", "Firehose endpoint ARN")
	default:
		return invalid("Amazon SNS does not support this protocol string: %s", protocol)
	}
	return nil
}

func checkARN(text, service, complaint string) error {
	if part := strings.Split(text, ":"); len(part) < 6 || part[0] != "arn" || part[2] != service {
		return invalid("%s", complaint)
	}
	return nil
}

func phone(number string) bool {
	return regexp.MustCompile(`^\+?[0-9]{5,15}$`).MatchString(number)
}

func (s *Service) subscribe(ctx context.Context, in *SubscribeInput) (*SubscribeOutput, error) {
	if in.Protocol == nil {
		return nil, null("protocol")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.topicLocked(in.TopicArn, "TopicArn")
	if err != nil {
		return nil, err
	}
	made := subscription{
		Topic: t.ARN, Protocol: *in.Protocol, Endpoint: deref(in.Endpoint), Created: time.Now(),
		ARN: t.ARN + ":" + delivery.NewID(), Confirmed: !slices.Contains(pending, *in.Protocol), Known: true,
	}
	if err := checkEndpoint(made.Protocol, made.Endpoint, t.fifo()); err != nil {
		return nil, err
	}
	if err := made.take(in.Attributes); err != nil {
		return nil, err
	}
	if there, ok := s.sameLocked(made); ok {
		if !there.agrees(made) {
			return nil, invalid("Attributes Reason: Subscription already exists with different attributes")
		}
		made = there
	}
	if !made.Confirmed {
		made.Known, made.Token = false, cmp.Or(made.Token, newToken())
	}
	if err := s.askLocked(ctx, made); err != nil {
		return nil, err
	}
	if !made.Confirmed && !in.ReturnSubscriptionArn {
		return &SubscribeOutput{SubscriptionArn: new("pending confirmation")}, nil
	}
	return &SubscribeOutput{SubscriptionArn: &made.ARN}, nil
}

// take gives a new subscription its attributes.
func (sub *subscription) take(attributes map[string]string) error {
	for name, value := range attributes {
		value, err := checkSubscription(sub.Protocol, name, value)
		if errors.Is(err, errNested) {
			return invalid("%v", err)
		}
		if err != nil {
			return invalid("Attributes Reason: %v", err)
		}
		sub.Attributes = set(sub.Attributes, name, value)
	}
	var err error
	if sub.filter, err = newFilter(sub.Attributes); errors.Is(err, errNested) {
		return invalid("%v", err)
	}
	if err != nil {
		return invalid("Attributes Reason: FilterPolicy: %v", err)
	}
	return nil
}

// sameLocked returns the subscription of the same topic and endpoint.
func (s *Service) sameLocked(made subscription) (subscription, bool) {
	for _, sub := range s.subs {
		if sub.Topic == made.Topic && sub.Protocol == made.Protocol && sub.Endpoint == made.Endpoint {
			return sub, true
		}
	}
	return subscription{}, false
}

// agrees reports that a request for a subscription that is there says nothing
// that is not so.
func (sub subscription) agrees(made subscription) bool {
	for name, value := range made.Attributes {
		has := sub.Attributes[name]
		if has == "" {
			has = map[string]string{"FilterPolicyScope": scopeAttributes, "RawMessageDelivery": "false"}[name]
		}
		if has != value {
			return false
		}
	}
	return true
}

// newToken returns what confirms a subscription.
func newToken() string {
	b := make([]byte, 128)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// askLocked stores a subscription, and with it the request that its endpoint
// confirm it.
func (s *Service) askLocked(ctx context.Context, sub subscription) error {
	var owed []delivery.Delivery
	if !sub.Confirmed {
		d, ok, err := s.confirmation(sub)
		if err != nil {
			return err
		}
		if ok {
			owed = append(owed, d)
		} else {
			s.config.Log.InfoContext(ctx, "subscription waits for its confirmation",
				"protocol", sub.Protocol, "endpoint", sub.Endpoint, "confirm", s.confirmURL(sub))
		}
	}
	if err := s.config.Store.Update(ctx, func(tx *store.Tx) error {
		if err := s.posts.Put(tx, owed...); err != nil {
			return err
		}
		return s.subscriptions.Put(tx, sub.ARN, sub)
	}); err != nil {
		return err
	}
	s.subs[sub.ARN] = sub
	s.posts.Add(owed...)
	return nil
}

func (s *Service) confirmSubscription(ctx context.Context, in *ConfirmSubscriptionInput) (*ConfirmSubscriptionOutput, error) {
	token := deref(in.Token)
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.topicLocked(in.TopicArn, "Topic")
	switch {
	case isMissing(err):
		return nil, invalid("Token")
	case err != nil:
		return nil, invalid("Topic")
	case len(token) != len(newToken()):
		return nil, wire.Faultf("InvalidParameter", "Invalid token")
	}
	for _, sub := range s.ofTopicLocked(t.ARN) {
		if sub.Token != token {
			continue
		}
		if !sub.Confirmed {
			sub.Confirmed, sub.Known = true, !wire.Anonymous(ctx)
			sub.Guarded = deref(in.AuthenticateOnUnsubscribe) == "true" && sub.Known
			if err := s.subscriptions.Save(ctx, sub.ARN, sub); err != nil {
				return nil, err
			}
			s.subs[sub.ARN] = sub
		}
		return &ConfirmSubscriptionOutput{SubscriptionArn: &sub.ARN}, nil
	}
	return nil, invalid("Token")
}

// unsubscribe takes a subscription away; one that is not there is no error.
func (s *Service) unsubscribe(ctx context.Context, in *UnsubscribeInput) (*UnsubscribeOutput, error) {
	arn := deref(in.SubscriptionArn)
	part := strings.Split(arn, ":")
	switch {
	case arn == "":
		return nil, invalid("SubscriptionArn Reason: no value for required parameter")
	case len(part) < 6:
		return nil, invalid("SubscriptionArn Reason: An ARN must have at least 6 elements, not %d", len(part))
	case len(part) != 7:
		return nil, invalid("SubscriptionId")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sub, ok := s.subs[arn]
	if !ok {
		return &UnsubscribeOutput{}, nil
	}
	if sub.Guarded && wire.Anonymous(ctx) {
		return nil, &wire.Fault{Code: "AuthorizationError", Message: "This subscription can only be removed by who is allowed to.", Status: 403}
	}
	t := s.topics[sub.Topic]
	t.Deleted++
	if err := s.config.Store.Update(ctx, func(tx *store.Tx) error {
		if err := s.topicTable.Put(tx, t.ARN, t); err != nil {
			return err
		}
		return s.subscriptions.Delete(tx, arn)
	}); err != nil {
		return nil, err
	}
	s.topics[t.ARN] = t
	delete(s.subs, arn)
	return &UnsubscribeOutput{}, nil
}

// isMissing tells the fault of a topic that is not there.
func isMissing(err error) bool {
	fault, ok := errors.AsType[*wire.Fault](err)
	return ok && fault.Code == "NotFound"
}
