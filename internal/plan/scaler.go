package plan

import (
	"math"
	"time"

	"github.com/spate-run/spate/internal/scaling"
)

// A scaler is CloudWatch and Application Auto Scaling: the states of the
// alarms, and what the policies made of them.
type scaler struct {
	policies []*Policy // those of the model
	alarms   []watching
	wants    map[string]want // by the policy's name
	cooling  scaling.Cooling

	busyTime, runningTime float64 // at the last sample
}

// A watching is an alarm at work.
type watching struct {
	state  scaling.State
	values []float64 // the newest there were to evaluate
}

// A want is the capacity that a policy asked for last, and when.
type want struct {
	capacity int
	at       time.Time
	out      bool
}

func (c *scaler) init(m *Model) {
	c.policies = m.Policies
	c.alarms = make([]watching, len(m.Policies))
	for i := range c.alarms {
		c.alarms[i].state = scaling.InsufficientData
	}
	c.wants = map[string]want{}
}

// act evaluates every alarm, and has those that are in ALARM scale.
func (c *scaler) act(s *sim) {
	late := int((s.cloud.MetricDelay + interval - 1) / interval)
	for i, p := range c.policies {
		w := &c.alarms[i]
		state, known := p.Alarm.Rule.Judge(w.state, s.series.evaluated(&p.Alarm, s.series.newest-late))
		w.state = state
		if len(known) > 0 {
			w.values = w.values[:0]
			for _, point := range known {
				w.values = append(w.values, point.Value)
			}
		}
	}
	if s.now < 0 {
		return // it is at rest
	}
	now := time.Unix(0, s.now).UTC()
	for _, upward := range []bool{true, false} {
		for i, p := range c.policies {
			if c.alarms[i].state == scaling.InAlarm && p.Alarm.Rule.Comparison.Upward() == upward {
				c.invoke(s, p, c.alarms[i].values, now)
			}
		}
	}
}

// invoke performs a policy.
func (c *scaler) invoke(s *sim, p *Policy, values []float64, now time.Time) {
	b := scaling.Breach{
		Alarm: p.Alarm.Name, Comparison: p.Alarm.Rule.Comparison, Threshold: p.Alarm.Rule.Threshold, Values: values,
	}
	t := scaling.Target{Current: s.desired, Min: s.least, Max: s.model.Capacity.Max}
	n, cooling := p.rule.Decide(b, t, c.cooling, now)
	if wanted, ok := p.rule.Wanted(b, t); ok {
		c.wants[p.Name] = want{wanted, now, b.Comparison.Upward()}
	}
	if n < s.desired {
		n = min(max(n, c.floor(p, now)), s.desired)
		cooling.To = n
	}
	if n == s.desired {
		return
	}
	c.cooling = cooling
	s.desired = n
}

// together is how close in time policies count as invoked at once.
const together = interval / 2

// floor is the capacity below which other policies hold one that scales in:
// what they want to scale out to at the same time, and for one that tracks a
// target what those that do too would leave.
// https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
func (c *scaler) floor(p *Policy, now time.Time) int {
	least := 0
	for _, other := range c.policies {
		w := c.wants[other.Name]
		age := now.Sub(w.at)
		switch {
		case w.out && age < together:
			least = max(least, w.capacity)
		case !p.tracks || !other.tracks: // each for itself
		case w.out || age > together+interval:
			return math.MaxInt // not ready
		default:
			least = max(least, w.capacity)
		}
	}
	return least
}
