package sns_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/delivery"
	"github.com/spate-run/spate/internal/engine/sns"
	"github.com/spate-run/spate/internal/engine/sqs"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

var (
	account = wire.Account{ID: "000000000000", Region: "us-east-1"}
	keys    = &wire.Keys{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}
)

// A bed is SNS and the queues that it sends to, with clients of both.
type bed struct {
	*testing.T
	*sdk.Client
	queues  *awssqs.Client
	handler http.Handler
	log     *strings.Builder
}

// open starts the services over what an earlier bed left in the folder.
func open(t *testing.T, dir string) (b *bed, stop func()) {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(dir, "spate.db"))
	if err != nil {
		t.Fatal(err)
	}
	b = &bed{T: t, log: &strings.Builder{}}
	queues, err := sqs.New(t.Context(), sqs.Config{Store: db, Account: account, Endpoint: "http://127.0.0.1:4100"})
	if err != nil {
		t.Fatal(err)
	}
	topics, err := sns.New(t.Context(), sns.Config{
		Store: db, Account: account, Endpoint: "http://127.0.0.1:4100",
		Log: slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Send: func(ctx context.Context, call delivery.Call) error {
			_, err := queues.Wire().Call(ctx, call.Operation, []byte(call.Input))
			return err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- topics.Run(ctx) }()
	b.handler = wire.NewHandler(wire.Config{Services: []*wire.Service{topics.Wire(), queues.Wire()}, Keys: keys})
	config := wire.Client(b.handler, keys, account)
	b.Client, b.queues = sdk.NewFromConfig(config), awssqs.NewFromConfig(config)
	return b, func() {
		cancel()
		if err := errors.Join(<-ended, db.Close()); err != nil {
			t.Error(err)
		}
	}
}

func start(t *testing.T) *bed {
	b, stop := open(t, t.TempDir())
	t.Cleanup(stop)
	return b
}

func (b *bed) topic(name string) string {
	b.Helper()
	out, err := b.CreateTopic(b.Context(), &sdk.CreateTopicInput{Name: &name})
	if err != nil {
		b.Fatal(err)
	}
	return *out.TopicArn
}

// queue makes a queue, and subscribes it where there is a topic.
func (b *bed) queue(name, topicARN string, attributes map[string]string) (subscription string) {
	b.Helper()
	if _, err := b.queues.CreateQueue(b.Context(), &awssqs.CreateQueueInput{QueueName: &name}); err != nil {
		b.Fatal(err)
	}
	if topicARN == "" {
		return ""
	}
	out, err := b.Subscribe(b.Context(), &sdk.SubscribeInput{
		TopicArn: &topicARN, Protocol: new("sqs"), Endpoint: new(account.ARN("sqs", name)), Attributes: attributes,
	})
	if err != nil {
		b.Fatal(err)
	}
	return *out.SubscriptionArn
}

func (b *bed) publish(in *sdk.PublishInput) *sdk.PublishOutput {
	b.Helper()
	out, err := b.Publish(b.Context(), in)
	if err != nil {
		b.Fatal(err)
	}
	return out
}

// received are the messages of a queue, which it then has no more.
func (b *bed) received(name string) []sqstypes.Message {
	b.Helper()
	url := "https://sqs/000000000000/" + name
	var all []sqstypes.Message
	for {
		out, err := b.queues.ReceiveMessage(b.Context(), &awssqs.ReceiveMessageInput{
			QueueUrl: &url, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"},
			MessageSystemAttributeNames: []sqstypes.MessageSystemAttributeName{"All"},
		})
		if err != nil {
			b.Fatal(err)
		}
		if len(out.Messages) == 0 {
			return all
		}
		for _, m := range out.Messages {
			if _, err := b.queues.DeleteMessage(b.Context(), &awssqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}); err != nil {
				b.Fatal(err)
			}
		}
		all = append(all, out.Messages...)
	}
}

func (b *bed) bodies(name string) []string {
	b.Helper()
	var all []string
	for _, m := range b.received(name) {
		all = append(all, *m.Body)
	}
	return all
}

// fault writes out an error as clients tell it apart.
func fault(err error) string {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return "no fault"
	}
	return api.ErrorCode() + ": " + api.ErrorMessage()
}

