package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

// Pauses between attempts double from the first to the longest.
const (
	firstPause   = time.Second
	longestPause = 10 * time.Minute
)

// Config is what a Queue needs.
type Config struct {
	Store *store.Store
	Log   *slog.Logger
	// Kind names the queue's documents in the store, such as
	// "scheduler.delivery".
	Kind string
	// Do makes a call. A [*wire.Fault] that blames the request is not tried
	// again.
	Do func(context.Context, Call) error
}

// A Queue holds the deliveries of one service.
type Queue struct {
	config Config
	table  store.Table[Delivery]
	added  chan struct{} // holds a token when there are new ones

	mu      sync.Mutex
	waiting map[string]Delivery
}

// NewQueue returns the queue with what the store holds.
func NewQueue(ctx context.Context, config Config) (*Queue, error) {
	q := &Queue{config: config, table: store.NewTable[Delivery](config.Store, config.Kind), added: make(chan struct{}, 1)}
	var err error
	q.waiting, err = q.table.All(ctx)
	return q, err
}

// Put stores deliveries as part of a change; Add takes them up once that is
// done.
func (q *Queue) Put(tx *store.Tx, all ...Delivery) error {
	for _, d := range all {
		if err := q.table.Put(tx, d.ID, d); err != nil {
			return err
		}
	}
	return nil
}

// Add takes up deliveries that are stored.
func (q *Queue) Add(all ...Delivery) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, d := range all {
		q.waiting[d.ID] = d
	}
	select {
	case q.added <- struct{}{}:
	default:
	}
}

// Run delivers until ctx ends.
func (q *Queue) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-q.added:
		case <-timer.C:
		}
		for {
			d, ok := q.next()
			wait := time.Until(d.Due)
			if !ok {
				wait = time.Minute
			}
			if wait > 0 {
				timer.Reset(min(wait, time.Minute)) // so that a changed clock is noticed
				break
			}
			if err := q.deliver(ctx, d); err != nil {
				if ctx.Err() == nil {
					q.config.Log.ErrorContext(ctx, "delivery was not recorded", "delivery", d.ID, "error", err)
				}
				timer.Reset(firstPause)
				break
			}
		}
	}
}

// next is the delivery that is due first.
func (q *Queue) next() (Delivery, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return Delivery{}, false
	}
	return slices.MinFunc(slices.Collect(maps.Values(q.waiting)), func(a, b Delivery) int {
		return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.ID, b.ID))
	}), true
}

// deliver makes an attempt and records how it went.
func (q *Queue) deliver(ctx context.Context, d Delivery) error {
	err := q.config.Do(ctx, d.attempt())
	if ctx.Err() != nil {
		return ctx.Err() // it may not have been made
	}
	if err == nil {
		return q.remove(ctx, d)
	}
	d.Attempts++
	pause := min(firstPause<<min(d.Attempts-1, 20), longestPause)
	exhausted := ""
	switch {
	case permanent(err):
	case d.Attempts > d.Policy.Retries:
		exhausted = "MaximumRetryAttempts"
	case time.Since(d.At)+pause > d.Policy.MaxAge:
		exhausted = "MaximumEventAgeInSeconds"
	default:
		d.Due = time.Now().Add(pause).UTC()
		return q.keep(ctx, d)
	}
	q.bury(ctx, d, err, exhausted)
	return q.remove(ctx, d)
}

// permanent tells errors that another attempt would meet as well.
func permanent(err error) bool {
	fault, ok := errors.AsType[*wire.Fault](err)
	return ok && fault.Status < http.StatusInternalServerError && fault.Status != http.StatusTooManyRequests
}

// bury reports a delivery that failed for good.
func (q *Queue) bury(ctx context.Context, d Delivery, cause error, exhausted string) {
	q.config.Log.WarnContext(ctx, "call was not delivered",
		"service", d.Call.Service, "operation", d.Call.Operation, "attempts", d.Attempts, "error", cause)
	if d.DeadLetters == "" {
		return
	}
	code, message := "InternalFailure", cause.Error()
	if fault, ok := errors.AsType[*wire.Fault](cause); ok {
		code, message = fault.Code, fault.Message
	}
	call, err := d.deadLetter(code, message, exhausted)
	if err == nil {
		err = q.config.Do(ctx, call)
	}
	if err != nil {
		q.config.Log.WarnContext(ctx, "dead letter was not sent", "queue", d.DeadLetters, "error", err)
	}
}

func (q *Queue) keep(ctx context.Context, d Delivery) error {
	if err := q.table.Save(ctx, d.ID, d); err != nil {
		return fmt.Errorf("keeping delivery: %w", err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting[d.ID] = d
	return nil
}

func (q *Queue) remove(ctx context.Context, d Delivery) error {
	if err := q.table.Remove(ctx, d.ID); err != nil {
		return fmt.Errorf("removing delivery: %w", err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.waiting, d.ID)
	return nil
}
