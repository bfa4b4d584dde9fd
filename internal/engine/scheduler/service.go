package scheduler

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"github.com/spate-run/spate/internal/cron"
	"github.com/spate-run/spate/internal/delivery"
	"github.com/spate-run/spate/internal/due"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

// defaultGroup is the group that is always there.
const defaultGroup = "default"

// Config is what a Service needs.
type Config struct {
	Store   *store.Store
	Account wire.Account
	Log     *slog.Logger
	// Do calls an operation of a service.
	Do func(context.Context, delivery.Call) error
}

// A group is what the store keeps of a schedule group, under its name.
type group struct {
	Name              string
	Created, Modified time.Time
	Tags              map[string]string
	// Token is the one of the request that made it.
	Token string
}

// A schedule is what the store keeps of a schedule, under its group and name.
type schedule struct {
	Schedule sdk.GetScheduleOutput
	// Begin is what a rate counts from.
	Begin time.Time
	// After is the time that the next occurrence comes after.
	After time.Time
	// Token is the one of the request that made it.
	Token string

	when cron.Schedule // parsed from Schedule
}

// A Service is the EventBridge Scheduler of one account and region.
type Service struct {
	config    Config
	groups    store.Table[group]
	schedules store.Table[schedule]
	queue     *delivery.Queue
	clock     *due.Clock // of the schedules' occurrences

	mu       sync.Mutex
	group    map[string]group
	schedule map[string]schedule // by key of group and name
}

// New returns the service with what the store holds.
func New(ctx context.Context, config Config) (*Service, error) {
	s := &Service{
		config:    config,
		groups:    store.NewTable[group](config.Store, "scheduler.group"),
		schedules: store.NewTable[schedule](config.Store, "scheduler.schedule"),
	}
	s.clock = due.NewClock(due.Config{
		Kind: "schedule", Lock: &s.mu, Log: config.Log, Fire: s.fire,
		Next: func() (string, time.Time) { return due.Earliest(s.schedule, schedule.next) },
	})
	var err error
	if s.queue, err = delivery.NewQueue(ctx, delivery.Config{
		Store: config.Store, Log: config.Log, Kind: "scheduler.delivery", Do: config.Do,
	}); err != nil {
		return nil, err
	}
	return s, s.load(ctx)
}

func (s *Service) load(ctx context.Context) (err error) {
	if s.group, err = s.groups.All(ctx); err != nil {
		return err
	}
	if _, ok := s.group[defaultGroup]; !ok { // stored when it is first tagged
		now := time.Now().UTC()
		s.group[defaultGroup] = group{Name: defaultGroup, Created: now, Modified: now}
	}
	if s.schedule, err = s.schedules.All(ctx); err != nil {
		return err
	}
	for key, sch := range s.schedule {
		if sch.when, err = parse(sch); err != nil {
			return fmt.Errorf("loading schedule %q: %w", key, err)
		}
		s.schedule[key] = sch
	}
	return nil
}

// Wire returns the service's operations.
func (s *Service) Wire() *wire.Service {
	w := &wire.Service{Name: "scheduler"}
	wire.Handle(w, s.createSchedule)
	wire.Handle(w, s.updateSchedule)
	wire.Handle(w, s.getSchedule)
	wire.Handle(w, s.listSchedules)
	wire.Handle(w, s.deleteSchedule)
	wire.Handle(w, s.createScheduleGroup)
	wire.Handle(w, s.getScheduleGroup)
	wire.Handle(w, s.listScheduleGroups)
	wire.Handle(w, s.deleteScheduleGroup)
	wire.Handle(w, s.tagResource)
	wire.Handle(w, s.untagResource)
	wire.Handle(w, s.listTagsForResource)
	return w
}

// Run fires schedules and makes the calls they owe until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	var both errgroup.Group
	both.Go(func() error { return s.queue.Run(ctx) })
	s.passOver(time.Now())
	both.Go(func() error { return s.clock.Run(ctx) })
	return both.Wait()
}

// key names a schedule of a group.
func key(group, name string) string { return group + "/" + name }

func (s *Service) arn(sch schedule) string {
	return s.config.Account.ARN("scheduler", "schedule/"+key(*sch.Schedule.GroupName, *sch.Schedule.Name))
}

func (s *Service) groupARN(name string) string {
	return s.config.Account.ARN("scheduler", "schedule-group/"+name)
}

// parse reads a schedule's expression.
func parse(sch schedule) (cron.Schedule, error) {
	zone, err := zone(sch.Schedule.ScheduleExpressionTimezone)
	if err != nil {
		return nil, err
	}
	return cron.Parse(*sch.Schedule.ScheduleExpression, zone, sch.Begin)
}

func zone(name *string) (*time.Location, error) {
	if aws.ToString(name) == "Local" {
		return nil, fmt.Errorf("%q is not a time zone", *name)
	}
	return time.LoadLocation(aws.ToString(name))
}

// pageLimit is how many items a page has at most.
const pageLimit = 100

// paged cuts a page from a list. Tokens count what earlier pages had.
func paged[T any](all []T, token *string, size *int32) (page []T, next *string, err error) {
	begin := 0
	if token != nil {
		if begin, err = strconv.Atoi(*token); err != nil || begin < 0 || begin > len(all) {
			return nil, nil, validation("Invalid NextToken provided.")
		}
	}
	if size != nil && (*size < 1 || *size > pageLimit) {
		return nil, nil, validation("1 validation error detected: Value '%d' at 'maxResults' failed to satisfy constraint: Member must have value between 1 and %d", *size, pageLimit)
	}
	end := min(len(all), begin+pageLimit)
	if size != nil {
		end = min(len(all), begin+int(*size))
	}
	if end < len(all) {
		next = new(strconv.Itoa(end))
	}
	return append([]T{}, all[begin:end]...), next, nil
}

// tagMap is tags by their keys.
func tagMap(tags []types.Tag) map[string]string {
	m := map[string]string{}
	for _, t := range tags {
		m[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return m
}
