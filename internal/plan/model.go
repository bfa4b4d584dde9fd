package plan

import (
	"math"
	"time"

	"github.com/spate-run/spate/internal/metric"
	"github.com/spate-run/spate/internal/scaling"
)

// A Model is what of a template decides when a run is done and what it costs:
// one service, its queue, and what scales the one by the other.
type Model struct {
	Service  string // its logical id
	Task     Task
	Queue    Queue
	Capacity Capacity
	Policies []*Policy
	// Standing is what is billed while nothing runs, tasks apart.
	Standing []Standing
	// Notes say what of the template is not simulated.
	Notes []string
}

// A Task is what the service runs.
type Task struct {
	CPU    float64 // vCPU
	Memory float64 // GiB
	Disk   float64 // GiB of ephemeral storage; 20 are free
	ARM    bool
	// Spot is the share of the tasks that run on spare capacity.
	Spot float64
	// PublicIP says that each task has an IPv4 address of its own.
	PublicIP bool
	// Worker says that spate's worker stands in front of the command: it keeps
	// messages invisible, protects its task while it works, and retries.
	Worker bool
}

// A Queue is where the jobs wait.
type Queue struct {
	ID         string
	Visibility time.Duration
	Delay      time.Duration
	Retention  time.Duration
	// MaxReceives is how often a message is received before it goes to the
	// dead-letter queue; 0 means any number of times.
	MaxReceives int
	// Touched says that a schedule keeps the queue's metrics coming.
	Touched bool
}

// Capacity is the range of the service's count, and where that stands.
type Capacity struct {
	Min, Max int
	// Created is the count that the service was created with.
	Created int
	// Desired is where the count stands before a run: where the alarms and
	// policies have taken it while the queue was empty.
	Desired int
	// Idle is the mean count while nothing is sent. It is Desired, but for a
	// service that never comes to rest.
	Idle float64
}

// A Policy is a scaling policy with the alarm that invokes it.
type Policy struct {
	Name  string
	Alarm Alarm
	rule  rule
	// tracks says that it tracks a target in both directions: such policies
	// scale in only when all of them would.
	tracks bool
}

// A rule decides what a policy makes of a breach.
type rule interface {
	Decide(scaling.Breach, scaling.Target, scaling.Cooling, time.Time) (int, scaling.Cooling)
	Wanted(scaling.Breach, scaling.Target) (int, bool)
}

// An Alarm watches a metric, or an expression over several.
type Alarm struct {
	Name    string
	Rule    scaling.Alarm
	Period  time.Duration
	metrics []watched
	// program and result compute an expression; program is nil for the sum of
	// the metrics, which is what one metric alone is, too.
	program *metric.Program
	result  string
}

// A watched is a metric of an alarm.
type watched struct {
	id        string
	gauge     gauge
	statistic statistic
}

// A gauge is a metric that the simulation has.
type gauge int

const (
	visible gauge = iota
	inFlight
	delayed
	oldest
	cpuUse
	runningTasks
	desiredTasks
	gauges
)

// gaugeOf finds a metric by its CloudWatch name.
func gaugeOf(namespace, name string) (gauge, bool) {
	g, ok := map[string]gauge{
		"AWS/SQS/ApproximateNumberOfMessagesVisible":    visible,
		"AWS/SQS/ApproximateNumberOfMessagesNotVisible": inFlight,
		"AWS/SQS/ApproximateNumberOfMessagesDelayed":    delayed,
		"AWS/SQS/ApproximateAgeOfOldestMessage":         oldest,
		"AWS/ECS/CPUUtilization":                        cpuUse,
		"ECS/ContainerInsights/RunningTaskCount":        runningTasks,
		"ECS/ContainerInsights/DesiredTaskCount":        desiredTasks,
	}[namespace+"/"+name]
	return g, ok
}

// ofQueue says whether SQS sends the metric, and stops to for a queue left alone.
func (g gauge) ofQueue() bool { return g <= oldest }

// A statistic makes one number of the samples of a period.
type statistic string

const (
	average statistic = "Average"
	sum     statistic = "Sum"
	maximum statistic = "Maximum"
	minimum statistic = "Minimum"
	samples statistic = "SampleCount"
)

func (s statistic) known() bool {
	switch s {
	case average, sum, maximum, minimum, samples:
		return true
	}
	return false
}

func (s statistic) of(values []float64) float64 {
	total, least, most, n := 0.0, math.Inf(1), math.Inf(-1), 0
	for _, v := range values {
		if v == v {
			total, least, most = total+v, min(least, v), max(most, v)
			n++
		}
	}
	switch {
	case n == 0:
		return math.NaN()
	case s == sum:
		return total
	case s == maximum:
		return most
	case s == minimum:
		return least
	case s == samples:
		return float64(n)
	}
	return total / float64(n)
}

// A Standing is a thing that is billed by the month whether jobs run or not.
type Standing struct {
	What  string
	Count int
	// Month is the price of one, in dollars.
	Month float64
}

// StandingAlarms are what alarms are billed by.
const StandingAlarms = "alarm metric"

// WithMax is the model with another limit of tasks; its policies stay.
func (m Model) WithMax(n int) *Model {
	m.Capacity.Max = n
	m.Capacity.Min = min(m.Capacity.Min, n)
	m.settle()
	return &m
}

// WatchesCPU says whether a policy scales on how much CPU the tasks use.
func (m *Model) WatchesCPU() bool {
	for _, p := range m.Policies {
		for _, w := range p.Alarm.metrics {
			if w.gauge == cpuUse {
				return true
			}
		}
	}
	return false
}

// Static is the model with so many tasks from the beginning, and no scaling.
func (m Model) Static(tasks int) *Model {
	m.Capacity = Capacity{Min: tasks, Max: tasks, Created: tasks, Desired: tasks, Idle: float64(tasks)}
	m.Policies = nil
	return &m
}
