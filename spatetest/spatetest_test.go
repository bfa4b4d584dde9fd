package spatetest_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/spate-run/spate/spatetest"
)

func TestEachTestHasAnEngineOfItsOwn(t *testing.T) {
	for _, name := range []string{"one", "two", "three"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			queues := sqs.NewFromConfig(spatetest.Start(t).Config)
			if _, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name}); err != nil {
				t.Fatal(err)
			}
			out, err := queues.ListQueues(t.Context(), &sqs.ListQueuesInput{})
			if err != nil {
				t.Fatal(err)
			}
			if len(out.QueueUrls) != 1 {
				t.Errorf("got queues %v, want %s alone", out.QueueUrls, name)
			}
		})
	}
}

func TestOtherProgramsReachTheEngine(t *testing.T) {
	if err := exec.Command("python3", "-c", "import boto3").Run(); err != nil {
		t.Skip("SKIPPED: python3 with boto3 is not installed")
	}
	cmd := exec.Command("python3", "-c", "import boto3; print(boto3.client('sqs').create_queue(QueueName='q')['QueueUrl'])")
	e := spatetest.Start(t)
	cmd.Env = append(os.Environ(), e.Environ()...)
	out, err := cmd.CombinedOutput()
	if want := e.Endpoint + "/000000000000/q\n"; err != nil || string(out) != want {
		t.Errorf("got %s, %v, want %s", out, err, want)
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	t.Run("test", func(t *testing.T) {
		queues := sqs.NewFromConfig(spatetest.Start(t).Config)
		if _, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q")}); err != nil {
			t.Fatal(err)
		}
	})
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	if err != nil || len(left) > 0 {
		t.Errorf("got %v, %v, want nothing", left, err)
	}
}
