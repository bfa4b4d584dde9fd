package plan

import (
	"math"
	"time"

	"github.com/spate-run/spate/internal/scaling"
)

// A sim is one run, simulated.
type sim struct {
	model  *Model
	cloud  *Cloud
	load   *Load
	chance chance
	watch  func(Event)
	out    Outcome

	now    moment
	events schedule
	queue  queue
	keeps  bool // messages stay invisible for as long as they are worked on

	tasks          []task
	free           []int32
	free2          []int32 // scratch
	serial         uint64
	launches       launches
	waiting        []waiter
	waitHead       int
	count          int // tasks that are wanted
	running, busy  int
	desired, least int
	hazard         float64 // interruptions an hour
	finished       int     // jobs that will not be worked on for a result any more
	kicked         bool

	measured              moment // until when the integrals go
	busyTime, runningTime float64
	tailAt                []moment // by k: when last k tasks were busy and one stopped being so
	series                *series
	scaler                scaler
	timeline              *timeline
	wakes                 moment // from when SQS sends metrics
}

// warmUp is how long before the run the simulation begins, so that alarms and
// cooldowns are where an idle service has them.
const warmUp = 30 * time.Minute

// rest is how long a simulation goes on after the last result, at most: until
// then the service has scaled in, or does not.
const rest = 3 * time.Hour

func duration(m moment) time.Duration { return time.Duration(m) }

// Simulate runs a load on a model, with a seed that decides all that is left
// to chance. watch is told what happens, if it is not nil.
func Simulate(m *Model, c Cloud, l Load, seed uint64, watch func(Event)) Outcome {
	return newSim(m, &c, &l, seed, watch).run()
}

func newSim(m *Model, c *Cloud, l *Load, seed uint64, watch func(Event)) *sim {
	s := &sim{
		model: m, cloud: c, load: l, chance: chance{mix(seed)}, watch: watch,
		queue:    queue{total: int32(l.Jobs), known: map[int32]*message{}},
		keeps:    m.Task.Worker || l.Extends,
		launches: newLaunches(c),
		least:    m.Capacity.Min, desired: m.Capacity.Desired,
		hazard:   -math.Log1p(-min(l.Interruption, 1-1e-9)),
		series:   newSeries(m),
		wakes:    -never,
		measured: -moment(warmUp),
	}
	s.out.FirstLaunch, s.out.FirstStart = -1, -1
	s.scaler.init(m)
	if !m.Queue.Touched && m.Capacity.Desired == 0 {
		s.wakes = moment(s.chance.unit(drawWaking, 0) * float64(c.Waking))
	}
	return s
}

// phase is the moment of the first minute before the run.
func (s *sim) phase() moment {
	p := moment(s.cloud.Phase)
	if p < 0 {
		p = moment(s.chance.unit(drawPhase, 0) * float64(interval))
	}
	return p - moment(warmUp)
}

func (s *sim) run() Outcome {
	s.begins()
	horizon := moment(s.model.Queue.Retention)
	for len(s.events) > 0 {
		e := s.events[0]
		if e.at > horizon || s.over(e.at) {
			break
		}
		s.now = e.at
		s.happen(e)
	}
	return s.end(horizon)
}

// holds says whether the run is whole within a time, and simulates no more than
// it takes to know.
func (s *sim) holds(within time.Duration) bool {
	s.begins()
	horizon := min(moment(within), moment(s.model.Queue.Retention))
	v := newVerdict(s, horizon)
	for s.finished < s.load.Jobs && s.out.Lost == 0 && len(s.events) > 0 && s.events[0].at <= horizon {
		e := s.events[0]
		s.now = e.at
		s.happen(e)
		if e.kind() == minute {
			if whole, known := v.settled(s); known {
				return whole
			}
		}
	}
	return s.finished == s.load.Jobs && s.out.Lost == 0 && !s.tooManyFailed()
}

// tooManyFailed says whether more jobs failed than the load tolerates.
func (s *sim) tooManyFailed() bool {
	return float64(s.out.Failed) > s.load.Tolerate*float64(s.load.Jobs)
}

