package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/plan"
	"github.com/spate-run/spate/internal/record"
	"github.com/spate-run/spate/internal/run"
)

// jobAt reads the job that a path names; ok is false for templates and
// programs, which readUp has read.
func jobAt(path string, up *upPlan) (job.Job, bool) {
	if len(up.stacks) != 1 || up.stacks[0].written {
		return job.Job{}, false
	}
	if _, _, program := goProgram(path); program {
		return job.Job{}, false
	}
	j, err := job.Load(path)
	return j, err == nil
}

// jobTimes are how long the jobs of a run took that were done.
func jobTimes(ctx context.Context, r *run.Run) ([]time.Duration, error) {
	var taken []time.Duration
	for row, err := range r.EachRow(ctx) {
		if err != nil {
			return nil, err
		}
		if row.Result != nil && row.State == record.Done && row.Result.Ended.After(row.Result.Started) {
			taken = append(taken, duration(*row.Result))
		}
	}
	return taken, nil
}

// warn collects what a person has to know beside the figures.
func (p *planned) warn() error {
	m, l := p.question.Model, p.question.Load
	p.warnings = append(p.warnings, m.Notes...)
	say := func(format string, args ...any) { p.warnings = append(p.warnings, fmt.Sprintf(format, args...)) }
	if rest := m.RestWords(); rest != "" {
		say("%s", rest)
	}
	needed := float64(min(m.Capacity.Max, l.Jobs)) * m.Task.CPU
	if quota := p.question.Cloud.Quota; quota == 0 && needed > newAccountCPU {
		say("%g vCPU run at once, and new accounts have %d: ask Service Quotas for more, or see what --quota %d makes of it", needed, newAccountCPU, newAccountCPU)
	} else if quota > 0 && quota < m.Task.CPU {
		return plan.Problem{Fact: fmt.Sprintf("a quota of %g vCPU is less than one task has, %g", quota, m.Task.CPU), Hint: "ask Service Quotas for more"}
	}
	longest := l.Durations.Longest()
	if m.Task.Worker && l.Timeout > 0 && longest > l.Timeout {
		say("jobs take up to %s, and the job's timeout is %s: those that take longer fail; --timeout %s asks what a longer one makes of it",
			took(longest), took(l.Timeout), min(longest.Truncate(30*time.Minute)+30*time.Minute, job.MaxTimeout))
	}
	if !m.Task.Worker && !l.Extends && longest > m.Queue.Visibility {
		say("jobs take up to %s, and messages are visible again after %s: others begin with them meanwhile", took(longest), m.Queue.Visibility)
		if m.Queue.MaxReceives > 0 {
			say("a message that was received %d times goes to the dead-letter queue, though its job may be under way", m.Queue.MaxReceives)
		}
	}
	return nil
}

// newAccountCPU is the vCPU of Fargate that new accounts have.
const newAccountCPU = 6
