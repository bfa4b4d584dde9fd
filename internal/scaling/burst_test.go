package scaling_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/spate-run/spate/internal/scaling"
)

// A fataler is a *testing.T or a *rapid.T.
type fataler interface{ Fatalf(string, ...any) }

// capacity is what a rule's step says at a count, and whether its alarm holds.
func capacity(t fataler, r scaling.Rule, count int) (int, bool) {
	alarm := scaling.Alarm{Comparison: r.Comparison, Threshold: r.Threshold, Periods: 1}
	if alarm.Evaluate(scaling.OK, []scaling.Point{{Value: float64(count)}}).State != scaling.InAlarm {
		return 0, false
	}
	step, ok := r.Policy().Match(scaling.Breach{Comparison: r.Comparison, Threshold: r.Threshold, Values: []float64{float64(count)}})
	if !ok {
		t.Fatalf("%s %v: no step at %d", r.Comparison, r.Threshold, count)
	}
	return step.Adjustment, true
}

// Both tables are constant between their bounds, so the counts beside the
// bounds stand for all.
func TestBurstNeverFights(t *testing.T) {
	for limit := 1; limit <= 5000; limit++ {
		out, in := scaling.Burst(limit)
		if len(out.Steps) > scaling.MaxSteps || len(in.Steps) > scaling.MaxSteps {
			t.Fatalf("limit %d: got %d and %d steps, want at most %d", limit, len(out.Steps), len(in.Steps), scaling.MaxSteps)
		}
		counts := []int{0, 1, limit - 1, limit, limit + 1}
		for _, r := range []scaling.Rule{out, in} {
			for _, s := range r.Steps {
				if bound := int(s.Upper + r.Threshold); s.Upper < inf {
					counts = append(counts, max(0, bound-1), bound, bound+1)
				}
			}
		}
		slices.Sort(counts)
		checkBurst(t, limit, slices.Compact(counts))
	}
}

func TestBurstAtEveryCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 5000).Draw(t, "limit")
		counts := make([]int, limit+2)
		for i := range counts {
			counts[i] = i
		}
		checkBurst(t, limit, slices.Compact(counts))
	})
}

func checkBurst(t fataler, limit int, counts []int) {
	out, in := scaling.Burst(limit)
	last := 0
	for _, count := range counts {
		up, raises := capacity(t, out, count)
		down, lowers := capacity(t, in, count)
		if raises != (count >= 1) || lowers != (count < limit) {
			t.Fatalf("limit %d, count %d: got out %v and in %v in ALARM", limit, count, raises, lowers)
		}
		if lowers && (down < min(count, limit) || count == 0 && down != 0) {
			t.Fatalf("limit %d, count %d: in leaves %d", limit, count, down)
		}
		if raises && (up < max(1, last) || lowers && up > down || count >= limit && up != limit) {
			t.Fatalf("limit %d, count %d: out wants %d after %d, in leaves %d", limit, count, up, last, down)
		}
		last = up
	}
}

func TestBurstIsExactForSmallLimits(t *testing.T) {
	for limit := 1; limit <= scaling.MaxSteps; limit++ {
		out, in := scaling.Burst(limit)
		for count := range limit {
			up, _ := capacity(t, out, count)
			down, _ := capacity(t, in, count)
			if up != count || down != count {
				t.Errorf("limit %d, count %d: got out %d and in %d, want the count", limit, count, up, down)
			}
		}
	}
}

// Whatever the backlog was and whatever the capacity is, both policies
// together settle at once, and on enough tasks not to strand what runs.
func TestBurstSettles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 5000).Draw(t, "limit")
		count := rapid.IntRange(0, 2*limit).Draw(t, "count")
		target := scaling.Target{Current: rapid.IntRange(0, limit).Draw(t, "current"), Max: limit}
		out, in := scaling.Burst(limit)
		round := func() {
			for _, r := range []scaling.Rule{out, in} {
				breach := scaling.Breach{Comparison: r.Comparison, Threshold: r.Threshold, Values: []float64{float64(count)}}
				target.Current, _ = r.Policy().Decide(breach, target, scaling.Cooling{}, noon)
			}
		}
		before := target.Current
		round()
		settled := target.Current
		if settled < min(before, scaling.Need(count, limit)) {
			t.Fatalf("%d tasks for %d messages: lowered to %d", before, count, settled)
		}
		if count > 0 && settled == 0 {
			t.Fatalf("no task for %d messages", count)
		}
		round()
		if target.Current != settled {
			t.Fatalf("%d tasks for %d messages: first %d, then %d", before, count, settled, target.Current)
		}
	})
}

func TestNeed(t *testing.T) {
	for _, tt := range []struct{ backlog, limit, want int }{{-1, 5, 0}, {0, 5, 0}, {3, 5, 3}, {9, 5, 5}} {
		if got := scaling.Need(tt.backlog, tt.limit); got != tt.want {
			t.Errorf("a backlog of %d, limit %d: got %d, want %d", tt.backlog, tt.limit, got, tt.want)
		}
	}
}

func ExampleBurst() {
	out, in := scaling.Burst(100)
	fmt.Println("out of", out.Comparison, out.Threshold)
	for _, s := range out.Steps {
		fmt.Printf("%3v up to, not with, %4v: %3d\n", s.Lower+out.Threshold, s.Upper+out.Threshold, s.Adjustment)
	}
	fmt.Println("in of", in.Comparison, in.Threshold)
	for _, s := range in.Steps {
		fmt.Printf("over %4v, up to %2v: %2d\n", s.Lower+in.Threshold, s.Upper+in.Threshold, s.Adjustment)
	}
	// Output:
	// out of GreaterThanOrEqualToThreshold 1
	//   1 up to, not with,    2:   1
	//   2 up to, not with,    3:   2
	//   3 up to, not with,    4:   3
	//   4 up to, not with,    5:   4
	//   5 up to, not with,    6:   5
	//   6 up to, not with,    7:   6
	//   7 up to, not with,    9:   8
	//   9 up to, not with,   11:  10
	//  11 up to, not with,   13:  12
	//  13 up to, not with,   16:  15
	//  16 up to, not with,   20:  19
	//  20 up to, not with,   24:  20
	//  24 up to, not with,   29:  26
	//  29 up to, not with,   36:  31
	//  36 up to, not with,   44:  36
	//  44 up to, not with,   54:  46
	//  54 up to, not with,   66:  57
	//  66 up to, not with,   81:  67
	//  81 up to, not with,  100:  83
	// 100 up to, not with, +Inf: 100
	// in of LessThanOrEqualToThreshold 99
	// over -Inf, up to  0:  0
	// over    0, up to  5:  5
	// over    5, up to 10: 10
	// over   10, up to 15: 15
	// over   15, up to 20: 20
	// over   20, up to 26: 26
	// over   26, up to 31: 31
	// over   31, up to 36: 36
	// over   36, up to 41: 41
	// over   41, up to 46: 46
	// over   46, up to 52: 52
	// over   52, up to 57: 57
	// over   57, up to 62: 62
	// over   62, up to 67: 67
	// over   67, up to 72: 72
	// over   72, up to 78: 78
	// over   78, up to 83: 83
	// over   83, up to 88: 88
	// over   88, up to 93: 93
	// over   93, up to 99: 99
}
