package plan_test

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/spate-run/spate/internal/plan"
)

func study(t *testing.T, l plan.Load) *plan.Study {
	t.Helper()
	return ask(model(t, jobTemplate, map[string]string{"Image": "x"}), l, 30)
}

func compared(t *testing.T, s *plan.Study) map[string]plan.Alternative {
	t.Helper()
	all, err := plan.Compare(t.Context(), s, "job")
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]plan.Alternative{}
	for _, a := range all {
		byName[a.Name] = a
	}
	return byName
}

func TestCompare(t *testing.T) {
	long := compared(t, study(t, retrain()))
	if a := long["Lambda"]; !strings.Contains(a.Cannot, "longer than 15 min") {
		t.Errorf("got %+v, want that a function ends after 15 minutes", a)
	}
	if a := long["CDK's pattern, max 2"]; a.P50 < 28*time.Hour || a.P50 > 31*time.Hour || a.Month < 70 {
		t.Errorf("got %s and $%.2f a month for the pattern, want two tasks for 58 hours, and two NAT gateways", a.P50, a.Month)
	}
	if own, steps := long["job"], long["Step Functions"]; (own.P50 - steps.P50).Abs() > 2*time.Minute {
		t.Errorf("got %s and %s, want both little more than the longest job", own.P50, steps.P50)
	}

	// 30 jobs of a minute: a minute until the machine is up, then one by one, or
	// 16 at once.
	short := compared(t, study(t, plan.Load{Jobs: 30, Durations: plan.Constant(time.Minute), Kick: true}))
	for name, want := range map[string]time.Duration{
		"one machine, in sequence": 31 * time.Minute,
		"cron and EC2":             3 * time.Minute,
		"Lambda":                   62*time.Second + 24*200*time.Millisecond, // 300 more a minute after the first 5
	} {
		if a := short[name]; (a.P50-want).Abs() > time.Second || a.Cost <= 0 {
			t.Errorf("%s: got %s for $%.4f, want %s", name, a.P50, a.Cost, want)
		}
	}
	if got, want := short["one machine, in sequence"].Cost, 31./60*.1008; got < want*.999 || got > want*1.001 {
		t.Errorf("got $%.5f for 31 minutes of a machine, want $%.5f", got, want)
	}
}

// The page is one file that loads nothing, escapes what it is given, and is the
// same each time.
func TestReport(t *testing.T) {
	s := study(t, retrain())
	all, err := plan.Compare(t.Context(), s, "<job> & co")
	if err != nil {
		t.Fatal(err)
	}
	seed, _ := s.Median()
	median, timeline := plan.Timeline(s.Model, s.Cloud, s.Load, seed)
	r := plan.Report{
		Name: "<job> & co", Study: s, Median: median, Seed: seed, Timeline: timeline, Compared: all,
		Warnings: []string{"a <warning>"}, Within: time.Hour, Share: .5, LeastMax: 99,
	}
	text := r.HTML()
	if !bytes.Equal(text, r.HTML()) {
		t.Error("got another page the second time")
	}
	for _, bad := range []string{"<job>", "<warning>", "<script", "src=", "href=", "@import", "url(", "NaN", "%!"} {
		if bytes.Contains(text, []byte(bad)) {
			t.Errorf("the page holds %q", bad)
		}
	}
	for _, want := range []string{"&lt;job&gt; &amp; co", "Done not within 1h00m00s", "prefers-color-scheme: dark", "asked for: 1h00m00s"} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("the page lacks %q", want)
		}
	}
	d := xml.NewDecoder(bytes.NewReader(text))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	pictures := 0
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("the page's elements do not match: %v", err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "svg" {
			pictures++
		}
	}
	if pictures != 3 {
		t.Errorf("got %d pictures, want 3", pictures)
	}
}

// Ways that never end are said to be so: a service that may have no task has
// alternatives all the same.
func TestCompareWithAServiceWithoutTasks(t *testing.T) {
	m, err := edited(t, asWritten, `"MinCapacity": 1`, `"MinCapacity": 0`, `"MaxCapacity": 2`, `"MaxCapacity": 0`)
	if err != nil {
		t.Fatal(err)
	}
	s := ask(m, plan.Load{Jobs: 3, Durations: plan.Constant(time.Minute)}, 3)
	ways := compared(t, s)
	if own, steps := ways["job"], ways["Step Functions"]; own.P50 != plan.Never || own.P95 != plan.Never || steps.P50 > 5*time.Minute {
		t.Errorf("got %s and %s, want never and a few minutes", own.P50, steps.P50)
	}
	if got := s.Why(); !strings.Contains(got, "may have 0 tasks") {
		t.Errorf("got the reason %q, want that it may have 0 tasks", got)
	}
}

