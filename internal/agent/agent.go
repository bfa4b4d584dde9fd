package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/record"
	"github.com/spate-run/spate/internal/runner"
	"github.com/spate-run/spate/internal/runner/group"
)

// A Config is what a worker works with. FromEnv reads it from a task's
// environment.
type Config struct {
	// Queue is the URL of the queue. It is needed.
	Queue string
	// Bucket holds the records of runs. It is needed.
	Bucket string
	// Command is the job's command with its placeholders. It is needed.
	Command []string
	// AWS says how SQS, S3 and ECS are reached. With a BaseEndpoint, buckets
	// are addressed by path.
	AWS aws.Config
	// Agent is ECS_AGENT_URI, where protection is asked for; without it tasks
	// are not protected.
	Agent string
	// Metadata is ECS_CONTAINER_METADATA_URI_V4, which tells the task's ARN.
	Metadata string
	// Parent is the process that the worker must not outlive; 0 means none.
	Parent int
	// Dir is where the worker makes its folder; empty means the system's folder
	// for temporary files, or /spate where there is none.
	Dir string
	// Environ is the environment of jobs, to which spate's variables are added.
	Environ []string
	// Output gets what jobs print, as it comes; nil discards it.
	Output io.Writer
	// Log is the worker's own; nil discards it.
	Log *slog.Logger
	// Tell sends the job's address a subject, a line of at most 100 letters of
	// ASCII, and a text: that a run is done. nil where nobody is to be told.
	Tell func(ctx context.Context, subject, text string) error

	// Poll is how long a receive waits for a message: 20 s where it is 0.
	Poll time.Duration
	// Visibility is how long a message stays hidden after a heartbeat, and
	// Heartbeat the time between two: 120 s and 30 s where they are 0.
	Visibility, Heartbeat time.Duration
	// Watch is the time between two looks for a run's cancellation: 3 s where
	// it is 0.
	Watch time.Duration
	// Pause is for how long a worker without protection rests: 30 s where it
	// is 0.
	Pause time.Duration

	// Procs is how many threads run Go code at once, and GCPercent is GOGC's
	// value, while the worker works; both stay as they are where they are 0.
	Procs, GCPercent int
}

