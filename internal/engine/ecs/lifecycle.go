package ecs

import (
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/spate-run/spate/internal/runner"
)

// A status is what state a task or a container is in, or shall be in.
type status string

// The statuses, in the order in which a task passes through them. Containers
// are only ever PENDING, RUNNING or STOPPED; what is desired is RUNNING or
// STOPPED.
const (
	statusProvisioning   status = "PROVISIONING"
	statusPending        status = "PENDING"
	statusActivating     status = "ACTIVATING"
	statusRunning        status = "RUNNING"
	statusDeactivating   status = "DEACTIVATING"
	statusStopping       status = "STOPPING"
	statusDeprovisioning status = "DEPROVISIONING"
	statusStopped        status = "STOPPED"
)

// starting reports whether a task has yet to run.
func (s status) starting() bool {
	return s == statusProvisioning || s == statusPending || s == statusActivating
}

// A task is one task as the store keeps it. Its transitions return the next
// task and leave the one they start from alone.
type task struct {
	ID         string
	Cluster    string // its name
	Definition string // ARN
	Service    string // the service's name; empty for a standalone task
	Deployment string // the id of the deployment that wanted it
	StartedBy  string
	Group      string
	Size       runner.Size
	Subnet     string     // of its network interface
	Secret     string     // in the addresses of its endpoints
	Token      string     // the clientToken of the RunTask that made it
	Detail     types.Task // what the request said and the engine only keeps
	Tags       []types.Tag

	Status     status
	Desired    status
	Placed     bool // it holds its Size of the machine's capacity
	Containers []container
	Version    int64

	StopCode       types.TaskStopCode
	StoppedReason  string
	ProtectedUntil time.Time

	CreatedAt, PullStartedAt, PullStoppedAt, StartedAt time.Time
	StoppingAt, ExecutionStoppedAt, StoppedAt          time.Time

	execution *execution // its containers in this process; nil until it is placed
}

// A container is one container of a task.
type container struct {
	Name      string
	RuntimeID string
	Image     string
	Essential bool
	Status    status
	ExitCode  *int
	Reason    string
	Health    types.HealthStatus // empty where nothing tells it
	StartedAt time.Time
	GPUs      []string // the ids of those that it was given
	Place     runner.Place
	Restarts  int // by its restart policy
}

// place gives a waiting task its share of the machine.
func (t task) place(now time.Time) task {
	t.Placed = true
	return t.settle(now)
}

// started is the task after one of its containers has started, at a place.
func (t task) started(i int, place runner.Place, now time.Time) task {
	if t.Containers[i].Status == statusRunning {
		return t // since an earlier engine
	}
	t.Containers = slices.Clone(t.Containers)
	t.Containers[i].Status = statusRunning
	t.Containers[i].StartedAt = now
	t.Containers[i].Place = place
	return t.settle(now)
}

// examined is the task after the health of one of its containers has changed.
func (t task) examined(i int, well bool) task {
	t.Containers = slices.Clone(t.Containers)
	t.Containers[i].Health = types.HealthStatusUnhealthy
	if well {
		t.Containers[i].Health = types.HealthStatusHealthy
	}
	return t
}

// health is a task's own: that of its essential containers that have any.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/healthcheck.html
func (t task) health() types.HealthStatus {
	health := types.HealthStatusUnknown
	for _, c := range t.Containers {
		if !c.Essential || c.Health == "" {
			continue
		}
		if health = c.Health; health != types.HealthStatusHealthy {
			break
		}
	}
	if slices.ContainsFunc(t.Containers, func(c container) bool { return c.Essential && c.Health == types.HealthStatusUnhealthy }) {
		return types.HealthStatusUnhealthy
	}
	return health
}

// ill reports whether an essential container is known not to be well.
func (t task) ill() bool { return t.health() == types.HealthStatusUnhealthy }

// ended is the task after one of its containers has ended. When that one is
// essential the others shall end too.
func (t task) ended(i int, exit runner.Exit, now time.Time) task {
	t.Containers = slices.Clone(t.Containers)
	c := &t.Containers[i]
	c.Status, c.ExitCode, c.Reason = statusStopped, &exit.Code, exit.Reason
	if c.Essential {
		t = t.stop(types.TaskStopCodeEssentialContainerExited, "Essential container in task exited", now)
	}
	return t.settle(now)
}

