package sqs

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

const (
	maxSources     = 10
	allowAttribute = string(types.QueueAttributeNameRedriveAllowPolicy)
)

// An allowPolicy says which queues may have a queue as their dead-letter queue.
type allowPolicy struct {
	Permission string   `json:"redrivePermission"`
	Sources    []string `json:"sourceQueueArns"`
}

// parseAllow checks a RedriveAllowPolicy. An empty one removes it.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
func parseAllow(_ *Service, _ attribute, value string) (string, error) {
	if value == "" {
		return "", nil
	}
	var p allowPolicy
	reason := ""
	switch err := json.Unmarshal([]byte(value), &p); {
	case err != nil, !slices.Contains([]string{"allowAll", "denyAll", "byQueue"}, p.Permission):
		reason = ", as it’s in an unsupported format."
	case p.Permission == "byQueue" && (len(p.Sources) < 1 || len(p.Sources) > maxSources):
		reason = ". When you specify the byQueue permission type, you must also specify between 1 and 10 source queue ARNs."
	case p.Permission != "byQueue" && p.Sources != nil:
		reason = ". You can specify source queue ARNs only when the permission type is byQueue."
	default:
		return value, nil
	}
	return "", invalidParameter("Invalid value for the parameter %s. Reason: "+
		"Amazon SQS can't create the redrive allow policy%s", allowAttribute, reason)
}

// checkTarget refuses a RedrivePolicy, as parseRedrive answers it, whose target is
// the queue with this name itself, of another type, or does not allow the queue.
// What has been set stays in force when the target's policy changes. Two of the
// reasons are in words of our own: AWS's are not documented. The caller holds mu.
func (s *Service) checkTarget(name, redrive string) error {
	var policy redrivePolicy
	if redrive == "" || json.Unmarshal([]byte(redrive), &policy) != nil {
		return nil
	}
	target := s.queues[strings.TrimPrefix(policy.Target, s.account.ARN("sqs", ""))]
	if target.name == name {
		return invalidValue(redrive, string(types.QueueAttributeNameRedrivePolicy),
			"Dead letter target must not be the source queue itself.")
	}
	if isFIFO(name) != target.fifo {
		return invalidValue(redrive, string(types.QueueAttributeNameRedrivePolicy),
			"Dead-letter queue must be same type of queue as the source..")
	}
	var allowed allowPolicy
	if text := target.Attributes[allowAttribute]; text == "" || json.Unmarshal([]byte(text), &allowed) != nil {
		return nil
	}
	denied := allowed.Permission == "denyAll" ||
		allowed.Permission == "byQueue" && !slices.Contains(allowed.Sources, s.account.ARN("sqs", name))
	if denied {
		return invalidValue(redrive, string(types.QueueAttributeNameRedrivePolicy),
			"Dead letter target does not allow this queue as a source.")
	}
	return nil
}
