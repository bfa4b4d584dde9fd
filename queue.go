package spate

import (
	"fmt"
	"strings"
	"time"

	"github.com/spate-run/spate/internal/template"
)

const (
	// visibility is how long a message stays with a worker that died. Workers
	// extend it while they work.
	visibility = 120 * time.Second
	// retention is SQS's longest.
	retention = 14 * 24 * time.Hour
	// maxReceives is SQS's most. Workers count the failures themselves: a
	// message is also received again after every interruption.
	maxReceives = 1000
	// maxVisibility is for how long a message can be in flight at most.
	// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
	maxVisibility = 12 * time.Hour
)

// QueueProps describe a queue.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sqs-queue.html
type QueueProps struct {
	// QueueName is 1 to 80 letters, digits, hyphens and underscores, and ends
	// in .fifo for a FIFO queue; default CloudFormation's own.
	QueueName Text
	// RetentionPeriod is how long a message is kept, 1 minute to 14 days;
	// default 14 days, CDK's 4.
	RetentionPeriod time.Duration
	// DeliveryDelay is how long a message is held back at first, at most 15 minutes.
	DeliveryDelay time.Duration
	// MaxMessageSizeBytes is 1,024 to 1,048,576, the default.
	MaxMessageSizeBytes int
	// ReceiveMessageWaitTime is how long an empty receive waits, at most 20 s.
	ReceiveMessageWaitTime time.Duration
	// VisibilityTimeout is how long a message is hidden once it was received, at
	// most 12 hours: longer than a job takes, unless the container extends it.
	// Default 2 minutes, CDK's 30 seconds.
	VisibilityTimeout time.Duration
	// DeadLetterQueue is where messages go that were received too often.
	// Default one of spate's own after 3 receives; with CDKDefaults none.
	DeadLetterQueue *DeadLetterQueue
	// EncryptionMasterKey is a KMS key's id; default SQS's own key. DataKeyReuse
	// is how long a data key of it is used, 1 minute to 24 hours.
	EncryptionMasterKey Text
	DataKeyReuse        time.Duration
	// FIFO makes it a FIFO queue, and so does a name that ends in .fifo.
	FIFO                      bool
	ContentBasedDeduplication bool
	DeduplicationScope        string // messageGroup or queue
	FIFOThroughputLimit       string // perQueue or perMessageGroupId
	// EnforceSSL refuses requests that are not encrypted; default true, CDK's false.
	EnforceSSL *bool
}

// A DeadLetterQueue says when messages go to another queue.
type DeadLetterQueue struct {
	// Queue is where they go; default one of spate's own.
	Queue *Queue
	// MaxReceiveCount is after how many receives, 1 to 1,000; default 3.
	MaxReceiveCount int
}

// A Queue is an SQS queue. Its resources are the id and the id with Policy,
// DeadLetterQueue and DeadLetterQueuePolicy behind.
type Queue struct {
	stack          *Stack
	url, arn, name Text
	// visibility is what was given for it, and made whether the stack makes it.
	visibility time.Duration
	made       bool
	fifo       bool
	deadLetter *Queue
}

// URL is what clients send to and receive from.
func (q *Queue) URL() Text { return q.url }

// ARN is what policies name.
func (q *Queue) ARN() Text { return q.arn }

// Name is the queue's name, and the dimension of its metrics.
func (q *Queue) Name() Text { return q.name }

// DeadLetterQueue is where the messages go that were received too often, or nil.
func (q *Queue) DeadLetterQueue() *Queue { return q.deadLetter }

var queueARN = pattern(`^arn:[a-z-]+:sqs:([a-z0-9-]+):(\d{12}):([A-Za-z0-9_-]{1,80}(?:\.fifo)?)$`)

// QueueFromARN is a queue that is there already.
func (s *Stack) QueueFromARN(id, arn string) *Queue {
	m := queueARN().FindStringSubmatch(arn)
	if m == nil {
		s.at(logicalID(id), "ARN").problem("write arn:aws:sqs:us-east-1:123456789012:name", "%q is not a queue's ARN", arn)
		return &Queue{stack: s}
	}
	return &Queue{
		stack: s, url: Text("https://sqs."+m[1]+".") + URLSuffix + Text("/"+m[2]+"/"+m[3]), arn: Text(arn), name: Text(m[3]),
		fifo: strings.HasSuffix(m[3], ".fifo"),
	}
}

