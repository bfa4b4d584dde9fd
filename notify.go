package spate

// patience is how long, in seconds, a message waits while none is worked on
// before somebody is told: far beyond the start of a task.
const patience = 15 * 60

// The resources by which somebody is told, and the variable that names the topic
// to workers.
const (
	notifyTopic    logicalID = "NotifyTopic"
	notifyVariable string    = "SPATE_NOTIFY"
)

// notify adds the topic that tells an address: workers publish to it that a run
// is done or failed, and an alarm that messages wait and nothing starts. The age
// of the oldest message alone would also tell of long jobs.
func (s *Stack) notify(address string) {
	const alarm logicalID = "StuckAlarm"
	s.add(notifyTopic, "AWS::SNS::Topic", props{
		"Subscription": list{props{"Endpoint": address, "Protocol": "email"}},
	})
	s.resource(deadLetterAlarm).Properties["AlarmActions"] = list{notifyTopic.ref()}
	s.add(alarm, "AWS::CloudWatch::Alarm", props{
		"AlarmActions":       list{notifyTopic.ref()},
		"AlarmDescription":   "Messages wait and no task works on any: look at the service's events",
		"ComparisonOperator": "GreaterThanOrEqualToThreshold",
		"DatapointsToAlarm":  3,
		"EvaluationPeriods":  3,
		"Metrics": list{
			props{"Id": "stuck", "Expression": "IF(visible > 0 AND inflight == 0, age, 0)", "Label": "age of a message that nobody takes", "ReturnData": true},
			queueMetric(queue.att("QueueName"), "visible", "ApproximateNumberOfMessagesVisible"),
			queueMetric(queue.att("QueueName"), "inflight", "ApproximateNumberOfMessagesNotVisible"),
			queueMetric(queue.att("QueueName"), "age", "ApproximateAgeOfOldestMessage"),
		},
		"Threshold":        patience,
		"TreatMissingData": "notBreaching",
	})
}

// telling are the variable and the statements by which a task tells a job's
// address; none where nobody is to be told.
func telling(address string) (environment list, statements []props) {
	if address == "" {
		return nil, nil
	}
	return list{props{"Name": notifyVariable, "Value": notifyTopic.ref()}}, []props{allow(notifyTopic.ref(), "sns:Publish")}
}

const deadLetterAlarm logicalID = "DeadLetterAlarm"

// alarmOfDeadLetters adds the alarm on messages that no worker could read. It tells
// whoever looks, and the job's address where there is one.
func (s *Stack) alarmOfDeadLetters() {
	s.add(deadLetterAlarm, "AWS::CloudWatch::Alarm", props{
		"AlarmDescription":   "There are messages that no worker could read: spate dlq list",
		"ComparisonOperator": "GreaterThanOrEqualToThreshold",
		"Dimensions":         queueDimension(deadLetterQueue.att("QueueName")),
		"EvaluationPeriods":  1,
		"MetricName":         "ApproximateNumberOfMessagesVisible",
		"Namespace":          "AWS/SQS",
		"Period":             metricPeriod,
		"Statistic":          "Maximum",
		"Threshold":          1,
		"TreatMissingData":   "notBreaching",
	})
}
