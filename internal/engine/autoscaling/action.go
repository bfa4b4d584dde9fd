package autoscaling

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	aas "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"

	"github.com/spate-run/spate/internal/cron"
)

// putScheduledAction makes a scheduled action, or changes what is given of
// one; start and end times that are not given are deleted.
// https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScheduledAction.html
func (s *Service) putScheduledAction(ctx context.Context, in *aas.PutScheduledActionInput) (*aas.PutScheduledActionOutput, error) {
	if err := checkResource(in.ServiceNamespace, in.ResourceId, in.ScalableDimension); err != nil {
		return nil, err
	}
	if aws.ToString(in.ScheduledActionName) == "" {
		return nil, null("scheduledActionName")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.target[*in.ResourceId]; !ok {
		return nil, notFound("scalable target registered", *in.ResourceId)
	}
	key := key(*in.ResourceId, *in.ScheduledActionName)
	a, ok := s.action[key]
	if !ok {
		a.Action = types.ScheduledAction{
			ServiceNamespace: namespace, ScalableDimension: dimension,
			ResourceId: in.ResourceId, ScheduledActionName: in.ScheduledActionName,
			CreationTime: new(time.Now().UTC()),
			ScheduledActionARN: new(s.config.Account.ARN("autoscaling",
				"scheduledAction:"+newID()+":resource/ecs/"+*in.ResourceId+":scheduledActionName/"+*in.ScheduledActionName)),
		}
	}
	if err := a.change(in); err != nil {
		return nil, err
	}
	if err := s.actions.Save(ctx, key, a); err != nil {
		return nil, err
	}
	s.action[key] = a
	s.clock.Wake()
	return &aas.PutScheduledActionOutput{}, nil
}

// change takes what a request gives, and schedules the action anew.
func (a *action) change(in *aas.PutScheduledActionInput) error {
	if in.Schedule != nil {
		a.Action.Schedule = in.Schedule
	}
	if in.Timezone != nil {
		a.Action.Timezone = in.Timezone
	}
	if in.ScalableTargetAction != nil {
		a.Action.ScalableTargetAction = in.ScalableTargetAction
	}
	a.Action.StartTime, a.Action.EndTime = in.StartTime, in.EndTime
	if a.Action.Schedule == nil {
		return validation("Schedule is required for a new scheduled action.")
	}
	to := a.Action.ScalableTargetAction
	switch {
	case to == nil || to.MinCapacity == nil && to.MaxCapacity == nil:
		return validation("ScalableTargetAction must have a MinCapacity or a MaxCapacity.")
	case aws.ToInt32(to.MinCapacity) < 0 || aws.ToInt32(to.MaxCapacity) < 0:
		return validation("Minimum capacity cannot be less than 0")
	case to.MinCapacity != nil && to.MaxCapacity != nil && *to.MaxCapacity < *to.MinCapacity:
		return validation("Maximum capacity cannot be less than minimum capacity")
	case in.StartTime != nil && in.EndTime != nil && !in.StartTime.Before(*in.EndTime):
		return validation("Start time must be before end time.")
	}
	var err error
	if a.when, err = parseAction(a.Action); err != nil {
		return validation("Invalid schedule expression: %s.", err)
	}
	a.After = time.Now().UTC()
	return nil
}

func parseAction(a types.ScheduledAction) (cron.Schedule, error) {
	zone, err := time.LoadLocation(aws.ToString(a.Timezone))
	if err != nil || aws.ToString(a.Timezone) == "Local" {
		return nil, fmt.Errorf("%q is not a time zone", *a.Timezone)
	}
	begin := *a.CreationTime
	if a.StartTime != nil {
		begin = *a.StartTime
	}
	return cron.Parse(*a.Schedule, zone, begin)
}

// next is the action's next occurrence, zero when there is none.
func (a action) next() time.Time {
	after := a.After
	if start := a.Action.StartTime; start != nil && start.After(after) {
		after = start.Add(-time.Nanosecond)
	}
	at := a.when.Next(after)
	if end := a.Action.EndTime; end != nil && at.After(*end) {
		return time.Time{}
	}
	return at
}

// Run fires scheduled actions until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	if err := s.sweep(ctx); err != nil && ctx.Err() == nil {
		s.config.Log.WarnContext(ctx, "alarms of deleted policies were not looked for", "error", err)
	}
	s.passOver(time.Now())
	return s.clock.Run(ctx)
}

