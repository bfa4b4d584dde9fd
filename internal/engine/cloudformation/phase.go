package cloudformation

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/spate-run/spate/internal/template"
)

// create is the phase CREATE_IN_PROGRESS.
func (op *operation) create(ctx context.Context) error {
	const from = types.StackStatusCreateInProgress
	if op.cut {
		return op.failCreation("The creation was cut short by the end of the engine. ")
	}
	stop := op.stop
	if op.stack.Timeout > 0 {
		limited, cancel := context.WithDeadline(stop, op.stack.Created.Add(op.stack.Timeout))
		defer cancel()
		stop = limited
	}
	made, why, err := op.build(ctx, stop)
	if err != nil || ctx.Err() != nil {
		return err
	}
	if stop.Err() == context.DeadlineExceeded {
		why = "Stack creation time exceeded the specified timeout. "
	}
	if why != "" {
		return op.failCreation(why)
	}
	op.settle()
	return op.advance(transition{from: from, to: types.StackStatusCreateComplete, and: func(s *stack) {
		s.Outputs, s.Imports = made.values, made.imports
	}})
}

// failCreation does with a failed stack what its maker wanted.
func (op *operation) failCreation(why string) error {
	t := transition{from: types.StackStatusCreateInProgress}
	why = strings.TrimSuffix(strings.TrimSpace(why), ".") + ". "
	switch op.stack.OnFailure {
	case types.OnFailureDoNothing:
		t.to, t.reason = types.StackStatusCreateFailed, why
		t.and = func(s *stack) { s.Unborn = true }
	case types.OnFailureDelete:
		t.to, t.reason = types.StackStatusDeleteInProgress, why+"Delete requested by user."
	default:
		t.to, t.reason = types.StackStatusRollbackInProgress, why+"Rollback requested by user."
	}
	return op.advance(t)
}

// rollBackCreation is the phase ROLLBACK_IN_PROGRESS.
func (op *operation) rollBackCreation(ctx context.Context) error {
	failed, err := op.tear(ctx, op.everything())
	if err != nil || ctx.Err() != nil {
		return err
	}
	t := transition{from: types.StackStatusRollbackInProgress, to: types.StackStatusRollbackComplete}
	if failed != nil {
		t.to, t.reason = types.StackStatusRollbackFailed, failures("delete", failed)
	}
	return op.advance(t)
}

// update is the phase UPDATE_IN_PROGRESS.
func (op *operation) update(ctx context.Context) error {
	why := "The update was cut short by the end of the engine. "
	var made outputs
	if !op.cut {
		var err error
		if made, why, err = op.build(ctx, op.stop); err != nil || ctx.Err() != nil {
			return err
		}
	}
	t := transition{from: types.StackStatusUpdateInProgress}
	switch {
	case why == "":
		t.to = types.StackStatusUpdateCompleteCleanupInProgress
		t.and = func(s *stack) {
			s.Definition, s.Next, s.Unborn = *s.Next, nil, false
			s.Outputs, s.Imports = made.values, made.imports
		}
	case op.stack.OnFailure == types.OnFailureDoNothing:
		t.to, t.reason = types.StackStatusUpdateFailed, why
	case op.stack.Unborn:
		t.to, t.reason = types.StackStatusRollbackInProgress, why
		t.and = func(s *stack) { s.Next = nil }
	default:
		t.to, t.reason = types.StackStatusUpdateRollbackInProgress, why
	}
	return op.advance(t)
}

// cleanUpUpdate is the phase UPDATE_COMPLETE_CLEANUP_IN_PROGRESS: what the
// stack no longer has goes. What cannot be deleted is left behind, as in AWS.
func (op *operation) cleanUpUpdate(ctx context.Context) error {
	d := op.stack.Definition
	t, err := template.Parse([]byte(d.Template))
	if err != nil {
		return err
	}
	scope, err := op.scope(d, t)
	if err != nil {
		return err
	}
	kept, err := active(scope)
	if err != nil {
		return err
	}
	removals := map[string]removal{}
	for id, r := range op.resources {
		if !kept[id] {
			removals[id] = removal{resource: r, instances: r.instances(), forget: true}
		} else if old := r.superseded(); old != nil {
			removals[id] = removal{resource: r, instances: old}
		}
	}
	return op.cleanUp(ctx, removals, types.StackStatusUpdateComplete)
}

