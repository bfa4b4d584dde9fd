package sqs_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/engine/sqs"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

var account = wire.Account{ID: "000000000000", Region: "us-east-1"}

// An engine is a service behind wire, and the SDK's client of it.
type engine struct {
	*sdk.Client
	service *sqs.Service
	handler http.Handler
	store   *store.Store
	path    string
	stop    func()
}

// start opens the service over the database at path, which may be new, and runs
// it until the test or stop ends it.
func start(t testing.TB, path string) *engine {
	t.Helper()
	return startFor(t, path, "")
}

// startFor starts an engine whose own tasks have this session token.
func startFor(t testing.TB, path, tasks string) *engine {
	t.Helper()
	st, err := store.Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	service, err := sqs.New(t.Context(), sqs.Config{Store: st, Account: account, Endpoint: "http://engine.local", Tasks: tasks})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- service.Run(ctx) }()
	h := wire.NewHandler(wire.Config{Services: []*wire.Service{service.Wire()}})
	e := &engine{
		Client:  sdk.NewFromConfig(wire.Client(h, nil, account)),
		service: service,
		handler: h,
		store:   st,
		path:    path,
	}
	stopped := false
	e.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("running: %v", err)
		}
		if err := st.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
	}
	t.Cleanup(e.stop)
	return e
}

func open(t testing.TB) *engine {
	t.Helper()
	return start(t, filepath.Join(t.TempDir(), "x.db"))
}

// crash leaves the engine as it is and starts another one over a copy of the
// files that it has at this moment.
func (e *engine) crash(t testing.TB) *engine {
	t.Helper()
	return e.crashTo(t, filepath.Join(t.TempDir(), "x.db"))
}

