package run

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/record"
	"github.com/spate-run/spate/internal/sorting"
)

// A Stack is a deployed job: what its template's outputs name.
type Stack struct {
	Name    string
	Queue   string // URL
	Dead    string // URL of the queue for what no worker can read
	Bucket  string
	Cluster string
	Service string
	Logs    string // the log group of its tasks

	aws *client.AWS
}

// NewStack reads the outputs of a stack that spate synthesised. It reports
// false for any other stack.
func NewStack(aws *client.AWS, name string, outputs map[string]string) (*Stack, bool) {
	s := &Stack{
		Name:    name,
		Queue:   outputs["QueueUrl"],
		Dead:    outputs["DeadLetterQueueUrl"],
		Bucket:  outputs["BucketName"],
		Cluster: outputs["ClusterName"],
		Service: outputs["ServiceName"],
		Logs:    outputs["LogGroupName"],
		aws:     aws,
	}
	return s, s.Queue != "" && s.Bucket != "" && s.Cluster != "" && s.Service != ""
}

// Stacks lists the stacks that spate synthesised, by name.
func Stacks(ctx context.Context, aws *client.AWS) ([]*Stack, error) {
	var stacks []*Stack
	pages := cloudformation.NewDescribeStacksPaginator(aws.CloudFormation, &cloudformation.DescribeStacksInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing stacks: %w", err)
		}
		for _, found := range page.Stacks {
			outputs := map[string]string{}
			for _, o := range found.Outputs {
				outputs[*o.OutputKey] = *o.OutputValue
			}
			if s, ok := NewStack(aws, *found.StackName, outputs); ok {
				stacks = append(stacks, s)
			}
		}
	}
	sorting.By(stacks, func(a, b *Stack) int { return strings.Compare(a.Name, b.Name) })
	return stacks, nil
}

// FindStack returns the stack of a job, or nil where there is none.
func FindStack(ctx context.Context, aws *client.AWS, name string) (*Stack, error) {
	stacks, err := Stacks(ctx, aws)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(stacks, func(s *Stack) bool { return s.Name == name }); i >= 0 {
		return stacks[i], nil
	}
	return nil, nil
}

// Outstanding counts the messages of the stack's queue, as nearly as SQS knows.
func (s *Stack) Outstanding(ctx context.Context) (int, error) { return s.countOf(ctx, s.Queue) }

// countOf counts the messages of a queue.
func (s *Stack) countOf(ctx context.Context, url string) (int, error) {
	names := []types.QueueAttributeName{
		types.QueueAttributeNameApproximateNumberOfMessages,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
	}
	out, err := s.aws.SQS.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: names})
	if err != nil {
		return 0, fmt.Errorf("counting the messages of %s: %w", s.Name, err)
	}
	sum := 0
	for _, name := range names {
		n, err := strconv.Atoi(out.Attributes[string(name)])
		if err != nil {
			return 0, fmt.Errorf("counting the messages of %s: %w", s.Name, err)
		}
		sum += n
	}
	return sum, nil
}

// Recorded counts the runs that the stack's bucket holds.
func (s *Stack) Recorded(ctx context.Context) (int, error) {
	ids, err := s.Records().Folders(ctx, record.RunsPrefix)
	return len(ids), err
}

// Records is where the stack's runs are recorded.
func (s *Stack) Records() *record.Store {
	return &record.Store{S3: s.aws.S3, Bucket: s.Bucket}
}
