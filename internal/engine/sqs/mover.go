package sqs

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/spate-run/spate/internal/store"
)

// A pace says when a task may move how many messages.
type pace struct {
	since int64 // Unix milliseconds: when its first message was due
	done  int64 // messages since then
	next  int64 // when to look again
}

const (
	moveStep  = 100 // messages that a task without a rate moves at a time
	movePause = 100 // milliseconds at least between two steps of one with a rate
)

func (p *pace) start(now int64) { *p = pace{since: now, next: now} }

// most is how many messages may be moved now.
func (p *pace) most(rate int32, now int64) int64 {
	if rate == 0 {
		return moveStep
	}
	return min(1+(now-p.since)*int64(rate)/1000-p.done, int64(rate))
}

// moved takes note of messages that have been moved.
func (p *pace) moved(n int64, rate int32, now int64) {
	p.done += n
	p.next = now
	if rate == 0 {
		return
	}
	p.next = p.since + (p.done*1000+int64(rate)-1)/int64(rate)
	if p.next-now < movePause && rate > 1000/movePause {
		p.next = now + movePause
	}
}

// runMoves moves messages, as its tasks say, until ctx ends.
func (s *Service) runMoves(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-s.move:
		}
		next := int64(math.MaxInt64)
		for _, q := range s.moving() {
			next = min(next, s.stepMove(ctx, q))
		}
		wait := time.Hour
		if next < math.MaxInt64 {
			wait = time.Until(time.UnixMilli(next))
		}
		timer.Reset(wait)
	}
}

// moving returns the queues that messages are moved out of.
func (s *Service) moving() []*queue {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*queue
	for _, q := range s.queues {
		if q.running() != nil {
			all = append(all, q)
		}
	}
	return all
}

// A passage is what one step of a task moves: messages that are claimed, each
// with what it becomes.
type passage struct {
	left    []*message
	arrived []*message
	targets []*queue // of each
	places  map[*queue]*arrival
}

// stepMove moves the messages that a task may move now, and returns when it has
// to be looked at again, in Unix milliseconds.
func (s *Service) stepMove(ctx context.Context, q *queue) int64 {
	s.mu.Lock()
	task := q.running()
	now := nowMilli()
	if task == nil || q.deleted {
		s.mu.Unlock()
		return math.MaxInt64
	}
	if task.pace.next > now {
		defer s.mu.Unlock()
		return task.pace.next
	}
	s.advance(q, now)
	claimed := q.pick(int(min(task.pace.most(task.Rate, now), task.ToMove-task.Moved)))
	s.mu.Unlock()

	if err := s.commitMove(ctx, q, task, claimed); err != nil {
		if ctx.Err() == nil {
			s.log.Error("moving messages of a queue", "queue", q.name, "err", err)
		}
		return nowMilli() + time.Second.Milliseconds()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return task.pace.next
}

// commitMove makes a step of a task one change, with what the task is after it.
func (s *Service) commitMove(ctx context.Context, q *queue, task *moveTask, claimed []*message) error {
	s.gate.RLock()
	defer s.gate.RUnlock()
	s.mu.Lock()
	if q.deleted || q.running() != task { // since they were claimed
		s.settle(q, claimed)
		s.mu.Unlock()
		return nil
	}
	s.mu.Unlock()
	p, after, err := s.planMove(ctx, q, task, claimed)
	if err == nil {
		err = s.store.Update(ctx, func(tx *store.Tx) error {
			if err := s.carryAll(tx, p); err != nil {
				return err
			}
			return s.moves.Put(tx, after.ID, after)
		})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for target, place := range p.places {
		s.turn(target, place)
		defer s.arrived(target, place)
	}
	if err == nil {
		now := nowMilli()
		*task = after
		task.pace.moved(int64(len(p.arrived)), task.Rate, now)
		s.carry(q, p, now)
	}
	s.settle(q, claimed)
	return err
}

// carryAll makes messages new ones of other queues, as part of a change.
func (s *Service) carryAll(tx *store.Tx, p passage) error {
	for i, m := range p.arrived {
		target := p.targets[i]
		if isFIFO(target.name) {
			if err := s.number(tx, target, p.places[target], m); err != nil {
				return err
			}
		}
		if err := carryMessage(tx, p.left[i].id, target.ID, m); err != nil {
			return err
		}
	}
	return nil
}

// planMove decides where claimed messages go, and what becomes of the task. It
// ends when it has moved as many as there were at its start, or finds none, and
// fails at a message that has nowhere to go.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/troubleshooting-dlq-redrive.html
func (s *Service) planMove(ctx context.Context, q *queue, task *moveTask, claimed []*message) (p passage, after moveTask, err error) {
	sources, err := s.sourcesOf(ctx, task, claimed)
	if err != nil {
		return p, after, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	after = *task
	p.places = map[*queue]*arrival{}
	now := nowMilli()
	for i, m := range claimed {
		if m.gone {
			continue
		}
		target := s.byARN(sources[i])
		if target == nil {
			after.Status, after.Failure = moveFailed, "AWS.SimpleQueueService.NonExistentQueue"
			if sources[i] == "" {
				after.Failure = "CouldNotDetermineMessageSource"
			}
			break
		}
		s.lastMessage++
		p.left = append(p.left, m)
		p.targets = append(p.targets, target)
		if target.fifo && p.places[target] == nil {
			p.places[target] = &arrival{}
		}
		p.arrived = append(p.arrived, &message{
			id: s.lastMessage, uuid: newUUID(), sent: now,
			delivery: delivery{due: now + int64(target.delay)*1000},
		})
	}
	after.Moved += int64(len(p.left))
	if after.Status == moveRunning && (after.Moved >= after.ToMove || len(claimed) == 0) {
		after.Status = moveCompleted
	}
	return p, after, nil
}

// sourcesOf returns the ARN of the queue that each message goes to, "" where
// nothing says so.
func (s *Service) sourcesOf(ctx context.Context, task *moveTask, claimed []*message) ([]string, error) {
	sources := make([]string, len(claimed))
	for i, m := range claimed {
		switch {
		case task.Destination != "":
			sources[i] = task.Destination
		case m.payload != nil: // nobody else lets go of a claimed message's
			sources[i] = m.payload.source
		default:
			row := s.store.QueryRow(ctx, "SELECT source FROM sqs_message WHERE id = ?", m.id)
			if err := row.Scan(&sources[i]); err != nil {
				return nil, fmt.Errorf("reading message %d: %w", m.id, err)
			}
		}
	}
	return sources, nil
}

// carry moves messages in memory, where the store has moved them: they are new
// ones. The caller holds mu.
func (s *Service) carry(q *queue, p passage, now int64) {
	for i, m := range p.left {
		if m.gone {
			continue
		}
		body, group := m.payload, m.lane.group
		s.drop(q, m)
		if body != nil {
			copied := *body
			copied.source = ""
			s.hold(p.arrived[i], &copied)
		}
		s.add(p.targets[i], group, p.arrived[i], now)
	}
	for _, target := range p.targets {
		s.advance(target, now)
	}
}