// begins makes what there is before the run, and its first events. The tasks that
// are there have been up for long.
func (s *sim) begins() {
	for range min(s.model.Capacity.Desired, s.cloud.room(s.model)) {
		s.now = -moment(warmUp)
		s.launch()
	}
	for id := range s.tasks {
		t := &s.tasks[id]
		t.launch, t.ready = s.now, s.now
		t.epoch++
		s.up(int32(id))
	}
	s.launches = newLaunches(s.cloud)
	s.events.push(newEvent(s.phase(), minute, 0, 0))
	s.events.push(newEvent(moment(s.model.Queue.Delay), sent, 0, 0))
	if s.load.Kick {
		s.events.push(newEvent(0, released, 0, 0))
	}
}

// over says whether nothing that matters comes any more.
func (s *sim) over(at moment) bool {
	if s.finished < s.load.Jobs {
		return false
	}
	resting := s.count <= max(s.model.Capacity.Desired, s.least) && s.busy == 0
	return resting || at > moment(s.out.Finish)+moment(rest)
}

// happen handles the first event. Those that end an attempt and begin another
// replace it where it is.
func (s *sim) happen(e event) {
	switch e.kind() {
	case attemptEnds:
		if t := &s.tasks[e.id()]; t.epoch&epochMask == e.epoch() && t.stage == busy {
			s.finish(e.id())
			return
		}
		s.events.pop()
	case taskUp:
		s.events.pop()
		if t := &s.tasks[e.id()]; t.epoch&epochMask == e.epoch() && t.stage == starting {
			s.up(e.id())
		}
	case taskDies:
		s.events.pop()
		s.die(e)
	case messageBack:
		s.events.pop()
		if m := s.queue.known[e.id()]; m != nil && m.place == taken && m.receipt&epochMask == e.epoch() {
			s.queue.putBack(m)
			s.serve()
		}
	case workerRests:
		s.events.pop()
		s.unprotect(e)
	case released:
		s.events.pop()
		s.kick()
	case sent:
		s.events.pop()
		s.queue.there = true
		s.serve()
	case minute:
		s.events.replace(newEvent(s.now+moment(interval), minute, 0, 0))
		s.minute()
	}
}

// kickHold is how long the minimum stays raised; package run says why.
const kickHold = 5*time.Minute + time.Second

// kick raises the minimum to what the backlog needs, and takes it back later.
func (s *sim) kick() {
	if s.kicked {
		s.least = 0
		return
	}
	s.kicked = true
	s.least = max(s.least, scaling.Need(s.load.Jobs, s.model.Capacity.Max))
	s.events.push(newEvent(s.now+moment(kickHold), released, 0, 0))
	s.scale(max(s.desired, s.least))
}

// scale sets the desired count.
func (s *sim) scale(n int) {
	if n != s.desired {
		s.desired = n
		if s.watch != nil {
			s.watch(Event{At: duration(s.now), Kind: Scaled, Number: n})
		}
	}
	s.settle()
}

// minute takes the samples, evaluates the alarms, and lets policies scale.
func (s *sim) minute() {
	s.measure()
	s.sample()
	before := s.desired
	s.scaler.act(s)
	if s.desired != before && s.watch != nil {
		s.watch(Event{At: duration(s.now), Kind: Scaled, Number: s.desired})
	}
	s.settle()
	if s.timeline != nil && s.now >= 0 {
		s.timeline.add(s)
	}
}

// measure brings the integrals up to now.
func (s *sim) measure() {
	if past := s.now - s.measured; past > 0 {
		s.busyTime += float64(past) * float64(s.busy)
		s.runningTime += float64(past) * float64(s.running)
		s.measured = s.now
	}
}

func (s *sim) tell(k EventKind, id int32) {
	if s.watch != nil {
		s.watch(Event{At: duration(s.now), Kind: k, Number: int(s.tasks[id].serial)})
	}
}
