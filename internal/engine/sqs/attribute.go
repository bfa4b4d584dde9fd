package sqs

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/spate-run/spate/internal/wire"
)

// An attribute is a queue attribute that can be set.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
type attribute struct {
	name     types.QueueAttributeName
	standard string // the value of a queue that was not told; "" for none
	// parse checks a value and returns it as GetQueueAttributes answers it.
	parse func(*Service, attribute, string) (string, error)
	low   int
	high  int
	fifo  bool // only FIFO queues have it
}

// attributes are the attributes that can be set, in the order in which
// CreateQueue compares them.
var attributes = []attribute{
	{name: types.QueueAttributeNameFifoQueue, parse: parseFIFO, fifo: true},
	{name: types.QueueAttributeNameContentBasedDeduplication, standard: "false", parse: parseBool, fifo: true},
	{name: types.QueueAttributeNameDeduplicationScope, standard: scopeQueue, parse: parseScope, fifo: true},
	{name: types.QueueAttributeNameFifoThroughputLimit, standard: limitQueue, parse: parseLimit, fifo: true},
	{name: types.QueueAttributeNameDelaySeconds, standard: "0", parse: parseNumber, low: 0, high: maxDelay},
	{name: types.QueueAttributeNameMaximumMessageSize, standard: "1048576", parse: parseNumber, low: 1024, high: maxMessageSize},
	{name: types.QueueAttributeNameMessageRetentionPeriod, standard: "345600", parse: parseNumber, low: 60, high: 1209600},
	{name: types.QueueAttributeNameReceiveMessageWaitTimeSeconds, standard: "0", parse: parseNumber, low: 0, high: maxWait},
	{name: types.QueueAttributeNameVisibilityTimeout, standard: "30", parse: parseNumber, low: 0, high: maxVisibility},
	{name: types.QueueAttributeNameRedrivePolicy, parse: parseRedrive},
	{name: types.QueueAttributeNameRedriveAllowPolicy, parse: parseAllow},
	{name: types.QueueAttributeNamePolicy, parse: parsePolicy},
	{name: types.QueueAttributeNameKmsMasterKeyId, parse: parseText},
	{name: types.QueueAttributeNameKmsDataKeyReusePeriodSeconds, parse: parseNumber, low: 60, high: 86400},
	{name: types.QueueAttributeNameSqsManagedSseEnabled, standard: "true", parse: parseBool},
}

func invalidAttribute(name types.QueueAttributeName) error {
	return wire.Faultf("InvalidAttributeValue", "Invalid value for the parameter %s.", name)
}

func parseNumber(_ *Service, a attribute, value string) (string, error) {
	n, err := strconv.Atoi(value)
	if err != nil || value[0] == '+' || n < a.low || n > a.high {
		return "", invalidAttribute(a.name)
	}
	return strconv.Itoa(n), nil
}

func parseBool(_ *Service, a attribute, value string) (string, error) {
	lower := strings.ToLower(value)
	if lower != "true" && lower != "false" {
		return "", invalidAttribute(a.name)
	}
	return lower, nil
}

// What DeduplicationScope and FifoThroughputLimit can be. The limit is kept
// without effect: there is no throttling.
const (
	scopeQueue = "queue"
	scopeGroup = "messageGroup"
	limitQueue = "perQueue"
	limitGroup = "perMessageGroupId"
)

func parseFIFO(_ *Service, a attribute, value string) (string, error) {
	if !strings.EqualFold(value, "true") {
		return "", wire.Faultf("InvalidAttributeValue",
			"Invalid value for the parameter %s. Reason: Modifying queue type is not supported.", a.name)
	}
	return "true", nil
}

func parseScope(_ *Service, a attribute, value string) (string, error) {
	if value != scopeQueue && value != scopeGroup {
		return "", invalidAttribute(a.name)
	}
	return value, nil
}

func parseLimit(_ *Service, a attribute, value string) (string, error) {
	if value != limitQueue && value != limitGroup {
		return "", invalidAttribute(a.name)
	}
	return value, nil
}

func parseText(_ *Service, _ attribute, value string) (string, error) {
	return value, nil
}

// A redrivePolicy is a RedrivePolicy as it is answered.
type redrivePolicy struct {
	Target string `json:"deadLetterTargetArn"`
	Max    int    `json:"maxReceiveCount"`
}

// parseRedrive checks a RedrivePolicy; its maxReceiveCount may be a string. The
// caller holds mu.
func parseRedrive(s *Service, a attribute, value string) (string, error) {
	if value == "" {
		return "", nil
	}
	var given map[string]any
	if json.Unmarshal([]byte(value), &given) != nil || given == nil {
		return "", invalidParameter("Invalid value for the parameter %s. Reason: Redrive policy is not a valid JSON map.", a.name)
	}
	for _, name := range []string{"maxReceiveCount", "deadLetterTargetArn"} {
		if given[name] == nil {
			return "", invalidValue(value, string(a.name), "Redrive policy does not contain mandatory attribute: "+name+".")
		}
	}
	if len(given) > 2 {
		return "", invalidValue(value, string(a.name), "Only following attributes are supported: [deadLetterTargetArn, maxReceiveCount].")
	}
	limit, ok := receiveLimit(given["maxReceiveCount"])
	if !ok {
		return "", invalidValue(value, string(a.name), fmt.Sprintf("Invalid value for maxReceiveCount: %v, "+
			"valid values are from 1 to 1000 both inclusive.", given["maxReceiveCount"]))
	}
	target, _ := given["deadLetterTargetArn"].(string)
	if reason := s.targetFault(target); reason != "" {
		return "", invalidValue(value, string(a.name), reason)
	}
	parsed, err := json.Marshal(redrivePolicy{Target: target, Max: limit})
	return string(parsed), err
}

