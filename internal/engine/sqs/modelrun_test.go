package sqs_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"
)

var (
	modelSeed  = flag.Uint64("seed", 0, "replay one `seed` of TestServiceKeepsToItsModel")
	modelSeeds = flag.Int("seeds", 0, "how many `seeds` TestServiceKeepsToItsModel tries (default 500, with -short 200)")
)

// Whatever one client does, and whenever the machine loses power, every answer
// is the model's, in order and time.
func TestServiceKeepsToItsModel(t *testing.T) {
	seeds := *modelSeeds
	switch {
	case *modelSeed != 0:
		seeds = 1
	case seeds == 0 && testing.Short():
		seeds = 200
	case seeds == 0:
		seeds = 500
	}
	const shards = 2 // at the same time
	for shard := range shards {
		t.Run(strconv.Itoa(shard), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := start(t, filepath.Join(fastFolder(t), "x.db"))
				for i := shard; i < seeds && !t.Failed(); i += shards {
					seed := uint64(i + 1)
					if *modelSeed != 0 {
						seed = *modelSeed
					}
					e = follow(t, e, seed)
				}
			})
		})
	}
}

// fastFolder is a folder in memory where the machine has such: durability is
// other tests' matter.
func fastFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("/dev/shm", "spate-sqs-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return folder
}

// A walk is one seed's way: operations on the service and the model alike.
type walk struct {
	t       *testing.T
	e       *engine
	r       *rand.Rand
	m       model
	seed    uint64
	log     []string
	handles map[string]*modelled
	known   []string // handles, in their order
	sends   int
	offsets int
	seqs    map[int]string // sequence numbers, by the model's
	last    string         // sequence number
	failed  bool
}

func follow(t *testing.T, e *engine, seed uint64) *engine {
	w := &walk{t: t, e: e, r: rand.New(rand.NewPCG(seed, 1)), seed: seed, handles: map[string]*modelled{}, seqs: map[int]string{}}
	w.align()
	w.setUp()
	for range 40 + w.r.IntN(60) {
		if w.failed {
			return w.e
		}
		w.act()
		w.check()
	}
	for _, q := range w.m.queues {
		w.call("DeleteQueue", map[string]any{"QueueUrl": q.name}, nil)
	}
	return w.e
}

func (w *walk) fail(format string, args ...any) {
	w.t.Helper()
	if !w.failed {
		w.t.Errorf("%s\nafter\n  %s\nreplay with: go test ./internal/engine/sqs -run TestServiceKeepsToItsModel -seed %d",
			fmt.Sprintf(format, args...), strings.Join(w.log, "\n  "), w.seed)
	}
	w.failed = true
}

func (w *walk) note(format string, args ...any) {
	w.log = append(w.log, time.Now().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
}

// call makes a request and returns the fault's code.
func (w *walk) call(operation string, in map[string]any, out any) string {
	body, err := json.Marshal(in)
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, "http://engine.local/", bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header = http.Header{"Content-Type": {"application/x-amz-json-1.0"}, "X-Amz-Target": {"AmazonSQS." + operation}, "X-Amzn-Query-Mode": {"true"}}
	answer := httptest.NewRecorder()
	w.e.handler.ServeHTTP(answer, r)
	if answer.Code != http.StatusOK {
		code, _, _ := strings.Cut(answer.Header().Get("X-Amzn-Query-Error"), ";")
		return code
	}
	if out != nil {
		if err := json.Unmarshal(answer.Body.Bytes(), out); err != nil {
			w.t.Fatalf("%s: decoding %s: %v", operation, answer.Body, err)
		}
	}
	return ""
}

// sleep lets time pass for both.
func (w *walk) sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
	w.m.advance(time.Now().UnixMilli())
}

// align waits for the next full second.
func (w *walk) align() { w.sleep(time.Second - time.Duration(time.Now().Nanosecond())) }

// apart waits for a moment of its own within 200 ms: what begins then never
// falls together with anything else, whose order would be open.
func (w *walk) apart() {
	w.offsets++
	w.sleep(time.Duration(w.offsets) * time.Millisecond)
}

// setUp makes a queue or two of a kind, with or without a dead-letter queue.
func (w *walk) setUp() {
	fifo := w.r.IntN(2) == 0
	var dead *modelQueue
	if w.r.IntN(3) > 0 {
		dead = w.create("dead", fifo, nil)
	}
	w.create("one", fifo, dead)
	if w.r.IntN(2) == 0 {
		w.create("two", fifo, dead)
	}
}

func pickOf[T any](r *rand.Rand, all ...T) T { return all[r.IntN(len(all))] }