func TestQueuesGetWhatIsPublished(t *testing.T) {
	b := start(t)
	topic := b.topic("news")
	plain, raw := b.queue("plain", topic, nil), b.queue("raw", topic, map[string]string{"RawMessageDelivery": "true"})
	published := b.publish(&sdk.PublishInput{
		TopicArn: &topic, Subject: new("S"), Message: new("<hello> é"),
		MessageAttributes: map[string]types.MessageAttributeValue{
			"kind": {DataType: new("String"), StringValue: new("x")},
			"blob": {DataType: new("Binary"), BinaryValue: []byte{2, 3, 4}},
		},
	})
	var got map[string]any
	messages := b.received("plain")
	if len(messages) != 1 {
		t.Fatalf("got %d messages, want 1", len(messages))
	}
	if err := json.Unmarshal([]byte(*messages[0].Body), &got); err != nil {
		t.Fatal(err)
	}
	link, _ := got["UnsubscribeURL"].(string)
	if !strings.HasPrefix(link, "http://127.0.0.1:4100/?") || !strings.Contains(link, plain[strings.LastIndexByte(plain, ':')+1:]) {
		t.Errorf("got the link %q, want one that unsubscribes %s", link, plain)
	}
	delete(got, "UnsubscribeURL")
	delete(got, "Timestamp")
	if diff := cmp.Diff(map[string]any{
		"Type": "Notification", "MessageId": *published.MessageId, "TopicArn": topic, "Subject": "S", "Message": "<hello> é",
		"MessageAttributes": map[string]any{
			"kind": map[string]any{"Type": "String", "Value": "x"}, "blob": map[string]any{"Type": "Binary", "Value": "AgME"},
		},
	}, got); diff != "" {
		t.Errorf("envelope (-want +got):\n%s", diff)
	}
	messages = b.received("raw")
	if len(messages) != 1 || *messages[0].Body != "<hello> é" {
		t.Fatalf("%s: got %v, want the message alone", raw, messages)
	}
	if a := messages[0].MessageAttributes; len(a) != 2 || aws.ToString(a["kind"].StringValue) != "x" || string(a["blob"].BinaryValue) != "\x02\x03\x04" {
		t.Errorf("got attributes %v, want those of the message", a)
	}
	if _, err := b.Unsubscribe(t.Context(), &sdk.UnsubscribeInput{SubscriptionArn: &plain}); err != nil {
		t.Fatal(err)
	}
	b.publish(&sdk.PublishInput{TargetArn: &topic, Message: new(`{"default":"d","sqs":"q"}`), MessageStructure: new("json")})
	if got := b.bodies("plain"); got != nil {
		t.Errorf("unsubscribed: got %q, want nothing", got)
	}
	if diff := cmp.Diff([]string{"q"}, b.bodies("raw")); diff != "" {
		t.Errorf("text for sqs (-want +got):\n%s", diff)
	}
}

