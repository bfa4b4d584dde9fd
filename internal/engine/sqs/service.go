package sqs

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

// Limits of the service.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-quotas.html
const (
	inFlightLimit  = 120_000 // messages in flight in a queue
	maxReceive     = 10
	maxBatch       = 10
	maxDelay       = 900    // seconds
	maxWait        = 20     // seconds
	maxVisibility  = 43_200 // seconds, from a message's reception
	queueWait      = 60 * time.Second
	payloadBudget  = 32 << 20 // bytes of payloads in memory
	discardAtATime = 1000     // expired messages deleted by one change
)

// A Config says what a service works with.
type Config struct {
	Store   *store.Store
	Account wire.Account
	// Endpoint is the base of queue URLs, such as "http://127.0.0.1:4566".
	Endpoint string
	// Tasks is the session token of the credentials that the engine's own tasks
	// have, or what it begins with, before a slash. What such tasks hold when the
	// service is made is visible at once: they ended with the engine before. (A
	// message that was handed back for later is not told from one that is held.)
	// Before anything else than a slash, it begins the tokens of tasks that
	// outlive the engine. Empty: there are no tasks, and what earlier ones held
	// stays hidden.
	Tasks string
	// Wait is how long the name of a deleted queue stays taken, and how long
	// after a purge of a queue the next one is refused. 0 means 60 s, as AWS has
	// it, and below 0 nobody has to wait.
	Wait time.Duration
	// Log gets what clients cannot be told; nil discards it.
	Log *slog.Logger
}

// A Service is SQS with its queues.
type Service struct {
	store     *store.Store
	table     store.Table[document]
	account   wire.Account
	endpoint  string
	tasks     string // session token
	queueWait time.Duration
	log       *slog.Logger
	moves     store.Table[moveTask]
	graves    store.Table[int64]
	wake      chan struct{} // tells Run that armed has come nearer
	move      chan struct{} // tells Run of a new move task

	// gate is held for reading while a change of messages is committed, and
	// for writing while one of queues is. Claim messages before entering it.
	gate sync.RWMutex

	// mu guards all below, and what is in queues.
	mu          sync.Mutex
	settled     sync.Cond // on mu: claims have ended
	queues      map[string]*queue
	deleted     map[string]int64 // when queues were deleted whose names are taken still, Unix milliseconds
	lastQueue   int64
	lastMessage int64
	holders     map[*message]holder // of what the engine's own tasks received last
	held        int                 // bytes of payloads in memory
	armed       int64               // when Run looks next, Unix milliseconds
	expired     []*message          // gone from memory, not yet from the store
}

// New returns a service with the queues and messages of its store. Delays,
// visibility timeouts, retention and move tasks need Run to go on by themselves.
func New(ctx context.Context, config Config) (*Service, error) {
	s := &Service{
		store:     config.Store,
		table:     store.NewTable[document](config.Store, "sqs.queue"),
		account:   config.Account,
		endpoint:  config.Endpoint,
		tasks:     config.Tasks,
		log:       config.Log,
		moves:     store.NewTable[moveTask](config.Store, "sqs.move"),
		graves:    store.NewTable[int64](config.Store, "sqs.deleted"),
		queueWait: cmp.Or(config.Wait, queueWait),
		deleted:   map[string]int64{},
		wake:      make(chan struct{}, 1),
		move:      make(chan struct{}, 1),
		queues:    map[string]*queue{},
		holders:   map[*message]holder{},
		armed:     math.MaxInt64,
	}
	s.settled.L = &s.mu
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if err := s.migrate(ctx); err != nil {
		return nil, fmt.Errorf("preparing the tables of sqs: %w", err)
	}
	if err := s.load(ctx); err != nil {
		return nil, fmt.Errorf("loading queues: %w", err)
	}
	return s, nil
}

// Wire returns the operations of the service.
func (s *Service) Wire() *wire.Service {
	w := &wire.Service{
		Name:         "sqs",
		Target:       "AmazonSQS",
		JSONVersion:  "1.0",
		QueryVersion: "2012-11-05",
		Namespace:    "http://queue.amazonaws.com/doc/2012-11-05/",
	}
	wire.Handle(w, s.createQueue)
	wire.Handle(w, s.getQueueURL)
	wire.Handle(w, s.listQueues)
	wire.Handle(w, s.listDeadLetterSourceQueues)
	wire.Handle(w, s.deleteQueue)
	wire.Handle(w, s.purgeQueue)
	wire.Handle(w, s.getQueueAttributes)
	wire.Handle(w, s.setQueueAttributes)
	wire.Handle(w, s.addPermission)
	wire.Handle(w, s.removePermission)
	wire.Handle(w, s.tagQueue)
	wire.Handle(w, s.untagQueue)
	wire.Handle(w, s.listQueueTags)
	wire.Handle(w, s.sendMessage)
	wire.Handle(w, s.sendMessageBatch)
	wire.Handle(w, s.receiveMessage)
	wire.Handle(w, s.deleteMessage)
	wire.Handle(w, s.deleteMessageBatch)
	wire.Handle(w, s.changeMessageVisibility)
	wire.Handle(w, s.changeMessageVisibilityBatch)
	wire.Handle(w, s.startMessageMoveTask)
	wire.Handle(w, s.cancelMessageMoveTask)
	wire.Handle(w, s.listMessageMoveTasks)
	return w
}

// Run makes delays, visibility timeouts and retention pass, and moves messages
// as tasks say, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { s.runMoves(ctx) })
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-s.wake:
		}
		next, expired := s.pass()
		s.discard(ctx, expired)
		timer.Reset(time.Until(next))
	}
}

// pass does what time asks for in every queue, and returns when it asks next
// and messages that have expired, not too many at once.
func (s *Service) pass() (next time.Time, expired []*message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := nowMilli()
	s.armed = 0 // nothing below needs to arm
	wake := now + time.Hour.Milliseconds()
	for _, q := range s.queues {
		s.advance(q, now)
		wake = min(wake, q.next())
	}
	n := min(len(s.expired), discardAtATime)
	expired, s.expired = s.expired[:n], s.expired[n:]
	if len(s.expired) > 0 {
		wake = now
	}
	s.armed = wake
	return time.UnixMilli(wake), expired
}

// discard deletes expired messages from the store. What it cannot delete is
// found expired again at the next start.
func (s *Service) discard(ctx context.Context, expired []*message) {
	if len(expired) == 0 {
		return
	}
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		return deleteMessages(tx, expired)
	})
	if err != nil && ctx.Err() == nil {
		s.log.Error("deleting expired messages", "messages", len(expired), "err", err)
	}
}

// arm makes Run look at due at the latest. The caller holds mu.
func (s *Service) arm(due int64) {
	if due >= s.armed {
		return
	}
	s.armed = due
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func nowMilli() int64 { return time.Now().UnixMilli() }
