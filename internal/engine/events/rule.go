package events

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/spate-run/spate/internal/cron"
	"github.com/spate-run/spate/internal/wire"
)

var namePattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[.\-_A-Za-z0-9]{1,64}$`) })

// putRule makes a rule or replaces one; its targets stay, and so do its tags.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
func (s *Service) putRule(ctx context.Context, in *PutRuleInput) (*PutRuleOutput, error) {
	if err := checkRule(in); err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	r := rule{Begin: now, After: now, Tags: tagMap(in.Tags), Rule: Rule{
		Arn:                new(s.config.Account.ARN("events", "rule/"+*in.Name)),
		Name:               in.Name,
		Description:        in.Description,
		EventBusName:       new(bus),
		EventPattern:       in.EventPattern,
		RoleArn:            in.RoleArn,
		ScheduleExpression: in.ScheduleExpression,
		State:              cmp.Or(in.State, RuleStateEnabled),
	}}
	if err := r.parse(); err != nil {
		return nil, validation("Parameter ScheduleExpression is not valid.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok := s.rules[*in.Name]; ok {
		r.Targets, r.Tags = old.Targets, old.Tags
	}
	return &PutRuleOutput{RuleArn: r.Rule.Arn}, s.save(ctx, r)
}

func checkRule(in *PutRuleInput) error {
	if in.Name == nil {
		return null("name")
	}
	if err := checkBus(in.EventBusName); err != nil {
		return err
	}
	switch {
	case !namePattern().MatchString(*in.Name):
		return validation("1 validation error detected: Value '%s' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+", *in.Name)
	case in.ScheduleExpression == nil && in.EventPattern == nil:
		return validation("Parameter(s) EventPattern or ScheduleExpression must be specified.")
	case in.State != "" && !slices.Contains(in.State.Values(), in.State):
		return validation("1 validation error detected: Value '%s' at 'state' failed to satisfy constraint: Member must satisfy enum value set: %v", in.State, in.State.Values())
	case in.ScheduleExpression != nil && (cron.Once(*in.ScheduleExpression) || pluralOfOne(*in.ScheduleExpression)):
		return validation("Parameter ScheduleExpression is not valid.")
	}
	var pattern map[string]any
	if in.EventPattern != nil && json.Unmarshal([]byte(*in.EventPattern), &pattern) != nil {
		return wire.Faultf("InvalidEventPatternException", "Event pattern is not valid. Reason: Filter is not an object")
	}
	return nil
}

// pluralOfOne reports whether an expression is like rate(1 minutes), which Scheduler
// takes, and rules do not.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html#eb-rate-expressions
func pluralOfOne(expression string) bool {
	return strings.HasPrefix(expression, "rate(1 ") && strings.HasSuffix(expression, "s)")
}

// checkBus holds a request to the default bus, named or by its ARN.
func checkBus(name *string) error {
	if n := aws.ToString(name); n != "" && n != bus && !strings.HasSuffix(n, ":event-bus/"+bus) {
		return notFound("Event bus %s does not exist.", n)
	}
	return nil
}

func (r *rule) parse() (err error) {
	if r.Rule.ScheduleExpression != nil {
		r.when, err = cron.Parse(*r.Rule.ScheduleExpression, time.UTC, r.Begin)
	}
	return err
}

// save stores a rule. The caller holds s.mu.
func (s *Service) save(ctx context.Context, r rule) error {
	if err := s.table.Save(ctx, *r.Rule.Name, r); err != nil {
		return err
	}
	s.rules[*r.Rule.Name] = r
	s.clock.Wake()
	return nil
}

// find returns a rule. The caller holds s.mu.
func (s *Service) find(name, busName *string) (rule, error) {
	if name == nil {
		return rule{}, null("name")
	}
	if err := checkBus(busName); err != nil {
		return rule{}, err
	}
	r, ok := s.rules[*name]
	if !ok {
		return rule{}, notFound("Rule %s does not exist on EventBus %s.", *name, bus)
	}
	return r, nil
}

// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DescribeRule.html
func (s *Service) describeRule(_ context.Context, in *DescribeRuleInput) (*DescribeRuleOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(in.Name, in.EventBusName)
	if err != nil {
		return nil, err
	}
	return &DescribeRuleOutput{
		Arn: r.Rule.Arn, CreatedBy: &s.config.Account.ID, Description: r.Rule.Description, EventBusName: r.Rule.EventBusName,
		EventPattern: r.Rule.EventPattern, Name: r.Rule.Name, RoleArn: r.Rule.RoleArn,
		ScheduleExpression: r.Rule.ScheduleExpression, State: r.Rule.State,
	}, nil
}

// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_ListRules.html
func (s *Service) listRules(_ context.Context, in *ListRulesInput) (*ListRulesOutput, error) {
	if err := checkBus(in.EventBusName); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Rule
	for _, name := range slices.Sorted(maps.Keys(s.rules)) {
		if strings.HasPrefix(name, aws.ToString(in.NamePrefix)) {
			list = append(list, s.rules[name].Rule)
		}
	}
	page, next, err := paged(list, in.NextToken, in.Limit)
	if err != nil {
		return nil, err
	}
	return &ListRulesOutput{Rules: page, NextToken: next}, nil
}

// deleteRule deletes a rule without targets; one that is not there is no error.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DeleteRule.html
func (s *Service) deleteRule(ctx context.Context, in *DeleteRuleInput) (*DeleteRuleOutput, error) {
	if in.Name == nil {
		return nil, null("name")
	}
	if err := checkBus(in.EventBusName); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.rules[*in.Name].Targets) > 0 {
		return nil, validation("Rule can't be deleted since it has targets.")
	}
	if err := s.table.Remove(ctx, *in.Name); err != nil {
		return nil, err
	}
	delete(s.rules, *in.Name)
	s.clock.Wake()
	return &DeleteRuleOutput{}, nil
}

func (s *Service) enableRule(ctx context.Context, in *EnableRuleInput) (*EnableRuleOutput, error) {
	return &EnableRuleOutput{}, s.setState(ctx, in.Name, in.EventBusName, RuleStateEnabled)
}

func (s *Service) disableRule(ctx context.Context, in *DisableRuleInput) (*DisableRuleOutput, error) {
	return &DisableRuleOutput{}, s.setState(ctx, in.Name, in.EventBusName, RuleStateDisabled)
}

// setState changes a rule's state. What came while it was disabled is over.
func (s *Service) setState(ctx context.Context, name, busName *string, state RuleState) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(name, busName)
	if err != nil || r.Rule.State == state {
		return err
	}
	r.Rule.State, r.After = state, time.Now().UTC()
	return s.save(ctx, r)
}

func (s *Service) tagResource(ctx context.Context, in *TagResourceInput) (*TagResourceOutput, error) {
	return &TagResourceOutput{}, s.retag(ctx, in.ResourceARN, func(tags map[string]string) { maps.Copy(tags, tagMap(in.Tags)) })
}

func (s *Service) untagResource(ctx context.Context, in *UntagResourceInput) (*UntagResourceOutput, error) {
	return &UntagResourceOutput{}, s.retag(ctx, in.ResourceARN, func(tags map[string]string) {
		maps.DeleteFunc(tags, func(key, _ string) bool { return slices.Contains(in.TagKeys, key) })
	})
}

func (s *Service) listTagsForResource(_ context.Context, in *ListTagsForResourceInput) (*ListTagsForResourceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.tagged(in.ResourceARN)
	if err != nil {
		return nil, err
	}
	out := &ListTagsForResourceOutput{Tags: []Tag{}}
	for _, key := range slices.Sorted(maps.Keys(r.Tags)) {
		out.Tags = append(out.Tags, Tag{Key: &key, Value: new(r.Tags[key])})
	}
	return out, nil
}

func (s *Service) retag(ctx context.Context, arn *string, change func(map[string]string)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.tagged(arn)
	if err != nil {
		return err
	}
	r.Tags = maps.Clone(r.Tags)
	change(r.Tags)
	return s.save(ctx, r)
}

// tagged returns the rule with an ARN. The caller holds s.mu.
func (s *Service) tagged(arn *string) (rule, error) {
	name, ok := strings.CutPrefix(aws.ToString(arn), s.config.Account.ARN("events", "rule/"))
	if !ok {
		return rule{}, validation("Parameter ResourceARN is not valid.")
	}
	return s.find(&name, nil)
}

func tagMap(tags []Tag) map[string]string {
	m := map[string]string{}
	for _, t := range tags {
		m[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return m
}
