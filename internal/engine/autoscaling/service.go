package autoscaling

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"

	"github.com/spate-run/spate/internal/cron"
	"github.com/spate-run/spate/internal/due"
	"github.com/spate-run/spate/internal/scaling"
	"github.com/spate-run/spate/internal/sorting"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

// Config is what a Service needs.
type Config struct {
	Store   *store.Store
	Account wire.Account
	Log     *slog.Logger
	// Cadence divides cooldowns; 0 means 1, AWS's own.
	Cadence int
	// AWS reaches the CloudWatch whose alarms invoke the policies that track a
	// target.
	AWS aws.Config
	// Capacity returns the desired count of the service with the resource ID
	// "service/<cluster>/<service>", or an error when there is none.
	Capacity func(ctx context.Context, resourceID string) (desired int, err error)
	// SetCapacity sets it.
	SetCapacity func(ctx context.Context, resourceID string, n int) error
}

// A target is what the store keeps of a scalable target, under its resource ID.
type target struct {
	Target  types.ScalableTarget
	Tags    map[string]string
	Cooling scaling.Cooling
}

// An action is what the store keeps of a scheduled action.
type action struct {
	Action types.ScheduledAction
	// After is the time that the next occurrence comes after.
	After time.Time

	when cron.Schedule // parsed from Action
}

// A want is the capacity that a policy asked for when it was last invoked.
type want struct {
	capacity int
	at       time.Time
	out      bool // by an alarm that scales out
}

// A Service is the Application Auto Scaling of one account and region.
type Service struct {
	config     Config
	alarms     wire.Caller
	targets    store.Table[target]
	policies   store.Table[types.ScalingPolicy]
	actions    store.Table[action]
	activities store.Table[types.ScalingActivity]
	clock      *due.Clock // of the scheduled actions

	// mu is held while capacities change, so that decisions follow one another.
	mu      sync.Mutex
	target  map[string]target              // by resource ID
	policy  map[string]types.ScalingPolicy // by key of resource ID and name
	action  map[string]action              // likewise
	history []types.ScalingActivity        // oldest first
	left    []types.ScalingActivity        // those that did not scale, likewise
	wants   map[string]want                // by the policy's ARN
}

// New returns the service with what the store holds.
func New(ctx context.Context, config Config) (*Service, error) {
	config.Cadence = max(config.Cadence, 1)
	s := &Service{
		config:     config,
		alarms:     wire.NewCaller(config.AWS, "monitoring"),
		targets:    store.NewTable[target](config.Store, "autoscaling.target"),
		policies:   store.NewTable[types.ScalingPolicy](config.Store, "autoscaling.policy"),
		actions:    store.NewTable[action](config.Store, "autoscaling.action"),
		activities: store.NewTable[types.ScalingActivity](config.Store, "autoscaling.activity"),
		wants:      map[string]want{},
	}
	s.clock = due.NewClock(due.Config{
		Kind: "scheduled action", Lock: &s.mu, Log: config.Log, Fire: s.fire,
		Next: func() (string, time.Time) { return due.Earliest(s.action, action.next) },
	})
	return s, s.load(ctx)
}

func (s *Service) load(ctx context.Context) (err error) {
	if s.target, err = s.targets.All(ctx); err != nil {
		return err
	}
	if s.policy, err = s.policies.All(ctx); err != nil {
		return err
	}
	if s.action, err = s.actions.All(ctx); err != nil {
		return err
	}
	for key, a := range s.action {
		if a.when, err = parseAction(a.Action); err != nil {
			return fmt.Errorf("loading scheduled action %q: %w", key, err)
		}
		s.action[key] = a
	}
	activities, err := s.activities.All(ctx)
	for _, a := range activities {
		s.history = append(s.history, a)
	}
	sorting.By(s.history, func(a, b types.ScalingActivity) int { return a.StartTime.Compare(*b.StartTime) })
	return err
}

// Wire returns the service's operations.
func (s *Service) Wire() *wire.Service {
	w := &wire.Service{Name: "application-autoscaling", Target: "AnyScaleFrontendService", JSONVersion: "1.1"}
	wire.Handle(w, s.registerScalableTarget)
	wire.Handle(w, s.describeScalableTargets)
	wire.Handle(w, s.deregisterScalableTarget)
	wire.Handle(w, s.putScalingPolicy)
	wire.Handle(w, s.describeScalingPolicies)
	wire.Handle(w, s.deleteScalingPolicy)
	wire.Handle(w, s.putScheduledAction)
	wire.Handle(w, s.describeScheduledActions)
	wire.Handle(w, s.deleteScheduledAction)
	wire.Handle(w, s.describeScalingActivities)
	wire.Handle(w, s.tagResource)
	wire.Handle(w, s.untagResource)
	wire.Handle(w, s.listTagsForResource)
	return w
}

// key names a policy or a scheduled action of a target.
func key(resourceID, name string) string { return resourceID + ":" + name }

func newID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// pageLimit is how many items a page has at most.
const pageLimit = 50

// paged cuts a page from a list. Tokens count what earlier pages had.
func paged[T any](all []T, token *string, size *int32) (page []T, next *string, err error) {
	begin := 0
	if token != nil {
		if begin, err = strconv.Atoi(*token); err != nil || begin < 0 || begin > len(all) {
			return nil, nil, wire.Faultf("InvalidNextTokenException", "The next token is invalid.")
		}
	}
	end := min(begin+pageLimit, len(all))
	if size != nil && *size > 0 {
		end = min(end, begin+int(*size))
	}
	if end < len(all) {
		next = new(strconv.Itoa(end))
	}
	return append([]T{}, all[begin:end]...), next, nil
}
