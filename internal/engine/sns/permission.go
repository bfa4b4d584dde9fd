package sns

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
)

// A policy is a topic's access policy, as far as statements are added to it and
// taken from it. Statements that come from elsewhere are kept as they are.
type policy struct {
	Version   string `json:",omitempty"`
	ID        string `json:"Id,omitempty"`
	Statement []json.RawMessage
}

// A statement is one of a policy; its members may be single or lists.
type statement struct {
	Sid       string
	Effect    string
	Principal any
	Action    any
	Resource  string
	Condition any `json:",omitempty"`
}

// The actions that a policy may speak of.
// https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-language-api-permissions-reference.html
var topicActions = []string{
	"GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission",
	"DeleteTopic", "Subscribe", "ListSubscriptionsByTopic", "Publish",
}

// defaultPolicy is that of a topic which has no other: its owner may do all.
func (s *Service) defaultPolicy(t topic) policy {
	var actions []string
	for _, action := range topicActions {
		actions = append(actions, "SNS:"+action)
	}
	text, _ := json.Marshal(statement{ // of strings and maps only
		Sid: "__default_statement_ID", Effect: "Allow", Principal: map[string]string{"AWS": "*"},
		Action: actions, Resource: t.ARN,
		Condition: map[string]any{"StringEquals": map[string]string{"AWS:SourceOwner": s.config.Account.ID}},
	})
	return policy{Version: "2008-10-17", ID: "__default_policy_ID", Statement: []json.RawMessage{text}}
}

// policyText is a topic's policy as clients see it.
func (s *Service) policyText(t topic) string {
	if text := t.Attributes["Policy"]; text != "" {
		return text
	}
	text, _ := json.Marshal(s.defaultPolicy(t))
	return string(text)
}

// policyOf reads a topic's policy.
func (s *Service) policyOf(t topic) (policy, error) {
	var p policy
	if err := json.Unmarshal([]byte(s.policyText(t)), &p); err != nil {
		return p, invalid("Policy Error: null")
	}
	return p, nil
}

// labelled reports whether a statement has a label.
func labelled(text json.RawMessage, label string) bool {
	var st struct{ Sid string }
	return json.Unmarshal(text, &st) == nil && st.Sid == label
}

func (s *Service) addPermission(ctx context.Context, in *AddPermissionInput) (*AddPermissionOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.topicLocked(in.TopicArn, "TopicArn")
	if err != nil {
		return nil, err
	}
	p, err := s.policyOf(t)
	if err != nil {
		return nil, err
	}
	label := deref(in.Label)
	if slices.ContainsFunc(p.Statement, func(text json.RawMessage) bool { return labelled(text, label) }) {
		return nil, invalid("Statement already exists")
	}
	var actions, principals []string
	for _, action := range in.ActionName {
		if !slices.ContainsFunc(topicActions, func(known string) bool { return strings.EqualFold(known, action) }) {
			return nil, invalid("Policy statement action out of service scope!")
		}
		actions = append(actions, "SNS:"+action)
	}
	for _, id := range in.AWSAccountId {
		principals = append(principals, "arn:aws:iam::"+id+":root")
	}
	if len(actions) == 0 || len(principals) == 0 {
		return nil, invalid("Policy statement must have actions and accounts")
	}
	text, err := json.Marshal(statement{
		Sid: label, Effect: "Allow", Principal: map[string]any{"AWS": single(principals)}, Action: single(actions), Resource: t.ARN,
	})
	if err != nil {
		return nil, err
	}
	p.Statement = append(p.Statement, text)
	return &AddPermissionOutput{}, s.setPolicyLocked(ctx, t, p)
}

// single is a list, or its only element.
func single(all []string) any {
	if len(all) == 1 {
		return all[0]
	}
	return all
}

func (s *Service) removePermission(ctx context.Context, in *RemovePermissionInput) (*RemovePermissionOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.topicLocked(in.TopicArn, "TopicArn")
	if err != nil {
		return nil, err
	}
	p, err := s.policyOf(t)
	if err != nil {
		return nil, err
	}
	p.Statement = slices.DeleteFunc(p.Statement, func(text json.RawMessage) bool { return labelled(text, deref(in.Label)) })
	return &RemovePermissionOutput{}, s.setPolicyLocked(ctx, t, p)
}

func (s *Service) setPolicyLocked(ctx context.Context, t topic, p policy) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	t.Attributes = set(t.Attributes, "Policy", string(text))
	return s.saveTopicLocked(ctx, t)
}
