package plan_test

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	aas "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	aastypes "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	sdksqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/spate-run/spate/internal/delivery"
	"github.com/spate-run/spate/internal/engine/autoscaling"
	cfn "github.com/spate-run/spate/internal/engine/cloudformation"
	"github.com/spate-run/spate/internal/engine/cloudwatch"
	"github.com/spate-run/spate/internal/engine/ecr"
	ecsservice "github.com/spate-run/spate/internal/engine/ecs"
	"github.com/spate-run/spate/internal/engine/logs"
	"github.com/spate-run/spate/internal/engine/s3"
	"github.com/spate-run/spate/internal/engine/scheduler"
	"github.com/spate-run/spate/internal/engine/sqs"
	"github.com/spate-run/spate/internal/engine/ssm"
	"github.com/spate-run/spate/internal/plan"
	"github.com/spate-run/spate/internal/runner"
	"github.com/spate-run/spate/internal/scaling"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

var keys = &wire.Keys{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}

var account = wire.Account{ID: "000000000000", Region: "us-east-1"}

// A rig is the embedded engine's services, joined as the engine joins them, in
// a bubble of its own time. Its containers do what workers do, and take the
// time that a simulation's jobs take.
type rig struct {
	t       *testing.T
	config  aws.Config
	handler http.Handler
	ecs     *ecs.Client
	sqs     *sdksqs.Client
	scaling *aas.Client
	stop    func()
	there   chan struct{} // closed when the stack is

	worker   bool // the containers are spate's worker
	starts   time.Duration
	takes    func(job int) time.Duration
	jobs     int
	queueURL string
	cluster  string
	service  string

	mu     sync.Mutex
	zero   time.Time // when the jobs were sent
	events []plan.Event
	done   map[int]bool
}

func newRig(t *testing.T) *rig {
	ctx := context.Background()
	r := &rig{t: t, done: map[int]bool{}, there: make(chan struct{})}
	log := slog.New(slog.DiscardHandler)
	r.config = wire.Client(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { r.handler.ServeHTTP(w, q) }), keys, account)
	dir := t.TempDir()
	db := must(store.Open(ctx, filepath.Join(dir, "x.db")))
	queues := must(sqs.New(ctx, sqs.Config{Store: db, Account: account, Log: log, Endpoint: "http://engine.local"}))
	objects := must(s3.New(ctx, s3.Config{Store: db, Dir: filepath.Join(dir, "objects"), Log: log}))
	groups := must(logs.New(ctx, logs.Config{Store: db, Account: account, Log: log}))
	tasks := must(ecsservice.New(ctx, ecsservice.Config{
		Store: db, Account: account, Log: log, Runner: r, Endpoint: "http://engine.local", AWS: r.config,
		Capacity: runner.NewCapacity(runner.Size{CPU: 1 << 20, Memory: 1 << 20}),
	}))
	targets := must(autoscaling.New(ctx, autoscaling.Config{
		Store: db, Account: account, Log: log, AWS: r.config, Capacity: r.capacity, SetCapacity: r.setCapacity,
	}))
	alarms := must(cloudwatch.New(ctx, cloudwatch.Config{
		Store: db, Account: account, Log: log,
		Collect: func(context.Context) []cloudwatch.Datum { return data(queues.Counts()) },
		Act: func(ctx context.Context, action string, b scaling.Breach) error {
			return targets.Invoke(ctx, action, b)
		},
	}))
	parameters := must(ssm.New(ctx, ssm.Config{Store: db, Account: account, Fixed: map[string]string{"/cdk-bootstrap/hnb659fds/version": "21"}}))
	schedules := must(scheduler.New(ctx, scheduler.Config{
		Store: db, Account: account, Log: log, Do: func(context.Context, delivery.Call) error { return nil },
	}))
	images := must(ecr.New(ctx, ecr.Config{
		Store: db, Account: account, Log: log, Dir: filepath.Join(dir, "images"), Endpoint: "http://engine.local", Keys: keys,
	}))
	stacks := must(cfn.New(ctx, cfn.Config{Store: db, Account: account, Log: log, AWS: r.config}))
	r.handler = wire.NewHandler(wire.Config{
		Services: []*wire.Service{
			queues.Wire(), groups.Wire(), tasks.Wire(), alarms.Wire(), targets.Wire(), stacks.Wire(), parameters.Wire(), schedules.Wire(), images.Wire(),
		},
		Objects: objects, Keys: keys,
	})
	r.ecs, r.sqs, r.scaling = ecs.NewFromConfig(r.config), sdksqs.NewFromConfig(r.config), aas.NewFromConfig(r.config)
	running, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for _, run := range []func(context.Context) error{stacks.Run, tasks.Run, alarms.Run, targets.Run, queues.Run} {
		wg.Go(func() { _ = run(running) })
	}
	r.stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
		_ = db.Close()
	})
	return r
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// data are the metrics that the engine sends of queues, as far as templates
// watch them here.
func data(counts []sqs.QueueCount) []cloudwatch.Datum {
	var all []cloudwatch.Datum
	for _, c := range counts {
		for name, value := range map[string]int{
			"ApproximateNumberOfMessagesVisible": c.Visible, "ApproximateNumberOfMessagesNotVisible": c.InFlight,
			"ApproximateNumberOfMessagesDelayed": c.Delayed,
		} {
			all = append(all, cloudwatch.Datum{
				Namespace: "AWS/SQS", Metric: name, Value: float64(value), Unit: cwtypes.StandardUnitCount,
				Dimensions: []cwtypes.Dimension{{Name: new("QueueName"), Value: new(c.Name)}},
			})
		}
	}
	return all
}

