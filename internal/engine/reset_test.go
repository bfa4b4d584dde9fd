package engine_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/engine"
)

func TestAResetForgetsEverything(t *testing.T) {
	home := t.TempDir()
	e, err := engine.Open(t.Context(), engine.Config{Home: home, Ephemeral: true})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, e)
	clients := client.New(e.Address())
	for range 3 {
		queue, err := clients.SQS.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q")})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := clients.S3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("bucket")}); err != nil {
			t.Fatal(err)
		}
		if _, err := clients.S3.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: aws.String("bucket"), Key: aws.String("key"), Body: strings.NewReader(strings.Repeat("x", 1<<20)),
		}); err != nil {
			t.Fatal(err)
		}
		polled := make(chan error, 1)
		go func() { // which must not hold the reset up
			_, err := clients.SQS.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl, WaitTimeSeconds: 20})
			polled <- err
		}()
		if got := reset(t, e, e.Address().Keys.SecretAccessKey); got != http.StatusOK {
			t.Fatalf("got status %d, want 200", got)
		}
		if err := <-polled; err == nil {
			t.Error("a receiver that waited in a queue that is gone got an answer, want an error")
		}
		queues, err := clients.SQS.ListQueues(t.Context(), &sqs.ListQueuesInput{})
		if err != nil || len(queues.QueueUrls) > 0 {
			t.Errorf("got queues %v, %v after the reset, want none", queues, err)
		}
		if files, err := filepath.Glob(filepath.Join(home, "objects", "*", "*")); err != nil || len(files) > 0 {
			t.Errorf("got files %v, %v after the reset, want none", files, err)
		}
	}
	if got := reset(t, e, "guess"); got != http.StatusForbidden {
		t.Errorf("without the keys got status %d, want 403", got)
	}
	if _, err := os.Stat(filepath.Join(home, "spate.db")); err != nil {
		t.Errorf("got %v, want a store", err)
	}
}

func TestAnEngineThatKeepsIsNotReset(t *testing.T) {
	e, err := engine.Open(t.Context(), engine.Config{Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, e)
	clients := client.New(e.Address())
	if _, err := clients.SQS.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q")}); err != nil {
		t.Fatal(err)
	}
	if got := reset(t, e, e.Address().Keys.SecretAccessKey); got == http.StatusOK {
		t.Error("got status 200, want a refusal")
	}
	queues, err := clients.SQS.ListQueues(t.Context(), &sqs.ListQueuesInput{})
	if err != nil || len(queues.QueueUrls) != 1 {
		t.Errorf("got queues %v, %v, want the one", queues, err)
	}
}

// reset asks an engine to, and returns the answer's status.
func reset(t *testing.T, e *engine.Engine, secret string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.Address().Endpoint+engine.ResetPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(e.Address().Keys.AccessKeyID, secret)
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	return reply.StatusCode
}
