package plan

// take lets a task receive a message and begin with it; it is false when none
// is visible. The event that is due first must be void or handled.
func (s *sim) take(id int32) bool {
	t := &s.tasks[id]
	job, m, ok := s.receive()
	if !ok {
		return false
	}
	end := s.begin(t, id, job, m)
	s.events.push(newEvent(end, attemptEnds, t.epoch, id))
	return true
}

// receive takes messages until there is one to work on; those that were
// received too often go to the dead-letter queue.
func (s *sim) receive() (int32, *message, bool) {
	for {
		job, m, ok := s.queue.next()
		if !ok {
			return 0, nil, false
		}
		s.out.Receives++
		if m == nil && s.keeps {
			return job, nil, true
		}
		if m == nil {
			m = s.queue.know(job)
		}
		if most := s.model.Queue.MaxReceives; most > 0 && m.receives >= most {
			s.bury(m)
			continue
		}
		m.place = taken
		m.receipt++
		m.receives++
		m.working++
		if !s.keeps {
			s.events.push(newEvent(s.now+moment(s.model.Queue.Visibility), messageBack, m.receipt, job))
		}
		return job, m, true
	}
}

// bury moves a message to the dead-letter queue.
func (s *sim) bury(m *message) {
	s.queue.taken--
	m.place = dead
	s.out.DeadLetters++
	if m.working == 0 && !m.done {
		s.lose()
	}
	s.queue.forget(m)
}

// lose ends a job that will have no result.
func (s *sim) lose() {
	s.out.Lost++
	s.conclude()
}

// conclude counts a job that has come to its end.
func (s *sim) conclude() {
	s.finished++
	s.out.Finish = duration(s.now)
	if s.finished == s.load.Jobs && s.kicked {
		s.least = 0 // the client takes the minimum back
	}
}

// begin starts an attempt and returns when it ends.
func (s *sim) begin(t *task, id, job int32, m *message) moment {
	s.measure()
	if t.stage != busy {
		s.busy++
		for len(s.tailAt) <= s.busy {
			s.tailAt = append(s.tailAt, 0)
		}
	}
	t.stage, t.protected = busy, s.model.Task.Worker
	t.job, t.began, t.receipt = job, s.now, 0
	takes := s.load.duration(s.chance, job)
	t.fails, t.late = false, false
	if limit := moment(s.load.Timeout); s.model.Task.Worker && limit > 0 && takes > limit {
		takes, t.fails, t.late = limit, true, true
	}
	attempt := uint64(0)
	if m != nil {
		t.receipt, attempt = m.receipt, uint64(m.receives)
	}
	if s.load.Failure > 0 && s.chance.unit(drawFailure, uint64(job)<<20+attempt) < s.load.Failure {
		t.fails = true
	}
	s.out.Attempts++
	if s.out.FirstStart < 0 {
		s.out.FirstStart = duration(s.now)
	}
	if s.watch != nil {
		s.watch(Event{At: duration(s.now), Kind: JobStarted, Number: int(job), Task: int(t.serial)})
	}
	return s.now + takes
}

// finish ends the attempt of the first event, and lets its task go on with the
// next message.
func (s *sim) finish(id int32) {
	t := &s.tasks[id]
	s.succeedOrFail(t)
	if job, m, ok := s.receive(); ok {
		// The attempt's event is replaced; what receive pushed was later.
		end := s.begin(t, id, job, m)
		s.events.replace(newEvent(end, attemptEnds, t.epoch, id))
		return
	}
	s.events.pop()
	s.measure()
	s.tailAt[s.busy] = s.now
	s.busy--
	t.stage = idle
	if t.protected {
		if s.cloud.Poll > 0 {
			t.rests = s.now + moment(s.cloud.Poll)
			s.events.push(newEvent(t.rests, workerRests, t.epoch, id))
		} else {
			t.protected = false
		}
	}
	s.wait(id)
	if !t.protected && s.count > s.desired {
		s.scaleIn(s.count - s.desired)
	}
}

