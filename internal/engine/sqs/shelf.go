package sqs

import (
	"container/heap"
	"math"
)

// A lane is what a queue has of one message group. All messages of a standard
// queue that have no group share a lane.
type lane struct {
	group   string
	visible order
	busy    int // messages in flight, claimed ones included
	all     int // messages, wherever they are
	rank    int // its place among the lanes that have something to give; -1 for none

	// Of a FIFO queue's messages in flight, their numbers: those that are, and a
	// heap of those that are or were.
	held  map[int64]struct{}
	order numbers
}

// A shelf is what is visible in a queue, by message group.
//
// A FIFO queue gives the messages of a group in the order of their sequence
// numbers, and none that comes after one that is in flight: where the timeout of
// the first of a batch has ended before the second's, the first is given again,
// as AWS has been seen to do. A standard queue
// gives from the group that has the fewest messages in flight, so that a noisy
// one does not keep the others waiting; messages without a group are nobody's
// neighbours. Either way a message is found in O(log n).
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
type shelf struct {
	fifo  bool
	lanes map[string]*lane
	open  []*lane // a heap of the lanes that have something to give
	n     int     // visible messages
}

func newShelf(fifo bool) shelf {
	return shelf{fifo: fifo, lanes: map[string]*lane{}}
}

// visible is the number of messages that are visible, those of a FIFO queue
// included that wait for others of their group.
func (s *shelf) visible() int { return s.n }

// lane returns the lane of a group, which it makes if there is none.
func (s *shelf) lane(group string) *lane {
	l := s.lanes[group]
	if l == nil {
		l = &lane{group: group, visible: order{bySequence: s.fifo}, rank: -1}
		s.lanes[group] = l
	}
	return l
}

// put makes a message visible.
func (s *shelf) put(m *message) {
	m.lane.visible.add(m)
	s.n++
	s.mend(m.lane)
}

// remove takes a visible message out.
func (s *shelf) remove(m *message) {
	m.lane.visible.remove(m)
	s.n--
	s.mend(m.lane)
}

// count changes how many messages a message's lane has, and how many of them are
// in flight, by the message itself.
func (s *shelf) count(m *message, all, busy int) {
	l := m.lane
	l.all += all
	l.busy += busy
	if s.fifo {
		l.hold(m.id, busy)
	}
	s.mend(l)
	if l.all == 0 {
		delete(s.lanes, l.group)
	}
}

// mend puts a lane that has changed where it belongs.
func (s *shelf) mend(l *lane) {
	gives := l.visible.Len() > 0 && (!s.fifo || l.visible.items[0].id < l.barred())
	switch {
	case gives && l.rank < 0:
		heap.Push(s, l)
	case gives:
		heap.Fix(s, l.rank)
	case l.rank >= 0:
		heap.Remove(s, l.rank)
	}
}

// hold notes that a message is in flight, or no longer.
func (l *lane) hold(number int64, busy int) {
	switch {
	case busy > 0:
		if l.held == nil {
			l.held = map[int64]struct{}{}
		}
		l.held[number] = struct{}{}
		heap.Push(&l.order, number)
	case busy < 0:
		delete(l.held, number)
	}
}

// barred is the first number of a FIFO queue's lane from which on messages wait
// for one that is in flight.
func (l *lane) barred() int64 {
	for len(l.order) > 0 {
		if _, held := l.held[l.order[0]]; held {
			return l.order[0]
		}
		heap.Pop(&l.order)
	}
	return math.MaxInt64
}

// numbers is a heap.
type numbers []int64

func (n numbers) Len() int           { return len(n) }
func (n numbers) Less(i, j int) bool { return n[i] < n[j] }
func (n numbers) Swap(i, j int)      { n[i], n[j] = n[j], n[i] }
func (n *numbers) Push(x any)        { *n = append(*n, x.(int64)) }

func (n *numbers) Pop() any {
	last := len(*n) - 1
	number := (*n)[last]
	*n = (*n)[:last]
	return number
}

// load is how much a standard queue's lane has in flight.
func (l *lane) load() int {
	if l.group == "" {
		return 0
	}
	return l.busy
}

func (s *shelf) Len() int { return len(s.open) }

func (s *shelf) Less(i, j int) bool {
	a, b := s.open[i], s.open[j]
	if !s.fifo && a.load() != b.load() {
		return a.load() < b.load()
	}
	return a.visible.before(a.visible.items[0], b.visible.items[0])
}

func (s *shelf) Swap(i, j int) {
	s.open[i], s.open[j] = s.open[j], s.open[i]
	s.open[i].rank, s.open[j].rank = i, j
}

func (s *shelf) Push(x any) {
	l := x.(*lane)
	l.rank = len(s.open)
	s.open = append(s.open, l)
}

func (s *shelf) Pop() any {
	last := len(s.open) - 1
	l := s.open[last]
	s.open[last] = nil
	s.open = s.open[:last]
	l.rank = -1
	return l
}
