package deploy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"

	"github.com/spate-run/spate/internal/sorting"
	"github.com/spate-run/spate/internal/template"
)

// A Stack is what is to be deployed.
type Stack struct {
	Name     string
	Template *template.Template
	// URL is the object that holds the template, where it is too large for a
	// request. Empty: the request holds it.
	URL string
	// Parameters are the values that are given; others have their defaults.
	Parameters map[string]string
	Tags       map[string]string
	// Progress is told every event of the deployment. May be nil.
	Progress func(types.StackEvent)
}

// paramUpdate is the parameter by which templates that spate writes tell an
// update, in which a service keeps the count it has, from a creation. Deploying
// sets it where a template declares it and nobody else gives a value.
const paramUpdate = "Update"

// An Outputs holds a stack's outputs by their keys.
type Outputs map[string]string

// A FailedError reports a stack operation that came to a bad end.
type FailedError struct {
	Stack  string
	Status types.StackStatus
	// Causes are the resources that failed by themselves, in the order in
	// which they did.
	Causes []Cause
}

// A Cause is one resource that failed, and why.
type Cause struct{ LogicalID, Type, Reason string }

func (e *FailedError) Error() string {
	if len(e.Causes) == 0 {
		return fmt.Sprintf("stack %s is in %s", e.Stack, e.Status)
	}
	c := e.Causes[0]
	return fmt.Sprintf("stack %s is in %s: %s (%s): %s", e.Stack, e.Status, c.LogicalID, c.Type, c.Reason)
}

// Apply creates the stack, or updates it when it is there, and returns its
// outputs once it is complete. A stack whose creation was rolled back holds
// nothing and is made anew. Of several that deploy a stack at once, the others
// wait for the first.
func Apply(ctx context.Context, cfn *cloudformation.Client, s Stack) (Outputs, error) {
	for {
		out, err := apply(ctx, cfn, s)
		if !overtaken(err) {
			return out, err
		}
	}
}

func apply(ctx context.Context, cfn *cloudformation.Client, s Stack) (Outputs, error) {
	found, err := idle(ctx, cfn, s.Name)
	if err != nil {
		return nil, err
	}
	if found != nil && isEmpty(found) {
		if err := Delete(ctx, cfn, s.Name); err != nil {
			return nil, err
		}
		found = nil
	}
	if found == nil {
		return create(ctx, cfn, s)
	}
	return update(ctx, cfn, s, found)
}

// overtaken says whether another deployment of the stack began in between.
func overtaken(err error) bool {
	fault, ok := errors.AsType[smithy.APIError](err)
	return ok && (fault.ErrorCode() == "AlreadyExistsException" ||
		fault.ErrorCode() == "ValidationError" && strings.Contains(fault.ErrorMessage(), "_IN_PROGRESS state and can not be updated"))
}

func create(ctx context.Context, cfn *cloudformation.Client, s Stack) (Outputs, error) {
	body, url, err := s.source()
	if err != nil {
		return nil, err
	}
	out, err := cfn.CreateStack(ctx, &cloudformation.CreateStackInput{
		StackName:    &s.Name,
		TemplateBody: body,
		TemplateURL:  url,
		Parameters:   s.parameters("false"),
		Capabilities: capabilities(),
		Tags:         s.tags(),
	})
	if err != nil {
		return nil, fmt.Errorf("creating stack %s: %w", s.Name, err)
	}
	return wait(ctx, cfn, *out.StackId, s.Progress)
}

func update(ctx context.Context, cfn *cloudformation.Client, s Stack, found *types.Stack) (Outputs, error) {
	same, err := s.is(ctx, cfn, found)
	if err != nil {
		return nil, err
	}
	if same {
		return outputs(found), nil
	}
	body, url, err := s.source()
	if err != nil {
		return nil, err
	}
	out, err := cfn.UpdateStack(ctx, &cloudformation.UpdateStackInput{
		StackName:    &s.Name,
		TemplateBody: body,
		TemplateURL:  url,
		Parameters:   s.parameters("true"),
		Capabilities: capabilities(),
		Tags:         s.tags(),
	})
	if unchanged(err) {
		return outputs(found), nil
	}
	if err != nil {
		return nil, fmt.Errorf("updating stack %s: %w", s.Name, err)
	}
	return wait(ctx, cfn, *out.StackId, s.Progress)
}

// is says whether a stack is what is to be deployed. The parameter Update alone
// is no reason for an update, which would wait for the tasks of runs that are
// under way to be as many as they should. Of other templates CloudFormation
// knows best.
func (s Stack) is(ctx context.Context, cfn *cloudformation.Client, found *types.Stack) (bool, error) {
	complete := found.StackStatus == types.StackStatusCreateComplete || found.StackStatus == types.StackStatusUpdateComplete
	if !complete || s.Template.Parameter(paramUpdate) == nil || !s.sameParameters(found) {
		return false, nil
	}
	out, err := cfn.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: found.StackId})
	if err != nil {
		return false, fmt.Errorf("reading the template of stack %s: %w", s.Name, err)
	}
	text, err := s.Template.MarshalJSON()
	return deref(out.TemplateBody) == string(text), err
}

