package cloudformation

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/spate-run/spate/internal/wire"
)

// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-applicationautoscaling-scalabletarget.html
var scalableTarget = kind{
	attributes: []string{"Id"},
	replace:    []string{"ResourceId", "ScalableDimension", "ServiceNamespace"},
	create:     putScalableTarget,
	update:     putScalableTarget,
	remove: func(ctx context.Context, c *clients, r request) error {
		t := targetOf(r)
		_, err := wire.Call[applicationautoscaling.DeregisterScalableTargetOutput](ctx, c.scaling, &applicationautoscaling.DeregisterScalableTargetInput{
			ResourceId: &t.resource, ScalableDimension: t.dimension, ServiceNamespace: t.namespace,
		})
		return unlessAbsent(err)
	},
}

// A target is what names a scalable target.
type target struct {
	resource  string
	dimension types.ScalableDimension
	namespace types.ServiceNamespace
}

// targetOf reads a target from a scalable target's properties, or from a
// policy's, which may give the target's id instead.
func targetOf(r request) target {
	if parts := strings.Split(r.text("ScalingTargetId"), "|"); len(parts) == 3 {
		return target{parts[0], types.ScalableDimension(parts[1]), types.ServiceNamespace(parts[2])}
	}
	return target{
		resource:  r.text("ResourceId"),
		dimension: types.ScalableDimension(r.text("ScalableDimension")),
		namespace: types.ServiceNamespace(r.text("ServiceNamespace")),
	}
}

func (t target) id() string {
	return t.resource + "|" + string(t.dimension) + "|" + string(t.namespace)
}

func putScalableTarget(ctx context.Context, c *clients, r request) (made, error) {
	var input applicationautoscaling.RegisterScalableTargetInput
	if err := fill(&input, without(r.Properties, "ScheduledActions")); err != nil {
		return made{}, err
	}
	if _, err := wire.Call[applicationautoscaling.RegisterScalableTargetOutput](ctx, c.scaling, &input); err != nil {
		return made{}, err
	}
	id := targetOf(r).id()
	return made{ID: id, Attributes: properties{"Id": id}}, putScheduledActions(ctx, c, r)
}

// putScheduledActions makes the scheduled actions of a target those of the
// template; actions that others put are left alone.
func putScheduledActions(ctx context.Context, c *clients, r request) error {
	t := targetOf(r)
	names := map[string]bool{}
	actions, _ := r.Properties["ScheduledActions"].([]any)
	for _, action := range actions {
		input := applicationautoscaling.PutScheduledActionInput{
			ResourceId: &t.resource, ScalableDimension: t.dimension, ServiceNamespace: t.namespace,
		}
		if err := fillMembers(&input, action, "ScheduledActions"); err != nil {
			return err
		}
		if _, err := wire.Call[applicationautoscaling.PutScheduledActionOutput](ctx, c.scaling, &input); err != nil {
			return err
		}
		names[*input.ScheduledActionName] = true
	}
	before, _ := r.Before["ScheduledActions"].([]any)
	for _, action := range before {
		members, _ := action.(map[string]any)
		name, _ := textOf(members["ScheduledActionName"])
		if names[name] {
			continue
		}
		_, err := wire.Call[applicationautoscaling.DeleteScheduledActionOutput](ctx, c.scaling, &applicationautoscaling.DeleteScheduledActionInput{
			ScheduledActionName: &name, ResourceId: &t.resource, ScalableDimension: t.dimension, ServiceNamespace: t.namespace,
		})
		if unlessAbsent(err) != nil {
			return err
		}
	}
	return nil
}

// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-applicationautoscaling-scalingpolicy.html
var scalingPolicy = kind{
	attributes: []string{"Arn"},
	name:       "PolicyName",
	scoped:     true,
	replace:    []string{"PolicyName", "ResourceId", "ScalableDimension", "ServiceNamespace", "ScalingTargetId"},
	create:     putScalingPolicy,
	update:     putScalingPolicy,
	remove: func(ctx context.Context, c *clients, r request) error {
		t := targetOf(r)
		_, err := wire.Call[applicationautoscaling.DeleteScalingPolicyOutput](ctx, c.scaling, &applicationautoscaling.DeleteScalingPolicyInput{
			PolicyName: &r.Name, ResourceId: &t.resource, ScalableDimension: t.dimension, ServiceNamespace: t.namespace,
		})
		return unlessAbsent(err)
	},
}

func putScalingPolicy(ctx context.Context, c *clients, r request) (made, error) {
	var input applicationautoscaling.PutScalingPolicyInput
	if err := fill(&input, without(r.Properties, "ScalingTargetId")); err != nil {
		return made{}, err
	}
	t := targetOf(r)
	input.PolicyName = &r.Name
	input.ResourceId, input.ScalableDimension, input.ServiceNamespace = &t.resource, t.dimension, t.namespace
	out, err := wire.Call[applicationautoscaling.PutScalingPolicyOutput](ctx, c.scaling, &input)
	if err != nil {
		return made{}, err
	}
	return made{ID: *out.PolicyARN, Attributes: properties{"Arn": *out.PolicyARN}}, nil
}

// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html
var alarm = kind{
	attributes: []string{"Arn"},
	name:       "AlarmName",
	replace:    []string{"AlarmName"},
	exists: func(ctx context.Context, c *clients, name string) (bool, error) {
		out, err := wire.Call[cloudwatch.DescribeAlarmsOutput](ctx, c.alarms, &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{name}})
		return err == nil && len(out.MetricAlarms) > 0, err
	},
	create: putAlarm,
	update: putAlarm,
	tag: func(ctx context.Context, c *clients, r request, set map[string]string, drop []string) error {
		arn := alarmARN(r)
		if len(set) > 0 {
			input := cloudwatch.TagResourceInput{ResourceARN: &arn}
			for _, key := range sortedKeys(set) {
				input.Tags = append(input.Tags, cwtypes.Tag{Key: &key, Value: aws.String(set[key])})
			}
			if _, err := wire.Call[cloudwatch.TagResourceOutput](ctx, c.alarms, &input); err != nil {
				return err
			}
		}
		if len(drop) == 0 {
			return nil
		}
		_, err := wire.Call[cloudwatch.UntagResourceOutput](ctx, c.alarms, &cloudwatch.UntagResourceInput{ResourceARN: &arn, TagKeys: drop})
		return err
	},
	remove: func(ctx context.Context, c *clients, r request) error {
		_, err := wire.Call[cloudwatch.DeleteAlarmsOutput](ctx, c.alarms, &cloudwatch.DeleteAlarmsInput{AlarmNames: []string{r.Name}})
		return unlessAbsent(err)
	},
}

func putAlarm(ctx context.Context, c *clients, r request) (made, error) {
	p, err := withTags(r)
	if err != nil {
		return made{}, err
	}
	var input cloudwatch.PutMetricAlarmInput
	if err := fill(&input, p); err != nil {
		return made{}, err
	}
	input.AlarmName = &r.Name
	if _, err := wire.Call[cloudwatch.PutMetricAlarmOutput](ctx, c.alarms, &input); err != nil {
		return made{}, err
	}
	return made{ID: r.Name, Attributes: properties{"Arn": alarmARN(r)}}, nil
}

func alarmARN(r request) string { return r.Account.ARN("cloudwatch", "alarm:"+r.Name) }
