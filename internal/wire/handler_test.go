package wire_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/wire"
)

// TestRawRequests holds whole replies against whole requests. An ID stands for
// the request's id, which every reply has in its header.
func TestRawRequests(t *testing.T) {
	const (
		queryError = `<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><Error><Type>Sender</Type>`
		failed     = "The request processing has failed because of an unknown error, exception or failure."
	)
	tests := []struct {
		name   string
		method string // POST by default
		path   string // / by default
		header string // name: value, one a line
		body   string
		want   string
		status int    // 200 by default
		reply  string // headers that must be there
	}{
		{
			name:   "json",
			header: "X-Amz-Target: AmazonSQS.SendMessage",
			body:   `{"QueueUrl": "q", "Unknown": [1, {"a": "\u0041"}], "MessageBody": "a\"\\\u00e9\ud83d\ude00\n", "DelaySeconds": null}`,
			want:   `{"MessageId":"q a\"\\é😀\n 0 false"}`,
			reply:  "Content-Type: application/x-amz-json-1.0",
		},
		{name: "json without members", header: "X-Amz-Target: AmazonSQS.ListQueues", want: `{"QueueUrls":[]}`},
		{
			name:   "json fault",
			header: "X-Amz-Target: AmazonSQS.GetQueueUrl\nX-Amzn-Query-Mode: true",
			want:   `{"__type":"QueueDoesNotExist","message":"The specified queue does not exist."}`, status: 400,
			reply: "X-Amzn-Query-Error: AWS.SimpleQueueService.NonExistentQueue;Sender",
		},
		{
			name:   "json, lower camel, 1.1",
			header: "X-Amz-Target: Logs_20140328.PutLogEvents",
			body:   `{"logGroupName": "g"}`,
			want:   `{"__type":"ResourceNotFoundException","message":"The specified log group does not exist."}`, status: 400,
			reply: "Content-Type: application/x-amz-json-1.1",
		},
		{
			name: "json, unknown operation", header: "X-Amz-Target: AmazonSQS.Fly\nX-Amzn-Query-Mode: true", status: 400,
			want:  `{"__type":"UnknownOperationException","message":"Unknown operation: AmazonSQS.Fly"}`,
			reply: "X-Amzn-Query-Error: InvalidAction;Sender",
		},
		{
			name: "json, unknown service", header: "X-Amz-Target: DynamoDB_20120810.GetItem", status: 400,
			want: `{"__type":"UnknownOperationException","message":"Unknown operation: DynamoDB_20120810.GetItem"}`,
		},
		{
			name: "json, number for a string", header: "X-Amz-Target: AmazonSQS.SendMessage", body: `{"MessageBody": 1}`, status: 400,
			want: `{"__type":"SerializationException","message":"NUMBER_VALUE can not be converted to a String"}`,
		},
		{
			name: "json, string for a number", header: "X-Amz-Target: AmazonSQS.SendMessage", body: `{"DelaySeconds": "1"}`, status: 400,
			want: `{"__type":"SerializationException","message":"STRING_VALUE can not be converted to an Integer"}`,
		},
		{
			name: "json, list for a structure", header: "X-Amz-Target: AmazonSQS.SendMessage", body: `[]`, status: 400,
			want: `{"__type":"SerializationException","message":"Start of list found where not expected"}`,
		},
		{
			name: "json, out of range", header: "X-Amz-Target: AmazonSQS.SendMessage", body: `{"DelaySeconds": 3000000000}`, status: 400,
			want: `{"__type":"SerializationException","message":"3000000000 is out of range of an Integer"}`,
		},
		{
			name: "json, cut short", header: "X-Amz-Target: AmazonSQS.SendMessage", body: `{"MessageBody": "`, status: 400,
			want: `{"__type":"SerializationException","message":"Unexpected end-of-input"}`,
		},
		{
			name: "json, no UTF-8", header: "X-Amz-Target: AmazonSQS.SendMessage", body: "{\"MessageBody\": \"a\xff\"}", status: 400,
			want: `{"__type":"SerializationException","message":"Invalid UTF-8 byte 0xff at offset 18"}`,
		},
		{
			name: "json, no UTF-8 in a name", header: "X-Amz-Target: AmazonSQS.SendMessage", body: "{\"Unknown\xc3\": [\"\"]}", status: 400,
			want: `{"__type":"SerializationException","message":"Invalid UTF-8 byte 0xc3 at offset 9"}`,
		},
		{
			name: "json, half a surrogate pair", header: "X-Amz-Target: AmazonSQS.SendMessage", body: `{"QueueUrl": "\ud83dx"}`, status: 400,
			want: `{"__type":"SerializationException","message":"Unpaired surrogate \\ud83d before offset 20"}`,
		},
		{
			name: "json, the other half", header: "X-Amz-Target: AmazonSQS.SendMessage", body: `{"Unknown": ["\ude00\ud83d"]}`, status: 400,
			want: `{"__type":"SerializationException","message":"Unpaired surrogate \\ude00 before offset 20"}`,
		},
		{
			name: "json, more than one value", header: "X-Amz-Target: AmazonSQS.SendMessage", body: `{} {}`, status: 400,
			want: `{"__type":"SerializationException","message":"Unexpected character ('{') at offset 3"}`,
		},
		{
			name: "json, deeply nested", header: "X-Amz-Target: AmazonSQS.SendMessage", body: `{"a": ` + strings.Repeat("[", 1000), status: 400,
			want: `{"__type":"SerializationException","message":"The request is nested too deeply"}`,
		},
		{
			name: "json, too large", header: "X-Amz-Target: AmazonSQS.SendMessage", body: strings.Repeat(" ", 4<<20+1), status: 413,
			want: `{"__type":"RequestEntityTooLargeException","message":"The request is larger than 4194304 bytes"}`,
		},
		{
			name:   "query",
			header: "Content-Type: application/x-www-form-urlencoded",
			body:   "Action=DescribeStacks&Version=2010-05-15&StackName=a+%3Cb%3E",
			want: `<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks><member>` +
				`<CreationTime>2023-11-14T22:13:20.123Z</CreationTime><StackName>a &lt;b&gt;</StackName><Capabilities></Capabilities>` +
				`<Tags><member><Key>k</Key><Value>&lt;&amp;&gt;</Value></member></Tags></member></Stacks></DescribeStacksResult>` +
				"<ResponseMetadata><RequestId>ID</RequestId></ResponseMetadata></DescribeStacksResponse>\n",
			reply: "Content-Type: text/xml",
		},
		{
			name: "query, by GET", method: http.MethodGet, path: "/?Action=GetCallerIdentity&Version=2011-06-15",
			want: `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Account>000000000000</Account>` +
				"</GetCallerIdentityResult><ResponseMetadata><RequestId>ID</RequestId></ResponseMetadata></GetCallerIdentityResponse>\n",
		},
		{
			name: "query, no output", header: "Content-Type: application/x-www-form-urlencoded", body: "Action=DeleteStack&Version=2010-05-15&StackName=a",
			want: `<DeleteStackResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DeleteStackResult></DeleteStackResult>` +
				"<ResponseMetadata><RequestId>ID</RequestId></ResponseMetadata></DeleteStackResponse>\n",
		},
		{
			name: "query, flattened, queue in the path", path: "/000000000000/q",
			header: "Content-Type: application/x-www-form-urlencoded",
			body:   "Action=SendMessage&Version=2012-11-05&MessageBody=b&DelaySeconds=0",
			want: `<SendMessageResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/"><SendMessageResult><MessageId>/000000000000/q b 0 true</MessageId></SendMessageResult>` +
				"<ResponseMetadata><RequestId>ID</RequestId></ResponseMetadata></SendMessageResponse>\n",
		},
		{
			name: "query fault", header: "Content-Type: application/x-www-form-urlencoded", body: "Action=GetQueueUrl&Version=2012-11-05", status: 400,
			want: `<ErrorResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/"><Error><Type>Sender</Type><Code>AWS.SimpleQueueService.NonExistentQueue</Code>` +
				"<Message>The specified queue does not exist.</Message><Detail></Detail></Error><RequestId>ID</RequestId></ErrorResponse>\n",
		},
		{
			name: "query, unknown operation", header: "Content-Type: application/x-www-form-urlencoded", body: "Action=Fly&Version=2010-05-15", status: 400,
			want: queryError + "<Code>InvalidAction</Code><Message>Could not find operation Fly for version 2010-05-15</Message></Error><RequestId>ID</RequestId></ErrorResponse>\n",
		},
		{
			name: "query, no operation", header: "Content-Type: application/x-www-form-urlencoded", body: "Version=2010-05-15", status: 400,
			want: queryError + "<Code>MissingAction</Code><Message>The request is missing an action or a required parameter.</Message></Error><RequestId>ID</RequestId></ErrorResponse>\n",
		},
		{
			name: "query, unknown version", header: "Content-Type: application/x-www-form-urlencoded", body: "Action=Fly&Version=1999-01-01", status: 400,
			want: `<ErrorResponse xmlns="http://webservices.amazon.com/AWSFault/2005-15-09"><Error><Type>Sender</Type><Code>NoSuchVersion</Code>` +
				"<Message>The requested version ( 1999-01-01 ) is not valid.</Message></Error><RequestId>ID</RequestId></ErrorResponse>\n",
		},
		{
			name: "query, not a number", header: "Content-Type: application/x-www-form-urlencoded", body: "Action=SendMessage&Version=2012-11-05&DelaySeconds=x", status: 400,
			want: `<ErrorResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/"><Error><Type>Sender</Type><Code>MalformedInput</Code>` +
				"<Message>\"x\" is not a valid integer</Message><Detail></Detail></Error><RequestId>ID</RequestId></ErrorResponse>\n",
		},
		{
			name: "query, a panic", header: "Content-Type: application/x-www-form-urlencoded", body: "Action=DescribeStacks&Version=2010-05-15&StackName=panic", status: 500,
			want: `<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><Error><Type>Receiver</Type><Code>InternalFailure</Code>` +
				"<Message>" + failed + "</Message></Error><RequestId>ID</RequestId></ErrorResponse>\n",
		},
		{
			name: "cbor", path: "/service/GraniteServiceVersion20100801/operation/PutMetricData",
			header: "Smithy-Protocol: rpc-v2-cbor",
			body:   "\xa1jMetricData\x9f\xa1jMetricNameam\xff",
			want:   "\xa0",
			reply:  "Content-Type: application/cbor\nSmithy-Protocol: rpc-v2-cbor",
		},
		{
			name: "cbor, an unknown error", path: "/service/GraniteServiceVersion20100801/operation/PutMetricData",
			header: "Smithy-Protocol: rpc-v2-cbor", status: 500,
			want: "InternalFailure",
		},
		{
			name: "cbor, malformed", path: "/service/GraniteServiceVersion20100801/operation/PutMetricData",
			header: "Smithy-Protocol: rpc-v2-cbor", body: "\xa1jMetricData\x01", status: 400,
			want: "SerializationException",
		},
		{
			name: "cbor, unknown operation", path: "/service/GraniteServiceVersion20100801/operation/Fly",
			header: "Smithy-Protocol: rpc-v2-cbor", status: 400,
			want: "UnknownOperationException",
		},
		{
			name: "no keys, so no signature is wrong", header: "X-Amz-Target: AmazonSQS.ListQueues\nAuthorization: AWS4-HMAC-SHA256",
			want: `{"QueueUrls":[]}`,
		},
		{name: "anything else is S3's", method: http.MethodGet, path: "/b/k", want: "GET /b/k"},
	}
	h := wire.NewHandler(wire.Config{Services: sampleServices(), Objects: http.HandlerFunc(sampleObjects)})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest(orElse(test.method, http.MethodPost), orElse(test.path, "/"), strings.NewReader(test.body))
			r.Header = headers(test.header)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if want := max(test.status, http.StatusOK); w.Code != want {
				t.Errorf("got status %d, want %d", w.Code, want)
			}
			id := w.Header().Get("X-Amzn-Requestid") + w.Header().Get("X-Amz-Request-Id")
			if id == "" {
				t.Fatal("got no request id")
			}
			got := strings.ReplaceAll(w.Body.String(), id, "ID")
			if w.Header().Get("Content-Type") == "application/cbor" && w.Code != http.StatusOK {
				if !strings.Contains(got, test.want) { // a map's order is not fixed
					t.Errorf("got body %q, want %s in it", got, test.want)
				}
			} else if diff := cmp.Diff(got, test.want); diff != "" {
				t.Error("body (-got +want):\n", diff)
			}
			for name, values := range headers(test.reply) {
				if got := w.Header().Get(name); got != values[0] {
					t.Errorf("got %s %q, want %q", name, got, values[0])
				}
			}
		})
	}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// headers reads one header a line.
