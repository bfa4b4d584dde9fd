package sqs_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
)

// code returns what the SDK makes of a fault. In the JSON protocol that is the
// query error code, which AWS keeps for old clients.
func code(err error) string {
	if fault, ok := errors.AsType[smithy.APIError](err); ok {
		return fault.ErrorCode()
	}
	return fmt.Sprint(err)
}

func message(err error) string {
	if fault, ok := errors.AsType[smithy.APIError](err); ok {
		return fault.ErrorMessage()
	}
	return fmt.Sprint(err)
}

func TestCreateQueueRefusals(t *testing.T) {
	e := open(t)
	e.create(t, "there", "DelaySeconds", "1")
	arn := account.ARN("sqs", "there")
	for _, tt := range []struct {
		name, attribute, value string
		code, message          string
	}{
		{"bad name", "", "", "InvalidParameterValue", "Can only include alphanumeric characters"},
		{strings.Repeat("x", 81), "", "", "InvalidParameterValue", "1 to 80 in length"},
		{"x.fifo", "", "", "InvalidParameterValue", "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"},
		{"x", "FifoQueue", "true", "InvalidParameterValue", "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length."},
		{strings.Repeat("x", 76) + ".fifo", "FifoQueue", "true", "InvalidParameterValue", "must end with .fifo suffix and be 1 to 80 in length."},
		{"x", "FifoQueue", "false", "InvalidAttributeName", "Unknown Attribute FifoQueue."},
		{"x", "ContentBasedDeduplication", "true", "InvalidAttributeName", "Unknown Attribute ContentBasedDeduplication."},
		{"x", "DeduplicationScope", "queue", "InvalidAttributeName", "You can specify the DeduplicationScope only when FifoQueue is set to true."},
		{"x", "FifoThroughputLimit", "perQueue", "InvalidAttributeName", "You can specify the FifoThroughputLimit only when FifoQueue is set to true."},
		{"x", "Wrong", "1", "InvalidAttributeName", "Unknown Attribute Wrong."},
		{"x", "QueueArn", "1", "InvalidAttributeName", "Unknown Attribute QueueArn."},
		{"x", "VisibilityTimeout", "43201", "InvalidAttributeValue", "Invalid value for the parameter VisibilityTimeout."},
		{"x", "VisibilityTimeout", "soon", "InvalidAttributeValue", "Invalid value for the parameter VisibilityTimeout."},
		{"x", "MessageRetentionPeriod", "59", "InvalidAttributeValue", "Invalid value for the parameter MessageRetentionPeriod."},
		{"x", "MaximumMessageSize", "1048577", "InvalidAttributeValue", "Invalid value for the parameter MaximumMessageSize."},
		{"x", "SqsManagedSseEnabled", "perhaps", "InvalidAttributeValue", "Invalid value for the parameter SqsManagedSseEnabled."},
		{"x", "Policy", "none", "InvalidAttributeValue", "Invalid value for the parameter Policy."},
		{"x", "RedrivePolicy", "none", "InvalidParameterValue", "Reason: Redrive policy is not a valid JSON map."},
		{"x", "RedrivePolicy", `{"maxReceiveCount": 3}`, "InvalidParameterValue", "mandatory attribute: deadLetterTargetArn."},
		{"x", "RedrivePolicy", `{"deadLetterTargetArn": "` + arn + `"}`, "InvalidParameterValue", "mandatory attribute: maxReceiveCount."},
		{"x", "RedrivePolicy", `{"deadLetterTargetArn": "dummy", "maxReceiveCount": 42}`, "InvalidParameterValue",
			`Value {"deadLetterTargetArn": "dummy", "maxReceiveCount": 42} for parameter RedrivePolicy is invalid. ` +
				`Reason: Invalid value for deadLetterTargetArn.`},
		{"x", "RedrivePolicy", `{"deadLetterTargetArn": "` + arn + `x", "maxReceiveCount": 3}`, "InvalidParameterValue",
			"Dead letter target does not exist."},
		{"x", "RedrivePolicy", `{"deadLetterTargetArn": "` + arn + `", "maxReceiveCount": "1001"}`, "InvalidParameterValue",
			"valid values are from 1 to 1000 both inclusive."},
		{"there", "DelaySeconds", "2", "QueueAlreadyExists",
			"A queue already exists with the same name and a different value for attribute DelaySeconds"},
	} {
		in := &sdk.CreateQueueInput{QueueName: aws.String(tt.name), Attributes: map[string]string{}}
		if tt.attribute != "" {
			in.Attributes[tt.attribute] = tt.value
		}
		_, err := e.CreateQueue(t.Context(), in)
		if code(err) != tt.code || !strings.Contains(message(err), tt.message) {
			t.Errorf("creating %q with %s %q: got %v, want %s: …%s…", tt.name, tt.attribute, tt.value, err, tt.code, tt.message)
		}
	}
	if got, want := e.create(t, "there", "DelaySeconds", "01", "VisibilityTimeout", "30"), e.create(t, "there"); got != want {
		t.Errorf("creating a queue again: got %q, want %q", got, want)
	}
}

