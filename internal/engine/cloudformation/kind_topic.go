package cloudformation

import (
	"context"
	"slices"
	"strings"
)

// topicAttributes are the properties of a topic that are attributes of the same
// name, with what they go back to when a template drops them.
// https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html
var topicAttributes = map[string]string{
	"ArchivePolicy":             "",
	"ContentBasedDeduplication": "false",
	"DisplayName":               "",
	"FifoThroughputScope":       "Topic",
	"KmsMasterKeyId":            "",
	"SignatureVersion":          "1",
	"TracingConfig":             "PassThrough",
}

// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sns-topic.html
var topic = kind{
	attributes: []string{"TopicArn", "TopicName"},
	name:       "TopicName",
	replace:    []string{"FifoTopic", "TopicName"},
	exists:     topicExists,
	create: func(ctx context.Context, c *clients, r request) (made, error) {
		attributes, err := topicAttributesOf(r.Properties)
		if err != nil {
			return made{}, err
		}
		if r.text("FifoTopic") == "true" {
			attributes["FifoTopic"] = "true"
		}
		tags, err := r.tagList()
		if err != nil {
			return made{}, err
		}
		var out struct{ TopicArn string }
		name := topicName(r)
		if err := c.topics.Call(ctx, "CreateTopic", properties{"Name": name, "Attributes": attributes, "Tags": tags}, &out); err != nil {
			return made{}, err
		}
		for _, s := range inlineSubscriptions(r.Properties) {
			if _, err := s.subscribe(ctx, c, out.TopicArn); err != nil {
				return made{}, err
			}
		}
		return made{ID: out.TopicArn, Attributes: properties{"TopicArn": out.TopicArn, "TopicName": name}}, nil
	},
	update: func(ctx context.Context, c *clients, r request) (made, error) {
		attributes, err := topicAttributesOf(r.Properties)
		if err != nil {
			return made{}, err
		}
		before, err := topicAttributesOf(r.Before)
		if err != nil {
			return made{}, err
		}
		for _, name := range sortedKeys(before) {
			if _, kept := attributes[name]; !kept {
				attributes[name] = topicAttributes[name]
			}
		}
		for _, name := range sortedKeys(attributes) {
			if before[name] == attributes[name] {
				continue
			}
			if err := setTopicAttribute(ctx, c, r.ID, name, attributes[name]); err != nil {
				return made{}, err
			}
		}
		return made{ID: r.ID}, resubscribe(ctx, c, r)
	},
	tag: func(ctx context.Context, c *clients, r request, set map[string]string, drop []string) error {
		if len(set) > 0 {
			if err := c.topics.Call(ctx, "TagResource", properties{"ResourceArn": r.ID, "Tags": pairList(set)}, nil); err != nil {
				return err
			}
		}
		if len(drop) == 0 {
			return nil
		}
		return c.topics.Call(ctx, "UntagResource", properties{"ResourceArn": r.ID, "TagKeys": drop}, nil)
	},
	remove: func(ctx context.Context, c *clients, r request) error {
		arn := r.ID
		if arn == "" {
			arn = r.Account.ARN("sns", topicName(r))
		}
		return unlessAbsent(c.topics.Call(ctx, "DeleteTopic", properties{"TopicArn": arn}, nil))
	},
}

// topicName is the name of a topic; one that is made up for a FIFO topic ends
// as such names must.
func topicName(r request) string {
	if r.text("FifoTopic") == "true" && r.text("TopicName") == "" {
		return r.Name + ".fifo"
	}
	return r.Name
}

func topicExists(ctx context.Context, c *clients, name string) (bool, error) {
	var out struct {
		Topics    []struct{ TopicArn string }
		NextToken string
	}
	for input := (properties{}); ; input["NextToken"] = out.NextToken {
		out.NextToken = ""
		if err := c.topics.Call(ctx, "ListTopics", input, &out); err != nil {
			return false, err
		}
		for _, t := range out.Topics {
			if strings.HasSuffix(t.TopicArn, ":"+name) {
				return true, nil
			}
		}
		if out.NextToken == "" {
			return false, nil
		}
	}
}

