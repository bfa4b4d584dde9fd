package simulation

import (
	"flag"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	aas "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	aastypes "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	sdkecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	sdks3 "github.com/aws/aws-sdk-go-v2/service/s3"
	sdksqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/spate-run/spate/internal/scaling"
)

var (
	oneSeed = flag.Uint64("seed", 0, "replay this seed alone, and tell what happens")
	seeds   = flag.Int("seeds", 1000, "how many seeds to run")
)

// TestMain lets garbage lie: worlds are small, and there are many.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	m.Run()
}

// TestSeeds drives a world for each seed.
func TestSeeds(t *testing.T) {
	if *oneSeed != 0 {
		t.Log(simulate(t, *oneSeed, nil))
		return
	}
	n := *seeds
	if testing.Short() {
		n = 20
	}
	var mu sync.Mutex
	var virtual time.Duration
	results, tasks := 0, 0
	t.Run("all", func(t *testing.T) {
		workers := runtime.GOMAXPROCS(0)
		for worker := range workers {
			t.Run(strconv.Itoa(worker), func(t *testing.T) {
				t.Parallel()
				for seed := worker + 1; seed <= n && !t.Failed(); seed += workers {
					w := simulate(t, uint64(seed), nil)
					mu.Lock()
					virtual += w.took
					results += len(w.jobs)
					tasks += len(w.numbered)
					mu.Unlock()
				}
			})
		}
	})
	t.Logf("%d seeds: %.0f virtual hours, %d jobs, %d tasks", n, virtual.Hours(), results, tasks)
	if !t.Failed() && (results < n || tasks < n) {
		t.Errorf("got %d jobs and %d tasks, want at least one of each a seed", results, tasks)
	}
}

// TestSeedReplays holds the driver to what makes a seed worth telling.
func TestSeedReplays(t *testing.T) {
	for _, seed := range []uint64{2, 3, 5, 7} {
		first, second := simulate(t, seed, nil), simulate(t, seed, nil)
		if got, want := second.chronicle.sum(), first.chronicle.sum(); got != want {
			t.Errorf("seed %d: got %s, want %s as before\n%s\n\nbefore:\n%s", seed, got, want, second, first)
		}
	}
}

// simulate lives a seed's world to its end.
func simulate(t *testing.T, seed uint64, change func(*plan)) (w *world) {
	t.Helper()
	dir := memoryDir(t)
	defer os.RemoveAll(dir)
	var seen clock
	defer seen.guard(stuckAfter, func() { seen.fail(seed) })()
	synctest.Test(t, func(t *testing.T) {
		w = newWorld(t, dir, seed, change)
		w.clock = &seen
		seen.world.Store(w)
		w.chronicle.note("%+v", w.plan)
		w.found()
		w.sendAll()
		w.storm()
		if w.plan.back > 0 {
			w.after(w.plan.back, w.leaveTime)
		}
		w.after(w.plan.storm, w.settle)
		w.drive()
		w.end()
	})
	if w.home == "" || t.Failed() {
		return w
	}
	synctest.Test(t, func(t *testing.T) { // where it is the same day as at first
		w.TB = t
		w.goOn()
		w.drive()
		w.end()
	})
	return w
}

func (w *world) String() string {
	return fmt.Sprintf("seed %d, %s of virtual time, %s\n%s", w.seed, w.took, w.chronicle.sum(), w.chronicle)
}

// found makes the stack of spate's own template.
func (w *world) found() {
	home := w.newHome()
	w.must(os.Mkdir(home, 0o700))
	w.launch(home)
	made, err := w.queues.CreateQueue(w.ctx(), &sdksqs.CreateQueueInput{QueueName: new(queueName), Attributes: map[string]string{
		"MessageRetentionPeriod": "1209600", "VisibilityTimeout": "120",
	}})
	w.must(err)
	w.queue = *made.QueueUrl
	_, err = w.objects.CreateBucket(w.ctx(), &sdks3.CreateBucketInput{Bucket: new(bucketName)})
	w.must(err)
	_, err = w.tasks.CreateCluster(w.ctx(), &sdkecs.CreateClusterInput{})
	w.must(err)
	image := "/job" // a folder's processes
	if w.plan.keeper {
		image = "job"
	}
	_, err = w.tasks.RegisterTaskDefinition(w.ctx(), &sdkecs.RegisterTaskDefinitionInput{
		Family: new("job"), Cpu: new("1024"), Memory: new("2048"),
		ContainerDefinitions: []ecstypes.ContainerDefinition{{Name: new("job"), Image: &image}},
	})
	w.must(err)
	_, err = w.tasks.CreateService(w.ctx(), &sdkecs.CreateServiceInput{
		ServiceName: new(serviceName), TaskDefinition: new("job"), DesiredCount: aws.Int32(0),
		DeploymentConfiguration: &ecstypes.DeploymentConfiguration{MinimumHealthyPercent: aws.Int32(0), MaximumPercent: aws.Int32(100)},
	})
	w.must(err)
	w.must(w.register(0))
	out, in := scaling.Burst(w.plan.limit)
	w.follow("out", out, 1)
	w.follow("in", in, 2)
}

