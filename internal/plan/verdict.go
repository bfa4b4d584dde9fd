package plan

import "time"

// A verdict decides early whether a run is whole within a time.
type verdict struct {
	last    moment  // when the run has to be whole
	work    float64 // nanoseconds that the jobs take together
	longest moment
	tasks   float64 // most at once
	surely  bool    // nothing stops a busy task, and no attempt is in vain
}

// newVerdict adds up how long the jobs take: each has one attempt at least.
func newVerdict(s *sim, last moment) verdict {
	c, l, t := &s.model.Capacity, s.load, s.model.Task
	v := verdict{last: last, longest: moment(l.Durations.Longest()), tasks: float64(max(c.Max, c.Min, c.Desired))}
	v.surely = t.Worker && t.Spot == 0 && l.Failure == 0 && (l.Timeout <= 0 || v.longest <= moment(l.Timeout))
	for job := range l.Jobs {
		takes := l.duration(s.chance, int32(job))
		if limit := moment(l.Timeout); t.Worker && limit > 0 {
			takes = min(takes, limit)
		}
		v.work += float64(takes)
	}
	return v
}

// A run within a microsecond a second of its time is simulated to its end: sums of
// many durations are rounded.
const slack = 1e-6

// settled says whether the outcome is known before the run ends, each minute.
//
// Work that has been done is at most the time that tasks were busy, so the run is
// late when what is left is more than all tasks can do. It is in time where those
// at work are enough by Graham's bound of list scheduling: they work until no
// message is visible, and one job longer.
func (v *verdict) settled(s *sim) (whole, known bool) {
	left, room := v.work-s.busyTime, float64(v.last-s.now)
	if left > (1+slack)*v.tasks*room+float64(time.Second) {
		return false, true
	}
	if v.surely && s.busy > 0 && (1+slack)*left/float64(s.busy)+float64(v.longest)+float64(time.Second) < room {
		return true, true
	}
	return false, false
}
