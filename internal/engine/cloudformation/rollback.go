package cloudformation

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// skippedReason is the reason of what a continued rollback leaves as it is.
const skippedReason = "Resource skipped during UpdateRollback"

// cancelUpdateStack turns an update into its rollback.
func (s *Service) cancelUpdateStack(_ context.Context, in *cloudformation.CancelUpdateStackInput) (*cloudformation.CancelUpdateStackOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.liveLocked(in.StackName)
	if err != nil {
		return nil, err
	}
	if r.stack.Status != types.StackStatusUpdateInProgress {
		return nil, invalid("CancelUpdateStack cannot be called from current stack status")
	}
	k := *r.stack
	k.Status, k.Reason, k.Token = types.StackStatusUpdateRollbackInProgress, userInitiated, aws.ToString(in.ClientRequestToken)
	return &cloudformation.CancelUpdateStackOutput{}, s.proceedLocked(r, k)
}

// rollbackStack rolls back what failed and was left as it was.
func (s *Service) rollbackStack(_ context.Context, in *cloudformation.RollbackStackInput) (*cloudformation.RollbackStackOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.liveLocked(in.StackName)
	if err != nil {
		return nil, err
	}
	k := *r.stack
	switch token := aws.ToString(in.ClientRequestToken); {
	case token != "" && token == k.Token:
		return &cloudformation.RollbackStackOutput{StackId: &k.ID, OperationId: &k.Operation}, nil
	case !k.failed():
		return nil, invalid("Stack:%s is in %s state and can not be rolled back.", k.ID, k.Status)
	default:
		k.Status = types.StackStatusUpdateRollbackInProgress
		if k.Unborn {
			k.Status, k.Next = types.StackStatusRollbackInProgress, nil
		}
		k.start(token)
	}
	k.Bare = aws.ToBool(in.RetainExceptOnCreate)
	return &cloudformation.RollbackStackOutput{StackId: &k.ID, OperationId: &k.Operation}, s.proceedLocked(r, k)
}

// continueUpdateRollback tries again to roll back an update.
func (s *Service) continueUpdateRollback(_ context.Context, in *cloudformation.ContinueUpdateRollbackInput) (*cloudformation.ContinueUpdateRollbackOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.liveLocked(in.StackName)
	if err != nil {
		return nil, err
	}
	out := &cloudformation.ContinueUpdateRollbackOutput{}
	k := *r.stack
	token := aws.ToString(in.ClientRequestToken)
	if token != "" && token == k.Token {
		return out, nil
	}
	if k.Status != types.StackStatusUpdateRollbackFailed {
		return nil, invalid("Stack:%s is in %s state and can not continue its rollback.", k.ID, k.Status)
	}
	var stuck []string
	for _, i := range r.resourcesLocked() {
		if i.Status == types.ResourceStatusUpdateFailed {
			stuck = append(stuck, i.Logical)
		}
	}
	skip := in.ResourcesToSkip
	if aws.ToBool(in.ForceRollback) {
		if len(skip) > 0 {
			return nil, invalid("ForceRollback and ResourcesToSkip are mutually exclusive")
		}
		skip = stuck
	}
	for _, id := range skip {
		if !slices.Contains(stuck, id) {
			return nil, invalid("Resource [%s] is not in the UPDATE_FAILED state and can not be skipped", id)
		}
	}
	k.Status = types.StackStatusUpdateRollbackInProgress
	k.start(token)
	k.Skip = skip
	return out, s.proceedLocked(r, k)
}

// liveLocked finds a stack that has not been deleted.
func (s *Service) liveLocked(nameOrID *string) (*record, error) {
	r, ok := s.findLocked(aws.ToString(nameOrID))
	if !ok || !r.stack.live() {
		return nil, invalid("Stack [%s] does not exist", aws.ToString(nameOrID))
	}
	return r, nil
}

// proceedLocked gives a stack a status that asks for something, and has it
// done.
func (s *Service) proceedLocked(r *record, k stack) error {
	if err := s.saveStack(r, &k, nil); err != nil {
		return err
	}
	s.startLocked(r)
	return nil
}

// start begins another operation of a stack that a request asked for.
func (k *stack) start(token string) {
	k.Reason, k.Token, k.Operation, k.Skip, k.Bare = userInitiated, token, uuid(), nil, false
}
