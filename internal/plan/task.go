package plan

import (
	"cmp"

	"github.com/spate-run/spate/internal/sorting"
)

// A stage is how far a task has come.
//
//	launching ──► starting ──► idle ◄──► busy
//	     └────────────┴─────────┴─────────┴──► ended
type stage uint8

const (
	ended    stage = iota
	starting       // launching too, until its launch
	idle
	busy
)

// A task is one of the service's.
type task struct {
	epoch     uint32
	serial    uint64 // in the order of creation
	stage     stage
	protected bool
	rests     moment // when a receive comes back empty, and its protection ends
	launch    moment // from when it is billed
	ready     moment // from when its program runs
	began     moment // of the attempt it works on
	job       int32
	receipt   uint32
	fails     bool // the attempt will
	late      bool // the attempt takes longer than the timeout
	spot      bool
	dies      moment // when Spot takes it back
}

// launches spaces the tasks that an account and a service may start.
type launches struct {
	burst             int
	gap, serviceGap   moment
	tokens            float64
	filled            moment // when tokens was right
	account, service_ moment // the next free moments
}

func newLaunches(c *Cloud) launches {
	l := launches{burst: c.Burst, tokens: float64(c.Burst), filled: -never, account: -never, service_: -never}
	if c.Rate > 0 {
		l.gap = moment(1e9 / c.Rate)
	}
	if c.ServiceRate > 0 {
		l.serviceGap = moment(1e9 / c.ServiceRate)
	}
	return l
}

// next is when a task that is wanted now is launched.
func (l *launches) next(now moment) moment {
	at := now
	if l.gap > 0 {
		at = max(at, l.filled)
		l.tokens = min(float64(l.burst), l.tokens+float64(at-l.filled)/float64(l.gap))
		l.filled = at
		if l.tokens < 1 {
			wait := moment((1 - l.tokens) * float64(l.gap))
			at += wait
			l.filled, l.tokens = at, 1
		}
		l.tokens--
	}
	if l.serviceGap > 0 {
		at = max(at, l.service_)
		l.service_ = at + l.serviceGap
	}
	return at
}

// launch wants a task more.
func (s *sim) launch() {
	id := int32(len(s.tasks))
	if n := len(s.free); n > 0 {
		id, s.free = s.free[n-1], s.free[:n-1]
	} else {
		s.tasks = append(s.tasks, task{})
	}
	t := &s.tasks[id]
	s.serial++
	*t = task{epoch: t.epoch + 1, serial: s.serial, stage: starting, dies: never}
	t.launch = s.launches.next(s.now)
	t.ready = t.launch + moment(s.cloud.start(s.chance, t.serial))
	if s.model.Task.Spot > 0 {
		s.doom(t)
	}
	s.count++
	s.out.Peak = max(s.out.Peak, s.count)
	s.events.push(newEvent(t.ready, taskUp, t.epoch, id))
	s.tell(TaskLaunched, id)
	if s.out.FirstLaunch < 0 && s.now >= 0 {
		s.out.FirstLaunch = duration(s.now)
	}
}

// doom decides whether a task is on Spot, and when that takes it back.
func (s *sim) doom(t *task) {
	share := s.chance.unit(drawInterruption, 2*t.serial)
	t.spot = share < s.model.Task.Spot
	if t.spot && s.hazard > 0 {
		hours := s.chance.exponential(drawInterruption, 2*t.serial+1) / s.hazard
		t.dies = t.launch + moment(min(hours*3600e9, never/2))
	}
}

// up begins with a task's first receive.
func (s *sim) up(id int32) {
	t := &s.tasks[id]
	s.measure()
	s.running++
	if t.dies < never {
		s.events.push(newEvent(max(t.dies, s.now), taskDies, t.epoch, id))
	}
	t.stage = idle
	s.tell(TaskUp, id)
	if !s.take(id) {
		s.wait(id)
	}
}

// wait lets a task wait for a message, behind those that wait already.
func (s *sim) wait(id int32) {
	t := &s.tasks[id]
	t.stage = idle
	s.waiting = append(s.waiting, waiter{id, t.epoch})
}

// A waiter is a task that waits for a message.
type waiter struct {
	id    int32
	epoch uint32
}

// serve gives visible messages to the tasks that wait.
func (s *sim) serve() {
	for s.waitHead < len(s.waiting) && s.queue.visible() > 0 {
		w := s.waiting[s.waitHead]
		if t := &s.tasks[w.id]; t.epoch == w.epoch && t.stage == idle && !s.take(w.id) {
			break
		}
		s.waitHead++
	}
	if s.waitHead == len(s.waiting) {
		s.waiting, s.waitHead = s.waiting[:0], 0
	}
}

// stop ends a task. What it works on is lost.
func (s *sim) stop(id int32, interrupted bool) {
	t := &s.tasks[id]
	s.measure()
	switch t.stage {
	case idle:
		s.running--
	case busy:
		s.running--
		s.busy--
		s.abandon(id, interrupted)
	}
	s.bill(t)
	s.count--
	t.stage, t.epoch = ended, t.epoch+1
	s.free = append(s.free, id)
	s.tell(TaskStopped, id)
}

// bill adds what a task costs until now.
func (s *sim) bill(t *task) {
	from := max(t.launch, 0)
	if s.now <= from {
		return
	}
	lasted := s.now - from
	s.out.Billed += duration(max(lasted, moment(s.cloud.LeastBilled)))
	s.out.TaskTime += duration(lasted)
	if t.stage == starting {
		s.out.Starting += duration(lasted)
	} else {
		s.out.Starting += duration(max(t.ready-from, 0))
	}
}

// settle brings the tasks to the desired count: it launches what is missing
// and stops what is too much, as far as protection lets it.
func (s *sim) settle() {
	wanted := min(s.desired, s.cloud.room(s.model))
	for s.count < wanted {
		s.launch()
	}
	if excess := s.count - s.desired; excess > 0 {
		s.scaleIn(excess)
	}
}

// scaleIn stops tasks: first those that do not run yet, then the newest. Of
// those that are protected none is stopped.
func (s *sim) scaleIn(excess int) {
	s.free2 = s.free2[:0]
	for id := range s.tasks {
		if t := &s.tasks[id]; t.stage != ended && !t.protected {
			s.free2 = append(s.free2, int32(id))
		}
	}
	rank := func(t *task) int {
		if t.stage == starting {
			return 0
		}
		return 1
	}
	if len(s.free2) > excess {
		sorting.By(s.free2, func(a, b int32) int {
			x, y := &s.tasks[a], &s.tasks[b]
			return cmp.Or(cmp.Compare(rank(x), rank(y)), cmp.Compare(y.serial, x.serial))
		})
	}
	for _, id := range s.free2[:min(excess, len(s.free2))] {
		s.stop(id, false)
	}
}