func headers(lines string) http.Header {
	h := http.Header{}
	for line := range strings.Lines(lines) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		h.Set(name, value)
	}
	return h
}

func TestPresent(t *testing.T) {
	queues := &wire.Service{Name: "sqs", Target: "AmazonSQS", JSONVersion: "1.0"}
	paths := []string{
		"QueueUrl", "Entries", "Entries[0].DelaySeconds", "Entries[1].DelaySeconds", "Entries[1].MessageAttributes",
		"Entries[1].MessageAttributes.DataType", "DelaySeconds",
	}
	var got []bool
	wire.Handle(queues, func(ctx context.Context, in *sqs.SendMessageBatchInput) (*sqs.SendMessageBatchOutput, error) {
		for _, path := range paths {
			got = append(got, wire.Present(ctx, path))
		}
		if wire.RequestID(ctx) == "" {
			t.Error("got no request id")
		}
		return nil, nil
	})
	client := sqs.NewFromConfig(wire.Client(wire.NewHandler(wire.Config{Services: []*wire.Service{queues}, Keys: keys}), keys, account))
	_, err := client.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{
		QueueUrl: aws.String("http://localhost/000000000000/q"),
		Entries: []types.SendMessageBatchRequestEntry{
			{Id: aws.String("a"), MessageBody: aws.String("x")},
			{
				Id: aws.String("b"), MessageBody: aws.String("y"), DelaySeconds: 3,
				MessageAttributes: map[string]types.MessageAttributeValue{"a\nQueueUrl\n": {DataType: aws.String("String"), StringValue: aws.String("v")}},
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, []bool{true, true, false, true, true, false, false}); diff != "" {
		t.Error("presence (-got +want):\n", diff)
	}
	if wire.Present(t.Context(), "QueueUrl") || wire.RequestID(t.Context()) != "" {
		t.Error("a context of no request has a member or an id")
	}
}

func TestFaultsOverSDK(t *testing.T) {
	config := wire.Client(sampleHandler(), keys, account)
	_, err := sqs.NewFromConfig(config).GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("q")})
	if _, ok := errors.AsType[*types.QueueDoesNotExist](err); !ok {
		t.Errorf("got error %v, want QueueDoesNotExist", err)
	}
	_, err = cloudwatch.NewFromConfig(config).ListMetrics(t.Context(), &cloudwatch.ListMetricsInput{})
	if err == nil || !strings.Contains(err.Error(), "InvalidAction") { // the client asks for the Query protocol's codes
		t.Errorf("got error %v, want InvalidAction", err)
	}
	_, err = cloudformation.NewFromConfig(config).ListStacks(t.Context(), &cloudformation.ListStacksInput{})
	if err == nil || !strings.Contains(err.Error(), "InvalidAction") {
		t.Errorf("got error %v, want InvalidAction", err)
	}
}

