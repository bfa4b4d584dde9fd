package ecs

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/spate-run/spate/internal/runner"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// drawTasks makes tasks that are wanted, in all states that there are.
func drawTasks(t *rapid.T, label string) []*task {
	n := rapid.IntRange(0, 8).Draw(t, label)
	tasks := make([]*task, n)
	for i := range tasks {
		tasks[i] = &task{
			ID:             label + strconv.Itoa(i),
			Desired:        statusRunning,
			Status:         rapid.SampledFrom([]status{statusProvisioning, statusPending, statusRunning}).Draw(t, "status"),
			CreatedAt:      epoch.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "age")) * time.Minute),
			ProtectedUntil: epoch.Add(time.Duration(rapid.IntRange(-1, 1).Draw(t, "protected")) * time.Hour),
		}
	}
	return tasks
}

func TestPlanIsSafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := census{
			desired: rapid.IntRange(0, 8).Draw(t, "desired"),
			primary: drawTasks(t, "new"),
			older:   drawTasks(t, "old"),
		}
		c.least = c.desired * rapid.IntRange(0, 100).Draw(t, "minimumHealthyPercent") / 100
		c.most = c.desired * rapid.IntRange(101, 200).Draw(t, "maximumPercent") / 100
		p := c.plan(epoch)

		running, stopped := 0, map[string]bool{}
		for _, task := range p.stop {
			if task.protected(epoch) {
				t.Errorf("stops %s, which is protected", task.ID)
			}
			if stopped[task.ID] {
				t.Errorf("stops %s twice", task.ID)
			}
			stopped[task.ID] = true
		}
		all := slices.Concat(c.primary, c.older)
		for _, task := range all {
			if task.Status == statusRunning && !stopped[task.ID] {
				running++
			}
		}
		before := len(all)
		after := before - len(p.stop) + p.start
		if len(c.older) > 0 && p.start > 0 && after > c.most && after > c.desired {
			t.Errorf("got %d tasks after the plan, want at most %d", after, c.most)
		}
		if len(c.older) == 0 && p.start > 0 && after > c.desired {
			t.Errorf("got %d tasks after the plan, want at most %d", after, c.desired)
		}
		ran := 0
		for _, task := range all {
			if task.Status == statusRunning {
				ran++
			}
		}
		if scaleIn := max(0, len(c.primary)-c.desired); running < min(ran, c.least)-scaleIn {
			t.Errorf("leaves %d of %d running, want at least %d", running, ran, c.least)
		}
	})
}

func TestPlanStopsWhatCostsLeast(t *testing.T) {
	named := func(id string, s status, age time.Duration) *task {
		return &task{ID: id, Status: s, Desired: statusRunning, CreatedAt: epoch.Add(-age)}
	}
	held := named("held", statusProvisioning, 0)
	held.ProtectedUntil = epoch.Add(time.Minute)
	c := census{primary: []*task{
		named("old", statusRunning, 3), named("new", statusRunning, 1), named("pending", statusPending, 9),
		named("waiting", statusProvisioning, 9), named("waiting last", statusProvisioning, 8), held,
	}}
	for desired, want := range [][]string{
		{"waiting last", "waiting", "pending", "new", "old"},
		{"waiting last", "waiting", "pending", "new", "old"},
		{"waiting last", "waiting", "pending", "new"},
		{"waiting last", "waiting", "pending"},
		{"waiting last", "waiting"},
		{"waiting last"},
		nil,
	} {
		c.desired = desired
		p := c.plan(epoch)
		var got []string
		for _, task := range p.stop {
			got = append(got, task.ID)
		}
		slices.SortFunc(got, func(a, b string) int { return slices.Index(want, a) - slices.Index(want, b) })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("stopped for %d (-want +got):\n%s", desired, diff)
		}
		if want := desired == 0; p.due.Equal(held.ProtectedUntil) != want {
			t.Errorf("for %d: got due %v, want it to be when the protection ends: %v", desired, p.due, want)
		}
	}
}

