package agent_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/agent"
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/record"
)

// wentBefore records earlier attempts of job 0; one without an end was lost.
func (b *bed) wentBefore(ends ...*record.End) {
	b.t.Helper()
	for i, end := range ends {
		prefix := record.AttemptPrefix(runID, 0, 1, i+1)
		b.put(prefix+"start.json", record.Start{Run: runID, Generation: 1, Attempt: i + 1, Task: taskARN, Started: time.Unix(1e9, 0)})
		if end != nil {
			b.put(prefix+"end.json", *end)
		}
	}
}

func TestEarlierAttemptsCount(t *testing.T) {
	failed := &record.End{State: record.Failed, ExitCode: 3, Reason: "exit code 3"}
	interrupted := &record.End{State: record.Interrupted, ExitCode: 75}
	tests := []struct {
		name    string
		before  []*record.End
		want    record.Result
		wantRun bool // whether the command runs once more
	}{{
		name: "a lost one", before: []*record.End{nil},
		want: record.Result{State: record.Done, Attempt: 2}, wantRun: true,
	}, {
		name: "two lost in a row", before: []*record.End{nil, nil},
		want: record.Result{State: record.Done, Attempt: 3}, wantRun: true,
	}, {
		name: "three lost in a row", before: []*record.End{failed, nil, nil, nil},
		want: record.Result{State: record.Failed, ExitCode: 137, Attempt: 4, Reason: "3 attempts in a row were lost with their tasks: " +
			"OutOfMemoryError: Container killed due to memory usage; Essential container in task exited"},
	}, {
		name: "three lost, not in a row", before: []*record.End{nil, nil, interrupted, nil},
		want: record.Result{State: record.Done, Attempt: 5}, wantRun: true,
	}, {
		name: "failed, with retries left", before: []*record.End{failed, interrupted, failed},
		want: record.Result{State: record.Done, Attempt: 4}, wantRun: true,
	}, {
		name: "failed as often as it may, without a result", before: []*record.End{failed, failed, failed},
		want: record.Result{State: record.Failed, ExitCode: 3, Reason: "exit code 3", Attempt: 3},
	}, {
		name: "failed for good, without a result", before: []*record.End{{State: record.Failed, ExitCode: 65, Reason: "exit code 65", Final: true}},
		want: record.Result{State: record.Failed, ExitCode: 65, Reason: "exit code 65", Attempt: 1},
	}, {
		name: "done, without a result", before: []*record.End{{State: record.Done}},
		want: record.Result{State: record.Done, Attempt: 2}, wantRun: true,
	}, {
		name: "done three times, without a result", before: []*record.End{
			{State: record.Done, Reason: "writing a: no"}, failed, {State: record.Done, Reason: "writing b: no"},
			{State: record.Done, Reason: "writing c: no", Outputs: []record.Output{{Name: "c"}}, Metrics: map[string]float64{"loss": 1}},
		},
		want: record.Result{
			State: record.Failed, Attempt: 4, Metrics: map[string]float64{"loss": 1},
			Reason: "3 attempts were done, and could not be recorded: writing c: no",
		},
	}, {
		name: "more than nine", before: []*record.End{10: interrupted, 9: interrupted},
		want: record.Result{State: record.Done, Attempt: 12}, wantRun: true,
	}}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBed(t)
			b.run(1, nil)
			b.wentBefore(test.before...)
			b.send(0, 1, "{}")
			w := b.work("echo ran")
			result := b.result(0, 1)
			test.want.Generation, test.want.Attempts = 1, test.want.Attempt
			if diff := cmp.Diff(test.want, result, whenever); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			w.stop()
			if ran := w.output.String() != ""; ran != test.wantRun {
				t.Errorf("the command ran: got %t, want %t", ran, test.wantRun)
			}
			if failed := b.exists(record.FailedKey(runID, 1, 0)); failed != (test.want.State == record.Failed) {
				t.Errorf("marked as failed: got %t for %s", failed, test.want.State)
			}
		})
	}
}

func TestALostJobHasALog(t *testing.T) {
	b := newBed(t)
	b.run(1, nil)
	b.wentBefore(nil, nil, nil)
	b.send(0, 1, "{}")
	b.work("true")
	result := b.result(0, 1)
	if got, want := b.text(record.AttemptPrefix(runID, 0, 1, 3)+"log.txt"), "spate: "+result.Reason+"\n"; got != want {
		t.Errorf("got log %q, want %q", got, want)
	}
	if result.Started != time.Unix(1e9, 0).UTC() {
		t.Errorf("got start %v, want the last attempt's", result.Started)
	}
}

func TestASecondDeliveryIsDeletedUnrun(t *testing.T) {
	b := newBed(t)
	b.run(1, nil)
	b.send(0, 1, "{}")
	b.send(0, 1, "{}")
	w := b.work("echo ran")
	b.result(0, 1)
	w.stop()
	if got, want := w.output.String(), "ran\n"; got != want {
		t.Errorf("got output %q, want %q", got, want)
	}
	if !strings.Contains(w.log.String(), "deleting a message unrun") {
		t.Error("the log does not tell of the second message")
	}
}

