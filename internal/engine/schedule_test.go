package engine_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/engine"
)

// Each kind of target, called over a real engine: what cannot be delivered
// tells why in the dead-letter queue.
func TestSchedulesCallTheirTargets(t *testing.T) {
	e, err := engine.Open(t.Context(), engine.Config{Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, e)
	at := e.Address()
	aws := client.New(at)
	clock := scheduler.New(scheduler.Options{
		Region: at.Region, BaseEndpoint: &at.Endpoint,
		Credentials: credentials.NewStaticCredentialsProvider(at.Keys.AccessKeyID, at.Keys.SecretAccessKey, ""),
	})
	queue := func(name string) (url, arn *string) {
		t.Helper()
		made, err := aws.SQS.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name})
		if err != nil {
			t.Fatal(err)
		}
		return made.QueueUrl, new("arn:aws:sqs:us-east-1:000000000000:" + name)
	}
	jobsURL, jobs := queue("jobs")
	deadURL, dead := queue("dead")
	if _, err := aws.ECS.CreateCluster(t.Context(), &awsecs.CreateClusterInput{ClusterName: new("c")}); err != nil {
		t.Fatal(err)
	}
	if _, err := aws.ECS.RegisterTaskDefinition(t.Context(), &awsecs.RegisterTaskDefinitionInput{
		Family: new("f"), ContainerDefinitions: []ecstypes.ContainerDefinition{{Name: new("job"), Image: new(t.TempDir()), Memory: new(int32(64)), Command: []string{"true"}}},
	}); err != nil {
		t.Fatal(err)
	}
	put := func(name string, target *types.Target) {
		t.Helper()
		target.RoleArn, target.DeadLetterConfig = new("arn:aws:iam::000000000000:role/r"), &types.DeadLetterConfig{Arn: dead}
		if _, err := clock.CreateSchedule(t.Context(), &scheduler.CreateScheduleInput{
			Name: &name, ScheduleExpression: new("rate(1 day)"), Target: target, // at once
			FlexibleTimeWindow: &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff},
		}); err != nil {
			t.Fatal(err)
		}
	}
	receive := func(url *string) sqstypes.Message {
		t.Helper()
		got, err := aws.SQS.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: url, WaitTimeSeconds: 20, MessageAttributeNames: []string{"All"},
		})
		if err != nil || len(got.Messages) != 1 {
			t.Fatalf("got %v, %v; want a message", got, err)
		}
		return got.Messages[0]
	}

	put("queue", &types.Target{Arn: jobs, Input: new("from a template")})
	if got := *receive(jobsURL).Body; got != "from a template" {
		t.Errorf("got message %q", got)
	}
	put("universal", &types.Target{
		Arn: new("arn:aws:scheduler:::aws-sdk:sqs:sendMessage"), Input: new(`{"QueueUrl":"` + *jobsURL + `","MessageBody":"universal"}`),
	})
	if got := *receive(jobsURL).Body; got != "universal" {
		t.Errorf("got message %q", got)
	}
	put("gone", &types.Target{
		Arn: new("arn:aws:scheduler:::aws-sdk:sqs:setQueueAttributes"), Input: new(`{"QueueUrl":"gone","Attributes":{"DelaySeconds":"0"}}`),
	})
	letter := receive(deadURL)
	if got := letter.MessageAttributes["ERROR_CODE"].StringValue; got == nil || *got != "QueueDoesNotExist" {
		t.Errorf("got dead letter %+v, want QueueDoesNotExist", letter)
	}
	put("task", &types.Target{
		Arn: new("arn:aws:ecs:us-east-1:000000000000:cluster/c"), EcsParameters: &types.EcsParameters{TaskDefinitionArn: new("f")},
	})
	for deadline := time.Now().Add(20 * time.Second); ; {
		tasks := 0
		for _, status := range []ecstypes.DesiredStatus{ecstypes.DesiredStatusRunning, ecstypes.DesiredStatusStopped} {
			out, err := aws.ECS.ListTasks(t.Context(), &awsecs.ListTasksInput{Cluster: new("c"), StartedBy: new("chronos-schedule/task"), DesiredStatus: status})
			if err != nil {
				t.Fatal(err)
			}
			tasks += len(out.TaskArns)
		}
		if tasks == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("got no task within 20 s")
		}
	}
}
