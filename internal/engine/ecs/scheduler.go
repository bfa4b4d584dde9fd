package ecs

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/spate-run/spate/internal/store"
)

const (
	// describable is how long a stopped task or an inactive service is kept.
	describable = time.Hour
	// saveRetry is the pause after the store could not be written.
	saveRetry = time.Second
)

// Run starts and stops tasks until its context ends. Then it stops them all,
// and returns when they are recorded as stopped.
func (s *Service) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return s.end(context.WithoutCancel(ctx))
		case <-s.wake:
		case <-timer.C:
		}
		timer.Stop()
		if next := s.decide(context.WithoutCancel(ctx)); !next.IsZero() {
			timer.Reset(time.Until(next))
		}
	}
}

// decide brings tasks to what services want, writes that, and acts on it. It
// returns when it has to be called again even if nothing changes; zero means
// never.
func (s *Service) decide(ctx context.Context) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for _, v := range s.services {
		if v.pending || !v.due.IsZero() && !now.Before(v.due) {
			s.roll(v, now)
		}
	}
	s.place(now)
	next := s.forget(now)
	for _, v := range s.services {
		next = earlier(next, v.due)
	}
	if err := s.save(ctx); err != nil {
		s.log.Error("tasks cannot be scheduled", "error", err)
		return now.Add(saveRetry)
	}
	s.act()
	s.discard(ctx)
	return next
}

// earlier returns the earlier of two moments; zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// place gives waiting tasks their share of the machine, strictly in their
// order: a large one is not overtaken for ever by small ones. Only one that waits
// for no more than a GPU lets those pass that need none.
func (s *Service) place(now time.Time) {
	var passed []*task
	for i, t := range s.waiting {
		switch {
		case t.Status != statusProvisioning:
		case s.lacksGPUs(t.Size):
			s.become(t, t.stop(types.TaskStopCodeTaskFailedToStart, noGPU, now))
		case t.Size.GPUs > 0 && (len(passed) > 0 || s.gpusTaken(t.Size)):
			s.sayNoGPU(t, now)
			if len(passed) == 0 {
				s.makeRoom(t, now)
			}
			passed = append(passed, t)
		case !s.config.Capacity.Reserve(t.Size):
			s.makeRoom(t, now)
			clear(s.waiting[:i])
			if s.waiting = s.waiting[i:]; len(passed) > 0 {
				s.waiting = append(passed, s.waiting...)
			}
			return
		default:
			*t = s.giveGPUs(*t)
			next := t.place(now)
			next.execution = s.newExecution(t)
			s.become(t, next)
			s.launches = append(s.launches, next.execution)
		}
	}
	s.waiting = passed
}

// become makes a task its next self, and does what follows from that.
func (s *Service) become(t *task, next task) {
	was := *t
	*t = next
	s.dirty.tasks[t] = true
	if was.wanted() && !t.wanted() && t.execution != nil {
		s.halts = append(s.halts, t.execution)
	}
	if was.Status != statusStopped && t.Status == statusStopped {
		s.retire(t)
	}
	if v := s.services[t.Cluster+"/"+t.Service]; v != nil {
		v.pending = true
	}
	s.rouse()
}

// commit writes a task's next self before it becomes that.
func (s *Service) commit(ctx context.Context, t *task, next task) error {
	if err := s.tables.tasks.Save(ctx, t.ID, next); err != nil {
		return err
	}
	s.become(t, next)
	delete(s.dirty.tasks, t)
	return nil
}

// retire takes back what a stopped task held.
func (s *Service) retire(t *task) {
	if t.Placed {
		s.config.Capacity.Release(t.Size)
		t.Placed = false
	}
	delete(s.secrets, t.Secret)
	s.untidy = true
	s.stopped = append(s.stopped, t)
	v := s.services[t.Cluster+"/"+t.Service]
	if v == nil {
		return
	}
	delete(v.tasks, t)
	switch {
	case t.miscarried():
		s.miscarry(v, t)
	case t.hasty():
		v.backoff = v.backoff.paused(t.StoppedAt)
	}
}

// act starts and stops what has been decided, now that it is written.
func (s *Service) act() {
	for _, x := range s.launches {
		ctx, cancel := context.WithCancel(context.Background())
		x.halt = cancel
		s.executions.Go(func() {
			x.run(ctx)
			s.ran(x)
		})
	}
	for _, x := range s.halts {
		x.halt()
	}
	s.launches, s.halts = nil, nil
}

// forget removes what stopped an hour ago, and returns when it next has to.
func (s *Service) forget(now time.Time) time.Time {
	var next time.Time
	for len(s.stopped) > 0 {
		t := s.stopped[0]
		if until := t.StoppedAt.Add(describable); now.Before(until) {
			next = until
			break
		}
		delete(s.tasks, t.ID)
		delete(s.dirty.tasks, t)
		s.dirty.others = append(s.dirty.others, func(tx *store.Tx) error { return s.tables.tasks.Delete(tx, t.ID) })
		s.stopped[0] = nil
		s.stopped = s.stopped[1:]
	}
	for key, v := range s.services {
		if v.Status != serviceInactive {
			continue
		}
		if until := v.EndedAt.Add(describable); now.Before(until) {
			next = earlier(next, until)
			continue
		}
		delete(s.services, key)
		delete(s.dirty.services, v)
		s.dirty.others = append(s.dirty.others, func(tx *store.Tx) error {
			return errors.Join(s.removeEvents(tx, v.events), s.tables.services.Delete(tx, key))
		})
	}
	return next
}

// end stops every task at once, each in its own time, and waits for them.
func (s *Service) end(ctx context.Context) error {
	s.mu.Lock()
	now := time.Now()
	for _, t := range s.tasks {
		if t.Status != statusStopped {
			s.become(t, t.stop(types.TaskStopCodeTerminationNotice, hostEnded("stopped"), now))
		}
	}
	err := s.save(ctx)
	s.act()
	s.mu.Unlock()

	s.executions.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(err, s.save(ctx))
}
