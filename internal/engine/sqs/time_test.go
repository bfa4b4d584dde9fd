package sqs_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/engine/sqs"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

func TestVisibilityTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t)
		url := e.create(t, "q", "VisibilityTimeout", "30")
		e.send(t, url, "x")
		m := e.receive(t, url)[0]

		time.Sleep(30*time.Second - time.Millisecond)
		e.wantCounts(t, url, "0 visible, 1 in flight, 0 delayed")
		e.hide(t, url, m, 30)
		time.Sleep(30*time.Second - time.Millisecond)
		e = e.crash(t)
		e.wantCounts(t, url, "0 visible, 1 in flight, 0 delayed")
		time.Sleep(time.Millisecond)
		e.wantCounts(t, url, "1 visible, 0 in flight, 0 delayed")

		// The handle is still that of the latest reception.
		e.hide(t, url, m, 10)
		e.wantCounts(t, url, "0 visible, 1 in flight, 0 delayed")
		e.hide(t, url, m, 0)
		m = e.receive(t, url)[0]
		if got := m.Attributes["ApproximateReceiveCount"]; got != "2" {
			t.Errorf("receptions: got %s, want 2", got)
		}
	})
}

func TestVisibilityEndsTwelveHoursAfterReception(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t)
		url := e.create(t, "q")
		e.send(t, url, "x")
		time.Sleep(time.Hour) // before the reception does not count
		m := e.receive(t, url)[0]
		e.hide(t, url, m, 43200)
		time.Sleep(10 * time.Hour)
		e.hide(t, url, m, 2*3600)
		_, err := e.ChangeMessageVisibility(t.Context(), &sdk.ChangeMessageVisibilityInput{
			QueueUrl: &url, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 2*3600 + 1,
		})
		if want := "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]."; code(err) !=
			"InvalidParameterValue" || !strings.Contains(message(err), want) {
			t.Errorf("13 hours: got %v, want InvalidParameterValue: %s", err, want)
		}
		time.Sleep(2 * time.Hour)
		e.hide(t, url, e.receive(t, url)[0], 43200)
	})
}

func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t)
		url := e.create(t, "q", "DelaySeconds", "60", "VisibilityTimeout", "600")
		e.send(t, url, "as the queue says")
		if _, err := e.SendMessage(t.Context(), &sdk.SendMessageInput{
			QueueUrl: &url, MessageBody: aws.String("as the message says"), DelaySeconds: 30,
		}); err != nil {
			t.Fatal(err)
		}
		// The SDK leaves out a 0; other clients do not.
		if r := e.raw(t, "SendMessage", `{"QueueUrl": "`+url+`", "MessageBody": "now", "DelaySeconds": 0}`); r.status != 200 {
			t.Fatalf("sending with a delay of 0: got %d %s", r.status, r.body)
		}
		if r := e.raw(t, "SendMessageBatch", `{"QueueUrl": "`+url+`", "Entries": [{"Id": "a", "MessageBody": "never"}, `+
			`{"Id": "b", "MessageBody": "now too", "DelaySeconds": 0}]}`); r.status != 200 {
			t.Fatalf("sending a batch with a delay of 0: got %d %s", r.status, r.body)
		}
		e = e.crash(t)
		for _, want := range [][]string{{"now", "now too"}, {"as the message says"}, {"as the queue says", "never"}} {
			if diff := cmp.Diff(want, bodies(e.receive(t, url))); diff != "" {
				t.Errorf("visible messages (-want +got):\n%s", diff)
			}
			time.Sleep(30*time.Second - time.Millisecond)
			if got := e.counts(t, url); strings.HasPrefix(got, "1 visible") {
				t.Errorf("a moment too early: got %s", got)
			}
			time.Sleep(time.Millisecond)
		}
	})
}

func TestRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t)
		url := e.create(t, "q", "MessageRetentionPeriod", "120", "VisibilityTimeout", "600")
		e.send(t, url, "in flight")
		e.receive(t, url)
		e.send(t, url, "visible")
		time.Sleep(time.Minute)
		e.send(t, url, "young")
		time.Sleep(time.Minute - time.Millisecond)
		e.wantCounts(t, url, "2 visible, 1 in flight, 0 delayed")
		time.Sleep(time.Millisecond)
		e.wantCounts(t, url, "1 visible, 0 in flight, 0 delayed")
		e = e.crash(t)
		e.wantCounts(t, url, "1 visible, 0 in flight, 0 delayed")

		if _, err := e.SetQueueAttributes(t.Context(), &sdk.SetQueueAttributesInput{
			QueueUrl: &url, Attributes: map[string]string{"MessageRetentionPeriod": "60"},
		}); err != nil {
			t.Fatal(err)
		}
		e.wantCounts(t, url, "0 visible, 0 in flight, 0 delayed")
		synctest.Wait()
		time.Sleep(time.Second) // the deletion is real work of another goroutine
		var rows int
		if err := e.store.QueryRow(t.Context(), "SELECT count(*) FROM sqs_message").Scan(&rows); err != nil || rows != 0 {
			t.Errorf("messages in the store: got %d, %v, want none", rows, err)
		}
	})
}

func TestRedrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t)
		redrive := func(target string) string {
			return fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":2}`, account.ARN("sqs", target))
		}
		last := e.create(t, "last")
		dead := e.create(t, "dead", "RedrivePolicy", redrive("last"))
		url := e.create(t, "q", "VisibilityTimeout", "10", "RedrivePolicy", redrive("dead"))
		e.send(t, url, "poison")
		e.send(t, url, "poison too")
		sent := fmt.Sprint(time.Now().UnixMilli())
		for range 2 {
			if got := e.receive(t, url); len(got) != 2 {
				t.Fatalf("receiving: got %d messages, want 2", len(got))
			}
			time.Sleep(10 * time.Second)
			e = e.crash(t)
		}
		e.wantCounts(t, url, "2 visible, 0 in flight, 0 delayed")
		if got := e.receive(t, url); len(got) != 0 {
			t.Fatalf("receiving poison once more: got %q, want nothing", bodies(got))
		}
		e = e.crash(t)
		e.wantCounts(t, url, "0 visible, 0 in flight, 0 delayed")

		// Receptions count on, but each queue grants its own number of them.
		for i := range 2 {
			got := e.receive(t, dead)
			if len(got) != 2 {
				t.Fatalf("dead letters: got %d, want 2", len(got))
			}
			if got, want := got[0].Attributes["ApproximateReceiveCount"], fmt.Sprint(3+i); got != want {
				t.Errorf("receptions: got %s, want %s", got, want)
			}
			if got, want := got[0].Attributes["DeadLetterQueueSourceArn"], account.ARN("sqs", "q"); got != want {
				t.Errorf("source of a dead letter: got %s, want %s", got, want)
			}
			if got := got[0].Attributes["SentTimestamp"]; got != sent {
				t.Errorf("a dead letter was sent at %s, want %s", got, sent)
			}
			e.hide(t, dead, got[0], 0)
			e.hide(t, dead, got[1], 0)
		}
		if got := e.receive(t, dead); len(got) != 0 {
			t.Fatalf("receiving dead letters once more: got %q, want nothing", bodies(got))
		}
		got := e.receive(t, last)
		if diff := cmp.Diff([]string{"poison", "poison too"}, bodies(got)); diff != "" {
			t.Errorf("letters dead twice (-want +got):\n%s", diff)
		}
	})
}

// wait receives in the background, for up to 20 seconds, and sends what came.
func (e *engine) wait(ctx context.Context, wg *sync.WaitGroup, url string, most int32) <-chan []string {
	got := make(chan []string, 1)
	wg.Go(func() {
		out, err := e.ReceiveMessage(ctx, &sdk.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: most, WaitTimeSeconds: 20})
		if err != nil {
			got <- []string{code(err)}
			return
		}
		got <- bodies(out.Messages)
	})
	synctest.Wait() // until it is in the line
	return got
}

func TestLongPollsAreServedInTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t)
		url := e.create(t, "q")
		var wg sync.WaitGroup
		var waiters []<-chan []string
		for range 4 {
			waiters = append(waiters, e.wait(t.Context(), &wg, url, 2))
		}
		var entries []types.SendMessageBatchRequestEntry
		for _, id := range []string{"1", "2", "3"} {
			entries = append(entries, types.SendMessageBatchRequestEntry{Id: aws.String(id), MessageBody: aws.String(id)})
		}
		start := time.Now()
		if _, err := e.SendMessageBatch(t.Context(), &sdk.SendMessageBatchInput{QueueUrl: &url, Entries: entries}); err != nil {
			t.Fatal(err)
		}
		for i, want := range [][]string{{"1", "2"}, {"3"}} {
			if diff := cmp.Diff(want, <-waiters[i]); diff != "" {
				t.Errorf("waiter %d (-want +got):\n%s", i, diff)
			}
		}
		if got := time.Since(start); got != 0 {
			t.Errorf("time until served: got %v, want 0", got)
		}
		if _, err := e.SendMessage(t.Context(), &sdk.SendMessageInput{
			QueueUrl: &url, MessageBody: aws.String("delayed"), DelaySeconds: 7,
		}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"delayed"}, <-waiters[2]); diff != "" {
			t.Errorf("waiter 2 (-want +got):\n%s", diff)
		}
		if got, want := time.Since(start), 7*time.Second; got != want {
			t.Errorf("time until the delay was over: got %v, want %v", got, want)
		}
		if got := <-waiters[3]; got != nil {
			t.Errorf("waiter 3: got %q, want nothing", got)
		}
		if got, want := time.Since(start), 20*time.Second; got != want {
			t.Errorf("time until the last gave up: got %v, want %v", got, want)
		}
		wg.Wait()
		want := []sqs.QueueCount{{Name: "q", InFlight: 4, OldestAge: 20 * time.Second, Sent: 4, Received: 4, Empty: 1, Sizes: sqs.Sizes{Sum: 10, Smallest: 1, Largest: 7}}}
		if diff := cmp.Diff(want, e.service.Counts()); diff != "" {
			t.Errorf("counts (-want +got):\n%s", diff)
		}
		want[0].Sent, want[0].Received, want[0].Empty, want[0].Sizes = 0, 0, 0, sqs.Sizes{}
		if diff := cmp.Diff(want, e.service.Counts()); diff != "" {
			t.Errorf("counts of no time (-want +got):\n%s", diff)
		}
	})
}

func TestLongPollGetsWhatOthersLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t)
		url := e.create(t, "q", "VisibilityTimeout", "5", "ReceiveMessageWaitTimeSeconds", "20")
		e.send(t, url, "x")
		e.receive(t, url)
		var wg sync.WaitGroup
		start := time.Now()
		if got := <-e.wait(t.Context(), &wg, url, 1); len(got) != 1 || time.Since(start) != 5*time.Second {
			t.Errorf("got %q after %v, want the message after 5s", got, time.Since(start))
		}
		waiter := e.wait(t.Context(), &wg, url, 1)
		if _, err := e.DeleteQueue(t.Context(), &sdk.DeleteQueueInput{QueueUrl: &url}); err != nil {
			t.Fatal(err)
		}
		if got := <-waiter; len(got) != 1 || got[0] != "AWS.SimpleQueueService.NonExistentQueue" {
			t.Errorf("waiting at a deleted queue: got %q, want NonExistentQueue", got)
		}
		wg.Wait()
	})
}

func TestClientThatLeftGetsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t)
		url := e.create(t, "q")
		var wg sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		left := e.wait(ctx, &wg, url, 1)
		stays := e.wait(t.Context(), &wg, url, 1)
		cancel()
		<-left
		e.send(t, url, "x")
		if diff := cmp.Diff([]string{"x"}, <-stays); diff != "" {
			t.Errorf("who stayed (-want +got):\n%s", diff)
		}
		wg.Wait()
	})
}

// A message that is handed to a waiter in the moment in which it leaves goes to
// the next one.
func TestClientThatLeavesWhileItIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t)
		url := e.create(t, "q")
		e.send(t, url, "x")
		e.receive(t, url)
		var wg sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		left := e.wait(ctx, &wg, url, 1)
		stays := e.wait(t.Context(), &wg, url, 1)
		start := time.Now()
		e.service.Release("q", cancel)
		<-left
		if got := <-stays; len(got) != 1 || time.Since(start) != 0 {
			t.Errorf("who stayed: got %q after %v, want the message at once", got, time.Since(start))
		}
		wg.Wait()
	})
}

// pause keeps the store from committing until the result is called.
func (e *engine) pause(t *testing.T, wg *sync.WaitGroup) (resume func()) {
	t.Helper()
	entered, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	wg.Go(func() {
		if err := e.store.Update(t.Context(), func(*store.Tx) error {
			once.Do(func() { close(entered); <-release })
			return nil
		}); err != nil {
			t.Error(err)
		}
	})
	<-entered
	return func() { close(release) }
}