func (e *engine) crashTo(t testing.TB, path string) *engine {
	t.Helper()
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(e.path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path+suffix, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	e.stop()
	return start(t, path)
}

// create makes a queue with attributes, given as name, value, name, value …
func (e *engine) create(t testing.TB, name string, attributes ...string) string {
	t.Helper()
	in := &sdk.CreateQueueInput{QueueName: aws.String(name), Attributes: map[string]string{}}
	for i := 0; i < len(attributes); i += 2 {
		in.Attributes[attributes[i]] = attributes[i+1]
	}
	out, err := e.CreateQueue(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return *out.QueueUrl
}

func (e *engine) send(t testing.TB, url, body string) string {
	t.Helper()
	out, err := e.SendMessage(t.Context(), &sdk.SendMessageInput{QueueUrl: &url, MessageBody: &body})
	if err != nil {
		t.Fatal(err)
	}
	return *out.MessageId
}

// receive takes up to ten messages without waiting.
func (e *engine) receive(t testing.TB, url string) []types.Message {
	t.Helper()
	out, err := e.ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{
		QueueUrl: &url, MaxNumberOfMessages: 10,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.Messages
}

func (e *engine) remove(t testing.TB, url string, m types.Message) {
	t.Helper()
	_, err := e.DeleteMessage(t.Context(), &sdk.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle})
	if err != nil {
		t.Error(err)
	}
}

func (e *engine) hide(t testing.TB, url string, m types.Message, seconds int32) {
	t.Helper()
	_, err := e.ChangeMessageVisibility(t.Context(), &sdk.ChangeMessageVisibilityInput{
		QueueUrl: &url, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: seconds,
	})
	if err != nil {
		t.Error(err)
	}
}

func (e *engine) attributes(t testing.TB, url string, names ...types.QueueAttributeName) map[string]string {
	t.Helper()
	out, err := e.GetQueueAttributes(t.Context(), &sdk.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: names})
	if err != nil {
		t.Fatal(err)
	}
	return out.Attributes
}

// counts returns the messages that are visible, in flight and delayed.
func (e *engine) counts(t testing.TB, url string) string {
	t.Helper()
	a := e.attributes(t, url, types.QueueAttributeNameAll)
	return fmt.Sprintf("%s visible, %s in flight, %s delayed", a["ApproximateNumberOfMessages"],
		a["ApproximateNumberOfMessagesNotVisible"], a["ApproximateNumberOfMessagesDelayed"])
}

func (e *engine) wantCounts(t testing.TB, url, want string) {
	t.Helper()
	if got := e.counts(t, url); got != want {
		t.Errorf("messages: got %s, want %s", got, want)
	}
}

func bodies(messages []types.Message) []string {
	var all []string
	for _, m := range messages {
		all = append(all, *m.Body)
	}
	return all
}

func TestAMessagesWay(t *testing.T) {
	e := open(t)
	url := e.create(t, "jobs")
	attributes := map[string]types.MessageAttributeValue{
		"spate.run": {DataType: aws.String("String"), StringValue: aws.String("01J")},
		"raw":       {DataType: aws.String("Binary"), BinaryValue: []byte{0, 1}},
	}
	trace := map[string]types.MessageSystemAttributeValue{
		"AWSTraceHeader": {DataType: aws.String("String"), StringValue: aws.String("Root=1")},
	}
	sent, err := e.SendMessage(t.Context(), &sdk.SendMessageInput{
		QueueUrl: &url, MessageBody: aws.String("hello ✓"), MessageAttributes: attributes,
		MessageSystemAttributes: trace, MessageGroupId: aws.String("tenant"),
	})
	if err != nil {
		t.Fatal(err)
	}
	e.wantCounts(t, url, "1 visible, 0 in flight, 0 delayed")

	e = e.crash(t)
	out, err := e.ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{
		QueueUrl: &url, MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Messages) != 1 {
		t.Fatalf("got %d messages, want 1", len(out.Messages))
	}
	got := out.Messages[0]
	if got.Attributes["SentTimestamp"] == "" || got.Attributes["ApproximateFirstReceiveTimestamp"] == "" {
		t.Errorf("times: got attributes %v", got.Attributes)
	}
	delete(got.Attributes, "SentTimestamp")
	delete(got.Attributes, "ApproximateFirstReceiveTimestamp")
	want := types.Message{
		MessageId:              sent.MessageId,
		Body:                   aws.String("hello ✓"),
		MD5OfBody:              sent.MD5OfMessageBody,
		MessageAttributes:      attributes,
		MD5OfMessageAttributes: sent.MD5OfMessageAttributes,
		ReceiptHandle:          got.ReceiptHandle,
		Attributes: map[string]string{
			"SenderId": account.ID, "ApproximateReceiveCount": "1", "AWSTraceHeader": "Root=1", "MessageGroupId": "tenant",
		},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(types.Message{}, types.MessageAttributeValue{})); diff != "" {
		t.Errorf("received (-want +got):\n%s", diff)
	}
	e.wantCounts(t, url, "0 visible, 1 in flight, 0 delayed")

	e = e.crash(t)
	e.wantCounts(t, url, "0 visible, 1 in flight, 0 delayed")
	e.remove(t, url, got)
	e = e.crash(t)
	e.wantCounts(t, url, "0 visible, 0 in flight, 0 delayed")
}

// The sums were recorded from AWS (2023-07-06 and 2022-12-22, us-east-1).
func TestChecksumsAreThoseOfAWS(t *testing.T) {
	e := open(t)
	url := e.create(t, "q")
	text := func(s string) types.MessageAttributeValue {
		return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &s}
	}
	jedi := map[string]types.MessageAttributeValue{
		"Help.Me": text("Me"), "Hello": text("There"), "General": text("Kenobi"),
	}
	_, err := e.SendMessage(t.Context(), &sdk.SendMessageInput{
		QueueUrl: &url, MessageBody: aws.String("msg"), MessageAttributes: jedi,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		names []string
		want  string
	}{
		{nil, ""},
		{[]string{"All"}, "4c360f3fdafd970e05fae2f149d997f5"},
		{[]string{".*"}, "4c360f3fdafd970e05fae2f149d997f5"},
		{[]string{"Hello", "General"}, "fca026605781cb4126a1e9044df24232"},
		{[]string{"Hello", "Foo"}, "a311262e065454b75da111d535b8dacd"},
		{[]string{"Hel.*"}, "83fee93c1bcd8b9a5a923ffacdc636c7"},
		{[]string{"Foo"}, ""},
	} {
		out, err := e.ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{
			QueueUrl: &url, MessageAttributeNames: tt.names, WaitTimeSeconds: 1,
		})
		if err != nil || len(out.Messages) != 1 {
			t.Fatalf("receiving with %q: got %v, %v", tt.names, out, err)
		}
		m := out.Messages[0]
		if got := aws.ToString(m.MD5OfMessageAttributes); got != tt.want {
			t.Errorf("attributes %q: got MD5 %q, want %q", tt.names, got, tt.want)
		}
		if got, want := *m.MD5OfBody, "6e2baaf3b97dbeef01c0043275f9a0e7"; got != want {
			t.Errorf("body: got MD5 %q, want %q", got, want)
		}
		e.hide(t, url, m, 0)
	}
	binary, err := e.SendMessage(t.Context(), &sdk.SendMessageInput{
		QueueUrl: &url, MessageBody: aws.String("test"),
		MessageAttributes: map[string]types.MessageAttributeValue{"attr1": {
			DataType:    aws.String("Binary"),
			BinaryValue: []byte("traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01"),
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := aws.ToString(binary.MD5OfMessageAttributes), "8cbe4db156db8a94db8b801b7addb984"; got != want {
		t.Errorf("binary attribute: got MD5 %q, want %q", got, want)
	}
}
