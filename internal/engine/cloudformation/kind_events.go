package cloudformation

import (
	"context"
	"maps"
	"slices"
)

// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-events-rule.html
var eventRule = kind{
	attributes: []string{"Arn", "RuleName"},
	name:       "Name",
	replace:    []string{"EventBusName", "Name"},
	exists: func(ctx context.Context, c *clients, name string) (bool, error) {
		return found(c.events.Call(ctx, "DescribeRule", properties{"Name": name}, nil))
	},
	create: putRule,
	update: putRule,
	tag: func(ctx context.Context, c *clients, r request, set map[string]string, drop []string) error {
		arn := r.Account.ARN("events", "rule/"+r.Name)
		if len(set) > 0 {
			if err := c.events.Call(ctx, "TagResource", properties{"ResourceARN": arn, "Tags": pairList(set)}, nil); err != nil {
				return err
			}
		}
		if len(drop) == 0 {
			return nil
		}
		return c.events.Call(ctx, "UntagResource", properties{"ResourceARN": arn, "TagKeys": drop}, nil)
	},
	remove: func(ctx context.Context, c *clients, r request) error {
		if err := removeTargets(ctx, c, r, targetIDs(r.Properties)); err != nil {
			return err
		}
		return unlessAbsent(c.events.Call(ctx, "DeleteRule", properties{"Name": r.Name}, nil))
	},
}

// putRule makes a rule as the template says, with its targets and no others of
// those the template had.
func putRule(ctx context.Context, c *clients, r request) (made, error) {
	if err := only(r.Properties, "Description", "EventBusName", "EventPattern", "Name", "RoleArn",
		"ScheduleExpression", "State", "Tags", "Targets"); err != nil {
		return made{}, err
	}
	targets, err := ruleTargets(r.Properties)
	if err != nil {
		return made{}, err
	}
	input := without(r.Properties, "Targets")
	input["Name"] = r.Name
	if pattern, ok := input["EventPattern"]; ok {
		if input["EventPattern"], err = documentOf(pattern); err != nil {
			return made{}, err
		}
	}
	if input["Tags"], err = r.tagList(); err != nil {
		return made{}, err
	}
	var out struct{ RuleArn string }
	if err := c.events.Call(ctx, "PutRule", input, &out); err != nil {
		return made{}, err
	}
	gone := slices.DeleteFunc(targetIDs(r.Before), func(id string) bool { return slices.Contains(targetIDs(r.Properties), id) })
	if err := removeTargets(ctx, c, r, gone); err != nil {
		return made{}, err
	}
	if len(targets) > 0 {
		if err := c.events.Call(ctx, "PutTargets", properties{"Rule": r.Name, "Targets": targets}, nil); err != nil {
			return made{}, err
		}
	}
	return made{ID: r.Name, Attributes: properties{"Arn": out.RuleArn, "RuleName": r.Name}}, nil
}

func removeTargets(ctx context.Context, c *clients, r request, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	return unlessAbsent(c.events.Call(ctx, "RemoveTargets", properties{"Rule": r.Name, "Ids": ids}, nil))
}

func targetIDs(p properties) []string {
	var ids []string
	targets, _ := p["Targets"].([]any)
	for _, target := range targets {
		members, _ := target.(map[string]any)
		if id, ok := textOf(members["Id"]); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// A ruleTarget is a target of a rule as EventBridge takes it.
type ruleTarget struct {
	invocation
	Id, InputPath    *string `json:",omitempty"`
	EcsParameters    *ruleTask
	InputTransformer *struct {
		InputPathsMap map[string]string
		InputTemplate *string
	}
}

// An invocation is what targets of rules and of schedules have in common.
type invocation struct {
	Arn, Input, RoleArn *string `json:",omitempty"`
	DeadLetterConfig    *struct{ Arn *string }
	RetryPolicy         *struct{ MaximumEventAgeInSeconds, MaximumRetryAttempts *int32 }
	SqsParameters       *struct{ MessageGroupId *string }
}

// A ruleTask is the ECS parameters of a rule's target.
type ruleTask struct {
	taskRun
	PlacementStrategies []placement                    `json:"PlacementStrategy"`
	TagList             []struct{ Key, Value *string } `json:"Tags"`
}

type placement struct {
	Field *string `json:"field"`
	Type  *string `json:"type"`
}

// A taskRun is what the ECS parameters of rules and of schedules have in
// common.
type taskRun struct {
	CapacityProviderStrategy []struct {
		Base             int32   `json:"base"`
		CapacityProvider *string `json:"capacityProvider"`
		Weight           int32   `json:"weight"`
	}
	EnableECSManagedTags, EnableExecuteCommand *bool
	Group, LaunchType                          *string
	NetworkConfiguration                       *struct {
		AwsvpcConfiguration *struct {
			AssignPublicIp          *string
			SecurityGroups, Subnets []string
		} `json:"awsvpcConfiguration"`
	}
	PlacementConstraints []struct {
		Expression *string `json:"expression"`
		Type       *string `json:"type"`
	}
	PlatformVersion, PropagateTags, ReferenceId *string
	TaskCount                                   *int32
	TaskDefinitionArn                           *string
}

// ruleTargets are a rule's targets, less what they say to services that the
// engine does not have.
func ruleTargets(p properties) ([]ruleTarget, error) {
	var input struct{ Targets []ruleTarget }
	targets, ok := p["Targets"].([]any)
	if !ok {
		return nil, nil
	}
	var here []any
	for _, target := range targets {
		members, ok := target.(map[string]any)
		if !ok {
			return nil, reasonf("Value of property Targets must be a list of objects")
		}
		members = maps.Clone(members)
		for _, elsewhere := range []string{
			"AppSyncParameters", "BatchParameters", "HttpParameters", "KinesisParameters", "RedshiftDataParameters",
			"RunCommandParameters", "SageMakerPipelineParameters",
		} {
			delete(members, elsewhere)
		}
		here = append(here, members)
	}
	err := fill(&input, properties{"Targets": here})
	return input.Targets, err
}
