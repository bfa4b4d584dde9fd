package sqs_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"
)

func (e *engine) createFIFO(t testing.TB, name string, attributes ...string) string {
	t.Helper()
	return e.create(t, name, append([]string{"FifoQueue", "true"}, attributes...)...)
}

// put sends messages, written as group:body, each its own deduplication ID.
func (e *engine) put(t testing.TB, url string, messages ...string) (sequences []string) {
	t.Helper()
	for _, m := range messages {
		group, _, _ := strings.Cut(m, ":")
		out, err := e.SendMessage(t.Context(), &sdk.SendMessageInput{
			QueueUrl: &url, MessageBody: &m, MessageGroupId: &group, MessageDeduplicationId: &m,
		})
		if err != nil {
			t.Fatal(err)
		}
		sequences = append(sequences, *out.SequenceNumber)
	}
	return sequences
}

func (e *engine) wantBodies(t testing.TB, url string, want ...string) []types.Message {
	t.Helper()
	got := e.receive(t, url)
	if diff := cmp.Diff(want, bodies(got)); diff != "" {
		t.Errorf("received (-want +got):\n%s", diff)
	}
	return got
}

func TestGroupsKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t)
		url := e.createFIFO(t, "q.fifo", "VisibilityTimeout", "30")
		e.put(t, url, "a:1", "b:1", "a:2", "b:2", "a:3")
		e = e.crash(t)

		out, err := e.ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 2})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"a:1", "a:2"}, bodies(out.Messages)); diff != "" {
			t.Errorf("a batch is of one group first (-want +got):\n%s", diff)
		}
		a1, a2 := out.Messages[0], out.Messages[1]
		e = e.crash(t)
		b := e.wantBodies(t, url, "b:1", "b:2")
		e.wantCounts(t, url, "1 visible, 4 in flight, 0 delayed")
		e.wantBodies(t, url) // a:3 waits for the others of its group

		e.remove(t, url, a1)
		e.hide(t, url, b[0], 0)
		b[0] = e.wantBodies(t, url, "b:1")[0] // which b:2, that comes after it, does not keep back
		e.hide(t, url, b[1], 0)
		e.wantBodies(t, url)
		e.hide(t, url, b[0], 0)
		e.wantBodies(t, url, "b:1", "b:2")
		e.hide(t, url, a2, 0)
		e.wantBodies(t, url, "a:2", "a:3")
		e.put(t, url, "b:3")
		time.Sleep(30 * time.Second)
		e = e.crash(t)
		e.wantBodies(t, url, "b:1", "b:2", "b:3", "a:2", "a:3")
	})
}

func TestWaitersAreServedByGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t)
		url := e.createFIFO(t, "q.fifo")
		var wg sync.WaitGroup
		first, second := e.wait(t.Context(), &wg, url, 1), e.wait(t.Context(), &wg, url, 1)
		e.put(t, url, "a:1", "a:2", "b:1")
		if diff := cmp.Diff([][]string{{"a:1"}, {"b:1"}}, [][]string{<-first, <-second}); diff != "" {
			t.Errorf("received (-want +got):\n%s", diff)
		}
		wg.Wait()
	})
}

// Whatever happens at the same time, what is received is in the order of the
// sequence numbers that senders were told.
func TestSequenceNumbersGrow(t *testing.T) {
	e := open(t)
	url := e.createFIFO(t, "q.fifo")
	var wg sync.WaitGroup
	for p := range 8 {
		wg.Go(func() {
			for i := range 10 {
				e.put(t, url, fmt.Sprintf("g:%d-%d", p, i))
			}
		})
	}
	var got []string
	deadline := time.Now().Add(time.Minute)
	for len(got) < 80 && time.Now().Before(deadline) {
		for _, m := range e.receive(t, url) {
			got = append(got, m.Attributes["SequenceNumber"])
			e.remove(t, url, m)
		}
	}
	wg.Wait()
	if len(got) != 80 || !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != 80 || len(got[0]) != 20 {
		t.Fatalf("got %q, want 80 growing numbers of 20 digits", got)
	}
	e = e.crash(t) // all messages are gone
	if next := e.put(t, url, "g:next"); next[0] <= got[79] {
		t.Errorf("after a restart: got sequence number %s, want one above %s", next[0], got[79])
	}
}

