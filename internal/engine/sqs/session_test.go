package sqs_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what the Go SDK says into testdata")

// A client makes a call that is written as JSON, and returns the answer as JSON
// or "Code: message".
type client func(ctx context.Context, operation, in string) string

// session is what every client does: calls, one a line, in which <queue> is a
// queue's URL, <handle> and <task> the latest of their kind. A line that begins
// with "until" is done again until the answer has its first word.
const session = `
CreateQueue {"QueueName":"dead"}
CreateQueue {"QueueName":"jobs","Attributes":{"VisibilityTimeout":"30","RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:dead\",\"maxReceiveCount\":2}"},"tags":{"team":"a"}}
CreateQueue {"QueueName":"jobs","Attributes":{"VisibilityTimeout":"31"}}
GetQueueUrl {"QueueName":"jobs"}
GetQueueUrl {"QueueName":"none"}
ListQueues {"QueueNamePrefix":"j"}
ListQueueTags {"QueueUrl":"<jobs>"}
SendMessage {"QueueUrl":"<jobs>","MessageBody":"hello ✓ <b>","MessageGroupId":"tenant","MessageAttributes":{"n":{"DataType":"Number","StringValue":"1.5"},"s":{"DataType":"String.x","StringValue":"é"}}}
SendMessageBatch {"QueueUrl":"<jobs>","Entries":[{"Id":"good","MessageBody":"a"},{"Id":"bad","MessageBody":"b","DelaySeconds":901}]}
ReceiveMessage {"QueueUrl":"<jobs>","MaxNumberOfMessages":1,"MessageAttributeNames":["All"],"MessageSystemAttributeNames":["All"]}
ReceiveMessage {"QueueUrl":"<jobs>","MaxNumberOfMessages":11}
ChangeMessageVisibility {"QueueUrl":"<jobs>","ReceiptHandle":"<handle>","VisibilityTimeout":0}
SetQueueAttributes {"QueueUrl":"<jobs>","Attributes":{"VisibilityTimeout":"0"}}
ReceiveMessage {"QueueUrl":"<jobs>","MaxNumberOfMessages":10}
ReceiveMessage {"QueueUrl":"<jobs>","MaxNumberOfMessages":10}
ReceiveMessage {"QueueUrl":"<jobs>","MaxNumberOfMessages":10}
GetQueueAttributes {"QueueUrl":"<dead>","AttributeNames":["ApproximateNumberOfMessages","QueueArn"]}
ListDeadLetterSourceQueues {"QueueUrl":"<dead>"}
StartMessageMoveTask {"SourceArn":"arn:aws:sqs:us-east-1:000000000000:jobs"}
StartMessageMoveTask {"SourceArn":"arn:aws:sqs:us-east-1:000000000000:dead"}
until COMPLETED ListMessageMoveTasks {"SourceArn":"arn:aws:sqs:us-east-1:000000000000:dead"}
CancelMessageMoveTask {"TaskHandle":"nothing"}
ReceiveMessage {"QueueUrl":"<jobs>","MaxNumberOfMessages":1,"VisibilityTimeout":60}
DeleteMessage {"QueueUrl":"<jobs>","ReceiptHandle":"<handle>"}
DeleteMessage {"QueueUrl":"<jobs>","ReceiptHandle":"nothing"}
PurgeQueue {"QueueUrl":"<jobs>"}
PurgeQueue {"QueueUrl":"<jobs>"}
CreateQueue {"QueueName":"steps.fifo","Attributes":{"FifoQueue":"true","ContentBasedDeduplication":"true"}}
SendMessage {"QueueUrl":"<steps.fifo>","MessageBody":"1"}
SendMessage {"QueueUrl":"<steps.fifo>","MessageBody":"1","MessageGroupId":"g"}
SendMessage {"QueueUrl":"<steps.fifo>","MessageBody":"1","MessageGroupId":"g"}
SendMessage {"QueueUrl":"<steps.fifo>","MessageBody":"2","MessageGroupId":"g","MessageDeduplicationId":"two"}
ReceiveMessage {"QueueUrl":"<steps.fifo>","MaxNumberOfMessages":1,"MessageSystemAttributeNames":["All"],"ReceiveRequestAttemptId":"try"}
ReceiveMessage {"QueueUrl":"<steps.fifo>","MaxNumberOfMessages":1,"MessageSystemAttributeNames":["All"],"ReceiveRequestAttemptId":"try"}
ReceiveMessage {"QueueUrl":"<steps.fifo>","MaxNumberOfMessages":1}
DeleteMessageBatch {"QueueUrl":"<steps.fifo>","Entries":[{"Id":"a","ReceiptHandle":"<handle>"},{"Id":"b","ReceiptHandle":"nothing"}]}
DeleteQueue {"QueueUrl":"<steps.fifo>"}
CreateQueue {"QueueName":"steps.fifo","Attributes":{"FifoQueue":"true"}}
SendMessage {"QueueUrl":"<steps.fifo>","MessageBody":"x","MessageGroupId":"g"}
`