// succeedOrFail settles what an attempt has come to.
func (s *sim) succeedOrFail(t *task) {
	if s.watch != nil {
		s.watch(Event{At: duration(s.now), Kind: JobEnded, Number: int(t.job), Task: int(t.serial)})
	}
	var m *message
	if len(s.queue.known) > 0 {
		m = s.queue.known[t.job]
	}
	switch {
	case t.fails:
		s.out.Wasted += duration(s.now - t.began)
		s.fail(t, m)
	case m == nil:
		s.queue.taken--
		s.succeed(t)
	default:
		m.working--
		if m.done {
			s.out.Repeated++
			s.out.Wasted += duration(s.now - t.began)
		} else {
			m.done = true
			s.succeed(t)
		}
		// A receipt that is not the latest deletes nothing.
		if m.receipt == t.receipt && m.place != dead {
			s.queue.remove(m)
		}
		s.queue.forget(m)
	}
}

func (s *sim) succeed(t *task) {
	s.out.Done++
	s.out.Useful += duration(s.now - t.began)
	if last := duration(s.now - t.began); last > s.out.Longest {
		s.out.Longest = last
	}
	s.out.LastBegan = duration(t.began)
	s.conclude()
}

// fail ends an attempt that failed. The worker tries again, after a pause that
// doubles; others leave it to the visibility timeout.
func (s *sim) fail(t *task, m *message) {
	s.out.Failures++
	if m == nil {
		m = s.track(t)
	}
	if !s.model.Task.Worker {
		s.leave(m)
		return
	}
	m.working--
	m.failures++
	if m.failures > s.load.Retries {
		s.queue.remove(m)
		s.queue.forget(m)
		s.out.Failed++
		if t.late {
			s.out.TimedOut++
		}
		s.conclude()
		return
	}
	s.events.push(newEvent(s.now+moment(s.load.pause(m.failures)), messageBack, m.receipt, m.job))
}

// abandon takes a job from a task that ends. The worker hands its message back
// at once; otherwise it comes back when its visibility timeout is over.
func (s *sim) abandon(id int32, interrupted bool) {
	t := &s.tasks[id]
	if interrupted {
		s.out.Interrupted++
	} else {
		s.out.Killed++
	}
	s.out.Wasted += duration(s.now - t.began)
	s.tailAt[min(s.busy+1, len(s.tailAt)-1)] = s.now
	if s.watch != nil {
		s.watch(Event{At: duration(s.now), Kind: JobLost, Number: int(t.job), Task: int(t.serial)})
	}
	m := s.queue.known[t.job]
	if m == nil {
		m = s.track(t)
	}
	if !s.model.Task.Worker {
		s.leave(m)
		return
	}
	m.working--
	s.queue.putBack(m)
	s.serve()
}

// track begins to keep account of a message that a task works on.
func (s *sim) track(t *task) *message {
	m := s.queue.know(t.job)
	m.place, m.receives, m.working = taken, 1, 1
	return m
}

// leave gives an attempt up without a word to the queue: the message comes
// back when its visibility timeout is over, if it can.
func (s *sim) leave(m *message) {
	m.working--
	if s.load.Extends {
		s.events.push(newEvent(s.now+moment(s.model.Queue.Visibility), messageBack, m.receipt, m.job))
		return
	}
	if m.place == dead && m.working == 0 && !m.done {
		s.lose()
	}
	s.queue.forget(m)
}

// die ends a task that Spot takes back; the service starts another.
func (s *sim) die(e event) {
	t := &s.tasks[e.id()]
	if t.epoch&epochMask != e.epoch() || t.stage == ended {
		return
	}
	s.stop(e.id(), true)
	s.settle()
}

// unprotect ends a worker's protection after an empty receive.
func (s *sim) unprotect(e event) {
	t := &s.tasks[e.id()]
	if t.epoch&epochMask != e.epoch() || t.stage != idle || t.rests != s.now {
		return
	}
	t.protected = false
	if s.count > s.desired {
		s.stop(e.id(), false)
	}
}