func TestDeduplication(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t)
		url := e.createFIFO(t, "q.fifo", "ContentBasedDeduplication", "true")
		send := func(url, group, id, body string) *sdk.SendMessageOutput {
			t.Helper()
			in := &sdk.SendMessageInput{QueueUrl: &url, MessageBody: &body, MessageGroupId: &group}
			if id != "" {
				in.MessageDeduplicationId = &id
			}
			out, err := e.SendMessage(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		first := send(url, "a", "", "x")
		const hash = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881" // of x
		m := e.wantBodies(t, url, "x")[0]
		if got := m.Attributes["MessageDeduplicationId"]; got != hash {
			t.Errorf("deduplication ID: got %s, want the SHA-256 of the body", got)
		}
		e.remove(t, url, m)
		e = e.crash(t)
		for _, again := range []*sdk.SendMessageOutput{send(url, "a", "", "x"), send(url, "b", "", "x"), send(url, "a", hash, "y")} {
			if *again.MessageId != *first.MessageId || *again.SequenceNumber != *first.SequenceNumber {
				t.Errorf("a duplicate: got %s, %s, want %s, %s", *again.MessageId, *again.SequenceNumber, *first.MessageId, *first.SequenceNumber)
			}
		}
		e.wantCounts(t, url, "0 visible, 0 in flight, 0 delayed")
		send(url, "a", "id", "x")
		e.wantCounts(t, url, "1 visible, 0 in flight, 0 delayed")

		time.Sleep(5*time.Minute - time.Millisecond)
		send(url, "a", "", "x")
		e.wantCounts(t, url, "1 visible, 0 in flight, 0 delayed")
		time.Sleep(time.Millisecond)
		send(url, "a", "", "x")
		e.wantCounts(t, url, "2 visible, 0 in flight, 0 delayed")
		if _, err := e.PurgeQueue(t.Context(), &sdk.PurgeQueueInput{QueueUrl: &url}); err != nil {
			t.Fatal(err)
		}
		send(url, "a", "", "x")
		e.wantCounts(t, url, "1 visible, 0 in flight, 0 delayed")

		byGroup := e.createFIFO(t, "g.fifo", "DeduplicationScope", "messageGroup")
		send(byGroup, "a", "1", "x")
		send(byGroup, "b", "1", "x")
		send(byGroup, "a", "1", "y")
		e.wantBodies(t, byGroup, "x", "x")
	})
}