// A client that leaves while its reception is being committed leaves the
// message as if it had not been received, on disk too.
func TestClientThatLeavesDuringTheCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t)
		url := e.create(t, "q")
		e.send(t, url, "x")

		var wg sync.WaitGroup
		resume := e.pause(t, &wg)
		ctx, cancel := context.WithCancel(t.Context())
		left := e.wait(ctx, &wg, url, 1)
		e.wantCounts(t, url, "0 visible, 1 in flight, 0 delayed")
		stays := e.wait(t.Context(), &wg, url, 1)
		cancel()
		resume()
		if got := <-left; len(got) == 1 && got[0] == "x" {
			t.Errorf("who left got the message")
		}
		if diff := cmp.Diff([]string{"x"}, <-stays); diff != "" {
			t.Errorf("who stayed (-want +got):\n%s", diff)
		}
		wg.Wait()
		e = e.crash(t)
		time.Sleep(30 * time.Second)
		if got := e.receive(t, url)[0].Attributes["ApproximateReceiveCount"]; got != "2" {
			t.Errorf("receptions: got %s, want 2", got)
		}
	})
}

// Dead letters that the same commit has moved stay moved.
func TestClientThatLeavesWhileLettersDie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t)
		dead := e.create(t, "dead")
		url := e.create(t, "q", "RedrivePolicy",
			fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":1}`, account.ARN("sqs", "dead")))
		e.send(t, url, "poison")
		e.hide(t, url, e.receive(t, url)[0], 0)
		e.send(t, url, "x")

		var wg sync.WaitGroup
		resume := e.pause(t, &wg)
		ctx, cancel := context.WithCancel(t.Context())
		left := e.wait(ctx, &wg, url, 2)
		cancel()
		resume()
		<-left
		wg.Wait()
		for range 2 {
			e.wantCounts(t, url, "1 visible, 0 in flight, 0 delayed")
			e.wantCounts(t, dead, "1 visible, 0 in flight, 0 delayed")
			e = e.crash(t)
		}
	})
}

// Whoever names messages that a commit is busy with waits for its end.
func TestDeletingWhatIsBeingChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t)
		url := e.create(t, "q")
		e.send(t, url, "x")
		m := e.receive(t, url)[0]
		var wg sync.WaitGroup
		resume := e.pause(t, &wg)
		wg.Go(func() { e.hide(t, url, m, 0) })
		synctest.Wait()
		wg.Go(func() { e.remove(t, url, m) })
		wg.Go(func() { e.remove(t, url, m) })
		synctest.Wait()
		e.wantCounts(t, url, "0 visible, 1 in flight, 0 delayed")
		resume()
		wg.Wait()
		e = e.crash(t)
		e.wantCounts(t, url, "0 visible, 0 in flight, 0 delayed")
	})
}

func TestPurge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t)
		url := e.create(t, "q", "DelaySeconds", "0")
		e.send(t, url, "in flight")
		m := e.receive(t, url)[0]
		e.send(t, url, "visible")
		purge := func() error {
			_, err := e.PurgeQueue(t.Context(), &sdk.PurgeQueueInput{QueueUrl: &url})
			return err
		}
		if err := purge(); err != nil {
			t.Fatal(err)
		}
		e.wantCounts(t, url, "0 visible, 0 in flight, 0 delayed")
		e.remove(t, url, m)
		time.Sleep(time.Minute - time.Millisecond)
		err := purge()
		if got, want := code(err), "AWS.SimpleQueueService.PurgeQueueInProgress"; got != want {
			t.Errorf("purging again: got %v, want %s", err, want)
		}
		if got, want := message(err), "Only one PurgeQueue operation on q is allowed every 60 seconds."; got != want {
			t.Errorf("purging again: got %q, want %q", got, want)
		}
		e.send(t, url, "after")
		e = e.crash(t)
		e.wantCounts(t, url, "1 visible, 0 in flight, 0 delayed")
		if got, want := code(purge()), "AWS.SimpleQueueService.PurgeQueueInProgress"; got != want {
			t.Errorf("purging again after a restart: got %v, want %s", got, want)
		}
		time.Sleep(time.Millisecond)
		if err := purge(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestNamesOfDeletedQueuesStayTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t)
		url := e.create(t, "q")
		if _, err := e.DeleteQueue(t.Context(), &sdk.DeleteQueueInput{QueueUrl: &url}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute - time.Millisecond)
		for range 2 {
			_, err := e.CreateQueue(t.Context(), &sdk.CreateQueueInput{QueueName: aws.String("q")})
			const want = "You must wait 60 seconds after deleting a queue before you can create another with the same name."
			if code(err) != "AWS.SimpleQueueService.QueueDeletedRecently" || message(err) != want {
				t.Errorf("got %v, want AWS.SimpleQueueService.QueueDeletedRecently: %s", err, want)
			}
			e = e.crash(t)
		}
		time.Sleep(time.Millisecond)
		e.create(t, "q")
		e = e.crash(t)
		e.create(t, "q")
	})
}

