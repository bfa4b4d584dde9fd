package sqs_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"
)

// withDeadLetters makes a queue whose messages die at their second reception,
// and its dead-letter queue.
func (e *engine) withDeadLetters(t testing.TB, name string) (url, dead string) {
	t.Helper()
	dead = e.create(t, name+"-dead")
	url = e.create(t, name, "VisibilityTimeout", "0", "RedrivePolicy",
		fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":1}`, account.ARN("sqs", name+"-dead")))
	return url, dead
}

// kill sends messages that become dead letters.
func (e *engine) kill(t testing.TB, url string, n int) {
	t.Helper()
	for i := range n {
		e.send(t, url, fmt.Sprint(i+1))
	}
	for range 2 * n {
		e.receive(t, url)
	}
}

// move starts a task that moves a queue's dead letters.
func (e *engine) move(t testing.TB, from, to string, rate int32) string {
	t.Helper()
	in := &sdk.StartMessageMoveTaskInput{SourceArn: aws.String(account.ARN("sqs", from))}
	if to != "" {
		in.DestinationArn = aws.String(account.ARN("sqs", to))
	}
	if rate > 0 {
		in.MaxNumberOfMessagesPerSecond = &rate
	}
	out, err := e.StartMessageMoveTask(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return *out.TaskHandle
}

// moves describes the tasks of a queue, the newest first.
func (e *engine) moves(t testing.TB, from string) []string {
	t.Helper()
	out, err := e.ListMessageMoveTasks(t.Context(), &sdk.ListMessageMoveTasksInput{
		SourceArn: aws.String(account.ARN("sqs", from)), MaxResults: aws.Int32(10),
	})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, task := range out.Results {
		if (*task.Status == "RUNNING") != (task.TaskHandle != nil) {
			t.Errorf("task %s: got handle %v, want one while it runs only", *task.Status, task.TaskHandle)
		}
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %d/%d %s", *task.Status, task.ApproximateNumberOfMessagesMoved,
			aws.ToInt64(task.ApproximateNumberOfMessagesToMove), aws.ToString(task.FailureReason))))
	}
	return all
}

func (e *engine) wantMoves(t testing.TB, from string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, e.moves(t, from)); diff != "" {
		t.Errorf("move tasks (-want +got):\n%s", diff)
	}
}

func TestDeadLettersGoBackWhereTheyCameFrom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t)
		url, dead := e.withDeadLetters(t, "q")
		if _, err := e.SendMessage(t.Context(), &sdk.SendMessageInput{
			QueueUrl: &url, MessageBody: aws.String("x"), MessageAttributes: map[string]types.MessageAttributeValue{
				"a": {DataType: aws.String("String"), StringValue: aws.String("b")}},
		}); err != nil {
			t.Fatal(err)
		}
		before := e.receive(t, url)[0]
		e.receive(t, url)
		time.Sleep(time.Hour)
		handle, err := base64.StdEncoding.DecodeString(e.move(t, "q-dead", "", 0))
		if want := `"sourceArn":"` + account.ARN("sqs", "q-dead") + `"`; err != nil || !strings.Contains(string(handle), want) {
			t.Errorf("task handle: got %s, %v, want it to have %s", handle, err, want)
		}
		synctest.Wait()
		e.wantMoves(t, "q-dead", "COMPLETED 1/1")
		e.wantCounts(t, dead, "0 visible, 0 in flight, 0 delayed")

		// It is a new message, with the same content.
		for range 2 {
			e.wantCounts(t, url, "1 visible, 0 in flight, 0 delayed")
			e = e.crash(t)
		}
		after, err := e.ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{
			QueueUrl: &url, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"}, MessageAttributeNames: []string{"All"},
		})
		if err != nil || len(after.Messages) != 1 {
			t.Fatalf("got %v, %v, want one message", after, err)
		}
		m := after.Messages[0]
		if *m.MessageId == *before.MessageId || *m.Body != "x" || aws.ToString(m.MessageAttributes["a"].StringValue) != "b" {
			t.Errorf("got %+v, want the content of %+v with an id of its own", m, before)
		}
		now := fmt.Sprint(time.Now().UnixMilli())
		want := map[string]string{
			"SenderId": account.ID, "SentTimestamp": now, "ApproximateReceiveCount": "1", "ApproximateFirstReceiveTimestamp": now,
		}
		if diff := cmp.Diff(want, m.Attributes); diff != "" {
			t.Errorf("attributes (-want +got):\n%s", diff)
		}
		e.wantMoves(t, "q-dead", "COMPLETED 1/1")
	})
}

func TestMovesKeepToTheirRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t)
		url, dead := e.withDeadLetters(t, "q")
		other := e.create(t, "other")
		e.kill(t, url, 60)
		e.move(t, "q-dead", "other", 20)
		synctest.Wait()
		e.wantCounts(t, other, "1 visible, 0 in flight, 0 delayed")
		time.Sleep(time.Second - time.Millisecond)
		e.wantMoves(t, "q-dead", "RUNNING 19/60")

		e = e.crash(t) // it goes on
		synctest.Wait()
		e.wantCounts(t, other, "20 visible, 0 in flight, 0 delayed")
		e.wantCounts(t, dead, "40 visible, 0 in flight, 0 delayed")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		e.wantMoves(t, "q-dead", "COMPLETED 60/60")
		e.wantCounts(t, dead, "0 visible, 0 in flight, 0 delayed")
		for i := range 6 {
			for j, m := range e.receive(t, other) {
				if want := fmt.Sprint(10*i + j + 1); *m.Body != want {
					t.Fatalf("got message %s, want %s: the oldest goes first", *m.Body, want)
				}
			}
		}
	})
}

func TestOneMessageASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t)
		url, _ := e.withDeadLetters(t, "q")
		other := e.create(t, "other")
		e.kill(t, url, 3)
		e.move(t, "q-dead", "other", 1)
		for n := 1; n <= 3; n++ {
			synctest.Wait()
			e.wantCounts(t, other, fmt.Sprint(n, " visible, 0 in flight, 0 delayed"))
			time.Sleep(time.Second - time.Millisecond)
			e.wantCounts(t, other, fmt.Sprint(n, " visible, 0 in flight, 0 delayed"))
			time.Sleep(time.Millisecond)
		}
	})
}

func TestAMoveIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t)
		url, dead := e.withDeadLetters(t, "q")
		e.create(t, "other")
		e.kill(t, url, 10)
		handle := e.move(t, "q-dead", "other", 1)
		time.Sleep(1500 * time.Millisecond)
		out, err := e.CancelMessageMoveTask(t.Context(), &sdk.CancelMessageMoveTaskInput{TaskHandle: &handle})
		if err != nil || out.ApproximateNumberOfMessagesMoved != 2 {
			t.Errorf("cancelling: got %+v, %v, want 2 moved", out, err)
		}
		time.Sleep(time.Minute)
		e = e.crash(t)
		time.Sleep(time.Minute)
		e.wantMoves(t, "q-dead", "CANCELLED 2/10")
		e.wantCounts(t, dead, "8 visible, 0 in flight, 0 delayed")
		_, err = e.CancelMessageMoveTask(t.Context(), &sdk.CancelMessageMoveTaskInput{TaskHandle: &handle})
		if code(err) != "ResourceNotFoundException" {
			t.Errorf("cancelling again: got %v, want ResourceNotFoundException", err)
		}
	})
}

// The names of the failures are those of the page on troubleshooting.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/troubleshooting-dlq-redrive.html
func TestMovesFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t)
		url, dead := e.withDeadLetters(t, "q")
		other := e.create(t, "other")
		e.kill(t, url, 3)
		e.send(t, dead, "nobody's")
		e.move(t, "q-dead", "", 0)
		synctest.Wait()
		e.wantMoves(t, "q-dead", "FAILED 3/4 CouldNotDetermineMessageSource")
		e.wantCounts(t, dead, "1 visible, 0 in flight, 0 delayed")

		e.kill(t, url, 0)
		for range 2 * 3 {
			e.receive(t, url)
		}
		e.move(t, "q-dead", "other", 1)
		synctest.Wait()
		if _, err := e.DeleteQueue(t.Context(), &sdk.DeleteQueueInput{QueueUrl: &other}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		e.wantMoves(t, "q-dead", "FAILED 1/4 AWS.SimpleQueueService.NonExistentQueue", "FAILED 3/4 CouldNotDetermineMessageSource")
		e.wantCounts(t, dead, "3 visible, 0 in flight, 0 delayed")
		e = e.crash(t)
		e.wantCounts(t, dead, "3 visible, 0 in flight, 0 delayed")
	})
}

// What comes into the queue later, and what somebody holds, is not moved.
func TestMovesTakeWhatThereWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t)
		url, dead := e.withDeadLetters(t, "q")
		other := e.create(t, "other")
		e.kill(t, url, 3)
		e.move(t, "q-dead", "other", 1)
		e.send(t, dead, "later")
		time.Sleep(time.Minute)
		e.wantMoves(t, "q-dead", "COMPLETED 3/3")
		e.wantCounts(t, dead, "1 visible, 0 in flight, 0 delayed")
		for range 12 {
			e.receive(t, dead)
			e.move(t, "q-dead", "other", 0)
			synctest.Wait()
		}
		e.wantCounts(t, other, "3 visible, 0 in flight, 0 delayed")
		e = e.crash(t)
		if got := e.moves(t, "q-dead"); len(got) != 10 || got[0] != "COMPLETED 0/0" {
			t.Errorf("move tasks: got %q, want the last 10", got)
		}
		if _, err := e.DeleteQueue(t.Context(), &sdk.DeleteQueueInput{QueueUrl: &dead}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		e.create(t, "q-dead")
		e.wantMoves(t, "q-dead")
		e = e.crash(t)
		e.wantMoves(t, "q-dead")
	})
}