func (r *rig) capacity(ctx context.Context, id string) (int, error) {
	part := strings.Split(id, "/")
	out, err := r.ecs.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &part[1], Services: part[2:]})
	if err != nil {
		return 0, err
	}
	return int(out.Services[0].DesiredCount), nil
}

func (r *rig) setCapacity(ctx context.Context, id string, n int) error {
	part := strings.Split(id, "/")
	r.tell(plan.Scaled, n)
	_, err := r.ecs.UpdateService(ctx, &ecs.UpdateServiceInput{Cluster: &part[1], Service: &part[2], DesiredCount: new(int32(n))})
	return err
}

// tell notes an event since the jobs were sent.
func (r *rig) tell(k plan.EventKind, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.zero.IsZero() {
		r.events = append(r.events, plan.Event{At: time.Since(r.zero), Kind: k, Number: n})
	}
}

// deploy makes a template's stack.
func (r *rig) deploy(text string, parameters map[string]string) {
	r.t.Helper()
	client := cloudformation.NewFromConfig(r.config)
	in := &cloudformation.CreateStackInput{
		StackName: new("job"), TemplateBody: &text,
		Capabilities: []cfntypes.Capability{cfntypes.CapabilityCapabilityIam},
	}
	for name, value := range parameters {
		in.Parameters = append(in.Parameters, cfntypes.Parameter{ParameterKey: &name, ParameterValue: &value})
	}
	must(client.CreateStack(r.t.Context(), in))
	for {
		s := must(client.DescribeStacks(r.t.Context(), &cloudformation.DescribeStacksInput{})).Stacks[0]
		if s.StackStatus == cfntypes.StackStatusCreateComplete {
			break
		}
		if s.StackStatus != cfntypes.StackStatusCreateInProgress {
			for _, e := range must(client.DescribeStackEvents(r.t.Context(), &cloudformation.DescribeStackEventsInput{StackName: new("job")})).StackEvents {
				if e.ResourceStatusReason != nil {
					r.t.Log(*e.LogicalResourceId, e.ResourceStatus, *e.ResourceStatusReason)
				}
			}
			r.t.Fatalf("got the stack in %s", s.StackStatus)
		}
		time.Sleep(time.Second)
	}
	out := must(client.DescribeStackResources(r.t.Context(), &cloudformation.DescribeStackResourcesInput{StackName: new("job")}))
	for _, resource := range out.StackResources {
		id := aws.ToString(resource.PhysicalResourceId)
		switch *resource.ResourceType {
		case "AWS::ECS::Service":
			part := strings.Split(id, "/")
			r.cluster, r.service = part[len(part)-2], part[len(part)-1]
		case "AWS::SQS::Queue":
			if !strings.Contains(*resource.LogicalResourceId, "DeadLetter") {
				r.queueURL = id
			}
		}
	}
	close(r.there)
}

// send sends the jobs, and raises the minimum as spate run does.
func (r *rig) send(kick bool) {
	r.t.Helper()
	r.mu.Lock()
	r.zero = time.Now()
	r.mu.Unlock()
	for first := 0; first < r.jobs; first += 10 {
		in := &sdksqs.SendMessageBatchInput{QueueUrl: &r.queueURL}
		for job := first; job < min(first+10, r.jobs); job++ {
			in.Entries = append(in.Entries, sqstypes.SendMessageBatchRequestEntry{Id: new(strconv.Itoa(job)), MessageBody: new(strconv.Itoa(job))})
		}
		must(r.sqs.SendMessageBatch(r.t.Context(), in))
	}
	if !kick {
		return
	}
	id := "service/" + r.cluster + "/" + r.service
	at := time.Now().Add(5*time.Minute + time.Second).UTC()
	must(r.scaling.PutScheduledAction(r.t.Context(), &aas.PutScheduledActionInput{
		ServiceNamespace: aastypes.ServiceNamespaceEcs, ScalableDimension: aastypes.ScalableDimensionECSServiceDesiredCount,
		ResourceId: &id, ScheduledActionName: new("release"), Schedule: new(at.Format("at(2006-01-02T15:04:05)")),
		ScalableTargetAction: &aastypes.ScalableTargetAction{MinCapacity: new(int32(0))},
	}))
	target := must(r.scaling.DescribeScalableTargets(r.t.Context(), &aas.DescribeScalableTargetsInput{ServiceNamespace: aastypes.ServiceNamespaceEcs})).ScalableTargets[0]
	r.minimum(min(int32(r.jobs), *target.MaxCapacity))
}

