package events

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/spate-run/spate/internal/cron"
	"github.com/spate-run/spate/internal/delivery"
	"github.com/spate-run/spate/internal/due"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

// bus is the only event bus.
const bus = "default"

// Config is what a Service needs.
type Config struct {
	Store   *store.Store
	Account wire.Account
	Log     *slog.Logger
	// Do calls an operation of a service.
	Do func(context.Context, delivery.Call) error
}

// A rule is what the store keeps of a rule, under its name.
type rule struct {
	Rule    Rule
	Targets []Target // by their ids
	Tags    map[string]string
	// Begin is what a rate counts from.
	Begin time.Time
	// After is the time that the next occurrence comes after.
	After time.Time

	when cron.Schedule // parsed from Rule; nil without a schedule
}

// A Service is the EventBridge of one account and region.
type Service struct {
	config Config
	table  store.Table[rule]
	queue  *delivery.Queue
	clock  *due.Clock // of the rules' occurrences

	mu    sync.Mutex
	rules map[string]rule
}

// New returns the service with what the store holds.
func New(ctx context.Context, config Config) (*Service, error) {
	s := &Service{config: config, table: store.NewTable[rule](config.Store, "events.rule")}
	s.clock = due.NewClock(due.Config{
		Kind: "rule", Lock: &s.mu, Log: config.Log, Fire: s.fire,
		Next: func() (string, time.Time) { return due.Earliest(s.rules, rule.next) },
	})
	var err error
	if s.queue, err = delivery.NewQueue(ctx, delivery.Config{
		Store: config.Store, Log: config.Log, Kind: "events.delivery", Do: config.Do,
	}); err != nil {
		return nil, err
	}
	if s.rules, err = s.table.All(ctx); err != nil {
		return nil, err
	}
	for name, r := range s.rules {
		if err := r.parse(); err != nil {
			return nil, fmt.Errorf("loading rule %q: %w", name, err)
		}
		s.rules[name] = r
	}
	return s, nil
}

// Wire returns the service's operations.
func (s *Service) Wire() *wire.Service {
	w := &wire.Service{Name: "events", Target: "AWSEvents", JSONVersion: "1.1"}
	wire.Handle(w, s.putRule)
	wire.Handle(w, s.describeRule)
	wire.Handle(w, s.listRules)
	wire.Handle(w, s.deleteRule)
	wire.Handle(w, s.enableRule)
	wire.Handle(w, s.disableRule)
	wire.Handle(w, s.putTargets)
	wire.Handle(w, s.removeTargets)
	wire.Handle(w, s.listTargetsByRule)
	wire.Handle(w, s.tagResource)
	wire.Handle(w, s.untagResource)
	wire.Handle(w, s.listTagsForResource)
	return w
}

// Run fires rules and makes the calls they owe until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	var both errgroup.Group
	both.Go(func() error { return s.queue.Run(ctx) })
	s.passOver(time.Now())
	both.Go(func() error { return s.clock.Run(ctx) })
	return both.Wait()
}

// pageLimit is how many items a page has at most.
const pageLimit = 100

// paged cuts a page from a list. Tokens count what earlier pages had.
func paged[T any](all []T, token *string, size *int32) (page []T, next *string, err error) {
	begin := 0
	if token != nil {
		if begin, err = strconv.Atoi(*token); err != nil || begin < 0 || begin > len(all) {
			return nil, nil, validation("Invalid token.")
		}
	}
	if size != nil && (*size < 1 || *size > pageLimit) {
		return nil, nil, validation("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value between 1 and %d", *size, pageLimit)
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

func validation(format string, args ...any) error {
	return wire.Faultf("ValidationException", format, args...)
}

func notFound(format string, args ...any) error {
	return wire.Faultf("ResourceNotFoundException", format, args...)
}

func null(member string) error {
	return validation("1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null", member)
}
