package cli_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// getenv returns a variable of the cloud's.
func (c *cloud) getenv(name string) (value string) {
	for _, variable := range c.env {
		if v, ok := strings.CutPrefix(variable, name+"="); ok {
			value = v
		}
	}
	return value
}

func (c *cloud) credentials() credentials.StaticCredentialsProvider {
	return credentials.NewStaticCredentialsProvider(c.getenv("AWS_ACCESS_KEY_ID"), c.getenv("AWS_SECRET_ACCESS_KEY"), "")
}

// ask posts a signed form, as clients of services that take such do.
func (c *cloud) ask(scope string, form url.Values) string {
	c.Helper()
	body := []byte(form.Encode())
	request, err := http.NewRequestWithContext(c.Context(), http.MethodPost, "http://"+c.registry, bytes.NewReader(body))
	if err != nil {
		c.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	hash := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(c.Context(), must(c.credentials().Retrieve(c.Context())), request, hex.EncodeToString(hash[:]), scope, "us-east-1", time.Now()); err != nil {
		c.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		c.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		c.Fatalf("%s: got %s %s, %v", form.Get("Action"), response.Status, text, err)
	}
	return string(text)
}

// A mailbox is a queue that a job's topic sends to.
type mailbox struct {
	*cloud
	sqs   *sqs.Client
	queue string
	topic string
}

// subscribe has the topic of the cloud's only stack send to a queue.
func (c *cloud) subscribe() *mailbox {
	c.Helper()
	m := &mailbox{cloud: c, sqs: sqs.New(sqs.Options{BaseEndpoint: new("http://" + c.registry), Region: "us-east-1", Credentials: c.credentials()})}
	made, err := m.sqs.CreateQueue(c.Context(), &sqs.CreateQueueInput{QueueName: new("mailbox")})
	if err != nil {
		c.Fatal(err)
	}
	m.queue = *made.QueueUrl
	topics := regexp.MustCompile(`<TopicArn>(.*?)</TopicArn>`).FindAllStringSubmatch(c.ask("sns", url.Values{"Action": {"ListTopics"}, "Version": {"2010-03-31"}}), -1)
	if len(topics) != 1 {
		c.Fatalf("got %d topics, want one", len(topics))
	}
	m.topic = topics[0][1]
	c.ask("sns", url.Values{
		"Action": {"Subscribe"}, "Version": {"2010-03-31"}, "Protocol": {"sqs"}, "TopicArn": {m.topic},
		"Endpoint": {"arn:aws:sqs:us-east-1:000000000000:mailbox"},
	})
	c.Cleanup(func() { _, _ = m.sqs.DeleteQueue(c.Context(), &sqs.DeleteQueueInput{QueueUrl: &m.queue}) })
	return m
}

// A letter is a message of SNS.
type letter struct{ TopicArn, Subject, Message string }

// next waits for a letter; nil where none comes.
func (m *mailbox) next(wait time.Duration) *letter {
	m.Helper()
	for deadline := time.Now().Add(wait); ; {
		out, err := m.sqs.ReceiveMessage(m.Context(), &sqs.ReceiveMessageInput{QueueUrl: &m.queue, WaitTimeSeconds: int32(min(20, wait.Seconds()))})
		if err != nil {
			m.Fatal(err)
		}
		if len(out.Messages) == 0 {
			if time.Now().Before(deadline) {
				continue
			}
			return nil
		}
		var l letter
		if err := json.Unmarshal([]byte(aws.ToString(out.Messages[0].Body)), &l); err != nil {
			m.Fatalf("got %s: %v", *out.Messages[0].Body, err)
		}
		if _, err := m.sqs.DeleteMessage(m.Context(), &sqs.DeleteMessageInput{QueueUrl: &m.queue, ReceiptHandle: out.Messages[0].ReceiptHandle}); err != nil {
			m.Fatal(err)
		}
		return &l
	}
}

// A run that nobody follows tells its address that it is done, once, with its
// counts and where the results are; one that fails tells that.
func TestTheEndOfARunIsTold(t *testing.T) {
	c := newServed(t)
	c.write("spate.yaml", "name: told\nmax: 3\ncpu: .25\nmemory: 64MiB\nretries: 0\nnotify: me@example.com\n"+
		"command: [sh, -c, 'test {n} -lt 5']\nparams: {grid: {n: [1, 2, 3]}}\n")
	c.must("deploy", "--yes", "--on", "local")
	m := c.subscribe()

	out, _ := c.must("run", "--detach")
	id := strings.TrimSpace(out)
	l := m.next(time.Minute)
	if l == nil || l.Subject != "told is done: 3 of 3 jobs done, 0 failed" || l.TopicArn != m.topic {
		t.Fatalf("got %+v, want that 3 jobs are done", l)
	}
	for _, want := range []string{"\nresults   s3://told-bucket-", "/runs/" + id + "/results/1/\n", "\n  spate results " + id} {
		c.wants(l.Message, want)
	}
	if _, _, err := c.spate("run", "-p", "n=4..5"); err == nil {
		t.Error("got a run that succeeded, want one that failed")
	}
	if l := m.next(time.Minute); l == nil || l.Subject != "told failed: 1 of 2 jobs done, 1 failed" {
		t.Errorf("got %+v, want that 1 of 2 jobs failed", l)
	} else {
		c.wants(l.Message, "\n  spate retry ")
	}
	if l := m.next(2 * time.Second); l != nil {
		t.Errorf("got one more: %+v", l)
	}
}

// That a schedule could not send its run is told too: nobody else would.
func TestAScheduledRunThatIsNotSentIsTold(t *testing.T) {
	c := newServed(t)
	c.write("spate.yaml", "name: weekly\nnotify: me@example.com\ncommand: [echo]\nschedule: cron(0 6 ? * MON *)\n")
	out, _ := c.must("deploy", "--yes", "--on", "local", "-o", "json")
	var outputs map[string]string
	if err := json.Unmarshal([]byte(out), &outputs); err != nil {
		t.Fatal(err)
	}
	m := c.subscribe()
	sender := exec.CommandContext(t.Context(), c.program, "agent", "--", "true")
	sender.Env = append(os.Environ(), "SPATE_AWS_ENDPOINT_URL=http://"+c.registry, "SPATE_AWS_REGION=us-east-1",
		"SPATE_AWS_ACCESS_KEY_ID="+c.getenv("AWS_ACCESS_KEY_ID"), "SPATE_AWS_SECRET_ACCESS_KEY="+c.getenv("AWS_SECRET_ACCESS_KEY"),
		"SPATE_BUCKET=gone", "SPATE_QUEUE_URL="+outputs["QueueUrl"], "SPATE_CLUSTER="+outputs["ClusterName"],
		"SPATE_SERVICE="+outputs["ServiceName"], "SPATE_STACK=weekly", "SPATE_SCHEDULED=2026-11-23T06:00:00Z", "SPATE_NOTIFY="+m.topic)
	said, err := sender.CombinedOutput()
	if _, failed := errors.AsType[*exec.ExitError](err); !failed {
		t.Fatalf("got %v, want a sender that failed:\n%s", err, said)
	}
	l := m.next(time.Minute)
	if l == nil || l.Subject != "weekly: the scheduled run could not be sent" {
		t.Fatalf("got %+v, want that the run was not sent:\n%s", l, said)
	}
	c.wants(l.Message, "The run of weekly for 2026-11-23T06:00:00Z was not sent")
	c.wants(l.Message, "NoSuchBucket")
}
