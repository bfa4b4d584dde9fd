package agent_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spate-run/spate/internal/agent"
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/record"
)

// A mailbox is an address that workers tell.
type mailbox struct {
	signaled
	mu     sync.Mutex
	refuse int // of the next tellings
	mail   []string
	asked  int
}

func (m *mailbox) tellThis(_ context.Context, subject, text string) error {
	defer m.signaled.tell()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.asked++; m.refuse > 0 {
		m.refuse--
		return errors.New("no such topic")
	}
	m.mail = append(m.mail, subject+"\n"+text)
	return nil
}

func (m *mailbox) all() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.mail...)
}

func (m *mailbox) use(c *agent.Config) { c.Tell = m.tellThis }

func noticeOf(b *bed) (n record.Notice) {
	b.t.Helper()
	b.await("a notice that was sent", func() bool {
		if b.exists(record.NoticeKey(runID, 1)) {
			b.get(record.NoticeKey(runID, 1), &n)
		}
		return !n.Sent.IsZero()
	})
	return n
}

// However many workers see that a run is done, its address is told once, with
// the counts and where the results are.
func TestTheEndOfARunIsToldOnce(t *testing.T) {
	b, m := newBed(t), &mailbox{}
	b.run(4, func(j *job.Job) { j.Retries, j.Tolerate = 0, .3 })
	for i := range 4 {
		b.send(i, 1, `{"n": 1}`)
	}
	w := b.work("test $SPATE_INDEX -ne 2", m.use)
	noticeOf(b)
	w.stop() // it looks once more
	b.send(0, 1, `{"n": 1}`)
	w = b.work("true", m.use) // and this one learns of the run
	b.awaitEmpty()
	w.stop()
	mail := m.all()
	if len(mail) != 1 {
		t.Fatalf("got %d messages %q, want one", len(mail), mail)
	}
	for _, want := range []string{
		"test is done: 3 of 4 jobs done, 1 failed\n", "\nrun       " + runID + "\n", "\nresults   s3://records/runs/" + runID + "/results/1/\n",
		"\n  spate results " + runID + "\n", "\n  spate retry " + runID + "\n",
	} {
		if !strings.Contains(mail[0], want) {
			t.Errorf("got\n%s\nwant %q in it", mail[0], want)
		}
	}
}

// Of a run that failed is told that it did; what could not be told is told
// later, and so is what another worker has claimed and never came to.
func TestWhatWasNotToldIsToldLater(t *testing.T) {
	b, m := newBed(t), &mailbox{refuse: 1}
	b.run(1, func(j *job.Job) { j.Retries = 0 })
	b.put(record.NoticeKey(runID, 1), record.Notice{Claimed: time.Now().Add(-time.Hour)})
	b.send(0, 1, `{"n": 1}`)
	w := b.work("exit 1", m.use)
	w.log.await(t, "no such topic")
	if b.exists(record.NoticeKey(runID, 1)) {
		var n record.Notice
		b.get(record.NoticeKey(runID, 1), &n)
		if !n.Sent.IsZero() {
			t.Errorf("got %+v, want it not to count as sent", n)
		}
	}
	w.stop() // which looks once more
	if mail := m.all(); len(mail) != 1 || !strings.HasPrefix(mail[0], "test failed: 0 of 1 jobs done, 1 failed\n") {
		t.Errorf("got %q, want one message that the run failed", mail)
	}
	noticeOf(b)
}

// A worker that is told to stop right after the last job tells of the end: it
// may be the only one.
func TestAWorkerThatStopsTellsOfTheEnd(t *testing.T) {
	b, m := newBed(t), &mailbox{}
	b.run(1, nil)
	b.send(0, 1, `{"n": 1}`)
	w := b.work("echo begun; sleep 1", m.use)
	w.output.await(t, "begun")
	b.put(record.ResultKey(runID, 1, 0), record.Result{State: record.Done}) // another was quicker
	w.stop()
	if mail := m.all(); len(mail) != 1 {
		t.Errorf("got %q, want one message", mail)
	}
}

// Nobody is told of what another worker tells right now, or has told.
func TestWhatAnotherTellsIsLeftToIt(t *testing.T) {
	for name, notice := range map[string]record.Notice{
		"sent":    {Claimed: time.Now().Add(-time.Hour), Sent: time.Now()},
		"claimed": {Claimed: time.Now()},
	} {
		t.Run(name, func(t *testing.T) {
			b, m := newBed(t), &mailbox{}
			b.run(1, nil)
			b.put(record.NoticeKey(runID, 1), notice)
			b.send(0, 1, `{"n": 1}`)
			w := b.work("true", m.use)
			b.result(0, 1)
			b.await("that it is done", func() bool { return b.exists(record.DoneKey(runID, 1)) })
			w.stop()
			if mail := m.all(); len(mail) != 0 {
				t.Errorf("got %q, want no message", mail)
			}
		})
	}
}
