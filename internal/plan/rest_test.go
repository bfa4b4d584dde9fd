package plan_test

import (
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spate-run/spate/internal/plan"
	"github.com/spate-run/spate/internal/template"
)

// edited reads a template in which texts were replaced: pairs of what is and
// what shall be.
func edited(t *testing.T, path string, edit ...string) (*plan.Model, error) {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(file)
	for i := 0; i < len(edit); i += 2 {
		if !strings.Contains(text, edit[i]) {
			t.Fatalf("%s does not hold %q", path, edit[i])
		}
		text = strings.ReplaceAll(text, edit[i], edit[i+1])
	}
	parsed, err := template.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	parameters := map[string]string{}
	if path == jobTemplate {
		parameters["Image"] = "x"
	}
	return plan.Read(parsed, plan.Options{Parameters: parameters})
}

// Where a service stands between runs is not its minimum but where its alarms
// take it from the count that it was created with.
func TestWhereAServiceRests(t *testing.T) {
	for _, c := range []struct {
		name, path string
		edit       []string
		rest       int
		note       string
	}{
		{"a job's own", jobTemplate, nil, 0, ""},
		{"CDK's, whose alarms at 0 both go off", asWritten, nil, 2, "climbs to 2 of at most 2 tasks"},
		{"the same with more room", asWritten, []string{`"MaxCapacity": 2`, `"MaxCapacity": 7`}, 7, "climbs to 7 of at most 7 tasks"},
		{"the same down to 0, with an alarm above 0", asWritten, []string{
			`"MinCapacity": 1`, `"MinCapacity": 0`, `"GreaterThanOrEqualToThreshold"`, `"GreaterThanThreshold"`,
		}, 0, ""},
		{"nothing that scales in", asWritten, []string{
			`"MinCapacity": 1`, `"MinCapacity": 0`, `"GreaterThanOrEqualToThreshold"`, `"GreaterThanThreshold"`,
			`"LessThanOrEqualToThreshold"`, `"LessThanThreshold"`, `"ECSServiceAverageCPUUtilization"`, `"ECSServiceAverageCPUUtilization"}, "DisableScaleIn": true, "x": {"x": ""`,
		}, 1, "stays at 1 of at least 0 tasks"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := edited(t, c.path, c.edit...)
			if err != nil {
				t.Fatal(err)
			}
			if m.Capacity.Desired != c.rest || m.Capacity.Idle != float64(c.rest) {
				t.Errorf("got %+v, want a rest at %d", m.Capacity, c.rest)
			}
			if got := m.RestWords(); c.note == "" && got != "" || !strings.Contains(got, c.note) {
				t.Errorf("got %q, want %q", got, c.note)
			}
		})
	}
}

// With another max a service that climbs rests elsewhere.
func TestAnotherMaxIsAnotherRest(t *testing.T) {
	m := model(t, asWritten, nil).WithMax(9)
	if m.Capacity.Desired != 9 || m.Capacity.Idle != 9 || !strings.Contains(m.RestWords(), "climbs to 9 of at most 9") {
		t.Errorf("got %+v and %q, want a rest at 9", m.Capacity, m.RestWords())
	}
}

// A template that scales to 0 begins there, though its service was created with
// one task, and its sleeping queue wakes late.
func TestScalingToZeroBeginsAsleep(t *testing.T) {
	m, err := edited(t, asWritten, `"MinCapacity": 1`, `"MinCapacity": 0`, `"GreaterThanOrEqualToThreshold"`, `"GreaterThanThreshold"`)
	if err != nil {
		t.Fatal(err)
	}
	s := ask(m, plan.Load{Jobs: 3, Durations: plan.Constant(10 * time.Second), Busy: 1}, 200)
	first := s.Time(.95, func(o *plan.Outcome) time.Duration { return o.FirstStart })
	if first < 13*time.Minute || first > 19*time.Minute {
		t.Errorf("got the first start after %s, want up to 15 minutes for the metrics and a few more", first)
	}
	task := m.Task.CPU*.04048 + m.Task.Memory*.004445
	if month := m.IdleMonth(); month > 75 || math.IsNaN(month) {
		t.Errorf("got $%.2f a month idle, want no task in it, which is $%.2f", month, 730*task)
	}
}

