package autoscaling_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	aas "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	awscloudwatch "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"

	"github.com/spate-run/spate/internal/engine/autoscaling"
	"github.com/spate-run/spate/internal/engine/cloudwatch"
	"github.com/spate-run/spate/internal/scaling"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

const resource = "service/jobs/worker"

// An ecs has the desired count of one service.
type ecs struct {
	mu      sync.Mutex
	desired int
	set     []int // every count that was set
	fail    error
}

func (e *ecs) capacity(_ context.Context, id string) (int, error) {
	if id != resource {
		return 0, errors.New("no such service")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.desired, nil
}

func (e *ecs) setCapacity(_ context.Context, _ string, n int) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fail != nil {
		return e.fail
	}
	e.desired = n
	e.set = append(e.set, n)
	return nil
}

func (e *ecs) take() []int {
	e.mu.Lock()
	defer e.mu.Unlock()
	set := e.set
	e.set = nil
	return set
}

// A metrics is the CloudWatch beside it, and what it collects.
type metrics struct {
	service *cloudwatch.Service
	client  *awscloudwatch.Client

	mu   sync.Mutex
	load func() []cloudwatch.Datum
}

func (m *metrics) collect(context.Context) []cloudwatch.Datum {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.load == nil {
		return nil
	}
	return m.load()
}

func (m *metrics) set(load func() []cloudwatch.Datum) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.load = load
}

// alarms are those there are, by name.
func (m *metrics) alarms(t *testing.T) []cwtypes.MetricAlarm {
	t.Helper()
	out, err := m.client.DescribeAlarms(t.Context(), &awscloudwatch.DescribeAlarmsInput{})
	if err != nil {
		t.Fatal(err)
	}
	return out.MetricAlarms
}

// A fixture is a service with its client, on a store that can be opened again.
type fixture struct {
	*autoscaling.Service
	*ecs
	metrics *metrics
	client  *aas.Client
	path    string
	store   *store.Store
}

func start(t *testing.T, cadence int) *fixture {
	t.Helper()
	f := &fixture{ecs: &ecs{}, metrics: &metrics{}, path: filepath.Join(t.TempDir(), "x.db")}
	f.open(t, cadence)
	t.Cleanup(func() { f.store.Close() })
	return f
}

func (f *fixture) open(t *testing.T, cadence int) {
	t.Helper()
	var err error
	if f.store, err = store.Open(t.Context(), f.path); err != nil {
		t.Fatal(err)
	}
	account := wire.Account{ID: "000000000000", Region: "us-east-1"}
	keys := &wire.Keys{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}
	var h http.Handler
	inProcess := wire.Client(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r) }), keys, account)
	log := slog.New(slog.DiscardHandler)
	f.Service, err = autoscaling.New(t.Context(), autoscaling.Config{
		Store: f.store, Account: account, Log: log, Cadence: cadence, AWS: inProcess,
		Capacity: f.capacity, SetCapacity: f.setCapacity,
	})
	if err != nil {
		t.Fatal(err)
	}
	f.metrics.service, err = cloudwatch.New(t.Context(), cloudwatch.Config{
		Store: f.store, Account: account, Log: log, Cadence: cadence, Collect: f.metrics.collect, Act: f.Invoke,
	})
	if err != nil {
		t.Fatal(err)
	}
	h = wire.NewHandler(wire.Config{Services: []*wire.Service{f.Wire(), f.metrics.service.Wire()}, Keys: keys})
	f.client = aas.NewFromConfig(inProcess)
	f.metrics.client = awscloudwatch.NewFromConfig(inProcess)
}

// restart closes the store and opens all anew.
func (f *fixture) restart(t *testing.T, cadence int) {
	t.Helper()
	if err := f.store.Close(); err != nil {
		t.Fatal(err)
	}
	f.open(t, cadence)
}

// run runs the service until the returned function is called.
func (f *fixture) run(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, run := range []func(context.Context) error{f.Run, f.metrics.service.Run} {
		wg.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	return func() { cancel(); wg.Wait() }
}

func (f *fixture) register(t *testing.T, least, most int32) {
	t.Helper()
	if _, err := f.client.RegisterScalableTarget(t.Context(), target(&least, &most)); err != nil {
		t.Fatal(err)
	}
}

func target(least, most *int32) *aas.RegisterScalableTargetInput {
	return &aas.RegisterScalableTargetInput{
		ServiceNamespace: types.ServiceNamespaceEcs, ScalableDimension: types.ScalableDimensionECSServiceDesiredCount,
		ResourceId: new(resource), MinCapacity: least, MaxCapacity: most,
	}
}

func stepPolicy(name string, c *types.StepScalingPolicyConfiguration) *aas.PutScalingPolicyInput {
	return &aas.PutScalingPolicyInput{
		ServiceNamespace: types.ServiceNamespaceEcs, ScalableDimension: types.ScalableDimensionECSServiceDesiredCount,
		ResourceId: new(resource), PolicyName: &name, PolicyType: types.PolicyTypeStepScaling, StepScalingPolicyConfiguration: c,
	}
}

func step(lower, upper *float64, adjustment int32) types.StepAdjustment {
	return types.StepAdjustment{MetricIntervalLowerBound: lower, MetricIntervalUpperBound: upper, ScalingAdjustment: &adjustment}
}

// put makes a policy and returns its ARN.
func (f *fixture) put(t *testing.T, in *aas.PutScalingPolicyInput) string {
	t.Helper()
	out, err := f.client.PutScalingPolicy(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return *out.PolicyARN
}

func (f *fixture) invoke(t *testing.T, arn string, c scaling.Comparison, threshold, value float64) {
	t.Helper()
	b := scaling.Breach{Alarm: "depth", Comparison: c, Threshold: threshold, Values: []float64{value}}
	if err := f.Invoke(t.Context(), arn, b); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) schedule(t *testing.T, name, schedule string, least, most *int32) {
	t.Helper()
	if _, err := f.client.PutScheduledAction(t.Context(), scheduled(name, schedule, least, most)); err != nil {
		t.Fatal(err)
	}
}

func scheduled(name, schedule string, least, most *int32) *aas.PutScheduledActionInput {
	return &aas.PutScheduledActionInput{
		ServiceNamespace: types.ServiceNamespaceEcs, ScalableDimension: types.ScalableDimensionECSServiceDesiredCount,
		ResourceId: new(resource), ScheduledActionName: &name, Schedule: &schedule,
		ScalableTargetAction: &types.ScalableTargetAction{MinCapacity: least, MaxCapacity: most},
	}
}

func at(when time.Time) string { return "at(" + when.UTC().Format("2006-01-02T15:04:05") + ")" }

// activities are told as "cause: description (status message)", oldest first.
func (f *fixture) activities(t *testing.T) []string {
	t.Helper()
	var told []string
	pages := aas.NewDescribeScalingActivitiesPaginator(f.client, &aas.DescribeScalingActivitiesInput{
		ServiceNamespace: types.ServiceNamespaceEcs, ResourceId: new(resource), MaxResults: new(int32(2)),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range page.ScalingActivities {
			told = append([]string{*a.Cause + ": " + *a.Description + " (" + *a.StatusMessage + ")"}, told...)
		}
	}
	return told
}

// wantFault checks an error as a client of the SDK sees it.
func wantFault(t *testing.T, err error, code, message string) {
	t.Helper()
	fault, ok := errors.AsType[smithy.APIError](err)
	if !ok || fault.ErrorCode() != code || fault.ErrorMessage() != message {
		t.Errorf("got error %v, want %s: %s", err, code, message)
	}
}