// TestCauses: what a service did not foresee is for the log alone.
func TestCauses(t *testing.T) {
	var log bytes.Buffer
	queues := &wire.Service{Name: "sqs", Target: "AmazonSQS", JSONVersion: "1.0"}
	wire.Handle(queues, func(ctx context.Context, _ *sqs.ListQueuesInput) (*sqs.ListQueuesOutput, error) {
		return nil, errors.New("disk on fire")
	})
	h := wire.NewHandler(wire.Config{Services: []*wire.Service{queues}, Log: slog.New(slog.NewTextHandler(&log, nil))})
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("{}"))
	r.Header.Set("X-Amz-Target", "AmazonSQS.ListQueues")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if got := w.Body.String(); w.Code != http.StatusInternalServerError || !strings.Contains(got, "InternalFailure") || strings.Contains(got, "fire") {
		t.Errorf("got status %d, body %s, want 500, InternalFailure without its cause", w.Code, got)
	}
	if got := log.String(); !strings.Contains(got, "disk on fire") || !strings.Contains(got, "ListQueues") {
		t.Errorf("got log %q, want the cause and the operation", got)
	}
}

// TestClientLeaves: a long poll ends when its client does.
func TestClientLeaves(t *testing.T) {
	queues := &wire.Service{Name: "sqs", Target: "AmazonSQS", JSONVersion: "1.0"}
	started, ended := make(chan struct{}), make(chan error, 1)
	wire.Handle(queues, func(ctx context.Context, _ *sqs.ReceiveMessageInput) (*sqs.ReceiveMessageOutput, error) {
		close(started)
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	})
	server := httptest.NewServer(wire.NewHandler(wire.Config{Services: []*wire.Service{queues}}))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", "AmazonSQS.ReceiveMessage")
	go func() {
		<-started
		cancel()
	}()
	if _, err := server.Client().Do(r); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want %v", err, context.Canceled)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the operation got error %v, want %v", err, context.Canceled)
	}
}

func TestNothingForS3(t *testing.T) {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/", nil)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := wire.Transport(wire.NewHandler(wire.Config{})).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if got, want := string(body), "<UnknownOperationException/>\n"; got != want || reply.StatusCode != http.StatusNotFound || err != nil {
		t.Errorf("got %d %q, %v, want 404 %q", reply.StatusCode, got, err, want)
	}
}
