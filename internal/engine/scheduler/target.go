package scheduler

import (
	"cmp"
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"github.com/spate-run/spate/internal/delivery"
)

var (
	arnPattern       = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^arn:aws[a-z-]*:[a-z0-9-]+:[^:]*:[^:]*:.+$`) })
	universalPattern = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^arn:aws[a-z-]*:scheduler:::aws-sdk:([a-z0-9-]+):([a-zA-Z0-9]+)$`)
	})
)

// readOnly are the beginnings of the operations that no schedule calls.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html#unsupported-api-actions
func readOnly() []string {
	return strings.Fields("get describe list poll receive search scan query select read lookup discover validate " +
		"batchGet batchDescribe batchRead transactGet adminGet adminList testMigration retrieve testConnection " +
		"translateDocument isAuthorized invokeModel")
}

// https://docs.aws.amazon.com/scheduler/latest/APIReference/API_Target.html
func checkTarget(t *types.Target) error {
	switch {
	case t.Arn == nil:
		return null("target.arn")
	case t.RoleArn == nil:
		return null("target.roleArn")
	case !arnPattern().MatchString(*t.Arn):
		return validation("Provided Arn is not in correct format.")
	case !strings.HasPrefix(*t.RoleArn, "arn:"):
		return validation("Provided RoleArn is not in correct format.")
	case t.DeadLetterConfig != nil && t.DeadLetterConfig.Arn != nil && !delivery.IsQueue(*t.DeadLetterConfig.Arn):
		return validation("Provided DeadLetterConfig Arn is not that of an SQS queue.")
	}
	if p := t.RetryPolicy; p != nil {
		if err := cmp.Or(
			checkRange("target.retryPolicy.maximumEventAgeInSeconds", p.MaximumEventAgeInSeconds,
				int32(delivery.LeastAge/time.Second), int32(delivery.MostAge/time.Second)),
			checkRange("target.retryPolicy.maximumRetryAttempts", p.MaximumRetryAttempts, 0, delivery.MostRetries),
		); err != nil {
			return err
		}
	}
	switch {
	case universalPattern().MatchString(*t.Arn):
		return checkUniversal(t)
	case delivery.IsCluster(*t.Arn):
		return checkECS(t)
	}
	return nil
}

func checkUniversal(t *types.Target) error {
	action := universalPattern().FindStringSubmatch(*t.Arn)[2]
	switch {
	case slices.ContainsFunc(readOnly(), func(prefix string) bool { return strings.HasPrefix(lower(action), prefix) }):
		return validation("%s is not a supported API for EventBridge Scheduler.", *t.Arn)
	case t.Input != nil && !json.Valid([]byte(*t.Input)):
		return validation("Invalid RequestJson provided.")
	}
	return nil
}

func lower(action string) string { return strings.ToLower(action[:1]) + action[1:] }

func checkECS(t *types.Target) error {
	p := t.EcsParameters
	switch {
	case p == nil:
		return validation("EcsParameters must be specified for an ECS target.")
	case p.TaskDefinitionArn == nil:
		return null("target.ecsParameters.taskDefinitionArn")
	case t.Input != nil && !json.Valid([]byte(*t.Input)):
		return validation("Invalid Input for target: it is not JSON.")
	}
	return checkRange("target.ecsParameters.taskCount", p.TaskCount, 1, math.MaxInt32)
}

// An occasion is one occurrence of a schedule.
type occasion struct {
	id       string
	schedule schedule
	at       time.Time
}

// call is what an occasion owes its target; ok is false where that is not on
// this engine.
func (s *Service) call(o occasion) (call delivery.Call, ok bool, err error) {
	t := o.schedule.Schedule.Target
	name := universalPattern().FindStringSubmatch(*t.Arn)
	switch {
	case name != nil:
		return delivery.Call{Service: name[1], Operation: name[2], Input: o.fill(aws.ToString(t.Input))}, true, nil
	case delivery.IsQueue(*t.Arn):
		group := ""
		if t.SqsParameters != nil {
			group = aws.ToString(t.SqsParameters.MessageGroupId)
		}
		call, err = delivery.SendMessage(*t.Arn, s.payload(o), group)
		return call, true, err
	case delivery.IsCluster(*t.Arn):
		call, err = delivery.RunTask(*t.Arn, t.EcsParameters, o.fill(aws.ToString(t.Input)), "chronos-schedule/"+*o.schedule.Schedule.Name, o.id)
		return call, true, err
	}
	return delivery.Call{}, false, nil
}

// payload is the target's input, or where there is none a notification.
func (s *Service) payload(o occasion) string {
	if input := aws.ToString(o.schedule.Schedule.Target.Input); input != "" {
		return o.fill(input)
	}
	text, err := json.Marshal(struct {
		Version    string   `json:"version"`
		ID         string   `json:"id"`
		DetailType string   `json:"detail-type"`
		Source     string   `json:"source"`
		Account    string   `json:"account"`
		Time       string   `json:"time"`
		Region     string   `json:"region"`
		Resources  []string `json:"resources"`
		Detail     string   `json:"detail"`
	}{
		"0", o.id, "Scheduled Event", "aws.scheduler", s.config.Account.ID, o.time(), s.config.Account.Region,
		[]string{*o.schedule.Schedule.Arn}, "{}",
	})
	if err != nil { // strings have no way to fail
		return "{}"
	}
	return string(text)
}

func (o occasion) time() string { return o.at.UTC().Format(time.RFC3339) }

// fill sets the context attributes of an input, all but the attempt's number.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
func (o occasion) fill(input string) string {
	return strings.NewReplacer(
		"<aws.scheduler.schedule-arn>", *o.schedule.Schedule.Arn,
		"<aws.scheduler.scheduled-time>", o.time(),
		"<aws.scheduler.execution-id>", o.id,
	).Replace(input)
}
