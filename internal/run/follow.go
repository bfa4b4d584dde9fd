package run

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spate-run/spate/internal/record"
	"github.com/spate-run/spate/internal/sorting"
)

// A Progress is how far a run has come.
type Progress struct {
	Jobs      int
	Done      int
	Failed    int
	Cancelled int
	Running   []Attempt // those that started first come first
	// FirstStart is when the first job that is known of started.
	FirstStart time.Time
	// LastEnd is when the newest result was written, as listings tell it: in
	// whole seconds, rounded down.
	LastEnd time.Time
	Tasks   Tasks
	// Trouble is why the newest task could not start, where none runs.
	Trouble string
	// Interruptions are the tasks on Spot that AWS took back since the run was
	// followed.
	Interruptions int

	// Rates are measured from here on.
	since  time.Time
	before int // jobs that had ended by then
	newest int // the generation of the newest result
}

// An Attempt is a job that runs.
type Attempt struct {
	record.Attempt
	Started time.Time
}

// Waiting is how many jobs have not started, or wait to be tried again.
func (p Progress) Waiting() int { return max(0, p.Jobs-p.Ended()-len(p.Running)) }

// Ended is how many jobs get no further result.
func (p Progress) Ended() int { return p.Done + p.Failed + p.Cancelled }

// Finished says whether that is all of them.
func (p Progress) Finished() bool { return p.Ended() >= p.Jobs }

// Rate is how many jobs ended in a second, since they were followed.
func (p Progress) Rate() float64 {
	span := p.LastEnd.Sub(p.since).Seconds()
	if p.Ended() <= p.before || p.since.IsZero() || span <= 0 {
		return 0
	}
	return float64(p.Ended()-p.before) / span
}

// Left is the time until the last job ends, by the rate so far; 0 when
// nothing is known.
func (p Progress) Left() time.Duration {
	rate := p.Rate()
	if rate == 0 {
		return 0
	}
	return time.Duration(float64(p.Jobs-p.Ended()) / rate * float64(time.Second))
}

// A Follower looks at a run again and again. It keeps what cannot change, so
// that a look costs a few listings.
type Follower struct {
	survey     *survey
	outcomes   []outcome
	begun      time.Time // of the first look
	before     int       // jobs that had ended by then
	firstStart time.Time
	judged     int // the failed job that was read last, plus 1
	trouble    trouble
	losses     losses
	taken      taken
}

// Follow returns a follower of the run.
func (r *Run) Follow() *Follower { return &Follower{survey: r.newSurvey()} }

// Look returns how far the run has come.
func (f *Follower) Look(ctx context.Context) (Progress, error) {
	p, err := f.count(ctx)
	if err != nil {
		return p, err
	}
	if p.Running, err = f.running(ctx); err != nil {
		return p, err
	}
	if p.Running, err = f.losses.leaveOut(ctx, f.survey.run, p.Running, time.Now()); err != nil {
		return p, err
	}
	for _, a := range p.Running {
		if f.firstStart.IsZero() || a.Started.Before(f.firstStart) {
			f.firstStart = a.Started
		}
	}
	p.FirstStart, p.before, p.since = f.firstStart, f.before, f.begun
	if f.before == 0 && !f.firstStart.IsZero() {
		p.since = f.firstStart
	}
	service, err := f.survey.run.Stack.service(ctx)
	if err != nil {
		return p, err
	}
	p.Tasks = tasksOf(service)
	if err := f.taken.look(ctx, f.survey.run, time.Now()); err != nil {
		return p, err
	}
	p.Interruptions = len(f.taken.tasks)
	if p.Finished() {
		return p, nil // it needs no task any more
	}
	p.Trouble, err = f.trouble.look(ctx, f.survey.run.Stack, service)
	return p, err
}

// Count returns how many of the run's jobs have ended, and nothing of those
// that have not.
func (r *Run) Count(ctx context.Context) (Progress, error) { return r.Follow().count(ctx) }

// count counts the jobs by their states, by listing alone.
func (f *Follower) count(ctx context.Context) (Progress, error) {
	p := Progress{Jobs: f.survey.run.Jobs}
	if err := f.survey.look(ctx); err != nil {
		return p, err
	}
	f.outcomes = f.survey.outcomes()
	for _, o := range f.outcomes {
		p.Done += o.done.count()
		p.Failed += o.failed.count()
		p.Cancelled += o.cancelled.count()
		if o.generation.lastEnd.After(p.LastEnd) {
			p.LastEnd, p.newest = o.generation.lastEnd, o.generation.number
		}
	}
	if f.begun.IsZero() {
		f.begun, f.before = time.Now(), p.Ended()
	}
	return p, nil
}

