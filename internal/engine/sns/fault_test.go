package sns_test

import (
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
)

// TestFaults holds codes and messages against those that SNS was seen to
// answer.
func TestFaults(t *testing.T) {
	b := start(t)
	topic := b.topic("news")
	sub := b.queue("q", topic, map[string]string{"RawMessageDelivery": "true"})
	queue := account.ARN("sqs", "q")
	ctx := t.Context()
	create := func(name string, attributes map[string]string, tags ...types.Tag) error {
		_, err := b.CreateTopic(ctx, &sdk.CreateTopicInput{Name: &name, Attributes: attributes, Tags: tags})
		return err
	}
	subscribe := func(protocol, endpoint string, attributes map[string]string) error {
		_, err := b.Subscribe(ctx, &sdk.SubscribeInput{TopicArn: &topic, Protocol: &protocol, Endpoint: &endpoint, Attributes: attributes})
		return err
	}
	set := func(name, value string) error {
		_, err := b.SetSubscriptionAttributes(ctx, &sdk.SetSubscriptionAttributesInput{SubscriptionArn: &sub, AttributeName: &name, AttributeValue: &value})
		return err
	}
	publish := func(in sdk.PublishInput) error {
		if in.TopicArn == nil && in.TargetArn == nil && in.PhoneNumber == nil {
			in.TopicArn = &topic
		}
		_, err := b.Publish(ctx, &in)
		return err
	}
	attribute := func(name, kind, value string, blob []byte) error {
		a := types.MessageAttributeValue{DataType: &kind, BinaryValue: blob}
		if value != "" {
			a.StringValue = &value
		}
		return publish(sdk.PublishInput{Message: new("m"), MessageAttributes: map[string]types.MessageAttributeValue{name: a}})
	}
	confirm := func(arn, token string) error {
		_, err := b.ConfirmSubscription(ctx, &sdk.ConfirmSubscriptionInput{TopicArn: &arn, Token: &token})
		return err
	}
	unsubscribe := func(arn string) error {
		_, err := b.Unsubscribe(ctx, &sdk.UnsubscribeInput{SubscriptionArn: &arn})
		return err
	}
	permit := func(label, action string) error {
		_, err := b.AddPermission(ctx, &sdk.AddPermissionInput{TopicArn: &topic, Label: &label, AWSAccountId: []string{"111111111111"}, ActionName: []string{action}})
		return err
	}
	const invalid = "InvalidParameter: Invalid parameter: "
	for _, c := range []struct {
		what string
		err  error
		want string
	}{
		{"name", create("", nil), invalid + "Topic Name"},
		{"long name", create(strings.Repeat("a", 257), nil), invalid + "Topic Name"},
		{"name with a colon", create("a:b", nil), invalid + "Topic Name"},
		{"FIFO by name alone", create("a.fifo", nil), invalid + "Topic Name"},
		{"FIFO without its name", create("a", map[string]string{"FifoTopic": "true"}), invalid + "Topic Name"},
		{"other attributes", create("news", map[string]string{"DisplayName": "x"}), invalid + "Attributes Reason: Topic already exists with different attributes"},
		{"other tags", create("news", nil, types.Tag{Key: new("k"), Value: new("v")}), invalid + "Tags Reason: Topic already exists with different tags"},
		{"the same again", create("news", map[string]string{"FifoTopic": "false"}), "no fault"},
		{"tags twice", create("t", nil, types.Tag{Key: new("k"), Value: new("v")}, types.Tag{Key: new("k"), Value: new("w")}), invalid + "Duplicated keys are not allowed."},

		{"protocol", subscribe("pigeon", "x", nil), invalid + "Amazon SNS does not support this protocol string: pigeon"},
		{"queue's URL", subscribe("sqs", "http://127.0.0.1/q", nil), invalid + "SQS endpoint ARN"},
		{"FIFO queue", subscribe("sqs", queue+".fifo", nil), invalid + "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics"},
		{"phone", subscribe("sms", "NAA+15551234567", nil), "InvalidParameter: Invalid SMS endpoint: NAA+15551234567"},
		{"raw", subscribe("sqs", queue, map[string]string{"RawMessageDelivery": "x"}), invalid + "Attributes Reason: RawMessageDelivery: Invalid value [x]. Must be true or false."},
		{"subscribed otherwise", subscribe("sqs", queue, map[string]string{"RawMessageDelivery": "false"}), invalid + "Attributes Reason: Subscription already exists with different attributes"},
		{"subscribed again", subscribe("sqs", queue, map[string]string{"FilterPolicyScope": "MessageAttributes", "RawMessageDelivery": "True"}), "no fault"},

		{"no attribute", set("FakeAttribute", "x"), invalid + "AttributeName"},
		{"raw, set", set("RawMessageDelivery", ""), invalid + "RawMessageDelivery: Invalid value []. Must be true or false."},
		{"scope", set("FilterPolicyScope", "x"), invalid + "FilterPolicyScope: Invalid value [x]. Please use either MessageBody or MessageAttributes"},
		{"dead letters", set("RedrivePolicy", `{"deadLetterTargetArn":"x"}`), invalid + "RedrivePolicy: deadLetterTargetArn is an invalid arn"},

		{"empty", publish(sdk.PublishInput{Message: new("")}), invalid + "Empty message"},
		{"long", publish(sdk.PublishInput{Message: new(strings.Repeat("x", 262_145))}), invalid + "Message too long"},
		{"subject", publish(sdk.PublishInput{Message: new("m"), Subject: new("")}), invalid + "Subject"},
		{"short ARN", publish(sdk.PublishInput{Message: new("m"), TopicArn: new("a:b")}), invalid + "TopicArn Reason: An ARN must have at least 6 elements, not 2"},
		{"no topic", publish(sdk.PublishInput{Message: new("m"), TopicArn: new(topic + "x")}), "NotFound: Topic does not exist"},
		{"another region", publish(sdk.PublishInput{Message: new("m"), TopicArn: new("arn:aws:sns:eu-west-1:000000000000:news")}), invalid + "TopicArn"},
		{"endpoint", publish(sdk.PublishInput{Message: new("m"), TargetArn: new("arn:aws:sns:us-east-1:000000000000:endpoint/APNS/a/b")}), invalid + "TargetArn Reason: No endpoint found for the target arn specified"},
		{"phone number", publish(sdk.PublishInput{Message: new("m"), PhoneNumber: new("+1a234")}), invalid + "PhoneNumber Reason: +1a234 is not valid to publish to"},
		{"no default", publish(sdk.PublishInput{Message: new(`{"sqs":"m"}`), MessageStructure: new("json")}), invalid + "Message Structure - No default entry in JSON message body"},
		{"no JSON", publish(sdk.PublishInput{Message: new(`{m`), MessageStructure: new("json")}), invalid + "Message Structure - JSON message body failed to parse"},
		{"deduplication", publish(sdk.PublishInput{Message: new("m"), MessageDeduplicationId: new("d")}), invalid + "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type"},

		{"no value", attribute("a", "String", "", nil), "ParameterValueInvalid: The message attribute 'a' must contain non-empty message attribute value for message attribute type 'String'."},
		{"bytes for text", attribute("a", "Number", "", []byte("1")), "ParameterValueInvalid: The message attribute 'a' with type 'Number' must use field 'String'."},
		{"type", attribute("a", "Stringx", "v", nil), "ParameterValueInvalid: The message attribute 'a' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String."},
		{"character", attribute("a^b", "String", "v", nil), "ParameterValueInvalid: Invalid non-alphanumeric character '#x5E' was found in the message attribute name. Can only include alphanumeric characters, hyphens, underscores, or dots."},
		{"dots", attribute("a..b", "String", "v", nil), "ParameterValueInvalid: Message attribute name can not have successive '.' character."},

		{"token", confirm(topic, "x"), "InvalidParameter: Invalid token"},
		{"unknown token", confirm(topic, strings.Repeat("a", 256)), invalid + "Token"},
		{"topic of a token", confirm("x", "y"), invalid + "Topic"},
		{"short subscription", unsubscribe("x"), invalid + "SubscriptionArn Reason: An ARN must have at least 6 elements, not 1"},
		{"topic as subscription", unsubscribe(topic), invalid + "SubscriptionId"},
		{"no subscription", unsubscribe(topic + ":00000000-0000-4000-8000-000000000000"), "no fault"},
		{"action", permit("l", "Fly"), invalid + "Policy statement action out of service scope!"},
		{"permission", permit("l", "Publish"), "no fault"},
		{"permission again", permit("l", "Publish"), invalid + "Statement already exists"},
	} {
		if got := fault(c.err); got != c.want {
			t.Errorf("%s: got %q, want %q", c.what, got, c.want)
		}
	}
}
