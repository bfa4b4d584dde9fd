package cloudformation

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"
)

// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-scheduler-schedule.html
var schedule = kind{
	name:    "Name",
	scoped:  true,
	replace: []string{"GroupName", "Name"},
	create: func(ctx context.Context, c *clients, r request) (made, error) {
		input, err := scheduleInput(r)
		if err != nil {
			return made{}, err
		}
		out, err := c.scheduler.CreateSchedule(ctx, &input)
		if err != nil {
			return made{}, err
		}
		return made{ID: r.Name, Attributes: properties{"Arn": *out.ScheduleArn}}, nil
	},
	update: func(ctx context.Context, c *clients, r request) (made, error) {
		input, err := scheduleInput(r)
		if err != nil {
			return made{}, err
		}
		out, err := c.scheduler.UpdateSchedule(ctx, (*scheduler.UpdateScheduleInput)(&input))
		if err != nil {
			return made{}, err
		}
		return made{ID: r.Name, Attributes: properties{"Arn": *out.ScheduleArn}}, nil
	},
	remove: func(ctx context.Context, c *clients, r request) error {
		input := scheduler.DeleteScheduleInput{Name: &r.Name}
		if group := r.text("GroupName"); group != "" {
			input.GroupName = &group
		}
		_, err := c.scheduler.DeleteSchedule(ctx, &input)
		return unlessAbsent(err)
	},
}

func scheduleInput(r request) (scheduler.CreateScheduleInput, error) {
	var input scheduler.CreateScheduleInput
	err := only(r.Properties, "Description", "EndDate", "FlexibleTimeWindow", "GroupName", "KmsKeyArn", "Name",
		"ScheduleExpression", "ScheduleExpressionTimezone", "StartDate", "State", "Target")
	if err == nil {
		err = fill(&input, r.Properties)
	}
	input.Name = &r.Name
	return input, err
}

// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-scheduler-schedulegroup.html
var scheduleGroup = kind{
	name:    "Name",
	replace: []string{"Name"},
	create: func(ctx context.Context, c *clients, r request) (made, error) {
		if err := only(r.Properties, "Name", "Tags"); err != nil {
			return made{}, err
		}
		tags, err := r.tags()
		if err != nil {
			return made{}, err
		}
		if _, err := c.scheduler.CreateScheduleGroup(ctx, &scheduler.CreateScheduleGroupInput{
			Name: &r.Name, Tags: scheduleTags(tags),
		}); err != nil {
			return made{}, err
		}
		group, err := c.scheduler.GetScheduleGroup(ctx, &scheduler.GetScheduleGroupInput{Name: &r.Name})
		if err != nil {
			return made{}, err
		}
		return made{ID: r.Name, Attributes: properties{
			"Arn": *group.Arn, "State": string(group.State),
			"CreationDate":         group.CreationDate.Format(time.RFC3339),
			"LastModificationDate": group.LastModificationDate.Format(time.RFC3339),
		}}, nil
	},
	tag: func(ctx context.Context, c *clients, r request, set map[string]string, drop []string) error {
		arn := r.Account.ARN("scheduler", "schedule-group/"+r.Name)
		if len(set) > 0 {
			if _, err := c.scheduler.TagResource(ctx, &scheduler.TagResourceInput{ResourceArn: &arn, Tags: scheduleTags(set)}); err != nil {
				return err
			}
		}
		if len(drop) == 0 {
			return nil
		}
		_, err := c.scheduler.UntagResource(ctx, &scheduler.UntagResourceInput{ResourceArn: &arn, TagKeys: drop})
		return err
	},
	remove: func(ctx context.Context, c *clients, r request) error {
		_, err := c.scheduler.DeleteScheduleGroup(ctx, &scheduler.DeleteScheduleGroupInput{Name: &r.Name})
		return unlessAbsent(err)
	},
}

func scheduleTags(tags map[string]string) []types.Tag {
	var list []types.Tag
	for _, key := range sortedKeys(tags) {
		list = append(list, types.Tag{Key: &key, Value: new(tags[key])})
	}
	return list
}
