package plan

import "time"

// An Event is something that happens in a simulation.
type Event struct {
	At   time.Duration // since the run was sent
	Kind EventKind
	// Number is the job, the task, or the desired count; Task is the task that
	// works on a job. Tasks are numbered from 1, jobs from 0.
	Number, Task int
}

// An EventKind is what happens.
type EventKind string

// What a simulation tells.
const (
	Scaled       EventKind = "scaled"
	TaskLaunched EventKind = "task launched"
	TaskUp       EventKind = "task up"
	TaskStopped  EventKind = "task stopped"
	JobStarted   EventKind = "job started"
	JobEnded     EventKind = "job ended"
	JobLost      EventKind = "job lost"
)

// An Outcome is how a simulated run went. Times are from when it was sent.
type Outcome struct {
	// Finish is when the last job came to its end. Where jobs were Unfinished
	// when the queue's retention was over, it is that.
	Finish     time.Duration
	FirstStart time.Duration // negative if no job started
	// FirstLaunch is when the first task was launched for the run; negative if
	// none was.
	FirstLaunch time.Duration
	Peak        int // most tasks at once
	Done        int
	Failed      int // jobs that failed by themselves, to their last retry
	TimedOut    int // those of them whose last attempt took longer than the timeout
	Lost        int // jobs that ended in the dead-letter queue without a result
	Unfinished  int
	Attempts    int
	Failures    int // attempts that failed by themselves
	Killed      int // attempts that scaling in ended
	Interrupted int // attempts that Spot ended
	Repeated    int // attempts at jobs that were done meanwhile
	DeadLetters int
	Receives    int
	// Longest is the longest attempt that made a job's result.
	Longest time.Duration
	// LastBegan is when the attempt began that finished the run.
	LastBegan time.Duration
	// TailBegan is when fewer than half of the most busy tasks were left.
	TailBegan time.Duration
	// TaskTime is the time of all tasks from their launch; Billed is what AWS
	// makes of it, a minute a task at least. Starting, Useful, Wasted and Idle
	// are its parts.
	TaskTime, Billed, Starting, Useful, Wasted, Idle time.Duration
	// TooManyFailed says that more jobs failed than the load tolerates.
	TooManyFailed bool
	// Cost is what the run costs, in dollars.
	Cost Cost
}

// A Cost is what a run costs, in dollars.
type Cost struct{ Compute, Storage, Requests float64 }

// Total is the sum of the parts.
func (c Cost) Total() float64 { return c.Compute + c.Storage + c.Requests }

// Whole says whether every job has a result, and no more of them failed than is
// tolerated.
func (o *Outcome) Whole() bool { return o.Lost == 0 && o.Unfinished == 0 && !o.TooManyFailed }

// FirstStartOrNever is when the first job started, or Never.
func (o *Outcome) FirstStartOrNever() time.Duration {
	if o.FirstStart < 0 {
		return Never
	}
	return o.FirstStart
}

// Parts are where the time to the finish goes; they add up to it.
type Parts struct {
	// Waking is until something notices that there are jobs and wants a task,
	// Starting until the first job starts.
	Waking, Starting time.Duration
	// Waiting is from then until the job starts that finishes last.
	Waiting time.Duration
	// Running is until half of the tasks have nothing more to do, Tail from then
	// to the finish.
	Running, Tail time.Duration
}

// Parts splits the time to the finish.
func (o *Outcome) Parts() Parts {
	var p Parts
	first := o.FirstStart
	if first < 0 {
		p.Waking = o.Finish
		return p
	}
	if o.FirstLaunch >= 0 && o.FirstLaunch < first {
		p.Waking = o.FirstLaunch
	}
	p.Starting = first - p.Waking
	last := min(max(o.LastBegan, first), o.Finish)
	p.Waiting = last - first
	tail := min(max(o.TailBegan, last), o.Finish)
	p.Running = tail - last
	p.Tail = o.Finish - tail
	return p
}

// end makes the outcome of what was simulated.
func (s *sim) end(horizon moment) Outcome {
	if s.finished < s.load.Jobs {
		s.now = horizon
		s.out.Unfinished = s.load.Jobs - s.finished
		s.out.Finish = duration(horizon)
	}
	s.measure()
	for id := range s.tasks {
		t := &s.tasks[id]
		if t.stage == ended {
			continue
		}
		if t.stage == busy {
			s.out.Wasted += duration(s.now - max(t.began, 0))
		}
		s.bill(t)
	}
	o := &s.out
	o.Idle = max(0, o.TaskTime-o.Starting-o.Useful-o.Wasted)
	most := 0
	for k, at := range s.tailAt {
		if at > 0 {
			most = k
		}
	}
	for k := (most + 1) / 2; k <= most && k < len(s.tailAt); k++ {
		o.TailBegan = max(o.TailBegan, duration(s.tailAt[k]))
	}
	o.TooManyFailed = s.tooManyFailed()
	o.Cost = s.cost()
	return *o
}

// Requests of spate's worker and client, apart from receiving: a batch of ten is
// sent in one request, a message deleted in one, and its visibility extended
// every 30 s; an attempt puts its start, its end, its log and its result.
const (
	heartbeat       = 30 * time.Second
	putsPerAttempt  = 5
	getsPerAttempt  = 2
	receivesPerIdle = 3 // a minute: long polls of 20 s
)

func (s *sim) cost() Cost {
	o, t := &s.out, s.model.Task
	seconds := o.Billed.Seconds()
	c := Cost{Compute: seconds * (t.rate() - t.diskRate()), Storage: seconds * t.diskRate()}
	requests := float64(o.Receives) + float64(s.load.Jobs)/10 + float64(o.Done) + o.Idle.Minutes()*receivesPerIdle
	if s.keeps {
		requests += float64(o.Useful+o.Wasted) / float64(heartbeat)
	}
	c.Requests = requests * USD(SQSRequest)
	if t.Worker {
		c.Requests += float64(o.Attempts)*(putsPerAttempt*USD(S3Put)+getsPerAttempt*USD(S3Get)) + float64(s.load.Jobs)/1000*USD(S3Put)
	}
	return c
}
