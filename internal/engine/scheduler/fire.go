package scheduler

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"github.com/spate-run/spate/internal/cron"
	"github.com/spate-run/spate/internal/delivery"
	"github.com/spate-run/spate/internal/store"
)

// passOver drops the occurrences of recurring schedules that were missed while
// nothing ran. It is not stored: it would be passed over again. A schedule that
// was just put misses nothing.
func (s *Service) passOver(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, sch := range s.schedule {
		if !cron.Once(*sch.Schedule.ScheduleExpression) && sch.After.Before(now.Add(-time.Minute)) {
			sch.After = now
			s.schedule[key] = sch
		}
	}
}

// next is a schedule's next occurrence, zero when there is none. The dates that
// a schedule begins and ends are of recurring ones only.
func (sch schedule) next() time.Time {
	if sch.Schedule.State == types.ScheduleStateDisabled {
		return time.Time{}
	}
	return sch.following(sch.After)
}

// following is the first occurrence after a time, whatever the state.
func (sch schedule) following(after time.Time) time.Time {
	if cron.Once(*sch.Schedule.ScheduleExpression) {
		return sch.when.Next(after)
	}
	if start := sch.Schedule.StartDate; start != nil && start.After(after) {
		after = start.Add(-time.Nanosecond)
	}
	at := sch.when.Next(after)
	if end := sch.Schedule.EndDate; end != nil && at.After(*end) {
		return time.Time{}
	}
	return at
}

// fire stores in one step that an occurrence came and what it owes, and
// deletes a schedule that is to go with its last occurrence. The caller holds
// s.mu.
func (s *Service) fire(ctx context.Context, key string, at time.Time) error {
	sch := s.schedule[key]
	owed, err := s.owed(ctx, occasion{id: delivery.NewID(), schedule: sch, at: at})
	if err != nil {
		return err
	}
	sch.After = at.UTC()
	over := sch.Schedule.ActionAfterCompletion == types.ActionAfterCompletionDelete && sch.following(at).IsZero()
	if err := s.config.Store.Update(ctx, func(tx *store.Tx) error {
		if err := s.queue.Put(tx, owed...); err != nil {
			return err
		}
		if over {
			return s.schedules.Delete(tx, key)
		}
		return s.schedules.Put(tx, key, sch)
	}); err != nil {
		return err
	}
	if over {
		delete(s.schedule, key)
	} else {
		s.schedule[key] = sch
	}
	s.queue.Add(owed...)
	return nil
}

// owed is the delivery of an occasion; none where the target is not here.
func (s *Service) owed(ctx context.Context, o occasion) ([]delivery.Delivery, error) {
	call, ok, err := s.call(o)
	if err != nil {
		return nil, err
	}
	t := o.schedule.Schedule.Target
	if !ok {
		s.config.Log.WarnContext(ctx, "schedule's target is not on this engine", "schedule", o.schedule.key(), "target", *t.Arn)
		return nil, nil
	}
	d := delivery.Delivery{
		ID: o.id, Call: call, At: o.at.UTC(), Due: o.at.Add(window(o.schedule)).UTC(),
		Policy:  delivery.NewPolicy(t.RetryPolicy.MaximumRetryAttempts, t.RetryPolicy.MaximumEventAgeInSeconds),
		Payload: s.payload(o),
		Attributes: map[string]string{
			"EXECUTION_ID": o.id, "SCHEDULED_TIME": o.time(), "SCHEDULE_ARN": *o.schedule.Schedule.Arn, "TARGET_ARN": *t.Arn,
		},
	}
	if t.DeadLetterConfig != nil {
		d.DeadLetters = aws.ToString(t.DeadLetterConfig.Arn)
	}
	return []delivery.Delivery{d}, nil
}

// window is how long after its time a flexible schedule calls its target.
func window(sch schedule) time.Duration {
	w := sch.Schedule.FlexibleTimeWindow
	if w.Mode != types.FlexibleTimeWindowModeFlexible {
		return 0
	}
	return rand.N(time.Duration(*w.MaximumWindowInMinutes) * time.Minute)
}
