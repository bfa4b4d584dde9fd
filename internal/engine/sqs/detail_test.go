package sqs_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// What clients have seen AWS answer to requests that lack something, or have too
// much of it.
func TestRefusalsInAWSsWords(t *testing.T) {
	e := open(t)
	e.create(t, "q")
	const noName = "Value for parameter QueueName is invalid. Reason: Must specify a queue name."
	const noPage = "Value for parameter MaxResults is invalid. Reason: MaxResults must be an integer between 1 and 1000."
	e.wantRefused(t, []refused{
		{operation: "CreateQueue", form: "x=1", shape: invalid, code: "InvalidParameterValue", message: noName},
		{operation: "CreateQueue", json: `"QueueName": ""`, form: "QueueName=", shape: invalid, code: "InvalidParameterValue",
			message: "Queue name cannot be empty"},
		{operation: "GetQueueUrl", form: "x=1", shape: invalid, code: "InvalidParameterValue", message: noName},
		{operation: "GetQueueUrl", json: `"QueueName": ""`, form: "QueueName=", shape: invalid, code: "InvalidParameterValue", message: noName},
		{operation: "ListQueues", json: `"MaxResults": 0`, form: "MaxResults=0", shape: invalid, code: "InvalidParameterValue", message: noPage},
		{operation: "ListDeadLetterSourceQueues", json: `"QueueUrl": "q", "MaxResults": 1001`, form: "QueueUrl=q&MaxResults=1001",
			shape: invalid, code: "InvalidParameterValue", message: noPage},
		{operation: "SendMessageBatch", json: `"QueueUrl": "q", "Entries": [{"Id": "a", "MessageBody": "x"}, {"MessageBody": "x"}]`,
			form: "QueueUrl=q&SendMessageBatchRequestEntry.1.Id=a&SendMessageBatchRequestEntry.1.MessageBody=x" +
				"&SendMessageBatchRequestEntry.2.MessageBody=x",
			shape: missing, code: "MissingParameter", message: "The request must contain the parameter SendMessageBatchRequestEntry.2.Id."},
		{operation: "DeleteMessageBatch", json: `"QueueUrl": "q", "Entries": [{}]`, shape: missing, code: "MissingParameter",
			message: "The request must contain the parameter DeleteMessageBatchRequestEntry.1.Id."},
		{operation: "SendMessage", json: `"QueueUrl": "q", "MessageBody": "x", "DelaySeconds": "1"`,
			shape: "SerializationException", code: "MalformedInput", message: "STRING_VALUE can not be converted to an Integer"},
	})
	got := e.raw(t, "SendMessageBatch", `{"QueueUrl": "q", "Entries": [{"Id": "a", "MessageBody": "x"}, {"Id": "b"}]}`)
	if want := `"Message":"The request must contain the parameter SendMessageBatchRequestEntry.2.MessageBody."`; !strings.Contains(got.body, want) {
		t.Errorf("an entry without a body: got %s, want it to have %s", got.body, want)
	}
}

func TestRefusalsOfMessageAttributes(t *testing.T) {
	e := open(t)
	e.create(t, "q")
	for attribute, want := range map[string]string{
		`"": {"DataType": "String", "StringValue": "x"}`:     "The request must contain non-empty message (user) attribute names.",
		`"a..b": {"DataType": "String", "StringValue": "x"}`: "Message (user) attribute name must not have successive '.' characters.",
		`"a": {"StringValue": "x"}`:                          "The message (user) attribute 'a' must contain a non-empty message attribute type.",
		`"a": {"DataType": "Binary", "StringValue": "x"}`:    "Message (user) attribute 'a' with type 'Binary' must use field 'Binary'.",
		`"a": {"DataType": "Number", "BinaryValue": "eA=="}`: "Message (user) attribute 'a' with type 'Number' must use field 'String'.",
		`"a": {"DataType": "String"}`:                        "Message (user) attribute 'a' must contain a non-empty value of type 'String'.",
	} {
		e.wantRefused(t, []refused{{
			operation: "SendMessage", json: `"QueueUrl": "q", "MessageBody": "x", "MessageAttributes": {` + attribute + `}`,
			shape: invalid, code: "InvalidParameterValue", message: want,
		}})
	}
	e.wantRefused(t, []refused{{
		operation: "SendMessage", json: `"QueueUrl": "q", "MessageBody": "x", "MessageSystemAttributes": {"Foo": {"DataType": "String", "StringValue": "x"}}`,
		shape: invalid, code: "InvalidParameterValue", message: "Message system attribute name 'Foo' is invalid.",
	}})
}

// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
func TestRedrivePolicyRefusals(t *testing.T) {
	e := open(t)
	e.create(t, "q")
	e.create(t, "dead")
	const arn = "arn:aws:sqs:us-east-1:000000000000:dead"
	policy := func(target string, count any) string {
		return fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":%v}`, target, count)
	}
	for text, reason := range map[string]string{
		`{}`:                                    "Redrive policy does not contain mandatory attribute: maxReceiveCount.",
		`{"maxReceiveCount":1}`:                 "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.",
		`{"deadLetterTargetArn":"` + arn + `"}`: "Redrive policy does not contain mandatory attribute: maxReceiveCount.",
		strings.Replace(policy(arn, 1), "{", `{"x":1,`, 1): "Only following attributes are supported: [deadLetterTargetArn, maxReceiveCount].",
		policy(arn, 0):    "Invalid value for maxReceiveCount: 0, valid values are from 1 to 1000 both inclusive.",
		policy(arn, 1001): "Invalid value for maxReceiveCount: 1001, valid values are from 1 to 1000 both inclusive.",
		policy(arn, 1.5):  "Invalid value for maxReceiveCount: 1.5, valid values are from 1 to 1000 both inclusive.",
		policy("dead", 1): "Invalid value for deadLetterTargetArn.",
		policy("arn:aws:sns:us-east-1:000000000000:dead", 1): "Only SQS queues are valid resources for deadLetterTargetArn.",
		policy("arn:aws:sqs:us-west-2:000000000000:dead", 1): "Dead-letter target must be in same region as the source.",
		policy("arn:aws:sqs:us-east-1:111122223333:dead", 1): "Dead-letter target owner should be same as the source.",
		policy(arn+"x", 1): "Dead letter target does not exist.",
	} {
		e.wantRefused(t, []refused{{
			operation: "SetQueueAttributes", json: fmt.Sprintf(`"QueueUrl": "q", "Attributes": {"RedrivePolicy": %q}`, text),
			form:  "QueueUrl=q&Attribute.1.Name=RedrivePolicy&Attribute.1.Value=" + url.QueryEscape(text),
			shape: invalid, code: "InvalidParameterValue",
			message: "Value " + text + " for parameter RedrivePolicy is invalid. Reason: " + reason,
		}})
	}
	for _, text := range []string{"[]", "null", "1", "text"} {
		e.wantRefused(t, []refused{{
			operation: "SetQueueAttributes", json: fmt.Sprintf(`"QueueUrl": "q", "Attributes": {"RedrivePolicy": %q}`, text),
			shape: invalid, code: "InvalidParameterValue",
			message: "Invalid value for the parameter RedrivePolicy. Reason: Redrive policy is not a valid JSON map.",
		}})
	}
}

// What there is nothing of is left out, or is an empty list where the service's
// model requires one.
func TestWhatIsNotThereIsLeftOut(t *testing.T) {
	e := open(t)
	e.create(t, "q")
	for _, tt := range [][3]string{
		{"ListQueues", `{"QueueNamePrefix": "none"}`, `{}`},
		{"ListDeadLetterSourceQueues", `{"QueueUrl": "q"}`, `{"queueUrls":[]}`},
		{"GetQueueAttributes", `{"QueueUrl": "q", "AttributeNames": ["Policy", "RedrivePolicy"]}`, `{}`},
		{"ListQueueTags", `{"QueueUrl": "q"}`, `{}`},
		{"ReceiveMessage", `{"QueueUrl": "q"}`, `{}`},
	} {
		if got := e.raw(t, tt[0], tt[1]); got.status != http.StatusOK || got.body != tt[2] {
			t.Errorf("%s %s: got %d %s, want %s", tt[0], tt[1], got.status, got.body, tt[2])
		}
	}
	e.raw(t, "SendMessage", `{"QueueUrl": "q", "MessageBody": "x"}`)
	got := e.raw(t, "ReceiveMessage", `{"QueueUrl": "q", "AttributeNames": ["SequenceNumber"]}`)
	if !strings.Contains(got.body, `"Body":"x"`) || strings.Contains(got.body, `Attributes`) {
		t.Errorf("a message without the attribute: got %s, want no attributes", got.body)
	}
}

// A queue's URL is an endpoint of what is done with the queue, and says whose
// actions they are where no version does.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-xml.html
func TestActionsOfAnEndpoint(t *testing.T) {
	e := open(t)
	e.create(t, "q")
	for _, tt := range []struct {
		path   string
		status int
		part   string
	}{
		{"/000000000000/q?Action=CreateQueue&QueueName=x", 400, "<Code>InvalidAction</Code><Message>The action CreateQueue is not valid for this endpoint.</Message><Detail></Detail>"},
		{"/000000000000/q?Action=ListQueues", 400, "<Code>InvalidAction</Code><Message>The action ListQueues is not valid for this endpoint.</Message>"},
		{"/000000000000/q?Action=FooBar", 400, "<Code>InvalidAction</Code><Message>The action FooBar is not valid for this endpoint.</Message>"},
		{"/?Action=FooBar&Version=2012-11-05", 400, "<Message>The action FooBar is not valid for this endpoint.</Message>"},
		{"/000000000000/q?Action=SendMessage", 400, "<Code>MissingParameter</Code><Message>The request must contain the parameter MessageBody.</Message>"},
		{"/000000000000/q?Action=SendMessage&MessageBody=x", 200, "<SendMessageResult>"},
		{"/000000000000/q?Action=ReceiveMessage&AttributeName=All", 200, "<Attribute><Name>ApproximateReceiveCount</Name><Value>1</Value></Attribute>"},
		{"/000000000000/q?Action=GetQueueUrl&QueueName=q", 200, "<QueueUrl>http://engine.local/000000000000/q</QueueUrl>"},
		{"/?Action=ListQueues&Version=2012-11-05", 200, "<QueueUrl>http://engine.local/000000000000/q</QueueUrl>"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://engine.local"+tt.path, nil)
		w := httptest.NewRecorder()
		e.handler.ServeHTTP(w, r)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.part) {
			t.Errorf("%s: got %d %s, want %d and %s", tt.path, w.Code, w.Body, tt.status, tt.part)
		}
	}
}
