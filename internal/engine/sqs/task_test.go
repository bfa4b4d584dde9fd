package sqs_test

import (
	"context"
	"path/filepath"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/spate-run/spate/internal/store"
)

// with is a client whose credentials have a session token.
func (e *engine) with(token string) *engine {
	other := *e
	other.Client = sdk.New(e.Options(), func(o *sdk.Options) {
		o.Credentials = credentials.NewStaticCredentialsProvider("id", "secret", token)
	})
	return &other
}

// bodies receives what is visible.
func (e *engine) bodies(t *testing.T, url string) []string {
	t.Helper()
	var bodies []string
	for _, m := range e.receive(t, url) {
		bodies = append(bodies, *m.Body)
	}
	slices.Sort(bodies)
	return bodies
}

func TestWhatEndedTasksHeldIsVisible(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	e := startFor(t, path, "task")
	url := e.create(t, "q")
	take := func(receiver *engine, body string) types.Message {
		e.send(t, url, body)
		got := receiver.receive(t, url)
		if len(got) != 1 || *got[0].Body != body {
			t.Fatalf("got %+v, want %q", got, body)
		}
		return got[0]
	}
	take(e, "another's")
	take(e.with("other"), "another token's")
	take(e.with("task"), "a task's")
	e.with("task").hide(t, url, take(e.with("task"), "a task's that it kept"), 600)
	e.stop()

	// One that has no tasks cannot know what became of the others'.
	e = start(t, path)
	if got := e.bodies(t, url); len(got) > 0 {
		t.Errorf("where there are no tasks: got %q, want nothing visible", got)
	}
	e.stop()

	e = startFor(t, path, "task")
	if got, want := e.bodies(t, url), []string{"a task's", "a task's that it kept"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	e.stop()

	// Whoever has received them since, it was not a task.
	e = startFor(t, path, "task")
	if got := e.bodies(t, url); len(got) > 0 {
		t.Errorf("after another reception: got %q, want nothing visible", got)
	}
}

func TestReceptionsOfEndedTasksCount(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	for want := 1; want <= 3; want++ {
		e := startFor(t, path, "task")
		url := e.create(t, "q")
		if want == 1 {
			e.send(t, url, "x")
		}
		messages := e.with("task").receive(t, url)
		if len(messages) != 1 {
			t.Fatalf("got %+v, want the message", messages)
		}
		if got := atoi(t, messages[0].Attributes["ApproximateReceiveCount"]); got != want {
			t.Errorf("got %d receptions, want %d", got, want)
		}
		e.stop()
	}
}

// The table of deliveries had no tasks once.
func TestAnOlderStoreIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	st, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	const old = "CREATE TABLE sqs_delivery (id INTEGER PRIMARY KEY, due INTEGER NOT NULL, first INTEGER NOT NULL," +
		" taken INTEGER NOT NULL, received INTEGER NOT NULL)"
	if err := st.Migrate(context.Background(), old); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	e := startFor(t, path, "task")
	url := e.create(t, "q")
	e.send(t, url, "x")
	if got := e.with("task").receive(t, url); len(got) != 1 || aws.ToString(got[0].Body) != "x" {
		t.Errorf("got %+v, want the message", got)
	}
}

func TestHandBackOfWhatATaskHolds(t *testing.T) {
	e := startFor(t, filepath.Join(t.TempDir(), "x.db"), "task")
	url := e.create(t, "q")
	take := func(token, body string) types.Message {
		t.Helper()
		e.send(t, url, body)
		out, err := e.with(token).ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{QueueUrl: &url, VisibilityTimeout: 120})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) != 1 || *out.Messages[0].Body != body {
			t.Fatalf("got %+v, want %q", out.Messages, body)
		}
		return out.Messages[0]
	}
	killed := e.with("task/1")
	take("task/1", "held")
	killed.hide(t, url, take("task/1", "renewed"), 120)
	killed.hide(t, url, take("task/1", "put off"), 600)
	gone := take("task/1", "deleted")
	if _, err := killed.DeleteMessage(t.Context(), &sdk.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: gone.ReceiptHandle}); err != nil {
		t.Fatal(err)
	}
	killed.hide(t, url, take("task/1", "taken since"), 0)
	if got := e.receive(t, url); len(got) != 1 {
		t.Fatalf("got %+v, want one message", got)
	}
	take("task/2", "another task's")
	take("task.container/1", "a container's")
	take("", "another's")

	if err := e.service.HandBack(t.Context(), "task/1"); err != nil {
		t.Fatal(err)
	}
	if got, want := e.bodies(t, url), []string{"held", "renewed"}; !slices.Equal(got, want) {
		t.Errorf("a task: got %q, want %q", got, want)
	}
	if err := e.service.HandBack(t.Context(), "task.container/1"); err != nil {
		t.Fatal(err)
	}
	if got, want := e.bodies(t, url), []string{"a container's"}; !slices.Equal(got, want) {
		t.Errorf("a container: got %q, want %q", got, want)
	}
}

// Containers may outlive the engine: who holds what is on disk.
func TestHandBackOfWhatATaskHeldBeforeARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	e := startFor(t, path, "task")
	url := e.create(t, "q")
	take := func(token, body string) {
		t.Helper()
		e.send(t, url, body)
		task := e.with(token)
		out, err := task.ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{QueueUrl: &url, VisibilityTimeout: 120})
		if err != nil || len(out.Messages) != 1 {
			t.Fatalf("got %+v, %v, want one message", out, err)
		}
		switch body {
		case "renewed":
			task.hide(t, url, out.Messages[0], 120)
		case "put off":
			task.hide(t, url, out.Messages[0], 600)
		}
	}
	for _, body := range []string{"held", "renewed", "put off"} {
		take("task.container/1/a", body)
	}
	take("task.container/1/b", "another container's")
	take("task.container/12/a", "another task's")
	take("another/1/a", "another's")
	e.stop()

	e = startFor(t, path, "task")
	if got := e.bodies(t, url); len(got) > 0 {
		t.Errorf("after the restart: got %q, want nothing visible", got)
	}
	if err := e.service.HandBack(t.Context(), "task.container/1/a"); err != nil {
		t.Fatal(err)
	}
	if got, want := e.bodies(t, url), []string{"held", "renewed"}; !slices.Equal(got, want) {
		t.Errorf("a container: got %q, want %q", got, want)
	}
	if err := e.service.HandBack(t.Context(), "task.container/1"); err != nil {
		t.Fatal(err)
	}
	if got, want := e.bodies(t, url), []string{"another container's"}; !slices.Equal(got, want) {
		t.Errorf("a task: got %q, want %q", got, want)
	}
}
