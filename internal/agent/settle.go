package agent

import (
	"context"
	"errors"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/spate-run/spate/internal/record"
)

// settle writes the records of an attempt that has ended, and decides what
// becomes of the message.
func (a *attempt) settle(ctx context.Context, end record.End) {
	defer a.clean()
	a.log.Info("attempt ended", "attempt", a.number, "state", end.State, "exit code", end.ExitCode,
		"reason", end.Reason, "took", end.Ended.Sub(end.Started))
	if a.run == nil {
		a.settleForeign(ctx, end)
		return
	}
	box := a.outbox()
	defer box.close()
	end.Metrics, end.BadMetrics = box.metrics()
	end.Outputs = box.outputs()
	if end.State == record.Interrupted {
		a.settleInterrupted(ctx, end, box)
		return
	}
	err := a.record(ctx, end, box)
	if isFull(err) && len(box.files) > 0 {
		end = a.dropOutputs(ctx, end, box)
		err = a.record(ctx, end, &outbox{})
	}
	if err != nil {
		a.log.Error("recording the attempt", "attempt", a.number, "error", err)
		a.recordWhy(ctx, end, err)
		a.lease.handBack(ctx, unreachableDelay)
		return
	}
	if a.isLast(end) {
		a.lease.delete()
		return
	}
	a.lease.handBack(ctx, a.delay(end))
}

// settleForeign decides what becomes of a message that is not spate's. There
// is no record of it but the log.
func (a *attempt) settleForeign(ctx context.Context, end record.End) {
	if !a.isLast(end) {
		a.lease.handBack(ctx, a.delay(end))
		return
	}
	if end.State == record.Failed {
		a.log.Error("deleting a message whose command failed for good", "exit code", end.ExitCode, "attempts", a.number)
	}
	a.lease.delete()
}

// settleInterrupted hands the message to another worker, once that can see
// that this attempt does not count. Outputs may be large and time short: they
// come last.
func (a *attempt) settleInterrupted(ctx context.Context, end record.End, box *outbox) {
	err := a.putEnd(ctx, end)
	if a.run.generation(a.message.job.generation).cancelled {
		a.lease.delete()
	} else {
		a.lease.handBack(ctx, a.delay(end))
	}
	if err := errors.Join(err, box.upload(ctx, a.records, a.prefix()+"out/")); err != nil {
		a.log.Warn("recording the attempt", "attempt", a.number, "error", err)
	}
}

// record writes the end of an attempt and what it left, and then the result
// where this was the job's last attempt. The result is all the end that an
// attempt has which is done.
func (a *attempt) record(ctx context.Context, end record.End, box *outbox) error {
	group, groupCtx := errgroup.WithContext(ctx)
	if len(box.files) > 0 {
		group.Go(func() error { return box.upload(groupCtx, a.records, a.prefix()+"out/") })
	}
	var err error
	if end.State == record.Done {
		err = a.putLog(ctx, end)
	} else {
		err = a.putEnd(ctx, end)
	}
	if err := errors.Join(err, group.Wait()); err != nil {
		return err
	}
	if !a.isLast(end) {
		return nil
	}
	return a.putResult(ctx, end)
}

// recordWhy leaves a trace of an attempt that is done and cannot be recorded:
// whoever tries next counts such attempts.
func (a *attempt) recordWhy(ctx context.Context, end record.End, why error) {
	if end.State != record.Done {
		return // it has an end, and counts as failed
	}
	end.Reason = why.Error()
	if a.space != nil {
		a.space.log.note("the attempt cannot be recorded: %v", why)
	}
	if err := a.putEnd(ctx, end); err != nil {
		a.log.Warn("recording why", "attempt", a.number, "error", err)
	}
}

// putEnd writes end.json and log.txt.
func (a *attempt) putEnd(ctx context.Context, end record.End) error {
	var group errgroup.Group
	group.Go(func() error { return a.putLog(ctx, end) })
	err := a.records.PutJSON(ctx, a.prefix()+"end.json", end)
	return errors.Join(err, group.Wait())
}

// putLog writes log.txt where there is something to read: what the command
// printed, or the reason why an attempt has no folder.
func (a *attempt) putLog(ctx context.Context, end record.End) error {
	key := a.prefix() + "log.txt"
	if a.space == nil {
		return a.records.Put(ctx, key, strings.NewReader("spate: "+end.Reason+"\n"))
	}
	if lost := a.space.log.lost; lost != nil {
		a.log.Warn("the log is not whole", "attempt", a.number, "error", lost)
	}
	if !a.space.log.written {
		return nil
	}
	return a.records.Put(ctx, key, a.space.log.file)
}

func (a *attempt) outbox() *outbox {
	if a.space == nil {
		return &outbox{}
	}
	if err := a.space.checkOut(); err != nil {
		a.space.log.note("the outputs are left out: SPATE_OUT %v", err)
		return &outbox{}
	}
	box, err := openOutbox(a.space.dir, a.space.log.note)
	if err != nil {
		a.space.log.note("the outputs are left out: %v", err)
		return &outbox{}
	}
	return box
}

// prefix is where the attempt's records are.
func (a *attempt) prefix() string { return a.message.job.prefix(a.number) }

func (a *attempt) clean() {
	if a.space == nil {
		return
	}
	if err := a.free(a.space); err != nil {
		a.log.Warn("removing the attempt's folder", "error", err)
	}
}

// failures counts the job's failed attempts before this one. Of a message that
// is not spate's only the queue keeps count, which tells no interruption.
func (a *attempt) failures() int {
	if a.run == nil {
		return a.number - 1
	}
	return a.past.failures()
}

// isLast says whether an end leaves nothing to try.
func (a *attempt) isLast(end record.End) bool {
	return end.State == record.Done ||
		end.State == record.Failed && (end.Final || a.failures() >= a.job.Retries)
}

// delay is the time before the message comes again.
func (a *attempt) delay(end record.End) time.Duration {
	switch {
	case end.State == record.Failed:
		return backoff(a.job, a.failures()+1)
	case end.ExitCode == exitInterrupted:
		return backoff(a.job, a.past.interruptions()+1)
	case a.space == nil:
		return unreachableDelay
	}
	return 0
}
