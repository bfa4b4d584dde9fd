package cloudwatch

import (
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/spate-run/spate/internal/metric"
)

func value(x float64) metric.Sample { return metric.Of(metric.Weighted{Value: x, Weight: 1}) }

// second is the sample of a second of the lane.
func (l *lane) second(t int64) metric.Sample {
	samples := make([]metric.Sample, 1)
	l.into(samples, metric.Grid{Begin: time.Unix(t, 0), Period: time.Second, Count: 1}, true)
	return samples[0]
}

// A disk is what the store has of a lane, kept by its changed spans alone.
type disk map[int64]run

func (d disk) save(l *lane) {
	for _, c := range l.changed {
		maps.DeleteFunc(d, func(at int64, _ run) bool { return at >= c.from && at <= c.to })
		for _, r := range l.runs[l.after(c.from-1):l.after(c.to)] {
			d[r.at] = r
		}
	}
	l.changed = nil
}

func (d disk) check(t *rapid.T, l *lane) {
	t.Helper()
	if len(d) != len(l.runs) {
		t.Fatalf("got %d runs on disk, want %d", len(d), len(l.runs))
	}
	last := int64(math.MinInt64)
	for _, r := range l.runs {
		if r.at <= last {
			t.Fatalf("a run at %d reaches into that at %d", last, r.at)
		}
		if !d[r.at].equal(r) {
			t.Fatalf("got run %+v on disk, want %+v", d[r.at], r)
		}
		last = r.last()
	}
}

// Whatever comes in whatever order, a lane tells for each second what came for
// it, and its changed spans are enough to have the same on disk.
func TestLaneIsWhatCame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l lane
		d := disk{}
		want := map[int64]metric.Sample{}
		at := int64(1000)
		for range rapid.IntRange(1, 60).Draw(t, "adds") {
			switch rapid.IntRange(0, 5).Draw(t, "kind") {
			case 0:
				at = rapid.Int64Range(900, 1100).Draw(t, "at")
			case 1:
				d.save(&l)
				d.check(t, &l)
			case 2: // the clock is set back
				at -= rapid.Int64Range(0, 50).Draw(t, "back")
				l.rewind(at)
				maps.DeleteFunc(want, func(second int64, _ metric.Sample) bool { return second >= at })
			default:
				at += rapid.Int64Range(1, 2).Draw(t, "later")
			}
			x := value(float64(rapid.IntRange(0, 1).Draw(t, "value")))
			l.add(at, x)
			all := want[at]
			all.Add(x, true)
			want[at] = all
		}
		for second := int64(500); second < 1250; second++ {
			if diff := cmp.Diff(want[second], l.second(second)); diff != "" {
				t.Fatalf("second %d (-want +got):\n%s", second, diff)
			}
		}
		d.save(&l)
		d.check(t, &l)
	})
}

// Ageing keeps how much there was in each longer period, and makes it fewer
// samples.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#metrics-retention
func TestAgeing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cadence := rapid.SampledFrom([]int64{1, 60}).Draw(t, "cadence")
		begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
		var l lane
		d := disk{}
		hours := map[int64]metric.Sample{} // of 3600 / cadence seconds
		add := func(at int64, x metric.Sample) {
			l.add(at, x)
			hour := hours[at-at%(3600/cadence)]
			hour.Add(x, false)
			hours[at-at%(3600/cadence)] = hour
		}
		day := 24 * 3600 / cadence
		now := begin
		for now < begin+80*day {
			now += rapid.Int64Range(1, 6*day).Draw(t, "quiet")
			step := rapid.Int64Range(1, 10).Draw(t, "step")
			for i := range rapid.Int64Range(1, 20).Draw(t, "samples") {
				add(now+i*step, value(float64(rapid.IntRange(0, 2).Draw(t, "value"))))
			}
			if rapid.Bool().Draw(t, "late") {
				add(now-rapid.Int64Range(0, 10*day).Draw(t, "by"), value(1))
			}
			l.age(time.Unix(now, 0), cadence)
			d.save(&l)
		}
		d.check(t, &l)
		for _, at := range slices.Sorted(maps.Keys(hours)) {
			samples := make([]metric.Sample, 1)
			l.into(samples, metric.Grid{Begin: time.Unix(at, 0), Period: time.Hour / time.Duration(cadence), Count: 1}, false)
			if diff := cmp.Diff(hours[at], samples[0]); diff != "" {
				t.Fatalf("hour at %d (-want +got):\n%s", at, diff)
			}
		}
		for _, r := range l.runs {
			for _, a := range ages {
				period := max(a.period/cadence, 1)
				if old := now - a.age/cadence; r.last() < old-period && r.at%period != 0 {
					t.Fatalf("a run of %d s ago begins at %d, no multiple of %d", now-r.at, r.at, period)
				}
			}
		}
		l.forget(now - day)
		if len(l.runs) > 0 && l.runs[0].last() < now-day {
			t.Fatalf("got a run that ends at %d, want none before %d", l.runs[0].last(), now-day)
		}
		d.save(&l)
		d.check(t, &l)
	})
}

// A week of an idle queue, second by second, is a handful of runs; a busy one is
// bounded.
func TestLaneIsSmall(t *testing.T) {
	var idle, busy lane
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for second := range int64(7 * 24 * 3600) {
		now := begin.Add(time.Duration(second) * time.Second)
		idle.add(now.Unix(), value(0))
		busy.add(now.Unix(), value(float64(second)))
		if second%600 == 0 {
			for _, l := range []*lane{&idle, &busy} {
				l.age(now, 60)
				l.changed = nil
			}
		}
	}
	if len(idle.runs) > 10 || len(busy.runs) > 55_000 {
		t.Errorf("got %d runs of an idle queue and %d of a busy one, want at most 10 and 55,000", len(idle.runs), len(busy.runs))
	}
}
