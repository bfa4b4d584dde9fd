package autoscaling_test

import (
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	aas "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	awscloudwatch "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/engine/cloudwatch"
	"github.com/spate-run/spate/internal/scaling"
)

func trackingPolicy(name string, c *types.TargetTrackingScalingPolicyConfiguration) *aas.PutScalingPolicyInput {
	in := stepPolicy(name, nil)
	in.PolicyType = types.PolicyTypeTargetTrackingScaling
	in.TargetTrackingScalingPolicyConfiguration = c
	return in
}

func predefined(metric types.MetricType, target float64) *types.TargetTrackingScalingPolicyConfiguration {
	return &types.TargetTrackingScalingPolicyConfiguration{
		TargetValue:                   &target,
		PredefinedMetricSpecification: &types.PredefinedMetricSpecification{PredefinedMetricType: metric},
	}
}

func customized(metric string, target float64) *types.TargetTrackingScalingPolicyConfiguration {
	return &types.TargetTrackingScalingPolicyConfiguration{
		TargetValue: &target, ScaleInCooldown: new(int32(0)), ScaleOutCooldown: new(int32(0)),
		CustomizedMetricSpecification: &types.CustomizedMetricSpecification{
			Namespace: new("Jobs"), MetricName: &metric, Statistic: types.MetricStatisticMaximum,
		},
	}
}

// backlog is metric math: an expression over a queue's messages and tasks.
func backlog(target float64) *types.TargetTrackingScalingPolicyConfiguration {
	stat := func(id, metric string) types.TargetTrackingMetricDataQuery {
		return types.TargetTrackingMetricDataQuery{Id: &id, ReturnData: new(false), MetricStat: &types.TargetTrackingMetricStat{
			Stat: new("Maximum"), Metric: &types.TargetTrackingMetric{Namespace: new("Jobs"), MetricName: &metric},
		}}
	}
	c := customized("", target)
	c.CustomizedMetricSpecification = &types.CustomizedMetricSpecification{Metrics: []types.TargetTrackingMetricDataQuery{
		stat("messages", "Messages"), stat("tasks", "Tasks"),
		{Id: new("each"), Expression: new("messages / tasks"), ReturnData: new(true)},
	}}
	return c
}

func (f *fixture) policies(t *testing.T) []types.ScalingPolicy {
	t.Helper()
	out, err := f.client.DescribeScalingPolicies(t.Context(), &aas.DescribeScalingPoliciesInput{ServiceNamespace: types.ServiceNamespaceEcs})
	if err != nil {
		t.Fatal(err)
	}
	return out.ScalingPolicies
}

func (f *fixture) alarmNames(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, a := range f.metrics.alarms(t) {
		names = append(names, *a.AlarmName)
	}
	return names
}

// The alarms as a policy on CPU has them: 3 of 3 minutes above the target, 15
// of 15 at least 10 percent below it.
// https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
func TestTrackingPolicyHasAlarms(t *testing.T) {
	f := start(t, 1)
	f.register(t, 0, 10)
	arn := f.put(t, trackingPolicy("cpu", predefined(types.MetricTypeECSServiceAverageCPUUtilization, 50)))
	p := f.policies(t)[0]
	var told []string
	for _, a := range p.Alarms {
		told = append(told, strings.TrimRight(*a.AlarmName, "0123456789abcdef-"))
		if want := "arn:aws:cloudwatch:us-east-1:000000000000:alarm:" + *a.AlarmName; *a.AlarmARN != want {
			t.Errorf("got alarm ARN %s, want %s", *a.AlarmARN, want)
		}
	}
	if diff := cmp.Diff([]string{"TargetTracking-service/jobs/worker-AlarmHigh", "TargetTracking-service/jobs/worker-AlarmLow"}, told); diff != "" {
		t.Errorf("alarms of the policy (-want +got):\n%s", diff)
	}
	type alarm struct {
		Comparison cwtypes.ComparisonOperator
		Threshold  float64
		Periods    int32
		Metric     string
		State      cwtypes.StateValue
		Action     string
		About      string
	}
	var got []alarm
	for _, a := range f.metrics.alarms(t) {
		got = append(got, alarm{a.ComparisonOperator, *a.Threshold, *a.EvaluationPeriods, metricOf(a), a.StateValue, a.AlarmActions[0], *a.AlarmDescription})
	}
	const metric = "AWS/ECS CPUUtilization ClusterName=jobs ServiceName=worker Average of 60 s"
	about := "DO NOT EDIT OR DELETE. For TargetTrackingScaling policy " + arn + "."
	want := []alarm{
		{"GreaterThanThreshold", 50, 3, metric, "INSUFFICIENT_DATA", arn, about},
		{"LessThanThreshold", 45, 15, metric, "INSUFFICIENT_DATA", arn, about},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("alarms (-want +got):\n%s", diff)
	}
}

