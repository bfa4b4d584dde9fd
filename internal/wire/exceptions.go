package wire

import (
	cloudwatch "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	logs "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	ecsdocument "github.com/aws/aws-sdk-go-v2/service/ecs/document"
)

// exceptions are what the SDK's Go types do not say about a service's wire
// format. Members are named <Go type>.<Go field>.
type exceptions struct {
	renamed   map[string]string // members that do not follow the service's case
	flattened map[string]string // in the Query protocol: name, and a map's key after a slash
	entries   []string          // maps of Query requests whose entries have a Name and a Value, not a key and a value
	unchecked []string          // strings whose service says itself which characters are wrong
	unions    []any             // pointers to the variants of unions
	document  func(any) any     // makes a value of the service's document type
	rootOnly  []string          // actions of the Query protocol that only the service's own address has
	detailed  bool              // faults of the Query protocol have a Detail
	unsigned  []string          // operations that need no signature
	bindings  map[string]string // of REST-JSON: an operation's method, path and query string
}

// exceptionsOf returns the exceptions of a service by its name in signatures.
func exceptionsOf(service string) exceptions {
	switch service {
	case "sqs":
		return exceptions{
			renamed: map[string]string{
				"CreateQueueInput.Tags":                      "tags",
				"ListDeadLetterSourceQueuesOutput.QueueUrls": "queueUrls",
			},
			flattened: sqsFlattened(),
			detailed:  true,
			rootOnly:  []string{"CreateQueue", "ListQueues"},
			unchecked: []string{"SendMessageInput.MessageBody", "SendMessageBatchRequestEntry.MessageBody"},
		}
	case "ecr":
		return exceptions{renamed: map[string]string{"Tag.Key": "Key", "Tag.Value": "Value"}}
	case "ecs":
		return exceptions{
			document: func(v any) any { return ecsdocument.NewLazyDocument(v) },
		}
	case "events":
		return exceptions{renamed: targetsOfECS()}
	case "logs":
		return exceptions{
			renamed: map[string]string{"DescribeDestinationsInput.DestinationNamePrefix": "DestinationNamePrefix"},
			unions: []any{
				&logs.IntegrationDetailsMemberOpenSearchIntegrationDetails{},
				&logs.ResourceConfigMemberOpenSearchResourceConfig{},
			},
		}
	case "monitoring":
		return exceptions{unions: []any{
			&cloudwatch.EvaluationCriteriaMemberPromQLCriteria{},
			&cloudwatch.EvaluationWindowMemberSlidingWindow{},
			&cloudwatch.EvaluationWindowMemberWallClockWindow{},
		}}
	case "scheduler":
		return exceptions{renamed: targetsOfECS(), bindings: schedulerBindings()}
	case "sns":
		return exceptions{
			renamed: map[string]string{
				"CheckIfPhoneNumberIsOptedOutInput.PhoneNumber": "phoneNumber",
				"CheckIfPhoneNumberIsOptedOutOutput.IsOptedOut": "isOptedOut",
				"GetSMSAttributesInput.Attributes":              "attributes",
				"GetSMSAttributesOutput.Attributes":             "attributes",
				"ListPhoneNumbersOptedOutInput.NextToken":       "nextToken",
				"ListPhoneNumbersOptedOutOutput.NextToken":      "nextToken",
				"ListPhoneNumbersOptedOutOutput.PhoneNumbers":   "phoneNumbers",
				"OptInPhoneNumberInput.PhoneNumber":             "phoneNumber",
				"SetSMSAttributesInput.Attributes":              "attributes",
			},
			entries:  []string{"PublishInput.MessageAttributes", "PublishBatchRequestEntry.MessageAttributes"},
			unsigned: []string{"ConfirmSubscription", "Unsubscribe"}, // links in notices; SNS looks at who follows them
		}
	case "sts":
		return exceptions{
			renamed:  map[string]string{"PolicyDescriptorType.Arn": "arn"},
			unsigned: []string{"AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"},
		}
	}
	return exceptions{}
}

