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
	const cannot = "Amazon SQS can't create the redrive allow policy"
	var p allowPolicy
	text := json.NewDecoder(strings.NewReader(value))
	text.DisallowUnknownFields()
	if text.Decode(&p) != nil || text.More() || !slices.Contains([]string{"allowAll", "denyAll", "byQueue"}, p.Permission) {
		return "", invalidParameter("Invalid value for the parameter %s. Reason: %s, as it’s in an unsupported format.",
			allowAttribute, cannot)
	}
	switch {
	case p.Permission != "byQueue" && p.Sources != nil:
		return "", invalidValue(value, allowAttribute, cannot+
			". To specify one or more source queue ARNs, you must set redrivePermission to byQueue.")
	case p.Permission == "byQueue" && len(p.Sources) == 0:
		return "", invalidValue(value, allowAttribute, cannot+
			". When you specify the byQueue permission type, you must also specify one or more sourceQueueArns values.")
	case len(p.Sources) > maxSources:
		return "", invalidValue(value, allowAttribute, cannot+
			". The maximum number of source queue ARNs you can specify is 10.")
	}
	return value, nil
}

// checkTarget refuses a RedrivePolicy, as parseRedrive answers it, whose target is
// of another type, or does not allow the queue with this name. What has been set
// stays in force when the target's policy changes. A queue may be its own target,
// as it may be on AWS. The last reason is in words of our own: AWS's are not
// documented. The caller holds mu.
func (s *Service) checkTarget(name, redrive string) error {
	var policy redrivePolicy
	if redrive == "" || json.Unmarshal([]byte(redrive), &policy) != nil {
		return nil
	}
	target := s.queues[strings.TrimPrefix(policy.Target, s.account.ARN("sqs", ""))]
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
