package cloudformation

import (
	"context"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sqs-queue.html
var queue = kind{
	attributes: []string{"Arn", "QueueName", "QueueUrl"},
	name:       "QueueName",
	replace:    []string{"QueueName", "FifoQueue"},
	exists: func(ctx context.Context, c *clients, name string) (bool, error) {
		_, err := c.sqs.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name})
		return found(err)
	},
	create: func(ctx context.Context, c *clients, r request) (made, error) {
		r.Name = queueName(r)
		attributes, err := queueAttributes(r.Properties)
		if err != nil {
			return made{}, err
		}
		tags, err := r.tags()
		if err != nil {
			return made{}, err
		}
		out, err := c.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &r.Name, Attributes: attributes, Tags: tags})
		if err != nil {
			return made{}, err
		}
		return made{ID: *out.QueueUrl, Attributes: properties{
			"Arn":       r.Account.ARN("sqs", r.Name),
			"QueueName": r.Name,
			"QueueUrl":  *out.QueueUrl,
		}}, nil
	},
	update: func(ctx context.Context, c *clients, r request) (made, error) {
		attributes, err := queueAttributes(r.Properties)
		if err != nil {
			return made{}, err
		}
		for name := range r.Before {
			if _, kept := r.Properties[name]; !kept && slices.Contains(queueProperties, name) {
				attributes[name] = queueDefaults[name]
			}
		}
		delete(attributes, "FifoQueue")
		if len(attributes) > 0 {
			_, err = c.sqs.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: &r.ID, Attributes: attributes})
		}
		return made{ID: r.ID}, err
	},
	tag: func(ctx context.Context, c *clients, r request, set map[string]string, drop []string) error {
		if len(set) > 0 {
			if _, err := c.sqs.TagQueue(ctx, &sqs.TagQueueInput{QueueUrl: &r.ID, Tags: set}); err != nil {
				return err
			}
		}
		if len(drop) == 0 {
			return nil
		}
		_, err := c.sqs.UntagQueue(ctx, &sqs.UntagQueueInput{QueueUrl: &r.ID, TagKeys: drop})
		return err
	},
	remove: func(ctx context.Context, c *clients, r request) error {
		url := r.ID
		if url == "" { // requests find a queue by the last element of its URL
			url = "https://sqs." + r.Account.Region + ".amazonaws.com/" + r.Account.ID + "/" + queueName(r)
		}
		_, err := c.sqs.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: &url})
		return unlessAbsent(err)
	},
}

// queueName is the name of a queue; one that is made up for a FIFO queue ends
// as such names must.
func queueName(r request) string {
	if r.text("FifoQueue") == "true" && r.text("QueueName") == "" {
		return r.Name + ".fifo"
	}
	return r.Name
}

// queueProperties are the properties that are attributes of the same name.
var queueProperties = []string{
	"ContentBasedDeduplication", "DeduplicationScope", "DelaySeconds", "FifoQueue", "FifoThroughputLimit",
	"KmsDataKeyReusePeriodSeconds", "KmsMasterKeyId", "MaximumMessageSize", "MessageRetentionPeriod",
	"ReceiveMessageWaitTimeSeconds", "RedriveAllowPolicy", "RedrivePolicy", "SqsManagedSseEnabled", "VisibilityTimeout",
}

// queueDefaults are what attributes go back to when a template drops them;
// those not here are taken away by an empty value.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
var queueDefaults = map[string]string{
	"ContentBasedDeduplication":     "false",
	"DeduplicationScope":            "queue",
	"DelaySeconds":                  "0",
	"FifoThroughputLimit":           "perQueue",
	"KmsDataKeyReusePeriodSeconds":  "300",
	"MaximumMessageSize":            "1048576",
	"MessageRetentionPeriod":        "345600",
	"ReceiveMessageWaitTimeSeconds": "0",
	"SqsManagedSseEnabled":          "true",
	"VisibilityTimeout":             "30",
}

func queueAttributes(p properties) (map[string]string, error) {
	if err := only(p, append([]string{"QueueName", "Tags"}, queueProperties...)...); err != nil {
		return nil, err
	}
	attributes := map[string]string{}
	for name, value := range without(p, "QueueName", "Tags") {
		text, err := documentOf(value)
		if err != nil {
			return nil, err
		}
		attributes[name] = text
	}
	return attributes, nil
}

// A queue policy is the Policy attribute of its queues.
var queuePolicy = kind{
	attributes: []string{"Id"},
	create: func(ctx context.Context, c *clients, r request) (made, error) {
		return made{ID: r.Name, Attributes: properties{"Id": r.Name}}, putQueuePolicy(ctx, c, r)
	},
	update: func(ctx context.Context, c *clients, r request) (made, error) {
		if err := putQueuePolicy(ctx, c, r); err != nil {
			return made{}, err
		}
		return made{ID: r.ID}, setQueuePolicy(ctx, c, dropped(r), "")
	},
	remove: func(ctx context.Context, c *clients, r request) error {
		return setQueuePolicy(ctx, c, texts(r.Properties["Queues"]), "")
	},
}

func putQueuePolicy(ctx context.Context, c *clients, r request) error {
	if err := only(r.Properties, "PolicyDocument", "Queues"); err != nil {
		return err
	}
	policy, err := documentOf(r.Properties["PolicyDocument"])
	if err != nil {
		return err
	}
	return setQueuePolicy(ctx, c, texts(r.Properties["Queues"]), policy)
}

// dropped returns the queues that an update takes from a policy.
func dropped(r request) []string {
	now := texts(r.Properties["Queues"])
	return slices.DeleteFunc(texts(r.Before["Queues"]), func(url string) bool { return slices.Contains(now, url) })
}

func setQueuePolicy(ctx context.Context, c *clients, urls []string, policy string) error {
	for _, url := range urls {
		_, err := c.sqs.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{
			QueueUrl:   aws.String(url),
			Attributes: map[string]string{"Policy": policy},
		})
		if policy == "" {
			err = unlessAbsent(err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// texts returns a list's scalars.
func texts(value any) []string {
	items, _ := value.([]any)
	var all []string
	for _, item := range items {
		if text, ok := textOf(item); ok {
			all = append(all, text)
		}
	}
	return all
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
