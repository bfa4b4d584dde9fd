package plan_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/spate-run/spate/internal/plan"
)

// static is a service of so many tasks that are up before the run: no
// scaling, so that there are closed forms.
func static(t testing.TB, tasks int) *plan.Model {
	m := model(t, jobTemplate, map[string]string{"Image": "x"})
	m.Policies = nil
	m.Capacity = plan.Capacity{Min: tasks, Max: tasks, Desired: tasks}
	return m
}

// times are the durations of a load's jobs, and their sum and largest.
func times(l plan.Load, seed uint64) (all []time.Duration, total, longest time.Duration) {
	for job := range l.Jobs {
		d := l.Duration(seed, job)
		all, total, longest = append(all, d), total+d, max(longest, d)
	}
	return all, total, longest
}

func TestOneServerTakesTheSum(t *testing.T) {
	for seed := range uint64(20) {
		l := plan.Load{Jobs: 50, Durations: plan.Uniform(time.Minute, time.Hour)}
		_, total, _ := times(l, seed)
		if o := plan.Simulate(static(t, 1), plan.Cloud{}, l, seed, nil); o.Finish != total {
			t.Errorf("seed %d: got %s, want the sum of all jobs, %s", seed, o.Finish, total)
		}
	}
}

func TestATaskForEachJobTakesTheLongest(t *testing.T) {
	for seed := range uint64(20) {
		l := plan.Load{Jobs: 50, Durations: plan.Uniform(time.Minute, time.Hour)}
		_, _, longest := times(l, seed)
		if o := plan.Simulate(static(t, 50), plan.Cloud{}, l, seed, nil); o.Finish != longest {
			t.Errorf("seed %d: got %s, want the longest job, %s", seed, o.Finish, longest)
		}
	}
}

// Graham's bounds: no list of jobs takes less than its mean load or its longest
// job, nor more than the mean load and the longest job's rest.
func TestManyServersKeepGrahamsBounds(t *testing.T) {
	for seed := range uint64(200) {
		servers := 1 + int(seed%17)
		l := plan.Load{Jobs: 80, Durations: plan.Uniform(time.Minute, time.Hour)}
		_, total, longest := times(l, seed)
		o := plan.Simulate(static(t, servers), plan.Cloud{}, l, seed, nil)
		n := time.Duration(servers)
		least, most := max(total/n, longest), total/n+longest*(n-1)/n+time.Microsecond
		if o.Finish < least || o.Finish > most {
			t.Errorf("seed %d, %d servers: got %s, want %s to %s", seed, servers, o.Finish, least, most)
		}
	}
}

// Little's law: the mean number of jobs in the system is their rate times the
// mean time that they spend in it.
func TestLittlesLaw(t *testing.T) {
	m := model(t, jobTemplate, map[string]string{"Image": "x"})
	for seed := range uint64(20) {
		l := plan.Load{Jobs: 150, Durations: plan.Uniform(time.Minute, 20*time.Minute), Kick: true, Busy: 1}
		spent, area, last, outstanding := time.Duration(0), 0.0, time.Duration(0), 0
		outstanding = l.Jobs
		o := plan.Simulate(m, plan.AWS(250), l, seed, func(e plan.Event) {
			if e.Kind == plan.JobEnded {
				area += float64(outstanding) * (e.At - last).Seconds()
				last = e.At
				outstanding--
				spent += e.At
			}
		})
		number := area / o.Finish.Seconds()
		rate := float64(l.Jobs) / o.Finish.Seconds()
		if want := rate * spent.Seconds() / float64(l.Jobs); math.Abs(number-want) > 1e-6*want || outstanding != 0 {
			t.Errorf("seed %d: got %g jobs in the system in the mean, want %g", seed, number, want)
		}
	}
}

// scenario is a load and a cloud at random.
func scenario(r *rand.Rand) (plan.Load, plan.Cloud) {
	from := time.Duration(1+r.IntN(600)) * time.Second
	l := plan.Load{
		Jobs: 1 + r.IntN(300), Durations: plan.Uniform(from, from+time.Duration(r.IntN(3600))*time.Second),
		Kick: r.IntN(2) == 0, Busy: r.Float64(), Retries: 2, Backoff: 10 * time.Second,
	}
	return l, plan.AWS(float64(r.IntN(1000)))
}

func TestMoreTasksAreNeverLater(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 150 {
		l, c := scenario(r)
		seed := r.Uint64()
		low := 1 + r.IntN(60)
		high := low + r.IntN(60)
		a := plan.Simulate(static(t, low), c, l, seed, nil)
		b := plan.Simulate(static(t, high), c, l, seed, nil)
		if b.Finish > a.Finish {
			t.Errorf("seed %d, %d jobs: %d tasks are done in %s and %d in %s", seed, l.Jobs, low, a.Finish, high, b.Finish)
		}
	}
}