func (w *walk) create(name string, fifo bool, dead *modelQueue) *modelQueue {
	q := &modelQueue{
		name: fmt.Sprintf("%s-%d", name, w.seed), fifo: fifo, dead: dead, most: 1 + w.r.IntN(3),
		delay: pickOf[int64](w.r, 0, 0, 0, 2), visibility: pickOf[int64](w.r, 0, 3, 30), retention: pickOf[int64](w.r, 60, 120, 345600),
		ids: map[[2]string]modelSent{}, attempts: map[string]*modelAttempt{},
	}
	attributes := map[string]string{
		"DelaySeconds": fmt.Sprint(q.delay), "VisibilityTimeout": fmt.Sprint(q.visibility), "MessageRetentionPeriod": fmt.Sprint(q.retention),
	}
	if fifo {
		q.name += ".fifo"
		q.byContent, q.byGroup = w.r.IntN(2) == 0, w.r.IntN(2) == 0
		attributes["FifoQueue"] = "true"
		attributes["ContentBasedDeduplication"] = fmt.Sprint(q.byContent)
		if q.byGroup {
			attributes["DeduplicationScope"] = "messageGroup"
		}
	}
	if dead != nil {
		attributes["RedrivePolicy"] = fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":%d}`, account.ARN("sqs", dead.name), q.most)
	}
	w.note("create %s %v", q.name, attributes)
	if code := w.call("CreateQueue", map[string]any{"QueueName": q.name, "Attributes": attributes}, nil); code != "" {
		w.fail("creating %s: got %s", q.name, code)
	}
	w.m.queues = append(w.m.queues, q)
	return q
}

// act does one thing.
func (w *walk) act() {
	q := pickOf(w.r, w.m.queues...)
	switch n := w.r.IntN(100); {
	case n < 26:
		w.send(q)
	case n < 50:
		w.receive(q, 0)
	case n < 56:
		w.poll(q)
	case n < 66:
		w.remove(q)
	case n < 76:
		w.hide(q)
	case n < 78:
		w.purge(q)
	case n < 81:
		w.move(q)
	case n < 82:
		w.cancel()
	case n < 84:
		w.redelay(q)
	case n < 88 && w.seed%7 == 0: // which takes a while
		w.crash()
	default:
		d := pickOf(w.r, 1, 1, 2, 3, 5, 30, 60, 240, 299, 300)
		w.note("wait %ds", d)
		w.sleep(time.Duration(d) * time.Second)
	}
}

func (w *walk) send(q *modelQueue) {
	n := 1 + w.r.IntN(4)
	var entries []map[string]any
	for i := range n {
		w.sends++
		entry := map[string]any{"Id": strconv.Itoa(i), "MessageBody": fmt.Sprintf("m%d", w.sends)}
		if q.fifo && w.r.IntN(4) == 0 {
			entry["MessageBody"] = pickOf(w.r, "same", "alike")
		}
		if q.fifo || w.r.IntN(2) == 0 {
			entry["MessageGroupId"] = pickOf(w.r, "a", "a", "b", "c")
		}
		if q.fifo && (!q.byContent || w.r.IntN(2) == 0) {
			entry["MessageDeduplicationId"] = fmt.Sprintf("d%d", w.r.IntN(2*w.sends))
		}
		if !q.fifo && w.r.IntN(3) == 0 {
			entry["DelaySeconds"] = pickOf(w.r, 0, 1, 5)
		}
		entries = append(entries, entry)
	}
	w.note("send to %s %v", q.name, entries)
	var out sdk.SendMessageBatchOutput
	if code := w.call("SendMessageBatch", map[string]any{"QueueUrl": q.name, "Entries": entries}, &out); code != "" || len(out.Successful) != n {
		w.fail("sending: got %s, %d successes, want %d", code, len(out.Successful), n)
		return
	}
	for i, entry := range entries {
		text := func(name string) string { s, _ := entry[name].(string); return s }
		delay := q.delay
		if given, ok := entry["DelaySeconds"]; ok {
			delay = int64(given.(int))
		}
		got := out.Successful[i]
		x, twin, duplicate := w.m.send(q, text("MessageBody"), text("MessageGroupId"), text("MessageDeduplicationId"), delay)
		if duplicate {
			if *got.MessageId != twin.id || *got.SequenceNumber != w.seqs[twin.seq] {
				w.fail("entry %d: got message %s, number %s, want the duplicate's %s, %s", i, *got.MessageId, *got.SequenceNumber, twin.id, w.seqs[twin.seq])
			}
			continue
		}
		w.m.sentAs(q, x, *got.MessageId)
		if !q.fifo {
			continue
		}
		if w.seqs[x.seq] = *got.SequenceNumber; *got.SequenceNumber <= w.last {
			w.fail("entry %d: got sequence number %s, want one above %s", i, *got.SequenceNumber, w.last)
		}
		w.last = *got.SequenceNumber
	}
}