func (s Stack) sameParameters(found *types.Stack) bool {
	had := map[string]string{}
	for _, p := range found.Parameters {
		had[deref(p.ParameterKey)] = deref(p.ParameterValue)
	}
	return !slices.ContainsFunc(s.Template.Parameters, func(p *template.Parameter) bool {
		want, given := s.Parameters[p.Name]
		if !given && p.Default != nil {
			want = *p.Default
		}
		return had[p.Name] != want && (given || p.Name != paramUpdate)
	})
}

// Delete deletes the stack and returns once it is gone.
func Delete(ctx context.Context, cfn *cloudformation.Client, name string) error {
	found, err := describe(ctx, cfn, name)
	if err != nil || found == nil {
		return err
	}
	if _, err := cfn.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &name}); err != nil {
		return fmt.Errorf("deleting stack %s: %w", name, err)
	}
	_, err = wait(ctx, cfn, *found.StackId, nil)
	return err
}

// A Kept is a resource that outlives its stack.
type Kept struct{ LogicalID, PhysicalID string }

// DeleteOrRetain deletes the stack, and returns what had to be kept of it: a
// bucket that holds objects.
func DeleteOrRetain(ctx context.Context, cfn *cloudformation.Client, name string) ([]Kept, error) {
	found, err := describe(ctx, cfn, name)
	if err != nil || found == nil {
		return nil, err
	}
	err = Delete(ctx, cfn, name)
	failed, ok := errors.AsType[*FailedError](err)
	if !ok || len(failed.Causes) == 0 {
		return nil, err
	}
	var kept []Kept
	var ids []string
	for _, c := range failed.Causes {
		if c.Type != "AWS::S3::Bucket" {
			return nil, failed
		}
		resource, err := cfn.DescribeStackResource(ctx, &cloudformation.DescribeStackResourceInput{StackName: found.StackId, LogicalResourceId: &c.LogicalID})
		if err != nil {
			return nil, fmt.Errorf("describing what stack %s keeps: %w", name, err)
		}
		ids = append(ids, c.LogicalID)
		kept = append(kept, Kept{LogicalID: c.LogicalID, PhysicalID: deref(resource.StackResourceDetail.PhysicalResourceId)})
	}
	if _, err := cfn.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: found.StackId, RetainResources: ids}); err != nil {
		return nil, fmt.Errorf("deleting stack %s: %w", name, err)
	}
	_, err = wait(ctx, cfn, *found.StackId, nil)
	return kept, err
}

// source is the template as requests take it.
func (s Stack) source() (body, url *string, err error) {
	if s.URL != "" {
		return nil, &s.URL, nil
	}
	text, err := s.Template.MarshalJSON()
	return new(string(text)), nil, err
}

// capabilities acknowledges roles, also those with names of their own.
func capabilities() []types.Capability {
	return []types.Capability{types.CapabilityCapabilityIam, types.CapabilityCapabilityNamedIam}
}

func (s Stack) parameters(update string) []types.Parameter {
	var all []types.Parameter
	for _, name := range slices.Sorted(maps.Keys(s.Parameters)) {
		all = append(all, types.Parameter{ParameterKey: &name, ParameterValue: new(s.Parameters[name])})
	}
	if _, given := s.Parameters[paramUpdate]; !given && s.Template.Parameter(paramUpdate) != nil {
		all = append(all, types.Parameter{ParameterKey: new(paramUpdate), ParameterValue: &update})
	}
	return all
}

func (s Stack) tags() []types.Tag {
	var tags []types.Tag
	for key, value := range s.Tags {
		tags = append(tags, types.Tag{Key: &key, Value: &value})
	}
	sorting.By(tags, func(a, b types.Tag) int { return strings.Compare(*a.Key, *b.Key) })
	return tags
}

// Exists says whether there is a stack of that name.
func Exists(ctx context.Context, cfn *cloudformation.Client, name string) (bool, error) {
	found, err := describe(ctx, cfn, name)
	return found != nil, err
}

// describe returns the stack, or nil when there is none of that name.
func describe(ctx context.Context, cfn *cloudformation.Client, name string) (*types.Stack, error) {
	out, err := cfn.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	if fault, ok := errors.AsType[smithy.APIError](err); ok && fault.ErrorCode() == "ValidationError" &&
		strings.HasSuffix(fault.ErrorMessage(), "does not exist") {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("describing stack %s: %w", name, err)
	}
	return &out.Stacks[0], nil
}

// unchanged reports CloudFormation's answer to an update that changes nothing.
func unchanged(err error) bool {
	fault, ok := errors.AsType[smithy.APIError](err)
	return ok && fault.ErrorCode() == "ValidationError" &&
		strings.HasPrefix(fault.ErrorMessage(), "No updates are to be performed")
}

// The pauses between looks at a stack: the embedded engine is done in
// milliseconds, AWS in minutes.
const (
	firstPause = 2 * time.Millisecond
	lastPause  = 2 * time.Second
)