// failed is the task after one of its containers could not start. A task whose
// end was decided before keeps that reason.
func (t task) failed(i int, reason string, now time.Time) task {
	t.Containers = slices.Clone(t.Containers)
	c := &t.Containers[i]
	c.Status = statusStopped
	if t.Desired == statusRunning {
		c.Reason = reason
	}
	if c.Essential {
		t = t.stop(types.TaskStopCodeTaskFailedToStart, reason, now)
	}
	return t.settle(now)
}

// stop is the task when it shall end. The first reason stays.
func (t task) stop(code types.TaskStopCode, reason string, now time.Time) task {
	if t.Desired == statusStopped {
		return t
	}
	t.Desired, t.StopCode, t.StoppedReason = statusStopped, code, reason
	return t.settle(now)
}

// lost is the task after its containers have died with the engine.
func (t task) lost(now time.Time) task {
	t.Containers = slices.Clone(t.Containers)
	for i := range t.Containers {
		t.Containers[i].Status = statusStopped
	}
	// A task that was ending already keeps its reason, and has ended now.
	return t.stop(types.TaskStopCodeTerminationNotice, hostEnded("terminated"), now).settle(now)
}

// hostEnded is how ECS words that a task's machine went away.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
func hostEnded(how string) string {
	return fmt.Sprintf("Host EC2 (instance local) %s.", how)
}

// settle moves a task on through every status in which nothing holds it.
func (t task) settle(now time.Time) task {
	for {
		next := t.next()
		if next == t.Status {
			return t
		}
		t.Status = next
		t.Version++
		t = t.stamp(now)
	}
}

// next is the status that follows the task's own, or that one again while
// something holds it there.
func (t task) next() status {
	ending := t.Desired == statusStopped
	switch t.Status {
	case statusProvisioning:
		switch {
		case ending:
			return statusDeprovisioning
		case t.Placed:
			return statusPending
		}
	case statusPending:
		switch {
		case ending:
			return statusStopping
		case !t.any(statusPending):
			return statusActivating
		}
	case statusActivating:
		if ending {
			return statusDeactivating
		}
		return statusRunning
	case statusRunning:
		if ending {
			return statusDeactivating
		}
	case statusDeactivating:
		return statusStopping
	case statusStopping:
		if !t.any(statusPending) && !t.any(statusRunning) {
			return statusDeprovisioning
		}
	case statusDeprovisioning:
		return statusStopped
	}
	return t.Status
}

// any reports whether one of the containers is in a status.
func (t task) any(s status) bool {
	return slices.ContainsFunc(t.Containers, func(c container) bool { return c.Status == s })
}

// stamp notes when the task came to the status that it has now.
func (t task) stamp(now time.Time) task {
	switch t.Status {
	case statusPending:
		t.PullStartedAt = now
	case statusActivating:
		t.PullStoppedAt = now
	case statusRunning:
		t.StartedAt = now
	case statusStopping:
		t.StoppingAt = now
	case statusDeprovisioning:
		t.ExecutionStoppedAt = now
		if t.StoppingAt.IsZero() {
			t.StoppingAt = now
		}
	case statusStopped:
		t.StoppedAt = now
		t.ProtectedUntil = time.Time{}
		t.Containers = slices.Clone(t.Containers)
		for i := range t.Containers {
			t.Containers[i].Status = statusStopped
		}
	}
	return t
}

// protected reports whether scale-in and deployments must leave the task be.
func (t task) protected(now time.Time) bool { return now.Before(t.ProtectedUntil) }

// wanted reports whether the task runs, or will.
func (t task) wanted() bool { return t.Desired == statusRunning }

// haste is how soon after its start a task may end of itself before that is
// taken for a sign that it cannot work.
const haste = 10 * time.Second

// hasty reports whether a stopped task ended of itself as soon as it had
// started.
func (t task) hasty() bool {
	return t.StopCode == types.TaskStopCodeEssentialContainerExited &&
		(t.StartedAt.IsZero() || t.StoppedAt.Sub(t.StartedAt) < haste)
}

// miscarried reports whether a stopped task never came to work. One that ended
// in haste but well may have had only a little to do.
func (t task) miscarried() bool {
	if t.StopCode == types.TaskStopCodeTaskFailedToStart {
		return true
	}
	return t.hasty() && slices.ContainsFunc(t.Containers, func(c container) bool {
		return c.Essential && c.ExitCode != nil && *c.ExitCode != 0
	})
}
