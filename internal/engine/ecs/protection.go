package ecs

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/spate-run/spate/internal/wire"
)

// How long protection lasts, in minutes.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateTaskProtection.html
const (
	shortestProtection = 1
	longestProtection  = 2880
	defaultProtection  = 120
)

// UpdateTaskProtection sets or clears the protection of up to ten tasks.
func (s *Service) UpdateTaskProtection(ctx context.Context, in *ecs.UpdateTaskProtectionInput) (*ecs.UpdateTaskProtectionOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.cluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	if len(in.Tasks) == 0 {
		return nil, wire.Faultf("InvalidParameterException", "Tasks cannot be empty.")
	}
	if len(in.Tasks) > 10 {
		return nil, wire.Faultf("InvalidParameterException", "Tasks cannot be more than 10.")
	}
	until, err := protectionEnd(in.ProtectionEnabled, in.ExpiresInMinutes, time.Now())
	if err != nil {
		return nil, err
	}
	out := &ecs.UpdateTaskProtectionOutput{ProtectedTasks: []types.ProtectedTask{}, Failures: []types.Failure{}}
	for _, ref := range in.Tasks {
		t, err := s.task(c.Name, ref)
		if err != nil {
			return nil, err
		}
		if t == nil {
			out.Failures = append(out.Failures, missing(s.taskRefARN(c.Name, ref)))
			continue
		}
		failure, err := s.protect(ctx, t, until)
		if err != nil {
			return nil, err
		}
		if failure != nil {
			out.Failures = append(out.Failures, *failure)
			continue
		}
		out.ProtectedTasks = append(out.ProtectedTasks, s.describeProtection(t, time.Now()))
	}
	return out, nil
}

// GetTaskProtection reads the protection of tasks.
func (s *Service) GetTaskProtection(_ context.Context, in *ecs.GetTaskProtectionInput) (*ecs.GetTaskProtectionOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.cluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	if len(in.Tasks) == 0 {
		return nil, wire.Faultf("InvalidParameterException", "Tasks cannot be empty.")
	}
	if len(in.Tasks) > 100 {
		return nil, wire.Faultf("InvalidParameterException", "Tasks cannot be more than 100.")
	}
	out := &ecs.GetTaskProtectionOutput{ProtectedTasks: []types.ProtectedTask{}, Failures: []types.Failure{}}
	for _, ref := range in.Tasks {
		t, err := s.task(c.Name, ref)
		if err != nil {
			return nil, err
		}
		if t == nil {
			out.Failures = append(out.Failures, missing(s.taskRefARN(c.Name, ref)))
			continue
		}
		if failure := s.unprotectable(t); failure != nil {
			out.Failures = append(out.Failures, *failure)
			continue
		}
		out.ProtectedTasks = append(out.ProtectedTasks, s.describeProtection(t, time.Now()))
	}
	return out, nil
}

// protectionEnd is until when a request protects: zero to clear it.
func protectionEnd(enabled bool, minutes *int32, now time.Time) (time.Time, error) {
	if minutes != nil && (*minutes < shortestProtection || *minutes > longestProtection) {
		return time.Time{}, wire.Faultf("InvalidParameterException", "expiresInMinutes must be between %d and %d.", shortestProtection, longestProtection)
	}
	if !enabled {
		return time.Time{}, nil
	}
	length := int32(defaultProtection)
	if minutes != nil {
		length = *minutes
	}
	return now.Add(time.Duration(length) * time.Minute), nil
}

// protect sets or clears a task's protection, unless the task or its service
// is against it. It holds the lock under which tasks are chosen to be stopped.
func (s *Service) protect(ctx context.Context, t *task, until time.Time) (*types.Failure, error) {
	if failure := s.unprotectable(t); failure != nil {
		return failure, nil
	}
	if !until.IsZero() && s.blocked(t) {
		return s.failure(t, "DEPLOYMENT_BLOCKED", "The service has as many protected tasks as its desired count. Wait for a protection to end, or raise the desired count."), nil
	}
	next := *t
	next.ProtectedUntil = until
	return nil, s.commit(ctx, t, next)
}

// unprotectable is the failure for tasks that have no protection: those of no
// service, and those that are on their way out.
func (s *Service) unprotectable(t *task) *types.Failure {
	switch {
	case t.Service == "":
		return s.failure(t, "TASK_NOT_VALID", "The specified task is not part of an Amazon ECS service.")
	case !t.wanted():
		return s.failure(t, "TASK_NOT_VALID", "The specified task is in an invalid state. Specify a valid task and try again.")
	default:
		return nil
	}
}

// blocked reports whether protecting one more task would leave the service
// with more protected tasks than it wants: it could not settle. A task that is
// protected already may have it extended.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection.html
func (s *Service) blocked(t *task) bool {
	now := time.Now()
	if t.protected(now) {
		return false
	}
	v := s.services[t.Cluster+"/"+t.Service]
	protected := 0
	for other := range v.tasks {
		if other.protected(now) && other.wanted() {
			protected++
		}
	}
	return protected >= v.Desired
}

func (s *Service) failure(t *task, reason, detail string) *types.Failure {
	return &types.Failure{Arn: aws.String(s.taskARN(t)), Reason: &reason, Detail: &detail}
}

func (s *Service) describeProtection(t *task, now time.Time) types.ProtectedTask {
	p := types.ProtectedTask{TaskArn: aws.String(s.taskARN(t)), ProtectionEnabled: t.protected(now)}
	if p.ProtectionEnabled {
		p.ExpirationDate = moment(t.ProtectedUntil)
	}
	return p
}
