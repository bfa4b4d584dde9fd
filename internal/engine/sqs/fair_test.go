package sqs_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/store"
)

// A tenant with a backlog does not keep the others waiting.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
func TestNoisyGroupsLeaveTheOthersTheirTurn(t *testing.T) {
	e := open(t)
	url := e.create(t, "q")
	send := func(group, body string) {
		in := &sdk.SendMessageInput{QueueUrl: &url, MessageBody: &body}
		if group != "" {
			in.MessageGroupId = &group
		}
		if _, err := e.SendMessage(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 20 {
		send("noisy", fmt.Sprint("noisy ", i))
	}
	send("quiet", "quiet 0")
	send("quiet", "quiet 1")
	send("", "nobody's")
	var got []string
	for range 7 {
		out, err := e.ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{QueueUrl: &url})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, bodies(out.Messages)...)
		if len(got) == 3 {
			e = e.crash(t) // who has what in flight is known from the store
		}
	}
	want := []string{"noisy 0", "quiet 0", "nobody's", "noisy 1", "quiet 1", "noisy 2", "noisy 3"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("received (-want +got):\n%s", diff)
	}
	// What a batch takes counts at once.
	send("new", "new 0")
	send("new", "new 1")
	if diff := cmp.Diff([]string{"new 0", "new 1", "noisy 4"}, bodies(e.receive(t, url))[:3]); diff != "" {
		t.Errorf("received (-want +got):\n%s", diff)
	}
}

// Groups were part of what messages say once.
func TestGroupsOfAnOlderStoreAreRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	e := start(t, path)
	url := e.create(t, "q")
	e.stop()
	st, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	err = st.Update(t.Context(), func(tx *store.Tx) error {
		for _, statement := range []string{
			"DROP TABLE sqs_message",
			`CREATE TABLE sqs_message (id INTEGER PRIMARY KEY, queue INTEGER NOT NULL, uuid BLOB NOT NULL,
				sent INTEGER NOT NULL, due INTEGER NOT NULL, base INTEGER NOT NULL DEFAULT 0,
				source TEXT NOT NULL DEFAULT '', extra BLOB, body TEXT NOT NULL)`,
			`INSERT INTO sqs_message (id, queue, uuid, sent, due, extra, body) VALUES
				(1, 1, randomblob(16), 4000000000000, 0, CAST('{"Group":"tenant"}' AS BLOB), 'x'),
				(2, 1, randomblob(16), 4000000000000, 0, NULL, 'y')`,
		} {
			if _, err := tx.Exec(statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	e = start(t, path)
	var got []string
	for _, m := range e.receive(t, url) {
		got = append(got, aws.ToString(m.Body)+" "+m.Attributes["MessageGroupId"])
	}
	if diff := cmp.Diff([]string{"x tenant", "y "}, got); diff != "" {
		t.Errorf("received (-want +got):\n%s", diff)
	}
}
