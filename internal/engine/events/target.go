package events

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/spate-run/spate/internal/delivery"
	"github.com/spate-run/spate/internal/wire"
)

// targetLimit is how many targets a rule has at most.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
const targetLimit = 5

var arnPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^arn:aws[a-z-]*:[a-z0-9-]+:[^:]*:[^:]*:.+$`) })

// putTargets adds targets to a rule, or replaces those of the same ids.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutTargets.html
func (s *Service) putTargets(ctx context.Context, in *PutTargetsInput) (*PutTargetsOutput, error) {
	for _, t := range in.Targets {
		if err := checkTarget(t); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(in.Rule, in.EventBusName)
	if err != nil {
		return nil, err
	}
	targets := slices.Clone(r.Targets)
	for _, t := range in.Targets {
		i, ok := findTarget(targets, *t.Id)
		if ok {
			targets[i] = t
			continue
		}
		targets = slices.Insert(targets, i, t)
	}
	if len(targets) > targetLimit {
		return nil, wire.Faultf("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
	}
	r.Targets = targets
	return &PutTargetsOutput{FailedEntries: []PutTargetsResultEntry{}}, s.save(ctx, r)
}

func findTarget(targets []Target, id string) (int, bool) {
	return slices.BinarySearchFunc(targets, id, func(t Target, id string) int { return strings.Compare(*t.Id, id) })
}

func checkTarget(t Target) error {
	switch {
	case aws.ToString(t.Id) == "":
		return null("targets.member.id")
	case t.Arn == nil:
		return null("targets.member.arn")
	case !arnPattern().MatchString(*t.Arn):
		return validation("Parameter %s is not valid. Reason: Provided Arn is not in correct format.", *t.Arn)
	case t.InputPath != nil || t.InputTransformer != nil:
		return validation("InputPath and InputTransformer are not supported: Input is.")
	case t.Input != nil && !json.Valid([]byte(*t.Input)):
		return validation("JSON syntax error in input for target %s.", *t.Id)
	case t.DeadLetterConfig != nil && t.DeadLetterConfig.Arn != nil && !delivery.IsQueue(*t.DeadLetterConfig.Arn):
		return validation("Parameter DeadLetterConfig.Arn is not valid.")
	case delivery.IsCluster(*t.Arn) && (t.EcsParameters == nil || t.EcsParameters.TaskDefinitionArn == nil):
		return validation("Parameter(s) EcsParameters must be specified for target: %s.", *t.Id)
	}
	if p := t.RetryPolicy; p != nil {
		return checkPolicy(*p)
	}
	return nil
}

func checkPolicy(p RetryPolicy) error {
	policy := delivery.NewPolicy(p.MaximumRetryAttempts, p.MaximumEventAgeInSeconds)
	switch {
	case policy.Retries < 0 || policy.Retries > delivery.MostRetries:
		return validation("MaximumRetryAttempts must be between 0 and %d.", delivery.MostRetries)
	case policy.MaxAge < delivery.LeastAge || policy.MaxAge > delivery.MostAge:
		return validation("MaximumEventAgeInSeconds must be between %.0f and %.0f.", delivery.LeastAge.Seconds(), delivery.MostAge.Seconds())
	}
	return nil
}

// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_RemoveTargets.html
func (s *Service) removeTargets(ctx context.Context, in *RemoveTargetsInput) (*RemoveTargetsOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(in.Rule, in.EventBusName)
	if err != nil {
		return nil, err
	}
	out := &RemoveTargetsOutput{FailedEntries: []RemoveTargetsResultEntry{}}
	targets := slices.Clone(r.Targets)
	for _, id := range in.Ids {
		i, ok := findTarget(targets, id)
		if !ok {
			out.FailedEntryCount++
			out.FailedEntries = append(out.FailedEntries, RemoveTargetsResultEntry{
				TargetId: &id, ErrorCode: new("ResourceNotFoundException"),
				ErrorMessage: new("Rule " + *in.Rule + " does not have a target with the Id " + id + "."),
			})
			continue
		}
		targets = slices.Delete(targets, i, i+1)
	}
	r.Targets = targets
	return out, s.save(ctx, r)
}

// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_ListTargetsByRule.html
func (s *Service) listTargetsByRule(_ context.Context, in *ListTargetsByRuleInput) (*ListTargetsByRuleOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(in.Rule, in.EventBusName)
	if err != nil {
		return nil, err
	}
	page, next, err := paged(r.Targets, in.NextToken, in.Limit)
	if err != nil {
		return nil, err
	}
	return &ListTargetsByRuleOutput{Targets: page, NextToken: next}, nil
}

// An event is what an occurrence of a schedule emits.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html
type event struct {
	Version    string   `json:"version"`
	ID         string   `json:"id"`
	DetailType string   `json:"detail-type"`
	Source     string   `json:"source"`
	Account    string   `json:"account"`
	Time       string   `json:"time"`
	Region     string   `json:"region"`
	Resources  []string `json:"resources"`
	Detail     struct{} `json:"detail"`
}

func (s *Service) event(r rule, at time.Time) event {
	return event{
		Version: "0", ID: delivery.NewID(), DetailType: "Scheduled Event", Source: "aws.events", Account: s.config.Account.ID,
		Time: at.UTC().Format(time.RFC3339), Region: s.config.Account.Region, Resources: []string{*r.Rule.Arn},
	}
}

// payload is what a target gets of an event.
func (t Target) payload(e event) (string, error) {
	if t.Input != nil {
		return *t.Input, nil
	}
	text, err := json.Marshal(e)
	return string(text), err
}

// owed is the delivery of an event to a target; ok is false where the target is
// not on this engine.
func (t Target) owed(r rule, e event, at time.Time) (d delivery.Delivery, ok bool, err error) {
	d = delivery.Delivery{
		ID: delivery.NewID(), At: at.UTC(), Due: at.UTC(), Policy: delivery.NewPolicy(nil, nil),
		Attributes: map[string]string{"RULE_ARN": *r.Rule.Arn, "TARGET_ARN": *t.Arn},
	}
	if p := t.RetryPolicy; p != nil {
		d.Policy = delivery.NewPolicy(p.MaximumRetryAttempts, p.MaximumEventAgeInSeconds)
	}
	if t.DeadLetterConfig != nil {
		d.DeadLetters = aws.ToString(t.DeadLetterConfig.Arn)
	}
	if d.Payload, err = t.payload(e); err != nil {
		return d, false, err
	}
	switch {
	case delivery.IsQueue(*t.Arn):
		group := ""
		if t.SqsParameters != nil {
			group = aws.ToString(t.SqsParameters.MessageGroupId)
		}
		d.Call, err = delivery.SendMessage(*t.Arn, d.Payload, group)
	case delivery.IsCluster(*t.Arn): // the event itself is no override
		d.Call, err = delivery.RunTask(*t.Arn, t.EcsParameters, aws.ToString(t.Input), "events-rule/"+*r.Rule.Name, d.ID)
	default:
		return d, false, nil
	}
	return d, true, err
}