// register sets the service's least count.
func (w *world) register(least int) error {
	_, err := w.scaling.RegisterScalableTarget(w.ctx(), &aas.RegisterScalableTargetInput{
		ServiceNamespace: "ecs", ScalableDimension: "ecs:service:DesiredCount", ResourceId: new(resourceID),
		MinCapacity: aws.Int32(int32(least)), MaxCapacity: aws.Int32(int32(w.plan.limit)),
	})
	return err
}

// follow adds a policy and the alarm that invokes it.
func (w *world) follow(name string, rule scaling.Rule, periods int32) {
	var steps []aastypes.StepAdjustment
	for _, s := range rule.Steps {
		step := aastypes.StepAdjustment{ScalingAdjustment: aws.Int32(int32(s.Adjustment))}
		if !math.IsInf(s.Lower, 0) {
			step.MetricIntervalLowerBound = &s.Lower
		}
		if !math.IsInf(s.Upper, 0) {
			step.MetricIntervalUpperBound = &s.Upper
		}
		steps = append(steps, step)
	}
	policy, err := w.scaling.PutScalingPolicy(w.ctx(), &aas.PutScalingPolicyInput{
		ServiceNamespace: "ecs", ScalableDimension: "ecs:service:DesiredCount", ResourceId: new(resourceID),
		PolicyName: &name, PolicyType: aastypes.PolicyTypeStepScaling,
		StepScalingPolicyConfiguration: &aastypes.StepScalingPolicyConfiguration{
			AdjustmentType: aastypes.AdjustmentTypeExactCapacity, Cooldown: aws.Int32(0),
			MetricAggregationType: aastypes.MetricAggregationTypeMaximum, StepAdjustments: steps,
		},
	})
	w.must(err)
	metric := func(id, name string) cwtypes.MetricDataQuery {
		return cwtypes.MetricDataQuery{Id: &id, ReturnData: new(false), MetricStat: &cwtypes.MetricStat{
			Stat: new("Maximum"), Period: aws.Int32(60), Metric: &cwtypes.Metric{
				Namespace: new("AWS/SQS"), MetricName: &name,
				Dimensions: []cwtypes.Dimension{{Name: new("QueueName"), Value: new(queueName)}},
			}}}
	}
	_, err = cloudwatch.NewFromConfig(w.aws).PutMetricAlarm(w.ctx(), &cloudwatch.PutMetricAlarmInput{
		AlarmName: new("scale-" + name), AlarmActions: []string{*policy.PolicyARN}, Threshold: &rule.Threshold,
		ComparisonOperator: cwtypes.ComparisonOperator(rule.Comparison), TreatMissingData: new("notBreaching"),
		EvaluationPeriods: &periods, DatapointsToAlarm: &periods,
		Metrics: []cwtypes.MetricDataQuery{
			{Id: new("outstanding"), Expression: new("visible + inflight + delayed"), ReturnData: new(true)},
			metric("visible", "ApproximateNumberOfMessagesVisible"),
			metric("inflight", "ApproximateNumberOfMessagesNotVisible"),
			metric("delayed", "ApproximateNumberOfMessagesDelayed"),
		},
	})
	w.must(err)
}

// sendAll sends the jobs in batches.
func (w *world) sendAll() {
	for i := range w.plan.jobs {
		j := &job{id: strconv.Itoa(i + 1), takes: w.between(time.Second, w.plan.longest)}
		for j.failures < 3 && w.chance(w.plan.failing) {
			j.failures++
		}
		w.jobs = append(w.jobs, j)
	}
	for batch := range w.plan.batches {
		at := w.between(time.Second, time.Minute)
		if batch > 0 {
			at = w.between(0, w.plan.storm)
		}
		w.after(at, func() { w.send(batch) })
	}
}

// send sends a batch's jobs, again where the engine was away. Who sends twice
// sends a job twice.
func (w *world) send(batch int) {
	n := 0
	for i := batch; i < len(w.jobs); i += w.plan.batches {
		j := w.jobs[i]
		for range 2 {
			_, err := w.queues.SendMessage(w.ctx(), &sdksqs.SendMessageInput{QueueUrl: &w.queue, MessageBody: &j.id})
			if err != nil {
				w.after(w.between(time.Second, time.Minute), func() { w.send(batch) })
				return
			}
			j.sent = true
			if !w.chance(w.plan.twice / 4) {
				break
			}
		}
		n++
	}
	w.chronicle.note("batch %d is sent: %d jobs", batch, n)
	if w.chance(w.plan.kicked) {
		w.kick(n)
	}
}