// hourly is what a task costs in an hour, by the table of prices.
func hourly(k plan.Task) float64 {
	cpu, memory := plan.FargateCPU, plan.FargateMemory
	if k.ARM {
		cpu, memory = plan.FargateCPUARM, plan.FargateMemoryARM
	}
	own := (k.CPU*plan.USD(cpu) + k.Memory*plan.USD(memory)) * (1 - k.Spot + k.Spot*plan.USD(plan.SpotShare))
	if k.PublicIP {
		own += plan.USD(plan.PublicAddress)
	}
	return own + max(0, k.Disk-20)*plan.USD(plan.FargateDisk)
}

func TestEveryJobIsAccountedFor(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	templates := []struct {
		path       string
		parameters map[string]string
	}{
		{jobTemplate, map[string]string{"Image": "x"}},
		{"../../testdata/steps.template.json", map[string]string{"Image": "x"}},
		{"../../testdata/spot.template.json", map[string]string{"Image": "x"}},
		{asWritten, nil},
		{"../../testdata/cdk/defaults.template.json", nil},
		{"../../testdata/cdk/every-prop.template.json", nil},
	}
	killed, lost, interrupted := 0, 0, 0
	for i := range 200 {
		l, c := scenario(r)
		if i%4 == 0 {
			l.Failure, l.Interruption = r.Float64()/2, r.Float64()
		}
		l.Extends = i%5 == 0
		file := templates[i%len(templates)]
		m := model(t, file.path, file.parameters)
		o := plan.Simulate(m, c, l, r.Uint64(), nil)
		if got := o.Done + o.Failed + o.Lost + o.Unfinished; got != l.Jobs {
			t.Errorf("%s: got %d done, %d failed, %d lost, %d unfinished: %d, want %d", file.path, o.Done, o.Failed, o.Lost, o.Unfinished, got, l.Jobs)
		}
		if o.Peak > m.Capacity.Max {
			t.Errorf("%s: got %d tasks, want %d at most", file.path, o.Peak, m.Capacity.Max)
		}
		if o.Finish < o.Longest {
			t.Errorf("%s: got a finish of %s before the longest job, %s", file.path, o.Finish, o.Longest)
		}
		p := o.Parts()
		if sum := p.Waking + p.Starting + p.Waiting + p.Running + p.Tail; sum != o.Finish || slices.Min([]time.Duration{p.Waking, p.Starting, p.Waiting, p.Running, p.Tail}) < 0 {
			t.Errorf("%s: got parts %+v, which make %s of %s", file.path, p, sum, o.Finish)
		}
		if whole := o.Starting + o.Useful + o.Wasted + o.Idle; (whole - o.TaskTime).Abs() > time.Millisecond*time.Duration(l.Jobs) {
			t.Errorf("%s: got %s starting, %s useful, %s wasted, %s idle: %s, want %s", file.path, o.Starting, o.Useful, o.Wasted, o.Idle, whole, o.TaskTime)
		}
		want := o.Billed.Hours() * hourly(m.Task)
		if got := o.Cost.Compute + o.Cost.Storage; o.Billed < o.TaskTime || math.Abs(got-want) > 1e-9*want || o.Cost.Requests <= 0 {
			t.Errorf("%s: got %s billed of %s, $%g, want $%g", file.path, o.Billed, o.TaskTime, got, want)
		}
		killed, lost, interrupted = killed+o.Killed, lost+o.Lost, interrupted+o.Interrupted
	}
	if killed == 0 || lost == 0 || interrupted == 0 {
		t.Errorf("got %d killed, %d lost, %d interrupted: the scenarios show too little", killed, lost, interrupted)
	}
}

// A search's shortcut says what a study of the same seeds says.
func TestHoldsIsWhatAStudyMeets(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	held := 0
	for range 120 {
		l, c := scenario(r)
		l.Failure, l.Tolerate = float64(r.IntN(3))/10, float64(r.IntN(3))/20
		path, parameters := jobTemplate, map[string]string{"Image": "x"}
		if r.IntN(3) == 0 {
			path, parameters = "../../testdata/cdk/defaults.template.json", nil
		}
		m := model(t, path, parameters).WithMax(1 + r.IntN(100))
		q := plan.Question{Model: m, Cloud: c, Load: l, Seeds: 1 + r.IntN(30), Seed: r.Uint64()}
		s, err := plan.Ask(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		at, _ := s.Finish(.9 + r.Float64()/10)
		within := at + time.Duration(r.IntN(3)-1)*time.Nanosecond
		got, err := plan.Holds(t.Context(), q, within)
		if want := s.Meets(within, plan.Sure); got != want || err != nil {
			t.Errorf("%d seeds from %d, %d jobs within %s: got %t, %v, want %t", q.Seeds, q.Seed, l.Jobs, within, got, err, want)
		}
		if got {
			held++
		}
	}
	if held < 10 || held > 110 {
		t.Errorf("got %d of 120 that hold, want some of each", held)
	}
}
