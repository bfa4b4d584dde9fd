package events

// The shapes of the operations, as the SDK has them; of targets without the
// members for services that the engine does not have.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/
type (
	PutRuleInput struct {
		Name, Description, EventBusName, EventPattern, RoleArn, ScheduleExpression *string
		State                                                                      RuleState
		Tags                                                                       []Tag
	}
	PutRuleOutput struct{ RuleArn *string }

	DescribeRuleInput  struct{ Name, EventBusName *string }
	DescribeRuleOutput struct {
		Arn, CreatedBy, Description, EventBusName, EventPattern, Name, RoleArn, ScheduleExpression *string
		State                                                                                      RuleState
	}

	ListRulesInput struct {
		EventBusName, NamePrefix, NextToken *string
		Limit                               *int32
	}
	ListRulesOutput struct {
		NextToken *string
		Rules     []Rule
	}

	DeleteRuleInput struct {
		Name, EventBusName *string
		Force              bool
	}
	DeleteRuleOutput struct{}

	EnableRuleInput   struct{ Name, EventBusName *string }
	EnableRuleOutput  struct{}
	DisableRuleInput  struct{ Name, EventBusName *string }
	DisableRuleOutput struct{}

	PutTargetsInput struct {
		Rule, EventBusName *string
		Targets            []Target
	}
	PutTargetsOutput struct {
		FailedEntries    []PutTargetsResultEntry
		FailedEntryCount int32
	}

	RemoveTargetsInput struct {
		Ids                []string
		Rule, EventBusName *string
		Force              bool
	}
	RemoveTargetsOutput struct {
		FailedEntries    []RemoveTargetsResultEntry
		FailedEntryCount int32
	}

	ListTargetsByRuleInput struct {
		Rule, EventBusName, NextToken *string
		Limit                         *int32
	}
	ListTargetsByRuleOutput struct {
		NextToken *string
		Targets   []Target
	}

	TagResourceInput struct {
		ResourceARN *string
		Tags        []Tag
	}
	TagResourceOutput  struct{}
	UntagResourceInput struct {
		ResourceARN *string
		TagKeys     []string
	}
	UntagResourceOutput       struct{}
	ListTagsForResourceInput  struct{ ResourceARN *string }
	ListTagsForResourceOutput struct{ Tags []Tag }

	RuleState string
	Rule      struct {
		Arn, Description, EventBusName, EventPattern, Name, RoleArn, ScheduleExpression *string
		State                                                                           RuleState
	}
	Tag                      struct{ Key, Value *string }
	PutTargetsResultEntry    struct{ ErrorCode, ErrorMessage, TargetId *string }
	RemoveTargetsResultEntry struct{ ErrorCode, ErrorMessage, TargetId *string }

	Target struct {
		Arn, Id, Input, InputPath, RoleArn *string
		InputTransformer                   *InputTransformer
		DeadLetterConfig                   *DeadLetterConfig
		EcsParameters                      *EcsParameters
		RetryPolicy                        *RetryPolicy
		SqsParameters                      *SqsParameters
	}
	InputTransformer struct {
		InputTemplate *string
		InputPathsMap map[string]string
	}
	DeadLetterConfig struct{ Arn *string }
	RetryPolicy      struct{ MaximumEventAgeInSeconds, MaximumRetryAttempts *int32 }
	SqsParameters    struct{ MessageGroupId *string }
	EcsParameters    struct {
		TaskDefinitionArn, Group, PlatformVersion, ReferenceId *string
		CapacityProviderStrategy                               []CapacityProviderStrategyItem
		EnableECSManagedTags, EnableExecuteCommand             bool
		LaunchType, PropagateTags                              string
		NetworkConfiguration                                   *NetworkConfiguration
		PlacementConstraints                                   []PlacementConstraint
		PlacementStrategy                                      []PlacementStrategy
		Tags                                                   []Tag
		TaskCount                                              *int32
	}
	CapacityProviderStrategyItem struct {
		CapacityProvider *string
		Base, Weight     int32
	}
	NetworkConfiguration struct{ AwsvpcConfiguration *AwsVpcConfiguration }
	AwsVpcConfiguration  struct {
		Subnets, SecurityGroups []string
		AssignPublicIp          string
	}
	PlacementConstraint struct {
		Expression *string
		Type       string
	}
	PlacementStrategy struct {
		Field *string
		Type  string
	}
)

// The states of a rule.
const (
	RuleStateEnabled         RuleState = "ENABLED"
	RuleStateDisabled        RuleState = "DISABLED"
	RuleStateEnabledWithAPIs RuleState = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
)

// Values lists the states.
func (RuleState) Values() []RuleState {
	return []RuleState{RuleStateEnabled, RuleStateDisabled, RuleStateEnabledWithAPIs}
}
