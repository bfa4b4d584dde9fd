package sqs

import (
	"container/heap"
	"math"
	"slices"
)

// A queue is a queue in memory. The service's mu guards it.
type queue struct {
	document
	settings
	name string

	ready    shelf
	delayed  order
	inFlight order
	all      ages               // every message, claimed ones too
	handed   map[int64]*message // received at least once: what handles can name
	waiters  []*waiter          // in the order they came
	moves    []*moveTask        // out of this queue; the newest last
	arrivals []*arrival         // on their way into a FIFO queue
	lastSent int64              // of a FIFO queue's last message
	attempts attempts           // receptions that clients of a FIFO queue may repeat
	deleted  bool
	counts   QueueCount // the counters since the last Counts
}

// A waiter is a receiver that found nothing.
type waiter struct {
	most  int
	batch chan []*message // gets claimed messages once; closed with its queue
}

func newQueue(name string, doc document) *queue {
	return &queue{document: doc, settings: doc.parsed(), name: name, ready: newShelf(isFIFO(name)), handed: map[int64]*message{}}
}

// invisible is the number of messages in flight, claimed ones included: a
// message whose deletion is not on disk yet is still there.
func (q *queue) invisible() int {
	return q.all.Len() - q.ready.visible() - q.delayed.Len()
}

func (q *queue) expiry(m *message) int64 {
	return m.sent + int64(q.retention)*1000
}

// next is when the queue's first message becomes visible or expires.
func (q *queue) next() int64 {
	next := int64(math.MaxInt64)
	for _, o := range []*order{&q.delayed, &q.inFlight} {
		if o.Len() > 0 {
			next = min(next, o.items[0].due)
		}
	}
	// A claimed message expires when its commit is over: place arms for it.
	if q.all.Len() > 0 && q.all.items[0].in != nil {
		next = min(next, q.expiry(q.all.items[0]))
	}
	return next
}

// add takes a message that is in the store into a queue. The caller holds mu,
// as do those of all functions below.
func (s *Service) add(q *queue, group string, m *message, now int64) {
	heap.Push(&q.all, m)
	m.lane = q.ready.lane(group)
	q.ready.count(m, 1, 1)
	q.lastSent = max(q.lastSent, m.sent)
	if m.received > m.base {
		q.handed[m.id] = m
	}
	s.place(q, m, now)
}

// place ends the claim of a message: it goes where its delivery says.
func (s *Service) place(q *queue, m *message, now int64) {
	switch {
	case m.gone:
		return
	case m.due <= now:
		q.ready.put(m)
		q.ready.count(m, 0, -1)
	case m.received > m.base:
		q.inFlight.add(m)
	default:
		q.delayed.add(m)
		q.ready.count(m, 0, -1)
	}
	if !m.visible() {
		s.arm(m.due)
	}
	s.arm(q.expiry(m))
}

// claim takes a message out of its order until place or drop.
func (q *queue) claim(m *message) {
	if m.in != &q.inFlight {
		q.ready.count(m, 0, 1)
	}
	q.lift(m)
}

// lift takes a message out of the order it is in.
func (q *queue) lift(m *message) {
	if m.visible() {
		q.ready.remove(m)
		return
	}
	m.in.remove(m)
}

// drop takes a message out of its queue for good.
func (s *Service) drop(q *queue, m *message) {
	if m.gone {
		return
	}
	m.gone = true
	busy := 0
	if m.in == nil || m.in == &q.inFlight {
		busy = 1
	}
	if m.in != nil {
		q.lift(m)
	}
	q.ready.count(m, -1, -busy)
	heap.Remove(&q.all, int(m.ageRank))
	delete(q.handed, m.id)
	delete(s.holders, m)
	s.release(m)
}

// clear drops all messages of a queue.
func (s *Service) clear(q *queue) {
	for _, m := range q.all.items {
		m.gone, m.in = true, nil
		delete(s.holders, m)
		s.release(m)
	}
	q.all, q.ready, q.delayed, q.inFlight = ages{}, newShelf(q.fifo), order{}, order{}
	q.handed = map[int64]*message{}
}

// hold keeps a payload in memory if the budget allows.
func (s *Service) hold(m *message, p *payload) {
	if m.payload != nil || m.gone || s.held+p.size() > payloadBudget {
		return
	}
	m.payload = p
	s.held += p.size()
}

// release lets go of a payload.
func (s *Service) release(m *message) {
	if m.payload != nil {
		s.held -= m.payload.size()
		m.payload = nil
	}
}

// advance makes a queue's time now: messages become visible, and expire.
func (s *Service) advance(q *queue, now int64) {
	for q.all.Len() > 0 && q.all.items[0].in != nil && q.expiry(q.all.items[0]) <= now {
		m := q.all.items[0]
		s.drop(q, m)
		s.expired = append(s.expired, m)
		s.arm(now)
	}
	for _, o := range []*order{&q.delayed, &q.inFlight} {
		for o.dueBy(now) {
			m := o.items[0]
			o.remove(m)
			q.ready.put(m)
			if o == &q.inFlight {
				q.ready.count(m, 0, -1)
			}
		}
	}
	q.serve()
}

// take claims up to most messages that are ready, as far as the limit of
// messages in flight allows.
func (q *queue) take(most int) []*message {
	return q.pick(min(most, inFlightLimit-q.invisible()))
}

// pick claims up to most messages that are ready: of a FIFO queue as many of one
// group as there are before its first that is in flight, before those of another.
func (q *queue) pick(most int) []*message {
	var batch []*message
	for len(batch) < most && q.ready.Len() > 0 {
		l := q.ready.open[0]
		barred := l.barred()
		for len(batch) < most && l.visible.Len() > 0 && (!q.fifo || l.visible.items[0].id < barred) {
			m := l.visible.items[0]
			q.claim(m)
			batch = append(batch, m)
			if !q.fifo {
				break
			}
		}
	}
	return batch
}

// serve hands what is ready to those who wait, first come, first served.
func (q *queue) serve() {
	for len(q.waiters) > 0 {
		batch := q.take(q.waiters[0].most)
		if len(batch) == 0 {
			return
		}
		q.waiters[0].batch <- batch
		q.waiters = slices.Delete(q.waiters, 0, 1)
	}
}

// leave takes a waiter out of the line, and says whether it was still there.
func (q *queue) leave(w *waiter) bool {
	i := slices.Index(q.waiters, w)
	if i < 0 {
		return false
	}
	q.waiters = slices.Delete(q.waiters, i, i+1)
	return true
}

// settle ends the claims of messages, which go where their deliveries say.
func (s *Service) settle(q *queue, messages []*message) {
	now := nowMilli()
	for _, m := range messages {
		s.place(q, m, now)
	}
	s.advance(q, now)
	s.settled.Broadcast()
}