func TestSendMessageRefusals(t *testing.T) {
	e := open(t)
	url := e.create(t, "q", "MaximumMessageSize", "1024")
	text := func(dataType, value string) types.MessageAttributeValue {
		return types.MessageAttributeValue{DataType: &dataType, StringValue: &value}
	}
	many := map[string]types.MessageAttributeValue{}
	for i := range 11 {
		many[fmt.Sprint(i)] = text("String", "x")
	}
	with := func(name string, value types.MessageAttributeValue) *sdk.SendMessageInput {
		return &sdk.SendMessageInput{MessageBody: aws.String("x"),
			MessageAttributes: map[string]types.MessageAttributeValue{name: value}}
	}
	for name, tt := range map[string]struct {
		in            *sdk.SendMessageInput
		code, message string
	}{
		"no body":            {&sdk.SendMessageInput{MessageBody: aws.String("")}, "MissingParameter", "The request must contain the parameter MessageBody."},
		"control character":  {&sdk.SendMessageInput{MessageBody: aws.String("a\x01b")}, "InvalidMessageContents", "Invalid binary character '#x1' was found in the message body, the set of allowed characters is #x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF]."},
		"no character":       {&sdk.SendMessageInput{MessageBody: aws.String("\uffff")}, "InvalidMessageContents", "Invalid binary character '#xFFFF' was found in the message body"},
		"delay":              {&sdk.SendMessageInput{MessageBody: aws.String("x"), DelaySeconds: 901}, "InvalidParameterValue", "Value 901 for parameter DelaySeconds is invalid."},
		"negative delay":     {&sdk.SendMessageInput{MessageBody: aws.String("x"), DelaySeconds: -1}, "InvalidParameterValue", "Value -1 for parameter DelaySeconds is invalid."},
		"deduplication":      {&sdk.SendMessageInput{MessageBody: aws.String("x"), MessageDeduplicationId: aws.String("x")}, "InvalidParameterValue", "not valid for this queue type."},
		"group":              {&sdk.SendMessageInput{MessageBody: aws.String("x"), MessageGroupId: aws.String("group 123")}, "InvalidParameterValue", "Value group 123 for parameter MessageGroupId is invalid."},
		"attribute's value":  {with("ErrorDetails", text("String", "")), "InvalidParameterValue", "Message (user) attribute 'ErrorDetails' must contain a non-empty value of type 'String'."},
		"attribute's type":   {with("a", text("Text", "x")), "InvalidParameterValue", "type"},
		"attribute's name":   {with("a b", text("String", "x")), "InvalidParameterValue", "name can only contain"},
		"reserved attribute": {with("AWS.x", text("String", "x")), "InvalidParameterValue", "reserved for internal use"},
		"attributes":         {&sdk.SendMessageInput{MessageBody: aws.String("x"), MessageAttributes: many}, "InvalidParameterValue", "exceeds the allowed maximum [10]"},
		"size":               {&sdk.SendMessageInput{MessageBody: aws.String(strings.Repeat("x", 1025))}, "InvalidParameterValue", "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes."},
		"size with attribute": {&sdk.SendMessageInput{MessageBody: aws.String(strings.Repeat("x", 1010)),
			MessageAttributes: map[string]types.MessageAttributeValue{"name": text("String", "12345")}}, "InvalidParameterValue", "must be shorter than 1024 bytes."},
	} {
		tt.in.QueueUrl = &url
		_, err := e.SendMessage(t.Context(), tt.in)
		if code(err) != tt.code || !strings.Contains(message(err), tt.message) {
			t.Errorf("%s: got %v, want %s: …%s…", name, err, tt.code, tt.message)
		}
	}
	e.wantCounts(t, url, "0 visible, 0 in flight, 0 delayed")
	e.send(t, url, "tab\t, line\r\n, \uFFFD and 😀")
	e.send(t, url, strings.Repeat("x", 1024))
}