// Three clients do the same, and understand the same.
func TestEveryClientHasTheSameSession(t *testing.T) {
	const golden = "testdata/session.golden"
	clients := map[string]func(*testing.T, *httptest.Server) client{"go": goClient, "boto3": botoClient, "aws": awsClient}
	want, err := os.ReadFile(golden)
	if err != nil && !*update {
		t.Fatal(err)
	}
	for name, connect := range clients {
		t.Run(name, func(t *testing.T) {
			e := open(t)
			server := httptest.NewServer(e.handler)
			defer server.Close()
			got := transcript(t, server, connect(t, server))
			if *update && name == "go" {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				want = []byte(got)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("session (-want +got):\n%s", diff)
			}
		})
	}
}

// transcript has a client do the session.
func transcript(t *testing.T, server *httptest.Server, call client) string {
	t.Helper()
	variables := map[string]string{}
	for _, queue := range []string{"dead", "jobs", "steps.fifo"} {
		variables["<"+queue+">"] = "http://engine.local/" + account.ID + "/" + queue
	}
	var all strings.Builder
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for line := range strings.Lines(strings.TrimSpace(session)) {
		line = strings.TrimSpace(line)
		all.WriteString(line + "\n")
		until := ""
		if rest, ok := strings.CutPrefix(line, "until "); ok {
			until, line, _ = strings.Cut(rest, " ")
		}
		operation, in, _ := strings.Cut(line, " ")
		for from, to := range variables {
			in = strings.ReplaceAll(in, from, to)
		}
		answer := call(ctx, operation, in)
		for !strings.Contains(answer, until) && ctx.Err() == nil {
			answer = call(ctx, operation, in)
		}
		all.WriteString("  " + settled(t, answer, server.URL, variables) + "\n")
	}
	return all.String()
}

var unsettled = regexp.MustCompile(`"(MessageId|ReceiptHandle|TaskHandle|SequenceNumber|SentTimestamp|ApproximateFirstReceiveTimestamp|` +
	`StartedTimestamp)": ?("[^"]*"|\d+)`)

// settled is an answer without what differs from time to time, and without what
// some clients leave out: nothing, zero and false.
func settled(t *testing.T, answer, url string, variables map[string]string) string {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(answer), &value); err != nil {
		return strings.TrimSpace(strings.ReplaceAll(answer, url, "http://engine"))
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(pruned(value)); err != nil {
		t.Fatal(err)
	}
	for _, m := range unsettled.FindAllStringSubmatch(text.String(), -1) {
		if m[1] == "ReceiptHandle" {
			variables["<handle>"] = strings.Trim(m[2], `"`)
		}
	}
	line := unsettled.ReplaceAllString(text.String(), `"$1":…`)
	line = strings.Replace(line, `{"queueUrls":`, `{"QueueUrls":`, 1) // as SQS's model has it, and the Go SDK has not
	return strings.TrimSpace(strings.ReplaceAll(line, url, "http://engine"))
}

func pruned(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for name, member := range value {
			member = pruned(member)
			value[name] = member
			if v := reflect.ValueOf(member); !v.IsValid() || v.IsZero() || v.Kind() == reflect.Map && v.Len() == 0 ||
				name == "ResultMetadata" || name == "ResponseMetadata" {
				delete(value, name)
			}
		}
	case []any:
		for i := range value {
			value[i] = pruned(value[i])
		}
		if len(value) == 0 {
			return nil
		}
	}
	return value
}

