package plan

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Never is a time that does not come.
const Never = time.Duration(math.MaxInt64)

// Why says in a sentence why a run takes as long as it does, or why not all of
// its jobs are done.
func (s *Study) Why() string {
	bad := &s.Outcomes[s.ranked()[rank(Sure, len(s.Outcomes))]]
	if !bad.Whole() {
		return "not every job is done: " + s.whyNever(bad)
	}
	_, o := s.Median()
	parts := o.Parts()
	switch longest := max(parts.Waking, parts.Starting, parts.Waiting, parts.Running+parts.Tail); longest {
	case parts.Waking:
		return "nothing wants a task for " + ClockTime(parts.Waking) + s.asleep()
	case parts.Starting:
		return fmt.Sprintf("a task takes %s from its launch until its first job starts", ClockTime(parts.Starting))
	case parts.Waiting:
		return "jobs wait for a task: " + s.whyWaiting(o)
	}
	return fmt.Sprintf("no job waits long: the longest takes %s, and the one that ends last starts after %s", ClockTime(o.Longest), ClockTime(o.LastBegan))
}

// whyNever names what keeps jobs from having a result.
func (s *Study) whyNever(o *Outcome) string {
	m, l := s.Model, &s.Load
	var reasons []string
	say := func(format string, args ...any) { reasons = append(reasons, fmt.Sprintf(format, args...)) }
	if o.FirstStart < 0 {
		if most := m.Capacity.Max; most == 0 {
			say("the service may have 0 tasks")
		} else {
			say("nothing brings up a task")
		}
	}
	if o.TimedOut > 0 {
		say("%d of %s take longer than the timeout of %s, which ends their attempts", o.TimedOut, many(l.Jobs, "job"), clock(l.Timeout))
	}
	if failed := o.Failed - o.TimedOut; failed > 0 {
		say("%d of %s fail, after %s", failed, many(l.Jobs, "job"), retries(l.Retries))
	}
	if o.Lost > 0 {
		why := "its job failed"
		if !m.Task.Worker && !l.Extends && l.Durations.Longest() > m.Queue.Visibility {
			why = fmt.Sprintf("it is visible again after %s though its job is under way", clock(m.Queue.Visibility))
		} else if o.Killed+o.Interrupted > 0 {
			why = fmt.Sprintf("%s were ended by scaling in or on Spot", many(o.Killed+o.Interrupted, "attempt"))
		}
		say("%d of %s end in the dead-letter queue, where a message goes that was received %s: %s", o.Lost, many(l.Jobs, "job"), many(m.Queue.MaxReceives, "time"), why)
	}
	if o.Unfinished > 0 && o.FirstStart >= 0 {
		say("%d of %s are not done when their messages expire, after %s: %s", o.Unfinished, many(l.Jobs, "job"), ClockTime(m.Queue.Retention), s.whyWaiting(o))
	}
	return strings.Join(reasons, "; ")
}

// whyWaiting says how much work there is for how many tasks, and what keeps it
// from having more of them.
func (s *Study) whyWaiting(o *Outcome) string {
	work := time.Duration(float64(s.Load.Jobs) * s.Load.Durations.mean() * float64(time.Second))
	text := fmt.Sprintf("%d jobs of %s in the mean are %s of work", s.Load.Jobs, clock(work/time.Duration(s.Load.Jobs)), clock(work))
	tasks := max(o.Peak, 1)
	text += fmt.Sprintf(" for %s, %s each", many(tasks, "task"), clock(work/time.Duration(tasks)))
	most := s.Model.Capacity.Max
	if room := s.Cloud.room(s.Model); room < most {
		most = room
		if tasks >= most {
			return text + fmt.Sprintf("; the quota of %g vCPU has room for no more", s.Cloud.Quota)
		}
	}
	switch {
	case tasks >= min(most, s.Load.Jobs) && most < s.Load.Jobs:
		text += "; its max allows no more"
	case tasks < min(most, s.Load.Jobs):
		text += fmt.Sprintf("; its policies bring up no more of the %d that it may have before the work is done", most)
	default:
		text += "; not all of them are there from the beginning"
	}
	if o.Killed > 0 {
		text += fmt.Sprintf("; scaling in ends %s, whose work is done again", many(o.Killed, "attempt"))
	}
	return text
}

func retries(n int) string {
	if n == 1 {
		return "1 retry"
	}
	return fmt.Sprintf("%d retries", n)
}

func (s *Study) asleep() string {
	if s.Model.Capacity.Desired == 0 && !s.Model.Queue.Touched {
		return ": the metrics of a queue left alone come back within 15 minutes, and no alarm sees its jobs before"
	}
	return ": metrics and alarms take that long"
}

func many(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// clock writes a duration for a sentence: without zeros at its end.
func clock(d time.Duration) string {
	text := ClockTime(d)
	for _, zero := range []string{"00s", "00m", "00h"} {
		if cut := strings.TrimSuffix(text, zero); cut != text && len(cut) > 0 && cut[len(cut)-1] >= 'a' {
			text = cut
		}
	}
	return text
}

// WhyNot says why no number of tasks holds a time, of the study with as many as
// there can be.
func (s *Study) WhyNot(within time.Duration) string {
	if at, whole := s.Finish(Sure); !whole {
		return s.Why()
	} else if longest := s.Time(Sure, func(o *Outcome) time.Duration { return o.Longest }); longest > within {
		return fmt.Sprintf("the longest job alone takes %s in P95", ClockTime(longest))
	} else if _, o := s.Median(); o.Parts().Waiting > o.Finish/2 {
		return s.Why()
	} else {
		began := s.Time(Sure, func(o *Outcome) time.Duration { return o.LastBegan })
		return fmt.Sprintf("with %s it takes %s in P95: the longest job %s, and jobs start up to %s after the run is sent",
			many(s.Model.Capacity.Max, "task"), ClockTime(at), ClockTime(longest), ClockTime(began))
	}
}
