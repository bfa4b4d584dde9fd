package cloudwatch

import (
	"slices"
	"sort"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/spate-run/spate/internal/metric"
)

// A run is the same sample at several times, evenly apart: an idle queue's
// metrics are one run, however long it is idle.
type run struct {
	at     int64 // Unix seconds
	n      int64 // how many times, at least 1
	step   int64 // seconds from one to the next; of no matter for n = 1
	sample metric.Sample
}

func (r run) time(i int64) int64 { return r.at + i*r.step }
func (r run) last() int64        { return r.time(r.n - 1) }

// from is the index of the first time that is not before t; at most n.
func (r run) from(t int64) int64 {
	if t <= r.at {
		return 0
	}
	if r.n == 1 {
		return 1
	}
	return min((t-r.at+r.step-1)/r.step, r.n)
}

func (r run) equal(other run) bool {
	return r.at == other.at && r.n == other.n && (r.n == 1 || r.step == other.step) &&
		r.sample.Count == other.sample.Count && r.sample.Sum == other.sample.Sum && r.sample.Low == other.sample.Low &&
		r.sample.High == other.sample.High && slices.Equal(r.sample.Values, other.sample.Values)
}

// cut parts a run before its i-th time; i is from 1 to n-1.
func (r run) cut(i int64) (before, after run) {
	before, after = r, r
	before.n, after.n = i, r.n-i
	after.at = r.time(i)
	return before, after
}

// flat reports whether the sample is one value, so that equal ones make a run.
func flat(s metric.Sample) bool { return s.Values == nil && s.Low == s.High && s.Sum == s.Low*s.Count }

func same(a, b metric.Sample) bool {
	return flat(a) && flat(b) && a.Low == b.Low && a.Count == b.Count
}

// A span is an inclusive range of times.
type span struct{ from, to int64 }

// A lane is what is known of a metric in one unit: runs in the order of time,
// none of which reaches into the next.
type lane struct {
	unit types.StandardUnit
	runs []run
	// changed are spans in which runs begin that are not in the store as they
	// are here.
	changed []span
	// rolled is up to where each step of ageing was taken.
	rolled [len(ages)]int64
}

func (l *lane) change(from, to int64) {
	if n := len(l.changed); n > 0 && from <= l.changed[n-1].to && l.changed[n-1].from <= to {
		last := &l.changed[n-1]
		last.from, last.to = min(last.from, from), max(last.to, to)
		return
	}
	l.changed = append(l.changed, span{from, to})
}

// after is the index of the first run that begins after a time.
func (l *lane) after(t int64) int {
	return sort.Search(len(l.runs), func(i int) bool { return l.runs[i].at > t })
}

// add adds a sample at a time. What comes for the same time is one sample.
func (l *lane) add(t int64, x metric.Sample) {
	for i, upTo := range l.rolled {
		l.rolled[i] = min(upTo, t)
	}
	i := l.after(t)
	if i > 0 && i == len(l.runs) && l.runs[i-1].last() < t {
		l.append(t, x)
		return
	}
	if i > 0 && l.runs[i-1].last() >= t {
		i = l.open(i-1, t)
	}
	if i < len(l.runs) && l.runs[i].at == t {
		l.runs[i].sample.Add(x, true)
		l.runs[i].sample.Thin(valuesLimit)
	} else {
		l.runs = slices.Insert(l.runs, i, run{at: t, n: 1, sample: x})
	}
	l.change(t, t)
}

// append adds a sample after all others.
func (l *lane) append(t int64, x metric.Sample) {
	last := &l.runs[len(l.runs)-1]
	if same(last.sample, x) && (last.n == 1 || last.last()+last.step == t) {
		if last.n == 1 {
			last.step = t - last.at
		}
		last.n++
		l.change(last.at, last.at)
		return
	}
	l.runs = append(l.runs, run{at: t, n: 1, sample: x})
	l.change(t, t)
}

// open parts the i-th run, within which t is, so that a run of one time begins
// at t or could. It returns the index of that one.
func (l *lane) open(i int, t int64) int {
	r := l.runs[i]
	l.change(r.at, r.last())
	var parts []run
	at := i
	if k := r.from(t); k > 0 {
		before, after := r.cut(k)
		parts, r = append(parts, before), after
		at++
	}
	if r.at == t && r.n > 1 {
		first, after := r.cut(1)
		parts, r = append(parts, first), after
	}
	l.runs = slices.Replace(l.runs, i, i+1, append(parts, r)...)
	return at
}

// into adds the lane's samples to those of the periods of a grid. values says
// whether single values are needed.
func (l *lane) into(samples []metric.Sample, g metric.Grid, values bool) {
	begin, end := ceil(g.Begin), ceil(g.At(g.Count))
	first := sort.Search(len(l.runs), func(i int) bool { return l.runs[i].last() >= begin })
	for _, r := range l.runs[first:] {
		if r.at >= end {
			return
		}
		for k := r.from(begin); k < r.n && r.time(k) < end; k++ {
			i := int(time.Unix(r.time(k), 0).Sub(g.Begin) / g.Period)
			samples[i].Add(r.sample, values)
		}
	}
}

