package cloudformation

import (
	"context"
	"maps"
	"time"
)

// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-scheduler-schedule.html
var schedule = kind{
	attributes: []string{"Arn"},
	name:       "Name",
	scoped:     true,
	replace:    []string{"GroupName", "Name"},
	create: func(ctx context.Context, c *clients, r request) (made, error) {
		return putSchedule(ctx, c, r, "CreateSchedule")
	},
	update: func(ctx context.Context, c *clients, r request) (made, error) {
		return putSchedule(ctx, c, r, "UpdateSchedule")
	},
	remove: func(ctx context.Context, c *clients, r request) error {
		input := properties{"Name": r.Name}
		if group := r.text("GroupName"); group != "" {
			input["GroupName"] = group
		}
		return unlessAbsent(c.clock.Call(ctx, "DeleteSchedule", input, nil))
	},
}

func putSchedule(ctx context.Context, c *clients, r request, operation string) (made, error) {
	input, err := newScheduleInput(r)
	if err != nil {
		return made{}, err
	}
	var out struct{ ScheduleArn string }
	if err := c.clock.Call(ctx, operation, input, &out); err != nil {
		return made{}, err
	}
	return made{ID: r.Name, Attributes: properties{"Arn": out.ScheduleArn}}, nil
}

// A scheduleInput is a schedule as EventBridge Scheduler takes it.
type scheduleInput struct {
	Name                                           string
	GroupName, Description, KmsKeyArn, State       *string
	ScheduleExpression, ScheduleExpressionTimezone *string
	StartDate, EndDate                             *time.Time `json:"-"`
	Start                                          *int64     `json:"StartDate"` // in seconds
	End                                            *int64     `json:"EndDate"`
	FlexibleTimeWindow                             *struct {
		Mode                   *string
		MaximumWindowInMinutes *int32
	}
	Target *struct {
		invocation
		EcsParameters *struct {
			taskRun
			PlacementStrategy []placement
			Tags              []map[string]string
		}
	}
}

// newScheduleInput reads a schedule's properties, less what its target says to
// services that the engine does not have.
func newScheduleInput(r request) (scheduleInput, error) {
	var input scheduleInput
	if err := only(r.Properties, "Description", "EndDate", "FlexibleTimeWindow", "GroupName", "KmsKeyArn", "Name",
		"ScheduleExpression", "ScheduleExpressionTimezone", "StartDate", "State", "Target"); err != nil {
		return input, err
	}
	p := maps.Clone(r.Properties)
	if target, ok := p["Target"].(map[string]any); ok {
		p["Target"] = map[string]any(without(target, "EventBridgeParameters", "KinesisParameters", "SageMakerPipelineParameters"))
	}
	if err := fill(&input, p); err != nil {
		return input, err
	}
	input.Name = r.Name
	input.Start, input.End = seconds(input.StartDate), seconds(input.EndDate)
	return input, nil
}

func seconds(t *time.Time) *int64 {
	if t == nil {
		return nil
	}
	return new(t.Unix())
}

// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-scheduler-schedulegroup.html
var scheduleGroup = kind{
	attributes: []string{"Arn", "CreationDate", "LastModificationDate", "State"},
	name:       "Name",
	replace:    []string{"Name"},
	create: func(ctx context.Context, c *clients, r request) (made, error) {
		if err := only(r.Properties, "Name", "Tags"); err != nil {
			return made{}, err
		}
		tags, err := r.tagList()
		if err != nil {
			return made{}, err
		}
		if err := c.clock.Call(ctx, "CreateScheduleGroup", properties{"Name": r.Name, "Tags": tags}, nil); err != nil {
			return made{}, err
		}
		var group struct {
			Arn, State                         string
			CreationDate, LastModificationDate float64 // seconds
		}
		if err := c.clock.Call(ctx, "GetScheduleGroup", properties{"Name": r.Name}, &group); err != nil {
			return made{}, err
		}
		date := func(seconds float64) string { return time.Unix(int64(seconds), 0).UTC().Format(time.RFC3339) }
		return made{ID: r.Name, Attributes: properties{
			"Arn": group.Arn, "State": group.State,
			"CreationDate": date(group.CreationDate), "LastModificationDate": date(group.LastModificationDate),
		}}, nil
	},
	tag: func(ctx context.Context, c *clients, r request, set map[string]string, drop []string) error {
		arn := r.Account.ARN("scheduler", "schedule-group/"+r.Name)
		if len(set) > 0 {
			if err := c.clock.Call(ctx, "TagResource", properties{"ResourceArn": arn, "Tags": pairList(set)}, nil); err != nil {
				return err
			}
		}
		if len(drop) == 0 {
			return nil
		}
		return c.clock.Call(ctx, "UntagResource", properties{"ResourceArn": arn, "TagKeys": drop}, nil)
	},
	remove: func(ctx context.Context, c *clients, r request) error {
		return unlessAbsent(c.clock.Call(ctx, "DeleteScheduleGroup", properties{"Name": r.Name}, nil))
	},
}
