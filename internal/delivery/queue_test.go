package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/delivery"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

// A world answers calls with what it is told to, and notes them.
type world struct {
	path  string
	store *store.Store
	queue *delivery.Queue
	stop  func()

	mu     sync.Mutex
	begin  time.Time
	answer func() error
	calls  []string
}

func (w *world) do(_ context.Context, c delivery.Call) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, fmt.Sprintf("%v %s %s", time.Since(w.begin), c.Operation, strings.TrimSpace(c.Input)))
	if c.Operation == "SendMessage" {
		return nil
	}
	return w.answer()
}

func (w *world) open(t *testing.T) {
	t.Helper()
	var err error
	if w.store, err = store.Open(t.Context(), w.path); err != nil {
		t.Fatal(err)
	}
	w.queue, err = delivery.NewQueue(t.Context(), delivery.Config{
		Store: w.store, Log: slog.New(slog.DiscardHandler), Kind: "test.delivery", Do: w.do,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := w.queue.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	w.stop = func() { cancel(); wg.Wait(); w.store.Close() }
}

func start(t *testing.T, answer func() error) *world {
	t.Helper()
	w := &world{path: filepath.Join(t.TempDir(), "x.db"), begin: time.Now(), answer: answer}
	w.open(t)
	return w
}

// owe puts a delivery that is due after a while.
func (w *world) owe(t *testing.T, after time.Duration, p delivery.Policy) {
	t.Helper()
	at := time.Now().Add(after).UTC()
	d := delivery.Delivery{
		ID: "d", Call: delivery.Call{Service: "ecs", Operation: "RunTask", Input: `{"Group":"try ` + delivery.Attempt + `"}`},
		At: at, Due: at, Policy: p, DeadLetters: "arn:aws:sqs:us-east-1:0:dead", Payload: "p", Attributes: map[string]string{"TARGET_ARN": "t"},
	}
	if err := w.store.Update(t.Context(), func(tx *store.Tx) error { return w.queue.Put(tx, d) }); err != nil {
		t.Fatal(err)
	}
	w.queue.Add(d)
}

func (w *world) check(t *testing.T, after time.Duration, want ...string) {
	t.Helper()
	time.Sleep(after)
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if diff := cmp.Diff(want, w.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	w.calls = nil
}

var errDown = errors.New("down")

func TestRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		left := 2
		w := start(t, func() error {
			if left--; left >= 0 {
				return errDown
			}
			return nil
		})
		w.owe(t, time.Minute, delivery.Policy{Retries: 5, MaxAge: time.Hour})
		w.check(t, 62*time.Second, `1m0s RunTask {"Group":"try 1"}`, `1m1s RunTask {"Group":"try 2"}`)
		w.stop()
		w.open(t) // goes on where it was
		w.check(t, time.Hour, `1m3s RunTask {"Group":"try 3"}`)
		w.stop()
	})
}

// https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
func TestDeadLetters(t *testing.T) {
	const run = `0s RunTask {"Group":"try 1"}`
	letter := func(at, code, message, exhausted, retries string) string {
		text := at + ` SendMessage {"QueueUrl":"https://sqs/dead","MessageBody":"p","MessageAttributes":{` +
			`"ERROR_CODE":{"DataType":"String","StringValue":"` + code + `"},"ERROR_MESSAGE":{"DataType":"String","StringValue":"` + message + `"},`
		if exhausted != "" {
			text += `"EXHAUSTED_RETRY_CONDITION":{"DataType":"String","StringValue":"` + exhausted + `"},`
		}
		return text + `"RETRY_ATTEMPTS":{"DataType":"String","StringValue":"` + retries + `"},"TARGET_ARN":{"DataType":"String","StringValue":"t"}}}`
	}
	for name, tt := range map[string]struct {
		err    error
		policy delivery.Policy
		want   []string
	}{
		"the request's own fault": {
			wire.Faultf("InvalidParameterException", "no such cluster"), delivery.Policy{Retries: 5, MaxAge: time.Hour},
			[]string{run, letter("0s", "InvalidParameterException", "no such cluster", "", "0")},
		},
		"too often": {
			&wire.Fault{Code: "ServerException", Message: "later", Status: 500}, delivery.Policy{Retries: 1, MaxAge: time.Hour},
			[]string{run, `1s RunTask {"Group":"try 2"}`, letter("1s", "ServerException", "later", "MaximumRetryAttempts", "1")},
		},
		"too old": {
			errDown, delivery.Policy{Retries: 100, MaxAge: 2 * time.Second},
			[]string{run, `1s RunTask {"Group":"try 2"}`, letter("1s", "InternalFailure", "down", "MaximumEventAgeInSeconds", "1")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := start(t, func() error { return tt.err })
				w.owe(t, 0, tt.policy)
				w.check(t, time.Hour, tt.want...)
				w.stop()
			})
		})
	}
}

// An engine that dies between a call and its record makes the call again.
func TestWhatIsStoredIsDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, func() error { return nil })
		w.owe(t, time.Hour, delivery.Policy{})
		w.stop()
		time.Sleep(2 * time.Hour)
		w.open(t)
		w.check(t, time.Second, `2h0m0s RunTask {"Group":"try 1"}`)
		w.stop()
	})
}

func TestCalls(t *testing.T) {
	parameters := struct {
		TaskDefinitionArn string
		TaskCount         *int
		LaunchType        string
	}{"arn:t", new(2), "FARGATE"}
	run, err := delivery.RunTask("arn:c", parameters, `{"containerOverrides":[{"name":"<a>"}]}`, "by", "id")
	if err != nil {
		t.Fatal(err)
	}
	send, err := delivery.SendMessage("arn:aws:sqs:us-east-1:0:q", `"<a>"`, "g")
	if err != nil {
		t.Fatal(err)
	}
	want := []delivery.Call{
		{Service: "ecs", Operation: "RunTask", Input: `{"ClientToken":"id","Cluster":"arn:c","Count":2,"LaunchType":"FARGATE",` +
			`"Overrides":{"containerOverrides":[{"name":"<a>"}]},"StartedBy":"by","TaskCount":2,"TaskDefinition":"arn:t","TaskDefinitionArn":"arn:t"}` + "\n"},
		{Service: "sqs", Operation: "SendMessage", Input: `{"QueueUrl":"https://sqs/q","MessageBody":"\"<a>\"","MessageGroupId":"g"}` + "\n"},
	}
	if diff := cmp.Diff(want, []delivery.Call{run, send}); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}
