package agent_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/agent"
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/record"
)

// politely runs until it is asked to end, and says so.
const politely = `trap 'echo bye; touch "$SPATE_OUT/checkpoint"; exit 0' TERM; echo ready; while :; do sleep 0.01; done`

func TestAWorkerThatIsStoppedInterruptsItsJob(t *testing.T) {
	for name, test := range map[string]struct {
		script string
		code   int
		log    string
	}{
		"politely":   {politely, 0, "ready\nbye\n"},
		"a deaf one": {`trap '' TERM; echo ready; while :; do sleep 0.01; done`, 137, "ready\n"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			b.run(1, func(j *job.Job) { j.StopTimeout = job.Duration(400 * time.Millisecond) })
			b.send(0, 1, "{}")
			w := b.work(test.script)
			w.output.await(t, "ready\n")
			began := time.Now()
			w.stop()
			if err := <-w.ended; err != nil {
				t.Errorf("the worker ended with %v, want nothing", err)
			}
			if took := time.Since(began); took > patience/2 {
				t.Errorf("the worker took %v to stop", took)
			}
			want := record.End{State: record.Interrupted, ExitCode: test.code, Reason: "the worker was told to stop"}
			got := b.end(0, 1, 1)
			got.Outputs = nil
			if diff := cmp.Diff(want, got, whenever); diff != "" {
				t.Errorf("end (-want +got):\n%s", diff)
			}
			log := b.text(record.AttemptPrefix(runID, 0, 1, 1) + "log.txt")
			// The shell may tell of its sleep, to which SIGTERM goes too.
			if got := strings.ReplaceAll(log, "Terminated\n", ""); got != test.log {
				t.Errorf("got log %q, want %q", got, test.log)
			}
			if visible, all := b.queued(); visible != 1 || all != 1 {
				t.Errorf("got %d visible of %d messages, want the job's, visible", visible, all)
			}
		})
	}
}

func TestAWorkerThatIsStoppedDeletesWhatIsDone(t *testing.T) {
	b := newBed(t)
	b.run(1, nil)
	b.send(0, 1, "{}")
	w := b.work("true")
	b.await("a result", func() bool { return b.exists(record.ResultKey(runID, 1, 0)) })
	w.stop()
	if visible, all := b.queued(); all != 0 {
		t.Errorf("got %d visible of %d messages, want none", visible, all)
	}
}

func TestWhatAnInterruptedJobLeftIsKept(t *testing.T) {
	b := newBed(t)
	b.run(1, nil)
	b.send(0, 1, "{}")
	w := b.work(politely)
	w.output.await(t, "ready\n")
	w.stop()
	if key := record.AttemptPrefix(runID, 0, 1, 1) + "out/checkpoint"; !b.exists(key) {
		t.Errorf("%s is not there", key)
	}
	b.work("true")
	if got := b.result(0, 1); got.State != record.Done || got.Attempt != 2 {
		t.Errorf("got %+v, want it done by the second attempt", got)
	}
}

func TestAnIdleWorkerStopsAtOnce(t *testing.T) {
	b := newBed(t)
	w := b.work("true", func(c *agent.Config) { c.Poll = 20 * time.Second })
	b.await("a receive", func() bool { return true })
	began := time.Now()
	w.stop()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v, want no wait for the receive", took)
	}
}

func TestTheJobsOfACancelledRunAreNotRun(t *testing.T) {
	b := newBed(t)
	b.run(1, nil)
	b.put(record.CancelledKey(runID, 1), record.Finish{})
	b.send(0, 1, "{}")
	b.send(0, 2, "{}") // another generation is not cancelled
	w := b.work("echo $SPATE_INDEX")
	b.result(0, 2)
	b.awaitEmpty()
	w.stop()
	if got, want := w.output.String(), "0\n"; got != want {
		t.Errorf("got output %q, want %q: the second generation's alone", got, want)
	}
	if keys := b.keys(record.AttemptPrefix(runID, 0, 1, 1)); len(keys) != 0 {
		t.Errorf("got %q of an attempt, want none", keys)
	}
}