func (c Config) withDefaults() Config {
	c.Poll = cmp.Or(c.Poll, 20*time.Second)
	c.Visibility = cmp.Or(c.Visibility, 120*time.Second)
	c.Heartbeat = cmp.Or(c.Heartbeat, 30*time.Second)
	c.Watch = cmp.Or(c.Watch, 3*time.Second)
	c.Pause = cmp.Or(c.Pause, 30*time.Second)
	if c.Output == nil {
		c.Output = io.Discard
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

func (c Config) validate() error {
	switch {
	case c.Queue == "":
		return errors.New("there is no queue: " + envQueue + " is not set")
	case c.Bucket == "":
		return errors.New("there is no bucket: " + envBucket + " is not set")
	case len(c.Command) == 0:
		return errors.New("there is no command to run for a message")
	}
	return nil
}

// Why work ends before its time.
var (
	errOrphaned  = errors.New("the engine has ended")
	errStopped   = errors.New("the worker was told to stop")
	errTimedOut  = errors.New("timed out")
	errCancelled = errors.New("the run is cancelled")
)

// A worker executes the jobs of one queue, one after the other.
type worker struct {
	Config
	sqs        *sqs.Client
	records    *record.Store
	task       *task
	protection *protection
	reaper     *group.Reaper
	host       string
	dir        string
	spaces     []*space // that are free
	spacesMade int
	runs       map[string]*run // those that messages named
	receipts   chan string     // of messages to delete
	orphaned   chan struct{}   // closed when the engine has ended
}

// Run works until ctx ends, which is how a worker is told to stop, or until
// there is nothing left to work for: then it returns an error. It takes every
// other child of this process for a stray of its jobs, so there is one worker
// in a process, and nothing else in it starts processes.
func Run(ctx context.Context, c Config) error {
	if err := c.validate(); err != nil {
		return err
	}
	defer c.tune()()
	w, err := newWorker(c.withDefaults())
	if err != nil {
		return err
	}
	defer w.close()
	// Whoever reads our output may end before us, and before our job.
	broken := make(chan os.Signal, 1)
	signal.Notify(broken, syscall.SIGPIPE)
	defer signal.Stop(broken)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if w.Parent == 0 {
		return w.work(ctx)
	}
	watching, unwatch := context.WithCancel(context.WithoutCancel(ctx))
	var watch sync.WaitGroup
	defer watch.Wait()
	defer unwatch()
	watch.Go(func() { w.watchParent(watching, ctx.Done(), stop) })
	return w.work(ctx)
}

// tune sets the runtime up for a worker. The function undoes it.
func (c Config) tune() func() {
	procs := runtime.GOMAXPROCS(c.Procs) // 0 only asks
	if c.GCPercent == 0 {
		return func() { runtime.GOMAXPROCS(procs) }
	}
	percent := debug.SetGCPercent(c.GCPercent)
	return func() {
		runtime.GOMAXPROCS(procs)
		debug.SetGCPercent(percent)
	}
}

func newWorker(c Config) (*worker, error) {
	dir, err := makeDir(c.Dir)
	if err != nil {
		return nil, err
	}
	reaper, err := group.NewReaper()
	if err != nil {
		c.Log.Warn("children that leave their session will not be found", "error", err)
	}
	w := &worker{
		Config:     c,
		sqs:        sqs.NewFromConfig(c.AWS),
		task:       newTask(c, ecs.NewFromConfig(c.AWS)),
		protection: newProtection(c),
		reaper:     reaper,
		dir:        dir,
		runs:       map[string]*run{},
		receipts:   make(chan string, deleteMost),
		orphaned:   make(chan struct{}),
	}
	w.records = &record.Store{Bucket: c.Bucket, S3: s3.NewFromConfig(c.AWS, func(o *s3.Options) {
		o.UsePathStyle = c.AWS.BaseEndpoint != nil
	})}
	w.host, _ = os.Hostname() // only told, never relied on
	return w, nil
}

// makeDir makes the worker's own folder. An image made from scratch may have
// no folder for temporary files.
func makeDir(base string) (string, error) {
	const name = "spate-worker-"
	if base != "" {
		return makeDirIn(base, "") // where nobody looks for whose it is
	}
	dir, err := makeDirIn(os.TempDir(), name)
	if err != nil {
		dir, err = makeDirIn("/spate", name)
	}
	return dir, err
}

func makeDirIn(base, name string) (string, error) {
	base, err := filepath.Abs(base)
	if err == nil {
		err = os.MkdirAll(base, 0o777)
	}
	if err != nil {
		return "", fmt.Errorf("making the worker's folder: %w", err)
	}
	dir, err := os.MkdirTemp(base, name)
	if err != nil {
		return "", fmt.Errorf("making the worker's folder: %w", err)
	}
	return dir, nil
}

func (w *worker) close() {
	for _, s := range w.spaces {
		if err := s.close(); err != nil {
			w.Log.Warn("removing an attempt's folder", "error", err)
		}
	}
	w.reaper.Close()
	w.protection.close()
	if err := runner.RemoveAll(w.dir); err != nil {
		w.Log.Warn("removing the worker's folder", "error", err)
	}
}

// The time between two looks at who the parent is: not every kernel tells of
// its end. One that does stops the worker, and then there is no time to lose.
const (
	parentInterval = time.Second
	endingInterval = 10 * time.Millisecond
)

// watchParent ends all work when the engine that started this worker has
// ended: there is nobody left to tell.
func (w *worker) watchParent(ctx context.Context, stopped <-chan struct{}, stop context.CancelCauseFunc) {
	tick := time.NewTicker(parentInterval)
	defer tick.Stop()
	for os.Getppid() == w.Parent {
		select {
		case <-tick.C:
		case <-stopped:
			stopped = nil
			tick.Reset(endingInterval)
		case <-ctx.Done():
			return
		}
	}
	close(w.orphaned)
	stop(errOrphaned)
}

// outlive returns a context that ends a while after ctx does, or with the
// engine. The function frees it.
func (w *worker) outlive(ctx context.Context, while time.Duration) (context.Context, func()) {
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	var follow sync.WaitGroup
	follow.Go(func() {
		select {
		case <-longer.Done():
		case <-w.orphaned:
			cancel(errOrphaned)
		case <-ctx.Done():
			overdue := time.NewTimer(while)
			defer overdue.Stop()
			select {
			case <-longer.Done():
			case <-w.orphaned:
				cancel(errOrphaned)
			case <-overdue.C:
				cancel(errStopped)
			}
		}
	})
	return longer, func() {
		cancel(nil)
		follow.Wait()
	}
}

// The longest pause after a receive that was not answered; the first is a
// second, and they double.
const mostPause = 30 * time.Second

// work receives messages and executes their jobs until ctx ends.
func (w *worker) work(ctx context.Context) error {
	// ECS ends the task before this: it is the longest stop timeout.
	live, free := w.outlive(ctx, job.MaxStopTimeout)
	defer free()
	var deleting sync.WaitGroup
	defer deleting.Wait()
	deleting.Go(func() { w.deleteAll(live, w.receipts) })
	defer close(w.receipts)
	var last sync.WaitGroup // the records of the job before
	defer func() {
		last.Wait()
		w.lastLook(ctx, live)
	}()
	pause := time.Second
	for ctx.Err() == nil {
		message, err := w.receive(ctx)
		last.Wait()
		switch {
		case ctx.Err() != nil && message == nil:
		case isGone(err):
			return err
		case err != nil:
			w.Log.Error("receiving a message", "error", err)
			w.rest(ctx, pause)
			pause = min(2*pause, mostPause)
			continue
		case message == nil:
			w.idle(ctx)
		default:
			last.Go(w.handle(ctx, *message))
		}
		pause = time.Second
	}
	if cause := context.Cause(ctx); errors.Is(cause, errOrphaned) {
		return cause
	}
	return nil
}

// protectedPoll is how long a protected worker waits for its next message. An
// empty receive gives protection up, so that an idle task can be scaled in
// soon; the receives after that wait longer. Even so short a wait asks all of
// SQS's servers.
const protectedPoll = time.Second

// receive waits for a message, and returns nil where none came.
func (w *worker) receive(ctx context.Context) (*types.Message, error) {
	poll := w.Poll
	if w.protection.on() {
		poll = min(poll, protectedPoll)
	}
	// An answer that is this late is lost: the connection is dead.
	ctx, cancel := context.WithTimeout(ctx, w.Poll+20*time.Second)
	defer cancel()
	out, err := w.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl:                    &w.Queue,
		MaxNumberOfMessages:         1,
		WaitTimeSeconds:             seconds(poll),
		VisibilityTimeout:           seconds(w.Visibility),
		MessageAttributeNames:       []string{record.AttrRun, record.AttrIndex, record.AttrGeneration},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameApproximateReceiveCount},
	})
	if err != nil {
		return nil, fmt.Errorf("receiving from %s: %w", w.Queue, err)
	}
	if len(out.Messages) == 0 {
		return nil, nil
	}
	return &out.Messages[0], nil
}

