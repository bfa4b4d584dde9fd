package deploy

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/spate-run/spate/internal/template"
)

// A ChangeSet is what deploying a stack would change, prepared to be executed.
type ChangeSet struct {
	// New says that the stack is to be made.
	New     bool
	Changes []Change

	id    string // empty where nothing would change
	found *types.Stack
	stack Stack
	cfn   *cloudformation.Client
}

// A Change is what becomes of one resource.
type Change struct {
	Action    Action
	LogicalID string
	Type      string
	// Properties are those that change, and, marked, those that replace the
	// resource.
	Properties []Property
	// Rights says that the resource is about who may do what.
	Rights bool
}

// An Action is what becomes of a resource.
type Action string

// The actions. A resource that MayReplace is replaced where a value that is not
// known yet turns out to be another.
const (
	Add        Action = "add"
	Modify     Action = "modify"
	Replace    Action = "replace"
	MayReplace Action = "may replace"
	Remove     Action = "remove"
)

// A Property is one that changes. The values are JSON or text, as AWS tells
// them, and empty where it does not.
type Property struct {
	Name, Before, After string
	Replaces            bool
}

// A StateError reports a stack that cannot be deployed as it is.
type StateError struct {
	Stack  string
	Status types.StackStatus
}

func (e *StateError) Error() string { return fmt.Sprintf("stack %s is in %s", e.Stack, e.Status) }

// Mend says how a stack gets out of its state.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html#cfn-console-view-stack-data-resources-status-codes
func (e *StateError) Mend() string {
	switch e.Status {
	case types.StackStatusRollbackComplete, types.StackStatusReviewInProgress:
		return "spate deploy deletes what is left of it, and makes it again"
	case types.StackStatusUpdateRollbackFailed:
		return "aws cloudformation continue-update-rollback --stack-name " + e.Stack
	case types.StackStatusUpdateFailed:
		return "aws cloudformation rollback-stack --stack-name " + e.Stack
	}
	return "delete what is left of it: aws cloudformation delete-stack --stack-name " + e.Stack
}

// deployable are the states from which a stack can be updated.
var deployable = []types.StackStatus{
	types.StackStatusCreateComplete, types.StackStatusUpdateComplete, types.StackStatusUpdateRollbackComplete,
	types.StackStatusImportComplete, types.StackStatusImportRollbackComplete,
}

// Prepare has CloudFormation find out what deploying the stack would change. A
// stack whose creation was rolled back holds nothing: it is deleted first.
func Prepare(ctx context.Context, cfn *cloudformation.Client, s Stack) (*ChangeSet, error) {
	found, err := idle(ctx, cfn, s.Name)
	if err != nil {
		return nil, err
	}
	if found != nil && found.StackStatus == types.StackStatusRollbackComplete {
		if err := Delete(ctx, cfn, s.Name); err != nil {
			return nil, err
		}
		found = nil
	}
	set := &ChangeSet{New: found == nil || found.StackStatus == types.StackStatusReviewInProgress, found: found, stack: s, cfn: cfn}
	if !set.New {
		if !slices.Contains(deployable, found.StackStatus) {
			return nil, &StateError{Stack: s.Name, Status: found.StackStatus}
		}
		same, err := s.is(ctx, cfn, found)
		if same || err != nil {
			return set, err
		}
	}
	return set, set.create(ctx)
}

// create has the change set made, and reads it.
func (c *ChangeSet) create(ctx context.Context) error {
	body, url, err := c.stack.source()
	if err != nil {
		return err
	}
	kind, update := types.ChangeSetTypeUpdate, "true"
	if c.New {
		kind, update = types.ChangeSetTypeCreate, "false"
	}
	// The name is a token as well: a request whose answer gets lost is made again.
	name := "spate-" + time.Now().UTC().Format("20060102-150405") + "-" + strings.ToLower(rand.Text()[:8])
	made, err := c.cfn.CreateChangeSet(ctx, &cloudformation.CreateChangeSetInput{
		StackName:     &c.stack.Name,
		ChangeSetName: &name,
		ClientToken:   &name,
		ChangeSetType: kind,
		TemplateBody:  body,
		TemplateURL:   url,
		Parameters:    c.stack.parameters(update),
		Capabilities:  capabilities(),
		Tags:          c.stack.tags(),
	})
	if err != nil {
		return fmt.Errorf("asking what would change in stack %s: %w", c.stack.Name, err)
	}
	c.id = *made.Id
	for pause := firstPause; ; pause = min(pause*3/2, lastPause) {
		done, err := c.read(ctx)
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}

// read takes what CloudFormation has found out, once it has.
func (c *ChangeSet) read(ctx context.Context) (done bool, err error) {
	c.Changes = nil
	pages := cloudformation.NewDescribeChangeSetPaginator(c.cfn, &cloudformation.DescribeChangeSetInput{ChangeSetName: &c.id})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return false, fmt.Errorf("reading what would change in stack %s: %w", c.stack.Name, err)
		}
		switch page.Status {
		case types.ChangeSetStatusCreateComplete:
		case types.ChangeSetStatusFailed:
			return true, c.failed(ctx, deref(page.StatusReason))
		default:
			return false, nil
		}
		for _, change := range page.Changes {
			if change.ResourceChange != nil {
				c.Changes = append(c.Changes, readChange(change.ResourceChange))
			}
		}
	}
	return true, nil
}

