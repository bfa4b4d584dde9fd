package cron_test

import (
	"testing"
	"time"

	"github.com/spate-run/spate/internal/cron"
)

// The examples are those of
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html,
// https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html
// and https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
func TestNextOccurrence(t *testing.T) {
	const layout = "2006-01-02T15:04:05"
	for _, tt := range []struct{ schedule, zone, after, want string }{
		{"at(2026-11-22T22:00:00)", "", "2026-11-22T21:59:59", "2026-11-22T22:00:00"},
		{"at(2026-11-22T22:00:00)", "", "2026-11-22T22:00:00", ""},
		{"at(2026-11-22T22:00:00)", "America/New_York", "2026-11-22T22:00:00", "2026-11-23T03:00:00"},
		{"rate(1 hours)", "", "2026-01-01T00:00:00", "2026-01-01T01:00:00"},
		{"rate(5 minutes)", "", "2026-01-01T00:00:00", "2026-01-01T00:05:00"},
		{"rate(5 minutes)", "", "2025-01-01T00:00:00", "2026-01-01T00:00:00"}, // its beginning is the first
		{"rate(1 hour)", "", "2026-01-01T05:30:00", "2026-01-01T06:00:00"},
		{"rate(2 days)", "", "2026-01-01T00:00:00", "2026-01-03T00:00:00"},
		{"cron(0 10 * * ? *)", "", "2026-11-22T10:00:00", "2026-11-23T10:00:00"},
		{"cron(15 12 * * ? *)", "", "2026-11-22T10:00:00", "2026-11-22T12:15:00"},
		{"cron(0 18 ? * MON-FRI *)", "", "2026-11-20T18:00:00", "2026-11-23T18:00:00"}, // a Friday, then the Monday
		{"cron(0 8 1 * ? *)", "", "2026-11-22T10:00:00", "2026-12-01T08:00:00"},
		{"cron(0/15 * * * ? *)", "", "2026-11-22T10:46:00", "2026-11-22T11:00:00"},
		{"cron(0/10 * ? * MON-FRI *)", "", "2026-11-22T10:46:00", "2026-11-23T00:00:00"},
		{"cron(0/5 8-17 ? * MON-FRI *)", "", "2026-11-20T17:55:00", "2026-11-23T08:00:00"},
		{"cron(30 9 L * ? *)", "", "2028-02-01T00:00:00", "2028-02-29T09:30:00"},
		{"cron(0 9 ? * 2#1 *)", "", "2026-11-22T10:00:00", "2026-12-07T09:00:00"}, // the first Monday: 1 is Sunday
		{"cron(15 10 ? * 6L 2026-2030)", "", "2026-11-22T10:00:00", "2026-11-27T10:15:00"},
		{"cron(15 10 ? * 6L 2019-2022)", "", "2026-11-22T10:00:00", ""},
		{"cron(0 6 ? * L *)", "", "2026-11-22T10:00:00", "2026-11-28T06:00:00"},
		{"cron(0 0 1W 8 ? *)", "", "2026-01-01T00:00:00", "2026-08-03T00:00:00"}, // the 1st is a Saturday
		{"cron(0 0 31W 5 ? *)", "", "2026-01-01T00:00:00", "2026-05-29T00:00:00"},
		{"cron(0 0 30 2 ? *)", "", "2026-01-01T00:00:00", ""},
		{"cron(0 6 ? * MON *)", "Europe/Berlin", "2026-03-23T06:00:00", "2026-03-30T04:00:00"}, // summer time by then
		{"cron(30 2 * 3 ? *)", "Europe/Berlin", "2026-03-28T02:00:00", "2026-03-30T00:30:00"},  // there is no 2:30 on the 29th
		{"cron(30 2 * 10 ? *)", "Europe/Berlin", "2026-10-24T23:00:00", "2026-10-25T00:30:00"}, // 2:30 comes twice
		{"cron(30 2 * 10 ? *)", "Europe/Berlin", "2026-10-25T00:30:00", "2026-10-26T01:30:00"},
		{"cron(0-15/1 8-8 ? * 2,3,4,5,6,7 *)", "", "2026-11-22T10:00:00", "2026-11-23T08:00:00"},
		{"cron(1-31/30 1-1 ? * 1,7 *)", "", "2026-11-22T01:01:00", "2026-11-22T01:31:00"},
		{"cron(0/5 14 ? JAN SUN 2027)", "", "2026-11-22T10:00:00", "2027-01-03T14:00:00"},
		{"cron(0 0 15W * ? *)", "", "2026-11-01T00:00:00", "2026-11-16T00:00:00"}, // the 15th is a Sunday
	} {
		zone, err := time.LoadLocation(tt.zone)
		if err != nil {
			t.Fatal(err)
		}
		next, err := cron.Parse(tt.schedule, zone, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
		if err != nil {
			t.Errorf("%s: %v", tt.schedule, err)
			continue
		}
		after, err := time.Parse(layout, tt.after)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if at := next.Next(after); !at.IsZero() {
			got = at.UTC().Format(layout)
		}
		if got != tt.want {
			t.Errorf("%s %s after %s: got %q, want %q", tt.schedule, tt.zone, tt.after, got, tt.want)
		}
	}
}

func TestSchedulesAreRefused(t *testing.T) {
	for _, text := range []string{
		"", "at", "at()", "at(tomorrow)", "rate(5)", "rate(0 minutes)", "rate(5 minute)", "rate(2 weeks)",
		"rate(9999999999999 days)", "cron()", "cron(* * * * *)", "cron(0 0 * * * *)", "cron(0 0 ? * ? *)", "cron(60 0 * * ? *)",
		"cron(0 24 * * ? *)", "cron(0 0 0 * ? *)", "cron(0 0 ? * 8 *)", "cron(0 0 ? * MON#6 *)", "cron(0/0 0 * * ? *)",
		"cron(5-1 0 * * ? *)", "cron(0 0 * FOO ? *)", "cron(0 0 XW * ? *)",
		"cron(0 0 ? * 2/2 *)", "cron(0 0 ? * 3#1,6#3 *)", "cron(0 0 * * ? 2200)",
	} {
		if _, err := cron.Parse(text, time.UTC, time.Time{}); err == nil {
			t.Errorf("%q: got no error", text)
		}
	}
}

func FuzzParseSchedule(f *testing.F) {
	f.Add("cron(0 9 ? * 2#1 2026-2030)")
	f.Add("rate(5 minutes)")
	f.Add("at(2026-11-22T22:00:00)")
	f.Fuzz(func(t *testing.T, text string) {
		now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
		next, err := cron.Parse(text, time.UTC, now)
		if err != nil {
			return
		}
		if at := next.Next(now); !at.IsZero() && !at.After(now) {
			t.Errorf("%q: got %v, which is not after %v", text, at, now)
		}
	})
}
