package engine_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate"
	"github.com/spate-run/spate/internal/cli"
	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/deploy"
	"github.com/spate-run/spate/internal/engine"
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/run"
)

// TestMain lets the test binary be the worker that engines start.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "agent" {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		code := cli.Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
		stop()
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// start runs an engine and returns its clients, and what ends it.
func start(t *testing.T, cfg engine.Config) (aws *client.AWS, stop func()) {
	t.Helper()
	e, err := engine.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return client.New(e.Address()), serve(t, e)
}

// serve runs an engine and returns what ends it.
func serve(t *testing.T, e *engine.Engine) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	ended := false
	stop = func() {
		if ended {
			return
		}
		ended = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the engine ended with %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func TestOneEngineAHome(t *testing.T) {
	home := t.TempDir()
	_, stop := start(t, engine.Config{Home: home})
	_, err := engine.Open(t.Context(), engine.Config{Home: home})
	busy, ok := errors.AsType[*engine.BusyError](err)
	if !ok || busy.By.PID != os.Getpid() {
		t.Errorf("a second engine: got %v, want a BusyError by process %d", err, os.Getpid())
	}
	if at, running, err := engine.Find(home); err != nil || !running || at.Endpoint == "" {
		t.Errorf("Find: got %+v, %v, %v, want a running engine", at, running, err)
	}
	stop()
	if at, running, err := engine.Find(home); err != nil || running {
		t.Errorf("Find after the end: got %+v, %v, %v, want none", at, running, err)
	}
}

func TestStateOutlivesTheEngine(t *testing.T) {
	home := t.TempDir()
	aws, stop := start(t, engine.Config{Home: home})
	made, err := aws.SQS.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: new("q")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := aws.SQS.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: made.QueueUrl, MessageBody: new("x")}); err != nil {
		t.Fatal(err)
	}
	stop()

	aws, _ = start(t, engine.Config{Home: home})
	got, err := aws.SQS.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: made.QueueUrl})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Messages) != 1 || *got.Messages[0].Body != "x" {
		t.Errorf("after a restart: got %+v, want the message that was sent", got.Messages)
	}
}

func TestOtherKeysAreRefused(t *testing.T) {
	e, err := engine.Open(t.Context(), engine.Config{Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	defer func() { cancel(); <-done }()

	at := e.Address()
	at.Keys.SecretAccessKey = "another"
	_, err = client.New(at).SQS.ListQueues(t.Context(), &sqs.ListQueuesInput{})
	if fault, ok := errors.AsType[smithy.APIError](err); !ok || fault.ErrorCode() != "SignatureDoesNotMatch" && fault.ErrorCode() != "InvalidSignatureException" {
		t.Errorf("another secret: got %v, want a refusal of the signature", err)
	}
	reply, err := http.Post(at.Endpoint, "application/x-www-form-urlencoded", strings.NewReader("Action=ListQueues&Version=2012-11-05"))
	if err != nil {
		t.Fatal(err)
	}
	reply.Body.Close()
	if reply.StatusCode != http.StatusForbidden && reply.StatusCode != http.StatusBadRequest {
		t.Errorf("an unsigned request: got status %d, want a refusal", reply.StatusCode)
	}
}

func TestOnlyLoopbackIsServed(t *testing.T) {
	_, err := engine.Open(t.Context(), engine.Config{Home: t.TempDir(), Listen: "0.0.0.0:0"})
	if err == nil || !strings.Contains(err.Error(), "only loopback") {
		t.Errorf("got %v, want a refusal", err)
	}
}

// TestAlarmsScaleTheService sends messages behind spate's back, so that nobody
// raises the service's minimum: the template's alarms alone start tasks, and
// bring them back to 0.
func TestAlarmsScaleTheService(t *testing.T) {
	dir := t.TempDir()
	j, err := job.Parse("spate.yaml", []byte("name: alarms\ncommand: [\"true\"]\nmax: 2\n"))
	if err != nil {
		t.Fatal(err)
	}
	template, err := spate.JobStack(j).Template()
	if err != nil {
		t.Fatal(err)
	}
	aws, _ := start(t, engine.Config{Home: t.TempDir(), Cadence: engine.FastCadence})
	outputs, err := deploy.Apply(t.Context(), aws.CloudFormation, deploy.Stack{Name: j.Name, Template: template, Parameters: map[string]string{"Image": dir}})
	if err != nil {
		t.Fatal(err)
	}
	stack, ok := run.NewStack(aws, j.Name, outputs)
	if !ok {
		t.Fatalf("the stack's outputs are not a job's: %v", outputs)
	}
	for range 4 {
		if _, err := aws.SQS.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &stack.Queue, MessageBody: new("{}")}); err != nil {
			t.Fatal(err)
		}
	}
	until(t, stack, "tasks wanted", func(tasks run.Tasks) bool { return tasks.Desired > 0 })
	until(t, stack, "no tasks", func(tasks run.Tasks) bool { return tasks == run.Tasks{} })
}

// until polls the service's tasks until they are as wanted.
func until(t *testing.T, stack *run.Stack, what string, ok func(run.Tasks) bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var tasks run.Tasks
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); <-tick.C {
		var err error
		if tasks, err = stack.Tasks(t.Context()); err != nil {
			t.Fatal(err)
		}
		if ok(tasks) {
			return
		}
	}
	t.Fatalf("got %+v after a minute, want %s", tasks, what)
}

func TestKeysOfObjectsAreNoPaths(t *testing.T) {
	aws, _ := start(t, engine.Config{Home: t.TempDir()})
	if _, err := aws.S3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: new("bucket")}); err != nil {
		t.Fatal(err)
	}
	keys := []string{"../x", "./x", "a//b", "a/b/../c", "x"}
	for _, key := range keys {
		if _, err := aws.S3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: new("bucket"), Key: &key, Body: strings.NewReader(key)}); err != nil {
			t.Fatalf("putting %q: %v", key, err)
		}
	}
	out, err := aws.S3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: new("bucket")})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range out.Contents {
		got = append(got, *o.Key)
	}
	if diff := cmp.Diff(keys, got); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}