func TestBatchesOfFIFOQueues(t *testing.T) {
	e := open(t)
	url := e.createFIFO(t, "q.fifo")
	entry := func(id, group, dedup string) types.SendMessageBatchRequestEntry {
		return types.SendMessageBatchRequestEntry{Id: &id, MessageBody: &id, MessageGroupId: &group, MessageDeduplicationId: &dedup}
	}
	out, err := e.SendMessageBatch(t.Context(), &sdk.SendMessageBatchInput{QueueUrl: &url, Entries: []types.SendMessageBatchRequestEntry{
		entry("1", "a", "x"), entry("2", "a", "y"), entry("3", "a", "x"), entry("4", "a", "not this"), entry("5", "b", "z"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := outcome(out.Successful, out.Failed), "1 2 3 5 | 4 InvalidParameterValue"; got != want {
		t.Errorf("sent: got %s, want %s", got, want)
	}
	if a, b := out.Successful[0], out.Successful[2]; *a.MessageId != *b.MessageId || *a.SequenceNumber != *b.SequenceNumber {
		t.Errorf("a duplicate within the batch: got %+v, want what %+v says", b, a)
	}
	e.wantBodies(t, url, "1", "2", "5")
	noGroup, noID := entry("1", "", "x"), entry("1", "a", "x")
	noGroup.MessageGroupId, noID.MessageDeduplicationId = nil, nil
	for _, tt := range []struct {
		entry   types.SendMessageBatchRequestEntry
		message string
	}{
		{noGroup, "The request must contain the parameter MessageGroupId."},
		{noID, "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"},
	} {
		_, err := e.SendMessageBatch(t.Context(), &sdk.SendMessageBatchInput{QueueUrl: &url,
			Entries: []types.SendMessageBatchRequestEntry{entry("2", "a", "y"), tt.entry}})
		if code(err) != "InvalidParameterValue" || message(err) != tt.message {
			t.Errorf("got %v, want InvalidParameterValue: %s", err, tt.message)
		}
	}
}

// Recorded from AWS, but for the limits of the ids.
func TestFIFORefusals(t *testing.T) {
	e := open(t)
	url, standard := e.createFIFO(t, "q.fifo"), e.create(t, "q")
	send := func(change func(*sdk.SendMessageInput)) error {
		in := &sdk.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("x"), MessageGroupId: aws.String("g"), MessageDeduplicationId: aws.String("d")}
		change(in)
		_, err := e.SendMessage(t.Context(), in)
		return err
	}
	set := func(url, name, value string) error {
		_, err := e.SetQueueAttributes(t.Context(), &sdk.SetQueueAttributesInput{QueueUrl: &url, Attributes: map[string]string{name: value}})
		return err
	}
	redrive := func(target string) string {
		return fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":3}`, account.ARN("sqs", target))
	}
	receive := func(url, attempt string) error {
		_, err := e.ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{QueueUrl: &url, ReceiveRequestAttemptId: &attempt})
		return err
	}
	create := func(attributes map[string]string) error {
		attributes["FifoQueue"] = "true"
		_, err := e.CreateQueue(t.Context(), &sdk.CreateQueueInput{QueueName: aws.String("x.fifo"), Attributes: attributes})
		return err
	}
	long := strings.Repeat("x", 129)
	for _, tt := range []struct {
		err           error
		code, message string
	}{
		{send(func(in *sdk.SendMessageInput) { in.MessageGroupId = nil }), "MissingParameter", "The request must contain the parameter MessageGroupId."},
		{send(func(in *sdk.SendMessageInput) { in.MessageDeduplicationId = nil }), "InvalidParameterValue", "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"},
		{send(func(in *sdk.SendMessageInput) { in.DelaySeconds = 2 }), "InvalidParameterValue", "Value 2 for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type."},
		{send(func(in *sdk.SendMessageInput) { in.MessageGroupId = &long }), "InvalidParameterValue", "Value " + long + " for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length."},
		{send(func(in *sdk.SendMessageInput) { in.MessageDeduplicationId = &long }), "InvalidParameterValue", "Value " + long + " for parameter MessageDeduplicationId is invalid. Reason: MessageDeduplicationId can only include alphanumeric and punctuation characters. 1 to 128 in length."},
		{send(func(*sdk.SendMessageInput) {}), "<nil>", "<nil>"},
		{set(standard, "FifoQueue", "true"), "InvalidAttributeName", "Unknown Attribute FifoQueue."},
		{set(url, "FifoQueue", "false"), "InvalidAttributeValue", "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported."},
		{set(url, "FifoQueue", "true"), "<nil>", "<nil>"},
		{set(url, "DeduplicationScope", "group"), "InvalidAttributeValue", "Invalid value for the parameter DeduplicationScope."},
		{set(url, "FifoThroughputLimit", "none"), "InvalidAttributeValue", "Invalid value for the parameter FifoThroughputLimit."},
		{set(url, "FifoThroughputLimit", "perMessageGroupId"), "InvalidAttributeValue", "Invalid value for the parameter FifoThroughputLimit. Reason: To set FifoThroughputLimit to perMessageGroupId, the DeduplicationScope must be messageGroup."},
		{create(map[string]string{"FifoThroughputLimit": "perMessageGroupId"}), "InvalidAttributeValue", "Invalid value for the parameter FifoThroughputLimit. Reason: To set FifoThroughputLimit to perMessageGroupId, the DeduplicationScope must be messageGroup."},
		{create(map[string]string{"FifoThroughputLimit": "perMessageGroupId", "DeduplicationScope": "messageGroup"}), "<nil>", "<nil>"},
		{create(map[string]string{"ContentBasedDeduplication": "true"}), "QueueAlreadyExists", "A queue already exists with the same name and a different value for attribute ContentBasedDeduplication"},
		{set(url, "RedrivePolicy", redrive("q")), "InvalidParameterValue", "Value " + redrive("q") + " for parameter RedrivePolicy is invalid. Reason: Dead-letter queue must be same type of queue as the source.."},
		{set(standard, "RedrivePolicy", redrive("q.fifo")), "InvalidParameterValue", "Value " + redrive("q.fifo") + " for parameter RedrivePolicy is invalid. Reason: Dead-letter queue must be same type of queue as the source.."},
		{receive(standard, "a"), "InvalidParameterValue", "Value a for parameter ReceiveRequestAttemptId is invalid. Reason: The request include parameter that is not valid for this queue type."},
		{receive(url, "a b"), "InvalidParameterValue", "Value a b for parameter ReceiveRequestAttemptId is invalid. Reason: ReceiveRequestAttemptId can only include alphanumeric and punctuation characters. 1 to 128 in length."},
	} {
		if code(tt.err) != tt.code || message(tt.err) != tt.message {
			t.Errorf("got %v, want %s: %s", tt.err, tt.code, tt.message)
		}
	}
	got := e.attributes(t, url, "FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit")
	want := map[string]string{"FifoQueue": "true", "ContentBasedDeduplication": "false", "DeduplicationScope": "queue", "FifoThroughputLimit": "perQueue"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
}

// Recorded from AWS, 2023-05-06.
func TestHandlesOfFIFOQueuesExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t)
		url := e.createFIFO(t, "q.fifo", "VisibilityTimeout", "2")
		e.put(t, url, "g:1", "g:2")
		old := e.wantBodies(t, url, "g:1", "g:2")
		e.remove(t, url, old[1])
		e.remove(t, url, old[1])
		time.Sleep(2 * time.Second)
		for range 2 {
			_, err := e.DeleteMessage(t.Context(), &sdk.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: old[0].ReceiptHandle})
			want := fmt.Sprintf("Value %s for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.", *old[0].ReceiptHandle)
			if code(err) != "InvalidParameterValue" || message(err) != want {
				t.Errorf("got %v, want InvalidParameterValue: %s", err, want)
			}
			_, err = e.ChangeMessageVisibility(t.Context(), &sdk.ChangeMessageVisibilityInput{QueueUrl: &url, ReceiptHandle: old[0].ReceiptHandle, VisibilityTimeout: 9})
			if code(err) != "InvalidParameterValue" {
				t.Errorf("hiding: got %v, want InvalidParameterValue", err)
			}
			e.receive(t, url) // by somebody else
		}
		e.wantCounts(t, url, "0 visible, 1 in flight, 0 delayed")
	})
}

func TestReceptionsAreRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t)
		url := e.createFIFO(t, "q.fifo", "VisibilityTimeout", "30")
		e.put(t, url, "a:1", "a:2", "a:3", "b:1")
		try := func(id string) []types.Message {
			t.Helper()
			out, err := e.ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 2, ReceiveRequestAttemptId: &id,
				MessageSystemAttributeNames: []types.MessageSystemAttributeName{"ApproximateReceiveCount"}})
			if err != nil {
				t.Fatal(err)
			}
			return out.Messages
		}
		first := try("one")
		time.Sleep(20 * time.Second)
		again := try("one")
		if diff := cmp.Diff(first, again, cmp.AllowUnexported(types.Message{})); diff != "" || len(first) != 2 {
			t.Errorf("the same attempt (-first +again):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"b:1"}, bodies(try("two"))); diff != "" {
			t.Errorf("another attempt (-want +got):\n%s", diff)
		}
		time.Sleep(20 * time.Second) // the visibility timeout counts anew
		e.wantCounts(t, url, "1 visible, 3 in flight, 0 delayed")
		e.hide(t, url, first[0], 0)
		got := try("one") // changed since, so it is a new one
		if diff := cmp.Diff([]string{"a:1"}, bodies(got)); diff != "" {
			t.Errorf("after a change (-want +got):\n%s", diff)
		}
		e.hide(t, url, got[0], 0)
		time.Sleep(10 * time.Second)
		third := try("three")
		if diff := cmp.Diff([]string{"a:1", "a:2"}, bodies(third)); diff != "" {
			t.Errorf("after the timeout (-want +got):\n%s", diff)
		}
		for range 11 {
			time.Sleep(29 * time.Second)
			e.hide(t, url, third[0], 30)
			e.hide(t, url, third[1], 30)
		}
		if got := try("three"); !slices.Equal(bodies(got), []string{"b:1"}) { // 5 minutes are over
			t.Errorf("after 5 minutes: got %q, want what is visible", bodies(got))
		}
	})
}

