package cloudformation

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/spate-run/spate/internal/sorting"
	"github.com/spate-run/spate/internal/wire"
)

// pageSize is how many entries one reply has.
const pageSize = 100

// page returns the part of a list that a token stands for, and the next token.
func page[T any](all []T, token *string) ([]T, *string, error) {
	start := 0
	if token != nil {
		var err error
		if start, err = strconv.Atoi(*token); err != nil || start < 0 || start > len(all) {
			return nil, nil, invalid("Invalid NextToken")
		}
	}
	end := min(start+pageSize, len(all))
	if end == len(all) {
		return all[start:], nil, nil
	}
	return all[start:end], aws.String(strconv.Itoa(end)), nil
}

func invalid(format string, args ...any) *wire.Fault {
	return wire.Faultf("ValidationError", format, args...)
}

// optional is a text, or nothing where it is empty.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// recordsLocked lists the stacks, the newest first.
func (s *Service) recordsLocked() []*record {
	var all []*record
	for _, r := range s.records {
		all = append(all, r)
	}
	sorting.By(all, func(a, b *record) int { return b.stack.Created.Compare(a.stack.Created) })
	return all
}

// patience is how long a question after a stack waits for an operation to end.
// Clients look again only seconds later, the aws CLI after half a minute; most
// operations here have ended by then a hundred times.
const patience = time.Second

// awaitLocked waits, without the mutex, for a stack's operation to end.
func (s *Service) awaitLocked(ctx context.Context, nameOrID string) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for ctx.Err() == nil {
		r, ok := s.findLocked(nameOrID)
		if !ok || !r.stack.busy() {
			return
		}
		moved := r.moved
		s.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
		}
		s.mu.Lock()
	}
}

func (s *Service) describeStacks(ctx context.Context, in *cloudformation.DescribeStacksInput) (*cloudformation.DescribeStacksOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if name := aws.ToString(in.StackName); name != "" {
		s.awaitLocked(ctx, name)
		r, ok := s.findLocked(name)
		if !ok {
			return nil, invalid("Stack with id %s does not exist", name)
		}
		return &cloudformation.DescribeStacksOutput{Stacks: []types.Stack{r.stack.describe()}}, nil
	}
	stacks := []types.Stack{}
	for _, r := range s.recordsLocked() {
		if r.stack.live() {
			stacks = append(stacks, r.stack.describe())
		}
	}
	stacks, next, err := page(stacks, in.NextToken)
	return &cloudformation.DescribeStacksOutput{Stacks: stacks, NextToken: next}, err
}

// describe is a stack as the API shows it.
func (s *stack) describe() types.Stack {
	d := s.Definition
	out := types.Stack{
		StackId:                     &s.ID,
		StackName:                   &s.Name,
		StackStatus:                 s.Status,
		StackStatusReason:           optional(s.Reason),
		CreationTime:                &s.Created,
		LastUpdatedTime:             s.Updated,
		DeletionTime:                s.Deleted,
		Description:                 optional(d.Description),
		Capabilities:                d.Capabilities,
		NotificationARNs:            d.NotificationARNs,
		RoleARN:                     optional(d.RoleARN),
		Tags:                        d.Tags,
		RollbackConfiguration:       d.Triggers,
		DisableRollback:             aws.Bool(s.OnFailure == types.OnFailureDoNothing),
		EnableTerminationProtection: &s.Protected,
		ChangeSetId:                 optional(s.ChangeSet),
		DriftInformation:            &types.StackDriftInformation{StackDriftStatus: types.StackDriftStatusNotChecked},
	}
	if s.Timeout > 0 {
		out.TimeoutInMinutes = aws.Int32(int32(s.Timeout / time.Minute))
	}
	if out.RollbackConfiguration == nil {
		out.RollbackConfiguration = &types.RollbackConfiguration{}
	}
	for _, p := range d.Parameters {
		out.Parameters = append(out.Parameters, p.describe())
	}
	for _, o := range s.Outputs {
		out.Outputs = append(out.Outputs, types.Output{
			OutputKey: &o.Name, OutputValue: &o.Value, Description: optional(o.Description), ExportName: optional(o.Export),
		})
	}
	return out
}

// describe hides the value of a parameter that is not to be echoed.
func (p parameter) describe() types.Parameter {
	if p.NoEcho {
		p.Value = "****"
	}
	return types.Parameter{ParameterKey: &p.Key, ParameterValue: &p.Value, ResolvedValue: optional(p.Resolved)}
}

func (s *Service) listStacks(_ context.Context, in *cloudformation.ListStacksInput) (*cloudformation.ListStacksOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	summaries := []types.StackSummary{}
	for _, r := range s.recordsLocked() {
		if len(in.StackStatusFilter) > 0 && !slices.Contains(in.StackStatusFilter, r.stack.Status) {
			continue
		}
		k := r.stack.describe()
		summaries = append(summaries, types.StackSummary{
			StackId: k.StackId, StackName: k.StackName, StackStatus: k.StackStatus, StackStatusReason: k.StackStatusReason,
			CreationTime: k.CreationTime, LastUpdatedTime: k.LastUpdatedTime, DeletionTime: k.DeletionTime,
			TemplateDescription: k.Description,
			DriftInformation:    &types.StackDriftInformationSummary{StackDriftStatus: types.StackDriftStatusNotChecked},
		})
	}
	summaries, next, err := page(summaries, in.NextToken)
	return &cloudformation.ListStacksOutput{StackSummaries: summaries, NextToken: next}, err
}

