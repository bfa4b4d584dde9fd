package spatetest_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/spate-run/spate/spatetest"
)

func ExampleStart() {
	var t *testing.T // the test's own

	queues := sqs.NewFromConfig(spatetest.Start(t).Config)
	queue, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("letters")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = queues.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: queue.QueueUrl, MessageBody: aws.String("hello")})
	if err != nil {
		t.Fatal(err)
	}
}
