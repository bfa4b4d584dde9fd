package cloudformation

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/spate-run/spate/internal/template"
)

// A stack is the document of a stack, without its resources and events.
type stack struct {
	ID      string
	Name    string
	Status  types.StackStatus
	Reason  string
	Created time.Time
	Updated *time.Time
	Deleted *time.Time
	// Definition is what the stack is; during its creation what it will be.
	Definition definition
	// Next is what an update makes of the stack, until it has.
	Next      *definition
	Outputs   []template.OutputValue
	Imports   []string // the exports of other stacks that this one uses
	OnFailure types.OnFailure
	// Timeout of the creation; 0 means none.
	Timeout time.Duration
	// Unborn says that the creation failed and was left as it was, and no update
	// has completed since: a rollback leads to no stack.
	Unborn    bool
	Stuck     bool     // then no update is taken either: OnFailure DO_NOTHING
	Protected bool     // from deletion
	Retain    []string // the logical ids that a deletion leaves alone
	Skip      []string // the logical ids that a continued rollback leaves alone
	// Bare says that a rollback deletes what was created, whatever its
	// DeletionPolicy: RetainExceptOnCreate in requests.
	Bare      bool
	Token     string // the ClientRequestToken of the last operation
	Operation string // the id of the last operation
	ChangeSet string // the id of the change set that was executed last
}

// A definition is what a stack is made from.
type definition struct {
	Template         string
	Description      string // the template's
	Parameters       []parameter
	Tags             []types.Tag
	Capabilities     []types.Capability
	NotificationARNs []string
	RoleARN          string
	Triggers         *types.RollbackConfiguration
}

// A parameter is a parameter's value as text.
type parameter struct {
	Key, Value string
	NoEcho     bool
	// Resolved is what stands in the parameter store under the name that Value
	// is, where the parameter's type says that it is one.
	Resolved string
}

// target is the definition that the stack's operation works towards.
func (s *stack) target() definition {
	if s.Next != nil {
		return *s.Next
	}
	return s.Definition
}

// live reports whether the stack is there; deleted ones are only remembered.
func (s *stack) live() bool { return s.Status != types.StackStatusDeleteComplete }

// busy reports whether an operation is under way. A stack in review waits for
// a change set to be executed.
func (s *stack) busy() bool {
	return strings.HasSuffix(string(s.Status), "_IN_PROGRESS") && s.Status != types.StackStatusReviewInProgress
}

// A resource is the document of a resource in a stack.
type resource struct {
	instance
	Logical string
	Type    string
	Status  types.ResourceStatus
	Reason  string
	Changed time.Time
	// After are the logical ids of the resources that this one needs.
	After               []string
	DeletionPolicy      string
	UpdateReplacePolicy string
	Metadata            string // JSON
	// Change is what the operation under way did to the resource, and Before
	// the resource that it did so to. Both are there until the operation has
	// ended, so that it can be undone.
	Change change
	Before *resource
}

// An instance is one physical resource.
type instance struct {
	ID         string // physical; empty until it is known
	Name       string
	Properties properties
	Attributes properties
	Tags       map[string]string // the stack's, when it was made or changed
}

// A change is what an operation does to a resource.
type change string

const (
	unchanged change = ""
	added     change = "added"
	modified  change = "modified"
	replaced  change = "replaced" // Before has the old instance
	restored  change = "restored" // Before has the new instance, given up
)

// gone reports whether the resource is not there, or no longer the stack's.
func (r *resource) gone() bool {
	return r.Status == types.ResourceStatusDeleteComplete || r.Status == types.ResourceStatusDeleteSkipped
}

// failed reports whether a creation or an update failed and was left as it was.
func (s *stack) failed() bool {
	return s.Status == types.StackStatusCreateFailed || s.Status == types.StackStatusUpdateFailed
}

// failed reports whether it is not known how much of the last operation was
// done to the resource.
func (r *resource) failed() bool {
	return r.Status == types.ResourceStatusCreateFailed || r.Status == types.ResourceStatusUpdateFailed
}

// underWay reports whether something was being done with the resource.
func (r *resource) underWay() bool { return strings.HasSuffix(string(r.Status), "_IN_PROGRESS") }

// original is the resource before anything that has not been ended yet. The
// result is of no use when its Change is added.
func (r resource) original() resource {
	for r.Before != nil {
		r = *r.Before
	}
	return r
}

// superseded are the instances that the resource had and no longer has.
func (r resource) superseded() []resource {
	var old []resource
	for b := r.Before; b != nil; b = b.Before {
		known := func(o resource) bool { return o.ID == b.ID }
		if (b.ID != "" || b.underWay()) && b.ID != r.ID && !slices.ContainsFunc(old, known) {
			old = append(old, *b)
		}
	}
	return old
}

// An event is one entry of a stack's history.
type event struct {
	ID         string
	Time       time.Time
	Logical    string
	Physical   string
	Type       string
	Status     types.ResourceStatus
	Reason     string
	Properties json.RawMessage
	Token      string
	Operation  string // the id of the stack's operation
}

// stackType is the resource type of stacks in their own events.
const stackType = "AWS::CloudFormation::Stack"
