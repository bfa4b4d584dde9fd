package sqs_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"pgregory.net/rapid"
)

// A model is what a queue must look like to its only client.
type model struct {
	t        *testing.T
	e        *engine
	url      string
	messages map[string]*modelled // by MessageId; deleted ones leave
	handles  []*string            // every receipt handle so far
	retained time.Duration
}

type modelled struct {
	sent     time.Time
	visible  time.Time
	taken    time.Time
	received int
	handle   string // of the latest reception
}

// expire forgets what is past the retention.
func (m *model) expire() {
	for id, x := range m.messages {
		if time.Since(x.sent) >= m.retained {
			delete(m.messages, id)
		}
	}
}

func (m *model) visible() int {
	n := 0
	for _, x := range m.messages {
		if !x.visible.After(time.Now()) {
			n++
		}
	}
	return n
}

// named returns the id of the message that a handle is the latest of, or "".
func (m *model) named(handle string) string {
	for id, x := range m.messages {
		if x.handle == handle {
			return id
		}
	}
	return ""
}

func (m *model) send(r *rapid.T) {
	n := rapid.IntRange(1, 5).Draw(r, "messages")
	delay := rapid.SampledFrom([]int32{0, 0, 1, 30}).Draw(r, "delay")
	var entries []types.SendMessageBatchRequestEntry
	for i := range n {
		entries = append(entries, types.SendMessageBatchRequestEntry{
			Id: aws.String(fmt.Sprint(i)), MessageBody: aws.String("body"), DelaySeconds: delay,
		})
	}
	out, err := m.e.SendMessageBatch(m.t.Context(), &sdk.SendMessageBatchInput{QueueUrl: &m.url, Entries: entries})
	if err != nil || len(out.Successful) != n {
		r.Fatalf("sending: got %v, %v", out, err)
	}
	now := time.Now()
	for _, sent := range out.Successful {
		m.messages[*sent.MessageId] = &modelled{sent: now, visible: now.Add(time.Duration(delay) * time.Second)}
	}
}

func (m *model) receive(r *rapid.T) {
	most := rapid.Int32Range(1, 10).Draw(r, "most")
	timeout := rapid.SampledFrom([]int32{1, 5, 30}).Draw(r, "timeout")
	want := min(int(most), m.visible())
	out, err := m.e.ReceiveMessage(m.t.Context(), &sdk.ReceiveMessageInput{
		QueueUrl: &m.url, MaxNumberOfMessages: most, VisibilityTimeout: timeout,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"ApproximateReceiveCount"},
	})
	if err != nil || len(out.Messages) != want {
		r.Fatalf("receiving: got %d messages, %v, want %d", len(out.Messages), err, want)
	}
	now := time.Now()
	for _, got := range out.Messages {
		x := m.messages[*got.MessageId]
		if x == nil || x.visible.After(now) {
			r.Fatalf("receiving: got message %s, which is not visible", *got.MessageId)
		}
		x.received++
		if count := got.Attributes["ApproximateReceiveCount"]; count != fmt.Sprint(x.received) {
			r.Fatalf("message %s: got %s receptions, want %d", *got.MessageId, count, x.received)
		}
		x.handle, x.taken, x.visible = *got.ReceiptHandle, now, now.Add(time.Duration(timeout)*time.Second)
		m.handles = append(m.handles, got.ReceiptHandle)
	}
}

func (m *model) remove(r *rapid.T) {
	if len(m.handles) == 0 {
		r.Skip("nothing received")
	}
	handle := rapid.SampledFrom(m.handles).Draw(r, "handle")
	_, err := m.e.DeleteMessage(m.t.Context(), &sdk.DeleteMessageInput{QueueUrl: &m.url, ReceiptHandle: handle})
	if err != nil {
		r.Fatalf("deleting: %v", err)
	}
	delete(m.messages, m.named(*handle))
}

func (m *model) change(r *rapid.T) {
	if len(m.handles) == 0 {
		r.Skip("nothing received")
	}
	handle := rapid.SampledFrom(m.handles).Draw(r, "handle")
	timeout := rapid.SampledFrom([]int32{0, 1, 60}).Draw(r, "timeout")
	_, err := m.e.ChangeMessageVisibility(m.t.Context(), &sdk.ChangeMessageVisibilityInput{
		QueueUrl: &m.url, ReceiptHandle: handle, VisibilityTimeout: timeout,
	})
	id := m.named(*handle)
	if (err == nil) != (id != "") {
		r.Fatalf("changing visibility: got %v, but the handle is the latest of %q", err, id)
	}
	if id != "" {
		m.messages[id].visible = time.Now().Add(time.Duration(timeout) * time.Second)
	}
}

func (m *model) purge(r *rapid.T) {
	if rapid.IntRange(0, 9).Draw(r, "seldom") > 0 {
		r.Skip("not this time")
	}
	_, err := m.e.PurgeQueue(m.t.Context(), &sdk.PurgeQueueInput{QueueUrl: &m.url})
	if err == nil {
		clear(m.messages)
	} else if code(err) != "AWS.SimpleQueueService.PurgeQueueInProgress" {
		r.Fatalf("purging: %v", err)
	}
}

func (m *model) check(r *rapid.T) {
	m.expire()
	var visible, inFlight, delayed int
	for _, x := range m.messages {
		switch {
		case !x.visible.After(time.Now()):
			visible++
		case x.received > 0:
			inFlight++
		default:
			delayed++
		}
	}
	want := fmt.Sprintf("%d visible, %d in flight, %d delayed", visible, inFlight, delayed)
	if got := m.e.counts(m.t, m.url); got != want {
		r.Fatalf("messages: got %s, want %s", got, want)
	}
}

// No message is lost, and none is with two receivers at a time, whatever is
// done to a queue and whenever the machine loses power.
func TestQueueKeepsToItsModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		files := 0
		rapid.Check(noDeadline{t}, func(r *rapid.T) {
			files++
			e := start(t, filepath.Join(folder, fmt.Sprint(files, ".db")))
			m := &model{t: t, e: e, messages: map[string]*modelled{}, retained: 2 * time.Minute}
			defer func() { m.e.stop() }()
			m.url = e.create(t, "q", "MessageRetentionPeriod", "120")
			r.Repeat(map[string]func(*rapid.T){
				"":        m.check,
				"send":    m.send,
				"receive": m.receive,
				"delete":  m.remove,
				"change":  m.change,
				"purge":   m.purge,
				"wait": func(r *rapid.T) {
					seconds := []time.Duration{1, 1, 5, 30, 60}
					time.Sleep(rapid.SampledFrom(seconds).Draw(r, "seconds") * time.Second)
				},
				"crash": func(r *rapid.T) {
					if rapid.IntRange(0, 3).Draw(r, "seldom") > 0 {
						r.Skip("not this time")
					}
					m.e = m.e.crash(t)
				},
			})
		})
	})
}

// noDeadline hides testing.T's Deadline, which a bubble forbids, from rapid.
type noDeadline struct{ rapid.TB }
