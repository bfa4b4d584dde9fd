package ecs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"pgregory.net/rapid"
)

// A move is one thing that happens to a service. What N means is up to it.
type move struct {
	Do   string
	N    int
	Look bool // check the promises afterwards
}

var moves = rapid.Custom(func(t *rapid.T) move {
	return move{
		Do:   rapid.SampledFrom([]string{"scale", "redeploy", "protect", "unprotect", "end", "stop", "pass"}).Draw(t, "do"),
		N:    rapid.IntRange(0, 1500).Draw(t, "n"),
		Look: rapid.Bool().Draw(t, "look"),
	}
})

// Whatever happens to a service, it keeps the promises that check knows, and
// comes to rest at what it shall be.
func TestServiceKeepsItsPromises(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	rapid.Check(t, func(rt *rapid.T) {
		stubborn := rapid.Bool().Draw(rt, "stubborn")
		story := rapid.SliceOfN(moves, 1, 15).Draw(rt, "story")
		for _, suffix := range []string{"", "-wal", "-shm"} {
			os.Remove(path + suffix)
		}
		h := &history{protected: map[string]time.Time{}}
		synctest.Test(t, func(t *testing.T) {
			h.rig = newRig(t, path, slots)
			defer h.stop()
			h.base()
			h.machine.stubborn = stubborn
			h.serve(0)
			for _, m := range story {
				h.make(m)
				if m.Look {
					h.check()
				}
			}
			h.settle()
		})
		for _, broken := range h.broken {
			rt.Error(broken)
		}
	})
}

const slots = 5

// A history is a service in the course of a story.
type history struct {
	*rig
	desired   int
	protected map[string]time.Time // until when, by the task's ARN
	broken    []string             // promises
}

func (h *history) breaks(format string, args ...any) {
	h.broken = append(h.broken, fmt.Sprintf(format, args...))
}

// some picks a container that runs, and the ARN of its task.
func (h *history) some(n int) (*process, string) {
	all := h.machine.processes("")
	if len(all) == 0 {
		return nil, ""
	}
	p := all[n%len(all)]
	id, _, _ := strings.Cut(p.container.ID, "-")
	return p, "arn:aws:ecs:us-east-1:000000000000:task/default/" + id
}

func (h *history) make(m move) {
	p, arn := h.some(m.N)
	switch {
	case m.Do == "scale":
		h.desired = m.N % 8
		must(h.UpdateService(ctx(h.rig), &sdk.UpdateServiceInput{Service: new("work"), DesiredCount: aws.Int32(int32(h.desired))}))
	case m.Do == "redeploy":
		must(h.UpdateService(ctx(h.rig), &sdk.UpdateServiceInput{Service: new("work"), ForceNewDeployment: true}))
	case m.Do == "pass":
		time.Sleep(time.Duration(m.N) * time.Second)
	case p == nil:
	case m.Do == "protect":
		until := time.Now().Add(20 * time.Minute)
		if _, body := h.protection(p, "PUT", `{"ProtectionEnabled":true,"ExpiresInMinutes":20}`); strings.Contains(body, `"ProtectionEnabled":true`) {
			h.protected[arn] = until
		}
	case m.Do == "unprotect":
		h.protection(p, "PUT", `{"ProtectionEnabled":false}`)
		delete(h.protected, arn)
	case m.Do == "end":
		p.end(m.N % 2)
	case m.Do == "stop":
		must(h.StopTask(ctx(h.rig), &sdk.StopTaskInput{Task: &arn}))
	}
}

// check holds the promises of scale-in and deployments against every task.
func (h *history) check() {
	synctest.Wait()
	wanted, protected := 0, 0
	for _, task := range h.tasks() {
		until := h.protected[*task.TaskArn]
		if *task.DesiredStatus == "RUNNING" {
			wanted++
			if time.Now().Before(until) {
				protected++
			}
		} else if task.StopCode == types.TaskStopCodeServiceSchedulerInitiated && task.StoppingAt.Before(until) {
			h.breaks("task %s was stopped by the scheduler at %v, want it kept until %v", *task.TaskArn, task.StoppingAt, until)
		}
	}
	if most := max(2*h.desired, h.desired+protected); wanted > most {
		h.breaks("got %d tasks wanted with %d desired and %d protected, want at most %d", wanted, h.desired, protected, most)
	}
	if n := len(h.machine.processes("")); n > slots {
		h.breaks("got %d tasks on the machine, want at most %d", n, slots)
	}
}

// settle checks that left alone the service comes to what is desired, and at 0
// to nothing.
func (h *history) settle() {
	time.Sleep(30 * time.Minute)
	h.check()
	v := h.work()
	if got, want := int(v.RunningCount), min(h.desired, slots); got != want || len(v.Deployments) != 1 {
		h.breaks("got %d running in %d deployments, want %d in 1", got, len(v.Deployments), want)
	}
	h.scale(0)
	h.desired = 0
	time.Sleep(time.Minute)
	h.check()
	if left := h.machine.processes(""); len(left) > 0 {
		h.breaks("got %d tasks at 0, want none", len(left))
	}
	if total := h.capacity.Total(); !h.capacity.Reserve(total) {
		h.breaks("got capacity in use at 0, want all of it free")
	} else {
		h.capacity.Release(total)
	}
	v = h.work()
	if last := *v.Events[0].Message; last != "(service work) has reached a steady state." {
		h.breaks("got last event %q, want a steady state", last)
	}
	if v.PendingCount != 0 {
		h.breaks("got %d pending at 0, want none", v.PendingCount)
	}
}
