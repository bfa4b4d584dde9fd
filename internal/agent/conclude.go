package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spate-run/spate/internal/record"
)

// conclude records a job failed whose attempts are used up: its last worker
// ended before it could, three took their worker along, or three were done and
// left what cannot be recorded.
func (a *attempt) conclude(ctx context.Context, r ref) error {
	last := a.past[len(a.past)-1]
	a.number = last.number
	if last.end != nil {
		end := *last.end
		if end.State == record.Done {
			end.State, end.Outputs = record.Failed, nil
			end.Reason = fmt.Sprintf("%d attempts were done, and could not be recorded: %s", a.past.unrecorded(), end.Reason)
		}
		return a.putResult(ctx, end)
	}
	var start record.Start
	if err := a.records.GetJSON(ctx, r.prefix(last.number)+"start.json", &start); err != nil {
		return err
	}
	reason := fmt.Sprintf("%d attempts in a row were lost with their tasks", a.past.lost())
	if told := a.task.stopReason(ctx, start.Task); told != "" {
		reason += ": " + told
	}
	// The attempt left no log: this is what there is to read.
	text := strings.NewReader("spate: " + reason + "\n")
	if err := a.records.Put(ctx, r.prefix(last.number)+"log.txt", text); err != nil {
		return err
	}
	return a.putResult(ctx, record.End{State: record.Failed, ExitCode: lostCode, Reason: reason, Started: start.Started, Ended: now()})
}

// lostCode is the exit code of a job whose attempts were lost: that of SIGKILL,
// by which they ended.
const lostCode = 137

// putResult records the job's outcome, once: whoever comes later than another
// reports a duplicate.
func (a *attempt) putResult(ctx context.Context, end record.End) error {
	r := *a.message.job
	if end.State == record.Failed {
		// Before the result, so that who sees a result knows its state.
		if err := a.records.Put(ctx, record.FailedKey(r.run, r.generation, r.index), strings.NewReader("")); err != nil {
			return err
		}
	}
	body, err := json.Marshal(record.Result{
		Index: r.index, Generation: r.generation, Attempt: a.number, Attempts: a.number,
		State: end.State, ExitCode: end.ExitCode, Reason: end.Reason,
		Started: end.Started, Ended: end.Ended, Metrics: end.Metrics, BadMetrics: end.BadMetrics, Outputs: end.Outputs,
	})
	if err != nil {
		return err
	}
	created, err := a.records.PutIfAbsent(ctx, record.ResultKey(r.run, r.generation, r.index), body)
	if err != nil || created {
		return err
	}
	return a.reportDuplicate(ctx, r, end)
}

// reportDuplicate tells that another worker recorded the job's result first.
func (a *attempt) reportDuplicate(ctx context.Context, r ref, end record.End) error {
	var first record.Result
	if err := a.records.GetJSON(ctx, record.ResultKey(r.run, r.generation, r.index), &first); err != nil {
		return err
	}
	a.log.Warn("the job was run twice, and the first result counts",
		"attempt", a.number, "state", end.State, "recorded", first.Attempt, "recorded state", first.State)
	switch {
	case end.State == record.Done: // which no result tells
		return a.records.PutJSON(ctx, r.prefix(a.number)+"end.json", end)
	case first.State == record.Done:
		return a.records.Delete(ctx, record.FailedKey(r.run, r.generation, r.index))
	}
	return nil
}