func metricOf(a cwtypes.MetricAlarm) string {
	text := *a.Namespace + " " + *a.MetricName
	for _, d := range a.Dimensions {
		text += " " + *d.Name + "=" + *d.Value
	}
	return text + " " + string(a.Statistic) + " of " + strconv.Itoa(int(*a.Period)) + " s"
}

func TestTrackingAlarmsFollowTheirPolicy(t *testing.T) {
	f := start(t, 1)
	f.register(t, 0, 10)
	f.put(t, trackingPolicy("cpu", predefined(types.MetricTypeECSServiceAverageCPUUtilization, 50)))
	first := f.alarmNames(t)

	f.put(t, trackingPolicy("cpu", predefined(types.MetricTypeECSServiceAverageCPUUtilization, 70)))
	if diff := cmp.Diff(first, f.alarmNames(t)); diff != "" {
		t.Errorf("alarms of a policy that is put again (-want +got):\n%s", diff)
	}
	if got := *f.metrics.alarms(t)[0].Threshold; got != 70 {
		t.Errorf("got threshold %v, want 70", got)
	}
	outOnly := predefined(types.MetricTypeECSServiceAverageCPUUtilization, 70)
	outOnly.DisableScaleIn = new(true)
	f.put(t, trackingPolicy("cpu", outOnly))
	if diff := cmp.Diff(first[:1], f.alarmNames(t)); diff != "" {
		t.Errorf("alarms of a policy that never scales in (-want +got):\n%s", diff)
	}
	f.put(t, trackingPolicy("math", backlog(2)))
	if _, err := f.client.DeleteScalingPolicy(t.Context(), &aas.DeleteScalingPolicyInput{
		ServiceNamespace: types.ServiceNamespaceEcs, ScalableDimension: types.ScalableDimensionECSServiceDesiredCount,
		ResourceId: new(resource), PolicyName: new("cpu"),
	}); err != nil {
		t.Fatal(err)
	}
	if got := f.alarmNames(t); len(got) != 2 || got[0] == first[0] {
		t.Errorf("after deleting a policy: got alarms %v, want the two of the other", got)
	}
	if _, err := f.client.DeregisterScalableTarget(t.Context(), &aas.DeregisterScalableTargetInput{
		ServiceNamespace: types.ServiceNamespaceEcs, ScalableDimension: types.ScalableDimensionECSServiceDesiredCount, ResourceId: new(resource),
	}); err != nil {
		t.Fatal(err)
	}
	if got := f.alarmNames(t); len(got) != 0 {
		t.Errorf("after deregistering: got alarms %v, want none", got)
	}
}

// A load of 40 on a target of 10 a task is four tasks, and nothing of it is
// none: out after three minutes, in after fifteen.
func TestTrackingFollowsItsMetric(t *testing.T) {
	for name, configuration := range map[string]*types.TargetTrackingScalingPolicyConfiguration{
		"one metric": customized("Each", 10), "metric math": backlog(10),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(time.Now().Truncate(time.Hour).Add(time.Hour)))
				f := start(t, 1)
				f.register(t, 1, 10)
				f.put(t, trackingPolicy("track", configuration))
				messages := 40.
				f.metrics.set(func() []cloudwatch.Datum {
					tasks, _ := f.capacity(t.Context(), resource)
					return []cloudwatch.Datum{
						{Namespace: "Jobs", Metric: "Each", Value: messages / float64(tasks)},
						{Namespace: "Jobs", Metric: "Messages", Value: messages},
						{Namespace: "Jobs", Metric: "Tasks", Value: float64(tasks)},
					}
				})
				f.take()
				stop := f.run(t)
				wait := func(d time.Duration, want ...int) {
					t.Helper()
					time.Sleep(d)
					synctest.Wait()
					if diff := cmp.Diff(want, f.take()); diff != "" {
						t.Errorf("capacities set (-want +got):\n%s", diff)
					}
				}
				wait(90 * time.Second)
				wait(time.Minute, 4)
				wait(20 * time.Minute) // at its target
				f.metrics.mu.Lock()
				messages = 4
				f.metrics.mu.Unlock()
				wait(14 * time.Minute)
				wait(time.Minute, 1)
				stop()
				if got := f.activities(t); !strings.HasPrefix(got[len(got)-1], "monitor alarm TargetTracking-service/jobs/worker-AlarmLow-") {
					t.Errorf("got activity %q, want one of the alarm", got[len(got)-1])
				}
			})
		})
	}
}

// Any policy scales out; only all of them together scale in, to the most that
// one of them leaves.
// https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html#target-tracking-multiple-policies
func TestTrackingPoliciesScaleInTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, 60)
		f.register(t, 0, 100)
		f.desired = 20
		a := f.put(t, trackingPolicy("a", customized("A", 50)))
		b := f.put(t, trackingPolicy("b", customized("B", 50)))
		outOnly := customized("C", 50)
		outOnly.DisableScaleIn = new(true)
		f.put(t, trackingPolicy("c", outOnly)) // has no say in it
		f.invoke(t, a, scaling.Below, 45, 5)
		time.Sleep(2 * time.Second)
		f.invoke(t, b, scaling.Below, 45, 20) // a's wish is two minutes old
		f.invoke(t, a, scaling.Below, 45, 5)
		f.invoke(t, b, scaling.Above, 50, 100)
		if diff := cmp.Diff([]int{8, 16}, f.take()); diff != "" {
			t.Errorf("capacities set (-want +got):\n%s", diff)
		}
	})
}