// A seen message is what its receiver sees.
type seen struct{ Body, Group, Dedup, Receptions, Source, Sent string }

// receive takes messages, and waits for the first up to some seconds.
func (w *walk) receive(q *modelQueue, wait int64) {
	most, visibility := 1+w.r.IntN(4), q.visibility
	in := map[string]any{"QueueUrl": q.name, "MaxNumberOfMessages": most, "WaitTimeSeconds": wait, "MessageSystemAttributeNames": []string{"All"}}
	if w.r.IntN(2) == 0 {
		visibility = pickOf[int64](w.r, 0, 2, 10, 60)
		in["VisibilityTimeout"] = visibility
	}
	attempt := ""
	if q.fifo && w.r.IntN(3) == 0 {
		attempt = fmt.Sprintf("try%d", w.r.IntN(4))
		in["ReceiveRequestAttemptId"] = attempt
	}
	w.note("receive %v", in)
	var out sdk.ReceiveMessageOutput
	began := time.Now()
	if code := w.call("ReceiveMessage", in, &out); code != "" {
		w.fail("receiving: got %s", code)
		return
	}
	took := time.Since(began)

	want := w.m.receive(q, most, visibility, attempt)
	for until := w.m.now + wait*1000; len(want) == 0 && w.m.now < until; {
		next := w.m.wakes(q)
		if next == 0 || next > until {
			next = until
		}
		w.m.advance(next)
		if next < until {
			want = w.m.receive(q, most, visibility, attempt)
		}
	}
	var wantSeen, gotSeen []seen
	for _, x := range want {
		source := ""
		if x.source != "" {
			source = account.ARN("sqs", x.source)
		}
		dedup := ""
		if q.fifo {
			dedup = x.dedup
		}
		wantSeen = append(wantSeen, seen{x.body, x.group, dedup, strconv.Itoa(x.received), source, strconv.FormatInt(x.sent, 10)})
	}
	for _, got := range out.Messages {
		a := got.Attributes
		gotSeen = append(gotSeen, seen{*got.Body, a["MessageGroupId"], a["MessageDeduplicationId"], a["ApproximateReceiveCount"], a["DeadLetterQueueSourceArn"], a["SentTimestamp"]})
	}
	if diff := cmp.Diff(wantSeen, gotSeen); diff != "" {
		w.fail("received (-want +got):\n%s", diff)
		return
	}
	if end := w.m.now - began.UnixMilli(); took.Milliseconds() != end {
		w.fail("receiving took %v, want %d ms", took, end)
	}
	for i, x := range want {
		x.id, x.handle = *out.Messages[i].MessageId, *out.Messages[i].ReceiptHandle
		w.handles[x.handle] = x
		w.known = append(w.known, x.handle)
	}
	synctest.Wait()
}

func (w *walk) poll(q *modelQueue) {
	w.apart()
	w.receive(q, pickOf[int64](w.r, 1, 5, 20))
	w.align()
}

func (w *walk) handle() (string, bool) {
	if len(w.known) == 0 {
		return "", false
	}
	if w.r.IntN(4) > 0 { // the newer ones mostly
		return w.known[max(0, len(w.known)-1-w.r.IntN(6))], true
	}
	return pickOf(w.r, w.known...), true
}

// belongs says whether a handle is of a queue.
func (w *walk) belongs(q *modelQueue, handle string) bool {
	return slices.Contains(q.messages, w.handles[handle])
}

func (w *walk) remove(q *modelQueue) {
	handle, ok := w.handle()
	if !ok || !w.belongs(q, handle) {
		return
	}
	w.note("delete %s from %s", w.handles[handle].body, q.name)
	code := w.call("DeleteMessage", map[string]any{"QueueUrl": q.name, "ReceiptHandle": handle}, nil)
	if fine := w.m.remove(q, w.handles, handle); fine != (code == "") {
		w.fail("deleting: got %q, want it to succeed: %v", code, fine)
	}
}

func (w *walk) hide(q *modelQueue) {
	handle, ok := w.handle()
	if !ok || !w.belongs(q, handle) {
		return
	}
	seconds := pickOf[int64](w.r, 0, 0, 1, 60)
	w.note("hide %s of %s for %d", w.handles[handle].body, q.name, seconds)
	code := w.call("ChangeMessageVisibility", map[string]any{"QueueUrl": q.name, "ReceiptHandle": handle, "VisibilityTimeout": seconds}, nil)
	if fine := w.m.hide(q, w.handles, handle, seconds); fine != (code == "") {
		w.fail("hiding: got %q, want it to succeed: %v", code, fine)
	}
}

