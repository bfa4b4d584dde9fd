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
