package cloudformation

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/template"
	"github.com/spate-run/spate/internal/wire"
)

// A Config is what the service needs.
type Config struct {
	Store   *store.Store
	Account wire.Account
	Log     *slog.Logger
	// AWS is how the service reaches the engine's other services.
	AWS aws.Config
}

// A Service is CloudFormation. Its methods are safe for concurrent use.
type Service struct {
	config        Config
	clients       *clients
	stackTable    store.Table[stack]
	resourceTable store.Table[resource]
	eventTable    store.Table[event]
	setTable      store.Table[changeSet]
	wake          chan struct{} // holds a token while something is pending

	// mu guards what follows, and every record. It is held while a change is
	// written, so that what is seen is on disk.
	mu      sync.Mutex
	records map[string]*record // by stack id
	pending []*record          // stacks whose operation is to begin
}

// A record is a stack and what belongs to it.
type record struct {
	// stack is replaced as a whole, so that replies may point into it.
	stack     *stack
	resources map[string]resource  // by logical id
	events    []event              // the oldest first
	sets      map[string]changeSet // by id
	// moved is closed, and another one made, when the stack changes.
	moved chan struct{}
	// running says that a goroutine of Run works on the stack, or is to.
	running bool
	// interrupt ends the waiting of the phase under way; nil before the first.
	interrupt func()
	// cut says that the engine ended while the operation was under way.
	cut bool
}

func newRecord(s *stack) *record {
	return &record{stack: s, resources: map[string]resource{}, sets: map[string]changeSet{}, moved: make(chan struct{})}
}

// keepDeleted is how long a deleted stack is remembered, as in AWS.
const keepDeleted = 90 * 24 * time.Hour

// New loads the stacks. Operations that an engine before left unfinished go on
// when Run is called.
func New(ctx context.Context, config Config) (*Service, error) {
	s := &Service{
		config:        config,
		clients:       newClients(config.AWS),
		stackTable:    store.NewTable[stack](config.Store, "cloudformation.stack"),
		resourceTable: store.NewTable[resource](config.Store, "cloudformation.resource"),
		eventTable:    store.NewTable[event](config.Store, "cloudformation.event"),
		setTable:      store.NewTable[changeSet](config.Store, "cloudformation.changeset"),
		wake:          make(chan struct{}, 1),
		records:       map[string]*record{},
	}
	if err := s.load(ctx); err != nil {
		return nil, fmt.Errorf("loading stacks: %w", err)
	}
	return s, nil
}

func (s *Service) load(ctx context.Context) error {
	stacks, err := s.stackTable.All(ctx)
	if err != nil {
		return err
	}
	resources, err := s.resourceTable.All(ctx)
	if err != nil {
		return err
	}
	events, err := s.eventTable.All(ctx)
	if err != nil {
		return err
	}
	sets, err := s.setTable.All(ctx)
	if err != nil {
		return err
	}
	for _, stack := range stacks {
		s.records[stack.ID] = newRecord(&stack)
	}
	for _, set := range sets {
		if r := s.records[set.StackID]; r != nil {
			r.sets[set.ID] = set
		}
	}
	for _, key := range sortedKeys(resources) {
		if r := s.records[parentOf(key)]; r != nil {
			r.resources[resources[key].Logical] = resources[key]
		}
	}
	for _, key := range sortedKeys(events) {
		if r := s.records[parentOf(key)]; r != nil {
			r.events = append(r.events, events[key])
		}
	}
	if err := s.forgetOld(ctx); err != nil {
		return err
	}
	for _, r := range s.records {
		if r.stack.busy() {
			r.cut = true
			s.startLocked(r)
		}
	}
	return nil
}

// parentOf is the stack's part of a key.
func parentOf(key string) string { return key[:strings.LastIndexByte(key, '/')] }