func TestReceiptHandles(t *testing.T) {
	e := open(t)
	url, other := e.create(t, "q", "VisibilityTimeout", "0"), e.create(t, "other")
	e.send(t, url, "x")
	old, latest := e.receive(t, url)[0], e.receive(t, url)[0]

	garbage := "garbage"
	for queue, handle := range map[string]*string{url: &garbage, other: latest.ReceiptHandle} {
		_, err := e.DeleteMessage(t.Context(), &sdk.DeleteMessageInput{QueueUrl: &queue, ReceiptHandle: handle})
		if want := fmt.Sprintf("The input receipt handle %q is not a valid receipt handle.", *handle); code(err) !=
			"ReceiptHandleIsInvalid" || message(err) != want {
			t.Errorf("deleting by a foreign handle: got %v, want ReceiptHandleIsInvalid: %s", err, want)
		}
	}
	e.remove(t, url, old)
	e.wantCounts(t, url, "1 visible, 0 in flight, 0 delayed")
	_, err := e.ChangeMessageVisibility(t.Context(), &sdk.ChangeMessageVisibilityInput{
		QueueUrl: &url, ReceiptHandle: old.ReceiptHandle, VisibilityTimeout: 60,
	})
	if want := "Message does not exist or is not available for visibility timeout change."; code(err) !=
		"InvalidParameterValue" || !strings.Contains(message(err), want) {
		t.Errorf("changing visibility by an old handle: got %v, want InvalidParameterValue: %s", err, want)
	}
	e.hide(t, url, latest, 60)
	e.wantCounts(t, url, "0 visible, 1 in flight, 0 delayed")
	for range 2 {
		e.remove(t, url, latest)
		e.wantCounts(t, url, "0 visible, 0 in flight, 0 delayed")
	}
}

func TestReceiveMessageRefusals(t *testing.T) {
	e := open(t)
	url := e.create(t, "q")
	for _, tt := range []struct {
		in      sdk.ReceiveMessageInput
		message string
	}{
		{sdk.ReceiveMessageInput{MaxNumberOfMessages: 11}, "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided."},
		{sdk.ReceiveMessageInput{WaitTimeSeconds: 21}, "Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided."},
		{sdk.ReceiveMessageInput{WaitTimeSeconds: -1}, "Value -1 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided."},
		{sdk.ReceiveMessageInput{VisibilityTimeout: 43201}, "Value 43201 for parameter VisibilityTimeout is invalid. Reason: Must be >= 0 and <= 43200, if provided."},
	} {
		tt.in.QueueUrl = &url
		_, err := e.ReceiveMessage(t.Context(), &tt.in)
		if code(err) != "InvalidParameterValue" || message(err) != tt.message {
			t.Errorf("got %v, want InvalidParameterValue: %s", err, tt.message)
		}
	}
	gone := "http://engine.local/000000000000/gone"
	_, err := e.ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{QueueUrl: &gone})
	if _, ok := errors.AsType[*types.QueueDoesNotExist](err); !ok {
		t.Errorf("receiving from no queue: got %v, want a QueueDoesNotExist", err)
	}
	if got, want := code(err), "AWS.SimpleQueueService.NonExistentQueue"; got != want {
		t.Errorf("receiving from no queue: got code %s, want %s", got, want)
	}
}

