// Command cdk-like writes the template of a queue and of the service that
// works on it, in the way of AWS CDK's ECS patterns:
//
//	spate synth examples/cdk-like > template.json
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spate-run/spate"
)

func main() {
	stack := spate.NewStack("Weekly")
	queue := stack.Queue("ResourceQueue", spate.QueueProps{QueueName: "MySqsQueue", VisibilityTimeout: 2 * time.Hour})
	stack.QueueProcessingFargateService("FargateService", spate.QueueProcessingFargateServiceProps{
		Image:        spate.FromECRRepository("container"),
		Queue:        queue,
		Command:      []spate.Text{"--sqsUrl", queue.URL()},
		ScalingSteps: []spate.ScalingStep{{Change: -1, Upper: new(0)}, {Change: +1, Lower: new(1)}},
	})
	for _, warning := range stack.Warnings() {
		fmt.Fprintln(os.Stderr, "warning: "+warning)
	}
	if err := stack.Write(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