// Values that AWS refuses are refused here too, by the name of what has them.
func TestValuesThatAWSRefuses(t *testing.T) {
	const noQueue, queue = `"Type": "AWS::SQS::Queue",`, `"Type": "AWS::SQS::Queue", "Properties": {%},`
	for _, c := range []struct {
		edit []string
		want string
	}{
		{[]string{noQueue, strings.Replace(queue, "%", `"VisibilityTimeout": -5`, 1)}, "VisibilityTimeout of queue276F7297 is -5"},
		{[]string{noQueue, strings.Replace(queue, "%", `"VisibilityTimeout": 43201`, 1)}, "is 43201"},
		{[]string{noQueue, strings.Replace(queue, "%", `"VisibilityTimeout": "soon"`, 1)}, "is soon"},
		{[]string{noQueue, strings.Replace(queue, "%", `"DelaySeconds": 901`, 1)}, "DelaySeconds"},
		{[]string{noQueue, strings.Replace(queue, "%", `"MessageRetentionPeriod": 1e30`, 1)}, "MessageRetentionPeriod"},
		{[]string{noQueue, strings.Replace(queue, "%", `"RedrivePolicy": {"deadLetterTargetArn": "x", "maxReceiveCount": 0}`, 1)}, "maxReceiveCount"},
		{[]string{`"MaxCapacity": 2`, `"MaxCapacity": 5001`}, "MaxCapacity"},
		{[]string{`"MaxCapacity": 2`, `"MaxCapacity": 2.5`}, "MaxCapacity"},
		{[]string{`"MinCapacity": 1`, `"MinCapacity": 3`}, "MinCapacity 3 is more than MaxCapacity 2"},
		{[]string{`"Cpu": "256"`, `"Cpu": "333"`}, "Fargate has no tasks of Cpu 333 and Memory 512"},
		{[]string{`"Memory": "512"`, `"Memory": "1536"`}, "Fargate has no tasks of Cpu 256 and Memory 1536"},
		{[]string{`"MetricIntervalLowerBound": 0,`, `"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": -1,`}, "lower bound must be less"},
		{[]string{`"MetricIntervalLowerBound": 0,`, ``}, "lower bound or an upper bound"},
		{[]string{`"EvaluationPeriods": 1`, `"EvaluationPeriods": 0`}, "EvaluationPeriods"},
		{[]string{`"EvaluationPeriods": 1`, `"EvaluationPeriods": 1, "DatapointsToAlarm": 2`}, "DatapointsToAlarm"},
		{[]string{`"AdjustmentType": "ChangeInCapacity"`, `"AdjustmentType": "ChangeInCapacity", "Cooldown": -1`}, "Cooldown"},
	} {
		_, err := edited(t, asWritten, c.edit...)
		if p, ok := err.(plan.Problem); !ok || !strings.Contains(p.Fact, c.want) || p.Hint == "" {
			t.Errorf("%s: got %#v, want a problem with %q and a hint", c.edit[1], err, c.want)
		}
	}
	if m, err := edited(t, asWritten, `"Cpu": "256"`, `"Cpu": ".25 vCPU"`, `"Memory": "512"`, `"Memory": "1 GB"`); err != nil || m.Task.CPU != .25 || m.Task.Memory != 1 {
		t.Errorf("got %v, want a quarter of a vCPU and 1 GiB", err)
	}
}

// Steps that overlap are refused, as AWS refuses them.
func TestStepsThatOverlap(t *testing.T) {
	_, err := edited(t, asWritten, `"MetricIntervalLowerBound": 0,`, `"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 10, "ScalingAdjustment": 1}, {"MetricIntervalLowerBound": 5,`)
	if err == nil || !strings.Contains(err.Error(), "overlap") {
		t.Errorf("got %v, want that they overlap", err)
	}
}
