package wire_test

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/wire"
)

func sqsService() *wire.Service {
	return &wire.Service{
		Name: "sqs", Target: "AmazonSQS", JSONVersion: "1.0",
		QueryVersion: "2012-11-05", Namespace: "http://queue.amazonaws.com/doc/2012-11-05/",
	}
}

func TestPresent(t *testing.T) {
	service := sqsService()
	var got []bool
	wire.Handle(service, func(ctx context.Context, in *sqs.SendMessageBatchInput) (*sqs.SendMessageBatchOutput, error) {
		for _, path := range []string{"QueueUrl", "Entries", "Entries[0].DelaySeconds", "Entries[1].DelaySeconds", "Entries[1].Id", "DelaySeconds"} {
			got = append(got, wire.Present(ctx, path))
		}
		if wire.RequestID(ctx) == "" {
			t.Error("got no request id")
		}
		return nil, nil
	})
	client := sqs.NewFromConfig(wire.Client(wire.NewHandler(wire.Config{Services: []*wire.Service{service}, Keys: keys}), keys, account))
	_, err := client.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{
		QueueUrl: aws.String("http://engine.local/000000000000/q"),
		Entries: []types.SendMessageBatchRequestEntry{
			{Id: aws.String("a"), MessageBody: aws.String("x")},
			{Id: aws.String("b"), MessageBody: aws.String("y"), DelaySeconds: 3},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, []bool{true, true, false, true, true, false}); diff != "" {
		t.Error("presence (-got +want):\n", diff)
	}
}

func TestFaultOverSDK(t *testing.T) {
	service := sqsService()
	wire.Handle(service, func(context.Context, *sqs.GetQueueUrlInput) (*sqs.GetQueueUrlOutput, error) {
		return nil, &wire.Fault{Code: "QueueDoesNotExist", QueryCode: "AWS.SimpleQueueService.NonExistentQueue", Message: "The specified queue does not exist."}
	})
	client := sqs.NewFromConfig(wire.Client(wire.NewHandler(wire.Config{Services: []*wire.Service{service}, Keys: keys}), keys, account))
	_, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("q")})
	if _, ok := errors.AsType[*types.QueueDoesNotExist](err); !ok {
		t.Errorf("got error %v, want QueueDoesNotExist", err)
	}
}
