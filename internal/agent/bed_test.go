package agent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdkecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	sdks3 "github.com/aws/aws-sdk-go-v2/service/s3"
	sdksqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"go.uber.org/goleak"

	"github.com/spate-run/spate/internal/agent"
	"github.com/spate-run/spate/internal/engine/s3"
	"github.com/spate-run/spate/internal/engine/sqs"
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/record"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

// helperEnv makes this program another one instead of a test.
const helperEnv = "AGENT_TEST_HELPER"

func TestMain(m *testing.M) {
	switch os.Getenv(helperEnv) {
	case "":
		goleak.VerifyTestMain(m)
	case "worker": // as "spate agent -- command…"
		exitOn(realWorker(os.Args[3:]))
	case "engine":
		exitOn(startEngine())
	}
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func realWorker(command []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	c, err := agent.FromEnv(ctx, os.Environ(), command)
	if err != nil {
		return err
	}
	c.Output = os.Stdout
	c.Poll = time.Second
	if c.Visibility, c.Heartbeat, err = tempo(os.Getenv(tempoEnv)); err != nil {
		return err
	}
	c.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	return agent.Run(ctx, c)
}

// tempoEnv is a worker's visibility and its heartbeat, in milliseconds.
const tempoEnv = "AGENT_TEST_TEMPO"

func tempo(text string) (visibility, heartbeat time.Duration, err error) {
	if text == "" {
		return time.Second, 300 * time.Millisecond, nil
	}
	_, err = fmt.Sscan(text, &visibility, &heartbeat)
	return visibility * time.Millisecond, heartbeat * time.Millisecond, err
}

// patience bounds every wait. It only decides how long a broken worker takes
// to fail.
const patience = 2 * time.Minute

const (
	queueName = "work"
	bucket    = "records"
	runID     = "01KAP5D1V8YFQ1ZJ6W3T2N9X4B"
	taskARN   = "arn:aws:ecs:us-east-1:000000000000:task/cluster/0123456789abcdef"
)

// A bed is what a worker talks to: SQS and S3 as the embedded engine has them,
// and an ECS agent that does as it is told.
type bed struct {
	t       testing.TB
	url     string
	queue   string
	aws     aws.Config
	sqs     *sdksqs.Client
	records *record.Store
	ecs     *ecsAgent
	served  *signaled
}

// A signaled tells who waits for it that something happened.
type signaled struct {
	mu sync.Mutex
	ch chan struct{}
}

func (s *signaled) next() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

func (s *signaled) tell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}

