package engine

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/engine/sqs"
	"github.com/spate-run/spate/internal/metric"
)

// The metrics of standard queues, all but the one of noisy neighbours.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
func TestQueueMetrics(t *testing.T) {
	got := map[string]metric.Sample{}
	for _, d := range queueMetrics([]sqs.QueueCount{{
		Name: "q", Visible: 1, InFlight: 2, Delayed: 3, OldestAge: 4 * time.Second, Sent: 5, Received: 6, Deleted: 7, Empty: 8,
		Sizes: sqs.Sizes{Sum: 90, Smallest: 9, Largest: 30},
	}}) {
		if d.Namespace != "AWS/SQS" || len(d.Dimensions) != 1 || *d.Dimensions[0].Name != "QueueName" || *d.Dimensions[0].Value != "q" {
			t.Errorf("got metric %+v, want one of queue q", d)
		}
		x := metric.Of(metric.Weighted{Value: d.Value, Weight: 1})
		if d.Set != nil {
			x = *d.Set
		}
		got[d.Metric+", "+string(d.Unit)] = x
	}
	one := func(x float64) metric.Sample { return metric.Sample{Count: 1, Sum: x, Low: x, High: x} }
	want := map[string]metric.Sample{
		"ApproximateNumberOfMessagesVisible, Count":    one(1),
		"ApproximateNumberOfMessagesNotVisible, Count": one(2),
		"ApproximateNumberOfMessagesDelayed, Count":    one(3),
		"ApproximateAgeOfOldestMessage, Seconds":       one(4),
		"NumberOfMessagesSent, Count":                  one(5),
		"NumberOfMessagesReceived, Count":              one(6),
		"NumberOfMessagesDeleted, Count":               one(7),
		"NumberOfEmptyReceives, Count":                 one(8),
		"SentMessageSize, Bytes":                       {Count: 5, Sum: 90, Low: 9, High: 30},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}