// An engine that died before it stored a policy leaves its alarms.
func TestAlarmsOfNoPolicyAreSwept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, 1)
		f.register(t, 0, 10)
		f.put(t, trackingPolicy("kept", backlog(2)))
		want := f.alarmNames(t)
		for name, about := range map[string]string{
			"TargetTracking-service/jobs/worker-AlarmHigh-0": "DO NOT EDIT OR DELETE. For TargetTrackingScaling policy arn:gone.",
			"TargetTracking-mine":                            "somebody's own",
		} {
			if _, err := f.metrics.client.PutMetricAlarm(t.Context(), &awscloudwatch.PutMetricAlarmInput{
				AlarmName: &name, AlarmDescription: &about, Namespace: new("Jobs"), MetricName: new("Each"), Period: new(int32(60)),
				Statistic: cwtypes.StatisticMaximum, ComparisonOperator: "GreaterThanThreshold", Threshold: new(1.0), EvaluationPeriods: new(int32(1)),
			}); err != nil {
				t.Fatal(err)
			}
		}
		stop := f.run(t)
		synctest.Wait()
		stop()
		if diff := cmp.Diff(append([]string{"TargetTracking-mine"}, want...), f.alarmNames(t)); diff != "" {
			t.Errorf("alarms (-want +got):\n%s", diff)
		}
	})
}

func TestPutTrackingPolicyRefuses(t *testing.T) {
	f := start(t, 1)
	f.register(t, 0, 10)
	f.put(t, trackingPolicy("cpu", predefined(types.MetricTypeECSServiceAverageCPUUtilization, 50)))
	with := func(change func(*types.TargetTrackingScalingPolicyConfiguration)) *aas.PutScalingPolicyInput {
		c := customized("Each", 50)
		change(c)
		return trackingPolicy("x", c)
	}
	for name, tt := range map[string]struct {
		in      *aas.PutScalingPolicyInput
		message string
	}{
		"nothing":   {trackingPolicy("x", nil), "A target tracking scaling policy takes a TargetTrackingScalingPolicyConfiguration, and no other."},
		"two names": {trackingPolicy("x", predefined(types.MetricTypeECSServiceAverageCPUUtilization, 60)), "Only one TargetTrackingScaling policy for a given metric specification is allowed."},
		"another type": {stepPolicy("cpu", exact(step(new(0.0), nil, 1))),
			"The policy type of an existing scaling policy cannot be changed from TargetTrackingScaling."},
		"both metrics": {with(func(c *types.TargetTrackingScalingPolicyConfiguration) {
			c.PredefinedMetricSpecification = &types.PredefinedMetricSpecification{PredefinedMetricType: types.MetricTypeECSServiceAverageCPUUtilization}
		}), "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be specified."},
		"load balancer": {trackingPolicy("x", predefined(types.MetricTypeALBRequestCountPerTarget, 50)),
			"The predefined metric ALBRequestCountPerTarget is not supported: ECSServiceAverageCPUUtilization and ECSServiceAverageMemoryUtilization are."},
		"zero": {with(func(c *types.TargetTrackingScalingPolicyConfiguration) { c.TargetValue = new(0.0) }),
			"TargetValue must be from 8.515920e-109 to 1.174271e+108."},
		"cooldown": {with(func(c *types.TargetTrackingScalingPolicyConfiguration) { c.ScaleInCooldown = new(int32(-1)) }),
			"Cooldown must be greater than or equal to 0."},
		"no statistic": {with(func(c *types.TargetTrackingScalingPolicyConfiguration) {
			c.CustomizedMetricSpecification.Statistic = ""
		}),
			"1 validation error detected: Value null at 'targetTrackingScalingPolicyConfiguration.customizedMetricSpecification.statistic' failed to satisfy constraint: Member must not be null"},
		"what CloudWatch refuses": {with(func(c *types.TargetTrackingScalingPolicyConfiguration) {
			c.CustomizedMetricSpecification = &types.CustomizedMetricSpecification{Metrics: []types.TargetTrackingMetricDataQuery{{Id: aws.String("a"), Expression: aws.String("b + 1")}}}
		}), "Error in expression 'a': Variable 'b' not found"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f.client.PutScalingPolicy(t.Context(), tt.in)
			wantFault(t, err, "ValidationException", tt.message)
		})
	}
	if got := len(f.alarmNames(t)); got != 2 {
		t.Errorf("got %d alarms, want the 2 of the policy that is there", got)
	}
}
