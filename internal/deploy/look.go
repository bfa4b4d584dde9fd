package deploy

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// A State is how a stack stands.
type State struct {
	Status     types.StackStatus
	Outputs    Outputs
	Parameters map[string]string
	// Problem says that it cannot be deployed as it is; nil where it can.
	Problem *StateError
}

// Busy says whether an operation on it is under way.
func (s *State) Busy() bool { return busy(s.Status) }

// Look returns how a stack stands, or nil where there is none of that name.
func Look(ctx context.Context, cfn *cloudformation.Client, name string) (*State, error) {
	found, err := describe(ctx, cfn, name)
	if found == nil || err != nil {
		return nil, err
	}
	s := &State{Status: found.StackStatus, Outputs: outputs(found), Parameters: map[string]string{}}
	for _, p := range found.Parameters {
		s.Parameters[deref(p.ParameterKey)] = deref(p.ParameterValue)
	}
	if !s.Busy() && !slices.Contains(deployable, s.Status) {
		s.Problem = &StateError{Stack: name, Status: s.Status}
	}
	return s, nil
}
