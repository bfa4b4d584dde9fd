package agent_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdksqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/spate-run/spate/internal/agent"
	"github.com/spate-run/spate/internal/record"
)

func TestAMessageThatIsNotSpates(t *testing.T) {
	b := newBed(t)
	b.sendWith("line 1\nline \"2\"\n", nil)
	w := b.work(`cat; echo "$SPATE_RUN/$SPATE_INDEX/$SPATE_ATTEMPT"`)
	b.awaitEmpty()
	if got, want := w.output.String(), "line 1\nline \"2\"\n//1\n"; got != want {
		t.Errorf("got output %q, want %q", got, want)
	}
	if keys := b.keys(record.RunsPrefix); len(keys) != 0 {
		t.Errorf("got records %q, want none", keys)
	}
}

func TestParametersOfAMessageThatIsNotSpates(t *testing.T) {
	b := newBed(t)
	b.sendWith(`{"n": 3}`, nil)
	w := b.work(`echo "$0 $SPATE_PARAM_N"; cat`, func(c *agent.Config) { c.Command = append(c.Command, "{n}") })
	b.awaitEmpty()
	if got, want := w.output.String(), "3 3\n"+`{"n": 3}`; got != want {
		t.Errorf("got output %q, want %q", got, want)
	}
}

func TestAMessageThatIsNotSpatesFailsForGood(t *testing.T) {
	b := newBed(t)
	b.sendWith("x", nil)
	w := b.work("exit 65")
	b.awaitEmpty()
	w.stop()
	if !strings.Contains(w.log.String(), "deleting a message whose command failed for good") {
		t.Error("the log does not tell of the message that was deleted")
	}
}

func TestAMessageThatIsNotSpatesIsTriedAgain(t *testing.T) {
	b := newBed(t)
	b.sendWith("x", nil)
	w := b.work("exit 3")
	w.log.await(t, "attempt ended")
	w.stop()
	if visible, all := b.queued(); visible != 0 || all != 1 {
		t.Errorf("got %d visible of %d messages, want the one, hidden for the back-off", visible, all)
	}
}

func TestWhatCannotBeUnderstoodIsLeftToTheQueue(t *testing.T) {
	text := func(s string) types.MessageAttributeValue {
		return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &s}
	}
	whole := func() map[string]types.MessageAttributeValue {
		return map[string]types.MessageAttributeValue{
			record.AttrRun: text(runID), record.AttrIndex: text("0"), record.AttrGeneration: text("1"),
		}
	}
	type attributes = map[string]types.MessageAttributeValue
	tests := []struct {
		body, want string
		change     func(attributes)
	}{
		{`{"a":1}`, "has no attribute spate.run", func(m attributes) { delete(m, record.AttrRun) }},
		{`{"a":2}`, `spate.index is \"\"`, func(m attributes) { delete(m, record.AttrIndex) }},
		{`{"a":3}`, `spate.index is \"-1\"`, func(m attributes) { m[record.AttrIndex] = text("-1") }},
		{`{"a":4}`, `spate.generation is \"0\"`, func(m attributes) { m[record.AttrGeneration] = text("0") }},
		{`{"a":5}`, "runs/another/run.json is not there", func(m attributes) { m[record.AttrRun] = text("another") }},
		{`[6]`, "a configuration is an object", func(attributes) {}},
		{`{"a":{}}`, `parameter \"a\" is an object`, func(attributes) {}},
		{`{"b":8}`, "placeholder {a} is no parameter", func(attributes) {}},
	}
	b := newBed(t)
	b.run(1, nil)
	dead := b.redrive(2)
	for _, test := range tests {
		attributes := whole()
		test.change(attributes)
		b.sendWith(test.body, attributes)
	}
	w := b.work("", func(c *agent.Config) { c.Command = []string{"echo", "{a}"} })
	for _, test := range tests {
		w.log.await(t, test.want)
	}
	b.awaitEmpty()
	w.stop()
	if got := w.output.String(); got != "" {
		t.Errorf("the command ran and printed %q", got)
	}
	b.queue = dead
	left := map[string]bool{}
	for m := b.receive(1); m != nil; m = b.receive(0) {
		left[*m.Body] = true
	}
	for _, test := range tests {
		if !left[test.body] {
			t.Errorf("%s is not in the dead-letter queue", test.body)
		}
	}
}

// redrive gives the queue a dead-letter queue, and returns that one's URL.
func (b *bed) redrive(maxReceives int) string {
	b.t.Helper()
	made, err := b.sqs.CreateQueue(b.t.Context(), &sdksqs.CreateQueueInput{QueueName: aws.String("dead")})
	if err != nil {
		b.t.Fatal(err)
	}
	_, err = b.sqs.SetQueueAttributes(b.t.Context(), &sdksqs.SetQueueAttributesInput{QueueUrl: &b.queue, Attributes: map[string]string{
		"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":%d}`, maxReceives),
	}})
	if err != nil {
		b.t.Fatal(err)
	}
	return *made.QueueUrl
}
