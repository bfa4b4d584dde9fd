package cloudformation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/template"
)

// An operation creates, updates or deletes one stack. It alone changes the
// stack's resources, on one goroutine; what it has changed is seen by others
// once it is on disk.
type operation struct {
	*Service
	record *record
	stack  stack           // as it was when the phase began
	stop   context.Context // done when a deletion was asked for
	cut    bool            // the engine ended while the operation was under way

	resources map[string]resource // as they are for the operation
	touched   map[string]bool     // resources that are not yet written
	events    []event             // that are not yet written
}

// phases are what an operation does in each status; the others rest.
var phases = map[types.StackStatus]func(*operation, context.Context) error{
	types.StackStatusCreateInProgress:                        (*operation).create,
	types.StackStatusRollbackInProgress:                      (*operation).rollBackCreation,
	types.StackStatusUpdateInProgress:                        (*operation).update,
	types.StackStatusUpdateCompleteCleanupInProgress:         (*operation).cleanUpUpdate,
	types.StackStatusUpdateRollbackInProgress:                (*operation).rollBackUpdate,
	types.StackStatusUpdateRollbackCompleteCleanupInProgress: (*operation).cleanUpRollback,
	types.StackStatusDeleteInProgress:                        (*operation).delete,
}

// operate works on a stack until its status is one that stays.
func (s *Service) operate(ctx context.Context, r *record) {
	for ctx.Err() == nil {
		stop, interrupt := context.WithCancel(ctx)
		op, phase := s.begin(r, stop, interrupt)
		if op == nil {
			interrupt()
			return
		}
		err := phase(op, ctx)
		interrupt()
		if err != nil {
			s.config.Log.Error("stack operation broke off", "stack", op.stack.ID, "error", err)
			s.end(r)
			return
		}
	}
}