func TestTopicsAreThereAfterARestart(t *testing.T) {
	dir := t.TempDir()
	b, stop := open(t, dir)
	topic := b.topic("news")
	sub := b.queue("q", topic, map[string]string{"RawMessageDelivery": "true", "FilterPolicy": `{"kind":["a"]}`})
	if _, err := b.SetTopicAttributes(t.Context(), &sdk.SetTopicAttributesInput{TopicArn: &topic, AttributeName: new("DisplayName"), AttributeValue: new("News")}); err != nil {
		t.Fatal(err)
	}
	stop()
	b, stop = open(t, dir)
	defer stop()
	attributes, err := b.GetTopicAttributes(t.Context(), &sdk.GetTopicAttributesInput{TopicArn: &topic})
	if err != nil {
		t.Fatal(err)
	}
	if got := attributes.Attributes; got["DisplayName"] != "News" || got["SubscriptionsConfirmed"] != "1" || got["Owner"] != account.ID {
		t.Errorf("got %v", got)
	}
	for _, kind := range []string{"a", "b"} {
		b.publish(&sdk.PublishInput{TopicArn: &topic, Message: &kind, MessageAttributes: map[string]types.MessageAttributeValue{
			"kind": {DataType: new("String"), StringValue: &kind},
		}})
	}
	if diff := cmp.Diff([]string{"a"}, b.bodies("q")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", sub, diff)
	}
	if _, err := b.DeleteTopic(t.Context(), &sdk.DeleteTopicInput{TopicArn: &topic}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.DeleteTopic(t.Context(), &sdk.DeleteTopicInput{TopicArn: &topic}); err != nil {
		t.Errorf("deleting once more: %v", err)
	}
	list, err := b.ListSubscriptions(t.Context(), &sdk.ListSubscriptionsInput{})
	if err != nil || len(list.Subscriptions) != 0 {
		t.Errorf("got %v, %v, want no subscriptions", list, err)
	}
}

func TestWhatAQueueRefusesIsADeadLetter(t *testing.T) {
	b := start(t)
	topic := b.topic("news")
	b.queue("dead", "", nil)
	for _, arn := range []string{account.ARN("sqs", "none"), account.ARN("sqs", "gone")} {
		in := &sdk.SubscribeInput{TopicArn: &topic, Protocol: new("sqs"), Endpoint: &arn, Attributes: map[string]string{"RawMessageDelivery": "true"}}
		if strings.HasSuffix(arn, "gone") {
			in.Attributes["RedrivePolicy"] = `{"deadLetterTargetArn":"` + account.ARN("sqs", "dead") + `"}`
		}
		if _, err := b.Subscribe(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	b.publish(&sdk.PublishInput{TopicArn: &topic, Message: new("m")})
	if diff := cmp.Diff([]string{"m"}, b.bodies("dead")); diff != "" {
		t.Errorf("dead letters (-want +got):\n%s", diff)
	}
	if got := b.log.String(); strings.Count(got, "notice was not delivered") != 1 || !strings.Contains(got, "sqs:us-east-1:000000000000:none") {
		t.Errorf("got the log %q, want a line about the queue that is not there", got)
	}
}

func TestFIFOTopicsDropRepeats(t *testing.T) {
	b := start(t)
	out, err := b.CreateTopic(t.Context(), &sdk.CreateTopicInput{
		Name: new("f.fifo"), Attributes: map[string]string{"FifoTopic": "true", "ContentBasedDeduplication": "true"},
	})
	if err != nil {
		t.Fatal(err)
	}
	topic := out.TopicArn
	b.queue("q", *topic, map[string]string{"RawMessageDelivery": "true"})
	var places []string
	for _, text := range []string{"a", "b", "a"} {
		published := b.publish(&sdk.PublishInput{TopicArn: topic, Message: &text, MessageGroupId: new("g")})
		places = append(places, aws.ToString(published.SequenceNumber))
	}
	if places[0] >= places[1] || places[2] != places[0] || len(places[0]) != 20 {
		t.Errorf("got sequence numbers %q, want growing ones, and the first again", places)
	}
	messages := b.received("q")
	var got []string
	for _, m := range messages {
		got = append(got, *m.Body+" "+m.Attributes["MessageGroupId"])
	}
	if diff := cmp.Diff([]string{"a g", "b g"}, got); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

func TestBatches(t *testing.T) {
	b := start(t)
	topic := b.topic("news")
	b.queue("q", topic, map[string]string{"RawMessageDelivery": "true"})
	var entries []types.PublishBatchRequestEntry
	var want []string
	for _, id := range strings.Split("abcdefghij", "") {
		entries = append(entries, types.PublishBatchRequestEntry{Id: &id, Message: new("m" + id)})
		want = append(want, "m"+id)
	}
	out, err := b.PublishBatch(t.Context(), &sdk.PublishBatchInput{TopicArn: &topic, PublishBatchRequestEntries: entries})
	if err != nil || len(out.Successful) != 10 || len(out.Failed) != 0 || aws.ToString(out.Successful[9].Id) != "j" {
		t.Errorf("got %+v, %v", out, err)
	}
	if diff := cmp.Diff(want, b.bodies("q")); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	for want, change := range map[string]func() []types.PublishBatchRequestEntry{
		"TooManyEntriesInBatchRequest: The batch request contains more entries than permissible.": func() []types.PublishBatchRequestEntry {
			return append(slices.Clone(entries), types.PublishBatchRequestEntry{Id: new("k"), Message: new("m")})
		},
		"BatchEntryIdsNotDistinct: Two or more batch entries in the request have the same Id.": func() []types.PublishBatchRequestEntry {
			return []types.PublishBatchRequestEntry{entries[0], entries[0]}
		},
		"InvalidBatchEntryId: The Id of a batch entry in the batch request contains an impermissible character: a.b": func() []types.PublishBatchRequestEntry {
			return []types.PublishBatchRequestEntry{{Id: new("a.b"), Message: new("m")}}
		},
		"BatchRequestTooLong: The length of all the messages put together is more than the limit.": func() []types.PublishBatchRequestEntry {
			long := new(strings.Repeat("x", 140_000))
			return []types.PublishBatchRequestEntry{{Id: new("a"), Message: long}, {Id: new("b"), Message: long}}
		},
	} {
		_, err := b.PublishBatch(t.Context(), &sdk.PublishBatchInput{TopicArn: &topic, PublishBatchRequestEntries: change()})
		if got := fault(err); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := b.bodies("q"); got != nil {
		t.Errorf("refused batches: got %q, want nothing", got)
	}
}

func TestTagsAndPermissions(t *testing.T) {
	b := start(t)
	topic := b.topic("news")
	tag := func(key, value string) types.Tag { return types.Tag{Key: &key, Value: &value} }
	if _, err := b.TagResource(t.Context(), &sdk.TagResourceInput{ResourceArn: &topic, Tags: []types.Tag{tag("a", "1"), tag("b", "2")}}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.UntagResource(t.Context(), &sdk.UntagResourceInput{ResourceArn: &topic, TagKeys: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	tags, err := b.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceArn: &topic})
	if err != nil || len(tags.Tags) != 1 || *tags.Tags[0].Key != "b" || *tags.Tags[0].Value != "2" {
		t.Errorf("got %v, %v, want b=2", tags, err)
	}
	if _, err := b.AddPermission(t.Context(), &sdk.AddPermissionInput{
		TopicArn: &topic, Label: new("l"), AWSAccountId: []string{"111111111111"}, ActionName: []string{"Publish", "Subscribe"},
	}); err != nil {
		t.Fatal(err)
	}
	type statement struct {
		Sid       string
		Action    any
		Principal map[string]any
	}
	statements := func() []statement {
		out, err := b.GetTopicAttributes(t.Context(), &sdk.GetTopicAttributesInput{TopicArn: &topic})
		if err != nil {
			t.Fatal(err)
		}
		var p struct{ Statement []statement }
		if err := json.Unmarshal([]byte(out.Attributes["Policy"]), &p); err != nil {
			t.Fatal(err)
		}
		return p.Statement
	}
	want := statement{"l", []any{"SNS:Publish", "SNS:Subscribe"}, map[string]any{"AWS": "arn:aws:iam::111111111111:root"}}
	if got := statements(); len(got) != 2 || cmp.Diff(want, got[1]) != "" || got[0].Sid != "__default_statement_ID" {
		t.Errorf("got %v, want the default's and %v", got, want)
	}
	if _, err := b.RemovePermission(t.Context(), &sdk.RemovePermissionInput{TopicArn: &topic, Label: new("l")}); err != nil {
		t.Fatal(err)
	}
	if got := statements(); len(got) != 1 {
		t.Errorf("got %v, want the default's alone", got)
	}
}

func TestEMailIsWrittenToTheLog(t *testing.T) {
	b := start(t)
	topic := b.topic("news")
	out, err := b.Subscribe(t.Context(), &sdk.SubscribeInput{TopicArn: &topic, Protocol: new("email"), Endpoint: new("me@example.com")})
	if err != nil || *out.SubscriptionArn != "pending confirmation" {
		t.Fatalf("got %v, %v, want pending confirmation", out, err)
	}
	list, err := b.ListSubscriptionsByTopic(t.Context(), &sdk.ListSubscriptionsByTopicInput{TopicArn: &topic})
	if err != nil || len(list.Subscriptions) != 1 || *list.Subscriptions[0].SubscriptionArn != "PendingConfirmation" {
		t.Errorf("got %v, %v", list, err)
	}
	b.publish(&sdk.PublishInput{TopicArn: &topic, Subject: new("Done"), Message: new("all jobs")})
	if got := b.log.String(); !strings.Contains(got, `endpoint=me@example.com subject=Done message="all jobs"`) {
		t.Errorf("got the log %q, want the notice", got)
	}
}
