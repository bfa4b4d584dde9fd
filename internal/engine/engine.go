package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/spate-run/spate/internal/engine/autoscaling"
	"github.com/spate-run/spate/internal/engine/cloudformation"
	"github.com/spate-run/spate/internal/engine/cloudwatch"
	"github.com/spate-run/spate/internal/engine/ecr"
	"github.com/spate-run/spate/internal/engine/ecs"
	"github.com/spate-run/spate/internal/engine/events"
	"github.com/spate-run/spate/internal/engine/logs"
	"github.com/spate-run/spate/internal/engine/s3"
	"github.com/spate-run/spate/internal/engine/scheduler"
	"github.com/spate-run/spate/internal/engine/secretsmanager"
	"github.com/spate-run/spate/internal/engine/sns"
	"github.com/spate-run/spate/internal/engine/sqs"
	"github.com/spate-run/spate/internal/engine/ssm"
	"github.com/spate-run/spate/internal/engine/sts"
	"github.com/spate-run/spate/internal/runner"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

// FastCadence divides alarm periods, metric intervals and cooldowns by 60.
const FastCadence = 60

// A Config says how an engine runs. Only Home is required.
type Config struct {
	// Home is the folder of the engine's state. It is made when it is not
	// there.
	Home string
	// Listen is a loopback address such as "127.0.0.1:4100"; empty means the
	// port that the home keeps.
	Listen string
	// Cadence divides alarm periods, metric intervals and cooldowns: 0 and 1
	// mean AWS's own.
	Cadence int
	// QueueWait is how long the name of a deleted queue stays taken, and how long
	// after a purge the next one is refused. 0 means 60 s in AWS's own cadence, and
	// nothing in a faster one; below 0 nobody has to wait.
	QueueWait time.Duration
	// Ephemeral forgets everything when it is asked to, see ResetPath.
	Ephemeral bool
	// Open takes requests without a signature.
	Open bool
	// Quiet answers requests and starts nothing by itself: no tasks, no alarms,
	// no schedules. It is for looking at what earlier runs left.
	Quiet bool
	// Brief tells others that the engine ends with the command that brought it
	// up.
	Brief bool
	// Worker is the spate program to put in front of jobs; empty means this
	// very program.
	Worker string
	// Log takes what the engine has to say; nil means nothing.
	Log *slog.Logger
}

// queueWait is what the queues are told: below 0 for none.
func (c Config) queueWait() time.Duration {
	if c.QueueWait == 0 && c.Cadence > 1 {
		return -1
	}
	return c.QueueWait
}

// An Engine is a started engine. Run serves it.
type Engine struct {
	cfg      Config
	lock     *lock
	owner    string // marks the engine's processes
	store    *store.Store
	listener net.Listener
	address  Address
	handler  http.Handler
	runners  *runners
	bridge   *bridge
	inner    http.Handler // answers on the bridge
	services services
	ballast  []byte
	renewal  *renewal
}

// ballast is how many bytes of address space, which nobody touches and so no
// memory stands for, the collector takes for live. An engine's heap is small and
// its garbage much: without it a queue at work spends an eighth of its time on
// collections of a few megabytes. A limit of memory or a higher GOGC would serve
// small heaps as well, and harm an engine that holds a million messages.
const ballast = 32 << 20

// services are what the engine joins.
type services struct {
	sqs            *sqs.Service
	sts            *sts.Service
	s3             *s3.Service
	logs           *logs.Service
	ecs            *ecs.Service
	cloudwatch     *cloudwatch.Service
	autoscaling    *autoscaling.Service
	cloudformation *cloudformation.Service
	ssm            *ssm.Service
	secretsmanager *secretsmanager.Service
	ecr            *ecr.Service
	events         *events.Service
	scheduler      *scheduler.Service
	sns            *sns.Service
}

// Open takes the home, loads its state and listens. It answers requests once
// Run runs, which must be called, and which closes what Open opened.
func Open(ctx context.Context, cfg Config) (*Engine, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.Cadence = max(cfg.Cadence, 1)
	h := home(cfg.Home)
	cfg.Log = slog.New(&fullHandler{cfg.Log.Handler(), h})
	if err := os.MkdirAll(h.objects(), 0o700); err != nil {
		return nil, explain(h, &UnusableError{cfg.Home, err})
	}
	e := &Engine{cfg: cfg, bridge: newBridge(), ballast: make([]byte, ballast), renewal: newRenewal()}
	if err := e.open(ctx, h); err != nil {
		return nil, explain(h, errors.Join(err, e.close()))
	}
	return e, nil
}

func (e *Engine) open(ctx context.Context, h home) (err error) {
	if e.lock, err = takeLock(h); err != nil {
		return err
	}
	id, err := loadIdentity(h)
	if err != nil {
		return fmt.Errorf("loading the engine's identity: %w", err)
	}
	e.owner = h.owner(id)
	e.sweep(h)
	if err := e.listen(h, id); err != nil {
		return err
	}
	if err := e.load(ctx, h); err != nil {
		return err
	}
	return e.lock.publish(e.address)
}

// sweep ends what an engine of this home left behind that was killed: before
// there are addresses at which it could reach this one.
func (e *Engine) sweep(h home) {
	if e.cfg.Quiet {
		return // it gives no work to anybody
	}
	if n := runner.Sweep(e.owner); n > 0 {
		e.cfg.Log.Info("ended processes that an earlier engine of this home left", "processes", n)
	}
	if h.work() == "" {
		return
	}
	if err := runner.RemoveAll(h.work()); err != nil {
		e.cfg.Log.Warn("removing what workers of an earlier engine left", "error", err)
	}
}

