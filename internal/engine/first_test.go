package engine_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	docker "github.com/moby/moby/client"

	"github.com/spate-run/spate"
	"github.com/spate-run/spate/internal/deploy"
	"github.com/spate-run/spate/internal/engine"
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/run"
)

// TestTheFirstContainerComesAtOnce measures from the send of a run, with no task
// there, to the container's first process, as Docker tells it. A machine has other
// things to do: what counts is the median of five, at the best of three.
func TestTheFirstContainerComesAtOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: tasks go back to 0 each time")
	}
	c := newContainers(t, `ENTRYPOINT ["/job"]`)
	stack, send := c.quick(t)
	started := c.starts(t)
	var median time.Duration
	for range 3 {
		var took []time.Duration
		for range 5 {
			until(t, stack, "no tasks", func(tasks run.Tasks) bool { return tasks == run.Tasks{} })
			began := time.Now()
			send()
			select {
			case at := <-started:
				took = append(took, at.Sub(began))
			case <-time.After(20 * time.Second):
				t.Fatal("no container started")
			}
		}
		slices.Sort(took)
		median = took[len(took)/2]
		t.Logf("from the send to the first container's process: %v", took)
		if median <= time.Second {
			return
		}
	}
	t.Errorf("got %v from the send to the first process, want a second at most", median)
}

// quick is a stack of a job that has ended as soon as it has begun, and how a run
// of it is sent.
func (c *containers) quick(t *testing.T) (stack *run.Stack, send func()) {
	t.Helper()
	j, err := job.Parse("spate.yaml", []byte("name: first\nimage: "+c.image+"\ncommand: [once]\nparams: {list: [{sector: mining}]}\nmax: 2\ncpu: 0.25\nmemory: 512MiB\n"))
	if err != nil {
		t.Fatal(err)
	}
	template, err := spate.JobStack(j).Template()
	if err != nil {
		t.Fatal(err)
	}
	outputs, err := deploy.Apply(t.Context(), c.CloudFormation, deploy.Stack{Name: j.Name, Template: template, Parameters: map[string]string{"Image": c.image}})
	if err != nil {
		t.Fatal(err)
	}
	stack, _ = run.NewStack(c.AWS, j.Name, outputs)
	source, err := j.Source()
	if err != nil {
		t.Fatal(err)
	}
	return stack, func() {
		t.Helper()
		r, err := stack.Record(t.Context(), j, source)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Send(t.Context(), r.Jobs); err != nil {
			t.Fatal(err)
		}
	}
}

// starts tells when each of the home's containers has its first process.
func (c *containers) starts(t *testing.T) <-chan time.Time {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	seen := c.docker.Events(ctx, docker.EventsListOptions{
		Filters: docker.Filters{}.Add("event", "start").Add("label", "spate.owner="+engine.Owner(t, c.home)),
	})
	started, over := make(chan time.Time, 100), make(chan struct{})
	t.Cleanup(func() {
		cancel()
		<-over
	})
	go func() {
		defer close(over)
		for {
			select {
			case event := <-seen.Messages:
				if !strings.HasSuffix(event.Actor.Attributes["name"], "-network") {
					started <- time.Unix(0, event.TimeNano)
				}
			case <-seen.Err:
				return
			}
		}
	}()
	return started
}