// isEmpty says whether a stack holds nothing: its creation was rolled back, or
// was looked at and never begun.
func isEmpty(s *types.Stack) bool {
	return s.StackStatus == types.StackStatusRollbackComplete || s.StackStatus == types.StackStatusReviewInProgress
}

// busy says whether an operation on a stack is under way. One whose first change
// set waits to be executed has the name of such, and may wait for ever.
func busy(status types.StackStatus) bool {
	return strings.HasSuffix(string(status), "_IN_PROGRESS") && status != types.StackStatusReviewInProgress
}

// idle returns the stack once nothing is done to it that others began, or nil
// when there is none of that name.
func idle(ctx context.Context, cfn *cloudformation.Client, name string) (*types.Stack, error) {
	return settledFrom(ctx, cfn, name, busy, nil)
}

// settled returns the stack once no operation on it is under way, or nil when
// there is none of that name. Between its looks at the stack it calls look,
// which may be nil.
func settled(ctx context.Context, cfn *cloudformation.Client, name string, look func() error) (*types.Stack, error) {
	// Right after its change set was executed a stack may not have begun.
	underWay := func(status types.StackStatus) bool { return strings.HasSuffix(string(status), "_IN_PROGRESS") }
	return settledFrom(ctx, cfn, name, underWay, look)
}

func settledFrom(ctx context.Context, cfn *cloudformation.Client, name string, underWay func(types.StackStatus) bool, look func() error) (*types.Stack, error) {
	for pause := firstPause; ; pause = min(pause*3/2, lastPause) {
		found, err := describe(ctx, cfn, name)
		if err == nil && look != nil {
			err = look()
		}
		if err != nil || found == nil || !underWay(found.StackStatus) {
			return found, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}

// wait returns when the operation on the stack has ended.
func wait(ctx context.Context, cfn *cloudformation.Client, stack string, progress func(types.StackEvent)) (Outputs, error) {
	told := ""
	found, err := settled(ctx, cfn, stack, func() error {
		if progress == nil {
			return nil
		}
		events, err := latest(ctx, cfn, stack, told)
		for _, e := range events {
			told = *e.EventId
			progress(e)
		}
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case found == nil:
		return nil, fmt.Errorf("stack %s is gone", stack)
	}
	switch found.StackStatus {
	case types.StackStatusCreateComplete, types.StackStatusUpdateComplete, types.StackStatusDeleteComplete:
		return outputs(found), nil
	}
	return nil, failure(ctx, cfn, found)
}

func outputs(s *types.Stack) Outputs {
	out := Outputs{}
	for _, o := range s.Outputs {
		out[*o.OutputKey] = *o.OutputValue
	}
	return out
}

// latest returns the events of the latest operation on a stack that came after
// a given one, the oldest first.
func latest(ctx context.Context, cfn *cloudformation.Client, stack, after string) ([]types.StackEvent, error) {
	var events []types.StackEvent
	pages := cloudformation.NewDescribeStackEventsPaginator(cfn, &cloudformation.DescribeStackEventsInput{StackName: &stack})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("reading the events of stack %s: %w", stack, err)
		}
		for _, e := range page.StackEvents { // the newest comes first
			if *e.EventId == after {
				slices.Reverse(events)
				return events, nil
			}
			events = append(events, e)
			if deref(e.PhysicalResourceId) == deref(e.StackId) && deref(e.ResourceStatusReason) == "User Initiated" {
				slices.Reverse(events)
				return events, nil
			}
		}
	}
	slices.Reverse(events)
	return events, nil
}

// cancelled is the reason of resources that failed only because another did.
const cancelled = "Resource creation cancelled"

// failure finds out which resources failed by themselves in the latest
// operation on the stack.
func failure(ctx context.Context, cfn *cloudformation.Client, s *types.Stack) error {
	failed := &FailedError{Stack: *s.StackName, Status: s.StackStatus}
	events, err := latest(ctx, cfn, *s.StackId, "")
	for _, e := range events {
		reason := deref(e.ResourceStatusReason)
		ofStack := deref(e.PhysicalResourceId) == *s.StackId
		if !ofStack && strings.HasSuffix(string(e.ResourceStatus), "_FAILED") && reason != cancelled {
			failed.Causes = append(failed.Causes, Cause{deref(e.LogicalResourceId), deref(e.ResourceType), plain(reason)})
		}
	}
	if err != nil {
		return errors.Join(failed, err)
	}
	return failed
}

// handled is how CloudFormation wraps what a resource's service had to say.
// https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-test-contract-errors.html
var handled = regexp.MustCompile(`(?s)^Resource handler returned message: "(.*?)(?: \(Service: [^()]*\))?" \(RequestToken: [^()]*\)$`)

// plain takes off a reason what is of no use to a person.
func plain(reason string) string {
	parts := handled.FindStringSubmatch(reason)
	if parts == nil {
		return reason
	}
	if message, err := strconv.Unquote(`"` + parts[1] + `"`); err == nil {
		return message
	}
	return parts[1]
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
