package plan

import (
	"fmt"
	"time"
)

// How long a service is looked at between runs, and how long its count has to
// stay for it to be at rest: longer than a queue's metrics go on.
const (
	longestLook = 60 * 24 * time.Hour
	stays       = 7 * time.Hour
	lastDay     = 24 * time.Hour
)

// sleepsAfter is how long SQS sends metrics of a queue that nobody touches.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/monitoring-using-cloudwatch.html
const sleepsAfter = 6 * time.Hour

// settle finds where the service stands between runs: from the count that it was
// created with, to where its alarms and policies take it while the queue is
// empty. Tasks that run poll the queue, and so keep its metrics coming.
func (m *Model) settle() {
	m.Capacity.Desired = min(max(m.Capacity.Created, m.Capacity.Min), m.Capacity.Max)
	cloud := Cloud{MetricDelay: interval}
	s := newSim(m, &cloud, &Load{}, 0, nil)
	needed := stays
	for _, p := range m.Policies {
		needed = max(needed, time.Duration(p.Alarm.Rule.Range())*p.Alarm.Period+time.Hour)
	}
	var touched, changed time.Duration
	var counts []int // of the last day
	s.measured, s.wakes = 0, -never
	for now := interval; now < longestLook && now-changed < needed; now += interval {
		s.now, s.running = moment(now), s.desired
		if s.running > 0 || m.Queue.Touched {
			touched = now
		}
		if now-touched > sleepsAfter {
			s.wakes = never
		} else {
			s.wakes = -never
		}
		s.measure()
		s.sample()
		before := s.desired
		s.scaler.act(s)
		if s.desired != before {
			changed = now
		}
		if counts = append(counts, s.desired); len(counts) > int(lastDay/interval) {
			counts = counts[1:]
		}
		if now-changed >= needed-interval {
			counts = []int{s.desired}
		}
	}
	m.Capacity.Desired, m.Capacity.Idle = s.desired, 0
	for _, n := range counts {
		m.Capacity.Idle += float64(n) / float64(len(counts))
	}
}

// RestWords tell of a service that does not scale in to its minimum between
// runs; they are empty for others.
func (m *Model) RestWords() string {
	c := m.Capacity
	switch {
	case len(m.Policies) == 0 || c.Desired <= c.Min && c.Idle <= float64(c.Min):
		return ""
	case c.Idle != float64(c.Desired):
		return fmt.Sprintf("between runs the service goes up and down, %.0f tasks in the mean: its alarms work against each other", c.Idle)
	case c.Desired > max(c.Created, c.Min):
		return fmt.Sprintf("between runs the service climbs to %d of at most %d tasks and stays there: an alarm scales out while the queue is empty", c.Desired, c.Max)
	}
	return fmt.Sprintf("between runs the service stays at %d of at least %d tasks: no alarm scales in while the queue is empty", c.Desired, c.Min)
}