// topicAttributesOf are the attributes that a topic's properties give, those of
// delivery status logging among them.
func topicAttributesOf(p properties) (map[string]string, error) {
	if err := only(p, append(sortedKeys(topicAttributes), "DeliveryStatusLogging", "FifoTopic", "Subscription", "Tags", "TopicName")...); err != nil {
		return nil, err
	}
	attributes := map[string]string{}
	for name := range topicAttributes {
		value, given := p[name]
		if !given {
			continue
		}
		text, err := documentOf(value)
		if err != nil {
			return nil, err
		}
		attributes[name] = text
	}
	logging, _ := p["DeliveryStatusLogging"].([]any)
	for _, item := range logging {
		members, _ := item.(map[string]any)
		protocol, _ := textOf(members["Protocol"])
		prefix := map[string]string{
			"application": "Application", "firehose": "Firehose", "http/s": "HTTP", "lambda": "Lambda", "sqs": "SQS",
		}[protocol]
		if prefix == "" {
			return nil, reasonf("Invalid protocol %s of DeliveryStatusLogging", protocol)
		}
		for name, value := range without(members, "Protocol") {
			attributes[prefix+name], _ = textOf(value)
		}
	}
	return attributes, nil
}

func setTopicAttribute(ctx context.Context, c *clients, arn, name, value string) error {
	return c.topics.Call(ctx, "SetTopicAttributes", properties{"TopicArn": arn, "AttributeName": name, "AttributeValue": value}, nil)
}

// An inlineSubscription is one in a topic's own properties.
type inlineSubscription struct{ Endpoint, Protocol string }

func inlineSubscriptions(p properties) []inlineSubscription {
	items, _ := p["Subscription"].([]any)
	var all []inlineSubscription
	for _, item := range items {
		members, _ := item.(map[string]any)
		endpoint, _ := textOf(members["Endpoint"])
		protocol, _ := textOf(members["Protocol"])
		all = append(all, inlineSubscription{endpoint, protocol})
	}
	return all
}

// subscribe returns the subscription's ARN, also of one that is there.
func (s inlineSubscription) subscribe(ctx context.Context, c *clients, topicARN string) (arn string, err error) {
	var out struct{ SubscriptionArn string }
	err = c.topics.Call(ctx, "Subscribe", properties{
		"TopicArn": topicARN, "Protocol": s.Protocol, "Endpoint": s.Endpoint, "ReturnSubscriptionArn": true,
	}, &out)
	return out.SubscriptionArn, err
}

// resubscribe brings a topic's own subscriptions from what they were to what
// they should be.
func resubscribe(ctx context.Context, c *clients, r request) error {
	now, before := inlineSubscriptions(r.Properties), inlineSubscriptions(r.Before)
	for _, s := range now {
		if slices.Contains(before, s) {
			continue
		}
		if _, err := s.subscribe(ctx, c, r.ID); err != nil {
			return err
		}
	}
	for _, s := range before {
		if slices.Contains(now, s) {
			continue
		}
		arn, err := s.subscribe(ctx, c, r.ID) // lists do not tell the ARNs of those that wait
		if err != nil {
			return err
		}
		if err := c.topics.Call(ctx, "Unsubscribe", properties{"SubscriptionArn": arn}, nil); err != nil {
			return err
		}
	}
	return nil
}

// A topic policy is the Policy attribute of its topics.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sns-topicpolicy.html
var topicPolicy = kind{
	attributes: []string{"Id"},
	create: func(ctx context.Context, c *clients, r request) (made, error) {
		return made{ID: r.Name, Attributes: properties{"Id": r.Name}}, putTopicPolicy(ctx, c, r)
	},
	update: func(ctx context.Context, c *clients, r request) (made, error) {
		if err := putTopicPolicy(ctx, c, r); err != nil {
			return made{}, err
		}
		now := texts(r.Properties["Topics"])
		return made{ID: r.ID}, dropTopicPolicy(ctx, c, slices.DeleteFunc(texts(r.Before["Topics"]), func(arn string) bool {
			return slices.Contains(now, arn)
		}))
	},
	remove: func(ctx context.Context, c *clients, r request) error {
		return dropTopicPolicy(ctx, c, texts(r.Properties["Topics"]))
	},
}

func putTopicPolicy(ctx context.Context, c *clients, r request) error {
	if err := only(r.Properties, "PolicyDocument", "Topics"); err != nil {
		return err
	}
	policy, err := documentOf(r.Properties["PolicyDocument"])
	if err != nil {
		return err
	}
	for _, arn := range texts(r.Properties["Topics"]) {
		if err := setTopicAttribute(ctx, c, arn, "Policy", policy); err != nil {
			return err
		}
	}
	return nil
}

// dropTopicPolicy gives topics the policy back that they have without one.
func dropTopicPolicy(ctx context.Context, c *clients, topics []string) error {
	for _, arn := range topics {
		if err := unlessAbsent(setTopicAttribute(ctx, c, arn, "Policy", "")); err != nil {
			return err
		}
	}
	return nil
}
