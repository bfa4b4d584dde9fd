package scheduler

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"github.com/spate-run/spate/internal/cron"
	"github.com/spate-run/spate/internal/delivery"
)

// https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
func (s *Service) createSchedule(ctx context.Context, in *sdk.CreateScheduleInput) (*sdk.CreateScheduleOutput, error) {
	now := time.Now().UTC()
	sch, err := s.configured((*sdk.UpdateScheduleInput)(in), now)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok := s.schedule[sch.key()]; ok {
		if in.ClientToken != nil && old.Token == *in.ClientToken {
			return &sdk.CreateScheduleOutput{ScheduleArn: old.Schedule.Arn}, nil
		}
		return nil, conflict("Schedule", *in.Name)
	}
	sch.Schedule.CreationDate = &now
	return &sdk.CreateScheduleOutput{ScheduleArn: sch.Schedule.Arn}, s.put(ctx, sch)
}

// updateSchedule replaces all of a schedule: what a request leaves out has its
// default again.
// https://docs.aws.amazon.com/scheduler/latest/APIReference/API_UpdateSchedule.html
func (s *Service) updateSchedule(ctx context.Context, in *sdk.UpdateScheduleInput) (*sdk.UpdateScheduleOutput, error) {
	sch, err := s.configured(in, time.Now().UTC())
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old, ok := s.schedule[sch.key()]
	if !ok {
		return nil, noSchedule(*in.Name)
	}
	sch.Schedule.CreationDate, sch.Token = old.Schedule.CreationDate, old.Token
	return &sdk.UpdateScheduleOutput{ScheduleArn: sch.Schedule.Arn}, s.put(ctx, sch)
}

// put stores a schedule in a group that is there. The caller holds s.mu.
func (s *Service) put(ctx context.Context, sch schedule) error {
	if _, ok := s.group[*sch.Schedule.GroupName]; !ok {
		return noGroup(*sch.Schedule.GroupName)
	}
	if err := s.schedules.Save(ctx, sch.key(), sch); err != nil {
		return err
	}
	s.schedule[sch.key()] = sch
	s.clock.Wake()
	return nil
}

func (sch schedule) key() string { return key(*sch.Schedule.GroupName, *sch.Schedule.Name) }

// configured is the schedule of a request, checked.
func (s *Service) configured(in *sdk.UpdateScheduleInput, now time.Time) (schedule, error) {
	sch := schedule{
		Schedule: sdk.GetScheduleOutput{
			ActionAfterCompletion:      cmp.Or(in.ActionAfterCompletion, types.ActionAfterCompletionNone),
			Description:                in.Description,
			EndDate:                    in.EndDate,
			FlexibleTimeWindow:         in.FlexibleTimeWindow,
			GroupName:                  new(groupOf(in.GroupName)),
			KmsKeyArn:                  in.KmsKeyArn,
			LastModificationDate:       &now,
			Name:                       in.Name,
			ScheduleExpression:         in.ScheduleExpression,
			ScheduleExpressionTimezone: new(cmp.Or(aws.ToString(in.ScheduleExpressionTimezone), "UTC")),
			StartDate:                  in.StartDate,
			State:                      cmp.Or(in.State, types.ScheduleStateEnabled),
			Target:                     in.Target,
		},
		Begin: now, After: now.Add(-time.Nanosecond), // a rate occurs at once
		Token: aws.ToString(in.ClientToken),
	}
	if in.StartDate != nil {
		sch.Begin = *in.StartDate
	}
	if err := sch.check(now); err != nil {
		return schedule{}, err
	}
	if _, err := zone(sch.Schedule.ScheduleExpressionTimezone); err != nil {
		return schedule{}, validation("Invalid Schedule Expression Timezone %s.", *in.ScheduleExpressionTimezone)
	}
	var err error
	if sch.when, err = parse(sch); err != nil {
		return schedule{}, validation("Invalid Schedule Expression %s.", *in.ScheduleExpression)
	}
	sch.Schedule.Arn = new(s.arn(sch))
	policy := sch.Schedule.Target.RetryPolicy
	if policy == nil {
		policy = &types.RetryPolicy{}
	}
	sch.Schedule.Target.RetryPolicy = &types.RetryPolicy{
		MaximumEventAgeInSeconds: cmp.Or(policy.MaximumEventAgeInSeconds, new(int32(delivery.MostAge/time.Second))),
		MaximumRetryAttempts:     cmp.Or(policy.MaximumRetryAttempts, new(int32(delivery.MostRetries))),
	}
	return sch, nil
}

func groupOf(name *string) string { return cmp.Or(aws.ToString(name), defaultGroup) }