// ceil is the first whole second not before a time.
func ceil(t time.Time) int64 {
	if t.Nanosecond() > 0 {
		return t.Unix() + 1
	}
	return t.Unix()
}

// ages are how long data is kept as it came, and then in periods of how long,
// both in seconds and divided by the cadence.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#metrics-retention
var ages = [...]struct{ age, period int64 }{
	{3 * 60 * 60, 60},
	{15 * 24 * 60 * 60, 300},
	{63 * 24 * 60 * 60, 3600},
}

const (
	// lifetime is how long data is kept at all, divided by the cadence; but at
	// least shortest, so that what clients put for past times is there.
	lifetime = 455 * 24 * time.Hour
	shortest = 15 * 24 * time.Hour
	// valuesLimit is how many single values a sample has at most,
	// rolledLimit how many once it is part of a longer period.
	valuesLimit = 256
	rolledLimit = 64
)

// age puts old samples together to longer periods, as AWS does.
func (l *lane) age(now time.Time, cadence int64) {
	for i, a := range ages {
		period := max(a.period/cadence, 1)
		upTo := now.Unix() - a.age/cadence
		upTo -= upTo % period
		l.roll(l.rolled[i], upTo, period)
		l.rolled[i] = upTo
	}
}

// roll makes periods of the samples from one time on and before another.
func (l *lane) roll(from, before, period int64) {
	from -= from % period
	first := sort.Search(len(l.runs), func(i int) bool { return l.runs[i].last() >= from })
	if first == len(l.runs) || l.runs[first].at >= before {
		return
	}
	var rolled lane
	end := first
	for ; end < len(l.runs) && l.runs[end].at < before; end++ {
		r := l.runs[end]
		if r.last() >= before {
			old, young := r.cut(r.from(before))
			rolled.take(old, period)
			rolled.runs = append(rolled.runs, young)
			end++
			break
		}
		rolled.take(r, period)
	}
	l.replace(first, end, rolled.runs)
	if first > 0 {
		l.join(first)
	}
}

// replace puts runs in the place of others, and notes what changed by it.
func (l *lane) replace(first, end int, runs []run) {
	for first < end && len(runs) > 0 && l.runs[first].equal(runs[0]) {
		first, runs = first+1, runs[1:]
	}
	for first < end && len(runs) > 0 && l.runs[end-1].equal(runs[len(runs)-1]) {
		end, runs = end-1, runs[:len(runs)-1]
	}
	for _, changed := range [][]run{l.runs[first:end], runs} {
		if n := len(changed); n > 0 {
			l.change(changed[0].at, changed[n-1].at)
		}
	}
	l.runs = slices.Replace(l.runs, first, end, runs...)
}

// join makes one run of the i-th and the one before it, if they are.
func (l *lane) join(i int) {
	a, b := l.runs[i-1], l.runs[i]
	step := b.at - a.last()
	if !same(a.sample, b.sample) || a.n > 1 && a.step != step || b.n > 1 && b.step != step {
		return
	}
	a.n, a.step = a.n+b.n, step
	l.runs[i-1] = a
	l.runs = slices.Delete(l.runs, i, i+1)
	l.change(a.at, b.at)
}

// take appends a run's samples, each at the beginning of its period.
func (l *lane) take(r run, period int64) {
	for k := range r.n {
		t := r.time(k)
		t -= t % period
		x := r.sample
		if n := len(l.runs); n > 0 && l.runs[n-1].last() == t {
			x = l.pop()
			x.Add(r.sample, true)
			x.Thin(rolledLimit)
		}
		if len(l.runs) == 0 {
			l.runs = append(l.runs, run{at: t, n: 1, sample: x})
			continue
		}
		l.append(t, x)
	}
}

// pop removes the last sample.
func (l *lane) pop() metric.Sample {
	last := &l.runs[len(l.runs)-1]
	x := last.sample
	if last.n--; last.n == 0 {
		l.runs = l.runs[:len(l.runs)-1]
	}
	return x
}

// forget removes what is older than a time.
func (l *lane) forget(before int64) {
	first := sort.Search(len(l.runs), func(i int) bool { return l.runs[i].last() >= before })
	if first > 0 {
		l.change(l.runs[0].at, l.runs[first-1].at)
		l.runs = slices.Delete(l.runs, 0, first)
	}
}

// rewind removes what is at a time or later.
func (l *lane) rewind(t int64) {
	for i, upTo := range l.rolled {
		l.rolled[i] = min(upTo, t)
	}
	first := sort.Search(len(l.runs), func(i int) bool { return l.runs[i].last() >= t })
	if first == len(l.runs) {
		return
	}
	l.change(l.runs[first].at, l.runs[len(l.runs)-1].at)
	if r := &l.runs[first]; r.at < t {
		*r, _ = r.cut(r.from(t))
		first++
	}
	l.runs = l.runs[:first]
}