// Finish records that the run is done, once every job has a result.
func (f *Follower) Finish(ctx context.Context) error { return f.survey.finish(ctx) }

// A look lists the attempts of jobs without a result in at most so many
// requests. Jobs are taken in about the order they were sent in, so those that
// run lie close together.
const (
	attemptPages = 8
	pageKeys     = 1000 // of a listing, as S3 gives them
)

// running finds the attempts that have started and not ended, of jobs that
// have no result.
func (f *Follower) running(ctx context.Context) ([]Attempt, error) {
	open := newSet(f.survey.run.Jobs)
	for _, o := range f.outcomes {
		open = open.or(o.open)
	}
	run := f.survey.run.ID
	started := map[int]Attempt{}
	after := ""
	for at, pages := open.next(0), 0; at >= 0 && pages < attemptPages; pages++ {
		after = max(after, record.JobPrefix(run, at))
		last, whole, err := f.attempts(ctx, after, started)
		if err != nil {
			return nil, err
		}
		if whole {
			break
		}
		a, _, _ := record.ParseAttempt(run, last)
		after, at = last, open.next(a.Index) // which may have more of them
	}
	var running []Attempt
	for index, a := range started {
		decides := slices.ContainsFunc(f.outcomes, func(o outcome) bool {
			return o.generation.number == a.Generation && o.open.has(index)
		})
		if decides && !a.Started.IsZero() {
			running = append(running, a)
		}
	}
	sorting.By(running, func(a, b Attempt) int {
		return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.Index, b.Index))
	})
	return running, nil
}

// attempts adds the newest attempts of one page of a listing. Those that have
// ended have no start. It returns the last key, and whether there are no more.
func (f *Follower) attempts(ctx context.Context, after string, newest map[int]Attempt) (last string, whole bool, err error) {
	run := f.survey.run
	keys := 0
	for object, err := range run.Stack.Records().List(ctx, record.AttemptsPrefix(run.ID), after) {
		if err != nil {
			return "", false, err
		}
		a, name, ok := record.ParseAttempt(run.ID, object.Key)
		switch {
		case !ok:
		case name == "start.json":
			newest[a.Index] = later(newest[a.Index], Attempt{a, object.Modified})
		case name == "end.json": // which a listing gives before start.json
			newest[a.Index] = later(newest[a.Index], Attempt{Attempt: a})
		}
		last = object.Key
		if keys++; keys == pageKeys {
			return last, false, nil
		}
	}
	return last, true, nil
}

// later returns the newer attempt. Of the same attempt the first wins: its end
// hides its start.
func later(a, b Attempt) Attempt {
	if cmp.Or(cmp.Compare(b.Generation, a.Generation), cmp.Compare(b.Number, a.Number)) > 0 {
		return b
	}
	return a
}

// An UnstartableError reports that no job of a run can start, since its
// command cannot be.
type UnstartableError struct{ Reason string }

func (e *UnstartableError) Error() string { return e.Reason }

// Stuck returns a NoTaskError when task after task does not start, and none
// runs.
func (f *Follower) Stuck() error {
	if f.trouble.strikes < consistent {
		return nil
	}
	return &NoTaskError{f.trouble.reason}
}

// Unstartable returns an UnstartableError when the first jobs that ended did
// so because the command cannot be started, and it is the same for all.
func (f *Follower) Unstartable(ctx context.Context, p Progress) error {
	r := f.survey.run
	if p.Done > 0 || p.Failed == 0 || len(r.Job.Command) == 0 || strings.Contains(r.Job.Command[0], "{") {
		return nil
	}
	for _, o := range f.outcomes {
		index := o.failed.next(0)
		if index < 0 || index+1 == f.judged {
			continue
		}
		var result record.Result
		if err := r.Stack.Records().GetJSON(ctx, record.ResultKey(r.ID, o.generation.number, index), &result); err != nil {
			return err
		}
		f.judged = index + 1
		if strings.HasPrefix(result.Reason, record.NotStarted) {
			return &UnstartableError{result.Reason}
		}
	}
	return nil
}
