package plan_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spate-run/spate/internal/plan"
)

// drawn are the durations of many jobs, sorted.
func drawn(t *testing.T, text string) []time.Duration {
	t.Helper()
	d, err := plan.ParseDurations(text)
	if err != nil {
		t.Fatal(err)
	}
	all, _, _ := times(plan.Load{Jobs: 20_000, Durations: d}, 1)
	slices.Sort(all)
	return all
}

func TestDurations(t *testing.T) {
	file := filepath.Join(t.TempDir(), "times.csv")
	if err := os.WriteFile(file, []byte("job,seconds\na,60\nb,2m\nc,180\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text                     string
		least, p50, p95, longest time.Duration
	}{
		{"35m", 35 * time.Minute, 35 * time.Minute, 35 * time.Minute, 35 * time.Minute},
		{"10m..60m", 10 * time.Minute, 35 * time.Minute, 57*time.Minute + 30*time.Second, time.Hour},
		{"uniform(10m, 60m)", 10 * time.Minute, 35 * time.Minute, 57*time.Minute + 30*time.Second, time.Hour},
		{"p50=20m,p95=50m", 10 * time.Minute, 20 * time.Minute, 50 * time.Minute, 50 * time.Minute},
		{"p0=1m, p50=20m, p100=60m", time.Minute, 20 * time.Minute, 56 * time.Minute, time.Hour},
		{"lognormal(30m, 0.5)", 4 * time.Minute, 30 * time.Minute, time.Duration(float64(30*time.Minute) * math.Exp(0.5*1.6449)), 220 * time.Minute},
		{file, time.Minute, 2 * time.Minute, 3 * time.Minute, 3 * time.Minute},
	} {
		all := drawn(t, c.text)
		near := func(name string, got, want time.Duration, tolerance float64) {
			if math.Abs(got.Seconds()-want.Seconds()) > tolerance*want.Seconds() {
				t.Errorf("%s: got %s of %s, want about %s", c.text, name, got, want)
			}
		}
		near("the least", all[0], c.least, 1)
		near("the median", all[len(all)/2], c.p50, .02)
		near("p95", all[len(all)*95/100], c.p95, .02)
		near("the longest", all[len(all)-1], c.longest, .4)
		if all[0] < c.least-c.least/2 {
			t.Errorf("%s: got a job of %s, want %s at least", c.text, all[0], c.least)
		}
	}
}

func TestWrongDurations(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "is not a duration",
		"soon":                   "is not a duration",
		"-5m":                    "not negative",
		"0s":                     "no time at all",
		"60m..10m":               "begins above its end",
		"10m..":                  "is not a duration",
		"uniform(1m)":            "has two ends",
		"weibull(1m, 2)":         "no distribution",
		"lognormal(30m, -1)":     "not a number above 0",
		"p50=20m,p95=10m":        "does not lie above",
		"p500=20m":               "no quantile",
		"400h":                   "cannot take",
		"no-such-file-there.csv": "no such file",
	} {
		if _, err := plan.ParseDurations(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want an error with %q", text, err, want)
		}
	}
}

// A wide lognormal ends where a queue gives its messages up, and its mean is that
// of what is drawn.
func TestALognormalHasAnEnd(t *testing.T) {
	d, err := plan.ParseDurations("lognormal(300h, 3)")
	if err != nil {
		t.Fatal(err)
	}
	const fortnight = 14 * 24 * time.Hour
	l := plan.Load{Jobs: 10_000, Durations: d}
	_, _, longest := times(l, 1)
	if d.Longest() != fortnight || longest != fortnight {
		t.Errorf("got %s, and %s drawn, want 14 days at most", d.Longest(), longest)
	}
	for job := range l.Jobs {
		if got := l.Duration(1, job); got < 0 {
			t.Fatalf("job %d: got %s, want a duration", job, got)
		}
	}
}