// targetsOfECS are the parts of ECS in the targets of EventBridge's services.
func targetsOfECS() map[string]string {
	return map[string]string{
		"CapacityProviderStrategyItem.Base":             "base",
		"CapacityProviderStrategyItem.CapacityProvider": "capacityProvider",
		"CapacityProviderStrategyItem.Weight":           "weight",
		"NetworkConfiguration.AwsvpcConfiguration":      "awsvpcConfiguration",
		"PlacementConstraint.Expression":                "expression",
		"PlacementConstraint.Type":                      "type",
		"PlacementStrategy.Field":                       "field",
		"PlacementStrategy.Type":                        "type",
	}
}

// https://docs.aws.amazon.com/scheduler/latest/APIReference/API_Operations.html
func schedulerBindings() map[string]string {
	return map[string]string{
		"CreateSchedule":      "POST /schedules/{Name}",
		"UpdateSchedule":      "PUT /schedules/{Name}",
		"GetSchedule":         "GET /schedules/{Name}?groupName=GroupName",
		"DeleteSchedule":      "DELETE /schedules/{Name}?clientToken=ClientToken&groupName=GroupName",
		"ListSchedules":       "GET /schedules?ScheduleGroup=GroupName&MaxResults&NamePrefix&NextToken&State",
		"CreateScheduleGroup": "POST /schedule-groups/{Name}",
		"GetScheduleGroup":    "GET /schedule-groups/{Name}",
		"DeleteScheduleGroup": "DELETE /schedule-groups/{Name}?clientToken=ClientToken",
		"ListScheduleGroups":  "GET /schedule-groups?MaxResults&NamePrefix&NextToken",
		"TagResource":         "POST /tags/{ResourceArn}",
		"UntagResource":       "DELETE /tags/{ResourceArn}?TagKeys",
		"ListTagsForResource": "GET /tags/{ResourceArn}",
	}
}

// sqsFlattened spells SQS in the Query protocol, which it spoke before JSON.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
func sqsFlattened() map[string]string {
	flat := map[string]string{
		"AddPermissionInput.AWSAccountIds":                     "AWSAccountId",
		"AddPermissionInput.Actions":                           "ActionName",
		"CreateQueueInput.Attributes":                          "Attribute/Name",
		"CreateQueueInput.Tags":                                "Tag/Key",
		"GetQueueAttributesInput.AttributeNames":               "AttributeName",
		"GetQueueAttributesOutput.Attributes":                  "Attribute/Name",
		"ListDeadLetterSourceQueuesOutput.QueueUrls":           "QueueUrl",
		"ListMessageMoveTasksOutput.Results":                   "ListMessageMoveTasksResultEntry",
		"ListQueueTagsOutput.Tags":                             "Tag/Key",
		"ListQueuesOutput.QueueUrls":                           "QueueUrl",
		"Message.Attributes":                                   "Attribute/Name",
		"Message.MessageAttributes":                            "MessageAttribute/Name",
		"MessageAttributeValue.BinaryListValues":               "BinaryListValue",
		"MessageAttributeValue.StringListValues":               "StringListValue",
		"MessageSystemAttributeValue.BinaryListValues":         "BinaryListValue",
		"MessageSystemAttributeValue.StringListValues":         "StringListValue",
		"ReceiveMessageInput.AttributeNames":                   "AttributeName",
		"ReceiveMessageInput.MessageAttributeNames":            "MessageAttributeName",
		"ReceiveMessageInput.MessageSystemAttributeNames":      "AttributeName",
		"ReceiveMessageOutput.Messages":                        "Message",
		"SendMessageBatchRequestEntry.MessageAttributes":       "MessageAttribute/Name",
		"SendMessageBatchRequestEntry.MessageSystemAttributes": "MessageSystemAttribute/Name",
		"SendMessageInput.MessageAttributes":                   "MessageAttribute/Name",
		"SendMessageInput.MessageSystemAttributes":             "MessageSystemAttribute/Name",
		"SetQueueAttributesInput.Attributes":                   "Attribute/Name",
		"TagQueueInput.Tags":                                   "Tag/Key",
		"UntagQueueInput.TagKeys":                              "TagKey",
	}
	for _, batch := range []string{"ChangeMessageVisibilityBatch", "DeleteMessageBatch", "SendMessageBatch"} {
		flat[batch+"Input.Entries"] = batch + "RequestEntry"
		flat[batch+"Output.Successful"] = batch + "ResultEntry"
		flat[batch+"Output.Failed"] = "BatchResultErrorEntry"
	}
	return flat
}