func TestNobodyHasToWait(t *testing.T) {
	e := open(t)
	service, err := sqs.New(t.Context(), sqs.Config{Store: e.store, Account: account, Endpoint: "http://engine.local", Wait: -1})
	if err != nil {
		t.Fatal(err)
	}
	h := wire.NewHandler(wire.Config{Services: []*wire.Service{service.Wire()}})
	e.Client = sdk.NewFromConfig(wire.Client(h, nil, account))
	for range 2 {
		url := e.create(t, "q")
		for range 2 {
			if _, err := e.PurgeQueue(t.Context(), &sdk.PurgeQueueInput{QueueUrl: &url}); err != nil {
				t.Error(err)
			}
		}
		if _, err := e.DeleteQueue(t.Context(), &sdk.DeleteQueueInput{QueueUrl: &url}); err != nil {
			t.Error(err)
		}
	}
}

func TestMessagesInFlightAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t)
		url := e.create(t, "q")
		e.service.Fill("q", 120_000, 1, time.Now().Add(7*time.Second).UnixMilli())
		e.send(t, url, "x")
		_, err := e.ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{QueueUrl: &url})
		if got, want := code(err), "OverLimit"; got != want {
			t.Errorf("receiving at the limit: got %v, want %s", err, want)
		}
		var wg sync.WaitGroup
		start := time.Now()
		if got := <-e.wait(t.Context(), &wg, url, 1); len(got) != 1 || time.Since(start) != 7*time.Second {
			t.Errorf("waiting at the limit: got %q after %v, want the message after 7s", got, time.Since(start))
		}
		wg.Wait()
	})
}

// FIFO queues say nothing of it.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
func TestMessagesInFlightOfFIFOQueuesAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t)
		url := e.createFIFO(t, "q.fifo")
		e.service.Fill("q.fifo", 120_000, 1, time.Now().Add(7*time.Second).UnixMilli())
		e.put(t, url, "g:1")
		e.wantBodies(t, url)
		e.wantCounts(t, url, "1 visible, 120000 in flight, 0 delayed")
	})
}

// Clients come and go while messages are committed: each message is consumed
// once. Nobody's visibility timeout runs out meanwhile, since time stands still
// as long as anybody works.
func TestEveryMessageIsConsumedOnce(t *testing.T) {
	const producers, consumers, each = 4, 8, 100
	synctest.Test(t, func(t *testing.T) {
		e := open(t)
		url := e.create(t, "q")
		ctx, stop := context.WithCancel(t.Context())
		var (
			wg       sync.WaitGroup
			mu       sync.Mutex
			consumed = map[string]int{}
		)
		for p := range producers {
			wg.Go(func() {
				for i := range each {
					body := fmt.Sprint(p, " ", i)
					if _, err := e.SendMessage(ctx, &sdk.SendMessageInput{QueueUrl: &url, MessageBody: &body}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for c := range consumers {
			wg.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					client, leave := context.WithCancel(ctx)
					if (c+i)%3 == 0 {
						wg.Go(leave) // while the request is under way, perhaps
					}
					out, err := e.ReceiveMessage(client, &sdk.ReceiveMessageInput{
						QueueUrl: &url, MaxNumberOfMessages: int32(1 + c), WaitTimeSeconds: 20,
					})
					leave()
					if err != nil {
						continue
					}
					for _, m := range out.Messages {
						e.remove(t, url, m)
						mu.Lock()
						consumed[*m.Body]++
						if len(consumed) == producers*each {
							stop()
						}
						mu.Unlock()
					}
				}
			})
		}
		wg.Wait()
		stop()
		for body, times := range consumed {
			if times != 1 {
				t.Errorf("message %s: consumed %d times, want once", body, times)
			}
		}
		e.wantCounts(t, url, "0 visible, 0 in flight, 0 delayed")
	})
}
