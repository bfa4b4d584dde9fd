package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/spate-run/spate/internal/template"
	"github.com/spate-run/spate/internal/wire"
)

// stackName is what stacks may be called.
var stackName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z][-a-zA-Z0-9]{0,127}$`) })

func badStackName(name string) error {
	return invalid("1 validation error detected: Value '%s' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*", name)
}

// A wish is what a request wants a stack to be made from.
type wish struct {
	body, url        *string
	previous         bool   // the template stays
	text             string // the template's; empty where it stays
	parameters       []types.Parameter
	tags             []types.Tag
	capabilities     []types.Capability
	notificationARNs []string
	roleARN          *string
	triggers         *types.RollbackConfiguration
}

// text returns the template's text that a request gives or points to.
func (s *Service) text(ctx context.Context, w wish) (string, error) {
	if w.previous {
		return "", nil
	}
	return s.source(ctx, w.body, w.url)
}

// definition is what a wish makes of a definition: what the request does not
// give stays.
func (w wish) definition(old definition) definition {
	next := old
	next.Capabilities = w.capabilities
	if w.text != "" {
		next.Template = w.text
	}
	if w.tags != nil {
		next.Tags = w.tags
	}
	if w.notificationARNs != nil {
		next.NotificationARNs = w.notificationARNs
	}
	if w.roleARN != nil {
		next.RoleARN = *w.roleARN
	}
	if w.triggers != nil {
		next.Triggers = w.triggers
	}
	return next
}

func (s *Service) createStack(ctx context.Context, in *cloudformation.CreateStackInput) (*cloudformation.CreateStackOutput, error) {
	name := aws.ToString(in.StackName)
	if !stackName().MatchString(name) {
		return nil, badStackName(name)
	}
	if in.StackPolicyBody != nil || in.StackPolicyURL != nil {
		return nil, errStackPolicy
	}
	w := wish{
		body: in.TemplateBody, url: in.TemplateURL, parameters: in.Parameters, tags: in.Tags, capabilities: in.Capabilities,
		notificationARNs: in.NotificationARNs, roleARN: in.RoleARN, triggers: in.RollbackConfiguration,
	}
	var err error
	if w.text, err = s.text(ctx, w); err != nil {
		return nil, err
	}
	k := s.newStack(name, types.StackStatusCreateInProgress)
	k.start(aws.ToString(in.ClientRequestToken))
	k.Timeout = time.Duration(aws.ToInt32(in.TimeoutInMinutes)) * time.Minute
	k.Stuck = in.OnFailure == types.OnFailureDoNothing
	k.Protected, k.Bare = aws.ToBool(in.EnableTerminationProtection), aws.ToBool(in.RetainExceptOnCreate)
	if k.OnFailure, err = onFailure(in); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.findLocked(name)
	switch {
	case !ok:
		r = newRecord(&k)
	case r.stack.Status == types.StackStatusReviewInProgress:
		k.ID, k.Created = r.stack.ID, r.stack.Created
	case k.Token != "" && r.stack.Token == k.Token:
		return &cloudformation.CreateStackOutput{StackId: &r.stack.ID, OperationId: &r.stack.Operation}, nil
	default:
		return nil, wire.Faultf("AlreadyExistsException", "Stack [%s] already exists", name)
	}
	k.Definition = w.definition(definition{})
	if _, err := s.complete(ctx, &k.Definition, k, w.parameters); err != nil {
		return nil, err
	}
	if err := s.saveStack(r, &k, r.obsoleteSets()); err != nil {
		return nil, err
	}
	s.records[k.ID] = r
	s.startLocked(r)
	return &cloudformation.CreateStackOutput{StackId: &k.ID, OperationId: &k.Operation}, nil
}

// newStack is a stack that nothing is known of but its name.
func (s *Service) newStack(name string, status types.StackStatus) stack {
	return stack{
		ID:   s.config.Account.ARN("cloudformation", "stack/"+name+"/"+uuid()),
		Name: name, Status: status, Reason: userInitiated, Created: time.Now(), Operation: uuid(),
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
func (s *Service) complete(ctx context.Context, d *definition, k stack, given []types.Parameter) (*template.Scope, error) {
	t, err := parse(d.Template)
	if err != nil {
		return nil, err
	}
	d.Description = t.Description
	if err := checkCapabilities(t, d.Capabilities); err != nil {
		return nil, err
	}
	if d.Parameters, err = s.parametersOf(ctx, t, k.Definition.Parameters, given); err != nil {
		return nil, asFault(err)
	}
	scope, err := newScope(s.config.Account, k, *d, t)
	if err == nil {
		err = scope.CheckRules()
	}
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
func (s *Service) parametersOf(ctx context.Context, t *template.Template, previous []parameter, given []types.Parameter) ([]parameter, error) {
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
	stored, err := s.stored(ctx, t.ParameterStoreNames(values))
	if err != nil {
		return nil, err
	}
	if _, err := t.ParameterValues(values, stored); err != nil {
		return nil, err
	}
	var all []parameter
	for _, p := range t.Parameters {
		value, ok := values[p.Name]
		if !ok {
			value = *p.Default
		}
		made := parameter{Key: p.Name, Value: value, NoEcho: p.NoEcho}
		if strings.HasPrefix(p.Type, "AWS::SSM::Parameter::Value<") {
			made.Resolved = stored[value]
		}
		all = append(all, made)
	}
	return all, nil
}

// storeLimit is how many parameters the parameter store answers at a time.
const storeLimit = 10

// stored looks up what stands in the parameter store under names; those that
// are not there are left out.
func (s *Service) stored(ctx context.Context, names []string) (map[string]string, error) {
	values := map[string]string{}
	for some := range slices.Chunk(names, storeLimit) {
		var out struct{ Parameters []storedValue }
		if err := s.clients.ssm.Call(ctx, "GetParameters", properties{"Names": some}, &out); err != nil {
			return nil, fmt.Errorf("reading the parameter store: %w", err)
		}
		for _, p := range out.Parameters {
			values[p.Name] = p.Value
		}
	}
	return values, nil
}

// updatable refuses an update of a stack whose status does not take one.
func updatable(k *stack) error {
	if k.Status == types.StackStatusCreateFailed && k.Stuck {
		return invalid("This stack cannot be updated from [CREATE_FAILED] state because it contains [on-failure: DO_NOTHING]. Please use disable-rollback option instead during stack creation.")
	}
	if k.failed() || slices.Contains([]types.StackStatus{
		types.StackStatusCreateComplete, types.StackStatusUpdateComplete, types.StackStatusUpdateRollbackComplete,
	}, k.Status) {
		return nil
	}
	return invalid("Stack:%s is in %s state and can not be updated.", k.ID, k.Status)
}

func (s *Service) updateStack(ctx context.Context, in *cloudformation.UpdateStackInput) (*cloudformation.UpdateStackOutput, error) {
	if in.StackPolicyBody != nil || in.StackPolicyURL != nil || in.StackPolicyDuringUpdateBody != nil || in.StackPolicyDuringUpdateURL != nil {
		return nil, errStackPolicy
	}
	w := wish{
		body: in.TemplateBody, url: in.TemplateURL, previous: aws.ToBool(in.UsePreviousTemplate), parameters: in.Parameters,
		tags: in.Tags, capabilities: in.Capabilities, notificationARNs: in.NotificationARNs, roleARN: in.RoleARN, triggers: in.RollbackConfiguration,
	}
	var err error
	if w.text, err = s.text(ctx, w); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.liveLocked(in.StackName)
	if err != nil {
		return nil, err
	}
	token := aws.ToString(in.ClientRequestToken)
	if token != "" && token == r.stack.Token {
		return &cloudformation.UpdateStackOutput{StackId: &r.stack.ID, OperationId: &r.stack.Operation}, nil
	}
	if err := updatable(r.stack); err != nil {
		return nil, err
	}
	next := w.definition(r.stack.Definition)
	scope, err := s.complete(ctx, &next, *r.stack, w.parameters)
	if err != nil {
		return nil, err
	}
	if err := s.checkUpdateLocked(r, scope, next); err != nil {
		return nil, err
	}
	k := *r.stack
	k.Status, k.Next, k.Updated, k.ChangeSet = types.StackStatusUpdateInProgress, &next, new(time.Now()), ""
	k.start(token)
	k.OnFailure, k.Bare = types.OnFailureRollback, aws.ToBool(in.RetainExceptOnCreate)
	if aws.ToBool(in.DisableRollback) {
		k.OnFailure = types.OnFailureDoNothing
	}
	if err := s.saveStack(r, &k, r.obsoleteSets()); err != nil {
		return nil, err
	}
	s.startLocked(r)
	return &cloudformation.UpdateStackOutput{StackId: &k.ID, OperationId: &k.Operation}, nil
}

// checkUpdateLocked refuses an update that changes a resource's type, and one
// that changes nothing.
func (s *Service) checkUpdateLocked(r *record, scope *template.Scope, next definition) error {
	if err := retyped(r, scope.Template); err != nil {
		return err
	}
	if _, differs := s.planLocked(r, scope, next); !differs && !r.stack.failed() {
		return invalid("No updates are to be performed.")
	}
	return nil
}

// retyped refuses a template that changes the type of a stack's resource.
func retyped(r *record, t *template.Template) error {
	var ids []string
	for _, declared := range t.Resources {
		if old, ok := r.resources[declared.ID]; ok && !old.gone() && old.Type != declared.Type {
			ids = append(ids, declared.ID)
		}
	}
	if ids == nil {
		return nil
	}
	return invalid("Update of resource type is not permitted. The new template modifies resource type of the following resources: [%s]", strings.Join(ids, ", "))
}

func sameTag(a, b types.Tag) bool {
	return aws.ToString(a.Key) == aws.ToString(b.Key) && aws.ToString(a.Value) == aws.ToString(b.Value)
}

// deletable are the statuses, beside those that rest, in which a stack can be
// deleted: its creation is then broken off.
func deletable(status types.StackStatus) bool {
	return !strings.HasSuffix(string(status), "_IN_PROGRESS") || status == types.StackStatusReviewInProgress ||
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
	k.start(aws.ToString(in.ClientRequestToken))
	for _, o := range k.Outputs {
		if users := s.importersLocked(o.Export); o.Export != "" && users != nil {
			k.Reason = inUse(o.Export, "deleted", users).Error() // as in AWS the status stays
			return out, s.saveStack(r, &k, nil)
		}
	}
	if k.Status == types.StackStatusReviewInProgress { // it never had anything
		k.Status, k.Deleted = types.StackStatusDeleteComplete, new(time.Now())
		return out, s.saveStack(r, &k, r.dropSets())
	}
	k.Status, k.Retain = types.StackStatusDeleteInProgress, in.RetainResources
	if err := s.saveStack(r, &k, r.dropSets()); err != nil {
		return nil, err
	}
	s.startLocked(r)
	return out, nil
}

func (s *Service) updateTerminationProtection(_ context.Context, in *cloudformation.UpdateTerminationProtectionInput) (*cloudformation.UpdateTerminationProtectionOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.liveLocked(in.StackName)
	if err != nil {
		return nil, err
	}
	k := *r.stack
	k.Protected = aws.ToBool(in.EnableTerminationProtection)
	return &cloudformation.UpdateTerminationProtectionOutput{StackId: &k.ID}, s.save(r, batch{stack: &k})
}