// tasks begins the session tokens of the credentials that tasks get: what they
// hold of queues is told by it from what others do. They are processes, which the
// sweep has ended before a service hears of it; containers have another.
func (e *Engine) tasks() string {
	if e.cfg.Quiet {
		return "" // it starts none, and has ended none
	}
	return e.owner
}

// Region is the one region of an embedded engine.
const Region = "us-east-1"

// listen binds the address that was asked for, else the home's own port, else
// any free port, which the home then keeps.
func (e *Engine) listen(h home, id identity) (err error) {
	addr := e.cfg.Listen
	if addr == "" {
		addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(id.Port))
	}
	e.listener, err = net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) && e.cfg.Listen == "" {
		e.cfg.Log.Warn("the home's port is taken by another program", "port", id.Port)
		e.listener, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	at := e.listener.Addr().(*net.TCPAddr)
	if !at.IP.IsLoopback() {
		return fmt.Errorf("listening on %s: only loopback addresses are served", addr)
	}
	e.address = Address{
		Endpoint: "http://" + at.String(),
		Region:   Region,
		Keys:     id.Keys,
		Cadence:  e.cfg.Cadence,
		PID:      os.Getpid(),
		Quiet:    e.cfg.Quiet,
		Brief:    e.cfg.Brief,
	}
	if at.Port == id.Port || e.cfg.Listen != "" {
		return nil
	}
	id.Port = at.Port
	return saveIdentity(h, id)
}

// Address is how to reach the engine.
func (e *Engine) Address() Address { return e.address }

// Run serves the engine until ctx ends. Then it stops the tasks as ECS does
// (SIGTERM, and SIGKILL after their stop timeout) while it still answers them,
// and lets go of the home.
func (e *Engine) Run(ctx context.Context) error {
	handler, serve := e.handler, e.serveUntil
	if e.cfg.Ephemeral {
		handler, serve = e.front(ctx), e.serveRenewed
	}
	if e.cfg.Open {
		handler = refuseForeign(handler)
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 30 * time.Second,
		ErrorLog:          slog.NewLogLogger(e.cfg.Log.Handler(), slog.LevelWarn),
	}
	serving := make(chan error, 1)
	go func() { serving <- server.Serve(e.listener) }()

	err := serve(ctx)
	stopErr := server.Close()
	if serveErr := <-serving; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	return explain(home(e.cfg.Home), errors.Join(err, stopErr, e.close()))
}

func (e *Engine) serveUntil(ctx context.Context) error {
	if e.cfg.Quiet {
		<-ctx.Done()
		return nil
	}
	return e.runServices(ctx)
}

// runServices runs the services until ctx ends and the last task has stopped.
// The others run on while ECS stops its tasks, since a worker that is told to
// stop still has records to write.
func (e *Engine) runServices(ctx context.Context) error {
	rest, stopRest := context.WithCancel(context.WithoutCancel(ctx))
	defer stopRest()
	ecsCtx, stopECS := context.WithCancel(ctx)
	defer stopECS()

	var group errgroup.Group
	run := func(name string, ctx context.Context, service func(context.Context) error) {
		group.Go(func() error {
			err := service(ctx)
			if err == nil || errors.Is(err, context.Canceled) {
				return nil
			}
			stopECS() // one that fails takes the engine down, tasks first
			return fmt.Errorf("running %s: %w", name, err)
		})
	}
	s := e.services
	run("SQS", rest, s.sqs.Run)
	run("SNS", rest, s.sns.Run)
	run("S3", rest, s.s3.Run)
	run("Logs", rest, s.logs.Run)
	run("CloudWatch", rest, s.cloudwatch.Run)
	run("Application Auto Scaling", rest, s.autoscaling.Run)
	run("CloudFormation", rest, s.cloudformation.Run)
	run("EventBridge", ecsCtx, s.events.Run)
	run("EventBridge Scheduler", ecsCtx, s.scheduler.Run)
	run("the home's disk", ecsCtx, e.watchDisk)
	run("the store's space", ecsCtx, e.shrink)
	run("the bridge", rest, func(ctx context.Context) error { return e.bridge.serve(ctx, e.inner, e.cfg.Log) })
	run("ECS", ecsCtx, func(ctx context.Context) error {
		defer stopRest()
		return s.ecs.Run(ctx)
	})
	return group.Wait()
}

// close lets go of everything that open took; parts may be missing.
func (e *Engine) close() error {
	var errs []error
	if e.listener != nil {
		if err := e.listener.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	errs = append(errs, e.bridge.close())
	if e.runners != nil {
		errs = append(errs, e.runners.Close())
	}
	if e.store != nil {
		errs = append(errs, e.store.Close())
	}
	if e.lock != nil {
		errs = append(errs, e.lock.release())
	}
	return errors.Join(errs...)
}

// AccountID is the one account of an embedded engine.
const AccountID = "000000000000"

// account is whose resources an embedded engine holds.
func account() wire.Account { return wire.Account{ID: AccountID, Region: Region} }

// clusterAndService splits Application Auto Scaling's name of a service.
func clusterAndService(resourceID string) (cluster, service string, err error) {
	parts := strings.Split(resourceID, "/")
	if len(parts) != 3 || parts[0] != "service" {
		return "", "", fmt.Errorf("%q is not service/<cluster>/<service>", resourceID)
	}
	return parts[1], parts[2], nil
}

// newCapacity is what this machine holds.
func newCapacity() (*runner.Capacity, error) {
	size, err := runner.Machine()
	if err != nil {
		return nil, fmt.Errorf("measuring the machine: %w", err)
	}
	size.GPUs = len(runner.GPUs())
	return runner.NewCapacity(size), nil
}
