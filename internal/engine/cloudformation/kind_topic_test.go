package cloudformation_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/google/go-cmp/cmp"
)

// A topics looks at SNS as clients do.
type topics struct {
	*engine
	*sns.Client
}

func (e *engine) topics() topics { return topics{e, sns.NewFromConfig(e.config)} }

// attributes are some of a topic's attributes.
func (s topics) attributes(arn string, names ...string) map[string]string {
	s.t.Helper()
	out, err := s.GetTopicAttributes(s.t.Context(), &sns.GetTopicAttributesInput{TopicArn: &arn})
	s.must(err)
	some := map[string]string{}
	for _, name := range names {
		some[name] = out.Attributes[name]
	}
	return some
}

// endpoints are a topic's subscriptions.
func (s topics) endpoints(arn string) []string {
	s.t.Helper()
	out, err := s.ListSubscriptionsByTopic(s.t.Context(), &sns.ListSubscriptionsByTopicInput{TopicArn: &arn})
	s.must(err)
	var all []string
	for _, sub := range out.Subscriptions {
		all = append(all, *sub.Protocol+" "+*sub.Endpoint)
	}
	slices.Sort(all)
	return all
}

func TestTopicLifecycle(t *testing.T) {
	e := start(t)
	at := e.topics()
	with := func(properties string) string {
		return `{"Resources":{"T":{"Type":"AWS::SNS::Topic","Properties":` + properties + `}},
			"Outputs":{"ID":{"Value":{"Ref":"T"}},"Arn":{"Value":{"Fn::GetAtt":["T","TopicArn"]}},"Name":{"Value":{"Fn::GetAtt":["T","TopicName"]}}}}`
	}
	s := e.create("s", with(`{"TopicName":"news","DisplayName":"News","TracingConfig":"Active","Tags":[{"Key":"a","Value":"1"}],
		"DeliveryStatusLogging":[{"Protocol":"http/s","SuccessFeedbackSampleRate":"10"}],
		"Subscription":[{"Protocol":"email","Endpoint":"a@example.com"},{"Protocol":"sqs","Endpoint":"arn:aws:sqs:us-east-1:000000000000:q"}]}`))
	rests(t, s, types.StackStatusCreateComplete)
	const arn = "arn:aws:sns:us-east-1:000000000000:news"
	if diff := cmp.Diff(map[string]string{"ID": arn, "Arn": arn, "Name": "news"}, outputs(s)); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
	names := []string{"DisplayName", "TracingConfig", "HTTPSuccessFeedbackSampleRate"}
	if diff := cmp.Diff(map[string]string{"DisplayName": "News", "TracingConfig": "Active", "HTTPSuccessFeedbackSampleRate": "10"}, at.attributes(arn, names...)); diff != "" {
		t.Errorf("made (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"email a@example.com", "sqs arn:aws:sqs:us-east-1:000000000000:q"}, at.endpoints(arn)); diff != "" {
		t.Errorf("subscriptions (-want +got):\n%s", diff)
	}
	rests(t, e.update("s", with(`{"TopicName":"news","Tags":[{"Key":"b","Value":"2"}],"Subscription":[{"Protocol":"email","Endpoint":"b@example.com"}]}`)), types.StackStatusUpdateComplete)
	if diff := cmp.Diff(map[string]string{"DisplayName": "", "TracingConfig": "PassThrough", "HTTPSuccessFeedbackSampleRate": ""}, at.attributes(arn, names...)); diff != "" {
		t.Errorf("updated (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"email b@example.com"}, at.endpoints(arn)); diff != "" {
		t.Errorf("subscriptions after an update (-want +got):\n%s", diff)
	}
	tags, err := at.ListTagsForResource(t.Context(), &sns.ListTagsForResourceInput{ResourceArn: new(arn)})
	e.must(err)
	if len(tags.Tags) != 1 || *tags.Tags[0].Key != "b" {
		t.Errorf("got tags %v, want b", tags.Tags)
	}
	rests(t, e.create("other", with(`{"TopicName":"news"}`)), types.StackStatusRollbackComplete) // somebody else's
	rests(t, e.delete("other"), types.StackStatusDeleteComplete)
	if diff := cmp.Diff([]string{"email b@example.com"}, at.endpoints(arn)); diff != "" {
		t.Errorf("after another stack (-want +got):\n%s", diff)
	}
	rests(t, e.delete("s"), types.StackStatusDeleteComplete)
	left, err := at.ListTopics(t.Context(), &sns.ListTopicsInput{})
	e.must(err)
	if len(left.Topics) != 0 {
		t.Errorf("got topics %v after all, want none", left.Topics)
	}
	s = e.create("fifo", with(`{"FifoTopic":true,"ContentBasedDeduplication":true}`))
	rests(t, s, types.StackStatusCreateComplete)
	if name := outputs(s)["Name"]; !strings.HasPrefix(name, "fifo-T-") || !strings.HasSuffix(name, ".fifo") {
		t.Errorf("got the name %q, want fifo-T-….fifo", name)
	}
}

func TestSubscriptionAndTopicPolicyLifecycle(t *testing.T) {
	e := start(t)
	at := e.topics()
	with := func(subscription, statement string) string {
		template := `{"Resources":{"T":{"Type":"AWS::SNS::Topic"},"Q":{"Type":"AWS::SQS::Queue"},
			"S":{"Type":"AWS::SNS::Subscription","Properties":{"TopicArn":{"Ref":"T"},"Protocol":"sqs","Endpoint":{"Fn::GetAtt":["Q","Arn"]}` + subscription + `}}`
		if statement != "" {
			template += `,"P":{"Type":"AWS::SNS::TopicPolicy","Properties":{"Topics":[{"Ref":"T"}],"PolicyDocument":{"Statement":[{"Sid":"` + statement + `"}]}}}`
		}
		return template + `},"Outputs":{"T":{"Value":{"Ref":"T"}},"S":{"Value":{"Ref":"S"}}}}`
	}
	s := e.create("s", with(`,"FilterPolicy":{"k":["a"]},"RawMessageDelivery":true`, "one"))
	rests(t, s, types.StackStatusCreateComplete)
	arn, sub := outputs(s)["T"], outputs(s)["S"]
	if !strings.HasPrefix(sub, arn+":") {
		t.Errorf("got the subscription %q, want one of %s", sub, arn)
	}
	state := func() []string {
		out, err := at.GetSubscriptionAttributes(t.Context(), &sns.GetSubscriptionAttributesInput{SubscriptionArn: &sub})
		e.must(err)
		a := out.Attributes
		return []string{a["RawMessageDelivery"], a["FilterPolicyScope"], a["FilterPolicy"]}
	}
	policy := func(want string) {
		t.Helper()
		if got := at.attributes(arn, "Policy")["Policy"]; !strings.Contains(got, `"Sid":"`+want+`"`) {
			t.Errorf("got the policy %s, want %s", got, want)
		}
	}
	if diff := cmp.Diff([]string{"true", "MessageAttributes", `{"k":["a"]}`}, state()); diff != "" {
		t.Errorf("made (-want +got):\n%s", diff)
	}
	policy("one")
	rests(t, e.update("s", with(`,"FilterPolicyScope":"MessageBody","FilterPolicy":{"k":{"l":["a"]}}`, "two")), types.StackStatusUpdateComplete)
	if diff := cmp.Diff([]string{"false", "MessageBody", `{"k":{"l":["a"]}}`}, state()); diff != "" {
		t.Errorf("updated (-want +got):\n%s", diff)
	}
	policy("two")
	rests(t, e.update("s", with("", "")), types.StackStatusUpdateComplete)
	if diff := cmp.Diff([]string{"false", "MessageAttributes", ""}, state()); diff != "" {
		t.Errorf("without a filter (-want +got):\n%s", diff)
	}
	policy("__default_statement_ID")
	if got := e.physical("s", "S"); got != sub {
		t.Errorf("got the subscription %s, want %s still", got, sub)
	}
	rests(t, e.update("s", with(`,"FilterPolicy":{"k":"a"}`, "")), types.StackStatusUpdateRollbackComplete)
	rests(t, e.delete("s"), types.StackStatusDeleteComplete)
	left, err := at.ListSubscriptions(t.Context(), &sns.ListSubscriptionsInput{})
	e.must(err)
	if len(left.Subscriptions) != 0 {
		t.Errorf("got subscriptions %v after all, want none", left.Subscriptions)
	}
}