// check holds what a request gives to what AWS asks for.
func (sch schedule) check(now time.Time) error {
	in := sch.Schedule
	if err := cmp.Or(
		checkName("name", *in.Name), checkName("groupName", *in.GroupName),
		checkEnum("state", in.State, in.State.Values()),
		checkEnum("actionAfterCompletion", in.ActionAfterCompletion, in.ActionAfterCompletion.Values()),
	); err != nil {
		return err
	}
	switch {
	case in.ScheduleExpression == nil:
		return null("scheduleExpression")
	case in.Target == nil:
		return null("target")
	case len(aws.ToString(in.Description)) > 512:
		return validation("1 validation error detected: Value at 'description' failed to satisfy constraint: Member must have length less than or equal to 512")
	case in.StartDate != nil && !cron.Once(*in.ScheduleExpression) && in.StartDate.Before(now.Add(-5*time.Minute)):
		return validation("The StartDate you specify cannot be earlier than 5 minutes ago.")
	case in.EndDate != nil && !cron.Once(*in.ScheduleExpression) && !in.EndDate.After(now):
		return validation("The EndDate you specify must be in the future.")
	case in.StartDate != nil && in.EndDate != nil && !in.StartDate.Before(*in.EndDate):
		return validation("The StartDate you specify must come before the EndDate.")
	}
	if err := checkWindow(in.FlexibleTimeWindow); err != nil {
		return err
	}
	return checkTarget(in.Target)
}

// https://docs.aws.amazon.com/scheduler/latest/APIReference/API_FlexibleTimeWindow.html
func checkWindow(w *types.FlexibleTimeWindow) error {
	switch {
	case w == nil:
		return null("flexibleTimeWindow")
	case w.Mode == "":
		return null("flexibleTimeWindow.mode")
	case w.Mode == types.FlexibleTimeWindowModeFlexible && w.MaximumWindowInMinutes == nil:
		return validation("MaximumWindowInMinutes is required for a flexible time window.")
	case w.Mode == types.FlexibleTimeWindowModeOff && w.MaximumWindowInMinutes != nil:
		return validation("MaximumWindowInMinutes must not be set when the flexible time window is OFF.")
	}
	return cmp.Or(
		checkEnum("flexibleTimeWindow.mode", w.Mode, w.Mode.Values()),
		checkRange("flexibleTimeWindow.maximumWindowInMinutes", w.MaximumWindowInMinutes, 1, 1440),
	)
}

// https://docs.aws.amazon.com/scheduler/latest/APIReference/API_GetSchedule.html
func (s *Service) getSchedule(_ context.Context, in *sdk.GetScheduleInput) (*sdk.GetScheduleOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sch, ok := s.schedule[key(groupOf(in.GroupName), *in.Name)]
	if !ok {
		return nil, noSchedule(*in.Name)
	}
	return &sch.Schedule, nil
}

// https://docs.aws.amazon.com/scheduler/latest/APIReference/API_ListSchedules.html
func (s *Service) listSchedules(_ context.Context, in *sdk.ListSchedulesInput) (*sdk.ListSchedulesOutput, error) {
	if err := checkEnum("state", in.State, in.State.Values()); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.GroupName != nil {
		if _, ok := s.group[*in.GroupName]; !ok {
			return nil, noGroup(*in.GroupName)
		}
	}
	var list []types.ScheduleSummary
	for _, key := range slices.Sorted(maps.Keys(s.schedule)) {
		sch := s.schedule[key].Schedule
		if in.GroupName != nil && *sch.GroupName != *in.GroupName || in.State != "" && sch.State != in.State ||
			!strings.HasPrefix(*sch.Name, aws.ToString(in.NamePrefix)) {
			continue
		}
		list = append(list, types.ScheduleSummary{
			Arn: sch.Arn, Name: sch.Name, GroupName: sch.GroupName, State: sch.State,
			CreationDate: sch.CreationDate, LastModificationDate: sch.LastModificationDate,
			Target: &types.TargetSummary{Arn: sch.Target.Arn},
		})
	}
	page, next, err := paged(list, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	return &sdk.ListSchedulesOutput{Schedules: page, NextToken: next}, nil
}

// https://docs.aws.amazon.com/scheduler/latest/APIReference/API_DeleteSchedule.html
func (s *Service) deleteSchedule(ctx context.Context, in *sdk.DeleteScheduleInput) (*sdk.DeleteScheduleOutput, error) {
	key := key(groupOf(in.GroupName), *in.Name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.schedule[key]; !ok {
		return nil, noSchedule(*in.Name)
	}
	if err := s.schedules.Remove(ctx, key); err != nil {
		return nil, err
	}
	delete(s.schedule, key)
	s.clock.Wake()
	return &sdk.DeleteScheduleOutput{}, nil
}
