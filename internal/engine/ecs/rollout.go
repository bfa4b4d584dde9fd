package ecs

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/spate-run/spate/internal/runner"
	"github.com/spate-run/spate/internal/sorting"
)

// A census is what of a service bears on what should become of its tasks.
type census struct {
	desired  int
	least    int       // tasks that have to go on running during a deployment
	most     int       // tasks that there may be during a deployment
	primary  []*task   // wanted ones of the primary deployment
	older    []*task   // wanted ones of earlier deployments
	pausing  time.Time // no task is started before this
	draining bool      // the service is deleted: protection does not count
	failed   bool      // the primary deployment has failed: it starts no more tasks
}

// A plan is what to do about it.
type plan struct {
	start int
	stop  []*task
	due   time.Time // when to look again even if nothing changes; zero: never
}

func (v *service) census() census {
	c := census{
		desired:  v.Desired,
		draining: v.Status != serviceActive,
		failed:   v.primary().Rollout == types.DeploymentRolloutStateFailed,
		pausing:  v.backoff.until,
		// AWS rounds the one up and the other down.
		least: (v.Desired*int(aws.ToInt32(v.Detail.DeploymentConfiguration.MinimumHealthyPercent)) + 99) / 100,
		most:  v.Desired * int(aws.ToInt32(v.Detail.DeploymentConfiguration.MaximumPercent)) / 100,
	}
	for t := range v.tasks {
		switch {
		case !t.wanted():
		case t.Deployment == v.primary().ID:
			c.primary = append(c.primary, t)
		default:
			c.older = append(c.older, t)
		}
	}
	return c
}

// plan decides. Only tasks without protection are stopped, first those that do
// not run yet, then the newest: they have the least to lose. Tasks of earlier
// deployments go as far as enough others run, and make room for the
// primary's.
func (c census) plan(now time.Time) plan {
	var p plan
	kept := len(c.primary)
	if excess := kept - c.desired; excess > 0 {
		p.stop, p.due = c.choose(c.primary, excess, now)
		kept -= len(p.stop)
	}
	older := len(c.older)
	for _, group := range c.leaving(p.stop) {
		stop, due := c.choose(group.tasks, group.n, now)
		p.stop, p.due = append(p.stop, stop...), earlier(p.due, due)
		older -= len(stop)
	}
	p.start = max(0, c.desired-kept)
	if c.failed {
		p.start = 0
	}
	if older > 0 {
		p.start = min(p.start, max(0, c.most-kept-older))
	}
	if p.start > 0 && now.Before(c.pausing) {
		p.start, p.due = 0, earlier(p.due, c.pausing)
	}
	return p
}

// A group is tasks of which n can go.
type group struct {
	tasks []*task
	n     int
}

// leaving are the tasks of earlier deployments: those that do not run can all
// go, and of those that do as many as leave enough running. Those
// that a failed deployment was to replace go only where they are too many.
func (c census) leaving(going []*task) []group {
	if c.failed {
		return []group{{c.older, max(0, len(c.older)-c.desired)}}
	}
	var idle, running []*task
	for _, t := range c.older {
		if t.Status == statusRunning {
			running = append(running, t)
		} else {
			idle = append(idle, t)
		}
	}
	stay := len(running)
	for _, t := range c.primary {
		if t.Status == statusRunning && !slices.Contains(going, t) {
			stay++
		}
	}
	return []group{{idle, len(idle)}, {running, max(0, stay-c.least)}}
}

// choose picks up to n tasks to stop. When protection keeps it from picking
// that many it says when the first protection ends.
func (c census) choose(tasks []*task, n int, now time.Time) ([]*task, time.Time) {
	var free []*task
	var due time.Time
	for _, t := range tasks {
		if t.protected(now) && !c.draining {
			due = earlier(due, t.ProtectedUntil)
			continue
		}
		free = append(free, t)
	}
	if len(free) <= n {
		if len(free) == n {
			due = time.Time{}
		}
		return free, due
	}
	sorting.By(free, func(a, b *task) int {
		return cmp.Or(
			cmp.Compare(rank(a), rank(b)),
			b.CreatedAt.Compare(a.CreatedAt),
			cmp.Compare(a.ID, b.ID))
	})
	return free[:n], time.Time{}
}

// rank orders tasks by how little stopping them costs.
func rank(t *task) int {
	return slices.Index([]status{statusProvisioning, statusPending, statusActivating, statusRunning}, t.Status)
}

// roll brings a service's tasks one step towards what it wants.
func (s *Service) roll(v *service, now time.Time) {
	c := v.census()
	p := c.plan(now)
	s.stopTasks(v, p.stop, now)
	s.startTasks(v, p.start, now)
	s.sayStuck(v, c, now)
	v.due, v.pending = p.due, false
	s.progress(v, now)
}

// makeRoom helps a deployment along whose next task finds the machine full: a
// task of an earlier one goes, even when that leaves fewer running than
// minimumHealthyPercent. Elsewhere there is always another machine; here the
// deployment would wait for ever.
func (s *Service) makeRoom(t *task, now time.Time) {
	v := s.services[t.Cluster+"/"+t.Service]
	if v == nil || t.Deployment != v.primary().ID {
		return
	}
	for other := range v.tasks {
		if !other.wanted() {
			return // there will be room
		}
	}
	c := v.census()
	victims, due := c.choose(c.older, 1, now)
	s.stopTasks(v, victims, now)
	v.due = earlier(v.due, due)
}