func goClient(t *testing.T, server *httptest.Server) client {
	client := sdk.New(sdk.Options{
		BaseEndpoint: &server.URL, Region: account.Region,
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
	})
	return func(ctx context.Context, operation, in string) string {
		method := reflect.ValueOf(client).MethodByName(operation)
		input := reflect.New(method.Type().In(1).Elem())
		if err := json.Unmarshal([]byte(in), input.Interface()); err != nil {
			t.Fatalf("%s %s: %v", operation, in, err)
		}
		out := method.Call([]reflect.Value{reflect.ValueOf(ctx), input})
		if err, _ := out[1].Interface().(error); err != nil {
			if fault, ok := errors.AsType[smithy.APIError](err); ok {
				return fault.ErrorCode() + ": " + fault.ErrorMessage()
			}
			t.Fatalf("%s: %v", operation, err)
		}
		text, err := json.Marshal(out[0].Interface())
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}

// clientEnv is how boto3 and the aws CLI find their settings.
func clientEnv() []string {
	return append(os.Environ(), "AWS_ACCESS_KEY_ID=id", "AWS_SECRET_ACCESS_KEY=secret", "PYTHONIOENCODING=utf-8",
		"AWS_DEFAULT_REGION="+account.Region, "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null")
}

const botoSession = `
import sys, json, boto3, botocore
from botocore import xform_name
client = boto3.client("sqs", endpoint_url=sys.argv[1])
for line in sys.stdin:
    operation, given = line.split(" ", 1)
    try:
        answer = json.dumps(getattr(client, xform_name(operation))(**json.loads(given)))
    except botocore.exceptions.ClientError as e:
        answer = e.response["Error"]["Code"] + ": " + e.response["Error"]["Message"]
    print(answer, flush=True)
`

func botoClient(t *testing.T, server *httptest.Server) client {
	if err := exec.CommandContext(t.Context(), "python3", "-c", "import boto3").Run(); err != nil {
		t.Skip("SKIPPED: python3 with boto3 is not installed")
	}
	ask := python(t, botoSession, server.URL)
	return func(_ context.Context, operation, in string) string { return ask(operation + " " + in) }
}

// python starts a program that answers lines.
func python(t *testing.T, program, url string) (ask func(line string) string) {
	command := exec.Command("python3", "-c", program, url)
	command.Env, command.Stderr = clientEnv(), os.Stderr
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		if err := command.Wait(); err != nil {
			t.Errorf("python3: %v", err)
		}
	})
	answers := bufio.NewReader(stdout)
	return func(line string) string {
		fmt.Fprintln(stdin, line)
		answer, err := answers.ReadString('\n')
		if err != nil {
			t.Fatalf("python3 was told %s, and answers: %v", line, err)
		}
		return answer
	}
}

// cliSession is the aws CLI without a start for each call, where it is a module
// of Python.
const cliSession = `
import sys, json, io, contextlib
from awscli.clidriver import create_clidriver
driver = create_clidriver()
for line in sys.stdin:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        driver.main(json.loads(line))
    print(json.dumps([out.getvalue(), err.getvalue()]), flush=True)
`

var (
	cliFault = regexp.MustCompile(`An error occurred \(([^)]*)\) when calling the \w+ operation(?: \(.*?\))?: (.*)`)
	capital  = regexp.MustCompile(`([a-z])([A-Z])`)
)

func awsClient(t *testing.T, server *httptest.Server) client {
	run := awsCommand(t, server.URL)
	return func(_ context.Context, operation, in string) string {
		name := strings.ToLower(capital.ReplaceAllString(operation, "$1-$2"))
		out, stderr := run("--endpoint-url", server.URL, "--output", "json", "sqs", name, "--cli-input-json", in)
		switch m := cliFault.FindStringSubmatch(stderr); {
		case m != nil:
			return m[1] + ": " + m[2]
		case stderr != "":
			t.Fatalf("aws sqs %s %s: %s", name, in, stderr)
		case strings.TrimSpace(out) == "":
			return "{}"
		}
		return out
	}
}

func awsCommand(t *testing.T, url string) func(args ...string) (stdout, stderr string) {
	if _, err := exec.LookPath("aws"); err != nil {
		t.Skip("SKIPPED: the aws CLI is not installed")
	}
	if exec.CommandContext(t.Context(), "python3", "-c", "import awscli.clidriver").Run() == nil {
		ask := python(t, cliSession, url)
		return func(args ...string) (stdout, stderr string) {
			line, err := json.Marshal(args)
			if err != nil {
				t.Fatal(err)
			}
			var answer [2]string
			if err := json.Unmarshal([]byte(ask(string(line))), &answer); err != nil {
				t.Fatal(err)
			}
			return answer[0], answer[1]
		}
	}
	if testing.Short() {
		t.Skip("SKIPPED: every call of this aws CLI takes most of a second")
	}
	return func(args ...string) (stdout, stderr string) {
		var out, told strings.Builder
		command := exec.CommandContext(t.Context(), "aws", args...)
		command.Env, command.Stdout, command.Stderr = clientEnv(), &out, &told
		if err := command.Run(); err != nil && told.Len() == 0 {
			t.Fatalf("aws %q: %v", args, err)
		}
		return out.String(), told.String()
	}
}