func TestLifecycleTakesEveryStep(t *testing.T) {
	all := []status{
		statusProvisioning, statusPending, statusActivating, statusRunning,
		statusDeactivating, statusStopping, statusDeprovisioning, statusStopped,
	}
	begin := task{Status: statusProvisioning, Desired: statusRunning, Containers: []container{{Name: "a", Essential: true, Status: statusPending}}}
	pending := begin.place(epoch)
	running := pending.started(0, runner.Place{}, epoch)
	stopping := running.stop(types.TaskStopCodeUserInitiated, "enough", epoch)
	stopped := stopping.ended(0, runner.Exit{Code: 1}, epoch)
	got := []status{begin.Status, pending.Status, running.Status, stopping.Status, stopped.Status}
	want := []status{all[0], all[1], all[3], all[5], all[7]}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	// Each status that is passed is a version.
	if got, want := stopped.Version, int64(len(all)-1); got != want {
		t.Errorf("got version %d, want %d", got, want)
	}
	if stopped.StoppedReason != "enough" || stopped.StopCode != types.TaskStopCodeUserInitiated {
		t.Errorf("got %s %q, want the first reason to stay", stopped.StopCode, stopped.StoppedReason)
	}
	if begin.Containers[0].Status != statusPending || pending.Containers[0].Status != statusPending {
		t.Error("got an earlier value changed, want transitions to leave it alone")
	}
}

// Whatever happens to a task in whatever order, it only goes forward, it ends
// when all its containers have, and never before.
func TestLifecycleGoesForward(t *testing.T) {
	order := []status{
		statusProvisioning, statusPending, statusActivating, statusRunning,
		statusDeactivating, statusStopping, statusDeprovisioning, statusStopped,
	}
	rapid.Check(t, func(t *rapid.T) {
		v := task{Status: statusProvisioning, Desired: statusRunning}
		for i := range rapid.IntRange(1, 3).Draw(t, "containers") {
			v.Containers = append(v.Containers, container{Status: statusPending, Essential: i == 0})
		}
		for v.Status != statusStopped {
			was := v
			i := rapid.IntRange(0, len(v.Containers)-1).Draw(t, "container")
			switch c := v.Containers[i]; {
			case v.Status == statusProvisioning:
				v = v.place(epoch)
			case c.Status == statusPending && rapid.Bool().Draw(t, "starts"):
				v = v.started(i, runner.Place{}, epoch)
			case c.Status == statusPending:
				v = v.failed(i, "no", epoch)
			case c.Status == statusRunning:
				v = v.ended(i, runner.Exit{}, epoch)
			default:
				v = v.stop(types.TaskStopCodeUserInitiated, "enough", epoch)
			}
			if slices.Index(order, v.Status) < slices.Index(order, was.Status) {
				t.Fatalf("went from %s back to %s", was.Status, v.Status)
			}
			if left := was.any(statusRunning) && v.any(statusRunning); left && v.Status == statusStopped {
				t.Fatalf("stopped with containers %+v", v.Containers)
			}
		}
		if v.wanted() || v.StopCode == "" || v.StoppedAt.IsZero() {
			t.Errorf("got a stopped task %+v, want it unwanted, with a code and a time", v)
		}
	})
}

func TestBackoff(t *testing.T) {
	var b backoff
	now := epoch
	var got []time.Duration
	for range 11 {
		b = b.failed(now)
		b = b.failed(now) // the other tasks of the same wave
		got = append(got, b.until.Sub(now)/time.Second)
		now = b.until
	}
	if diff := cmp.Diff([]time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300}, got); diff != "" {
		t.Errorf("pauses in seconds (-want +got):\n%s", diff)
	}
	now = now.Add(calm + 1)
	if b = b.failed(now); b.failures != 1 {
		t.Errorf("got %d failures after a calm, want 1", b.failures)
	}
}

// The table of
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
func TestFailuresThatFailADeployment(t *testing.T) {
	for desired, want := range map[int]int{0: 3, 1: 3, 6: 3, 7: 4, 25: 13, 400: 200, 800: 200} {
		if got := threshold(desired); got != want {
			t.Errorf("%d desired: got %d, want %d", desired, got, want)
		}
	}
}