// The sentence names what takes the time, or what keeps jobs from being done.
func TestWhy(t *testing.T) {
	jobs := func(l plan.Load) *plan.Study { return study(t, l) }
	visible, err := edited(t, "../../testdata/cdk/defaults.template.json", `"maxReceiveCount": 3`, `"maxReceiveCount": 1`)
	if err != nil {
		t.Fatal(err)
	}
	ended, err := edited(t, "../../testdata/cdk/defaults.template.json", `"maxReceiveCount": 3`, `"maxReceiveCount": 1`,
		`"RedrivePolicy": {`, `"VisibilityTimeout": 7200, "RedrivePolicy": {`, `"MaxCapacity": 2`, `"MaxCapacity": 30`)
	if err != nil {
		t.Fatal(err)
	}
	unkicked := retrain()
	unkicked.Kick = false
	few := model(t, jobTemplate, map[string]string{"Image": "x"})
	quota := plan.Question{Model: few, Cloud: plan.AWS(plan.DefaultImage), Load: retrain(), Seeds: 5, Seed: 1}
	quota.Cloud.Quota = 6
	limited, err := plan.Ask(t.Context(), quota)
	if err != nil {
		t.Fatal(err)
	}
	sleeping := *few
	sleeping.Queue.Touched = false
	expired := *model(t, asWritten, nil)
	expired.Queue.Retention = 2 * time.Hour
	for _, c := range []struct {
		name string
		s    *plan.Study
		want string
	}{
		{"the longest job", jobs(retrain()), "no job waits long: the longest takes "},
		{"two tasks", ask(model(t, asWritten, nil), retrain(), 5), "100 jobs of 35m in the mean are 58h20m of work for 2 tasks, 29h10m each; its max allows no more"},
		{"a quota", limited, "for 6 tasks, 9h43m20s each; the quota of 6 vCPU has room for no more"},
		{"a timeout", jobs(plan.Load{Jobs: 4, Durations: plan.Constant(time.Hour), Timeout: 10 * time.Minute, Kick: true}), "4 of 4 jobs take longer than the timeout of 10m, which ends their attempts"},
		{"failures", jobs(plan.Load{Jobs: 4, Durations: plan.Constant(time.Minute), Failure: 1, Retries: 2, Kick: true}), "4 of 4 jobs fail, after 2 retries"},
		{"the dead-letter queue", ask(visible, retrain(), 5), "received 1 time: it is visible again after 30s though its job is under way"},
		{"scaling in", ask(ended, unkicked, 5), "attempts were ended by scaling in or on Spot"},
		{"retention", ask(&expired, retrain(), 5), "are not done when their messages expire, after 2h00m00s: 100 jobs of 35m"},
		{"a queue asleep", ask(&sleeping, plan.Load{Jobs: 3, Durations: plan.Constant(time.Second)}, 50), "the metrics of a queue left alone come back within 15 minutes"},
		{"starts", jobs(plan.Load{Jobs: 3, Durations: plan.Constant(time.Second), Kick: true}), "from its launch until its first job starts"},
	} {
		if got := c.s.Why(); strings.Contains(got, "  ") || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// TestReportNarrow holds the comparison to what a telephone shows: each figure
// carries its own name, since the heading of its column is out of sight.
func TestReportNarrow(t *testing.T) {
	s := study(t, retrain())
	all, err := plan.Compare(t.Context(), s, "job")
	if err != nil {
		t.Fatal(err)
	}
	page := string(plan.Report{Name: "job", Study: s, Compared: all}.HTML())
	for _, name := range []string{"P50", "P95", "A run", "Idle month"} {
		if got := strings.Count(page, `data-name="`+name+`"`); got != len(all) {
			t.Errorf("got %d figures that are named %s, want %d", got, name, len(all))
		}
	}
}
