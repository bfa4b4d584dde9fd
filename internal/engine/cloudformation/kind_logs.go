package cloudformation

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/spate-run/spate/internal/wire"
)

// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-logs-loggroup.html
var logGroup = kind{
	attributes: []string{"Arn"},
	name:       "LogGroupName",
	replace:    []string{"LogGroupName"},
	create: func(ctx context.Context, c *clients, r request) (made, error) {
		var input cloudwatchlogs.CreateLogGroupInput
		if err := fill(&input, without(r.Properties, "RetentionInDays", "Tags")); err != nil {
			return made{}, err
		}
		tags, err := r.tags()
		if err != nil {
			return made{}, err
		}
		input.LogGroupName, input.Tags = &r.Name, tags
		if _, err := wire.Call[cloudwatchlogs.CreateLogGroupOutput](ctx, c.logs, &input); err != nil {
			return made{}, err
		}
		m := made{ID: r.Name, Attributes: properties{"Arn": r.Account.ARN("logs", "log-group:"+r.Name+":*")}}
		return m, putRetention(ctx, c, r)
	},
	update: func(ctx context.Context, c *clients, r request) (made, error) {
		if err := fill(&cloudwatchlogs.CreateLogGroupInput{}, without(r.Properties, "RetentionInDays")); err != nil {
			return made{}, err
		}
		return made{ID: r.ID}, putRetention(ctx, c, r)
	},
	tag: func(ctx context.Context, c *clients, r request, set map[string]string, drop []string) error {
		arn := r.Account.ARN("logs", "log-group:"+r.Name)
		if len(set) > 0 {
			if _, err := wire.Call[cloudwatchlogs.TagResourceOutput](ctx, c.logs, &cloudwatchlogs.TagResourceInput{ResourceArn: &arn, Tags: set}); err != nil {
				return err
			}
		}
		if len(drop) == 0 {
			return nil
		}
		_, err := wire.Call[cloudwatchlogs.UntagResourceOutput](ctx, c.logs, &cloudwatchlogs.UntagResourceInput{ResourceArn: &arn, TagKeys: drop})
		return err
	},
	remove: func(ctx context.Context, c *clients, r request) error {
		_, err := wire.Call[cloudwatchlogs.DeleteLogGroupOutput](ctx, c.logs, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: &r.Name})
		return unlessAbsent(err)
	},
}

func putRetention(ctx context.Context, c *clients, r request) error {
	days, ok := r.Properties["RetentionInDays"]
	if !ok && r.Before["RetentionInDays"] == nil {
		return nil
	}
	if !ok {
		_, err := wire.Call[cloudwatchlogs.DeleteRetentionPolicyOutput](ctx, c.logs, &cloudwatchlogs.DeleteRetentionPolicyInput{LogGroupName: &r.Name})
		return err
	}
	input := cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: &r.Name}
	if err := fill(&input, properties{"RetentionInDays": days}); err != nil {
		return err
	}
	_, err := wire.Call[cloudwatchlogs.PutRetentionPolicyOutput](ctx, c.logs, &input)
	return err
}