func TestAJobWhoseRunIsCancelledIsEnded(t *testing.T) {
	b := newBed(t)
	b.run(1, nil)
	b.send(0, 1, "{}")
	w := b.work(politely)
	w.output.await(t, "ready\n")
	b.put(record.CancelledKey(runID, 1), record.Finish{})
	b.awaitEmpty()
	w.stop()
	want := record.End{
		State: record.Interrupted, Reason: "the run is cancelled",
		Outputs: []record.Output{{Name: "checkpoint"}},
	}
	if diff := cmp.Diff(want, b.end(0, 1, 1), whenever); diff != "" {
		t.Errorf("end (-want +got):\n%s", diff)
	}
	if b.exists(record.ResultKey(runID, 1, 0)) {
		t.Error("a cancelled job has a result")
	}
}

func TestAMessageStaysHiddenWhileItsJobRuns(t *testing.T) {
	b := newBed(t)
	b.run(1, nil)
	b.send(0, 1, "{}")
	w := b.work("echo ready; sleep 2.5", func(c *agent.Config) {
		c.Visibility, c.Heartbeat = time.Second, 200*time.Millisecond
	})
	w.output.await(t, "ready\n")
	for b.keys(record.ResultsPrefix(runID, 1)); len(b.keys(record.ResultsPrefix(runID, 1))) == 0; {
		if m := b.receive(1); m != nil {
			t.Fatal("the message was given out while its job ran")
		}
	}
	if got := b.result(0, 1); got.Attempt != 1 {
		t.Errorf("got %+v, want one attempt", got)
	}
}

func TestProtection(t *testing.T) {
	b := newBed(t)
	b.run(2, nil)
	b.send(0, 1, "{}")
	b.send(1, 1, "{}")
	b.work("true")
	b.result(0, 1)
	b.result(1, 1)
	b.await("protection to be given up", func() bool { return len(b.ecs.history()) == 2 })
	if diff := cmp.Diff([]bool{true, false}, b.ecs.history()); diff != "" {
		t.Errorf("protection asked for (-want +got):\n%s", diff)
	}
}

func TestWithoutProtectionMessagesGoBack(t *testing.T) {
	for name, reply := range map[string]string{
		"failure":  `{"failure": {"Arn": "a", "Detail": "d", "Reason": "DEPLOYMENT_BLOCKED"}}`,
		"error":    `{"requestID": "r", "error": {"Arn": "a", "Code": "ThrottlingException", "Message": "m"}}`,
		"nonsense": `{}`,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			b.run(1, nil)
			b.ecs.set(reply)
			b.send(0, 1, "{}")
			w := b.work("true")
			b.await("two refusals", func() bool { return len(b.ecs.history()) >= 2 })
			if keys := b.keys(record.AttemptsPrefix(runID)); len(keys) != 0 {
				t.Errorf("got %q, want no attempt without protection", keys)
			}
			b.ecs.set("")
			if got := b.result(0, 1); got.Attempt != 1 {
				t.Errorf("got %+v, want the first attempt done", got)
			}
			if !strings.Contains(w.log.String(), "the task is not protected") {
				t.Error("the log does not tell of the refusal")
			}
		})
	}
}

func TestATaskOfNoServiceNeedsNoProtection(t *testing.T) {
	b := newBed(t)
	b.run(1, nil)
	b.ecs.set(`{"failure": {"Arn": "a", "Detail": "not part of a service", "Reason": "TASK_NOT_VALID"}}`)
	b.send(0, 1, "{}")
	b.work("true")
	b.result(0, 1)
	b.send(1, 1, "{}")
	b.result(1, 1)
	if got := len(b.ecs.history()); got != 1 {
		t.Errorf("protection was asked for %d times, want once", got)
	}
}
