package sqs_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

type reply struct {
	status int
	header http.Header
	body   string
}

// raw makes a JSON request as clients other than the SDK may write it.
func (e *engine) raw(t testing.TB, operation, body string) reply {
	t.Helper()
	return e.post(t, http.Header{
		"Content-Type":      {"application/x-amz-json-1.0"},
		"X-Amz-Target":      {"AmazonSQS." + operation},
		"X-Amzn-Query-Mode": {"true"},
	}, body)
}

func (e *engine) post(t testing.TB, header http.Header, body string) reply {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://engine.local/", strings.NewReader(body))
	r.Header = header
	w := httptest.NewRecorder()
	e.handler.ServeHTTP(w, r)
	answer, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{w.Code, w.Header(), string(answer)}
}

func TestRawJSON(t *testing.T) {
	e := open(t)
	for _, tt := range []struct {
		operation, body string
		status          int
		reply, query    string
	}{
		{"CreateQueue", `{"QueueName": "q", "tags": {"a": "b"}}`, 200,
			`{"QueueUrl":"http://engine.local/000000000000/q"}`, ""},
		{"ListQueueTags", `{"QueueUrl": "https://any.where/000000000000/q"}`, 200, `{"Tags":{"a":"b"}}`, ""},
		{"ReceiveMessage", `{"QueueUrl": "q", "MaxNumberOfMessages": 0}`, 400,
			`{"__type":"InvalidParameterValueException","message":"Value 0 for parameter ` +
				`MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided."}`,
			"InvalidParameterValue;Sender"},
		{"ReceiveMessage", `{"QueueUrl": "q", "WaitTimeSeconds": 0}`, 200, `{}`, ""},
		{"GetQueueUrl", `{"QueueName": "none"}`, 400,
			`{"__type":"QueueDoesNotExist","message":"The specified queue does not exist."}`,
			"AWS.SimpleQueueService.NonExistentQueue;Sender"},
		{"DeleteMessage", `{"QueueUrl": "q"}`, 400,
			`{"__type":"MissingRequiredParameterException","message":"The request must contain the parameter ReceiptHandle."}`,
			"MissingParameter;Sender"},
		{"PurgeQueue", `{"QueueUrl": "q"}`, 200, `{}`, ""},
		{"PurgeQueue", `{"QueueUrl": "q"}`, 403,
			`{"__type":"PurgeQueueInProgress","message":"Only one PurgeQueue operation on q is allowed every 60 seconds."}`,
			"AWS.SimpleQueueService.PurgeQueueInProgress;Sender"},
	} {
		got := e.raw(t, tt.operation, tt.body)
		if got.status != tt.status || got.body != tt.reply || got.header.Get("X-Amzn-Query-Error") != tt.query {
			t.Errorf("%s %s:\n got %d %s (query error %q)\nwant %d %s (query error %q)", tt.operation, tt.body,
				got.status, got.body, got.header.Get("X-Amzn-Query-Error"), tt.status, tt.reply, tt.query)
		}
	}
}

// Clients older than the JSON protocol speak Query.
func TestRawQuery(t *testing.T) {
	e := open(t)
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	for _, tt := range []struct {
		body   string
		status int
		parts  []string // what the reply must have, in this order
	}{
		{"Action=CreateQueue&QueueName=q&Attribute.1.Name=VisibilityTimeout&Attribute.1.Value=7", 200,
			[]string{"<CreateQueueResult><QueueUrl>http://engine.local/000000000000/q</QueueUrl></CreateQueueResult>"}},
		{"Action=GetQueueAttributes&QueueUrl=q&AttributeName.1=VisibilityTimeout", 200,
			[]string{"<Attribute><Name>VisibilityTimeout</Name><Value>7</Value></Attribute>"}},
		{"Action=SendMessage&QueueUrl=q&MessageBody=a%3Cb&MessageAttribute.1.Name=n" +
			"&MessageAttribute.1.Value.DataType=Number&MessageAttribute.1.Value.StringValue=1", 200,
			[]string{"<SendMessageResult>", "<MD5OfMessageBody>1a382af93ed4b8a29ebd8e859a0168d7</MD5OfMessageBody>"}},
		{"Action=SendMessageBatch&QueueUrl=q&SendMessageBatchRequestEntry.1.Id=x&SendMessageBatchRequestEntry.1.MessageBody=late" +
			"&SendMessageBatchRequestEntry.1.DelaySeconds=9", 200,
			[]string{"<SendMessageBatchResultEntry>", "<Id>x</Id>"}},
		{"Action=ReceiveMessage&QueueUrl=q&MaxNumberOfMessages=10&AttributeName.1=ApproximateReceiveCount&MessageAttributeName.1=All", 200,
			[]string{"<Message><Attribute><Name>ApproximateReceiveCount</Name><Value>1</Value></Attribute>", "<Body>a&lt;b</Body>",
				"<MessageAttribute><Name>n</Name><Value>", "<StringValue>1</StringValue>", "</Message></ReceiveMessageResult>"}},
		{"Action=AddPermission&QueueUrl=q&Label=l&AWSAccountId.1=111122223333&ActionName.1=SendMessage", 200,
			[]string{"<AddPermissionResponse"}},
		{"Action=RemovePermission&QueueUrl=q&Label=l", 200, []string{"<RemovePermissionResponse"}},
		{"Action=PurgeQueue&QueueUrl=none", 400,
			[]string{"<Code>AWS.SimpleQueueService.NonExistentQueue</Code>"}},
	} {
		got := e.post(t, form, tt.body+"&Version=2012-11-05")
		if got.status != tt.status {
			t.Errorf("%s: got status %d, want %d", tt.body, got.status, tt.status)
		}
		rest := got.body
		for _, part := range tt.parts {
			var ok bool
			if _, rest, ok = strings.Cut(rest, part); !ok {
				t.Errorf("%s:\n got %s\nwant it to have %s", tt.body, got.body, part)
			}
		}
	}
}