// The messages were recorded from AWS.
func TestMoveRefusals(t *testing.T) {
	e := open(t)
	url, _ := e.withDeadLetters(t, "q")
	e.create(t, "plain")
	e.kill(t, url, 2)
	arn := func(name string) *string { return aws.String(account.ARN("sqs", name)) }
	foreign := base64.StdEncoding.EncodeToString([]byte(`{"taskId":"10f57157","sourceArn":"` + *arn("none") + `"}`))
	unknown := base64.StdEncoding.EncodeToString([]byte(`{"taskId":"10f57157","sourceArn":"` + *arn("q-dead") + `"}`))
	start := func(in sdk.StartMessageMoveTaskInput) func() error {
		return func() error {
			_, err := e.StartMessageMoveTask(t.Context(), &in)
			return err
		}
	}
	cancel := func(handle string) func() error {
		return func() error {
			_, err := e.CancelMessageMoveTask(t.Context(), &sdk.CancelMessageMoveTaskInput{TaskHandle: &handle})
			return err
		}
	}
	list := func(in sdk.ListMessageMoveTasksInput) func() error {
		return func() error {
			_, err := e.ListMessageMoveTasks(t.Context(), &in)
			return err
		}
	}
	const format = "You must use this format to specify the %s: arn:<partition>:<service>:<region>:<account-id>:<resource-id>"
	const rate = "Value for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: You must enter a number that's between 1 and 500."
	for _, tt := range []struct {
		call          func() error
		code, message string
	}{
		{start(sdk.StartMessageMoveTaskInput{SourceArn: aws.String("q-dead")}), "InvalidParameterValue", fmt.Sprintf(format, "SourceArn")},
		{start(sdk.StartMessageMoveTaskInput{SourceArn: arn("none")}), "ResourceNotFoundException", "The resource that you specified for the SourceArn parameter doesn't exist."},
		{start(sdk.StartMessageMoveTaskInput{SourceArn: arn("plain")}), "InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue."},
		{start(sdk.StartMessageMoveTaskInput{SourceArn: arn("q-dead"), DestinationArn: aws.String("q")}), "InvalidParameterValue", fmt.Sprintf(format, "DestinationArn")},
		{start(sdk.StartMessageMoveTaskInput{SourceArn: arn("q-dead"), DestinationArn: arn("none")}), "ResourceNotFoundException", "The resource that you specified for the DestinationArn parameter doesn't exist."},
		{start(sdk.StartMessageMoveTaskInput{SourceArn: arn("q-dead"), DestinationArn: arn("q-dead")}), "InvalidParameterValue", "Source queue arn and destination queue arn cannot be the same."},
		{start(sdk.StartMessageMoveTaskInput{SourceArn: arn("q-dead"), MaxNumberOfMessagesPerSecond: aws.Int32(0)}), "InvalidParameterValue", rate},
		{start(sdk.StartMessageMoveTaskInput{SourceArn: arn("q-dead"), MaxNumberOfMessagesPerSecond: aws.Int32(501)}), "InvalidParameterValue", rate},
		{start(sdk.StartMessageMoveTaskInput{SourceArn: arn("q-dead"), DestinationArn: arn("plain"), MaxNumberOfMessagesPerSecond: aws.Int32(1)}), "<nil>", "<nil>"},
		{start(sdk.StartMessageMoveTaskInput{SourceArn: arn("q-dead")}), "InvalidParameterValue", "There is already a task running. Only one active task is allowed for a source queue arn at a given time."},
		{cancel("foobared"), "InvalidParameterValue", "Value for parameter TaskHandle is invalid."},
		{cancel(foreign), "ResourceNotFoundException", "The resource that you specified for the SourceArn parameter doesn't exist."},
		{cancel(unknown), "ResourceNotFoundException", "Task does not exist."},
		{list(sdk.ListMessageMoveTasksInput{SourceArn: arn("none")}), "ResourceNotFoundException", "The resource that you specified for the SourceArn parameter doesn't exist."},
		{list(sdk.ListMessageMoveTasksInput{SourceArn: arn("q-dead"), MaxResults: aws.Int32(11)}), "InvalidParameterValue", "Value for parameter MaxResults is invalid. Reason: You must enter a number that's between 1 and 10."},
	} {
		if err := tt.call(); code(err) != tt.code || message(err) != tt.message {
			t.Errorf("got %v, want %s: %s", err, tt.code, tt.message)
		}
	}
	if r := e.raw(t, "StartMessageMoveTask", `{}`); r.status != 400 || !strings.Contains(r.body, "must contain the parameter SourceArn.") {
		t.Errorf("no source: got %d %s", r.status, r.body)
	}
	if r := e.raw(t, "ListMessageMoveTasks", `{"SourceArn": "`+*arn("none")+`"}`); r.status != 404 {
		t.Errorf("no such source: got %d %s, want 404", r.status, r.body)
	}
}
