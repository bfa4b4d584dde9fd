package cloudformation_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"

	"github.com/spate-run/spate/internal/delivery"
	"github.com/spate-run/spate/internal/engine/autoscaling"
	cfn "github.com/spate-run/spate/internal/engine/cloudformation"
	"github.com/spate-run/spate/internal/engine/cloudwatch"
	ecrservice "github.com/spate-run/spate/internal/engine/ecr"
	ecsservice "github.com/spate-run/spate/internal/engine/ecs"
	"github.com/spate-run/spate/internal/engine/events"
	"github.com/spate-run/spate/internal/engine/logs"
	s3service "github.com/spate-run/spate/internal/engine/s3"
	"github.com/spate-run/spate/internal/engine/scheduler"
	"github.com/spate-run/spate/internal/engine/secretsmanager"
	snsservice "github.com/spate-run/spate/internal/engine/sns"
	sqsservice "github.com/spate-run/spate/internal/engine/sqs"
	"github.com/spate-run/spate/internal/engine/ssm"
	"github.com/spate-run/spate/internal/runner"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

var (
	keys    = &wire.Keys{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}
	account = wire.Account{ID: "000000000000", Region: "us-east-1"}
)

// An engine joins CloudFormation and the services that its stacks use.
type engine struct {
	t    testing.TB
	dir  string
	gate atomic.Pointer[gate]

	machine *machine
	handler http.Handler // the services'
	config  aws.Config
	cfn     *cloudformation.Client
	ecs     *ecs.Client
	sqs     *sqs.Client
	s3      *s3.Client
	stop    func() // ends Run and closes the store
}

// A gate stands before the services and sees every request.
type gate func(w http.ResponseWriter, r *http.Request, services http.Handler)

func start(t testing.TB) *engine {
	t.Helper()
	e := &engine{t: t, dir: t.TempDir()}
	e.open()
	t.Cleanup(func() { e.stop() })
	return e
}

// open starts the services over what an engine before left in the folder.
func (e *engine) open() {
	e.t.Helper()
	ctx := context.Background()
	e.config = wire.Client(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g := e.gate.Load(); g != nil {
			(*g)(w, r, e.handler)
			return
		}
		e.handler.ServeHTTP(w, r)
	}), keys, account)
	db, err := store.Open(ctx, filepath.Join(e.dir, "spate.db"))
	e.must(err)
	queues, err := sqsservice.New(ctx, sqsservice.Config{Store: db, Account: account, Endpoint: "http://engine.local"})
	e.must(err)
	log := slog.New(slog.DiscardHandler)
	objects, err := s3service.New(ctx, s3service.Config{Store: db, Dir: filepath.Join(e.dir, "objects"), Log: log})
	e.must(err)
	groups, err := logs.New(ctx, logs.Config{Store: db, Account: account, Log: log})
	e.must(err)
	e.machine = &machine{}
	tasks, err := ecsservice.New(ctx, ecsservice.Config{
		Store: db, Account: account, Log: log, Runner: e.machine, Endpoint: "http://engine.local", AWS: e.config,
		Capacity: runner.NewCapacity(runner.Size{CPU: 4096, Memory: 8192}),
	})
	e.must(err)
	alarms, err := cloudwatch.New(ctx, cloudwatch.Config{Store: db, Account: account, Log: log})
	e.must(err)
	targets, err := autoscaling.New(ctx, autoscaling.Config{
		Store: db, Account: account, Log: log, AWS: e.config, Capacity: e.capacity, SetCapacity: e.setCapacity,
	})
	e.must(err)
	parameters, err := ssm.New(ctx, ssm.Config{
		Store: db, Account: account, Fixed: map[string]string{"/cdk-bootstrap/hnb659fds/version": "21"},
	})
	e.must(err)
	secrets, err := secretsmanager.New(ctx, secretsmanager.Config{Store: db, Account: account})
	e.must(err)
	repositories, err := ecrservice.New(ctx, ecrservice.Config{
		Store: db, Account: account, Log: log, Dir: filepath.Join(e.dir, "images"), Endpoint: "http://127.0.0.1:4100",
	})
	e.must(err)
	schedules, err := scheduler.New(ctx, scheduler.Config{Store: db, Account: account, Log: log, Do: nothing})
	e.must(err)
	rules, err := events.New(ctx, events.Config{Store: db, Account: account, Log: log, Do: nothing})
	e.must(err)
	topics, err := snsservice.New(ctx, snsservice.Config{Store: db, Account: account, Log: log, Endpoint: "http://engine.local", Send: nothing})
	e.must(err)
	stacks, err := cfn.New(ctx, cfn.Config{Store: db, Account: account, Log: log, AWS: e.config})
	e.must(err)
	e.handler = wire.NewHandler(wire.Config{
		Services: []*wire.Service{
			queues.Wire(), groups.Wire(), tasks.Wire(), alarms.Wire(), targets.Wire(), stacks.Wire(),
			parameters.Wire(), secrets.Wire(), repositories.Wire(), schedules.Wire(), rules.Wire(),
			topics.Wire(),
		},
		Objects: objects, Keys: keys,
	})
	e.cfn = cloudformation.NewFromConfig(e.config)
	e.ecs = ecs.NewFromConfig(e.config)
	e.sqs = sqs.NewFromConfig(e.config)
	e.s3 = s3.NewFromConfig(e.config, func(o *s3.Options) { o.UsePathStyle = true })

	running, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { stacks.Run(running) })
	wg.Go(func() { tasks.Run(running) })
	e.stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
		db.Close()
	})
}

