package cloudformation

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// describeEvents lists events by the operation that they belong to. Making a
// change set has none of its own.
func (s *Service) describeEvents(_ context.Context, in *cloudformation.DescribeEventsInput) (*cloudformation.DescribeEventsOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	chosen := []types.OperationEvent{}
	records, err := s.eventSourcesLocked(in)
	if err != nil {
		return nil, err
	}
	failedOnly := in.Filters != nil && aws.ToBool(in.Filters.FailedEvents)
	for _, r := range records {
		for _, e := range slices.Backward(r.events) {
			o := e.describe(r.stack)
			if (in.OperationId == nil || *in.OperationId == e.Operation) && (!failedOnly || o.EventType == types.EventTypeProvisioningError) {
				chosen = append(chosen, o)
			}
		}
	}
	chosen, next, err := page(chosen, in.NextToken)
	return &cloudformation.DescribeEventsOutput{OperationEvents: chosen, NextToken: next}, err
}

// eventSourcesLocked finds the stacks among whose events those asked for are.
func (s *Service) eventSourcesLocked(in *cloudformation.DescribeEventsInput) ([]*record, error) {
	switch {
	case in.ChangeSetName != nil:
		_, _, err := s.changeSetLocked(in.ChangeSetName, in.StackName)
		return nil, err
	case in.StackName != nil:
		r, ok := s.findLocked(*in.StackName)
		if !ok {
			return nil, invalid("Stack [%s] does not exist", *in.StackName)
		}
		return []*record{r}, nil
	case in.OperationId != nil:
		return s.recordsLocked(), nil
	}
	return nil, invalid("One of ChangeSetName, OperationId or StackName must be specified")
}

// describe is an event as DescribeEvents shows it: the stack's own begin and
// end an operation, and resources make progress or fail.
func (e event) describe(of *stack) types.OperationEvent {
	o := types.OperationEvent{
		EventId: &e.ID, StackId: &of.ID, OperationId: &e.Operation, Timestamp: &e.Time, ClientRequestToken: optional(e.Token),
		LogicalResourceId: &e.Logical, PhysicalResourceId: &e.Physical, ResourceType: &e.Type,
		ResourceStatus: e.Status, ResourceStatusReason: optional(e.Reason), ResourceProperties: optional(string(e.Properties)),
		EventType: types.EventTypeProgressEvent,
	}
	switch {
	case e.Type == stackType:
		o.EventType = types.EventTypeStackEvent
	case strings.HasSuffix(string(e.Status), "_FAILED"):
		o.EventType = types.EventTypeProvisioningError
	}
	return o
}