// targetFault is what is wrong with the ARN of a dead-letter queue, "" for nothing.
// The caller holds mu.
func (s *Service) targetFault(arn string) string {
	parts := strings.Split(arn, ":")
	switch {
	case len(parts) != 6, parts[0] != "arn":
		return "Invalid value for deadLetterTargetArn."
	case parts[2] != "sqs":
		return "Only SQS queues are valid resources for deadLetterTargetArn."
	case parts[3] != s.account.Region:
		return "Dead-letter target must be in same region as the source."
	case parts[4] != s.account.ID:
		return "Dead-letter target owner should be same as the source."
	case s.byARN(arn) == nil:
		return "Dead letter target does not exist."
	}
	return ""
}

func receiveLimit(v any) (int, bool) {
	var n float64
	switch v := v.(type) {
	case float64:
		n = v
	case string:
		parsed, err := strconv.Atoi(v)
		if err != nil {
			return 0, false
		}
		n = float64(parsed)
	}
	return int(n), n >= 1 && n <= 1000 && n == float64(int(n))
}

// parseAttributes checks attributes that a request wants set on the queue with
// this name. The caller holds mu.
func (s *Service) parseAttributes(queue string, given map[string]string) (map[string]string, error) {
	parsed := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		i := slices.IndexFunc(attributes, func(a attribute) bool { return string(a.name) == name })
		if i < 0 {
			return nil, unknownAttribute(name)
		}
		if attributes[i].fifo && !isFIFO(queue) {
			return nil, onlyFIFO(attributes[i].name)
		}
		value, err := attributes[i].parse(s, attributes[i], given[name])
		if err != nil {
			return nil, err
		}
		parsed[name] = value
	}
	if parsed[string(types.QueueAttributeNameKmsMasterKeyId)] != "" {
		if parsed[string(types.QueueAttributeNameSqsManagedSseEnabled)] == "true" {
			return nil, wire.Faultf("InvalidAttributeName", "You can use one type of server-side encryption (SSE) at "+
				"one time. You can either enable KMS SSE or SQS SSE.")
		}
		parsed[string(types.QueueAttributeNameSqsManagedSseEnabled)] = "false"
	}
	return parsed, s.checkTarget(queue, parsed[string(types.QueueAttributeNameRedrivePolicy)])
}

// onlyFIFO is the fault of an attribute that a standard queue does not have.
func onlyFIFO(name types.QueueAttributeName) error {
	switch name {
	case types.QueueAttributeNameDeduplicationScope, types.QueueAttributeNameFifoThroughputLimit:
		return wire.Faultf("InvalidAttributeName", "You can specify the %s only when FifoQueue is set to true.", name)
	}
	return unknownAttribute(string(name))
}

// checkThroughput refuses a throughput limit by groups for a queue that does not
// deduplicate by groups.
func checkThroughput(doc *document) error {
	if doc.Attributes[string(types.QueueAttributeNameFifoThroughputLimit)] == limitGroup &&
		doc.Attributes[string(types.QueueAttributeNameDeduplicationScope)] != scopeGroup {
		return wire.Faultf("InvalidAttributeValue", "Invalid value for the parameter FifoThroughputLimit. Reason: "+
			"To set FifoThroughputLimit to perMessageGroupId, the DeduplicationScope must be messageGroup.")
	}
	return nil
}

// A document is a queue as the store keeps it.
type document struct {
	ID         int64
	Created    int64 // Unix seconds
	Modified   int64 // Unix seconds
	Attributes map[string]string
	Tags       map[string]string
	Purged     int64 `json:",omitempty"` // Unix milliseconds: the last time
}

// attribute returns the value in force, "" for none.
func (d *document) attribute(a attribute) string {
	if value, ok := d.Attributes[string(a.name)]; ok {
		return value
	}
	if a.fifo && !d.isFIFO() {
		return ""
	}
	return a.standard
}

func (d *document) isFIFO() bool {
	return d.Attributes[string(types.QueueAttributeNameFifoQueue)] == "true"
}

// settings are the attributes that steer a queue, parsed.
type settings struct {
	delay      int // seconds, as all of them
	visibility int
	retention  int
	wait       int
	maxSize    int
	redrive    *redrivePolicy // nil for none
	fifo       bool
	byContent  bool // a message without a deduplication ID has one of its body
	byGroup    bool // groups deduplicate by themselves
}

// parsed parses attributes that parseAttributes has accepted.
func (d *document) parsed() settings {
	var s settings
	for _, a := range attributes {
		value := d.attribute(a)
		number, _ := strconv.Atoi(value)
		switch a.name {
		case types.QueueAttributeNameFifoQueue:
			s.fifo = value == "true"
		case types.QueueAttributeNameContentBasedDeduplication:
			s.byContent = value == "true"
		case types.QueueAttributeNameDeduplicationScope:
			s.byGroup = value == scopeGroup
		case types.QueueAttributeNameDelaySeconds:
			s.delay = number
		case types.QueueAttributeNameVisibilityTimeout:
			s.visibility = number
		case types.QueueAttributeNameMessageRetentionPeriod:
			s.retention = number
		case types.QueueAttributeNameReceiveMessageWaitTimeSeconds:
			s.wait = number
		case types.QueueAttributeNameMaximumMessageSize:
			s.maxSize = number
		case types.QueueAttributeNameRedrivePolicy:
			var policy redrivePolicy
			if value != "" && json.Unmarshal([]byte(value), &policy) == nil {
				s.redrive = &policy
			}
		}
	}
	return s
}
