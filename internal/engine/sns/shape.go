package sns

// The shapes of SNS's operations, member for member the SDK's. They are here
// because the SDK's own package makes the plans of all of SNS, text messages and
// mobile push among it, at the start of every command.
// https://docs.aws.amazon.com/sns/latest/api/API_Operations.html
type (
	CreateTopicInput struct {
		Name                 *string
		Attributes           map[string]string
		DataProtectionPolicy *string
		Tags                 []Tag
	}
	CreateTopicOutput struct{ TopicArn *string }

	GetTopicAttributesInput  struct{ TopicArn *string }
	GetTopicAttributesOutput struct{ Attributes map[string]string }

	SetTopicAttributesInput  struct{ AttributeName, TopicArn, AttributeValue *string }
	SetTopicAttributesOutput struct{}

	ListTopicsInput  struct{ NextToken *string }
	ListTopicsOutput struct {
		NextToken *string
		Topics    []Topic
	}

	DeleteTopicInput  struct{ TopicArn *string }
	DeleteTopicOutput struct{}

	SubscribeInput struct {
		Protocol, TopicArn    *string
		Attributes            map[string]string
		Endpoint              *string
		ReturnSubscriptionArn bool
	}
	SubscribeOutput struct{ SubscriptionArn *string }

	ConfirmSubscriptionInput  struct{ Token, TopicArn, AuthenticateOnUnsubscribe *string }
	ConfirmSubscriptionOutput struct{ SubscriptionArn *string }

	UnsubscribeInput  struct{ SubscriptionArn *string }
	UnsubscribeOutput struct{}

	ListSubscriptionsInput  struct{ NextToken *string }
	ListSubscriptionsOutput struct {
		NextToken     *string
		Subscriptions []Subscription
	}

	ListSubscriptionsByTopicInput  struct{ TopicArn, NextToken *string }
	ListSubscriptionsByTopicOutput struct {
		NextToken     *string
		Subscriptions []Subscription
	}

	GetSubscriptionAttributesInput  struct{ SubscriptionArn *string }
	GetSubscriptionAttributesOutput struct{ Attributes map[string]string }

	SetSubscriptionAttributesInput  struct{ AttributeName, SubscriptionArn, AttributeValue *string }
	SetSubscriptionAttributesOutput struct{}

	PublishInput struct {
		Message                                                                                             *string
		MessageAttributes                                                                                   map[string]MessageAttributeValue
		MessageDeduplicationId, MessageGroupId, MessageStructure, PhoneNumber, Subject, TargetArn, TopicArn *string
	}
	PublishOutput struct{ MessageId, SequenceNumber *string }

	PublishBatchInput struct {
		PublishBatchRequestEntries []PublishBatchRequestEntry
		TopicArn                   *string
	}
	PublishBatchOutput struct {
		Failed     []BatchResultErrorEntry
		Successful []PublishBatchResultEntry
	}

	TagResourceInput struct {
		ResourceArn *string
		Tags        []Tag
	}
	TagResourceOutput struct{}

	UntagResourceInput struct {
		ResourceArn *string
		TagKeys     []string
	}
	UntagResourceOutput struct{}

	ListTagsForResourceInput  struct{ ResourceArn *string }
	ListTagsForResourceOutput struct{ Tags []Tag }

	AddPermissionInput struct {
		AWSAccountId, ActionName []string
		Label, TopicArn          *string
	}
	AddPermissionOutput struct{}

	RemovePermissionInput  struct{ Label, TopicArn *string }
	RemovePermissionOutput struct{}
)

// The parts of those shapes.
type (
	Tag                   struct{ Key, Value *string }
	Topic                 struct{ TopicArn *string }
	Subscription          struct{ Endpoint, Owner, Protocol, SubscriptionArn, TopicArn *string }
	MessageAttributeValue struct {
		DataType    *string
		BinaryValue []byte
		StringValue *string
	}
	PublishBatchRequestEntry struct {
		Id, Message                                                       *string
		MessageAttributes                                                 map[string]MessageAttributeValue
		MessageDeduplicationId, MessageGroupId, MessageStructure, Subject *string
	}
	BatchResultErrorEntry struct {
		Code, Id    *string
		SenderFault bool
		Message     *string
	}
	PublishBatchResultEntry struct{ Id, MessageId, SequenceNumber *string }
)