func TestDeadLettersOfFIFOQueues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t)
		dead := e.createFIFO(t, "dead.fifo", "MessageRetentionPeriod", "345600")
		url := e.createFIFO(t, "q.fifo", "VisibilityTimeout", "0", "MessageRetentionPeriod", "345600",
			"RedrivePolicy", fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":1}`, account.ARN("sqs", "dead.fifo")))
		sequences := e.put(t, url, "a:1", "a:2", "b:1")
		before := e.receive(t, url)
		time.Sleep(time.Hour)
		e.put(t, url, "a:3")
		e.wantBodies(t, url, "a:3") // the others have died
		moved := time.Now()
		time.Sleep(time.Hour)
		for range 2 {
			got := e.wantBodies(t, dead, "a:1", "a:2", "b:1")
			for i, m := range got {
				a := m.Attributes
				if *m.MessageId != *before[i].MessageId || a["MessageDeduplicationId"] != *m.MessageId ||
					a["DeadLetterQueueSourceArn"] != account.ARN("sqs", "q.fifo") || a["SequenceNumber"] <= sequences[2] ||
					a["SentTimestamp"] != fmt.Sprint(moved.UnixMilli()) {
					t.Errorf("a dead letter: got id %s, attributes %v", *m.MessageId, a)
				}
				e.hide(t, dead, m, 0)
			}
			e = e.crash(t)
		}

		e.move(t, "dead.fifo", "", 0)
		synctest.Wait()
		for range 2 {
			e.wantMoves(t, "dead.fifo", "COMPLETED 3/3")
			e.wantCounts(t, dead, "0 visible, 0 in flight, 0 delayed")
			e.wantCounts(t, url, "4 visible, 0 in flight, 0 delayed")
			e = e.crash(t)
		}
		// a:3 was there before the others came back, and dies of this reception.
		back := e.wantBodies(t, url, "a:1", "a:2", "b:1")
		if got := back[0].Attributes["ApproximateReceiveCount"]; got != "1" {
			t.Errorf("receptions of a message that was moved back: got %s, want 1", got)
		}
		if _, err := e.StartMessageMoveTask(t.Context(), &sdk.StartMessageMoveTaskInput{
			SourceArn: aws.String(account.ARN("sqs", "dead.fifo")), DestinationArn: aws.String(account.ARN("sqs", "standard")),
		}); code(err) != "ResourceNotFoundException" {
			t.Errorf("got %v, want ResourceNotFoundException", err)
		}
		e.create(t, "standard")
		_, err := e.StartMessageMoveTask(t.Context(), &sdk.StartMessageMoveTaskInput{
			SourceArn: aws.String(account.ARN("sqs", "dead.fifo")), DestinationArn: aws.String(account.ARN("sqs", "standard")),
		})
		if want := "The source queue and destination queue must be of the same queue type."; message(err) != want {
			t.Errorf("got %v, want %s", err, want)
		}
	})
}

// The delay of a FIFO queue holds for what is in it already.
func TestDelayOfFIFOQueues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t)
		url := e.createFIFO(t, "q.fifo", "DelaySeconds", "60", "VisibilityTimeout", "600")
		set := func(delay string) {
			if _, err := e.SetQueueAttributes(t.Context(), &sdk.SetQueueAttributesInput{QueueUrl: &url, Attributes: map[string]string{"DelaySeconds": delay}}); err != nil {
				t.Fatal(err)
			}
		}
		e.put(t, url, "a:1")
		time.Sleep(5 * time.Second)
		e.put(t, url, "a:2")
		e.wantCounts(t, url, "0 visible, 0 in flight, 2 delayed")
		set("10")
		e = e.crash(t)
		time.Sleep(5 * time.Second)
		e.wantCounts(t, url, "1 visible, 0 in flight, 1 delayed")
		set("20")
		e.wantCounts(t, url, "0 visible, 0 in flight, 2 delayed")
		time.Sleep(10 * time.Second)
		e.hide(t, url, e.wantBodies(t, url, "a:1")[0], 0)
		time.Sleep(5 * time.Second)
		e.wantBodies(t, url, "a:1", "a:2")
	})
}