func (w *walk) purge(q *modelQueue) {
	w.note("purge %s", q.name)
	code := w.call("PurgeQueue", map[string]any{"QueueUrl": q.name}, nil)
	if fine := w.m.purge(q); fine != (code == "") {
		w.fail("purging: got %q, want it to succeed: %v", code, fine)
	}
}

func (w *walk) move(q *modelQueue) {
	dead := w.m.queues[0]
	if w.m.task != nil && w.m.task.status == "RUNNING" || !strings.HasPrefix(dead.name, "dead") || q == dead {
		return
	}
	if w.r.IntN(2) == 0 {
		q = nil
	}
	rate := pickOf[int64](w.r, 0, 1, 2, 5)
	in := map[string]any{"SourceArn": account.ARN("sqs", dead.name)}
	if rate > 0 {
		in["MaxNumberOfMessagesPerSecond"] = rate
	}
	if q != nil {
		in["DestinationArn"] = account.ARN("sqs", q.name)
	}
	w.apart()
	w.note("move %v", in)
	if code := w.call("StartMessageMoveTask", in, nil); code != "" {
		w.fail("moving: got %s", code)
	}
	synctest.Wait()
	w.m.start(dead, q, rate)
	w.align()
}

func (w *walk) cancel() {
	t := w.m.task
	if t == nil || t.status != "RUNNING" {
		return
	}
	var tasks sdk.ListMessageMoveTasksOutput
	w.call("ListMessageMoveTasks", map[string]any{"SourceArn": account.ARN("sqs", t.from.name)}, &tasks)
	w.note("cancel the move")
	var out sdk.CancelMessageMoveTaskOutput
	if code := w.call("CancelMessageMoveTask", map[string]any{"TaskHandle": tasks.Results[0].TaskHandle}, &out); code != "" || int(out.ApproximateNumberOfMessagesMoved) != t.moved {
		w.fail("cancelling: got %s, %d moved, want %d", code, out.ApproximateNumberOfMessagesMoved, t.moved)
	}
	t.status = "CANCELLED"
}

func (w *walk) redelay(q *modelQueue) {
	if !q.fifo || w.m.task != nil && w.m.task.status == "RUNNING" {
		return
	}
	seconds := pickOf[int64](w.r, 0, 1, 4)
	w.note("have %s delay by %d", q.name, seconds)
	w.call("SetQueueAttributes", map[string]any{"QueueUrl": q.name, "Attributes": map[string]string{"DelaySeconds": fmt.Sprint(seconds)}}, nil)
	w.m.redelay(q, seconds)
}

// crash starts another engine over the files as they are. A task goes on from
// there, and receive attempts are forgotten.
func (w *walk) crash() {
	w.apart()
	w.note("crash")
	w.e = w.e.crashTo(w.t, filepath.Join(fastFolder(w.t), "x.db"))
	synctest.Wait()
	if t := w.m.task; t != nil && t.status == "RUNNING" {
		t.next = w.m.now
	}
	w.m.advance(w.m.now)
	for _, q := range w.m.queues {
		clear(q.attempts)
	}
	w.align()
}

// check compares what can be seen of a queue.
func (w *walk) check() {
	q := pickOf(w.r, w.m.queues...)
	var out sdk.GetQueueAttributesOutput
	w.call("GetQueueAttributes", map[string]any{"QueueUrl": q.name, "AttributeNames": []string{
		"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed",
	}}, &out)
	a := out.Attributes
	visible, inFlight, delayed := q.counts(w.m.now)
	want := fmt.Sprintf("%d visible, %d in flight, %d delayed", visible, inFlight, delayed)
	got := fmt.Sprintf("%s visible, %s in flight, %s delayed", a["ApproximateNumberOfMessages"],
		a["ApproximateNumberOfMessagesNotVisible"], a["ApproximateNumberOfMessagesDelayed"])
	if got != want {
		w.fail("messages of %s: got %s, want %s", q.name, got, want)
	}
	if t := w.m.task; t != nil && w.r.IntN(4) == 0 {
		var out sdk.ListMessageMoveTasksOutput
		w.call("ListMessageMoveTasks", map[string]any{"SourceArn": account.ARN("sqs", t.from.name)}, &out)
		got := fmt.Sprint(*out.Results[0].Status, " ", out.Results[0].ApproximateNumberOfMessagesMoved, "/", *out.Results[0].ApproximateNumberOfMessagesToMove)
		if want := fmt.Sprint(t.status, " ", t.moved, "/", t.toMove); got != want {
			w.fail("move task: got %s, want %s", got, want)
		}
	}
}
