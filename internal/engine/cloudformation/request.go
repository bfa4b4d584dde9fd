package cloudformation

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/spate-run/spate/internal/template"
	"github.com/spate-run/spate/internal/wire"
)

// stackName is what stacks may be called.
var stackName = regexp.MustCompile(`^[a-zA-Z][-a-zA-Z0-9]{0,127}$`)

func (s *Service) createStack(ctx context.Context, in *cloudformation.CreateStackInput) (*cloudformation.CreateStackOutput, error) {
	name := aws.ToString(in.StackName)
	if !stackName.MatchString(name) {
		return nil, invalid("1 validation error detected: Value '%s' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*", name)
	}
	if in.StackPolicyBody != nil || in.StackPolicyURL != nil {
		return nil, errStackPolicy
	}
	text, err := s.source(ctx, in.TemplateBody, in.TemplateURL)
	if err != nil {
		return nil, err
	}
	k := s.newStack(in, text)
	if k.OnFailure, err = onFailure(in); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, ok := s.findLocked(name); ok {
		if k.Token != "" && r.stack.Token == k.Token {
			return &cloudformation.CreateStackOutput{StackId: &r.stack.ID}, nil
		}
		return nil, wire.Faultf("AlreadyExistsException", "Stack [%s] already exists", name)
	}
	if _, err := s.complete(&k.Definition, k, in.Parameters); err != nil {
		return nil, err
	}
	r := &record{stack: &k, resources: map[string]resource{}}
	if err := s.save(r, &k, nil, []event{stackEvent(k)}); err != nil {
		return nil, err
	}
	s.records[k.ID] = r
	s.startLocked(r)
	return &cloudformation.CreateStackOutput{StackId: &k.ID}, nil
}

// newStack is the stack that a request asks for.
func (s *Service) newStack(in *cloudformation.CreateStackInput, text string) stack {
	return stack{
		ID:     s.config.Account.ARN("cloudformation", "stack/"+*in.StackName+"/"+uuid()),
		Name:   *in.StackName,
		Status: types.StackStatusCreateInProgress, Reason: userInitiated,
		Created: time.Now(),
		Definition: definition{
			Template: text, Tags: in.Tags, Capabilities: in.Capabilities, NotificationARNs: in.NotificationARNs,
			RoleARN: aws.ToString(in.RoleARN), Triggers: in.RollbackConfiguration,
		},
		Timeout:   time.Duration(aws.ToInt32(in.TimeoutInMinutes)) * time.Minute,
		Protected: aws.ToBool(in.EnableTerminationProtection),
		Token:     aws.ToString(in.ClientRequestToken),
	}
}

// userInitiated is the reason of what a request began.
const userInitiated = "User Initiated"

var errStackPolicy = invalid("Stack policies are not supported by the embedded engine")

// onFailure reads the two ways to say what becomes of a stack whose creation
// fails.
func onFailure(in *cloudformation.CreateStackInput) (types.OnFailure, error) {
	if in.DisableRollback != nil && in.OnFailure != "" {
		return "", invalid("You can specify either DisableRollback or OnFailure, but not both")
	}
	if aws.ToBool(in.DisableRollback) {
		return types.OnFailureDoNothing, nil
	}
	if in.OnFailure == "" {
		return types.OnFailureRollback, nil
	}
	return in.OnFailure, nil
}

// complete checks a definition as far as that can be done before anything is
// made, and works out its parameters.
func (s *Service) complete(d *definition, k stack, given []types.Parameter) (*template.Scope, error) {
	t, err := parse(d.Template)
	if err != nil {
		return nil, err
	}
	d.Description = t.Description
	if err := checkCapabilities(t, d.Capabilities); err != nil {
		return nil, err
	}
	if d.Parameters, err = parametersOf(t, k.Definition.Parameters, given); err != nil {
		return nil, asFault(err)
	}
	scope, err := newScope(s.config.Account, k, *d, t)
	if err != nil {
		return nil, asFault(err)
	}
	scope.Ref = func(string) (any, error) { return nil, errUnknown }
	scope.GetAtt = func(string, string) (any, error) { return nil, errUnknown }
	scope.Export = func(string) (string, bool) { return "", true }
	made, err := active(scope)
	if err != nil {
		return nil, asFault(err)
	}
	for id := range made {
		if _, err := scope.Properties(id); err != nil && !errors.Is(err, errUnknown) {
			return nil, asFault(err)
		}
	}
	return scope, nil
}

