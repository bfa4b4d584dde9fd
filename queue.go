package spate

import (
	"fmt"

	"github.com/spate-run/spate/internal/template"
)

const (
	// visibility is how long, in seconds, a message stays with a worker that
	// died. Workers extend it while they work.
	visibility = 120
	// retention is SQS's longest, in seconds: 14 days.
	retention = 14 * 24 * 60 * 60
	// maxReceives is SQS's most. Workers count the failures themselves: a
	// message is also received again after every interruption.
	maxReceives = 1000
)

// queues adds the queue of configurations and the one for what no worker can
// read.
func (s *Stack) queues() {
	s.disposable(deadLetterQueue, "AWS::SQS::Queue", props{
		"MessageRetentionPeriod": retention,
		"SqsManagedSseEnabled":   true,
	})
	s.disposable(queue, "AWS::SQS::Queue", props{
		"MessageRetentionPeriod": retention,
		"RedrivePolicy":          props{"deadLetterTargetArn": deadLetterQueue.att("Arn"), "maxReceiveCount": maxReceives},
		"SqsManagedSseEnabled":   true,
		"VisibilityTimeout":      visibility,
	})
	for _, q := range []logicalID{queue, deadLetterQueue} {
		s.add(q+"Policy", "AWS::SQS::QueuePolicy", props{
			"PolicyDocument": policy(tlsOnly("sqs:*", q.att("Arn"))),
			"Queues":         list{q.ref()},
		})
	}
}

// heartbeat adds the schedule that keeps the queue's metrics coming. SQS stops
// publishing them 6 h after the queue was last touched, and then takes up to
// 15 minutes to begin again; touching it means setting an attribute to what it
// is, since a schedule cannot call what only reads.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/monitoring-using-cloudwatch.html
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
func (s *Stack) heartbeat() {
	const role, schedule logicalID = "HeartbeatRole", "HeartbeatSchedule"
	s.role(role, "scheduler.amazonaws.com", props{
		"StringEquals": props{"aws:SourceAccount": template.Ref("AWS::AccountId")},
	}, allow(queue.att("Arn"), "sqs:SetQueueAttributes"))
	s.add(schedule, "AWS::Scheduler::Schedule", props{
		"Description":        "Keeps the metrics of the queue coming while it is empty",
		"FlexibleTimeWindow": props{"Mode": "OFF"},
		"ScheduleExpression": "rate(5 hours)",
		"Target": props{
			"Arn":     template.Sub("arn:${AWS::Partition}:scheduler:::aws-sdk:sqs:setQueueAttributes"),
			"Input":   template.Sub(fmt.Sprintf(`{"QueueUrl":"${Queue}","Attributes":{"VisibilityTimeout":"%d"}}`, visibility)),
			"RoleArn": role.att("Arn"),
		},
	})
}
