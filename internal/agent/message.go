package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/record"
)

// A delivery is a message as it came from the queue.
type delivery struct {
	id, receipt string
	body        string
	receives    int  // how often the queue gave it out, this time included
	job         *ref // nil where the message is not spate's
	config      job.Config
}

// A ref names a job in a generation of a run.
type ref struct {
	run               string
	index, generation int
}

// An unreadableError reports a message that no worker can understand.
type unreadableError struct{ why error }

func (e *unreadableError) Error() string { return "the message cannot be understood: " + e.why.Error() }
func (e *unreadableError) Unwrap() error { return e.why }

// read takes a message apart. A message without any of spate's attributes is
// somebody else's; one with some of them, or with wrong ones, is unreadable.
func read(m types.Message) (delivery, error) {
	d := delivery{id: deref(m.MessageId), receipt: deref(m.ReceiptHandle), body: deref(m.Body), receives: 1}
	if n, err := strconv.Atoi(m.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)]); err == nil {
		d.receives = n
	}
	configErr := json.Unmarshal([]byte(d.body), &d.config)
	if len(m.MessageAttributes) == 0 {
		return d, nil
	}
	if configErr != nil {
		return d, &unreadableError{configErr}
	}
	var r ref
	var err error
	if r.run = deref(m.MessageAttributes[record.AttrRun].StringValue); r.run == "" {
		err = fmt.Errorf("it has no attribute %s", record.AttrRun)
	}
	r.index, err = attribute(m, record.AttrIndex, 0, err)
	r.generation, err = attribute(m, record.AttrGeneration, 1, err)
	if err != nil {
		return d, &unreadableError{err}
	}
	d.job = &r
	return d, nil
}

// attribute reads an attribute that is a number; an earlier error stays.
func attribute(m types.Message, name string, least int, earlier error) (int, error) {
	text := deref(m.MessageAttributes[name].StringValue)
	n, err := strconv.Atoi(text)
	if err != nil || n < least {
		return 0, errors.Join(earlier, fmt.Errorf("its attribute %s is %q", name, text))
	}
	return n, earlier
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// MaxBackoff bounds the time between two attempts of a job.
const maxBackoff = 15 * time.Minute

// backoff is the time before a job is tried again after so many attempts that
// went wrong: the job's own, doubled by each after the first.
func backoff(j job.Job, attempts int) time.Duration {
	wait := time.Duration(j.RetryBackoff)
	for range attempts - 1 {
		if wait *= 2; wait >= maxBackoff {
			break
		}
	}
	return min(wait, max(maxBackoff, time.Duration(j.RetryBackoff)))
}