// failed tells a change set without changes, which AWS counts as a failed one,
// from one that failed.
func (c *ChangeSet) failed(ctx context.Context, reason string) error {
	if err := c.Discard(ctx); err != nil {
		return err
	}
	if strings.Contains(reason, "didn't contain changes") || strings.Contains(reason, "No updates are to be performed") {
		return nil
	}
	return fmt.Errorf("stack %s: %s", c.stack.Name, reason)
}

// Empty says whether nothing would change.
func (c *ChangeSet) Empty() bool { return c.id == "" }

// Outputs are those of the stack as it is.
func (c *ChangeSet) Outputs() Outputs {
	if c.found == nil {
		return nil
	}
	return outputs(c.found)
}

// Before reads the template and the parameters of the stack as it is; nil where
// it is to be made.
func (c *ChangeSet) Before(ctx context.Context) (*template.Template, map[string]string, error) {
	if c.New {
		return nil, nil, nil
	}
	out, err := c.cfn.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: c.found.StackId})
	if err != nil {
		return nil, nil, fmt.Errorf("reading the template of stack %s: %w", c.stack.Name, err)
	}
	t, err := template.Parse([]byte(deref(out.TemplateBody)))
	if err != nil {
		return nil, nil, fmt.Errorf("reading the template of stack %s: %w", c.stack.Name, err)
	}
	parameters := map[string]string{}
	for _, p := range c.found.Parameters {
		parameters[deref(p.ParameterKey)] = deref(p.ParameterValue)
	}
	return t, parameters, nil
}

// Discard leaves the stack as it is. One that was to be made is as if nobody
// had asked, unless somebody else has made it meanwhile.
func (c *ChangeSet) Discard(ctx context.Context) error {
	if c.Empty() {
		return nil
	}
	_, err := c.cfn.DeleteChangeSet(ctx, &cloudformation.DeleteChangeSetInput{ChangeSetName: &c.id})
	if err == nil && c.New {
		err = c.deleteUnmade(ctx)
	}
	if err != nil {
		return fmt.Errorf("discarding the changes of stack %s: %w", c.stack.Name, err)
	}
	c.id = ""
	return nil
}

func (c *ChangeSet) deleteUnmade(ctx context.Context) error {
	found, err := describe(ctx, c.cfn, c.stack.Name)
	if err != nil || found == nil || found.StackStatus != types.StackStatusReviewInProgress {
		return err
	}
	return Delete(ctx, c.cfn, c.stack.Name)
}

// Execute makes the changes and returns the stack's outputs.
func (c *ChangeSet) Execute(ctx context.Context) (Outputs, error) {
	if c.Empty() {
		return c.Outputs(), nil
	}
	if _, err := c.cfn.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: &c.id, ClientRequestToken: new(rand.Text())}); err != nil {
		return nil, fmt.Errorf("deploying stack %s: %w", c.stack.Name, err)
	}
	found, err := describe(ctx, c.cfn, c.stack.Name)
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, errors.New("stack " + c.stack.Name + " is gone")
	}
	return wait(ctx, c.cfn, *found.StackId, c.stack.Progress)
}

func readChange(r *types.ResourceChange) Change {
	c := Change{LogicalID: deref(r.LogicalResourceId), Type: deref(r.ResourceType), Rights: isAboutRights(deref(r.ResourceType))}
	switch {
	case r.Action == types.ChangeActionAdd:
		c.Action = Add
	case r.Action == types.ChangeActionRemove:
		c.Action = Remove
	case r.Replacement == types.ReplacementTrue:
		c.Action = Replace
	case r.Replacement == types.ReplacementConditional:
		c.Action = MayReplace
	default:
		c.Action = Modify
	}
	for _, d := range r.Details {
		if d.Target == nil {
			continue
		}
		name := deref(d.Target.Name)
		if name == "" {
			name = string(d.Target.Attribute)
		}
		p := Property{
			Name: name, Before: deref(d.Target.BeforeValue), After: deref(d.Target.AfterValue),
			Replaces: d.Target.RequiresRecreation == types.RequiresRecreationAlways,
		}
		// A property that changes for two reasons is told of twice.
		if !slices.ContainsFunc(c.Properties, func(had Property) bool { return had.Name == name }) {
			c.Properties = append(c.Properties, p)
		}
	}
	return c
}

// isAboutRights says whether a type of resource gives or takes rights.
func isAboutRights(kind string) bool {
	return strings.HasPrefix(kind, "AWS::IAM::") || strings.HasSuffix(kind, "Policy") && kind != "AWS::ApplicationAutoScaling::ScalingPolicy" ||
		kind == "AWS::Lambda::Permission" || strings.HasPrefix(kind, "AWS::EC2::SecurityGroup")
}
