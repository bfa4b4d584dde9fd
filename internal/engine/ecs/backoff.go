package ecs

import (
	"slices"
	"time"
)

// How the replacing of tasks that do not come to work slows down. ECS's own
// longest pause is 27 minutes, which nobody would wait for at a desk.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-throttle-logic.html
const (
	firstPause   = time.Second
	longestPause = 5 * time.Minute
	// calm is how long after a pause no task may fail for the next failure to
	// count as the first again.
	calm = 5 * time.Minute
	// consistent is how many failures in a row a service event is made of.
	consistent = 3
)

// A backoff is how a service's tasks have been failing.
type backoff struct {
	failures int
	until    time.Time // when the next task may be started
}

// failed is the backoff after one more failure. Failures during a pause belong
// to the one that brought it about: tasks that were started together count
// once.
func (b backoff) failed(now time.Time) backoff {
	if now.Before(b.until) {
		return b
	}
	if now.Sub(b.until) > calm {
		b.failures = 0
	}
	b.failures++
	pause := longestPause
	if b.failures < 10 { // 2^9 s is more than the longest pause
		pause = min(pause, firstPause<<(b.failures-1))
	}
	b.until = now.Add(pause)
	return b
}

// paused is the backoff after a task that ended well, but at once: the next
// one may wait a moment.
func (b backoff) paused(now time.Time) backoff {
	if pause := now.Add(firstPause); b.until.Before(pause) {
		b.until = pause
	}
	return b
}

// miscarry notes that a task of a service never came to work.
func (s *Service) miscarry(v *service, t *task) {
	v.Deployments = slices.Clone(v.Deployments)
	for i := range v.Deployments {
		if d := &v.Deployments[i]; d.ID == t.Deployment {
			d.Failed++
			if v.calmed(d.ID, t.StoppedAt) {
				d.Failed = 0 // it came to work: what fails now is replaced, and no more
			}
			s.dirty.services[v] = true
		}
	}
	if t.Deployment != v.primary().ID {
		return // the next task is of another definition
	}
	was := v.backoff.failures
	v.backoff = v.backoff.failed(t.StoppedAt)
	if v.backoff.failures != was && v.backoff.failures >= consistent {
		s.say(v, t.StoppedAt, "is unable to consistently start tasks successfully. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.")
	}
	s.trip(v, t.StoppedAt)
}