// forgetOld drops the stacks that were deleted long ago.
func (s *Service) forgetOld(ctx context.Context) error {
	var old []*record
	for id, r := range s.records {
		if r.stack.Deleted != nil && time.Since(*r.stack.Deleted) > keepDeleted {
			old = append(old, r)
			delete(s.records, id)
		}
	}
	if old == nil {
		return nil
	}
	return s.config.Store.Update(ctx, func(tx *store.Tx) error {
		for _, r := range old {
			if err := s.forget(tx, r); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Service) forget(tx *store.Tx, r *record) error {
	for serial := range r.events {
		if err := s.eventTable.Delete(tx, eventKey(r.stack.ID, serial)); err != nil {
			return err
		}
	}
	for logical := range r.resources {
		if err := s.resourceTable.Delete(tx, r.stack.ID+"/"+logical); err != nil {
			return err
		}
	}
	for id := range r.sets {
		if err := s.setTable.Delete(tx, id); err != nil {
			return err
		}
	}
	return s.stackTable.Delete(tx, r.stack.ID)
}

// Run carries out stack operations until ctx ends, and returns when those
// under way have come to a stop. What they had not finished goes on when the
// service runs again.
func (s *Service) Run(ctx context.Context) error {
	var operations sync.WaitGroup
	defer operations.Wait()
	for {
		for _, r := range s.takePending() {
			operations.Go(func() { s.operate(ctx, r) })
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		}
	}
}

func (s *Service) takePending() []*record {
	s.mu.Lock()
	defer s.mu.Unlock()
	pending := s.pending
	s.pending = nil
	return pending
}

// startLocked has Run work on what a stack's status asks for. The mutex is
// held, or nobody else has the service yet.
func (s *Service) startLocked(r *record) {
	if r.running {
		if r.interrupt != nil {
			r.interrupt()
		}
		return // and comes to the new status by itself
	}
	r.running = true
	s.pending = append(s.pending, r)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Wire returns the operations of CloudFormation's API.
func (s *Service) Wire() *wire.Service {
	w := &wire.Service{
		Name:         "cloudformation",
		QueryVersion: "2010-05-15",
		Namespace:    "http://cloudformation.amazonaws.com/doc/2010-05-15/",
	}
	wire.Handle(w, s.createStack)
	wire.Handle(w, s.updateStack)
	wire.Handle(w, s.deleteStack)
	wire.Handle(w, s.cancelUpdateStack)
	wire.Handle(w, s.continueUpdateRollback)
	wire.Handle(w, s.rollbackStack)
	wire.Handle(w, s.createChangeSet)
	wire.Handle(w, s.describeChangeSet)
	wire.Handle(w, s.executeChangeSet)
	wire.Handle(w, s.deleteChangeSet)
	wire.Handle(w, s.listChangeSets)
	wire.Handle(w, s.updateTerminationProtection)
	wire.Handle(w, s.describeStacks)
	wire.Handle(w, s.listStacks)
	wire.Handle(w, s.describeStackEvents)
	wire.Handle(w, s.describeEvents)
	wire.Handle(w, s.describeStackResources)
	wire.Handle(w, s.describeStackResource)
	wire.Handle(w, s.listStackResources)
	wire.Handle(w, s.getTemplate)
	wire.Handle(w, s.getTemplateSummary)
	wire.Handle(w, s.validateTemplate)
	wire.Handle(w, s.listExports)
	wire.Handle(w, s.listImports)
	return w
}

// findLocked returns a stack by its name, if it is there, or by its id.
func (s *Service) findLocked(nameOrID string) (*record, bool) {
	if r, ok := s.records[nameOrID]; ok {
		return r, true
	}
	for _, r := range s.records {
		if r.stack.Name == nameOrID && r.stack.live() {
			return r, true
		}
	}
	return nil, false
}

// errUnknown says that a value depends on a resource that is not there yet.
var errUnknown = reason("Template error: a resource is referred to that is not there")

// newScope is what a stack's template is evaluated against, less what depends
// on its resources and on other stacks.
func newScope(account wire.Account, s stack, d definition, t *template.Template) (*template.Scope, error) {
	given, stored := map[string]string{}, map[string]string{}
	for _, p := range d.Parameters {
		given[p.Key] = p.Value
		if p.Resolved != "" {
			stored[p.Value] = p.Resolved
		}
	}
	values, err := t.ParameterValues(given, stored)
	if err != nil {
		return nil, err
	}
	return &template.Scope{
		Template:   t,
		Parameters: values,
		Pseudo: template.Pseudo{
			AccountID:        account.ID,
			Region:           account.Region,
			StackID:          s.ID,
			StackName:        s.Name,
			NotificationARNs: d.NotificationARNs,
		},
	}, nil
}