// parametersOf lists the values of a template's parameters in its order: what
// is given, what the stack had where that is wanted, else defaults.
func parametersOf(t *template.Template, previous []parameter, given []types.Parameter) ([]parameter, error) {
	values := map[string]string{}
	for _, p := range given {
		key := aws.ToString(p.ParameterKey)
		if !aws.ToBool(p.UsePreviousValue) {
			values[key] = aws.ToString(p.ParameterValue)
			continue
		}
		i := slices.IndexFunc(previous, func(old parameter) bool { return old.Key == key })
		if i < 0 {
			return nil, reasonf("Invalid input for parameter key %s. Cannot specify usePreviousValue as true for a parameter key not in the previous template", key)
		}
		values[key] = previous[i].Value
	}
	if _, err := t.ParameterValues(values, nil); err != nil {
		return nil, err
	}
	var all []parameter
	for _, p := range t.Parameters {
		value, ok := values[p.Name]
		if !ok {
			value = *p.Default
		}
		all = append(all, parameter{Key: p.Name, Value: value, NoEcho: p.NoEcho})
	}
	return all, nil
}

// updatable are the statuses in which a stack takes an update.
var updatable = []types.StackStatus{
	types.StackStatusCreateComplete, types.StackStatusUpdateComplete,
	types.StackStatusUpdateRollbackComplete, types.StackStatusUpdateFailed,
}

