package sqs

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/spate-run/spate/internal/wire"
)

const (
	maxPermissionActions = 7
	policyAttribute      = string(types.QueueAttributeNamePolicy)
)

// sharedActions are the actions that a queue's owner can allow to others. Those
// on a message stand for their batches.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-overview-of-managing-access.html
var sharedActions = []string{
	"*", "ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "GetQueueUrl",
	"ListDeadLetterSourceQueues", "PurgeQueue", "ReceiveMessage", "SendMessage",
}

// ownedActions are those that only the owner may ever do.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_AddPermission.html
var ownedActions = []string{
	"AddPermission", "CancelMessageMoveTask", "CreateQueue", "DeleteQueue", "ListMessageMoveTasks", "ListQueueTags",
	"ListQueues", "RemovePermission", "SetQueueAttributes", "StartMessageMoveTask", "TagQueue", "UntagQueue",
}

var accountID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9]{12}$`) })

// A policy is a queue's policy as far as permissions need to know it: other
// statements stay as they were written.
type policy struct {
	Version   string            `json:"Version,omitempty"`
	ID        string            `json:"Id,omitempty"`
	Statement []json.RawMessage `json:"Statement"`
}

// A statement is what AddPermission adds to a policy.
type statement struct {
	Sid       string
	Effect    string
	Principal map[string]any
	Action    any
	Resource  string
}

func (s *Service) addPermission(ctx context.Context, in *sqs.AddPermissionInput) (*sqs.AddPermissionOutput, error) {
	label := aws.ToString(in.Label)
	if err := checkPermission(label, in); err != nil {
		return nil, err
	}
	arn := s.account.ARN("sqs", nameIn(in.QueueUrl))
	added, err := json.Marshal(permission(arn, label, in))
	if err != nil {
		return nil, fmt.Errorf("writing permission %q: %w", label, err)
	}
	err = s.amendPolicy(ctx, in.QueueUrl, func(p *policy) error {
		if slices.ContainsFunc(p.Statement, func(text json.RawMessage) bool { return labelled(text, label) }) {
			return invalidValue(label, "Label", "Already exists.")
		}
		p.Statement = append(p.Statement, added)
		return checkStatements(len(p.Statement))
	})
	return &sqs.AddPermissionOutput{}, err
}

func checkPermission(label string, in *sqs.AddPermissionInput) error {
	switch {
	case aws.ToString(in.QueueUrl) == "":
		return missingParameter("QueueUrl")
	case label == "":
		return missingParameter("Label")
	case !entryID().MatchString(label):
		return invalidValue(label, "Label",
			"Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	case len(in.Actions) == 0:
		return missingParameter("Actions")
	case len(in.Actions) > maxPermissionActions:
		fault := wire.Faultf("OverLimit", "%d Actions were found, maximum allowed is %d.", len(in.Actions), maxPermissionActions)
		fault.Status = http.StatusForbidden
		return fault
	case len(in.AWSAccountIds) == 0,
		slices.ContainsFunc(in.AWSAccountIds, func(id string) bool { return !accountID().MatchString(id) }):
		return invalidValue(in.AWSAccountIds, "PrincipalId", "Unable to verify.")
	}
	for _, action := range in.Actions {
		if slices.Contains(ownedActions, action) {
			return invalidValue("SQS:"+action, "ActionName", "Only the queue owner is allowed to invoke this action.")
		}
		if !slices.Contains(sharedActions, action) {
			return invalidValue("SQS:"+action, "ActionName",
				"Please refer to the appropriate WSDL for a list of valid actions. ")
		}
	}
	return nil
}

func permission(arn, label string, in *sqs.AddPermissionInput) statement {
	var principals, actions []string
	for _, id := range in.AWSAccountIds {
		principals = append(principals, "arn:aws:iam::"+id+":root")
	}
	for _, action := range in.Actions {
		actions = append(actions, "SQS:"+action)
	}
	return statement{
		Sid:       label,
		Effect:    "Allow",
		Principal: map[string]any{"AWS": single(principals)},
		Action:    single(actions),
		Resource:  arn,
	}
}

// single is a list, or its only element.
func single(all []string) any {
	if len(all) == 1 {
		return all[0]
	}
	return all
}

func labelled(text json.RawMessage, label string) bool {
	var s struct{ Sid string }
	return json.Unmarshal(text, &s) == nil && s.Sid == label
}

func (s *Service) removePermission(ctx context.Context, in *sqs.RemovePermissionInput) (*sqs.RemovePermissionOutput, error) {
	label := aws.ToString(in.Label)
	if label == "" {
		return nil, missingParameter("Label")
	}
	err := s.amendPolicy(ctx, in.QueueUrl, func(p *policy) error {
		left := slices.DeleteFunc(slices.Clone(p.Statement), func(text json.RawMessage) bool { return labelled(text, label) })
		switch {
		case len(p.Statement) == 0:
			return invalidValue(label, "Label", "can't find label.")
		case len(left) == len(p.Statement):
			return invalidValue(label, "Label", "can't find label on existing policy.")
		}
		p.Statement = left
		return nil
	})
	return &sqs.RemovePermissionOutput{}, err
}

// amendPolicy commits a change of a queue's policy. One that is left without
// statements goes.
func (s *Service) amendPolicy(ctx context.Context, url *string, change func(*policy) error) error {
	return s.amend(ctx, url, func(doc *document) error {
		p, err := s.policyOf(doc, nameIn(url))
		if err != nil {
			return err
		}
		if err := change(&p); err != nil {
			return err
		}
		text := ""
		if len(p.Statement) > 0 {
			encoded, err := json.Marshal(p)
			if err != nil {
				return fmt.Errorf("writing the policy of a queue: %w", err)
			}
			text = string(encoded)
		}
		doc.Attributes = merged(doc.Attributes, map[string]string{policyAttribute: text})
		return nil
	})
}

// policyOf reads a queue's policy, whose Statement may be one object.
func (s *Service) policyOf(doc *document, name string) (policy, error) {
	text := doc.Attributes[policyAttribute]
	if text == "" {
		return policy{Version: "2008-10-17", ID: s.account.ARN("sqs", name) + "/SQSDefaultPolicy"}, nil
	}
	var p policy
	if json.Unmarshal([]byte(text), &p) == nil {
		return p, nil
	}
	var one struct {
		Version   string
		ID        string `json:"Id"`
		Statement json.RawMessage
	}
	if json.Unmarshal([]byte(text), &one) != nil {
		return policy{}, invalidAttribute(types.QueueAttributeNamePolicy)
	}
	return policy{Version: one.Version, ID: one.ID, Statement: []json.RawMessage{one.Statement}}, nil
}
