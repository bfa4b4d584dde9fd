package cloudformation

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/spate-run/spate/internal/wire"
)

// A changeSet is the document of a change set.
type changeSet struct {
	ID          string
	Name        string
	StackID     string
	StackName   string
	Type        types.ChangeSetType
	Description string
	Created     time.Time
	Status      types.ChangeSetStatus
	Reason      string
	Execution   types.ExecutionStatus
	// Definition is what the stack is to be made from.
	Definition definition
	OnFailure  types.OnStackFailure
	Nested     bool   // IncludeNestedStacks, which there are none of
	Token      string // the ClientToken of its creation
	Executed   string // the ClientRequestToken of its execution
	Changes    []types.ResourceChange
}

// spent reports whether the change set was executed, so that it is there only
// for those who know its id, and its name can be had again.
func (c changeSet) spent() bool {
	return slices.Contains([]types.ExecutionStatus{
		types.ExecutionStatusExecuteInProgress, types.ExecutionStatusExecuteComplete, types.ExecutionStatusExecuteFailed,
	}, c.Execution)
}

// noChanges is the reason by which clients tell that nothing is to be done.
const noChanges = "The submitted information didn't contain changes. Submit different information to create a change set."

func (s *Service) createChangeSet(ctx context.Context, in *cloudformation.CreateChangeSetInput) (*cloudformation.CreateChangeSetOutput, error) {
	if err := checkChangeSet(in); err != nil {
		return nil, err
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
	r, err := s.forChangeSetLocked(in)
	if err != nil {
		return nil, err
	}
	set, err := s.newChangeSetLocked(ctx, r, in, w)
	if err != nil {
		return nil, err
	}
	out := &cloudformation.CreateChangeSetOutput{Id: &set.ID, StackId: &r.stack.ID}
	if same, ok := r.set(set.Name); ok && !same.spent() {
		out.Id = &same.ID
		return out, mismatch(same, set)
	}
	b := batch{sets: map[string]*changeSet{set.ID: &set}}
	if s.records[r.stack.ID] == nil {
		b.stack, b.events = r.stack, []event{stackEvent(*r.stack)}
	}
	if err := s.save(r, b); err != nil {
		return nil, err
	}
	s.records[r.stack.ID] = r
	return out, nil
}

// checkChangeSet refuses names that cannot be, and change sets of a kind that
// the engine does not have.
func checkChangeSet(in *cloudformation.CreateChangeSetInput) error {
	name := aws.ToString(in.ChangeSetName)
	switch {
	case !stackName().MatchString(name):
		return invalid("1 validation error detected: Value '%s' at 'changeSetName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*", name)
	case in.ChangeSetType == types.ChangeSetTypeImport, len(in.ResourcesToImport) > 0, aws.ToBool(in.ImportExistingResources):
		return invalid("Importing resources is not supported by the embedded engine")
	case in.DeploymentMode != "":
		return invalid("The deployment mode %s is not supported by the embedded engine", in.DeploymentMode)
	case in.OnStackFailure == types.OnStackFailureDelete && in.ChangeSetType != types.ChangeSetTypeCreate:
		return invalid("OnStackFailure DELETE is only valid when ChangeSetType is CREATE")
	}
	return nil
}

// forChangeSetLocked finds the stack that a change set is for. One that is to
// be created is in review until then; it is not yet among the records.
func (s *Service) forChangeSetLocked(in *cloudformation.CreateChangeSetInput) (*record, error) {
	name := aws.ToString(in.StackName)
	r, ok := s.findLocked(name)
	ok = ok && r.stack.live()
	if in.ChangeSetType != types.ChangeSetTypeCreate {
		if !ok {
			return nil, invalid("Stack [%s] does not exist", name)
		}
		return r, updatable(r.stack)
	}
	if !ok {
		if !stackName().MatchString(name) {
			return nil, badStackName(name)
		}
		k := s.newStack(name, types.StackStatusReviewInProgress)
		return newRecord(&k), nil
	}
	if r.stack.Status != types.StackStatusReviewInProgress {
		return nil, invalid("Stack [%s] already exists and cannot be created again with the changeSet [%s].", r.stack.Name, *in.ChangeSetName)
	}
	return r, nil
}

// newChangeSetLocked works out what a request would change.
func (s *Service) newChangeSetLocked(ctx context.Context, r *record, in *cloudformation.CreateChangeSetInput, w wish) (changeSet, error) {
	set := changeSet{
		ID:          s.config.Account.ARN("cloudformation", "changeSet/"+*in.ChangeSetName+"/"+uuid()),
		Name:        *in.ChangeSetName,
		StackID:     r.stack.ID,
		StackName:   r.stack.Name,
		Type:        cmp.Or(in.ChangeSetType, types.ChangeSetTypeUpdate),
		Description: aws.ToString(in.Description),
		Created:     time.Now(),
		Status:      types.ChangeSetStatusCreateComplete,
		Execution:   types.ExecutionStatusAvailable,
		Definition:  w.definition(r.stack.Definition),
		OnFailure:   in.OnStackFailure,
		Nested:      aws.ToBool(in.IncludeNestedStacks),
		Token:       aws.ToString(in.ClientToken),
	}
	scope, err := s.complete(ctx, &set.Definition, *r.stack, in.Parameters)
	if err != nil {
		return set, err
	}
	if err := retyped(r, scope.Template); err != nil {
		return set, err
	}
	changes, differs := s.planLocked(r, scope, set.Definition)
	set.Changes = changes
	if !differs && !r.stack.failed() {
		set.Status, set.Reason, set.Execution = types.ChangeSetStatusFailed, noChanges, types.ExecutionStatusUnavailable
	}
	return set, nil
}

// mismatch refuses a second change set of a name, unless it is the same.
func mismatch(there, asked changeSet) error {
	a, b := there.Definition, asked.Definition
	for _, attribute := range []struct {
		name string
		same bool
	}{
		{"ClientToken", there.Token == asked.Token},
		{"Template", a.Template == b.Template},
		{"Parameters", slices.Equal(a.Parameters, b.Parameters)},
		{"Tags", slices.EqualFunc(a.Tags, b.Tags, sameTag)},
		{"Capabilities", slices.Equal(a.Capabilities, b.Capabilities)},
		{"Description", there.Description == asked.Description},
		{"NotificationARNs", slices.Equal(a.NotificationARNs, b.NotificationARNs)},
		{"RoleARN", a.RoleARN == b.RoleARN},
		{"RollbackConfiguration", reflect.DeepEqual(a.Triggers, b.Triggers)},
		{"ChangeSetType", there.Type == asked.Type},
	} {
		if !attribute.same {
			return wire.Faultf("AlreadyExistsException", "ChangeSet %s cannot be created due to a mismatch with existing attribute %s", asked.Name, attribute.name)
		}
	}
	return nil
}

// set finds a change set by its name. An executed one counts where there is no
// other, the last first.
func (r *record) set(name string) (changeSet, bool) {
	var best changeSet
	for _, c := range r.sets {
		better := best.ID == "" || best.spent() && !c.spent() || best.spent() == c.spent() && c.Created.After(best.Created)
		if c.Name == name && better {
			best = c
		}
	}
	return best, best.ID != ""
}

// changeSetLocked finds a change set by its id, or by its name and its stack.
func (s *Service) changeSetLocked(name, stackName *string) (*record, changeSet, error) {
	missing := &wire.Fault{Code: "ChangeSetNotFound", Message: fmt.Sprintf("ChangeSet [%s] does not exist", aws.ToString(name)), Status: 404}
	if strings.HasPrefix(aws.ToString(name), "arn:") {
		for _, r := range s.records {
			if c, ok := r.sets[*name]; ok {
				return r, c, nil
			}
		}
		return nil, changeSet{}, missing
	}
	if aws.ToString(stackName) == "" {
		return nil, changeSet{}, invalid("StackName must be specified if ChangeSetName is not specified as an ARN.")
	}
	r, ok := s.findLocked(*stackName)
	if !ok {
		return nil, changeSet{}, invalid("Stack [%s] does not exist", *stackName)
	}
	c, ok := r.set(aws.ToString(name))
	if !ok {
		return r, changeSet{}, missing
	}
	return r, c, nil
}

func (s *Service) describeChangeSet(_ context.Context, in *cloudformation.DescribeChangeSetInput) (*cloudformation.DescribeChangeSetOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, c, err := s.changeSetLocked(in.ChangeSetName, in.StackName)
	if err != nil {
		return nil, err
	}
	changes, next, err := page(c.Changes, in.NextToken)
	if err != nil {
		return nil, err
	}
	d := c.Definition
	out := &cloudformation.DescribeChangeSetOutput{
		ChangeSetId: &c.ID, ChangeSetName: &c.Name, StackId: &c.StackID, StackName: &c.StackName,
		Description: optional(c.Description), CreationTime: &c.Created, Status: c.Status, StatusReason: optional(c.Reason),
		ExecutionStatus: c.Execution, OnStackFailure: c.OnFailure, IncludeNestedStacks: &c.Nested,
		Capabilities: d.Capabilities, NotificationARNs: d.NotificationARNs, Tags: d.Tags,
		RollbackConfiguration: cmp.Or(d.Triggers, &types.RollbackConfiguration{}),
		Changes:               []types.Change{}, NextToken: next,
	}
	for _, p := range d.Parameters {
		out.Parameters = append(out.Parameters, p.describe())
	}
	for _, change := range changes {
		if !aws.ToBool(in.IncludePropertyValues) {
			change = valueless(change)
		}
		out.Changes = append(out.Changes, types.Change{Type: types.ChangeTypeResource, ResourceChange: &change})
	}
	return out, nil
}

// valueless is a change without the values of properties.
func valueless(change types.ResourceChange) types.ResourceChange {
	change.BeforeContext, change.AfterContext = nil, nil
	change.Details = slices.Clone(change.Details)
	for i, d := range change.Details {
		change.Details[i].Target = &types.ResourceTargetDefinition{
			Attribute: d.Target.Attribute, Name: d.Target.Name, RequiresRecreation: d.Target.RequiresRecreation,
		}
	}
	return change
}

func (s *Service) listChangeSets(_ context.Context, in *cloudformation.ListChangeSetsInput) (*cloudformation.ListChangeSetsOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.findLocked(aws.ToString(in.StackName))
	if !ok {
		return nil, invalid("Stack [%s] does not exist", aws.ToString(in.StackName))
	}
	summaries := []types.ChangeSetSummary{}
	for _, id := range sortedKeys(r.sets) {
		c := r.sets[id]
		if c.spent() {
			continue
		}
		summaries = append(summaries, types.ChangeSetSummary{
			ChangeSetId: &c.ID, ChangeSetName: &c.Name, StackId: &c.StackID, StackName: &c.StackName,
			Description: optional(c.Description), CreationTime: &c.Created, Status: c.Status, StatusReason: optional(c.Reason),
			ExecutionStatus: c.Execution, IncludeNestedStacks: &c.Nested,
		})
	}
	summaries, next, err := page(summaries, in.NextToken)
	return &cloudformation.ListChangeSetsOutput{Summaries: summaries, NextToken: next}, err
}

// deleteChangeSet deletes a change set. One that is not there is no error, as
// long as its stack is.
func (s *Service) deleteChangeSet(_ context.Context, in *cloudformation.DeleteChangeSetInput) (*cloudformation.DeleteChangeSetOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := &cloudformation.DeleteChangeSetOutput{}
	r, c, err := s.changeSetLocked(in.ChangeSetName, in.StackName)
	if fault, ok := err.(*wire.Fault); ok && fault.Code == "ChangeSetNotFound" {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	if c.Execution == types.ExecutionStatusExecuteInProgress {
		return nil, wire.Faultf("InvalidChangeSetStatus", "ChangeSet [%s] cannot be deleted in its current execution status of [%s]", c.ID, c.Execution)
	}
	return out, s.save(r, batch{sets: map[string]*changeSet{c.ID: nil}})
}

func (s *Service) executeChangeSet(_ context.Context, in *cloudformation.ExecuteChangeSetInput) (*cloudformation.ExecuteChangeSetOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := &cloudformation.ExecuteChangeSetOutput{}
	r, c, err := s.changeSetLocked(in.ChangeSetName, in.StackName)
	if err != nil {
		return nil, err
	}
	token := aws.ToString(in.ClientRequestToken)
	switch {
	case c.spent() && token != "" && token == c.Executed:
		return out, nil
	case c.Status != types.ChangeSetStatusCreateComplete:
		return nil, wire.Faultf("InvalidChangeSetStatus", "ChangeSet [%s] cannot be executed in its current status of [%s]", c.ID, c.Status)
	case c.Execution != types.ExecutionStatusAvailable:
		return nil, wire.Faultf("InvalidChangeSetStatus", "ChangeSet [%s] cannot be executed in its current execution status of [%s]", c.ID, c.Execution)
	case in.DisableRollback != nil && c.OnFailure != "":
		return nil, invalid("Either DisableRollback or OnStackFailure can be specified, but not both. Validation error as OnStackFailure parameter was specified during CreateChangeSet.")
	}
	k := *r.stack
	if c.Type == types.ChangeSetTypeCreate {
		k.Status, k.Definition = types.StackStatusCreateInProgress, c.Definition
	} else {
		if err := updatable(&k); err != nil {
			return nil, err
		}
		k.Status, k.Next = types.StackStatusUpdateInProgress, &c.Definition
	}
	k.start(token)
	k.Updated, k.ChangeSet, k.Bare = new(time.Now()), c.ID, aws.ToBool(in.RetainExceptOnCreate)
	k.OnFailure = types.OnFailure(cmp.Or(c.OnFailure, types.OnStackFailureRollback))
	if aws.ToBool(in.DisableRollback) {
		k.OnFailure = types.OnFailureDoNothing
	}
	sets := r.dropSets()
	c.Execution, c.Executed = types.ExecutionStatusExecuteInProgress, token
	sets[c.ID] = &c
	if err := s.saveStack(r, &k, sets); err != nil {
		return nil, err
	}
	s.startLocked(r)
	return out, nil
}

// dropSets forgets all change sets but the executed ones: they are not valid
// for what the stack becomes.
func (r *record) dropSets() map[string]*changeSet {
	sets := map[string]*changeSet{}
	for id, c := range r.sets {
		if !c.spent() {
			sets[id] = nil
		}
	}
	return sets
}

// obsoleteSets marks the change sets of a stack that another request changes.
func (r *record) obsoleteSets() map[string]*changeSet {
	sets := map[string]*changeSet{}
	for id, c := range r.sets {
		if c.Execution == types.ExecutionStatusAvailable {
			c.Execution = types.ExecutionStatusObsolete
			sets[id] = &c
		}
	}
	return sets
}

// endExecution adds to what is saved how the execution of a change set ended,
// once its stack has come to rest.
func endExecution(r *record, next *stack, sets map[string]*changeSet) map[string]*changeSet {
	c, ok := r.sets[next.ChangeSet]
	if !ok || c.Execution != types.ExecutionStatusExecuteInProgress || next.busy() {
		return sets
	}
	c.Execution = types.ExecutionStatusExecuteFailed
	if next.Status == types.StackStatusCreateComplete || next.Status == types.StackStatusUpdateComplete {
		c.Execution = types.ExecutionStatusExecuteComplete
	}
	all := map[string]*changeSet{c.ID: &c}
	maps.Copy(all, sets)
	return all
}
