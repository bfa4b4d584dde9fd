package sqs_test

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
)

// A modelQueue is what a queue does, in the plainest words: lists, and no index.
// Times are Unix milliseconds.
type modelQueue struct {
	name                         string
	fifo, byContent, byGroup     bool
	delay, visibility, retention int64 // seconds
	dead                         *modelQueue
	most                         int // receptions before a message dies
	messages                     []*modelled
	ids                          map[[2]string]modelSent // by scope and deduplication ID
	attempts                     map[string]*modelAttempt
	purged                       int64
}

type modelled struct {
	body, group, dedup, id, source string
	seq                            int
	sent, due                      int64
	received, base                 int
	handle                         string
}

type modelSent struct {
	at  int64
	id  string
	seq int
}

type modelAttempt struct {
	at    int64
	given []modelled // as they were
	of    []*modelled
}

func (m *modelled) visible(now int64) bool  { return m.due <= now }
func (m *modelled) inFlight(now int64) bool { return m.due > now && m.received > m.base }

// A model is what a service does.
type model struct {
	now    int64
	seq    int
	queues []*modelQueue
	task   *modelTask // that runs; there is one at a time
}

type modelTask struct {
	from, to      *modelQueue // to is nil for where messages came from
	rate          int64
	next          int64
	toMove, moved int
	status        string
}

// advance lets time pass: what is too old goes, and tasks move messages.
func (m *model) advance(now int64) {
	for m.task != nil && m.task.status == "RUNNING" && m.task.next <= now {
		m.now = max(m.now, m.task.next)
		m.step()
	}
	m.now = now
	m.expire()
}

func (m *model) expire() {
	for _, q := range m.queues {
		q.messages = slices.DeleteFunc(q.messages, func(x *modelled) bool { return x.sent+q.retention*1000 <= m.now })
	}
}

// step moves one message, or many where there is no rate.
func (m *model) step() {
	m.expire()
	t := m.task
	most := 100
	if t.rate > 0 {
		t.next, most = t.next+1000/t.rate, 1
	}
	picked := m.pick(t.from, min(most, t.toMove-t.moved))
	for _, x := range picked {
		to := t.to
		if to == nil {
			to = m.named(x.source)
		}
		if to == nil {
			t.status = "FAILED"
			return
		}
		t.from.drop(x)
		m.seq++
		to.messages = append(to.messages, &modelled{
			body: x.body, group: x.group, dedup: x.dedup, seq: m.seq, sent: m.now, due: m.now + to.delay*1000,
		})
		t.moved++
	}
	if t.moved == t.toMove || len(picked) == 0 {
		t.status = "COMPLETED"
	}
}

func (m *model) named(name string) *modelQueue {
	i := slices.IndexFunc(m.queues, func(q *modelQueue) bool { return q.name == name })
	if i < 0 {
		return nil
	}
	return m.queues[i]
}

func (q *modelQueue) drop(x *modelled) {
	q.messages = slices.DeleteFunc(q.messages, func(y *modelled) bool { return x == y })
}

// send returns the message's number, and the id of the one that it is a
// duplicate of.
func (m *model) send(q *modelQueue, body, group, dedup string, delay int64) (x *modelled, twin modelSent, duplicate bool) {
	if q.fifo && dedup == "" {
		sum := sha256.Sum256([]byte(body))
		dedup = hex.EncodeToString(sum[:])
	}
	scope := [2]string{"", dedup}
	if q.byGroup {
		scope[0] = group
	}
	if before, ok := q.ids[scope]; q.fifo && ok && m.now-before.at < 300_000 {
		return nil, before, true
	}
	m.seq++
	x = &modelled{body: body, group: group, dedup: dedup, seq: m.seq, sent: m.now, due: m.now + delay*1000}
	q.messages = append(q.messages, x)
	return x, modelSent{}, false
}

// sentAs takes note of the id that the service gave a message.
func (m *model) sentAs(q *modelQueue, x *modelled, id string) {
	x.id = id
	scope := [2]string{"", x.dedup}
	if q.byGroup {
		scope[0] = x.group
	}
	q.ids[scope] = modelSent{at: x.sent, id: id, seq: x.seq}
}

// pick returns the messages that come next. Those of a standard queue come from
// the group with the fewest in flight, and then as they have become visible;
// those of a FIFO queue as they were sent, as many as there are of one group, and
// none that was sent after one of its group that is in flight.
func (m *model) pick(q *modelQueue, most int) []*modelled {
	load, barred := map[string]int{}, map[string]int{}
	var left, picked []*modelled
	for _, x := range q.messages {
		if !x.inFlight(m.now) {
			continue
		}
		if x.group != "" {
			load[x.group]++
		}
		if first, ok := barred[x.group]; q.fifo && (!ok || x.seq < first) {
			barred[x.group] = x.seq
		}
	}
	for _, x := range q.messages {
		if first, ok := barred[x.group]; x.visible(m.now) && (!ok || x.seq < first) {
			left = append(left, x)
		}
	}
	slices.SortFunc(left, func(a, b *modelled) int { return cmp.Compare(a.seq, b.seq) })
	for len(picked) < most && len(left) > 0 {
		best := slices.MinFunc(left, func(a, b *modelled) int {
			if q.fifo {
				return cmp.Compare(a.seq, b.seq)
			}
			return cmp.Or(cmp.Compare(load[a.group], load[b.group]), cmp.Compare(a.due, b.due), cmp.Compare(a.seq, b.seq))
		})
		for _, x := range slices.Clone(left) {
			if x == best || q.fifo && x.group == best.group && len(picked) < most {
				picked = append(picked, x)
				left = slices.DeleteFunc(left, func(y *modelled) bool { return x == y })
			}
		}
		if best.group != "" {
			load[best.group]++
		}
	}
	return picked
}

