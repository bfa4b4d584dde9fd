package delivery

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Attempt stands in a call's input for the number of the attempt, from 1.
const Attempt = "<aws.scheduler.attempt-number>"

// A Call is an operation of a service.
type Call struct {
	// Service is the service's name in the SDKs, such as "sqs".
	Service   string
	Operation string
	// Input is JSON.
	Input string
}

// NewID returns a random UUID, for deliveries and what they tell of themselves.
func NewID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// IsQueue tells the ARN of an SQS queue.
func IsQueue(arn string) bool {
	part := strings.Split(arn, ":")
	return len(part) == 6 && part[2] == "sqs"
}

// IsCluster tells the ARN of an ECS cluster.
func IsCluster(arn string) bool {
	part := strings.Split(arn, ":")
	return len(part) == 6 && part[2] == "ecs" && strings.HasPrefix(part[5], "cluster/")
}

// SendMessage is the call that sends to a queue. A group is for FIFO queues.
func SendMessage(queueARN, body, group string) (Call, error) {
	return newCall("sqs", "SendMessage", sendMessage{QueueUrl: url(queueARN), MessageBody: body, MessageGroupId: group})
}

type sendMessage struct {
	QueueUrl          string
	MessageBody       string
	MessageGroupId    string                      `json:",omitempty"`
	MessageAttributes map[string]messageAttribute `json:",omitempty"`
}

type messageAttribute struct{ DataType, StringValue string }

// url is a queue's address: services find queues by its last element.
func url(queueARN string) string {
	return "https://sqs/" + queueARN[strings.LastIndexByte(queueARN, ':')+1:]
}

// RunTask is the call that runs tasks on a cluster. Parameters are the ECS
// parameters of a target, whose members are named as those of RunTask are, or
// almost; overrides are JSON, or nothing.
func RunTask(clusterARN string, parameters any, overrides, startedBy, token string) (Call, error) {
	text, err := json.Marshal(parameters)
	if err != nil {
		return Call{}, err
	}
	input := map[string]any{}
	if err := json.Unmarshal(text, &input); err != nil {
		return Call{}, err
	}
	input["Cluster"] = clusterARN
	input["TaskDefinition"] = input["TaskDefinitionArn"]
	input["Count"] = input["TaskCount"]
	input["StartedBy"] = startedBy
	input["ClientToken"] = token
	input["Overrides"] = json.RawMessage(cmp.Or(overrides, "null"))
	return newCall("ecs", "RunTask", input)
}

// newCall keeps < and > as they are, for Attempt to be found.
func newCall(service, operation string, input any) (Call, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(input)
	return Call{Service: service, Operation: operation, Input: text.String()}, err
}

// A Policy limits the attempts of a delivery.
type Policy struct {
	// Retries are the attempts after the first.
	Retries int
	// MaxAge is how long after its time a delivery is tried again.
	MaxAge time.Duration
}

// Limits of a policy, and what holds where a schedule or a rule has none.
// https://docs.aws.amazon.com/scheduler/latest/APIReference/API_RetryPolicy.html
const (
	MostRetries = 185
	LeastAge    = time.Minute
	MostAge     = 24 * time.Hour
)

// NewPolicy is a policy of what a target gives, where MaxAge is in seconds.
func NewPolicy(retries, maxAge *int32) Policy {
	p := Policy{Retries: MostRetries, MaxAge: MostAge}
	if retries != nil {
		p.Retries = int(*retries)
	}
	if maxAge != nil {
		p.MaxAge = time.Duration(*maxAge) * time.Second
	}
	return p
}

// A Delivery is a call that is owed.
type Delivery struct {
	ID   string
	Call Call
	// At is when the call is owed, and Due when it is made next.
	At, Due  time.Time
	Attempts int // that failed
	Policy   Policy
	// DeadLetters is the ARN of the queue for what cannot be delivered; empty
	// when there is none. Its messages are Payload, with the attributes.
	DeadLetters string
	Payload     string
	Attributes  map[string]string
}

// attempt is the call of the next attempt.
func (d Delivery) attempt() Call {
	call := d.Call
	call.Input = strings.ReplaceAll(call.Input, Attempt, strconv.Itoa(d.Attempts+1))
	return call
}

// deadLetter is the call that reports a delivery.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
func (d Delivery) deadLetter(code, message, exhausted string) (Call, error) {
	input := sendMessage{QueueUrl: url(d.DeadLetters), MessageBody: d.Payload, MessageAttributes: map[string]messageAttribute{}}
	add := func(name, text string) {
		if text != "" {
			input.MessageAttributes[name] = messageAttribute{"String", text}
		}
	}
	for name, text := range d.Attributes {
		add(name, text)
	}
	add("ERROR_CODE", code)
	add("ERROR_MESSAGE", message)
	add("EXHAUSTED_RETRY_CONDITION", exhausted)
	add("RETRY_ATTEMPTS", strconv.Itoa(d.Attempts-1))
	return newCall("sqs", "SendMessage", input)
}
