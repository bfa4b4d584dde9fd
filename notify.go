package spate

// patience is how long, in seconds, a message waits while none is worked on
// before somebody is told: far beyond the start of a task.
const patience = 15 * 60

// notify adds the alarm that tells an address when messages wait and nothing
// starts. The age of the oldest message alone would also tell of long jobs.
func (s *Stack) notify(address string) {
	const topic, alarm logicalID = "NotifyTopic", "StuckAlarm"
	s.add(topic, "AWS::SNS::Topic", props{
		"Subscription": list{props{"Endpoint": address, "Protocol": "email"}},
	})
	s.add(alarm, "AWS::CloudWatch::Alarm", props{
		"AlarmActions":       list{topic.ref()},
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