// receive returns what a reception gets at this moment.
func (m *model) receive(q *modelQueue, most int, visibility int64, attempt string) []*modelled {
	if batch := m.again(q, visibility, attempt); batch != nil {
		return batch
	}
	for {
		picked := m.pick(q, most)
		var batch []*modelled
		for _, x := range picked {
			if q.dead != nil && x.received-x.base >= q.most {
				m.bury(q, x)
				continue
			}
			x.received++
			x.due = m.now + visibility*1000
			batch = append(batch, x)
		}
		if len(batch) > 0 || len(picked) == 0 {
			q.remember(attempt, m.now, batch)
			return batch
		}
	}
}

// again returns what an attempt got before, if nothing has happened to it.
func (m *model) again(q *modelQueue, visibility int64, id string) []*modelled {
	a := q.attempts[id]
	if a == nil || m.now-a.at >= 300_000 {
		return nil
	}
	for i, x := range a.of {
		if !slices.Contains(q.messages, x) || !x.inFlight(m.now) || x.received != a.given[i].received || x.due != a.given[i].due {
			return nil
		}
	}
	for i, x := range a.of {
		x.due = m.now + visibility*1000
		a.given[i] = *x
	}
	return a.of
}

func (q *modelQueue) remember(id string, now int64, batch []*modelled) {
	if id == "" || len(batch) == 0 {
		return
	}
	a := &modelAttempt{at: now, of: batch}
	for _, x := range batch {
		a.given = append(a.given, *x)
	}
	q.attempts[id] = a
}

// bury makes a message a dead letter.
func (m *model) bury(q *modelQueue, x *modelled) {
	q.drop(x)
	letter := *x
	letter.base, letter.due, letter.source, letter.handle = x.received, m.now, q.name, ""
	if q.fifo {
		m.seq++
		letter.seq, letter.sent, letter.dedup = m.seq, m.now, x.id
		letter.due = m.now + q.dead.delay*1000
	}
	q.dead.messages = append(q.dead.messages, &letter)
	m.expire()
}

// wakes returns when a waiter may get something next, 0 for never.
func (m *model) wakes(q *modelQueue) int64 {
	next := int64(0)
	at := func(t int64) {
		if t > m.now && (next == 0 || t < next) {
			next = t
		}
	}
	for _, x := range q.messages {
		at(x.due)
		at(x.sent + q.retention*1000) // which may open a FIFO queue's group
	}
	if m.task != nil && m.task.status == "RUNNING" {
		at(m.task.next)
	}
	return next
}

// of returns the message that a handle is the latest of, and the one that it was
// of once.
func (q *modelQueue) of(handles map[string]*modelled, handle string) (latest, once *modelled) {
	once = handles[handle]
	if once == nil || !slices.Contains(q.messages, once) {
		return nil, nil
	}
	if once.handle == handle {
		latest = once
	}
	return latest, once
}

// remove says whether a deletion is fine.
func (m *model) remove(q *modelQueue, handles map[string]*modelled, handle string) bool {
	latest, once := q.of(handles, handle)
	if q.fifo && once != nil && (latest == nil || latest.visible(m.now)) {
		return false
	}
	if latest != nil {
		q.drop(latest)
	}
	return true
}

// hide says whether a change of visibility is fine.
func (m *model) hide(q *modelQueue, handles map[string]*modelled, handle string, seconds int64) bool {
	latest, _ := q.of(handles, handle)
	if latest == nil || q.fifo && latest.visible(m.now) {
		return false
	}
	latest.due = m.now + seconds*1000
	return true
}

func (m *model) redelay(q *modelQueue, seconds int64) {
	q.delay = seconds
	for _, x := range q.messages {
		if q.fifo && x.received == x.base {
			x.due = x.sent + seconds*1000
		}
	}
}

func (m *model) purge(q *modelQueue) bool {
	if q.purged > 0 && m.now-q.purged < 60_000 {
		return false
	}
	q.purged = m.now
	q.messages = nil
	clear(q.ids)
	return true
}

// start says whether a task that moves messages is fine.
func (m *model) start(from, to *modelQueue, rate int64) {
	m.task = &modelTask{from: from, to: to, rate: rate, next: m.now, status: "RUNNING"}
	for _, x := range from.messages {
		if x.visible(m.now) {
			m.task.toMove++
		}
	}
	m.advance(m.now)
}

func (q *modelQueue) counts(now int64) (visible, inFlight, delayed int) {
	for _, x := range q.messages {
		switch {
		case x.visible(now):
			visible++
		case x.inFlight(now):
			inFlight++
		default:
			delayed++
		}
	}
	return visible, inFlight, delayed
}