func TestBatches(t *testing.T) {
	e := open(t)
	url := e.create(t, "q")
	entries := func(ids ...string) []types.SendMessageBatchRequestEntry {
		all := []types.SendMessageBatchRequestEntry{}
		for _, id := range ids {
			all = append(all, types.SendMessageBatchRequestEntry{Id: aws.String(id), MessageBody: aws.String("body " + id)})
		}
		return all
	}
	big := entries("a", "b")
	for i := range big {
		big[i].MessageBody = aws.String(strings.Repeat("x", 1<<19+i))
	}
	for _, tt := range []struct {
		entries       []types.SendMessageBatchRequestEntry
		code, message string
	}{
		{entries(), "AWS.SimpleQueueService.EmptyBatchRequest", "There should be at least one SendMessageBatchRequestEntry in the request."},
		{entries(strings.Split("0123456789a", "")...), "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10. You have sent 11."},
		{entries("a", "b", "a"), "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", "Id a repeated."},
		{entries("a:b"), "AWS.SimpleQueueService.InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long."},
		{big, "AWS.SimpleQueueService.BatchRequestTooLong", "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes."},
	} {
		_, err := e.SendMessageBatch(t.Context(), &sdk.SendMessageBatchInput{QueueUrl: &url, Entries: tt.entries})
		if code(err) != tt.code || message(err) != tt.message {
			t.Errorf("got %v, want %s: %s", err, tt.code, tt.message)
		}
	}

	mixed := entries("good", "empty", "late")
	mixed[1].MessageBody = aws.String("")
	mixed[2].DelaySeconds = 60
	sent, err := e.SendMessageBatch(t.Context(), &sdk.SendMessageBatchInput{QueueUrl: &url, Entries: mixed})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := outcome(sent.Successful, sent.Failed), "good late | empty MissingParameter"; got != want {
		t.Errorf("sent: got %s, want %s", got, want)
	}
	e.wantCounts(t, url, "1 visible, 0 in flight, 1 delayed")

	m := e.receive(t, url)[0]
	changed, err := e.ChangeMessageVisibilityBatch(t.Context(), &sdk.ChangeMessageVisibilityBatchInput{
		QueueUrl: &url, Entries: []types.ChangeMessageVisibilityBatchRequestEntry{
			{Id: aws.String("bad"), ReceiptHandle: aws.String("bad"), VisibilityTimeout: 1},
			{Id: aws.String("long"), ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 43201},
			{Id: aws.String("good"), ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 0},
		}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := outcome(changed.Successful, changed.Failed), "good | bad ReceiptHandleIsInvalid long InvalidParameterValue"; got != want {
		t.Errorf("changed: got %s, want %s", got, want)
	}
	m = e.receive(t, url)[0]
	deleted, err := e.DeleteMessageBatch(t.Context(), &sdk.DeleteMessageBatchInput{
		QueueUrl: &url, Entries: []types.DeleteMessageBatchRequestEntry{
			{Id: aws.String("1"), ReceiptHandle: m.ReceiptHandle},
			{Id: aws.String("2"), ReceiptHandle: m.ReceiptHandle},
			{Id: aws.String("3"), ReceiptHandle: aws.String("bad")},
		}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := outcome(deleted.Successful, deleted.Failed), "1 2 | 3 ReceiptHandleIsInvalid"; got != want {
		t.Errorf("deleted: got %s, want %s", got, want)
	}
	e.wantCounts(t, url, "0 visible, 0 in flight, 1 delayed")
}

// outcome writes a batch's result as ids | id code …
func outcome[T interface {
	types.SendMessageBatchResultEntry | types.DeleteMessageBatchResultEntry | types.ChangeMessageVisibilityBatchResultEntry
}](done []T, failed []types.BatchResultErrorEntry) string {
	var words []string
	for _, entry := range done {
		switch entry := any(entry).(type) {
		case types.SendMessageBatchResultEntry:
			words = append(words, *entry.Id)
		case types.DeleteMessageBatchResultEntry:
			words = append(words, *entry.Id)
		case types.ChangeMessageVisibilityBatchResultEntry:
			words = append(words, *entry.Id)
		}
	}
	words = append(words, "|")
	for _, entry := range failed {
		words = append(words, *entry.Id, *entry.Code)
	}
	return strings.Join(words, " ")
}

func TestQueues(t *testing.T) {
	e := open(t)
	dead := e.create(t, "dead")
	policy := `{"deadLetterTargetArn":"` + account.ARN("sqs", "dead") + `","maxReceiveCount":"3"}`
	url := e.create(t, "jobs-1", "VisibilityTimeout", "120", "RedrivePolicy", policy, "KmsMasterKeyId", "alias/x")
	e.create(t, "jobs-2")

	list := func(in sdk.ListQueuesInput) string {
		out, err := e.ListQueues(t.Context(), &in)
		if err != nil {
			t.Fatal(err)
		}
		if out.NextToken != nil {
			in.NextToken = out.NextToken
			next, err := e.ListQueues(t.Context(), &in)
			if err != nil {
				t.Fatal(err)
			}
			out.QueueUrls = append(append(out.QueueUrls, "then"), next.QueueUrls...)
		}
		return strings.ReplaceAll(strings.Join(out.QueueUrls, " "), "http://engine.local/000000000000/", "")
	}
	for _, tt := range []struct {
		in   sdk.ListQueuesInput
		want string
	}{
		{sdk.ListQueuesInput{}, "dead jobs-1 jobs-2"},
		{sdk.ListQueuesInput{QueueNamePrefix: aws.String("jobs")}, "jobs-1 jobs-2"},
		{sdk.ListQueuesInput{MaxResults: aws.Int32(2)}, "dead jobs-1 then jobs-2"},
	} {
		if got := list(tt.in); got != tt.want {
			t.Errorf("queues: got %s, want %s", got, tt.want)
		}
	}
	sources, err := e.ListDeadLetterSourceQueues(t.Context(), &sdk.ListDeadLetterSourceQueuesInput{QueueUrl: &dead})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{url}, sources.QueueUrls); diff != "" {
		t.Errorf("sources of dead letters (-want +got):\n%s", diff)
	}
	found, err := e.GetQueueUrl(t.Context(), &sdk.GetQueueUrlInput{QueueName: aws.String("jobs-1")})
	if err != nil || *found.QueueUrl != url {
		t.Errorf("URL of jobs-1: got %v, %v, want %s", found, err, url)
	}

	if _, err := e.TagQueue(t.Context(), &sdk.TagQueueInput{QueueUrl: &url, Tags: map[string]string{"a": "1", "b": "2"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.UntagQueue(t.Context(), &sdk.UntagQueueInput{QueueUrl: &url, TagKeys: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	_, err = e.SetQueueAttributes(t.Context(), &sdk.SetQueueAttributesInput{
		QueueUrl: &url, Attributes: map[string]string{"DelaySeconds": "5"},
	})
	if err != nil {
		t.Fatal(err)
	}
	e = e.crash(t)
	tags, err := e.ListQueueTags(t.Context(), &sdk.ListQueueTagsInput{QueueUrl: &url})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"b": "2"}, tags.Tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	got := e.attributes(t, url, "All")
	if got["CreatedTimestamp"] == "" || got["LastModifiedTimestamp"] < got["CreatedTimestamp"] {
		t.Errorf("times: got %v", got)
	}
	delete(got, "CreatedTimestamp")
	delete(got, "LastModifiedTimestamp")
	want := map[string]string{
		"QueueArn": account.ARN("sqs", "jobs-1"), "ApproximateNumberOfMessages": "0",
		"ApproximateNumberOfMessagesNotVisible": "0", "ApproximateNumberOfMessagesDelayed": "0",
		"DelaySeconds": "5", "MaximumMessageSize": "1048576", "MessageRetentionPeriod": "345600",
		"ReceiveMessageWaitTimeSeconds": "0", "VisibilityTimeout": "120",
		"RedrivePolicy":  strings.Replace(policy, `"3"`, "3", 1),
		"KmsMasterKeyId": "alias/x", "SqsManagedSseEnabled": "false",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	_, err = e.GetQueueAttributes(t.Context(), &sdk.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{"Wrong"}})
	if code(err) != "InvalidAttributeName" {
		t.Errorf("a wrong attribute: got %v, want InvalidAttributeName", err)
	}
}

func TestDeletedQueueLeavesNothing(t *testing.T) {
	e := open(t)
	url := e.create(t, "q")
	e.send(t, url, "x")
	e.send(t, url, "y")
	e.receive(t, url)
	if _, err := e.DeleteQueue(t.Context(), &sdk.DeleteQueueInput{QueueUrl: &url}); err != nil {
		t.Fatal(err)
	}
	_, err := e.SendMessage(t.Context(), &sdk.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("x")})
	if want := "AWS.SimpleQueueService.NonExistentQueue"; code(err) != want {
		t.Errorf("sending to a deleted queue: got %v, want %s", err, want)
	}
	e = e.crash(t)
	for _, table := range []string{"sqs_message", "sqs_delivery"} {
		var rows int
		if err := e.store.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&rows); err != nil || rows != 0 {
			t.Errorf("%s: got %d rows, %v, want none", table, rows, err)
		}
	}
}
