package sqs

import (
	"maps"
	"slices"
	"time"
)

// A QueueCount is what CloudWatch's metrics of a queue are made of.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
type QueueCount struct {
	Name string
	// Messages there are now.
	Visible, InFlight, Delayed int
	// OldestAge is how long ago the oldest message was sent, 0 for none.
	OldestAge time.Duration
	// Messages sent, received and deleted, and receives that found nothing,
	// since the last call of Counts.
	Sent, Received, Deleted, Empty int
	// Sizes are those of the messages sent, in bytes.
	Sizes Sizes
}

// Sizes sum up the sizes of messages, as many as were sent.
type Sizes struct{ Sum, Smallest, Largest int }

// sent counts a message that was sent.
func (c *QueueCount) sent(size int) {
	if c.Sent == 0 || size < c.Sizes.Smallest {
		c.Sizes.Smallest = size
	}
	c.Sizes.Largest = max(c.Sizes.Largest, size)
	c.Sizes.Sum += size
	c.Sent++
}

// Counts counts every queue, in the order of their names, and sets the counters
// of what happened back to 0.
func (s *Service) Counts() []QueueCount {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := nowMilli()
	var counts []QueueCount
	for _, name := range slices.Sorted(maps.Keys(s.queues)) {
		q := s.queues[name]
		s.advance(q, now)
		c := q.counts
		q.counts = QueueCount{}
		c.Name = name
		c.Visible, c.InFlight, c.Delayed = q.ready.visible(), q.invisible(), q.delayed.Len()
		if q.all.Len() > 0 {
			c.OldestAge = time.Duration(now-q.all.items[0].sent) * time.Millisecond
		}
		counts = append(counts, c)
	}
	return counts
}