func (s *Service) updateStack(ctx context.Context, in *cloudformation.UpdateStackInput) (*cloudformation.UpdateStackOutput, error) {
	if in.StackPolicyBody != nil || in.StackPolicyURL != nil || in.StackPolicyDuringUpdateBody != nil || in.StackPolicyDuringUpdateURL != nil {
		return nil, errStackPolicy
	}
	var text string
	if !aws.ToBool(in.UsePreviousTemplate) {
		var err error
		if text, err = s.source(ctx, in.TemplateBody, in.TemplateURL); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.findLocked(aws.ToString(in.StackName))
	if !ok || !r.stack.live() {
		return nil, invalid("Stack [%s] does not exist", aws.ToString(in.StackName))
	}
	token := aws.ToString(in.ClientRequestToken)
	if token != "" && token == r.stack.Token {
		return &cloudformation.UpdateStackOutput{StackId: &r.stack.ID}, nil
	}
	if !slices.Contains(updatable, r.stack.Status) {
		return nil, invalid("Stack:%s is in %s state and can not be updated.", r.stack.ID, r.stack.Status)
	}
	k := *r.stack
	k.Next = nextDefinition(k.Definition, text, in)
	scope, err := s.complete(k.Next, k, in.Parameters)
	if err != nil {
		return nil, err
	}
	if err := s.checkUpdateLocked(r, scope, *k.Next); err != nil {
		return nil, err
	}
	k.Status, k.Reason, k.Token = types.StackStatusUpdateInProgress, userInitiated, token
	k.Updated = new(time.Now())
	k.OnFailure = types.OnFailureRollback
	if aws.ToBool(in.DisableRollback) {
		k.OnFailure = types.OnFailureDoNothing
	}
	if err := s.save(r, &k, nil, []event{stackEvent(k)}); err != nil {
		return nil, err
	}
	s.startLocked(r)
	return &cloudformation.UpdateStackOutput{StackId: &k.ID}, nil
}

// nextDefinition is what an update makes of a definition: what the request
// does not give stays.
func nextDefinition(old definition, text string, in *cloudformation.UpdateStackInput) *definition {
	next := old
	next.Capabilities = in.Capabilities
	if text != "" {
		next.Template = text
	}
	if in.Tags != nil {
		next.Tags = in.Tags
	}
	if in.NotificationARNs != nil {
		next.NotificationARNs = in.NotificationARNs
	}
	if in.RoleARN != nil {
		next.RoleARN = *in.RoleARN
	}
	if in.RollbackConfiguration != nil {
		next.Triggers = in.RollbackConfiguration
	}
	return &next
}

// checkUpdateLocked refuses an update that changes a resource's type, and one
// that changes nothing.
func (s *Service) checkUpdateLocked(r *record, scope *template.Scope, next definition) error {
	var retyped []string
	for _, declared := range scope.Template.Resources {
		if old, ok := r.resources[declared.ID]; ok && !old.gone() && old.Type != declared.Type {
			retyped = append(retyped, declared.ID)
		}
	}
	if retyped != nil {
		return invalid("Update of resource type is not permitted. The new template modifies resource type of the following resources: [%s]", strings.Join(retyped, ", "))
	}
	if r.stack.Status != types.StackStatusUpdateFailed && !s.changesLocked(r, scope, next) {
		return invalid("No updates are to be performed.")
	}
	return nil
}

// changesLocked reports whether a definition asks for anything that a stack is
// not already.
func (s *Service) changesLocked(r *record, scope *template.Scope, next definition) bool {
	scope.Ref = func(id string) (any, error) { return known(r, id, func(i resource) (any, bool) { return i.ID, true }) }
	scope.GetAtt = func(id, attribute string) (any, error) {
		return known(r, id, func(i resource) (any, bool) { value, ok := i.Attributes[attribute]; return value, ok })
	}
	scope.Export = s.exportedLocked
	made, err := active(scope)
	if err != nil || len(made) != len(r.resources) || !slices.EqualFunc(next.Tags, r.stack.Definition.Tags, sameTag) {
		return true
	}
	for id := range made {
		old, ok := r.resources[id]
		p, err := scope.Properties(id)
		declared := scope.Template.Resource(id)
		if !ok || err != nil || len(template.Diff(old.Properties, p)) > 0 ||
			old.Metadata != textOfNode(declared.Metadata) || old.DeletionPolicy != declared.DeletionPolicy ||
			old.UpdateReplacePolicy != declared.UpdateReplacePolicy {
			return true
		}
	}
	outputs, err := scope.Outputs()
	return err != nil || !slices.Equal(outputs, r.stack.Outputs)
}

// known reads something of a resource that a stack has.
func known(r *record, id string, read func(resource) (any, bool)) (any, error) {
	i, ok := r.resources[id]
	if !ok {
		return nil, errUnknown
	}
	value, ok := read(i)
	if !ok {
		return nil, errUnknown
	}
	return value, nil
}

func sameTag(a, b types.Tag) bool {
	return aws.ToString(a.Key) == aws.ToString(b.Key) && aws.ToString(a.Value) == aws.ToString(b.Value)
}

// deletable are the statuses, beside those that rest, in which a stack can be
// deleted: its creation is then broken off.
func deletable(status types.StackStatus) bool {
	return !strings.HasSuffix(string(status), "_IN_PROGRESS") ||
		status == types.StackStatusCreateInProgress || status == types.StackStatusRollbackInProgress
}

func (s *Service) deleteStack(_ context.Context, in *cloudformation.DeleteStackInput) (*cloudformation.DeleteStackOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := &cloudformation.DeleteStackOutput{}
	r, ok := s.findLocked(aws.ToString(in.StackName))
	if !ok || !r.stack.live() || r.stack.Status == types.StackStatusDeleteInProgress {
		return out, nil
	}
	k := *r.stack
	if k.Protected {
		return nil, invalid("Stack [%s] cannot be deleted while TerminationProtection is enabled", k.Name)
	}
	if !deletable(k.Status) {
		return nil, invalid("Stack [%s] cannot be deleted while in status %s", k.Name, k.Status)
	}
	if len(in.RetainResources) > 0 && k.Status != types.StackStatusDeleteFailed {
		return nil, invalid("Invalid operation on stack [%s]. When you delete a stack, specify which resources to retain only when the stack is in the DELETE_FAILED state.", k.ID)
	}
	k.Token = aws.ToString(in.ClientRequestToken)
	for _, o := range k.Outputs {
		if users := s.importersLocked(o.Export); o.Export != "" && users != nil {
			k.Reason = inUse(o.Export, "deleted", users).Error() // as in AWS the status stays
			return out, s.save(r, &k, nil, []event{stackEvent(k)})
		}
	}
	k.Status, k.Reason, k.Retain = types.StackStatusDeleteInProgress, userInitiated, in.RetainResources
	if err := s.save(r, &k, nil, []event{stackEvent(k)}); err != nil {
		return nil, err
	}
	s.startLocked(r)
	return out, nil
}

func (s *Service) updateTerminationProtection(_ context.Context, in *cloudformation.UpdateTerminationProtectionInput) (*cloudformation.UpdateTerminationProtectionOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.findLocked(aws.ToString(in.StackName))
	if !ok || !r.stack.live() {
		return nil, invalid("Stack [%s] does not exist", aws.ToString(in.StackName))
	}
	k := *r.stack
	k.Protected = aws.ToBool(in.EnableTerminationProtection)
	return &cloudformation.UpdateTerminationProtectionOutput{StackId: &k.ID}, s.save(r, &k, nil, nil)
}
