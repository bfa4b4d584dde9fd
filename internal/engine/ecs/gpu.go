package ecs

import (
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/spate-run/spate/internal/runner"
)

// noGPU is how ECS words that no machine has the GPUs that a task asks for.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html
const noGPU = "RESOURCE:GPU"

// gpus is how many GPUs a container asks for.
func gpus(c types.ContainerDefinition, task *types.TaskOverride) int {
	needs := c.ResourceRequirements
	if o := override(c, task); o != nil && len(o.ResourceRequirements) > 0 {
		needs = o.ResourceRequirements
	}
	n := 0
	for _, need := range needs { // all others were refused
		gpus, _ := strconv.Atoi(aws.ToString(need.Value))
		n += gpus
	}
	return n
}

// lacksGPUs reports whether a task asks for more GPUs than the machine has.
// Where none is known of, there may be some: whoever starts the container tells.
func (s *Service) lacksGPUs(need runner.Size) bool {
	return len(s.config.GPUs) > 0 && need.GPUs > len(s.config.GPUs)
}

// noGPU is RunTask's answer for a task that can have no place.
func (s *Service) noGPU() types.Failure {
	arn := s.config.Account.ARN("ecs", "container-instance/local")
	return types.Failure{Arn: &arn, Reason: new(noGPU)}
}

// giveGPUs is a task with GPUs that no other has, for which there is room.
func (s *Service) giveGPUs(t task) task {
	if t.Size.GPUs == 0 || len(s.config.GPUs) == 0 {
		return t
	}
	taken := map[string]bool{}
	for _, other := range s.tasks {
		for _, c := range other.Containers {
			for _, id := range c.GPUs {
				taken[id] = taken[id] || other.Placed
			}
		}
	}
	free := slices.DeleteFunc(slices.Clone(s.config.GPUs), func(id string) bool { return taken[id] })
	t.Containers = slices.Clone(t.Containers)
	for i, c := range s.definition(&t.Definition).Detail.ContainerDefinitions {
		n := min(gpus(c, t.Detail.Overrides), len(free))
		t.Containers[i].GPUs, free = free[:n:n], free[n:]
	}
	return t
}

// gpusTaken reports whether others have the GPUs that a task asks for.
func (s *Service) gpusTaken(need runner.Size) bool {
	gpus := runner.Size{GPUs: need.GPUs}
	if !s.config.Capacity.Reserve(gpus) {
		return true
	}
	s.config.Capacity.Release(gpus)
	return false
}

// sayNoGPU tells, once a deployment, that a service's task waits for a GPU.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html
func (s *Service) sayNoGPU(t *task, now time.Time) {
	v := s.services[t.Cluster+"/"+t.Service]
	if v == nil || t.Deployment != v.primary().ID || v.primary().NoGPU {
		return
	}
	v.Deployments = slices.Clone(v.Deployments)
	v.primary().NoGPU = true
	s.say(v, now, "was unable to place a task because no container instance met all of its requirements. The closest matching (container-instance local) encountered error %q.", noGPU)
}