// nothing is what schedules and rules do here.
func nothing(context.Context, delivery.Call) error { return nil }

// capacity and setCapacity are how scalable targets see their services.
func (e *engine) capacity(ctx context.Context, id string) (int, error) {
	part := strings.Split(id, "/")
	out, err := e.ecs.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &part[1], Services: part[2:]})
	if err != nil {
		return 0, err
	}
	return int(out.Services[0].DesiredCount), nil
}

func (e *engine) setCapacity(ctx context.Context, id string, n int) error {
	part := strings.Split(id, "/")
	_, err := e.ecs.UpdateService(ctx, &ecs.UpdateServiceInput{Cluster: &part[1], Service: &part[2], DesiredCount: new(int32(n))})
	return err
}

// A machine is a runner in memory. Its containers run until they are stopped.
type machine struct {
	broken atomic.Bool // nothing starts
}

func (m *machine) Start(_ context.Context, c runner.Container) (runner.Running, error) {
	if m.broken.Load() {
		return nil, errors.New("CannotPullContainerError: no such image")
	}
	if c.Health != nil {
		go c.Healthy(true)
	}
	return &container{over: make(chan struct{})}, nil
}

type container struct {
	once sync.Once
	over chan struct{}
}

func (c *container) Wait() runner.Exit { <-c.over; return runner.Exit{Code: 143} }
func (c *container) Stop()             { c.once.Do(func() { close(c.over) }) }
func (c *container) PID() int          { return 0 }

// hold lets the first request pass whose body has both words, and keeps its
// answer back until the engine stops. The channel is closed once it has come.
func (e *engine) hold(target, word string) <-chan struct{} {
	arrived := make(chan struct{})
	var once sync.Once
	var g gate = func(w http.ResponseWriter, r *http.Request, services http.Handler) {
		body, err := io.ReadAll(r.Body)
		e.must(err)
		r.Body = io.NopCloser(bytes.NewReader(body))
		services.ServeHTTP(w, r)
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), "."+target) && bytes.Contains(body, []byte(word)) {
			once.Do(func() { close(arrived) })
			<-r.Context().Done()
		}
	}
	e.gate.Store(&g)
	return arrived
}

// restart ends the services in the middle of what they do, and starts them
// again.
func (e *engine) restart() {
	e.t.Helper()
	e.stop()
	e.gate.Store(nil)
	e.open()
}

func (e *engine) must(err error) {
	e.t.Helper()
	if err != nil {
		e.t.Fatal(err)
	}
}

// create creates a stack from a template and waits until it comes to rest.
func (e *engine) create(name, template string, parameters ...string) types.Stack {
	e.t.Helper()
	_, err := e.cfn.CreateStack(e.t.Context(), &cloudformation.CreateStackInput{
		StackName: &name, TemplateBody: &template, Parameters: params(parameters),
		Capabilities: []types.Capability{types.CapabilityCapabilityIam},
	})
	e.must(err)
	return e.settled(name)
}

