package ecs

import (
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// The least and the most tasks that have to fail before a deployment has.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
const (
	leastFailures = 3
	mostFailures  = 200
)

// failedShown is how long a failed deployment is described at least, so that
// whoever waits for it gets to see it.
const failedShown = time.Minute

// threshold is how many tasks have to fail in a row: half of those that are
// desired, rounded up.
func threshold(desired int) int {
	return min(max((desired+1)/2, leastFailures), mostFailures)
}

// trip fails a service's deployment when the circuit breaker is on, so many of
// its tasks have failed in a row, and none runs.
func (s *Service) trip(v *service, now time.Time) {
	breaker := v.Detail.DeploymentConfiguration.DeploymentCircuitBreaker
	d := v.primary()
	if breaker == nil || !breaker.Enable || d.Rollout != types.DeploymentRolloutStateInProgress || d.Failed < threshold(v.Desired) {
		return
	}
	failed := d.ID
	d.Rollout, d.UpdatedAt, d.Why = types.DeploymentRolloutStateFailed, now, "ECS deployment circuit breaker: tasks failed to start."
	s.say(v, now, "(deployment %s) deployment failed: tasks failed to start.", failed)
	if breaker.Rollback && v.Completed != "" && v.Completed != d.Definition {
		s.rollBack(v, now)
	}
}

// rollBack makes the deployment that was completed last the primary one again,
// or a new one of its definition where none of its tasks is left. The caller
// has cloned the deployments.
func (s *Service) rollBack(v *service, now time.Time) {
	last := newDeployment(v.Completed, now)
	if i := slices.IndexFunc(v.Deployments, func(d deployment) bool { return d.Definition == v.Completed }); i >= 0 {
		last = v.Deployments[i]
		last.Rollout, last.UpdatedAt = types.DeploymentRolloutStateInProgress, now
		v.Deployments = slices.Delete(v.Deployments, i, i+1)
	}
	last.Why = fmt.Sprintf("ECS deployment circuit breaker: rolling back to deploymentId %s.", last.ID)
	v.Deployments = slices.Insert(v.Deployments, 0, last)
	v.backoff, v.Steady, v.pending = backoff{}, false, true
	s.say(v, now, "rolling back to deployment %s.", last.ID)
}

// calmed reports whether a task of a deployment runs, and has for long enough
// not to be one that fails. Then the failures before it count no more.
func (v *service) calmed(deployment string, now time.Time) bool {
	for t := range v.tasks {
		if t.Deployment == deployment && t.Status == statusRunning && now.Sub(t.StartedAt) >= haste {
			return true
		}
	}
	return false
}
