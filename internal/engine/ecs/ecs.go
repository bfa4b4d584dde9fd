package ecs

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/spate-run/spate/internal/runner"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

// A Config is what Amazon ECS on this machine works with.
type Config struct {
	Store   *store.Store
	Account wire.Account
	Log     *slog.Logger

	// Runner starts the containers, as far as Capacity has room for them.
	Runner   runner.Runner
	Capacity *runner.Capacity
	// GPUs are the ids of the GPUs that Capacity counts.
	GPUs []string

	// Endpoint is the engine's base URL, without a slash at its end. Tasks
	// reach the metadata and agent endpoints below it.
	Endpoint string
	// Engine are the variables by which AWS clients in containers reach the
	// engine, as NAME=value.
	Engine []string
	// AWS reaches Secrets Manager, Systems Manager and S3, which keep what
	// containers' variables are made of.
	AWS aws.Config
	// Logs opens the stream that takes a container's output when its
	// definition names the awslogs driver. Both of the container's outputs
	// write to it, at once. A fault keeps the container from starting. Nil drops
	// the output.
	Logs func(ctx context.Context, to LogStream) (Log, error)
}

// A Log is an open stream. Of a container that an earlier engine started, it takes
// what came after Last, which is zero while there is nothing.
type Log struct {
	io.WriteCloser
	Last time.Time
}

// A LogStream is where a container's output goes.
type LogStream struct {
	Group, Stream string
	MakeGroup     bool // where it is not there
}

// A Service is Amazon ECS. The things that ECS itself calls services are of
// type service.
type Service struct {
	config Config
	log    *slog.Logger
	wire   *wire.Service
	tables tables
	wake   chan struct{} // holds a token when there is something to decide

	executions sync.WaitGroup

	// mu guards everything below, through to the commit of a change: what is
	// decided under it cannot be overtaken.
	mu       sync.Mutex
	clusters map[string]*cluster // by name
	families map[string]*family  // by name
	services map[string]*service // by cluster/name
	tasks    map[string]*task    // by id
	secrets  map[string]*task    // by the secret in the addresses it was given
	waiting  []*task             // PROVISIONING, oldest first; others are skipped
	stopped  []*task             // STOPPED, in the order in which they stopped

	untidy   bool         // an image may be unused
	dirty    dirty        // decided and not yet written
	launches []*execution // to be started once that is written
	halts    []*execution // to be stopped once that is written
}

// tables are the documents of this service in the store.
type tables struct {
	clusters    store.Table[cluster]
	definitions store.Table[definition]
	services    store.Table[service]
	events      store.Table[event]
	tasks       store.Table[task]
}

// New loads what the store holds. Tasks that were running when the engine was
// lost count as stopped from then on, unless their containers are with a
// [runner.Keeper] still. Nothing starts before Run.
func New(ctx context.Context, config Config) (*Service, error) {
	s := &Service{
		config: config,
		log:    config.Log,
		wake:   make(chan struct{}, 1),
		tables: tables{
			clusters:    store.NewTable[cluster](config.Store, "ecs.cluster"),
			definitions: store.NewTable[definition](config.Store, "ecs.definition"),
			services:    store.NewTable[service](config.Store, "ecs.service"),
			events:      store.NewTable[event](config.Store, "ecs.event"),
			tasks:       store.NewTable[task](config.Store, "ecs.task"),
		},
		clusters: map[string]*cluster{},
		families: map[string]*family{},
		services: map[string]*service{},
		tasks:    map[string]*task{},
		secrets:  map[string]*task{},
		dirty:    newDirty(),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if err := s.load(ctx); err != nil {
		return nil, fmt.Errorf("loading ecs: %w", err)
	}
	s.wire = s.operations()
	return s, nil
}

// Wire returns the operations that are there.
func (s *Service) Wire() *wire.Service { return s.wire }

func (s *Service) operations() *wire.Service {
	w := &wire.Service{
		Name:        "ecs",
		Target:      "AmazonEC2ContainerServiceV20141113",
		JSONVersion: "1.1",
		LowerCamel:  true,
	}
	wire.Handle(w, s.CreateCluster)
	wire.Handle(w, s.DeleteCluster)
	wire.Handle(w, s.DescribeClusters)
	wire.Handle(w, s.ListClusters)
	wire.Handle(w, s.PutClusterCapacityProviders)

	wire.Handle(w, s.RegisterTaskDefinition)
	wire.Handle(w, s.DeregisterTaskDefinition)
	wire.Handle(w, s.DescribeTaskDefinition)
	wire.Handle(w, s.ListTaskDefinitions)
	wire.Handle(w, s.ListTaskDefinitionFamilies)

	wire.Handle(w, s.CreateService)
	wire.Handle(w, s.UpdateService)
	wire.Handle(w, s.DeleteService)
	wire.Handle(w, s.DescribeServices)
	wire.Handle(w, s.ListServices)

	wire.Handle(w, s.RunTask)
	wire.Handle(w, s.StopTask)
	wire.Handle(w, s.DescribeTasks)
	wire.Handle(w, s.ListTasks)

	wire.Handle(w, s.GetTaskProtection)
	wire.Handle(w, s.UpdateTaskProtection)

	wire.Handle(w, s.TagResource)
	wire.Handle(w, s.UntagResource)
	wire.Handle(w, s.ListTagsForResource)
	return w
}

func (s *Service) load(ctx context.Context) error {
	if err := s.loadClusters(ctx); err != nil {
		return err
	}
	if err := s.loadDefinitions(ctx); err != nil {
		return err
	}
	if err := s.loadServices(ctx); err != nil {
		return err
	}
	s.untidy = true
	return s.loadTasks(ctx, time.Now())
}

// rouse makes Run decide again.
func (s *Service) rouse() {
	select {
	case s.wake <- struct{}{}:
	default: // it will see this change as well
	}
}