func (e *engine) update(name, template string, parameters ...string) types.Stack {
	e.t.Helper()
	_, err := e.cfn.UpdateStack(e.t.Context(), &cloudformation.UpdateStackInput{
		StackName: &name, TemplateBody: &template, Parameters: params(parameters),
		Capabilities: []types.Capability{types.CapabilityCapabilityIam},
	})
	e.must(err)
	return e.settled(name)
}

// delete deletes a stack and waits until it comes to rest.
func (e *engine) delete(name string) types.Stack {
	e.t.Helper()
	id := *e.describe(name).StackId
	_, err := e.cfn.DeleteStack(e.t.Context(), &cloudformation.DeleteStackInput{StackName: &name})
	e.must(err)
	return e.settled(id)
}

func (e *engine) describe(name string) types.Stack {
	e.t.Helper()
	out, err := e.cfn.DescribeStacks(e.t.Context(), &cloudformation.DescribeStacksInput{StackName: &name})
	e.must(err)
	return out.Stacks[0]
}

// pause waits a little, as long as the test goes on.
func (e *engine) pause() {
	e.t.Helper()
	select {
	case <-e.t.Context().Done():
		e.t.Fatal("the test ended before what it waited for")
	case <-time.After(time.Millisecond):
	}
}

// settled waits until a stack is no longer in progress.
func (e *engine) settled(name string) types.Stack {
	e.t.Helper()
	for pause := time.Millisecond; ; pause = min(2*pause, time.Minute) {
		s := e.describe(name)
		if !strings.HasSuffix(string(s.StackStatus), "_IN_PROGRESS") {
			return s
		}
		select {
		case <-e.t.Context().Done():
			e.t.Fatal("test ended before the stack did")
		case <-time.After(pause):
		}
	}
}

// events are a stack's events, the oldest first, one a line: logical id,
// status, and the reason where there is one.
func (e *engine) events(name string) []string {
	e.t.Helper()
	out, err := e.cfn.DescribeStackEvents(e.t.Context(), &cloudformation.DescribeStackEventsInput{StackName: &name})
	e.must(err)
	var lines []string
	for _, event := range slices.Backward(out.StackEvents) {
		lines = append(lines, strings.TrimSpace(*event.LogicalResourceId+" "+string(event.ResourceStatus)+" "+aws.ToString(event.ResourceStatusReason)))
	}
	return lines
}

// physical is the physical id of a stack's resource.
func (e *engine) physical(stack, logical string) string {
	e.t.Helper()
	out, err := e.cfn.DescribeStackResource(e.t.Context(), &cloudformation.DescribeStackResourceInput{StackName: &stack, LogicalResourceId: &logical})
	e.must(err)
	return aws.ToString(out.StackResourceDetail.PhysicalResourceId)
}

// resourceStatus is the status of a stack's resource, empty where there is none.
func (e *engine) resourceStatus(stack, logical string) types.ResourceStatus {
	e.t.Helper()
	out, err := e.cfn.DescribeStackResources(e.t.Context(), &cloudformation.DescribeStackResourcesInput{StackName: &stack, LogicalResourceId: &logical})
	e.must(err)
	if len(out.StackResources) == 0 {
		return ""
	}
	return out.StackResources[0].ResourceStatus
}

// queues are the names of all queues.
func (e *engine) queues() []string {
	e.t.Helper()
	out, err := e.sqs.ListQueues(e.t.Context(), &sqs.ListQueuesInput{})
	e.must(err)
	var names []string
	for _, url := range out.QueueUrls {
		names = append(names, url[strings.LastIndexByte(url, '/')+1:])
	}
	return names
}

func params(pairs []string) []types.Parameter {
	var all []types.Parameter
	for _, pair := range pairs {
		key, value, _ := strings.Cut(pair, "=")
		all = append(all, types.Parameter{ParameterKey: &key, ParameterValue: &value})
	}
	return all
}

func outputs(s types.Stack) map[string]string {
	all := map[string]string{}
	for _, o := range s.Outputs {
		all[*o.OutputKey] = *o.OutputValue
	}
	return all
}

// code is what a service answers an error with: code and message.
func code(err error) string {
	if fault, ok := errors.AsType[smithy.APIError](err); ok {
		return fault.ErrorCode() + ": " + fault.ErrorMessage()
	}
	return "no fault"
}
