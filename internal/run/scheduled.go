package run

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/spate-run/spate/internal/record"
)

// A NoScheduleError reports a schedule that fired before anything was deployed
// that it could send.
type NoScheduleError struct{ Stack string }

func (e *NoScheduleError) Error() string {
	return "stack " + e.Stack + " has nothing to send by its schedule yet: spate run and spate deploy leave that"
}

// ScheduledID is the id of the run that a stack's schedule sends for a time:
// one id, however often the schedule fires for it.
func ScheduledID(stack string, at time.Time) (string, error) {
	var id ulid.ULID
	if err := id.SetTime(ulid.Timestamp(at)); err != nil {
		return "", fmt.Errorf("naming the run of %v: %w", at, err)
	}
	sum := sha256.Sum256([]byte(stack + "\n" + at.UTC().Format(time.RFC3339)))
	if err := id.SetEntropy(sum[:10]); err != nil {
		return "", fmt.Errorf("naming the run of %v: %w", at, err)
	}
	return id.String(), nil
}

// A patience is how long another task that sends the same run may show no
// progress before it counts as lost, and the time between two looks at it.
type patience struct{ stall, glance time.Duration }

// SendScheduled sends the run that the stack's schedule sends for a time. Who
// writes its record sends it. Another caller for the same time sends nothing,
// unless the first one has not come to its end and does not go on.
func (s *Stack) SendScheduled(ctx context.Context, at time.Time) (r *Run, sent bool, err error) {
	id, err := ScheduledID(s.Name, at)
	if err != nil {
		return nil, false, err
	}
	r = &Run{Stack: s}
	err = s.Records().GetJSON(ctx, record.RunKey(id), &r.Run)
	if _, missing := errors.AsType[*record.NotFoundError](err); missing {
		r, sent, err = s.recordScheduled(ctx, id, at)
	}
	switch {
	case err != nil:
		return nil, false, err
	case sent:
		return r, true, r.Send(ctx, r.Jobs)
	}
	sent, err = r.takeOver(ctx, patience{stall: 2 * time.Minute, glance: 5 * time.Second})
	return r, sent, err
}

// recordScheduled writes the record of a scheduled run, and says whether it was
// the first to.
func (s *Stack) recordScheduled(ctx context.Context, id string, at time.Time) (*Run, bool, error) {
	var plan record.Schedule
	err := s.Records().GetJSON(ctx, record.ScheduleKey, &plan)
	if _, missing := errors.AsType[*record.NotFoundError](err); missing {
		return nil, false, &NoScheduleError{s.Name}
	}
	if err != nil {
		return nil, false, err
	}
	if plan.Cadence > 0 {
		s.aws.Cadence = plan.Cadence
	}
	if err := s.copyObject(ctx, s.Bucket, record.ScheduleParamsKey(plan.Version), record.ParamsKey(id)); err != nil {
		return nil, false, fmt.Errorf("copying configurations: %w", err)
	}
	if err := s.takeInputs(ctx, id, plan); err != nil {
		return nil, false, err
	}
	r := &Run{Stack: s, Run: plan.Run}
	r.ID, r.User, r.Host = id, "schedule", hostName()
	r.Created, r.Scheduled = now(), at.UTC()
	text, err := json.Marshal(r.Run)
	if err != nil {
		return nil, false, err
	}
	first, err := s.Records().PutIfAbsent(ctx, record.RunKey(id), text)
	if err == nil && !first {
		err = s.Records().GetJSON(ctx, record.RunKey(id), &r.Run)
	}
	return r, first, err
}

// takeInputs copies the files that were deployed, and the objects of other
// buckets as they are now, into a run's record.
func (s *Stack) takeInputs(ctx context.Context, id string, plan record.Schedule) error {
	from, to := record.ScheduleInPrefix(plan.Version), record.InPrefix(id)
	for object, err := range s.Records().List(ctx, from, "") {
		if err != nil {
			return err
		}
		if err := s.copyObject(ctx, s.Bucket, object.Key, to+object.Key[len(from):]); err != nil {
			return fmt.Errorf("copying inputs: %w", err)
		}
	}
	elsewhere := plan.Job
	elsewhere.Inputs = nil
	for _, input := range plan.Job.Inputs {
		if onS3(input) {
			elsewhere.Inputs = append(elsewhere.Inputs, input)
		}
	}
	return s.putInputs(ctx, elsewhere, to)
}

// takeOver watches another task send the run, and sends the rest where that
// does not go on. It says whether it did.
func (r *Run) takeOver(ctx context.Context, p patience) (bool, error) {
	first := r.newSurvey().generations[0]
	last, since := -1, time.Now()
	for {
		sent, err := r.sent(ctx, first)
		switch {
		case err != nil || sent >= r.Jobs:
			return false, err
		case sent != last:
			last, since = sent, time.Now()
		case time.Since(since) >= p.stall:
			progress, err := r.Count(ctx)
			if err != nil || progress.Finished() {
				return false, err
			}
			return true, r.Send(ctx, r.Jobs-progress.Ended())
		}
		select {
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case <-time.After(p.glance):
		}
	}
}
