package plan

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/spate-run/spate"
)

// An Alternative is a way to run the same jobs.
type Alternative struct {
	Name string
	// Cannot says why it cannot run them; the figures are then empty.
	Cannot string
	// P50 and P95 are the time to the last result, or Never.
	P50, P95 time.Duration
	// Lost is the mean number of jobs that have no result in the end, or failed.
	Lost float64
	// Cost is what a run costs, and Month what a month without one does.
	Cost, Month float64
	// Assumptions are what the figures stand on, in words.
	Assumptions []string
}

// comparedSeeds is how many seeds an alternative has, at most.
const comparedSeeds = 200

// Compare puts the ways to run a study's jobs beside each other, its own first.
func Compare(ctx context.Context, s *Study, name string) ([]Alternative, error) {
	s = &Study{Question: s.Question, Outcomes: s.Outcomes}
	all := []Alternative{s.alternative(name, "as simulated above")}
	s.Seeds = min(len(s.Outcomes), comparedSeeds)
	sizes := []int{2} // as written, and with as many tasks as there are here
	if s.Model.Capacity.Max > 2 {
		sizes = append(sizes, s.Model.Capacity.Max)
	}
	for _, most := range sizes {
		a, err := s.pattern(ctx, most)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return append(all, s.sequence(), s.lambda(), s.cron(), s.stepFunctions()), nil
}

func (s *Study) alternative(name string, assumptions ...string) Alternative {
	a := Alternative{Name: name, Assumptions: assumptions, Month: s.IdleMonth()}
	a.P50, a.P95 = s.FinishOrNever(.5), s.FinishOrNever(.95)
	a.Lost = s.Mean(func(o *Outcome) float64 { return float64(o.Lost + o.Unfinished + o.Failed) })
	a.Cost = s.Mean(func(o *Outcome) float64 { return o.Cost.Total() })
	return a
}

// pattern is AWS CDK's QueueProcessingFargateService with a queue of its own
// and steps that meet at 0, for tasks of the same size.
func (s *Study) pattern(ctx context.Context, most int) (Alternative, error) {
	name := fmt.Sprintf("CDK's pattern, max %d", most)
	if t := s.Model.Task; !onFargate(t.CPU, t.Memory) {
		return Alternative{Name: name, Cannot: fmt.Sprintf("Fargate has no tasks of %g vCPU and %g GiB", t.CPU, t.Memory)}, nil
	}
	stack := spate.NewStack("Pattern")
	stack.CDKDefaults = true
	q := stack.Queue("Queue", spate.QueueProps{})
	size := s.Model.Task
	stack.QueueProcessingFargateService("Service", spate.QueueProcessingFargateServiceProps{
		Image: spate.FromRegistry("image"), Queue: q, MaxScalingCapacity: most,
		CPU: int(math.Round(size.CPU * 1024)), MemoryLimitMiB: int(math.Round(size.Memory * 1024)),
		ScalingSteps: []spate.ScalingStep{{Change: -1, Upper: new(0)}, {Change: +1, Lower: new(0)}},
	})
	t, err := stack.Template()
	if err != nil {
		return Alternative{}, fmt.Errorf("writing the pattern to compare with: %w", err)
	}
	m, err := Read(t, Options{})
	if err != nil {
		return Alternative{}, fmt.Errorf("reading the pattern to compare with: %w", err)
	}
	q2 := s.Question
	q2.Model, q2.Load.Kick = m, false
	study, err := Ask(ctx, q2)
	if err != nil {
		return Alternative{}, err
	}
	return study.alternative(name,
		fmt.Sprintf("QueueProcessingFargateService with its defaults, maxScalingCapacity %d, steps -1 up to 0 and +1 from 0", most),
		fmt.Sprintf("starts with %s, where its alarms have taken it while the queue was empty", many(m.Capacity.Desired, "task")),
		"its container takes one message at a time and deletes it when done",
		fmt.Sprintf("messages become visible again after %s, so that jobs that take longer are worked on twice", m.Queue.Visibility),
		fmt.Sprintf("a working task uses %g%% of its vCPU, which the pattern's CPU policy scales on", 100*s.Load.Busy),
	), nil
}

// each makes an alternative of what every seed comes to by a formula.
func (s *Study) each(a Alternative, of func(jobs []time.Duration, ch chance) (finish time.Duration, cost float64)) Alternative {
	var finishes []time.Duration
	jobs := make([]time.Duration, s.Load.Jobs)
	for i := range s.Seeds {
		ch := chance{mix(s.Seed + uint64(i))}
		for j := range jobs {
			jobs[j] = duration(s.Load.duration(ch, int32(j)))
		}
		finish, cost := of(jobs, ch)
		finishes = append(finishes, finish)
		a.Cost += cost / float64(s.Seeds)
	}
	slices.Sort(finishes)
	a.P50, a.P95 = finishes[rank(.5, len(finishes))], finishes[rank(.95, len(finishes))]
	return a
}

// slots runs jobs in their order on so many places, and returns when the last
// one ends: list scheduling.
func slots(jobs []time.Duration, places int, before func(i int) time.Duration) time.Duration {
	free := make(schedule, 0, places)
	last := moment(0)
	for i, d := range jobs {
		at := moment(0)
		if len(free) == places {
			at = free[0].at
		}
		end := newEvent(at+moment(before(i)+d), 0, 0, 0)
		last = max(last, end.at)
		if len(free) == places {
			free.replace(end)
		} else {
			free.push(end)
		}
	}
	return duration(last)
}

func nothing(int) time.Duration { return 0 }

// bootTime is how long a machine takes until its first job runs.
const bootTime = time.Minute

// machine is the smaller one that a task fits on.
func (s *Study) machine() string {
	if s.fits(2, 8) {
		return Machine2
	}
	return Machine16
}

func (s *Study) fits(cpu, memory float64) bool {
	return s.Model.Task.CPU <= cpu && s.Model.Task.Memory <= memory
}

// sequence is one machine that runs one job after the other.
func (s *Study) sequence() Alternative {
	name := s.machine()
	a := Alternative{Name: "one machine, in sequence", Assumptions: []string{
		"one job after the other, on a machine that is as fast as a task", "billed as an " + name + ", for the time that it runs",
	}}
	if !s.fits(16, 64) {
		a.Cannot = "a task needs more than 16 vCPU or 64 GiB"
		return a
	}
	return s.each(a, func(jobs []time.Duration, _ chance) (time.Duration, float64) {
		total := bootTime + slots(jobs, 1, nothing)
		return total, total.Hours() * USD(name)
	})
}

// Lambda's limits, and how it scales with a queue: it begins with 5 invocations
// and adds up to 300 a minute.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
const (
	lambdaLongest   = 15 * time.Minute
	lambdaMemory    = 10240 // MB
	lambdaMBPerCPU  = 1769
	lambdaFirst     = 5
	lambdaMinute    = 300
	lambdaAtOnce    = 1000
	lambdaColdStart = 2 * time.Second
)

func (s *Study) lambda() Alternative {
	a := Alternative{Name: "Lambda"}
	mb := max(s.Model.Task.Memory*1024, s.Model.Task.CPU*lambdaMBPerCPU)
	if mb > lambdaMemory {
		a.Cannot = fmt.Sprintf("a task needs %.0f MB for its memory and vCPU, and a function has %d", mb, lambdaMemory)
		return a
	}
	long, n := 0, 0
	for i := range s.Seeds {
		for j := range min(s.Load.Jobs, 10_000) {
			n++
			if s.Load.duration(chance{mix(s.Seed + uint64(i))}, int32(j)) > moment(lambdaLongest) {
				long++
			}
		}
	}
	a.Assumptions = []string{
		fmt.Sprintf("%.0f MB, which gives the vCPU of a task; 5 invocations at once, 300 more a minute, %d at most", mb, lambdaAtOnce),
	}
	if long > 0 {
		a.Cannot = fmt.Sprintf("%.3g%% of the jobs take longer than 15 min, where a function ends", 100*float64(long)/float64(n))
		return a
	}
	before := func(i int) time.Duration {
		if i < lambdaAtOnce {
			return lambdaColdStart + max(0, time.Duration(i-lambdaFirst)*time.Minute/lambdaMinute)
		}
		return 0
	}
	return s.each(a, func(jobs []time.Duration, _ chance) (time.Duration, float64) {
		seconds := 0.0
		for _, d := range jobs {
			seconds += d.Seconds()
		}
		cost := seconds*mb/1024*USD(LambdaMemory) + float64(len(jobs))*(USD(LambdaRequest)+3*USD(SQSRequest))
		return slots(jobs, lambdaAtOnce, before), cost
	})
}

// machineDisk is the disk of a machine that is kept, in GB.
const machineDisk = 30

// cron is one large machine that a schedule starts.
func (s *Study) cron() Alternative {
	a := Alternative{Name: "cron and EC2", Month: machineDisk * USD(DiskGP3)}
	places := min(math.Floor(16/s.Model.Task.CPU), math.Floor(64/s.Model.Task.Memory))
	if places < 1 {
		a.Cannot = "a task needs more than 16 vCPU or 64 GiB"
		return a
	}
	a.Assumptions = []string{
		fmt.Sprintf("a schedule starts one %s, which runs %.0f jobs at once and stops itself", Machine16, places),
		fmt.Sprintf("%s until the first job; its disk of %d GB stays", bootTime, machineDisk),
	}
	return s.each(a, func(jobs []time.Duration, _ chance) (time.Duration, float64) {
		at := bootTime + slots(jobs, int(places), nothing)
		return at, at.Hours() * USD(Machine16)
	})
}

// transitions are those of one job in a distributed map: the child's start, its
// task, its end, and one retry in ten.
const transitions = 4

// stepFunctions is a distributed map that runs one Fargate task a job.
func (s *Study) stepFunctions() Alternative {
	limit := min(cmp.Or(s.Model.Capacity.Max, s.Load.Jobs), s.Load.Jobs, s.Cloud.room(s.Model))
	a := Alternative{Name: "Step Functions", Assumptions: []string{
		fmt.Sprintf("a distributed map, %d at once, runs a Fargate task of the same size for every job", limit),
		"each job waits for the start of a task of its own; 20 tasks are launched a second",
		fmt.Sprintf("%d transitions a job", transitions),
	}}
	c := s.Cloud
	rate := s.Model.Task.rate()
	return s.each(a, func(jobs []time.Duration, ch chance) (time.Duration, float64) {
		cost := float64(len(jobs)*transitions) * USD(StepTransition)
		for i, d := range jobs {
			cost += max(d+c.start(ch, uint64(i+1)), c.LeastBilled).Seconds() * rate
		}
		before := func(i int) time.Duration {
			wait := c.start(ch, uint64(i+1))
			if i < limit && c.Rate > 0 {
				wait += time.Duration(max(0, float64(i-c.Burst)) / c.Rate * float64(time.Second))
			}
			return wait
		}
		return slots(jobs, limit, before), cost
	})
}