// Queue adds a queue, and one for the messages that were received too often.
func (s *Stack) Queue(id string, p QueueProps) *Queue {
	s.checkQueue(logicalID(id), p)
	return s.queue(logicalID(id), logicalID(id)+"DeadLetterQueue", p)
}

// queue adds a queue and, unless it is given one or CDK would have none, a
// dead-letter queue.
func (s *Stack) queue(id, deadID logicalID, p QueueProps) *Queue {
	q := &Queue{stack: s, url: id.ref(), arn: id.att("Arn"), name: id.att("QueueName"), visibility: p.VisibilityTimeout, made: true, fifo: p.fifo()}
	own := false
	redrive := p.DeadLetterQueue
	if redrive == nil && !s.CDKDefaults {
		redrive = &DeadLetterQueue{}
	}
	if redrive != nil {
		q.deadLetter = s.ourQueue(s.at(id, "DeadLetterQueue.Queue"), redrive.Queue)
		if own = q.deadLetter == nil; own {
			q.deadLetter = s.deadLetterQueue(deadID, p)
		}
		s.at(id, "DeadLetterQueue.Queue").alike(q)
	}
	properties := s.queueProperties(p, redrive, q)
	s.disposable(id, "AWS::SQS::Queue", properties)
	if p.EnforceSSL == nil && s.CDKDefaults || p.EnforceSSL != nil && !*p.EnforceSSL {
		return q
	}
	s.queuePolicy(id)
	if own {
		s.queuePolicy(deadID)
	}
	return q
}

// deadLetterQueue adds a queue that keeps what it gets as long as SQS does.
func (s *Stack) deadLetterQueue(id logicalID, p QueueProps) *Queue {
	properties := props{"MessageRetentionPeriod": seconds(retention)}
	if p.fifo() {
		properties["FifoQueue"] = true
	}
	s.encrypt(properties, p)
	s.disposable(id, "AWS::SQS::Queue", properties)
	return &Queue{stack: s, url: id.ref(), arn: id.att("Arn"), name: id.att("QueueName"), made: true, fifo: p.fifo()}
}

// alike checks that a queue and its dead-letter queue are of one kind.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
func (f field) alike(q *Queue) {
	switch {
	case q.deadLetter.arn == "" || q.fifo == q.deadLetter.fifo:
	case q.fifo:
		f.problem("FIFO: true there", "a FIFO queue's dead-letter queue is a FIFO queue too")
	default:
		f.problem("leave FIFO out there, or out of both", "a standard queue's dead-letter queue is a standard queue too")
	}
}

func (p QueueProps) fifo() bool { return p.FIFO || strings.HasSuffix(string(p.QueueName), ".fifo") }

func (s *Stack) queueProperties(p QueueProps, redrive *DeadLetterQueue, q *Queue) props {
	properties := props{}
	if !s.CDKDefaults {
		properties["MessageRetentionPeriod"] = seconds(retention)
		properties["VisibilityTimeout"] = seconds(visibility)
	}
	set(properties, "QueueName", p.QueueName)
	for name, d := range map[string]time.Duration{
		"DelaySeconds": p.DeliveryDelay, "MessageRetentionPeriod": p.RetentionPeriod,
		"ReceiveMessageWaitTimeSeconds": p.ReceiveMessageWaitTime, "VisibilityTimeout": p.VisibilityTimeout,
	} {
		if d != 0 {
			properties[name] = seconds(d)
		}
	}
	set(properties, "MaximumMessageSize", p.MaxMessageSizeBytes)
	set(properties, "FifoQueue", p.fifo())
	set(properties, "ContentBasedDeduplication", p.ContentBasedDeduplication)
	set(properties, "DeduplicationScope", p.DeduplicationScope)
	set(properties, "FifoThroughputLimit", p.FIFOThroughputLimit)
	if redrive != nil {
		count := redrive.MaxReceiveCount
		if count == 0 {
			count = 3
		}
		properties["RedrivePolicy"] = props{"deadLetterTargetArn": q.deadLetter.arn, "maxReceiveCount": count}
	}
	s.encrypt(properties, p)
	return properties
}