func (r *rig) minimum(n int32) {
	must(r.scaling.RegisterScalableTarget(r.t.Context(), &aas.RegisterScalableTargetInput{
		ServiceNamespace: aastypes.ServiceNamespaceEcs, ScalableDimension: aastypes.ScalableDimensionECSServiceDesiredCount,
		ResourceId: new("service/" + r.cluster + "/" + r.service), MinCapacity: &n,
	}))
}

// Start starts a container.
func (r *rig) Start(_ context.Context, c runner.Container) (runner.Running, error) {
	ctx, cancel := context.WithCancel(context.Background())
	p := &process{cancel: cancel, over: make(chan struct{})}
	go func() {
		defer close(p.over)
		r.work(ctx, c.Task)
	}()
	return p, nil
}

type process struct {
	cancel context.CancelFunc
	over   chan struct{}
}

func (p *process) Wait() runner.Exit { <-p.over; return runner.Exit{Code: 143} }
func (p *process) Stop()             { p.cancel(); <-p.over }
func (p *process) PID() int          { return 0 }

// pause waits; it is false when the container is stopped meanwhile.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// work is what a container does: it takes one message at a time.
func (r *rig) work(ctx context.Context, task string) {
	if !pause(ctx, r.starts) {
		return
	}
	select {
	case <-ctx.Done():
		return
	case <-r.there:
	}
	protected := false
	for ctx.Err() == nil {
		out, err := r.sqs.ReceiveMessage(ctx, &sdksqs.ReceiveMessageInput{QueueUrl: &r.queueURL, WaitTimeSeconds: 20})
		if ctx.Err() != nil || err != nil {
			return
		}
		if len(out.Messages) == 0 {
			if protected {
				r.protect(task, false)
				protected = false
			}
			continue
		}
		if r.worker && !protected {
			r.protect(task, true)
			protected = true
		}
		if !r.do(ctx, out.Messages[0]) {
			return
		}
	}
}

func (r *rig) protect(task string, on bool) {
	in := &ecs.UpdateTaskProtectionInput{Cluster: &r.cluster, Tasks: []string{task}, ProtectionEnabled: on}
	if on {
		in.ExpiresInMinutes = new(int32(2880))
	}
	must(r.ecs.UpdateTaskProtection(context.Background(), in))
}

// do works on a message for as long as its job takes.
func (r *rig) do(ctx context.Context, m sqstypes.Message) bool {
	job := must(strconv.Atoi(*m.Body))
	r.tell(plan.JobStarted, job)
	ends := time.Now().Add(r.takes(job))
	const beat = 110 * time.Second // the visibility timeout is 120 s
	for r.worker && time.Until(ends) > beat {
		if !pause(ctx, beat) {
			r.tell(plan.JobLost, job)
			must(r.sqs.ChangeMessageVisibility(context.Background(), &sdksqs.ChangeMessageVisibilityInput{
				QueueUrl: &r.queueURL, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 0,
			}))
			return false
		}
		must(r.sqs.ChangeMessageVisibility(ctx, &sdksqs.ChangeMessageVisibilityInput{
			QueueUrl: &r.queueURL, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 120,
		}))
	}
	if !pause(ctx, time.Until(ends)) {
		r.tell(plan.JobLost, job)
		return false
	}
	must(r.sqs.DeleteMessage(context.Background(), &sdksqs.DeleteMessageInput{QueueUrl: &r.queueURL, ReceiptHandle: m.ReceiptHandle}))
	r.tell(plan.JobEnded, job)
	r.mu.Lock()
	r.done[job] = true
	last := len(r.done) == r.jobs
	r.mu.Unlock()
	if last && r.worker {
		r.minimum(0)
	}
	return true
}

// sorted puts events into an order that does not depend on which of those at
// the same moment came first, and cuts them off at a moment.
func sorted(events []plan.Event, until time.Duration) []plan.Event {
	var kept []plan.Event
	for _, e := range events {
		if e.At >= 0 && e.At <= until {
			e.Task = 0
			kept = append(kept, e)
		}
	}
	slices.SortStableFunc(kept, func(a, b plan.Event) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Number, b.Number))
	})
	return kept
}
