// Job is what an image of the tests holds. It says how it was started; with the
// word "talk" it talks to AWS, as any program does that knows nothing of spate;
// with "count" it writes numbered lines until it is told to end, with "stay"
// nothing; with "--sqsUrl" and a URL it takes
// messages from a queue until then.
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

func main() {
	fmt.Println("started", strings.Join(os.Args[1:], " "), "secret:", os.Getenv("SECRET"), "out:", os.Getenv("SPATE_OUT") != "", "key:", os.Getenv("AWS_ACCESS_KEY_ID") != "")
	switch {
	case len(os.Args) < 2:
	case os.Args[1] == "talk":
		if err := talk(context.Background()); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	case os.Args[1] == "--sqsUrl":
		told, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		if err := take(told, os.Args[2]); err != nil && told.Err() == nil {
			fmt.Println(err)
			os.Exit(1)
		}
	case os.Args[1] == "count":
		told := make(chan os.Signal, 1)
		signal.Notify(told, syscall.SIGTERM)
		for i := 0; len(told) == 0; i++ {
			fmt.Println("line", i)
			time.Sleep(20 * time.Millisecond)
		}
	case os.Args[1] == "stay":
		told := make(chan os.Signal, 1)
		signal.Notify(told, syscall.SIGTERM)
		<-told
		fmt.Println("told to end")
		os.Exit(3)
	}
}

func talk(ctx context.Context) error {
	aws, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	client := sqs.NewFromConfig(aws)
	found, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: new("answers")})
	if err != nil {
		return err
	}
	reply, err := http.Get(os.Getenv("ECS_CONTAINER_METADATA_URI_V4") + "/task")
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		return err
	}
	_, err = client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: found.QueueUrl, MessageBody: new(string(text))})
	return err
}

// take takes messages until ctx ends.
func take(ctx context.Context, queue string) error {
	aws, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	client := sqs.NewFromConfig(aws)
	for {
		got, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &queue, WaitTimeSeconds: 20})
		if err != nil {
			return err
		}
		for _, m := range got.Messages {
			fmt.Println("took", *m.Body)
			_, err := client.DeleteMessage(context.WithoutCancel(ctx), &sqs.DeleteMessageInput{QueueUrl: &queue, ReceiptHandle: m.ReceiptHandle})
			if err != nil {
				return err
			}
		}
	}
}
