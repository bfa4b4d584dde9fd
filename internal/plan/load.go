package plan

import (
	"math"
	"time"
)

// A Load is what is sent, and how its jobs behave.
type Load struct {
	Jobs      int
	Durations *Durations
	// Failure is the chance that an attempt fails by itself, from 0 to 1.
	Failure float64
	// Interruption is the chance that a task on Spot is taken back within an
	// hour, from 0 to 1.
	Interruption float64
	// Busy is the share of its vCPU that a task uses while it works.
	Busy float64
	// Kick says that the service's minimum is raised when the run is sent, as
	// spate run does.
	Kick bool
	// Extends says that a container other than spate's worker extends its
	// messages' visibility while it works.
	Extends bool
	// Timeout, Retries and Backoff are what spate's worker holds jobs to; a
	// Timeout of 0 is none.
	Timeout, Backoff time.Duration
	Retries          int
	// Tolerate is the share of jobs that may fail.
	Tolerate float64
}

// MostJobs is how many jobs a plan can have.
const MostJobs = 100_000_000

// Check says what is wrong with a load.
func (l Load) Check() error {
	switch {
	case l.Jobs < 0:
		return problem("write --jobs 100", "there cannot be %d jobs", l.Jobs)
	case l.Jobs == 0:
		return problem("write --jobs 100", "there are no jobs to plan")
	case l.Jobs > MostJobs:
		return problem("", "a plan has %d jobs at most, not %d", MostJobs, l.Jobs)
	case l.Durations == nil:
		return problem("write --duration 10m..60m, or --from RUN; a job that has run needs neither", "nothing says how long a job takes")
	}
	for _, share := range []struct {
		name  string
		value float64
	}{{"failures", l.Failure}, {"interruptions", l.Interruption}, {"cpu", l.Busy}} {
		if !(share.value >= 0 && share.value <= 1) {
			return problem("write a share such as 5%", "--%s is from 0%% to 100%%, not %g%%", share.name, 100*share.value)
		}
	}
	return nil
}

// duration is how long an attempt at a job goes on if nothing happens to it.
func (l *Load) duration(ch chance, job int32) moment {
	return moment(l.Durations.at(ch.unit(drawDuration, uint64(job))))
}

// mostPause is the longest that spate's worker waits before it tries a job again,
// unless the job's own pause is longer.
const mostPause = 15 * time.Minute

// pause is how long the worker waits after so many failures of a job: it doubles
// with each.
func (l *Load) pause(failures int) time.Duration {
	d := l.Backoff
	for n := 1; n < failures && d < mostPause; n++ {
		d *= 2
	}
	return min(d, max(mostPause, l.Backoff))
}

// never is a moment that does not come.
const never = math.MaxInt64 / 4

// Duration is how long the attempts at a job take, in the simulation with a
// seed.
func (l Load) Duration(seed uint64, job int) time.Duration {
	return duration(l.duration(chance{mix(seed)}, int32(job)))
}
