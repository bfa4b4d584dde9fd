package spate_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spate-run/spate"
)

// A queue, and a service that works on it with as many tasks as it has
// messages.
func Example() {
	stack := spate.NewStack("Weekly")
	queue := stack.Queue("ResourceQueue", spate.QueueProps{QueueName: "MySqsQueue", VisibilityTimeout: 2 * time.Hour})
	stack.QueueProcessingFargateService("FargateService", spate.QueueProcessingFargateServiceProps{
		Image:              spate.FromECRRepository("container"),
		Queue:              queue,
		Command:            []spate.Text{"--sqsUrl", queue.URL()},
		MaxScalingCapacity: 24,
	})
	t, err := stack.Template()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range t.Resources {
		if r.ID == "ResourceQueue" || r.Type == "AWS::ECS::Service" {
			fmt.Println(r.ID, r.Type)
		}
	}
	// Output:
	// ResourceQueue AWS::SQS::Queue
	// FargateService AWS::ECS::Service
}

// Problems are told all at once, with the place and the mend.
func ExampleStack_Validate() {
	stack := spate.NewStack("Weekly")
	stack.QueueProcessingFargateService("Service", spate.QueueProcessingFargateServiceProps{
		Image:          spate.FromRegistry("python:3.12-slim"),
		CPU:            1024,
		MemoryLimitMiB: 512,
		ScalingSteps:   []spate.ScalingStep{{Change: -1, Upper: new(0)}, {Change: +1, Lower: new(0)}},
	})
	fmt.Println(stack.Validate())
	// Output:
	// Service.MemoryLimitMiB: Fargate has no 512 MiB with 1 vCPU
	// hint: MemoryLimitMiB: 2048
	// Service.ScalingSteps[1]: overlaps with Service.ScalingSteps[0]: at 0 the service would scale out and in at once
	// hint: Lower: new(1)
}

// Resources of any type are written as CloudFormation has them, and overrides
// reach what constructs have written.
func ExampleStack_Resource() {
	stack := spate.NewStack("Alerts")
	queue := stack.Queue("Queue", spate.QueueProps{DeadLetterQueue: &spate.DeadLetterQueue{MaxReceiveCount: 5}})
	stack.Resource("Topic", "AWS::SNS::Topic", map[string]any{
		"Subscription": []any{map[string]any{"Protocol": "sqs", "Endpoint": queue.ARN()}},
	})
	stack.Override("Queue", "Properties.Tags", []map[string]string{{"Key": "team", "Value": "forecast"}})
	stack.Output("Topic", spate.Ref("Topic"))
	if err := stack.Validate(); err != nil {
		fmt.Println(err)
	}
	// Output:
}

// A Text becomes the function of CloudFormation's that it needs.
func ExampleText() {
	stack := spate.NewStack("Weekly")
	queue := stack.Queue("Queue", spate.QueueProps{})
	for _, text := range []spate.Text{"plain", queue.URL(), queue.ARN(), "s3://data-" + spate.AccountID + "/in"} {
		written, err := json.Marshal(text)
		if err != nil {
			fmt.Println(err)
		}
		fmt.Println(string(written))
	}
	// Output:
	// "plain"
	// {"Ref":"Queue"}
	// {"Fn::GetAtt":["Queue","Arn"]}
	// {"Fn::Sub":"s3://data-${AWS::AccountId}/in"}
}

// Tasks that start each Monday at six, UTC.
func ExampleStack_ScheduledFargateTask() {
	stack := spate.NewStack("Reports")
	task := stack.ScheduledFargateTask("Weekly", spate.ScheduledFargateTaskProps{
		Schedule: "cron(0 6 ? * MON *)",
		ScheduledFargateTaskImageOptions: spate.ScheduledFargateTaskImageOptions{
			Image:   spate.FromECRRepository("report:v2"),
			Secrets: map[string]spate.Secret{"DB_URL": spate.SecretFromSSMParameter("/report/db")},
		},
	})
	task.TaskDefinition.AddToTaskRolePolicy(spate.PolicyStatement{
		Actions: []string{"s3:PutObject"}, Resources: []spate.Text{"arn:aws:s3:::reports/*"},
	})
	fmt.Println(stack.Validate())
	// Output: <nil>
}

// Tasks on EC2 instances with a GPU each, from none to four.
func ExampleStack_QueueProcessingEC2Service() {
	stack := spate.NewStack("Render")
	cluster := stack.Cluster("Cluster", spate.ClusterProps{
		Capacity: &spate.AddCapacityOptions{InstanceType: "g5.xlarge", MaxCapacity: 4},
	})
	stack.QueueProcessingEC2Service("Renderer", spate.QueueProcessingEC2ServiceProps{
		Cluster: cluster, Image: spate.FromECRRepository("renderer"),
		GPUCount: 1, MemoryLimitMiB: 8192, MaxScalingCapacity: 4, VisibilityTimeout: time.Hour,
	})
	fmt.Println(stack.Validate(), stack.Warnings())
	// Output: <nil> []
}

// The stack of a job file.
func ExampleJob() {
	stack, err := spate.Job(filepath.Join("examples", "retrain"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(stack.Validate())
	// Output: <nil>
}

// The stack of a job file, with fewer tasks than the file says.
func ExampleJobStack() {
	j, err := spate.LoadJob(filepath.Join("examples", "retrain"))
	if err != nil {
		fmt.Println(err)
		return
	}
	j.Max = 3
	fmt.Println(spate.JobStack(j).Validate())
	// Output: <nil>
}