// kick is how the client of a run has tasks start at once.
func (w *world) kick(n int) {
	hold := 5 * time.Minute / time.Duration(w.plan.cadence)
	at := time.Now().Add(hold).Add(time.Second).UTC()
	_, err := w.scaling.PutScheduledAction(w.ctx(), &aas.PutScheduledActionInput{
		ServiceNamespace: "ecs", ScalableDimension: "ecs:service:DesiredCount", ResourceId: new(resourceID),
		ScheduledActionName: new("release"), Schedule: new(at.Format("at(2006-01-02T15:04:05)")),
		ScalableTargetAction: &aastypes.ScalableTargetAction{MinCapacity: aws.Int32(0)},
	})
	if err == nil && (!w.storms() || w.plan.kicked == 1 || w.chance(.9)) { // else the client dies between
		err = w.register(scaling.Need(n, w.plan.limit))
	}
	w.chronicle.note("run of %d is kicked: %t", n, err == nil)
}

// patience is how long after the storm all must be done, and restTime how long
// after both there must be no task any more: the minimum that a run raised goes
// after 5 minutes, two data points bring the count down, and a message that was
// delivered twice is hidden for some minutes more.
const (
	patience = 48 * time.Hour
	restTime = 20 * time.Minute
)

func (w *world) allDone() bool {
	return !slices.ContainsFunc(w.jobs, func(j *job) bool { return j.results == 0 })
}

// settle looks whether all is at rest, until it is.
func (w *world) settle() {
	why := w.unrest()
	if why == "" {
		w.over = true
		return
	}
	switch {
	case w.engine == nil || w.leaving:
		w.done = time.Time{}
	case w.done.IsZero() && w.allDone():
		w.done = time.Now()
	}
	late := !w.done.IsZero() && time.Since(w.done) > restTime
	if late || time.Since(w.begin) > w.plan.storm+patience {
		w.chronicle.blame("nothing is at rest: %s", why)
	}
	w.after(5*time.Minute/time.Duration(w.plan.cadence), w.settle)
}

// unrest says what is not at rest yet.
func (w *world) unrest() string {
	if w.engine == nil || w.leaving {
		return "the engine is away"
	}
	for _, j := range w.jobs {
		if j.results == 0 {
			return "job " + j.id + " has no result"
		}
	}
	queue, err := w.queues.GetQueueAttributes(w.ctx(), &sdksqs.GetQueueAttributesInput{
		QueueUrl: &w.queue, AttributeNames: []sqstypes.QueueAttributeName{"All"},
	})
	w.must(err)
	for _, name := range []string{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"} {
		if n := queue.Attributes[name]; n != "0" {
			return name + " is " + n
		}
	}
	service, err := w.tasks.DescribeServices(w.ctx(), &sdkecs.DescribeServicesInput{Services: []string{serviceName}})
	w.must(err)
	if s := service.Services[0]; s.DesiredCount+s.RunningCount+s.PendingCount > 0 {
		return fmt.Sprintf("%d tasks are wanted, %d run and %d are to", s.DesiredCount, s.RunningCount, s.PendingCount)
	}
	if n := len(w.machine.all()); n > 0 {
		return fmt.Sprintf("%d containers are left", n)
	}
	return ""
}

// end ends the world, and fails the test for what was broken in it.
func (w *world) end() {
	w.took += time.Since(w.begin)
	if len(w.chronicle.broken()) == 0 && !w.over {
		w.chronicle.blame("there is nothing left to do, and no rest")
	}
	if w.over && w.home == "" || w.back {
		w.countResults()
	}
	if w.leaving {
		time.Sleep(2 * time.Minute) // its agenda is not done any more
		w.engine.facade.detach()
	} else if w.engine != nil {
		w.engine.facade.detach()
		w.must(w.engine.stop())
	}
	for _, fault := range w.chronicle.broken() {
		w.Errorf("seed %d: %s", w.seed, fault)
	}
	if w.Failed() {
		w.Logf("%s\nreplay it: go test ./internal/engine/simulation -run TestSeeds -seed %d", w, w.seed)
	}
}

// countResults holds the bucket to what the workers were told.
func (w *world) countResults() {
	out, err := w.objects.ListObjectsV2(w.ctx(), &sdks3.ListObjectsV2Input{Bucket: new(bucketName), Prefix: new("results/")})
	w.must(err)
	if got, want := len(out.Contents), len(w.jobs); got != want {
		w.chronicle.blame("the bucket has %d results, want %d", got, want)
	}
}