// isGone says whether an error means that the queue does not exist any more.
func isGone(err error) bool {
	fault, ok := errors.AsType[smithy.APIError](err)
	return ok && (fault.ErrorCode() == "QueueDoesNotExist" || fault.ErrorCode() == "AWS.SimpleQueueService.NonExistentQueue")
}

// idle is what an empty receive means: the task may go, and this may have been
// the end of a run.
func (w *worker) idle(ctx context.Context) {
	if err := w.protection.clear(ctx); err != nil {
		w.Log.Warn("giving up task protection", "error", err)
	}
	w.finishRuns(ctx)
}

// rest waits for a while, or until ctx ends.
func (w *worker) rest(ctx context.Context, while time.Duration) {
	timer := time.NewTimer(while)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// seconds is a duration as SQS takes it, rounded up.
func seconds(d time.Duration) int32 {
	return int32((d + time.Second - 1) / time.Second)
}

// defaultJob holds the limits for messages that are not spate's.
func defaultJob() job.Job {
	return job.Job{
		Timeout:      job.Duration(job.DefaultTimeout),
		Retries:      job.DefaultRetries,
		RetryBackoff: job.Duration(job.DefaultRetryBackoff),
		StopTimeout:  job.Duration(job.DefaultStopTimeout),
	}
}