func TestTheFirstOfTwoResultsCounts(t *testing.T) {
	first := record.Result{State: record.Done, Generation: 1, Attempt: 9, Attempts: 9}
	for name, script := range map[string]string{"done": "exit 0", "failed": "exit 65"} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			b.run(1, nil)
			b.send(0, 1, "{}")
			gate := filepath.Join(t.TempDir(), "gate")
			w := b.work("echo ready; while ! [ -e " + gate + " ]; do sleep 0.01; done; " + script)
			w.output.await(t, "ready\n")
			b.put(record.ResultKey(runID, 1, 0), first)
			if err := os.WriteFile(gate, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(first, b.result(0, 1)); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			w.log.await(t, "the job was run twice")
			if b.exists(record.FailedKey(runID, 1, 0)) {
				t.Error("a job that is done is marked as failed")
			}
			var end record.End
			b.get(record.AttemptPrefix(runID, 0, 1, 1)+"end.json", &end)
			if string(end.State) != name {
				t.Errorf("got an attempt that ended %s, want %s", end.State, name)
			}
		})
	}
}

func TestARetryIsAnotherGeneration(t *testing.T) {
	b := newBed(t)
	b.run(1, func(j *job.Job) { j.Retries = 0 })
	b.send(0, 1, `{"fail":"yes"}`)
	w := b.work(`test "$SPATE_PARAM_FAIL" = no`)
	b.result(0, 1)
	b.send(0, 2, `{"fail":"no"}`)
	got := b.result(0, 2)
	w.stop()
	want := record.Result{Generation: 2, State: record.Done, Attempt: 1, Attempts: 1}
	if diff := cmp.Diff(want, got, whenever); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	if b.exists(record.FailedKey(runID, 2, 0)) {
		t.Error("the second generation is marked as failed")
	}
}

func TestARunIsDoneWhenEveryJobHasItsResult(t *testing.T) {
	b := newBed(t)
	b.run(3, nil)
	b.send(0, 1, "{}")
	b.send(1, 1, "{}")
	w := b.work(`test $SPATE_INDEX != 1 || exit 65`)
	b.result(0, 1)
	b.result(1, 1)
	b.await("an empty receive", func() bool { return len(b.ecs.history()) == 2 })
	w.stop()
	if b.exists(record.DoneKey(runID, 1)) {
		t.Fatal("the run is done without its last job")
	}
	b.send(2, 1, "{}")
	b.work("true")
	b.await("the run is done", func() bool { return b.exists(record.DoneKey(runID, 1)) })
	var got record.Finish
	b.get(record.DoneKey(runID, 1), &got)
	if diff := cmp.Diff(record.Finish{Jobs: 3, Failed: 1}, got, whenever); diff != "" {
		t.Errorf("done (-want +got):\n%s", diff)
	}
}

func TestWhyAnAttemptCannotBeRecordedIsTold(t *testing.T) {
	b := newBed(t)
	b.run(1, nil)
	b.send(0, 1, "{}")
	w := b.work(`echo said; touch "$SPATE_OUT/a" "$SPATE_OUT/refused"`, func(c *agent.Config) {
		c.AWS.HTTPClient = &http.Client{Transport: refusing("/out/refused")}
	})
	end := record.AttemptPrefix(runID, 0, 1, 1) + "end.json"
	b.await("an end", func() bool { return b.exists(end) })
	w.stop()
	got := b.end(0, 1, 1)
	if got.State != record.Done || !strings.Contains(got.Reason, "out/refused: ") || !strings.Contains(got.Reason, "AccessDenied") {
		t.Errorf("got %+v, want it done, and why it is not recorded", got)
	}
	log := b.text(record.AttemptPrefix(runID, 0, 1, 1) + "log.txt")
	if want := "said\nspate: the attempt cannot be recorded: "; !strings.HasPrefix(log, want) {
		t.Errorf("got log %q, want %q first", log, want)
	}
	if visible, all := b.queued(); all != 1 {
		t.Errorf("got %d visible of %d messages, want the job's", visible, all)
	}
}

// refusing denies every request to write an object whose key ends so.
type refusing string

func (r refusing) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method != http.MethodPut || !strings.HasSuffix(request.URL.Path, string(r)) {
		return http.DefaultTransport.RoundTrip(request)
	}
	if request.Body != nil {
		_ = request.Body.Close()
	}
	return &http.Response{
		StatusCode: http.StatusForbidden, Header: http.Header{}, Request: request,
		Body: io.NopCloser(strings.NewReader("<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")),
	}, nil
}

func TestRecordsThatCannotBeReachedCostTheJobNothing(t *testing.T) {
	b := newBed(t)
	b.run(1, nil)
	b.send(0, 1, "{}")
	w := b.work("true", func(c *agent.Config) { c.Bucket = "another" })
	w.log.await(t, "handing a message back")
	w.stop()
	if _, all := b.queued(); all != 1 {
		t.Errorf("got %d messages, want the job's", all)
	}
}
