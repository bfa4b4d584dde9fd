package plan

import (
	"math"
	"time"
)

// A Cloud is what AWS does around a template: how soon it notices, and how soon
// it acts. The zero value does everything at once.
type Cloud struct {
	// MetricDelay is how old a sample is when an alarm first sees it.
	MetricDelay time.Duration
	// Waking is the longest that the metrics of a queue left alone take to come
	// back.
	Waking time.Duration
	// StartLow and StartHigh bound the time from a task's launch until its
	// program runs.
	StartLow, StartHigh time.Duration
	// Burst is how many tasks an account launches at once, and Rate how many a
	// second from then on; ServiceRate is that of one service. 0 means any number.
	Burst       int
	Rate        float64
	ServiceRate float64
	// Quota is the account's vCPU on Fargate; 0 means enough.
	Quota float64
	// Poll is how long a worker that has nothing more to do goes on asking, with
	// its task still protected.
	Poll time.Duration
	// LeastBilled is the shortest time that a task is billed for.
	LeastBilled time.Duration
	// Phase is when in its minute the run is sent; negative means by chance.
	Phase time.Duration
}

// Constant is a figure of AWS's that plans stand on.
type Figure struct{ Name, Value, Source string }

// interval is how often SQS and ECS send metrics, and alarms are evaluated.
const interval = time.Minute

// The parts of a start: everything but the image's way, and that.
const (
	startLow, startHigh = 20 * time.Second, 60 * time.Second
	pullFast, pullSlow  = 25.0, 25.0 / 3 // MB a second
)

// DefaultImage is the size of an image in MB where nobody says it.
const DefaultImage = 250

// AWS is the cloud as its documentation and reports describe it, for an image
// of so many MB.
func AWS(imageMB float64) Cloud {
	pull := func(rate float64) time.Duration {
		return time.Duration(math.Round(imageMB/rate)) * time.Second
	}
	return Cloud{
		MetricDelay: time.Minute,
		Waking:      15 * time.Minute,
		StartLow:    startLow + pull(pullFast),
		StartHigh:   startHigh + pull(pullSlow),
		Burst:       100,
		Rate:        20,
		ServiceRate: 500.0 / 60,
		Poll:        20 * time.Second,
		LeastBilled: LeastBilled,
		Phase:       -1,
	}
}

// Figures are those of [AWS], and where each is from.
func Figures() []Figure {
	return []Figure{
		{"samples of SQS's metrics", "1 a minute", "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/monitoring-using-cloudwatch.html"},
		{"metrics of a queue left alone for 6 h come back", "within 15 min", "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/monitoring-using-cloudwatch.html"},
		{"age of a sample when an alarm sees it", "1 min", "an assumption; reports have one to three (alexwlchan.net, 2022)"},
		{"evaluation of alarms", "1 a minute", "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html"},
		{"scaling actions while in ALARM", "1 a minute", "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html"},
		{"cooldown where none is given", "300 s", "https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html"},
		{"start of a task with an image of 250 MB", "30 to 90 s", "reports; 10 to 30 s of it for the image is an assumption"},
		{"launches of an account", "100 at once, then 20/s", "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/throttling.html"},
		{"launches of a service", "500 a minute", "Amazon ECS's documentation"},
		{"vCPU of a new account", "6", "Service Quotas, and reports of other figures"},
		{"visibility timeout where none is given", "30 s", "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html"},
		{"retention where none is given", "4 days", "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html"},
		{"least time a task is billed", "60 s", fargatePrices},
		{"interruptions on Spot", "5 % of tasks an hour", "an assumption; AWS publishes none for Fargate"},
		{"length of a worker's empty receive", "20 s", "spate's worker; AWS's longest poll"},
	}
}

// room is how many tasks of a model the quota has room for.
func (c *Cloud) room(m *Model) int {
	if c.Quota == 0 || m.Task.CPU == 0 {
		return math.MaxInt
	}
	return int(c.Quota / m.Task.CPU)
}

// start is how long the n-th task takes until its program runs.
func (c *Cloud) start(ch chance, n uint64) time.Duration {
	return c.StartLow + time.Duration(ch.unit(drawStart, n)*float64(c.StartHigh-c.StartLow))
}
