package plan

// A moment is when something happens, in nanoseconds since the run was sent.
type moment = int64

// A kind is what happens. Of what happens at the same moment, what stands
// first here comes first.
type kind uint8

const (
	taskUp      kind = iota // a task's program runs
	attemptEnds             // a task has done its job, or failed it
	taskDies                // Spot takes a task back
	messageBack             // a message becomes visible again
	workerRests             // a worker's receive has come back empty
	released                // the raised minimum is taken back
	sent                    // the messages are there
	minute                  // metrics, alarms, policies
)

// An event is what happens to a task or a message. It is void if its epoch is
// not that of the task or message any more.
type event struct {
	at  moment
	key uint64 // kind, epoch, id: 8, 24 and 32 bits
}

const epochMask = 1<<24 - 1

func newEvent(at moment, k kind, epoch uint32, id int32) event {
	return event{at, uint64(k)<<56 | uint64(epoch&epochMask)<<32 | uint64(uint32(id))}
}

func (e event) kind() kind    { return kind(e.key >> 56) }
func (e event) epoch() uint32 { return uint32(e.key>>32) & epochMask }
func (e event) id() int32     { return int32(uint32(e.key)) }

func (e event) before(o event) bool {
	return e.at < o.at || e.at == o.at && e.key < o.key
}

// A schedule is a heap of events in which each has four below it: it is
// shallower than a binary one, and its four lie in one line of the cache.
type schedule []event

func (s *schedule) push(e event) {
	h := append(*s, e)
	i := len(h) - 1
	for i > 0 {
		above := (i - 1) / 4
		if !e.before(h[above]) {
			break
		}
		h[i] = h[above]
		i = above
	}
	h[i] = e
	*s = h
}

func (s *schedule) pop() event {
	h := *s
	top, last := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	*s = h
	if len(h) > 0 {
		h.sink(last)
	}
	return top
}

// replace puts an event in the place of the first.
func (s schedule) replace(e event) { s.sink(e) }

// sink lets an event sink from the top to its place.
func (s schedule) sink(e event) {
	i := 0
	for {
		first := 4*i + 1
		if first >= len(s) {
			break
		}
		least := first
		for j := first + 1; j < min(first+4, len(s)); j++ {
			if s[j].before(s[least]) {
				least = j
			}
		}
		if !s[least].before(e) {
			break
		}
		s[i] = s[least]
		i = least
	}
	s[i] = e
}