// passOver drops the occurrences of recurring actions that were missed while
// nothing ran. It is not stored: it would be passed over again.
func (s *Service) passOver(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, a := range s.action {
		if !cron.Once(*a.Action.Schedule) && a.After.Before(now) {
			a.After = now
			s.action[key] = a
		}
	}
}

// fire sets the range that an action asks for, and moves the capacity into it.
// The caller holds s.mu.
func (s *Service) fire(ctx context.Context, key string, _ time.Time) error {
	a := s.action[key]
	a.After = time.Now().UTC()
	t := s.target[*a.Action.ResourceId]
	if *t.Target.SuspendedState.ScheduledScalingSuspended {
		return s.fired(ctx, key, a)
	}
	to := a.Action.ScalableTargetAction
	words := bounds(to)
	done := t.activity("Setting "+words, "scheduled action name "+*a.Action.ScheduledActionName+" was triggered")
	done.StatusMessage = new("Successfully set " + words)
	changed := t
	err := changed.setRange(to.MinCapacity, to.MaxCapacity)
	if err != nil {
		changed = t
		done.StatusCode = types.ScalingActivityStatusCodeFailed
		done.StatusMessage = new("Failed to set " + words + ". Reason: " + err.Error())
	}
	done.EndTime = new(time.Now().UTC())
	if err := s.record(ctx, changed, done); err != nil {
		return err
	}
	if err == nil {
		if err := s.enforce(ctx, changed); err != nil {
			s.config.Log.WarnContext(ctx, "capacity was not moved into its range", "resource", *a.Action.ResourceId, "error", err)
		}
	}
	return s.fired(ctx, key, a)
}

// fired stores that an action has fired. It is the last step: firing twice
// does no harm, and an action that was cut short fires again.
func (s *Service) fired(ctx context.Context, key string, a action) error {
	if err := s.actions.Save(ctx, key, a); err != nil {
		return err
	}
	s.action[key] = a
	return nil
}

func bounds(to *types.ScalableTargetAction) string {
	var words []string
	if to.MinCapacity != nil {
		words = append(words, fmt.Sprintf("min capacity to %d", *to.MinCapacity))
	}
	if to.MaxCapacity != nil {
		words = append(words, fmt.Sprintf("max capacity to %d", *to.MaxCapacity))
	}
	return strings.Join(words, " and ")
}

// https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DescribeScheduledActions.html
func (s *Service) describeScheduledActions(_ context.Context, in *aas.DescribeScheduledActionsInput) (*aas.DescribeScheduledActionsOutput, error) {
	if err := checkQuery(in.ServiceNamespace, in.ScalableDimension); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []types.ScheduledAction
	for _, key := range slices.Sorted(maps.Keys(s.action)) {
		a := s.action[key].Action
		if fits(in.ResourceId, a.ResourceId) && (len(in.ScheduledActionNames) == 0 || slices.Contains(in.ScheduledActionNames, *a.ScheduledActionName)) {
			list = append(list, a)
		}
	}
	page, next, err := paged(list, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	return &aas.DescribeScheduledActionsOutput{ScheduledActions: page, NextToken: next}, nil
}

// https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DeleteScheduledAction.html
func (s *Service) deleteScheduledAction(ctx context.Context, in *aas.DeleteScheduledActionInput) (*aas.DeleteScheduledActionOutput, error) {
	if err := checkResource(in.ServiceNamespace, in.ResourceId, in.ScalableDimension); err != nil {
		return nil, err
	}
	name := aws.ToString(in.ScheduledActionName)
	key := key(*in.ResourceId, name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.action[key]; !ok {
		return nil, notFound("scheduled action found", *in.ResourceId, "scheduled action name: "+name)
	}
	if err := s.actions.Remove(ctx, key); err != nil {
		return nil, err
	}
	delete(s.action, key)
	s.clock.Wake()
	return &aas.DeleteScheduledActionOutput{}, nil
}
