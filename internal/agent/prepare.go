package agent

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"golang.org/x/sync/errgroup"

	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/record"
)

// An attempt is one execution of the command for a message.
type attempt struct {
	*worker
	message delivery
	log     *slog.Logger
	lease   *lease
	run     *run // nil where the message is not spate's
	job     job.Job
	argv    []string
	past    history
	number  int
	space   *space
	started time.Time
}

// What a message may turn out to be before its job is run.
var (
	errHasResult   = errors.New("the job has a result")
	errUnprotected = errors.New("the task is not protected")
)

// The time before a message comes again: one that no worker understands, until
// the queue's redrive policy takes it; and one whose records cannot be reached.
const (
	unreadableDelay  = time.Second
	unreachableDelay = 5 * time.Second
)

// handle takes a message to the end of its job. What is left to do then, which
// may go on while the next message is asked for, is what it returns.
func (w *worker) handle(ctx context.Context, m types.Message) (finish func()) {
	lease := w.hold(ctx, deref(m.ReceiptHandle))
	// ECS ends the task before this: it is the longest stop timeout.
	live, free := w.outlive(ctx, job.MaxStopTimeout)
	a, err := w.prepare(ctx, live, m)
	if err != nil {
		defer free()
		w.decline(ctx, live, lease, m, err)
		return func() {}
	}
	a.lease = lease
	end := a.execute(ctx)
	if a.run != nil && strings.HasPrefix(end.Reason, record.NotStarted) && !strings.Contains(w.Command[0], "{") {
		// Nor will it be for the next message. Who follows the run cancels it
		// now, which workers know after this pause.
		defer free()
		a.settle(live, end)
		w.rest(ctx, w.Watch)
		return func() {}
	}
	return func() {
		defer free()
		a.settle(live, end)
	}
}

// decline decides what becomes of a message whose job is not run.
func (w *worker) decline(ctx, live context.Context, l *lease, m types.Message, err error) {
	log := w.Log.With("message", deref(m.MessageId))
	_, unreadable := errors.AsType[*unreadableError](err)
	switch {
	case errors.Is(err, errHasResult), errors.Is(err, errCancelled):
		log.Info("deleting a message unrun", "reason", err)
		l.delete()
	case ctx.Err() != nil:
		l.handBack(live, 0)
	case errors.Is(err, errUnprotected):
		log.Warn("handing a message back", "reason", err)
		l.handBack(live, 0)
		w.rest(ctx, w.Pause)
	case unreadable:
		log.Error("handing a message back", "reason", err)
		l.handBack(live, unreadableDelay)
	default:
		log.Error("handing a message back", "reason", err)
		l.handBack(live, unreachableDelay)
		w.rest(ctx, time.Second)
	}
}

// prepare does what has to be done before a job's command can start, and
// claims the attempt.
func (w *worker) prepare(ctx, live context.Context, m types.Message) (*attempt, error) {
	d, err := read(m)
	if err != nil {
		return nil, err
	}
	a := &attempt{worker: w, message: d, job: defaultJob(), number: d.receives}
	a.log = w.Log.With("message", d.id)
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := w.protection.set(groupCtx); err != nil {
			return fmt.Errorf("%w: %w", errUnprotected, err)
		}
		return nil
	})
	if d.job != nil {
		a.log = w.Log.With("run", d.job.run, "job", d.job.index)
		group.Go(func() (err error) {
			a.run, err = w.openRun(groupCtx, d.job.run)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if a.argv, err = job.Expand(w.Command, d.config); err != nil {
		return nil, &unreadableError{err}
	}
	if a.run == nil {
		a.started = now()
		return a, nil
	}
	a.job = a.run.Job
	if err := ctx.Err(); err != nil {
		return nil, err // before there is an attempt to interrupt
	}
	cancelled, err := w.isCancelled(ctx, a.run, d.job.generation)
	if err != nil {
		return nil, err
	}
	if cancelled {
		return nil, errCancelled
	}
	return a, a.claim(ctx, live)
}

// claim takes the number of the attempt: who puts its start.json has it. A
// message's first delivery has attempt 1, unless that is taken; what became of
// earlier attempts matters only then.
func (a *attempt) claim(ctx, live context.Context) error {
	r := *a.message.job
	a.number = 1
	look := a.message.receives > 1
	for {
		if look {
			if err := a.recall(ctx, live, r); err != nil {
				return err
			}
			a.number = a.past.next()
		}
		a.started = now()
		body, err := json.Marshal(record.Start{
			Run: r.run, Index: r.index, Generation: r.generation, Attempt: a.number,
			Task: a.task.ARN(ctx), Host: a.host, Claim: rand.Text(), Started: a.started,
		})
		if err != nil {
			return err
		}
		// From here on the attempt has to get an end, also when ctx ends.
		created, err := a.records.PutIfAbsent(live, r.prefix(a.number)+"start.json", body)
		if err != nil || created {
			return err
		}
		look = true
	}
}

// recall reads the job's earlier attempts. Where there is to be no further
// one, it sees to it that the job has its result, and says so.
func (a *attempt) recall(ctx, live context.Context, r ref) error {
	there, err := a.records.Exists(ctx, record.ResultKey(r.run, r.generation, r.index))
	if err != nil {
		return err
	}
	if there {
		return errHasResult
	}
	if a.past, err = a.history(ctx, r); err != nil {
		return err
	}
	if !a.past.isOver(a.job) {
		return nil
	}
	if err := a.conclude(live, r); err != nil {
		return err
	}
	return errHasResult
}
