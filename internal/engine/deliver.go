package engine

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/spate-run/spate/internal/delivery"
	"github.com/spate-run/spate/internal/wire"
)

// targets are the services that schedules and rules may call, by their names
// in the SDKs.
func (e *Engine) targets() map[string]*wire.Service {
	s := e.services
	return map[string]*wire.Service{
		"applicationautoscaling": s.autoscaling.Wire(),
		"cloudformation":         s.cloudformation.Wire(),
		"cloudwatch":             s.cloudwatch.Wire(),
		"cloudwatchlogs":         s.logs.Wire(),
		"ecr":                    s.ecr.Wire(),
		"ecs":                    s.ecs.Wire(),
		"eventbridge":            s.events.Wire(),
		"scheduler":              s.scheduler.Wire(),
		"secretsmanager":         s.secretsmanager.Wire(),
		"sns":                    s.sns.Wire(),
		"sqs":                    s.sqs.Wire(),
		"ssm":                    s.ssm.Wire(),
		"sts":                    s.sts.Wire(),
	}
}

// deliver makes a call that a schedule, a rule or a topic owes.
func (e *Engine) deliver(ctx context.Context, call delivery.Call) error {
	service := e.targets()[call.Service]
	if service == nil {
		return wire.Faultf("UnknownOperationException", "The engine has no service %s.", call.Service)
	}
	output, err := service.Call(ctx, call.Operation, []byte(call.Input))
	if err != nil {
		return err
	}
	if run, ok := output.(*awsecs.RunTaskOutput); ok && len(run.Failures) > 0 {
		f := run.Failures[0]
		return fmt.Errorf("running tasks: %s %s", aws.ToString(f.Reason), aws.ToString(f.Detail))
	}
	return nil
}