// rollBackUpdate is the phase UPDATE_ROLLBACK_IN_PROGRESS: what there was
// before the update comes back.
func (op *operation) rollBackUpdate(ctx context.Context) error {
	failed, err := op.restore(ctx)
	if err != nil || ctx.Err() != nil {
		return err
	}
	t := transition{from: types.StackStatusUpdateRollbackInProgress}
	if failed != nil {
		t.to, t.reason = types.StackStatusUpdateRollbackFailed, failures("update", failed)
	} else {
		t.to = types.StackStatusUpdateRollbackCompleteCleanupInProgress
		t.and = func(s *stack) { s.Next = nil }
	}
	return op.advance(t)
}

// restore gives the resources that an update changed their former properties,
// or their former instances.
func (op *operation) restore(ctx context.Context) ([]string, error) {
	after := map[string][]string{}
	for id, r := range op.resources {
		if r.Change == modified || r.Change == replaced {
			after[id] = r.original().After
		}
	}
	w := &walk{after: after, begin: op.beginRestore, record: op.write, patient: true}
	return w.run(ctx, op.stop)
}

func (op *operation) beginRestore(id string) (*act, error) {
	r := op.resources[id]
	old := r.original()
	if old.Change == added { // the update before failed, and this one after it
		r.Change, r.Before = added, nil
		op.put(r)
		return nil, nil
	}
	if old.ID != r.ID {
		old.Change, old.Before = restored, &r
		op.mark(old, types.ResourceStatusUpdateComplete, "")
		return nil, nil
	}
	k, _ := kindOf(old.Type)
	changed := changes(k, r.instance, old.instance)
	if len(changed) == 0 {
		op.put(old)
		return nil, nil
	}
	if slices.Contains(op.stack.Skip, id) {
		op.mark(old, types.ResourceStatusUpdateComplete, skippedReason)
		return nil, nil
	}
	op.mark(r, types.ResourceStatusUpdateInProgress, "")
	restoring := op.updateAct(k, old, r.instance, changed)
	end := restoring.end
	restoring.end = func(m made, err error) (*act, error) {
		if err != nil { // it stays as it is, to be tried again
			return nil, op.fail(r, types.ResourceStatusUpdateFailed, err)
		}
		return end(m, nil)
	}
	return restoring, nil
}

// cleanUpRollback is the phase UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS:
// what the update had made goes.
func (op *operation) cleanUpRollback(ctx context.Context) error {
	removals := map[string]removal{}
	for id, r := range op.resources {
		if r.Change == added {
			removals[id] = removal{resource: r, instances: r.instances(), forget: true}
		} else if old := r.superseded(); old != nil {
			removals[id] = removal{resource: r, instances: old}
		}
	}
	return op.cleanUp(ctx, removals, types.StackStatusUpdateRollbackComplete)
}

// cleanUp ends an update one way or the other.
func (op *operation) cleanUp(ctx context.Context, removals map[string]removal, to types.StackStatus) error {
	if _, err := op.tear(ctx, removals); err != nil || ctx.Err() != nil {
		return err
	}
	for id, r := range removals {
		if r.forget {
			delete(op.resources, id)
			op.touched[id] = true
		}
	}
	op.settle()
	return op.advance(transition{from: op.stack.Status, to: to})
}

// settle forgets what undoing the operation would have needed.
func (op *operation) settle() {
	for _, r := range op.resources {
		if r.Change != unchanged {
			r.Change, r.Before = unchanged, nil
			op.put(r)
		}
	}
}

// delete is the phase DELETE_IN_PROGRESS.
func (op *operation) delete(ctx context.Context) error {
	failed, err := op.tear(ctx, op.everything())
	if err != nil || ctx.Err() != nil {
		return err
	}
	t := transition{from: types.StackStatusDeleteInProgress, to: types.StackStatusDeleteComplete}
	if failed != nil {
		t.to, t.reason = types.StackStatusDeleteFailed, failures("delete", failed)
		return op.advance(t)
	}
	t.and = func(s *stack) { s.Deleted = new(time.Now()) }
	return op.advance(t)
}
