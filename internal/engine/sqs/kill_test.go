package sqs_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// loadEnv names the store of a process that TestKill starts and kills.
const loadEnv = "SPATE_TEST_SQS_LOAD"

// TestLoad is the process that TestKill kills: it writes a line for everything
// that was acknowledged.
func TestLoad(t *testing.T) {
	path := os.Getenv(loadEnv)
	if path == "" {
		t.Skip("runs in a process that TestKill starts")
	}
	e := start(t, path)
	url := e.create(t, "q")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				if err := load(t.Context(), e, url); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// load sends two messages, receives what it can and deletes every other one.
func load(ctx context.Context, e *engine, url string) error {
	for range 2 {
		out, err := e.SendMessage(ctx, &sdk.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("x")})
		if err != nil {
			return err
		}
		tell("sent", *out.MessageId)
	}
	out, err := e.ReceiveMessage(ctx, &sdk.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 2})
	if err != nil {
		return err
	}
	for i, m := range out.Messages {
		tell("received", *m.MessageId)
		if i > 0 {
			continue
		}
		tell("deleting", *m.MessageId)
		if _, err := e.DeleteMessage(ctx, &sdk.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}); err != nil {
			return err
		}
		tell("deleted", *m.MessageId)
	}
	return nil
}

func tell(what, id string) {
	os.Stdout.WriteString(what + " " + id + "\n") // one write a line
}

func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	done := map[string]map[string]bool{"sent": {}, "received": {}, "deleting": {}, "deleted": {}}
	loadAndKill(t, path, func(what, id string) {
		if done[what] != nil {
			done[what][id] = true
		}
	})
	if len(done["deleted"]) == 0 {
		t.Fatal("nothing was deleted before the kill")
	}

	e := start(t, path)
	url := "q"
	if _, err := e.SetQueueAttributes(t.Context(), &sdk.SetQueueAttributesInput{
		QueueUrl: &url, Attributes: map[string]string{"DelaySeconds": "0"},
	}); err != nil {
		t.Fatal(err)
	}
	visible := map[string]bool{}
	for {
		messages := e.receive(t, url)
		if len(messages) == 0 {
			break
		}
		for _, m := range messages {
			visible[*m.MessageId] = true
		}
	}
	hidden := 0
	for id := range done["sent"] {
		switch {
		case done["deleted"][id] && visible[id]:
			t.Errorf("message %s was deleted and is back", id)
		case done["received"][id] && visible[id]:
			t.Errorf("message %s was received and is visible before its timeout", id)
		case !done["deleting"][id] && !visible[id]:
			hidden++
		}
	}
	// Receptions that were on disk when their replies were not out yet hide
	// messages from this test, but never lose one.
	if got := atoi(t, e.attributes(t, url, types.QueueAttributeNameAll)["ApproximateNumberOfMessagesNotVisible"]); got < hidden+len(visible) {
		t.Errorf("got %d messages in flight, want %d hidden and %d received ones", got, hidden, len(visible))
	}
}

func atoi(t *testing.T, s string) (n int) {
	t.Helper()
	if _, err := fmt.Sscan(s, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// loadAndKill runs TestLoad in a process of its own, kills it when it has told
// enough, and passes on all that it has told.
func loadAndKill(t *testing.T, path string, told func(what, id string)) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLoad$")
	child.Env = append(os.Environ(), loadEnv+"="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		what, id, _ := strings.Cut(lines.Text(), " ")
		told(what, id)
		if n == 2000 {
			child.Process.Kill()
		}
	}
	if err := child.Wait(); err == nil {
		t.Fatal("the load ended before it was killed")
	}
}