func (s *Service) describeStackEvents(_ context.Context, in *cloudformation.DescribeStackEventsInput) (*cloudformation.DescribeStackEventsOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.findLocked(aws.ToString(in.StackName))
	if !ok {
		return nil, invalid("Stack [%s] does not exist", aws.ToString(in.StackName))
	}
	events := []types.StackEvent{}
	for _, e := range slices.Backward(r.events) {
		events = append(events, types.StackEvent{
			StackId: &r.stack.ID, StackName: &r.stack.Name, EventId: &e.ID, Timestamp: &e.Time,
			LogicalResourceId: &e.Logical, PhysicalResourceId: &e.Physical, ResourceType: &e.Type,
			ResourceStatus: e.Status, ResourceStatusReason: optional(e.Reason),
			ResourceProperties: optional(string(e.Properties)), ClientRequestToken: optional(e.Token),
		})
	}
	events, next, err := page(events, in.NextToken)
	return &cloudformation.DescribeStackEventsOutput{StackEvents: events, NextToken: next}, err
}

// resourcesLocked lists a stack's resources by logical id: those that are
// there, and of a stack that is not, those that were.
func (r *record) resourcesLocked() []resource {
	var all []resource
	for _, id := range sortedKeys(r.resources) {
		all = append(all, r.resources[id])
	}
	return all
}

func (s *Service) describeStackResources(_ context.Context, in *cloudformation.DescribeStackResourcesInput) (*cloudformation.DescribeStackResourcesOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.ownerLocked(in)
	if err != nil {
		return nil, err
	}
	out := &cloudformation.DescribeStackResourcesOutput{StackResources: []types.StackResource{}}
	for _, i := range r.resourcesLocked() {
		if in.LogicalResourceId != nil && *in.LogicalResourceId != i.Logical {
			continue
		}
		out.StackResources = append(out.StackResources, types.StackResource{
			StackId: &r.stack.ID, StackName: &r.stack.Name, LogicalResourceId: &i.Logical,
			PhysicalResourceId: optional(i.ID), ResourceType: &i.Type, ResourceStatus: i.Status,
			ResourceStatusReason: optional(i.Reason), Timestamp: &i.Changed,
			DriftInformation: &types.StackResourceDriftInformation{StackResourceDriftStatus: types.StackResourceDriftStatusNotChecked},
		})
	}
	return out, nil
}

// ownerLocked finds the stack that DescribeStackResources is about: by its
// name, or by a physical id that it has.
func (s *Service) ownerLocked(in *cloudformation.DescribeStackResourcesInput) (*record, error) {
	if in.StackName != nil {
		r, ok := s.findLocked(*in.StackName)
		if !ok {
			return nil, invalid("Stack with id %s does not exist", *in.StackName)
		}
		return r, nil
	}
	if in.PhysicalResourceId == nil {
		return nil, invalid("StackName or PhysicalResourceId must be specified")
	}
	for _, r := range s.recordsLocked() {
		for _, i := range r.resources {
			if r.stack.live() && !i.gone() && i.ID == *in.PhysicalResourceId {
				return r, nil
			}
		}
	}
	return nil, invalid("Stack for %s does not exist", *in.PhysicalResourceId)
}

func (s *Service) describeStackResource(_ context.Context, in *cloudformation.DescribeStackResourceInput) (*cloudformation.DescribeStackResourceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.findLocked(aws.ToString(in.StackName))
	if !ok {
		return nil, invalid("Stack '%s' does not exist", aws.ToString(in.StackName))
	}
	i, ok := r.resources[aws.ToString(in.LogicalResourceId)]
	if !ok {
		return nil, invalid("Resource %s does not exist for stack %s", aws.ToString(in.LogicalResourceId), r.stack.Name)
	}
	return &cloudformation.DescribeStackResourceOutput{StackResourceDetail: &types.StackResourceDetail{
		StackId: &r.stack.ID, StackName: &r.stack.Name, LogicalResourceId: &i.Logical,
		PhysicalResourceId: optional(i.ID), ResourceType: &i.Type, ResourceStatus: i.Status,
		ResourceStatusReason: optional(i.Reason), LastUpdatedTimestamp: &i.Changed, Metadata: optional(i.Metadata),
		DriftInformation: &types.StackResourceDriftInformation{StackResourceDriftStatus: types.StackResourceDriftStatusNotChecked},
	}}, nil
}

func (s *Service) listStackResources(_ context.Context, in *cloudformation.ListStackResourcesInput) (*cloudformation.ListStackResourcesOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.findLocked(aws.ToString(in.StackName))
	if !ok {
		return nil, invalid("Stack with id %s does not exist", aws.ToString(in.StackName))
	}
	summaries := []types.StackResourceSummary{}
	for _, i := range r.resourcesLocked() {
		summaries = append(summaries, types.StackResourceSummary{
			LogicalResourceId: &i.Logical, PhysicalResourceId: optional(i.ID), ResourceType: &i.Type,
			ResourceStatus: i.Status, ResourceStatusReason: optional(i.Reason), LastUpdatedTimestamp: &i.Changed,
			DriftInformation: &types.StackResourceDriftInformationSummary{StackResourceDriftStatus: types.StackResourceDriftStatusNotChecked},
		})
	}
	summaries, next, err := page(summaries, in.NextToken)
	return &cloudformation.ListStackResourcesOutput{StackResourceSummaries: summaries, NextToken: next}, err
}
