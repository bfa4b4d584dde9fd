package cli

import (
	"math"
	"testing"
	"time"

	"github.com/spate-run/spate/internal/plan"
	"github.com/spate-run/spate/internal/record"
	"github.com/spate-run/spate/internal/run"
)

// A vCPU and 2 GiB on demand are $0.04048 + 2 × $0.004445 an hour; Spot is two
// fifths of that. A task of ten seconds is billed for a minute.
func TestBillsAreTheBilledSecondsTimesThePrice(t *testing.T) {
	began := time.Date(2026, 1, 5, 6, 0, 0, 0, time.UTC)
	after := func(s float64) time.Time { return began.Add(time.Duration(s * float64(time.Second))) }
	u := &run.Usage{
		Jobs: []time.Duration{1000 * time.Second, 5 * time.Second},
		Tasks: []run.TaskUsage{
			{ARN: "a", From: began, To: after(1199.2), Known: true, Provider: "FARGATE", Busy: 1000 * time.Second},
			{ARN: "b", From: after(10), To: after(20), Known: true, Provider: "FARGATE_SPOT", Busy: 5 * time.Second},
			{ARN: "c", From: after(1199.2), To: after(1300)},
		},
		Attempts: 3, Unknown: 1,
	}
	m := &plan.Model{Task: plan.Task{CPU: 1, Memory: 2}}
	b := reckon(&run.Run{Run: record.Run{ID: "R"}}, m, u)
	const hour = 0.04048 + 2*0.004445
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-12 {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	near("billed seconds", b.Seconds, 1200+60+101)
	near("cost", b.USD, (1200+60*.4+101)*hour/3600)
	near("cost of the jobs", b.BusyUSD, (1000+5*.4)*hour/3600)
	near("cost of all jobs", b.Jobs[0].USD+b.Jobs[1].USD, b.BusyUSD)
	near("kept up", b.KeptUp, 2*hour*730)
	if b.Tasks != 3 || b.Spot != 1 || b.Reckoned != 1 || b.Unknown != 1 {
		t.Errorf("got %d tasks, %d on Spot, %d reckoned and %d attempts unknown, want 3, 1, 1 and 1", b.Tasks, b.Spot, b.Reckoned, b.Unknown)
	}
}