func (s *Stack) encrypt(properties props, p QueueProps) {
	switch {
	case p.EncryptionMasterKey != "":
		properties["KmsMasterKeyId"] = p.EncryptionMasterKey
		if p.DataKeyReuse != 0 {
			properties["KmsDataKeyReusePeriodSeconds"] = seconds(p.DataKeyReuse)
		}
	case !s.CDKDefaults:
		properties["SqsManagedSseEnabled"] = true
	}
}

func (s *Stack) queuePolicy(id logicalID) {
	s.add(id+"Policy", "AWS::SQS::QueuePolicy", props{
		"PolicyDocument": policy(tlsOnly("sqs:*", id.att("Arn"))),
		"Queues":         list{id.ref()},
	})
}

// checkQueue holds a queue's props to SQS's quotas.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-quotas.html
func (s *Stack) checkQueue(id logicalID, p QueueProps) {
	naming := queueNaming()
	if p.fifo() {
		naming = fifoNaming()
	}
	s.at(id, "QueueName").named(p.QueueName, naming)
	s.at(id, "RetentionPeriod").lasts(p.RetentionPeriod, time.Minute, retention)
	s.at(id, "DeliveryDelay").lasts(p.DeliveryDelay, time.Second, 15*time.Minute)
	s.at(id, "ReceiveMessageWaitTime").lasts(p.ReceiveMessageWaitTime, time.Second, 20*time.Second)
	s.at(id, "VisibilityTimeout").lasts(p.VisibilityTimeout, time.Second, maxVisibility)
	s.at(id, "DataKeyReuse").lasts(p.DataKeyReuse, time.Minute, 24*time.Hour)
	s.at(id, "DeduplicationScope").oneOf(p.DeduplicationScope, "messageGroup", "queue")
	s.at(id, "FIFOThroughputLimit").oneOf(p.FIFOThroughputLimit, "perQueue", "perMessageGroupId")
	if p.MaxMessageSizeBytes != 0 {
		s.at(id, "MaxMessageSizeBytes").between(p.MaxMessageSizeBytes, 1024, 1<<20)
	}
	if d := p.DeadLetterQueue; d != nil && d.MaxReceiveCount != 0 {
		s.at(id, "DeadLetterQueue.MaxReceiveCount").between(d.MaxReceiveCount, 1, maxReceives)
	}
	if !p.fifo() && (p.ContentBasedDeduplication || p.DeduplicationScope != "" || p.FIFOThroughputLimit != "") {
		s.at(id, "FIFO").problem("FIFO: true", "only a FIFO queue deduplicates")
	}
}

// seconds rounds a duration up.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// queues adds the queue of configurations and the one for what no worker can
// read.
func (s *Stack) queues() {
	s.queue(queue, deadLetterQueue, QueueProps{DeadLetterQueue: &DeadLetterQueue{MaxReceiveCount: maxReceives}})
}

// heartbeat adds the schedule that keeps a queue's metrics coming. SQS stops
// publishing them 6 h after the queue was last touched, and then takes up to
// 15 minutes to begin again; touching it means setting an attribute to what it
// is, since a schedule cannot call what only reads.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/monitoring-using-cloudwatch.html
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
func (s *Stack) heartbeat(prefix logicalID, q *Queue) {
	hidden := q.visibility
	if hidden == 0 {
		hidden = visibility
	}
	role := s.role(prefix+"HeartbeatRole", "scheduler.amazonaws.com", props{
		"StringEquals": props{"aws:SourceAccount": AccountID},
	}, allow(q.arn, "sqs:SetQueueAttributes"))
	s.add(prefix+"HeartbeatSchedule", "AWS::Scheduler::Schedule", props{
		"Description":        "Keeps the metrics of the queue coming while it is empty",
		"FlexibleTimeWindow": props{"Mode": "OFF"},
		"ScheduleExpression": "rate(5 hours)",
		"Target": props{
			"Arn":     template.Sub("arn:${AWS::Partition}:scheduler:::aws-sdk:sqs:setQueueAttributes"),
			"Input":   Text(fmt.Sprintf(`{"QueueUrl":"%s","Attributes":{"VisibilityTimeout":"%d"}}`, q.url, seconds(hidden))),
			"RoleArn": role.arn(),
		},
	})
}