func newBed(t testing.TB) *bed {
	t.Helper()
	dir := t.TempDir()
	st, err := store.Open(t.Context(), filepath.Join(dir, "spate.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &bed{t: t, ecs: &ecsAgent{}, served: &signaled{}}
	mux := http.NewServeMux()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mux.ServeHTTP(w, r)
		if r.Header.Get(ownHeader) == "" {
			b.served.tell()
		}
	}))
	t.Cleanup(server.Close)
	account := wire.Account{ID: "000000000000", Region: "us-east-1"}
	keys := &wire.Keys{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	queues, err := sqs.New(t.Context(), sqs.Config{Store: st, Account: account, Endpoint: server.URL, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	objects, err := s3.New(t.Context(), s3.Config{Store: st, Dir: filepath.Join(dir, "objects"), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	mux.Handle("/", wire.NewHandler(wire.Config{
		Services: []*wire.Service{queues.Wire(), b.ecs.wire()}, Objects: objects, Keys: keys, Log: log,
	}))
	mux.Handle("/agent/", b.ecs)
	mux.HandleFunc("/metadata/task", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"Cluster": "cluster", "TaskARN": %q}`, taskARN)
	})
	ctx, stop := context.WithCancel(context.Background())
	var background sync.WaitGroup
	background.Go(func() {
		if err := queues.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	background.Go(func() {
		if err := objects.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { stop(); background.Wait() })

	b.url = server.URL
	b.aws = aws.Config{
		Region: account.Region, BaseEndpoint: &server.URL,
		Credentials: credentials.NewStaticCredentialsProvider(keys.AccessKeyID, keys.SecretAccessKey, ""),
		HTTPClient:  server.Client(),
	}
	own := b.aws
	own.HTTPClient = &http.Client{Transport: marking{server.Client().Transport}}
	b.sqs = sdksqs.NewFromConfig(own)
	b.records = &record.Store{Bucket: bucket, S3: sdks3.NewFromConfig(own, func(o *sdks3.Options) { o.UsePathStyle = true })}
	made, err := b.sqs.CreateQueue(t.Context(), &sdksqs.CreateQueueInput{QueueName: aws.String(queueName)})
	if err != nil {
		t.Fatal(err)
	}
	b.queue = *made.QueueUrl
	if _, err := b.records.S3.CreateBucket(t.Context(), &sdks3.CreateBucketInput{Bucket: aws.String(bucket)}); err != nil {
		t.Fatal(err)
	}
	return b
}

// ownHeader marks the requests of the test itself, which tell it no news.
const ownHeader = "X-Bed"

type marking struct{ http.RoundTripper }

func (m marking) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set(ownHeader, "1")
	return m.RoundTripper.RoundTrip(r)
}

// An ecsAgent is the agent's endpoint, and ECS for its stop reasons.
type ecsAgent struct {
	mu    sync.Mutex
	reply string // to every request; empty: what is asked for is granted
	asked []bool // what ProtectionEnabled was, request by request
}

func (e *ecsAgent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var request struct{ ProtectionEnabled bool }
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil || r.Method != http.MethodPut || r.URL.Path != "/agent/task-protection/v1/state" {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked = append(e.asked, request.ProtectionEnabled)
	if e.reply != "" {
		fmt.Fprint(w, e.reply)
		return
	}
	fmt.Fprintf(w, `{"protection": {"ExpirationDate": "2030-01-01T00:00:00Z", "ProtectionEnabled": %t, "TaskArn": %q}}`, request.ProtectionEnabled, taskARN)
}

func (e *ecsAgent) set(reply string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.reply = reply
}

func (e *ecsAgent) history() []bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]bool(nil), e.asked...)
}

func (e *ecsAgent) wire() *wire.Service {
	s := &wire.Service{Name: "ecs", Target: "AmazonEC2ContainerServiceV20141113", JSONVersion: "1.1", LowerCamel: true}
	wire.Handle(s, func(_ context.Context, in *sdkecs.DescribeTasksInput) (*sdkecs.DescribeTasksOutput, error) {
		if in.Tasks[0] != taskARN || *in.Cluster != "cluster" {
			return &sdkecs.DescribeTasksOutput{}, nil
		}
		return &sdkecs.DescribeTasksOutput{Tasks: []ecstypes.Task{{
			StoppedReason: aws.String("Essential container in task exited"),
			Containers:    []ecstypes.Container{{Reason: aws.String("OutOfMemoryError: Container killed due to memory usage")}},
		}}}, nil
	})
	return s
}

// run records a run with jobs configurations, so that its messages can be
// understood. The job's limits are short.
func (b *bed) run(jobs int, change func(*job.Job)) {
	b.t.Helper()
	j := job.Job{
		Name: "test", Timeout: job.Duration(time.Minute), Retries: 2,
		StopTimeout: job.Duration(4 * time.Second),
	}
	if change != nil {
		change(&j)
	}
	if err := b.records.PutJSON(b.t.Context(), record.RunKey(runID), record.Run{ID: runID, Job: j, Jobs: jobs}); err != nil {
		b.t.Fatal(err)
	}
}

// send sends a job of a generation.
func (b *bed) send(index, generation int, body string) {
	b.t.Helper()
	b.sendWith(body, map[string]types.MessageAttributeValue{
		record.AttrRun:        {DataType: aws.String("String"), StringValue: aws.String(runID)},
		record.AttrIndex:      {DataType: aws.String("Number"), StringValue: aws.String(strconv.Itoa(index))},
		record.AttrGeneration: {DataType: aws.String("Number"), StringValue: aws.String(strconv.Itoa(generation))},
	})
}

func (b *bed) sendWith(body string, attributes map[string]types.MessageAttributeValue) {
	b.t.Helper()
	_, err := b.sqs.SendMessage(b.t.Context(), &sdksqs.SendMessageInput{QueueUrl: &b.queue, MessageBody: &body, MessageAttributes: attributes})
	if err != nil {
		b.t.Fatal(err)
	}
}

// A working is a worker that runs in this process.
type working struct {
	output, log *buffer
	stop        func()
	ended       chan error
}

// work starts a worker whose command is a shell script, without placeholders.
func (b *bed) work(script string, change ...func(*agent.Config)) *working {
	b.t.Helper()
	w := &working{output: &buffer{}, log: &buffer{}, ended: make(chan error, 1)}
	script = strings.ReplaceAll(script, "{", "{{")
	c := agent.Config{
		Queue: b.queue, Bucket: bucket, Command: []string{"sh", "-c", script}, AWS: b.aws,
		Agent: b.url + "/agent", Metadata: b.url + "/metadata", Dir: b.t.TempDir(),
		Environ: os.Environ(), Output: w.output,
		Log:  slog.New(slog.NewTextHandler(io.MultiWriter(w.log, b.t.Output()), nil)),
		Poll: time.Second, Watch: 20 * time.Millisecond, Pause: 10 * time.Millisecond,
	}
	for _, f := range change {
		f(&c)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.ended <- agent.Run(ctx, c)
	}()
	w.stop = func() { cancel(); <-done }
	b.t.Cleanup(w.stop)
	return w
}

// await waits until something holds; it looks again after every request of a
// worker.
func (b *bed) await(what string, holds func() bool) {
	b.t.Helper()
	deadline := time.After(patience)
	for {
		next := b.served.next()
		if holds() {
			return
		}
		select {
		case <-next:
		case <-deadline:
			b.t.Fatalf("waited in vain: %s", what)
		}
	}
}

// result waits for a job's result, and for its message to be gone.
func (b *bed) result(index, generation int) record.Result {
	b.t.Helper()
	key := record.ResultKey(runID, generation, index)
	b.await("the result "+key, func() bool { return b.exists(key) })
	b.awaitEmpty()
	var r record.Result
	b.get(key, &r)
	return r
}

func (b *bed) end(index, generation, attempt int) record.End {
	b.t.Helper()
	key, resultKey := record.AttemptPrefix(runID, index, generation, attempt)+"end.json", record.ResultKey(runID, generation, index)
	b.await("the end "+key, func() bool { return b.exists(key) || b.exists(resultKey) })
	if b.exists(key) {
		var end record.End
		b.get(key, &end)
		return end
	}
	var result record.Result
	b.get(resultKey, &result)
	if result.Attempt != attempt || result.State != record.Done {
		b.t.Fatalf("attempt %d has no end beside the result %+v", attempt, result)
	}
	return result.End()
}

func (b *bed) get(key string, doc any) {
	b.t.Helper()
	if err := b.records.GetJSON(b.t.Context(), key, doc); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) text(key string) string {
	b.t.Helper()
	body, err := b.records.Open(b.t.Context(), key)
	if err != nil {
		b.t.Fatal(err)
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}

func (b *bed) put(key string, doc any) {
	b.t.Helper()
	if err := b.records.PutJSON(b.t.Context(), key, doc); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) exists(key string) bool {
	b.t.Helper()
	there, err := b.records.Exists(b.t.Context(), key)
	if err != nil {
		b.t.Fatal(err)
	}
	return there
}

// keys lists the objects below a prefix, without it.
func (b *bed) keys(prefix string) []string {
	b.t.Helper()
	keys := []string{}
	for object, err := range b.records.List(b.t.Context(), prefix, "") {
		if err != nil {
			b.t.Fatal(err)
		}
		keys = append(keys, strings.TrimPrefix(object.Key, prefix))
	}
	return keys
}

// receive takes a message from the queue as somebody else would, or nil.
func (b *bed) receive(wait int32) *types.Message {
	b.t.Helper()
	out, err := b.sqs.ReceiveMessage(b.t.Context(), &sdksqs.ReceiveMessageInput{QueueUrl: &b.queue, WaitTimeSeconds: wait})
	if err != nil {
		b.t.Fatal(err)
	}
	if len(out.Messages) == 0 {
		return nil
	}
	return &out.Messages[0]
}

// queued counts the queue's visible messages, and all of them.
func (b *bed) queued() (visible, all int) {
	b.t.Helper()
	out, err := b.sqs.GetQueueAttributes(b.t.Context(), &sdksqs.GetQueueAttributesInput{
		QueueUrl: &b.queue, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, name := range []string{"", "NotVisible", "Delayed"} {
		n, err := strconv.Atoi(out.Attributes["ApproximateNumberOfMessages"+name])
		if err != nil {
			b.t.Fatal(err)
		}
		if all += n; name == "" {
			visible = n
		}
	}
	return visible, all
}

func (b *bed) awaitEmpty() {
	b.t.Helper()
	b.await("an empty queue", func() bool { _, all := b.queued(); return all == 0 })
}

// A buffer keeps what is written to it, and tells who waits for it.
type buffer struct {
	signaled
	mu   sync.Mutex
	data bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	defer b.tell()
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.String()
}

// await waits until the buffer holds want.
func (b *buffer) await(t testing.TB, want string) {
	t.Helper()
	deadline := time.After(patience)
	for {
		next := b.next()
		if strings.Contains(b.String(), want) {
			return
		}
		select {
		case <-next:
		case <-deadline:
			t.Fatalf("got %q, want %q in it", b, want)
		}
	}
}
