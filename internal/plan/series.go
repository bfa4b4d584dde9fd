package plan

import (
	"math"
	"time"

	"github.com/spate-run/spate/internal/metric"
	"github.com/spate-run/spate/internal/scaling"
)

// A series keeps the newest samples of every gauge, as many as any alarm looks
// at.
type series struct {
	samples [gauges][]float64 // rings; NaN where there was none
	size    int
	newest  int // the number of the newest sample; -1 before the first
	points  []scaling.Point
	window  []float64
}

func newSeries(m *Model) *series {
	s := &series{newest: -1, size: 8}
	for _, p := range m.Policies {
		s.size = max(s.size, (p.Alarm.Rule.Range()+2)*int(p.Alarm.Period/interval)+8)
	}
	for g := range s.samples {
		s.samples[g] = make([]float64, s.size)
	}
	return s
}

// sample notes how everything stands.
func (s *sim) sample() {
	r := s.series
	r.newest++
	at := r.newest % r.size
	set := func(g gauge, value float64) { r.samples[g][at] = value }
	age := 0.0
	if s.queue.outstanding() > 0 && s.now > 0 {
		age = float64(s.now) / 1e9
	}
	set(visible, float64(s.queue.visible()))
	set(inFlight, float64(s.queue.taken))
	set(delayed, float64(s.queue.delayed()))
	set(oldest, age)
	if s.now < 0 { // the messages are not there yet
		for g := visible; g.ofQueue(); g++ {
			set(g, 0)
		}
	}
	if s.wakes > -never && s.now < s.wakes {
		for g := visible; g.ofQueue(); g++ {
			set(g, math.NaN())
		}
	}
	set(cpuUse, s.cpu())
	set(runningTasks, float64(s.running))
	set(desiredTasks, float64(s.desired))
}

// cpu is the mean use of the tasks' vCPU since the last sample.
func (s *sim) cpu() float64 {
	busy, running := s.busyTime-s.scaler.busyTime, s.runningTime-s.scaler.runningTime
	s.scaler.busyTime, s.scaler.runningTime = s.busyTime, s.runningTime
	if running == 0 {
		return math.NaN()
	}
	return 100 * s.load.Busy * busy / running
}

// over are the samples of a gauge from one number to below another, as far as
// they have come by now.
func (r *series) over(g gauge, from, to, known int) []float64 {
	r.window = r.window[:0]
	for i := max(from, 0); i < min(to, known+1); i++ {
		r.window = append(r.window, r.samples[g][i%r.size])
	}
	return r.window
}

// evaluated are an alarm's points. The last period ends with the newest
// sample's minute, or a minute before it when nothing has come yet for that.
func (r *series) evaluated(a *Alarm, known int) []scaling.Point {
	n := int(a.Period / interval)
	end := r.newest + 1
	points := r.ending(a, end, n, known)
	if math.IsNaN(points[len(points)-1].Value) || !r.fed(a, end-n, end, known) {
		return r.ending(a, end-1, n, known)
	}
	return points
}

// fed says whether any metric of an alarm has data in a period.
func (r *series) fed(a *Alarm, from, to, known int) bool {
	for _, w := range a.metrics {
		for _, v := range r.over(w.gauge, from, to, known) {
			if v == v {
				return true
			}
		}
	}
	return false
}

func (r *series) ending(a *Alarm, end, n, known int) []scaling.Point {
	count := a.Rule.Range()
	r.points = r.points[:0]
	if a.program != nil {
		return r.computed(a, end, n, known)
	}
	for i := range count {
		from := end - (count-i)*n
		value := 0.0
		for _, w := range a.metrics {
			if n > 1 {
				value += w.statistic.of(r.over(w.gauge, from, from+n, known))
			} else if w.statistic == samples {
				value += w.statistic.of(r.over(w.gauge, from, from+1, known))
			} else if from < 0 || from > known {
				value = math.NaN()
			} else {
				value += r.samples[w.gauge][from%r.size]
			}
		}
		r.points = append(r.points, scaling.Point{Value: value})
	}
	return r.points
}

// computed has metric math make the points. The times are those of sample
// numbers; it asks for the data by them.
func (r *series) computed(a *Alarm, end, n, known int) []scaling.Point {
	origin := time.Unix(0, 0).UTC()
	count := a.Rule.Range()
	grid := metric.Grid{Begin: origin.Add(time.Duration(end-count*n) * interval), Period: a.Period, Count: count}
	load := func(id string, g metric.Grid) []float64 {
		values := make([]float64, g.Count)
		for i := range values {
			values[i] = math.NaN()
			for _, w := range a.metrics {
				if w.id == id {
					from := int(g.At(i).Sub(origin) / interval)
					values[i] = w.statistic.of(r.over(w.gauge, from, from+int(g.Period/interval), known))
				}
			}
		}
		return values
	}
	for _, line := range a.program.On(grid, load).Lines(a.result) {
		for _, v := range line.Points {
			r.points = append(r.points, scaling.Point{Value: v})
		}
	}
	for len(r.points) < count {
		r.points = append(r.points, scaling.Point{Value: math.NaN()})
	}
	return r.points
}
