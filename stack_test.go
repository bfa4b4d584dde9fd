package spate

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func properties(t *testing.T, s *Stack, id string) string {
	t.Helper()
	written, err := s.Template()
	if err != nil {
		t.Fatal(err)
	}
	got, err := written.Resource(id).Properties.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

func TestOverride(t *testing.T) {
	build := func() *Stack {
		s := NewStack("Test")
		s.Resource("Topic", "AWS::SNS::Topic", map[string]any{"TopicName": "a", "Subscription": []any{map[string]any{"Protocol": "sqs"}}})
		return s
	}
	tests := []struct {
		path  string
		value any
		want  string
	}{
		{"Properties.TopicName", "b", `{"Subscription":[{"Protocol":"sqs"}],"TopicName":"b"}`},
		{"Properties.TopicName", nil, `{"Subscription":[{"Protocol":"sqs"}]}`},
		{"Properties.Other", nil, `{"Subscription":[{"Protocol":"sqs"}],"TopicName":"a"}`},
		{"Properties.Deep.Down", []int{1}, `{"Subscription":[{"Protocol":"sqs"}],"TopicName":"a","Deep":{"Down":[1]}}`},
		{"Properties.Subscription.0.Endpoint", Region, `{"Subscription":[{"Protocol":"sqs","Endpoint":{"Ref":"AWS::Region"}}],"TopicName":"a"}`},
		{"Properties.Subscription.1.Protocol", "sms", `{"Subscription":[{"Protocol":"sqs"},{"Protocol":"sms"}],"TopicName":"a"}`},
		{"Properties.Subscription.0", nil, `{"Subscription":[],"TopicName":"a"}`},
		{"Properties", map[string]any{"TopicName": "c"}, `{"TopicName":"c"}`},
	}
	for _, test := range tests {
		s := build()
		s.Override("Topic", test.path, test.value)
		if got := properties(t, s, "Topic"); got != test.want {
			t.Errorf("%s = %v: got %s, want %s", test.path, test.value, got, test.want)
		}
		if got := properties(t, s, "Topic"); got != test.want {
			t.Errorf("%s = %v: got %s the second time, want %s", test.path, test.value, got, test.want)
		}
	}
	s := build()
	s.Override("Topic", "DeletionPolicy", "Retain")
	written, err := s.Template()
	if err != nil || written.Resource("Topic").DeletionPolicy != "Retain" {
		t.Errorf("got %v, want the deletion policy Retain", err)
	}
	for path, want := range map[string]string{
		"Properties.Subscription.x": `Override("Topic", "Properties.Subscription.x"): "x" is no place in a list of 1`,
		"Properties.TopicName.x":    `Override("Topic", "Properties.TopicName.x"): what "x" is looked for in is neither a map nor a list`,
		"Properties..x":             `Override("Topic", "Properties..x"): the path has an empty part`,
	} {
		s := build()
		s.Override("Topic", path, 1)
		want += "\nhint: write names and numbers with periods between: Properties.Tags.0.Value"
		if err := s.Validate(); err == nil || err.Error() != want {
			t.Errorf("%s: got error %v, want %s", path, err, want)
		}
	}
	s = build()
	s.Override("Topik", "Properties", 1)
	const want = "Override(\"Topik\", \"Properties\"): the stack has no such resource\nhint: did you mean \"Topic\"?"
	if err := s.Validate(); err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}

func TestTags(t *testing.T) {
	s := NewStack("Test")
	s.Resource("Topic", "AWS::SNS::Topic", map[string]any{"Tags": []any{map[string]any{"Key": "a", "Value": "own"}}})
	s.Resource("Strings", "AWS::SNS::Topic", map[string]any{"Tags": []map[string]string{{"Key": "a", "Value": "own"}}})
	s.Resource("Structs", "AWS::SNS::Topic", map[string]any{"Tags": []struct{ Key, Value string }{{"a", "own"}}})
	s.Resource("Rule", "AWS::Events::Rule", map[string]any{"ScheduleExpression": "rate(1 day)"})
	s.Resource("Parameter", "AWS::SSM::Parameter", map[string]any{"Type": "String", "Value": "x"})
	s.Resource("Tagged", "AWS::SSM::Parameter", map[string]any{"Tags": map[string]string{"a": "own"}})
	s.Resource("Policy", "AWS::SQS::QueuePolicy", map[string]any{"Queues": []any{}})
	s.Resource("Other", "AWS::Glue::Job", map[string]any{"Tags": map[string]any{"a": "own"}})
	s.Resource("Group", "AWS::AutoScaling::AutoScalingGroup", map[string]any{})
	s.Tag("a", "1")
	s.Tag("region", "nowhere")
	s.Tag("region", Region)
	const region = `{"Key":"region","Value":{"Ref":"AWS::Region"}}`
	for id, want := range map[string]string{
		"Topic":     `{"Tags":[{"Key":"a","Value":"own"},` + region + `]}`,
		"Strings":   `{"Tags":[{"Key":"a","Value":"own"},` + region + `]}`,
		"Structs":   `{"Tags":[{"Key":"a","Value":"own"},` + region + `]}`,
		"Rule":      `{"ScheduleExpression":"rate(1 day)","Tags":[{"Key":"a","Value":"1"},` + region + `]}`,
		"Parameter": `{"Tags":{"a":"1","region":{"Ref":"AWS::Region"}},"Type":"String","Value":"x"}`,
		"Tagged":    `{"Tags":{"a":"own","region":{"Ref":"AWS::Region"}}}`,
		"Policy":    `{"Queues":[]}`,
		"Other":     `{"Tags":{"a":"own","region":{"Ref":"AWS::Region"}}}`,
		"Group": `{"Tags":[{"Key":"a","PropagateAtLaunch":true,"Value":"1"},` +
			`{"Key":"region","PropagateAtLaunch":true,"Value":{"Ref":"AWS::Region"}}]}`,
	} {
		if got := properties(t, s, id); got != want {
			t.Errorf("%s: got %s, want %s", id, got, want)
		}
	}
}

// Tags of a resource's own that the stack's cannot be joined with are told by
// its name.
func TestTagsOfAnotherShape(t *testing.T) {
	const listed = "hint: \"Tags\": []any{map[string]any{\"Key\": …, \"Value\": …}}"
	for name, test := range map[string]struct {
		kind string
		tags any
		want string
	}{
		"map for a list":  {"AWS::SNS::Topic", map[string]any{"a": "b"}, "Odd.Tags: an AWS::SNS::Topic has a list of Key and Value\n" + listed},
		"list for a map":  {"AWS::SSM::Parameter", []any{}, "Odd.Tags: an AWS::SSM::Parameter has a map\nhint: \"Tags\": map[string]any{…: …}"},
		"text":            {"AWS::SNS::Topic", "a", "Odd.Tags: an AWS::SNS::Topic has a list of Key and Value\n" + listed},
		"items of others": {"AWS::SNS::Topic", []any{map[string]any{"key": "a", "value": "b"}}, "Odd.Tags: an AWS::SNS::Topic has a list of Key and Value\n" + listed},
		"function": {"AWS::SNS::Topic", map[string]any{"Fn::If": []any{"C", []any{}, []any{}}},
			"Odd.Tags: Fn::If may have any keys, so the stack's tags cannot be joined with it\nhint: leave Stack.Tag out, or write the tags out"},
		"function among items": {"AWS::SNS::Topic", []any{map[string]any{"Fn::If": []any{"C", "x", "y"}}},
			"Odd.Tags: Fn::If may have any keys, so the stack's tags cannot be joined with it\nhint: leave Stack.Tag out, or write the tags out"},
		"unknown type": {"AWS::Glue::Job", "x", "Odd.Tags: they are neither a map nor a list of Key and Value, so the stack's tags cannot be joined with them\nhint: leave Stack.Tag out, or write the tags out"},
	} {
		s := NewStack("Test")
		s.Tag("team", "x")
		s.Resource("Odd", test.kind, map[string]any{"Tags": test.tags})
		if err := s.Validate(); err == nil || err.Error() != test.want {
			t.Errorf("%s: got error %v\nwant %s", name, err, test.want)
		}
	}
}

// Whether another type bears tags is not known here.
func TestTagsOfOtherTypes(t *testing.T) {
	s := NewStack("Test")
	s.Resource("Job", "AWS::Glue::Job", map[string]any{})
	s.Resource("Policy", "AWS::SQS::QueuePolicy", map[string]any{})
	if got := s.Warnings(); got != nil {
		t.Errorf("got the warnings %q without a tag, want none", got)
	}
	s.Tag("team", "x")
	want := []string{"Job.Tags: the stack's tags are not on it: whether an AWS::Glue::Job bears tags is not known here; if it does, give it Tags, be they empty"}
	if diff := cmp.Diff(want, s.Warnings()); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

// fill adds so many resources, each of which takes some bytes.
func fill(s *Stack, count, bytes int) *Stack {
	for i := range count {
		s.Resource(fmt.Sprintf("Topic%d", i), "AWS::SNS::Topic", map[string]any{"DisplayName": strings.Repeat("x", bytes)})
	}
	return s
}

func TestQuotas(t *testing.T) {
	if err := fill(NewStack("Most"), 500, 0).Validate(); err != nil {
		t.Errorf("500 resources: got %v, want no error", err)
	}
	const many = "Many: a stack has at most 500 resources, not 501\nhint: make two stacks of it"
	if err := fill(NewStack("Many"), 501, 0).Validate(); err == nil || err.Error() != many {
		t.Errorf("got error %v, want %s", err, many)
	}
	err := fill(NewStack("Long"), 400, 3000).Validate()
	if err == nil || !strings.HasPrefix(err.Error(), "Long: a template has at most 1000000 bytes, not 12") {
		t.Errorf("got error %v, want one of the template's size", err)
	}
	s := fill(NewStack("Large"), 100, 1000)
	got := s.Warnings()
	if len(got) != 1 || !strings.Contains(got[0], "and a request holds 51200: deploy it by way of S3") {
		t.Errorf("got the warnings %q, want one of the template's size", got)
	}
	var written bytes.Buffer
	if err := s.Write(&written); err != nil || bytes.Contains(written.Bytes(), []byte("\n ")) {
		t.Errorf("got %v and an indented template, want it in as few bytes as may be", err)
	}
}

// What is wrong is told all at once, and as values.
func TestProblemsAreTold(t *testing.T) {
	s := NewStack("9 lives")
	s.Queue("Queue", QueueProps{QueueName: "a b"})
	s.Queue("Queue", QueueProps{})
	s.Output("my-output", "x")
	s.Output("Twice", "x")
	s.Output("Twice", "y")
	var told []string
	for _, err := range s.Validate().(interface{ Unwrap() []error }).Unwrap() {
		p, ok := errors.AsType[Problem](err)
		if !ok {
			t.Errorf("got %v, want a Problem", err)
		}
		told = append(told, p.Where+": "+p.Fact)
	}
	want := []string{
		`NewStack.name: "9 lives" cannot be a name here`,
		`Queue.QueueName: "a b" cannot be a name here`,
		"Queue: the stack has another resource of this id, an AWS::SQS::Queue",
		"QueueDeadLetterQueue: the stack has another resource of this id, an AWS::SQS::Queue",
		"QueueDeadLetterQueuePolicy: the stack has another resource of this id, an AWS::SQS::QueuePolicy",
		"QueuePolicy: the stack has another resource of this id, an AWS::SQS::QueuePolicy",
		"Twice.Output: the stack has another output of this name",
		`my-output.Output: "my-output" cannot be a name here`,
	}
	slices.Sort(told)
	slices.Sort(want)
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if err := s.Write(&bytes.Buffer{}); err == nil {
		t.Error("got no error from Write, want the problems")
	}
}
