package plan

// A place is where a message is.
type place uint8

const (
	ready place = iota
	taken
	gone // deleted
	dead // in the dead-letter queue
)

// A message is one that not everything goes well with: it was received by
// somebody who may lose it, or it has failed. Others are only counted.
type message struct {
	job      int32
	receipt  uint32 // of its latest reception
	receives int
	failures int
	working  int // attempts that are under way
	place    place
	done     bool // it has a result
}

// A returned message waits behind those that never were received.
type returned struct {
	job     int32
	receipt uint32
}

// A queue is the simulated queue. Its memory is that of the messages that
// were touched and not finished: of untouched ones it knows how many there
// are.
type queue struct {
	fresh, total int32 // messages from fresh on were never received
	there        bool  // they are visible
	back         []returned
	head         int
	backVisible  int // of those in back that still count
	taken        int
	known        map[int32]*message
}

func (q *queue) visible() int {
	if !q.there {
		return q.backVisible
	}
	return int(q.total-q.fresh) + q.backVisible
}

func (q *queue) delayed() int {
	if q.there {
		return 0
	}
	return int(q.total - q.fresh)
}

func (q *queue) outstanding() int { return int(q.total-q.fresh) + q.backVisible + q.taken }

// know returns what is kept of a message.
func (q *queue) know(job int32) *message {
	m := q.known[job]
	if m == nil {
		m = &message{job: job}
		q.known[job] = m
	}
	return m
}

// putBack makes a message visible again.
func (q *queue) putBack(m *message) {
	m.place = ready
	q.taken--
	q.backVisible++
	q.back = append(q.back, returned{m.job, m.receipt})
}

// next takes the message that has waited longest; ok is false when none is
// visible.
func (q *queue) next() (job int32, known *message, ok bool) {
	if q.there && q.fresh < q.total {
		job, q.fresh = q.fresh, q.fresh+1
		q.taken++
		return job, nil, true
	}
	for q.head < len(q.back) {
		r := q.back[q.head]
		q.head++
		if q.head > 1024 && q.head > len(q.back)/2 {
			q.back = append(q.back[:0], q.back[q.head:]...)
			q.head = 0
		}
		if m := q.known[r.job]; m != nil && m.place == ready && m.receipt == r.receipt {
			q.backVisible--
			q.taken++
			return r.job, m, true
		}
	}
	return 0, nil, false
}

// remove deletes a message, wherever it is.
func (q *queue) remove(m *message) {
	switch m.place {
	case ready:
		q.backVisible--
	case taken:
		q.taken--
	}
	m.place = gone
}

// forget drops what is kept of a message that nothing can happen to any more.
func (q *queue) forget(m *message) {
	if m.working == 0 && (m.place == gone || m.place == dead) {
		delete(q.known, m.job)
	}
}
