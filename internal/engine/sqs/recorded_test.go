package sqs_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"
)

// What AWS does though its pages do not say so: others have recorded it.

func TestAQueueCanBeItsOwnTarget(t *testing.T) {
	for _, kind := range []string{"", ".fifo"} {
		t.Run("q"+kind, func(t *testing.T) {
			e := open(t)
			attributes := []string{"VisibilityTimeout", "0"}
			if kind != "" {
				attributes = append(attributes, "FifoQueue", "true", "ContentBasedDeduplication", "true")
			}
			url := e.create(t, "q"+kind, attributes...)
			_, err := e.SetQueueAttributes(t.Context(), &sdk.SetQueueAttributesInput{QueueUrl: &url, Attributes: map[string]string{
				"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":"2"}`, account.ARN("sqs", "q"+kind)),
			}})
			if err != nil {
				t.Fatal(err)
			}
			in := &sdk.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("x")}
			if kind != "" {
				in.MessageGroupId = aws.String("g")
			}
			if _, err := e.SendMessage(t.Context(), in); err != nil {
				t.Fatal(err)
			}
			var got []string
			for range 6 { // it comes back as a dead letter, again and again
				for _, m := range e.receive(t, url) {
					got = append(got, *m.Body+" "+m.Attributes["DeadLetterQueueSourceArn"])
				}
			}
			if len(got) < 4 || got[0] != "x " || got[len(got)-1] != "x "+account.ARN("sqs", "q"+kind) {
				t.Errorf("got %q, want the message, and then itself as a dead letter", got)
			}
			e = e.crash(t)
			e.wantCounts(t, url, "1 visible, 0 in flight, 0 delayed")
		})
	}
}

func TestFIFOIsTrueHoweverItIsWritten(t *testing.T) {
	e := open(t)
	url := e.create(t, "q.fifo", "FifoQueue", "True", "ContentBasedDeduplication", "TRUE")
	got := e.attributes(t, url, "All")
	if got["FifoQueue"] != "true" || got["ContentBasedDeduplication"] != "true" {
		t.Errorf("got %v, want both true", got)
	}
	if again := e.create(t, "q.fifo", "FifoQueue", "true"); again != url {
		t.Errorf("creating it again: got %s, want %s", again, url)
	}
}

// A message of a group that is in flight keeps back those after it, and none
// before it.
func TestWhatIsInFlightKeepsBackWhatComesAfterIt(t *testing.T) {
	for position, want := range []string{"", "1", "12"} {
		synctest.Test(t, func(t *testing.T) {
			e := open(t)
			url := e.create(t, "q.fifo", "FifoQueue", "true", "VisibilityTimeout", "2", "ContentBasedDeduplication", "true")
			for _, body := range []string{"1", "2", "3"} {
				_, err := e.SendMessage(t.Context(), &sdk.SendMessageInput{QueueUrl: &url, MessageBody: &body, MessageGroupId: aws.String("g")})
				if err != nil {
					t.Fatal(err)
				}
			}
			first := e.receive(t, url)
			e.hide(t, url, first[position], 10)
			time.Sleep(3 * time.Second)
			e = e.crash(t)
			again := e.receive(t, url)
			if got := strings.Join(bodies(again), ""); got != want {
				t.Errorf("with message %d in flight: got %q, want %q", position+1, got, want)
			}
			for _, m := range again {
				e.remove(t, url, m)
			}
			time.Sleep(10 * time.Second)
			if got, want := strings.Join(bodies(e.receive(t, url)), ""), strings.TrimPrefix("123", want); got != want {
				t.Errorf("when it is visible again: got %q, want %q", got, want)
			}
		})
	}
}

func TestAStarAsksForAllMessageAttributes(t *testing.T) {
	e := open(t)
	url := e.create(t, "q", "VisibilityTimeout", "0")
	_, err := e.SendMessage(t.Context(), &sdk.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("x"),
		MessageAttributes: map[string]types.MessageAttributeValue{
			"Help.Me": {DataType: aws.String("String"), StringValue: aws.String("a")},
			"Hello":   {DataType: aws.String("String"), StringValue: aws.String("b")},
		}})
	if err != nil {
		t.Fatal(err)
	}
	for names, want := range map[string]int{"*": 2, "All": 2, ".*": 2, "Hel.*": 2, "Help.*": 1, "Hello": 1, "Hel*": 0, "Help": 0} {
		out, err := e.ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{QueueUrl: &url, MessageAttributeNames: []string{names}})
		if err != nil {
			t.Fatal(err)
		}
		if got := len(out.Messages[0].MessageAttributes); got != want {
			t.Errorf("%s: got %d attributes, want %d", names, got, want)
		}
	}
}

func TestATooLongEntryCannotBeValidated(t *testing.T) {
	e := open(t)
	e.create(t, "q", "MaximumMessageSize", "1024")
	body := strings.Repeat("x", 1025)
	got := e.raw(t, "SendMessageBatch", `{"QueueUrl": "q", "Entries": [{"Id": "a", "MessageBody": "`+body+`"}]}`)
	want := `{"Failed":[{"Code":"InvalidParameterValue","Id":"a","SenderFault":true,` +
		`"Message":"One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes."}]}`
	if diff := cmp.Diff(object(t, want), object(t, got.body)); diff != "" {
		t.Errorf("a batch (-want +got):\n%s", diff)
	}
}

func TestTheLastTagLeavesNothing(t *testing.T) {
	e := open(t)
	e.create(t, "q")
	e.raw(t, "TagQueue", `{"QueueUrl": "q", "Tags": {"a": ""}}`)
	e.raw(t, "UntagQueue", `{"QueueUrl": "q", "TagKeys": ["a"]}`)
	if got := e.raw(t, "ListQueueTags", `{"QueueUrl": "q"}`); got.body != `{}` {
		t.Errorf("got %s, want no tags", got.body)
	}
}

func TestThePeriodOfNoKeyIsNotShown(t *testing.T) {
	e := open(t)
	url := e.create(t, "q", "KmsMasterKeyId", "k", "KmsDataKeyReusePeriodSeconds", "6000")
	if got := e.attributes(t, url, "All")["KmsDataKeyReusePeriodSeconds"]; got != "6000" {
		t.Errorf("with a key: got %q, want 6000", got)
	}
	_, err := e.SetQueueAttributes(t.Context(), &sdk.SetQueueAttributesInput{QueueUrl: &url, Attributes: map[string]string{
		"KmsMasterKeyId": "", "KmsDataKeyReusePeriodSeconds": "300",
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := e.attributes(t, url, "All")["KmsDataKeyReusePeriodSeconds"]; ok {
		t.Errorf("without a key: got %q, want none", got)
	}
}

// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-monitoring-using-x-ray.html
func TestATraceOfTheRequestIsTheMessages(t *testing.T) {
	e := open(t)
	url := e.create(t, "q")
	const ofRequest, ofMessage = "Root=1-3152b799-8954dae64eda91bc9a23a7e8;Sampled=1", "Root=1-5759e988-bd862e3fe1be46a994272793"
	attribute := `, "MessageSystemAttributes": {"AWSTraceHeader": {"DataType": "String", "StringValue": "` + ofMessage + `"}}`
	header := func(operation string) http.Header {
		return http.Header{"X-Amz-Target": {"AmazonSQS." + operation}, "X-Amzn-Trace-Id": {ofRequest}}
	}
	e.post(t, header("SendMessage"), `{"QueueUrl": "q", "MessageBody": "request"}`)
	e.post(t, header("SendMessage"), `{"QueueUrl": "q", "MessageBody": "message"`+attribute+`}`)
	e.post(t, header("SendMessageBatch"), `{"QueueUrl": "q", "Entries": [{"Id": "a", "MessageBody": "entry"}]}`)
	e.raw(t, "SendMessage", `{"QueueUrl": "q", "MessageBody": "none"}`)
	got := map[string]string{}
	for _, m := range e.receive(t, url) {
		got[*m.Body] = m.Attributes["AWSTraceHeader"]
	}
	if diff := cmp.Diff(map[string]string{"request": ofRequest, "message": ofMessage, "entry": ofRequest, "none": ""}, got); diff != "" {
		t.Errorf("traces (-want +got):\n%s", diff)
	}
}
