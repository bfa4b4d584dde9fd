package simulation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	sdkecs "github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/spate-run/spate/internal/engine/autoscaling"
	"github.com/spate-run/spate/internal/engine/cloudwatch"
	"github.com/spate-run/spate/internal/engine/ecs"
	"github.com/spate-run/spate/internal/engine/s3"
	"github.com/spate-run/spate/internal/engine/sqs"
	"github.com/spate-run/spate/internal/runner"
	"github.com/spate-run/spate/internal/scaling"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

var account = wire.Account{ID: "000000000000", Region: "us-east-1"}

// tasksToken begins the session tokens of processes, which end with the engine.
const tasksToken = "tasks"

// lastingToken begins those of containers.
const lastingToken = tasksToken + ".container"

// An engine is the services over one home, until it ends.
type engine struct {
	dir     string
	store   *store.Store
	sqs     *sqs.Service
	handler http.Handler
	facade  *facade
	weather *weather
	stop    func() error
}

// start starts an engine on a home.
func (w *world) start(dir string) (_ *engine, err error) {
	ctx := context.Background()
	log := slog.New(w.chronicle)
	e := &engine{dir: dir, facade: newFacade(w), weather: &w.weather}
	if e.store, err = store.Open(ctx, filepath.Join(dir, "x.db")); err != nil {
		return nil, err
	}
	inside := wire.Client(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { e.handler.ServeHTTP(rw, r) }), nil, account)
	if e.sqs, err = sqs.New(ctx, sqs.Config{Store: e.store, Account: account, Endpoint: *inside.BaseEndpoint, Tasks: tasksToken, Log: log}); err != nil {
		return nil, err
	}
	e.facade.queues = e.sqs
	objects, err := s3.New(ctx, s3.Config{Store: e.store, Dir: filepath.Join(dir, "objects"), Log: log})
	if err != nil {
		return nil, err
	}
	tasks, err := ecs.New(ctx, ecs.Config{
		Store: e.store, Account: account, Log: log, Endpoint: *inside.BaseEndpoint, AWS: inside,
		Runner: e.facade.runner(), Capacity: runner.NewCapacity(runner.Size{CPU: 1024 * w.plan.slots, Memory: 2048 * w.plan.slots}),
	})
	if err != nil {
		return nil, err
	}
	policies, err := w.newAutoscaling(ctx, e, tasks, inside, log)
	if err != nil {
		return nil, err
	}
	metrics, err := cloudwatch.New(ctx, cloudwatch.Config{
		Store: e.store, Account: account, Log: log, Cadence: w.plan.cadence,
		Collect: func(context.Context) []cloudwatch.Datum { return e.weather.report(e.sqs.Counts()) },
		Act: func(ctx context.Context, action string, b scaling.Breach) error {
			return policies.Invoke(ctx, action, b)
		},
	})
	if err != nil {
		return nil, err
	}
	api := wire.NewHandler(wire.Config{
		Services: []*wire.Service{e.sqs.Wire(), tasks.Wire(), policies.Wire(), metrics.Wire()}, Objects: objects, Log: log,
	})
	agent := tasks.AgentHandler()
	e.handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/_spate/ecs/") {
			agent.ServeHTTP(rw, r)
			return
		}
		api.ServeHTTP(rw, r)
	})
	e.run(tasks.Run, e.sqs.Run, objects.Run, metrics.Run, policies.Run)
	return e, nil
}

// newAutoscaling watches every count that is set besides setting it. It calls
// ECS without the wire between: it does so each minute.
func (w *world) newAutoscaling(ctx context.Context, e *engine, services *ecs.Service, inside aws.Config, log *slog.Logger) (*autoscaling.Service, error) {
	return autoscaling.New(ctx, autoscaling.Config{
		Store: e.store, Account: account, Log: log, Cadence: w.plan.cadence, AWS: inside,
		Capacity: func(ctx context.Context, _ string) (int, error) {
			out, err := services.DescribeServices(ctx, &sdkecs.DescribeServicesInput{Services: []string{serviceName}})
			if err != nil {
				return 0, err
			}
			if len(out.Services) == 0 {
				return 0, errors.New("there is no service")
			}
			return int(out.Services[0].DesiredCount), nil
		},
		SetCapacity: func(ctx context.Context, _ string, n int) error {
			if e.facade.isDead() {
				return errDown
			}
			w.chronicle.note("desired count %d", n)
			w.counts = append(w.counts, n)
			if n > w.plan.limit {
				w.chronicle.blame("the desired count was set to %d, above the limit of %d", n, w.plan.limit)
			}
			_, err := services.UpdateService(ctx, &sdkecs.UpdateServiceInput{Service: aws.String(serviceName), DesiredCount: new(int32(n))})
			return err
		},
	})
}

// run runs the services; ECS ends before those that it works with.
func (e *engine) run(tasks func(context.Context) error, others ...func(context.Context) error) {
	first, endFirst := context.WithCancel(context.Background())
	rest, endRest := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- tasks(first) }()
	var group sync.WaitGroup
	errs := make([]error, len(others))
	for i, run := range others {
		group.Go(func() { errs[i] = run(rest) })
	}
	e.stop = func() error {
		endFirst()
		err := <-ended
		endRest()
		group.Wait()
		return errors.Join(append(errs, err, e.store.Close())...)
	}
}

// kill ends the engine as a power cut would, and returns a copy of its home as
// it was at that moment. No goroutine of it may be at work.
func (e *engine) kill(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(filepath.Join(e.dir, "x.db"+suffix))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "x.db"+suffix), data, 0o600); err != nil {
			return err
		}
	}
	if err := os.CopyFS(filepath.Join(dir, "objects"), os.DirFS(filepath.Join(e.dir, "objects"))); err != nil {
		return fmt.Errorf("copying objects: %w", err)
	}
	e.facade.detach()
	return e.stop()
}

// A door is how clients reach the engine, whichever is there.
type door struct{ w *world }

var errDown = errors.New("connection refused")

func (d door) RoundTrip(r *http.Request) (*http.Response, error) {
	if d.w.engine == nil {
		return nil, errDown
	}
	return wire.Transport(d.w.engine.handler).RoundTrip(r)
}

// A weather is how SQS's metrics come in: in time, late, or not at all.
type weather struct {
	mu      sync.Mutex
	late    int // minutes
	silent  bool
	reports [][]sqs.QueueCount
}

func (w *weather) set(late int, silent bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.late, w.silent = late, silent
}

func (w *weather) report(now []sqs.QueueCount) []cloudwatch.Datum {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reports = append(w.reports, now)
	w.reports = w.reports[max(0, len(w.reports)-20):]
	if w.silent {
		return nil
	}
	var data []cloudwatch.Datum
	for _, c := range w.reports[max(0, len(w.reports)-1-w.late)] {
		dimensions := []types.Dimension{{Name: new("QueueName"), Value: new(c.Name)}}
		for name, value := range map[string]int{
			"ApproximateNumberOfMessagesVisible":    c.Visible,
			"ApproximateNumberOfMessagesNotVisible": c.InFlight,
			"ApproximateNumberOfMessagesDelayed":    c.Delayed,
		} {
			data = append(data, cloudwatch.Datum{
				Namespace: "AWS/SQS", Metric: name, Dimensions: dimensions, Value: float64(value), Unit: types.StandardUnitCount,
			})
		}
	}
	return data
}