func (s *Service) stopTasks(v *service, tasks []*task, now time.Time) {
	reason := fmt.Sprintf("Scaling activity initiated by (deployment %s)", v.primary().ID)
	for _, t := range tasks {
		s.become(t, t.stop(types.TaskStopCodeServiceSchedulerInitiated, reason, now))
	}
	s.sayTasks(v, now, "has stopped %d running tasks", tasks)
}

func (s *Service) startTasks(v *service, n int, now time.Time) {
	if n == 0 {
		return
	}
	primary := v.primary()
	d := s.definition(&primary.Definition)
	tasks := make([]*task, n)
	for i := range tasks {
		t := newTask(v.Cluster, d, nil, now)
		t.Service, t.Deployment, t.StartedBy = v.Name, primary.ID, primary.ID
		t.Group, t.Subnet = "service:"+v.Name, subnet(v.Detail.NetworkConfiguration)
		switch v.Detail.PropagateTags {
		case types.PropagateTagsService:
			t.Tags = v.Tags
		case types.PropagateTagsTaskDefinition:
			t.Tags = d.Tags
		}
		t.Detail.EnableExecuteCommand = v.Detail.EnableExecuteCommand
		launchDetail(&t.Detail, v.Detail.LaunchType, v.Detail.CapacityProviderStrategy, v.Detail.PlatformVersion)
		tasks[i] = &t
		s.addTask(&t)
		s.dirty.tasks[&t] = true
	}
	s.sayTasks(v, now, "has started %d tasks", tasks)
	s.sayCapped(v, tasks[0].Size, now)
}

// sayCapped tells, once a deployment, that tasks get less than they ask for.
func (s *Service) sayCapped(v *service, size runner.Size, now time.Time) {
	total := s.config.Capacity.Total()
	if v.primary().Capped || size.CPU <= total.CPU && size.Memory <= total.Memory {
		return
	}
	v.Deployments = slices.Clone(v.Deployments)
	v.primary().Capped = true
	s.say(v, now, "tasks of (deployment %s) ask for %d CPU units and %d MiB of memory; this machine has %d and %d, so each runs alone on it and gets no more than that.",
		v.primary().ID, size.CPU, size.Memory, total.CPU, total.Memory)
}

// sayStuck tells, once a deployment, that none of its tasks may start before
// an older one has gone, and none of those may go before.
func (s *Service) sayStuck(v *service, c census, now time.Time) {
	stuck := len(c.older) > 0 && len(c.primary) == 0 && c.least >= c.most && c.most > 0
	if !stuck || v.primary().Stuck {
		return
	}
	v.Deployments = slices.Clone(v.Deployments)
	v.primary().Stuck = true
	s.say(v, now, "was unable to stop or start tasks during a deployment because of the service deployment configuration. Update the minimumHealthyPercent or maximumPercent value and try again.")
}

// progress notes how far a service's deployments have come.
func (s *Service) progress(v *service, now time.Time) {
	running, tasks := 0, map[string]int{}
	for t := range v.tasks {
		tasks[t.Deployment]++
		if t.Status == statusRunning && t.wanted() {
			running++
		}
	}
	if v.Status == serviceDraining && len(v.tasks) == 0 {
		v.Status, v.EndedAt = serviceInactive, now
		s.untidy = true
		s.dirty.services[v] = true
	}
	if v.Status != serviceActive {
		return
	}
	s.dropDeployments(v, tasks, now)
	settled := v.alone() && running == v.Desired && len(v.tasks) == v.Desired
	if !settled {
		if v.Steady {
			v.Steady = false
			s.dirty.services[v] = true
		}
		return
	}
	if v.primary().Rollout == types.DeploymentRolloutStateInProgress {
		v.Deployments = slices.Clone(v.Deployments)
		v.primary().Rollout = types.DeploymentRolloutStateCompleted
		v.primary().UpdatedAt, v.primary().Failed = now, 0
		v.Completed = v.primary().Definition
		s.say(v, now, "(deployment %s) deployment completed.", v.primary().ID)
	}
	if !v.Steady {
		v.Steady = true
		s.say(v, now, "has reached a steady state.")
	}
}

// alone reports whether the primary deployment is the only one, but for those
// that have failed.
func (v *service) alone() bool {
	return !slices.ContainsFunc(v.Deployments[1:], func(d deployment) bool { return d.Rollout != types.DeploymentRolloutStateFailed })
}

// dropDeployments removes earlier deployments of which no task is left. One
// that has failed is shown for a while.
func (s *Service) dropDeployments(v *service, tasks map[string]int, now time.Time) {
	left := []deployment{*v.primary()}
	for _, d := range v.Deployments[1:] {
		until := d.UpdatedAt.Add(failedShown)
		shown := d.Rollout == types.DeploymentRolloutStateFailed && now.Before(until)
		if shown {
			v.due = earlier(v.due, until)
		}
		if shown || tasks[d.ID] > 0 {
			left = append(left, d)
		}
	}
	if len(left) != len(v.Deployments) {
		v.Deployments = left
		s.untidy = true
		s.dirty.services[v] = true
	}
}
