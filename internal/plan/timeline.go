package plan

import "time"

// A Sample is how a run stood at a time.
type Sample struct {
	At          time.Duration
	Tasks, Busy int
	Outstanding int
}

// mostSamples bounds a timeline; one that gets longer keeps every second
// sample.
const mostSamples = 720

// A timeline is a run's samples, at even distances.
type timeline struct {
	every, skip int
	samples     []Sample
}

func (l *timeline) add(s *sim) {
	if l.skip--; l.skip > 0 {
		return
	}
	l.skip = max(l.every, 1)
	l.samples = append(l.samples, Sample{duration(s.now), s.count, s.busy, s.queue.outstanding()})
	if len(l.samples) < mostSamples {
		return
	}
	for i := range l.samples[:len(l.samples)/2] {
		l.samples[i] = l.samples[2*i]
	}
	l.samples = l.samples[:len(l.samples)/2]
	l.every = max(l.every, 1) * 2
	l.skip = l.every
}

// Timeline simulates one run and returns how it stood from minute to minute.
func Timeline(m *Model, c Cloud, l Load, seed uint64) (Outcome, []Sample) {
	s := newSim(m, &c, &l, seed, nil)
	s.timeline = &timeline{}
	o := s.run()
	return o, s.timeline.samples
}
