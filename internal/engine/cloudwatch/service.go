package cloudwatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/spate-run/spate/internal/metric"
	"github.com/spate-run/spate/internal/scaling"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

// A Datum is one value of a metric at the time of its collection, or a set.
type Datum struct {
	Namespace  string
	Metric     string
	Dimensions []types.Dimension
	Value      float64
	Set        *metric.Sample // instead of Value, where it is not nil
	Unit       types.StandardUnit
}

// ErrNotPerformed says that the engine has nobody to perform an action, such as
// a notification. The alarm's history tells it; it is no fault.
var ErrNotPerformed = errors.New("actions of this kind are not performed here")

// Config is what a Service needs.
type Config struct {
	Store   *store.Store
	Account wire.Account
	Log     *slog.Logger
	// Cadence divides the collection interval and alarm periods; 0 means 1,
	// AWS's own.
	Cadence int
	// Collect returns the services' own metrics; nil means none. It is called
	// once each interval (a minute / Cadence).
	Collect func(context.Context) []Datum
	// Act performs an action of an alarm; nil means that none is performed.
	// Scaling actions come once each interval while their alarm is in ALARM.
	// It returns ErrNotPerformed for actions of a kind that it does not know.
	Act func(ctx context.Context, actionARN string, b scaling.Breach) error
}

// A Service is the CloudWatch of one account and region.
type Service struct {
	config Config
	table  store.Table[document]

	mu      sync.Mutex
	alarms  map[string]*alarm
	tracks  map[string]*track
	history []types.AlarmHistoryItem // oldest first
	unsaved int                      // how many of the newest are not in the store
	saved   time.Time                // when all that changed was last written
	aged    time.Time                // when old data was last looked for
	begun   time.Time                // the last interval; only Run uses it
}

// New returns the service with what the store holds.
func New(ctx context.Context, config Config) (*Service, error) {
	config.Cadence = max(config.Cadence, 1)
	s := &Service{
		config: config,
		table:  store.NewTable[document](config.Store, "cloudwatch.alarm"),
		alarms: map[string]*alarm{},
		tracks: map[string]*track{},
		saved:  time.Now(),
	}
	if err := config.Store.Migrate(ctx, schema); err != nil {
		return nil, fmt.Errorf("opening metrics: %w", err)
	}
	all, err := s.table.All(ctx)
	if err != nil {
		return nil, err
	}
	for name, doc := range all {
		a, err := newAlarm(doc)
		if err != nil {
			return nil, fmt.Errorf("loading alarm %q: %w", name, err)
		}
		s.alarms[name] = a
	}
	if err := s.openMetrics(ctx); err != nil {
		return nil, err
	}
	return s, s.openHistory(ctx)
}

// Wire returns the service's operations.
func (s *Service) Wire() *wire.Service {
	w := &wire.Service{
		Name:         "monitoring",
		Target:       "GraniteServiceVersion20100801",
		JSONVersion:  "1.0",
		QueryVersion: "2010-08-01",
		Namespace:    "http://monitoring.amazonaws.com/doc/2010-08-01/",
		CBOR:         "GraniteServiceVersion20100801",
	}
	wire.Handle(w, s.putMetricAlarm)
	wire.Handle(w, s.describeAlarms)
	wire.Handle(w, s.describeAlarmsForMetric)
	wire.Handle(w, s.describeAlarmHistory)
	wire.Handle(w, s.deleteAlarms)
	wire.Handle(w, s.setAlarmState)
	wire.Handle(w, s.enableAlarmActions)
	wire.Handle(w, s.disableAlarmActions)
	wire.Handle(w, s.putMetricData)
	wire.Handle(w, s.getMetricData)
	wire.Handle(w, s.getMetricStatistics)
	wire.Handle(w, s.listMetrics)
	wire.Handle(w, s.tagResource)
	wire.Handle(w, s.untagResource)
	wire.Handle(w, s.listTagsForResource)
	return w
}

// interval is the time between two collections.
func (s *Service) interval() time.Duration {
	return time.Minute / time.Duration(s.config.Cadence)
}

// beat is the time between two evaluations of alarms whose period is less than
// a minute: ten seconds / Cadence, but never less than a second, which is the
// finest that data is kept in.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
func (s *Service) beat() time.Duration {
	if beat := s.interval() / 6; beat >= time.Second {
		return beat
	}
	return s.interval()
}

// saveInterval is the most time for which collected data is in memory only.
const saveInterval = time.Minute

// Run collects metrics and evaluates alarms until ctx ends, at once and then
// at each whole multiple of the interval. When it ends, all is in the store.
func (s *Service) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			if err := s.keep(context.WithoutCancel(ctx)); err != nil {
				s.config.Log.WarnContext(ctx, "the last metrics were not stored", "error", err)
			}
			return nil
		case <-timer.C:
		}
		s.tick(ctx, time.Now().Truncate(s.beat()))
		timer.Reset(time.Until(time.Now().Truncate(s.beat()).Add(s.beat())))
	}
}

// tick does what a beat that begins at the time at brings: with a new interval
// the metrics are collected and every alarm is evaluated on them, else only
// those with short periods are.
func (s *Service) tick(ctx context.Context, at time.Time) {
	begin := at.Truncate(s.interval())
	whole := !begin.Equal(s.begun) // also when the clock was set back
	if whole {
		at, s.begun = begin, begin
		s.collect(ctx, at)
	}
	due, err := s.evaluate(ctx, at, whole)
	if err != nil {
		s.complain(ctx, "alarm states were not stored", err)
		return
	}
	for _, d := range due {
		s.act(ctx, d)
	}
	s.mu.Lock()
	late := time.Since(s.saved) >= saveInterval
	s.mu.Unlock()
	if late {
		if err := s.keep(ctx); err != nil {
			s.complain(ctx, "metrics were not stored", err)
		}
	}
}

func (s *Service) complain(ctx context.Context, message string, err error) {
	if ctx.Err() == nil {
		s.config.Log.ErrorContext(ctx, message, "error", err)
	}
}

func (s *Service) collect(ctx context.Context, at time.Time) {
	if s.config.Collect == nil {
		return
	}
	data := s.config.Collect(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range data {
		x := metric.Of(metric.Weighted{Value: d.Value, Weight: 1})
		if d.Set != nil {
			x = *d.Set
		}
		t := s.track(d.Namespace, d.Metric, d.Dimensions)
		err := s.rewind(ctx, t, at.Unix())
		if err == nil {
			err = s.add(ctx, t, at.Unix(), d.Unit, x)
		}
		if err != nil {
			s.complain(ctx, "metric was not collected", err)
		}
	}
}