// begin takes up the phase that a stack is in; there is none when its status
// is one that stays.
func (s *Service) begin(r *record, stop context.Context, interrupt func()) (*operation, func(*operation, context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	phase, ok := phases[r.stack.Status]
	if !ok {
		r.running = false
		return nil, nil
	}
	cut := r.cut
	r.interrupt, r.cut = interrupt, false
	return &operation{
		Service: s, record: r, stack: *r.stack, stop: stop, cut: cut,
		resources: maps.Clone(r.resources), touched: map[string]bool{},
	}, phase
}

func (s *Service) end(r *record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.running = false
}

// put notes a change of a resource.
func (op *operation) put(r resource) {
	op.resources[r.Logical] = r
	op.touched[r.Logical] = true
}

// mark gives a resource a status, notes the event and keeps the resource.
func (op *operation) mark(r resource, status types.ResourceStatus, why string) {
	r.Status, r.Reason, r.Changed = status, why, time.Now()
	op.put(r)
	op.tell(r)
}

// fail marks a resource as failed and returns the reason as an error.
func (op *operation) fail(r resource, status types.ResourceStatus, err error) error {
	if c, ok := errors.AsType[*crash](err); ok {
		op.config.Log.Error("a resource crashed", "stack", op.stack.Name, "resource", r.Logical, "type", r.Type, "panic", c.cause, "trace", string(c.stack))
	}
	why := explain(err, uuid())
	op.mark(r, status, why)
	return reason(why)
}

// tell notes an event about a resource.
func (op *operation) tell(r resource) {
	properties, _ := json.Marshal(r.Properties) // of values that came from JSON
	op.events = append(op.events, event{
		ID:         fmt.Sprintf("%s-%s-%s", r.Logical, r.Status, uuid()),
		Time:       time.Now(),
		Logical:    r.Logical,
		Physical:   r.ID,
		Type:       r.Type,
		Status:     r.Status,
		Reason:     r.Reason,
		Properties: properties,
		Token:      op.stack.Token,
		Operation:  op.stack.Operation,
	})
}

// A transition is a stack's way from one status to the next.
type transition struct {
	from, to types.StackStatus
	reason   string
	and      func(*stack) // what else changes, or nil
}

// advance writes what the operation did, and the stack's next status with it.
// A stack that has left the status from meanwhile, as one that is to be
// deleted, keeps the status it has.
func (op *operation) advance(t transition) error {
	op.mu.Lock()
	defer op.mu.Unlock()
	if op.record.stack.Status != t.from {
		return op.writeLocked(nil)
	}
	next := *op.record.stack
	if t.and != nil {
		t.and(&next)
	}
	next.Status, next.Reason = t.to, t.reason
	op.events = append(op.events, stackEvent(next))
	return op.writeLocked(&next)
}

// write makes durable, and seen, what the operation did.
func (op *operation) write() error {
	op.mu.Lock()
	defer op.mu.Unlock()
	return op.writeLocked(nil)
}

func (op *operation) writeLocked(next *stack) error {
	if next == nil && len(op.touched) == 0 && len(op.events) == 0 {
		return nil
	}
	resources := map[string]*resource{}
	for logical := range op.touched {
		if r, ok := op.resources[logical]; ok {
			resources[logical] = &r
		} else {
			resources[logical] = nil
		}
	}
	if err := op.save(op.record, batch{stack: next, resources: resources, events: op.events}); err != nil {
		return err
	}
	clear(op.touched)
	op.events = nil
	return nil
}

// A batch is what changes of a stack at once.
type batch struct {
	stack     *stack                // nil where it stays as it is
	resources map[string]*resource  // by logical id; nil where one is forgotten
	sets      map[string]*changeSet // by id; nil where one is forgotten
	events    []event
}

// saveStack writes a stack that came to another status, and its event.
func (s *Service) saveStack(r *record, next *stack, sets map[string]*changeSet) error {
	return s.save(r, batch{stack: next, sets: sets, events: []event{stackEvent(*next)}})
}

// save writes parts of a stack and then takes them into memory. The service's
// mutex is held.
func (s *Service) save(r *record, b batch) error {
	id := r.stack.ID
	if b.stack != nil {
		b.sets = endExecution(r, b.stack, b.sets)
	}
	err := s.config.Store.Update(context.Background(), func(tx *store.Tx) error {
		if b.stack != nil {
			if err := s.stackTable.Put(tx, id, *b.stack); err != nil {
				return err
			}
		}
		if err := putAll(tx, s.resourceTable, id+"/", b.resources); err != nil {
			return err
		}
		if err := putAll(tx, s.setTable, "", b.sets); err != nil {
			return err
		}
		for i, e := range b.events {
			if err := s.eventTable.Put(tx, eventKey(id, len(r.events)+i), e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("saving stack %s: %w", id, err)
	}
	if b.stack != nil {
		r.stack = b.stack
		close(r.moved)
		r.moved = make(chan struct{})
	}
	takeAll(r.resources, b.resources)
	takeAll(r.sets, b.sets)
	r.events = append(r.events, b.events...)
	return nil
}

// putAll writes documents, and deletes those that are nil.
func putAll[T any](tx *store.Tx, table store.Table[T], prefix string, docs map[string]*T) error {
	for key, doc := range docs {
		if doc == nil {
			if err := table.Delete(tx, prefix+key); err != nil {
				return err
			}
			continue
		}
		if err := table.Put(tx, prefix+key, *doc); err != nil {
			return err
		}
	}
	return nil
}

// takeAll does in memory what putAll has done on disk.
func takeAll[T any](all map[string]T, docs map[string]*T) {
	for key, doc := range docs {
		if doc == nil {
			delete(all, key)
		} else {
			all[key] = *doc
		}
	}
}

func eventKey(stack string, serial int) string { return fmt.Sprintf("%s/%08d", stack, serial) }

// stackEvent is the event of a stack having come to its status.
func stackEvent(s stack) event {
	return event{
		ID:        uuid(),
		Time:      time.Now(),
		Logical:   s.Name,
		Physical:  s.ID,
		Type:      stackType,
		Status:    types.ResourceStatus(s.Status),
		Reason:    s.Reason,
		Token:     s.Token,
		Operation: s.Operation,
	}
}

// request is what a kind's functions get to know of a resource.
func (op *operation) request(r resource) request {
	return request{
		Account:    op.config.Account,
		Stack:      op.stack.Name,
		Logical:    r.Logical,
		Type:       r.Type,
		Name:       r.Name,
		ID:         r.ID,
		Properties: r.Properties,
		Tags:       r.Tags,
	}
}

func tagMap(tags []types.Tag) map[string]string {
	all := map[string]string{}
	for _, tag := range tags {
		all[*tag.Key] = *tag.Value
	}
	return all
}

// failures words which resources failed at what, as a stack's reason.
func failures(verb string, failed []string) string {
	if len(failed) == 0 {
		return ""
	}
	return fmt.Sprintf("The following resource(s) failed to %s: [%s]. ", verb, strings.Join(failed, ", "))
}

// scope is what a template is evaluated against: the resources as they are for
// the operation.
func (op *operation) scope(d definition, t *template.Template) (*template.Scope, error) {
	s, err := newScope(op.config.Account, op.stack, d, t)
	if err != nil {
		return nil, err
	}
	s.Ref = func(id string) (any, error) {
		r, ok := op.resources[id]
		if !ok || r.gone() || r.ID == "" {
			return nil, errUnknown
		}
		return r.ID, nil
	}
	s.GetAtt = func(id, attribute string) (any, error) {
		r, ok := op.resources[id]
		if !ok || r.gone() || r.ID == "" {
			return nil, errUnknown
		}
		value, ok := r.Attributes[attribute]
		if !ok {
			return nil, noAttribute(id, attribute)
		}
		return value, nil
	}
	s.Export = op.exported
	return s, nil
}
