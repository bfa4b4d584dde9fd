package agent_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/spate-run/spate/internal/agent"
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/record"
)

// whenever leaves times out of a comparison.
var whenever = cmpopts.IgnoreTypes(time.Time{})

func TestAJobIsRecorded(t *testing.T) {
	b := newBed(t)
	b.run(1, nil)
	b.send(0, 1, `{"sector":"retail trade","horizon":3}`)
	w := b.work(`
		echo "$0 $1"; echo problem >&2
		echo '{"mape": 3.25}' > "$SPATE_OUT/metrics.json"
		mkdir "$SPATE_OUT/plots"; printf svg > "$SPATE_OUT/plots/a.svg"`,
		func(c *agent.Config) { c.Command = append(c.Command, "{sector}", "{{{horizon}}") })

	result := b.result(0, 1)
	outputs := []record.Output{{Name: "metrics.json", Size: 15}, {Name: "plots/a.svg", Size: 3}}
	want := record.Result{
		Index: 0, Generation: 1, Attempt: 1, Attempts: 1, State: record.Done,
		Metrics: map[string]float64{"mape": 3.25}, Outputs: outputs,
	}
	sorted := cmpopts.SortSlices(func(a, b record.Output) bool { return a.Name < b.Name })
	if diff := cmp.Diff(want, result, whenever, sorted); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	prefix := record.AttemptPrefix(runID, 0, 1, 1)
	if diff := cmp.Diff([]string{"log.txt", "out/metrics.json", "out/plots/a.svg", "start.json"}, b.keys(prefix)); diff != "" {
		t.Errorf("the attempt's objects (-want +got):\n%s", diff)
	}
	const said = "retail trade {3}\nproblem\n"
	if got := b.text(prefix + "log.txt"); got != said {
		t.Errorf("got log %q, want %q", got, said)
	}
	if got := w.output.String(); got != said {
		t.Errorf("got output %q, want %q", got, said)
	}
	var start record.Start
	b.get(prefix+"start.json", &start)
	host, _ := os.Hostname()
	wantStart := record.Start{Run: runID, Generation: 1, Attempt: 1, Task: taskARN, Host: host}
	if diff := cmp.Diff(wantStart, start, whenever, cmpopts.IgnoreFields(start, "Claim")); diff != "" {
		t.Errorf("start (-want +got):\n%s", diff)
	}
	if start.Started.IsZero() || result.Started != start.Started || result.Ended.Before(result.Started) {
		t.Errorf("started %v by start.json, ran from %v to %v by the result", start.Started, result.Started, result.Ended)
	}
	if keys := b.keys(record.FailedPrefix(runID, 1)); len(keys) != 0 {
		t.Errorf("got failed marks %q of a job that is done", keys)
	}
}

func TestExitCodes(t *testing.T) {
	tests := []struct {
		name    string
		command []string // instead of the script
		script  string
		limits  func(*job.Job)
		want    record.Result
		states  []record.State // of the attempts
	}{{
		name: "done", script: "exit 0",
		want:   record.Result{State: record.Done, Attempt: 1},
		states: []record.State{record.Done},
	}, {
		name: "failed for good", script: "exit 65",
		want:   record.Result{State: record.Failed, ExitCode: 65, Reason: "exit code 65", Attempt: 1},
		states: []record.State{record.Failed},
	}, {
		name: "failed as often as it may", script: "exit 3",
		want:   record.Result{State: record.Failed, ExitCode: 3, Reason: "exit code 3", Attempt: 3},
		states: []record.State{record.Failed, record.Failed, record.Failed},
	}, {
		name: "failed without retries", script: "exit 3",
		limits: func(j *job.Job) { j.Retries = 0 },
		want:   record.Result{State: record.Failed, ExitCode: 3, Reason: "exit code 3", Attempt: 1},
		states: []record.State{record.Failed},
	}, {
		name: "failed, then done", script: `test "$SPATE_ATTEMPT" = 2`,
		want:   record.Result{State: record.Done, Attempt: 2},
		states: []record.State{record.Failed, record.Done},
	}, {
		name: "interrupted without counting", script: `test "$SPATE_ATTEMPT" -gt 3 || exit 75`,
		limits: func(j *job.Job) { j.Retries = 0 },
		want:   record.Result{State: record.Done, Attempt: 4},
		states: []record.State{record.Interrupted, record.Interrupted, record.Interrupted, record.Done},
	}, {
		name: "ended by a signal", script: "kill -SEGV $$",
		limits: func(j *job.Job) { j.Retries = 0 },
		want:   record.Result{State: record.Failed, ExitCode: 139, Reason: "ended by signal 11 (segmentation fault)", Attempt: 1},
		states: []record.State{record.Failed},
	}, {
		name: "killed", script: "kill -KILL $$",
		limits: func(j *job.Job) { j.Retries = 0 },
		want:   record.Result{State: record.Failed, ExitCode: 137, Reason: "killed, as the kernel does when memory runs out (SIGKILL)", Attempt: 1},
		states: []record.State{record.Failed},
	}, {
		name: "no such command", command: []string{"spate-no-such-command"},
		want: record.Result{State: record.Failed, ExitCode: 127, Attempt: 1,
			Reason: `starting the command: exec: "spate-no-such-command": executable file not found in $PATH`},
		states: []record.State{record.Failed},
	}, {
		name: "a command that is no program", command: []string{"/etc/passwd"},
		want: record.Result{State: record.Failed, ExitCode: 126, Attempt: 1,
			Reason: `starting the command: exec: "/etc/passwd": permission denied`},
		states: []record.State{record.Failed},
	}, {
		name: "out of time", script: "trap 'exit 0' TERM; while :; do sleep 0.01; done",
		limits: func(j *job.Job) { j.Retries, j.Timeout = 0, job.Duration(100*time.Millisecond) },
		want:   record.Result{State: record.Failed, Reason: "timed out after 100ms", Attempt: 1},
		states: []record.State{record.Failed},
	}, {
		name: "out of time, and deaf", script: "trap '' TERM; while :; do sleep 0.01; done",
		limits: func(j *job.Job) {
			j.Retries, j.Timeout, j.StopTimeout = 0, job.Duration(100*time.Millisecond), job.Duration(200*time.Millisecond)
		},
		want:   record.Result{State: record.Failed, ExitCode: 137, Reason: "timed out after 100ms", Attempt: 1},
		states: []record.State{record.Failed},
	}}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBed(t)
			b.run(1, test.limits)
			b.send(0, 1, "{}")
			b.work(test.script, func(c *agent.Config) {
				if test.command != nil {
					c.Command = test.command
				}
			})
			result := b.result(0, 1)
			test.want.Generation, test.want.Attempts = 1, test.want.Attempt
			if diff := cmp.Diff(test.want, result, whenever); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			var states []record.State
			for n := range result.Attempts {
				states = append(states, b.end(0, 1, n+1).State)
			}
			if !slices.Equal(states, test.states) {
				t.Errorf("got attempts %q, want %q", states, test.states)
			}
			failed := b.exists(record.FailedKey(runID, 1, 0))
			if want := test.want.State == record.Failed; failed != want {
				t.Errorf("marked as failed: got %t, want %t", failed, want)
			}
		})
	}
}

func TestAJobIsTriedAgainLater(t *testing.T) {
	b := newBed(t)
	b.run(1, func(j *job.Job) { j.RetryBackoff = job.Duration(time.Second) })
	b.send(0, 1, "{}")
	b.work(`test "$SPATE_ATTEMPT" = 2`)
	b.result(0, 1)
	if pause := b.end(0, 1, 2).Started.Sub(b.end(0, 1, 1).Ended); pause < 900*time.Millisecond {
		t.Errorf("the second attempt came after %v, want the back-off of 1s", pause)
	}
}

func TestWhatAJobSees(t *testing.T) {
	b := newBed(t)
	b.run(1, nil)
	for name, content := range map[string]string{"report.csv": "a,b\n", "data/x/y.txt": "deep"} {
		if err := b.records.Put(t.Context(), record.InPrefix(runID)+name, strings.NewReader(content)); err != nil {
			t.Fatal(err)
		}
	}
	b.send(7, 1, `{"learning-rate":0.01,"note":"a \"b\""}`)
	environ := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/home/ada", "AWS_PROFILE=work",
		"SPATE_QUEUE_URL=" + b.queue, "SPATE_BUCKET=" + bucket, "SPATE_CONTAINER=marker",
		"SPATE_AWS_ENDPOINT_URL=" + b.url, "SPATE_AWS_ACCESS_KEY_ID=AKIDEXAMPLE",
		"SPATE_AWS_SECRET_ACCESS_KEY=secret", "SPATE_AWS_REGION=us-east-1",
		"ECS_AGENT_URI=" + b.url + "/agent", "ECS_CONTAINER_METADATA_URI_V4=" + b.url + "/metadata",
		"SPATE_DIR=" + t.TempDir(),
	}
	c, err := agent.FromEnv(t.Context(), environ, []string{"sh", "-c", `
		env | grep -E '^(SPATE|ECS|AWS|HOME|TMPDIR)' | sed "s#$TMPDIR#tmp#;s#${{SPATE_OUT%/out}#space#;s#$SPATE_IN#in#" | sort
		cat "$SPATE_PARAMS"; echo; (cd "$SPATE_IN" && find . -type f | sort | xargs cat); echo
		ls -A "$SPATE_OUT" "$TMPDIR" | grep -c . ; cat`})
	if err != nil {
		t.Fatal(err)
	}
	c.AWS.HTTPClient = b.aws.HTTPClient
	w := b.work("", func(changed *agent.Config) {
		c.Output, c.Log, c.Poll = changed.Output, changed.Log, changed.Poll
		*changed = c
	})
	b.result(7, 1)
	want := `AWS_PROFILE=work
HOME=/home/ada
SPATE_ATTEMPT=1
SPATE_CONTAINER=marker
SPATE_IN=in
SPATE_INDEX=7
SPATE_OUT=space/out
SPATE_PARAMS=space/params.json
SPATE_PARAM_LEARNING_RATE=0.01
SPATE_PARAM_NOTE=a "b"
SPATE_RUN=` + runID + `
TMPDIR=tmp
{"learning-rate":0.01,"note":"a \"b\""}
deepa,b

2
`
	if diff := cmp.Diff(want, w.output.String()); diff != "" {
		t.Errorf("what the job sees (-want +got):\n%s", diff)
	}
}

func TestInputsAreFetchedOnceARun(t *testing.T) {
	b := newBed(t)
	b.run(3, nil)
	key := record.InPrefix(runID) + "report.csv"
	if err := b.records.Put(t.Context(), key, strings.NewReader("first")); err != nil {
		t.Fatal(err)
	}
	b.send(0, 1, "{}")
	w := b.work(`cat "$SPATE_IN/report.csv"; ls -l "$SPATE_IN" | grep -c r--r--r--`)
	b.result(0, 1)
	if err := b.records.Put(t.Context(), key, strings.NewReader("second")); err != nil {
		t.Fatal(err)
	}
	b.send(1, 1, "{}")
	b.result(1, 1)
	if got, want := w.output.String(), "first1\nfirst1\n"; got != want {
		t.Errorf("got %q, want %q: inputs of the first reading, not to be written to", got, want)
	}
}

func TestNothingIsLeftInTheWorkersFolder(t *testing.T) {
	b := newBed(t)
	b.run(2, nil)
	dir := t.TempDir()
	w := b.work(`ls "$SPATE_OUT/../.."; mkdir -p "$TMPDIR/a/b"; touch "$TMPDIR/a/b/c"; chmod 000 "$TMPDIR/a/b" "$TMPDIR/a"`,
		func(c *agent.Config) { c.Dir = dir })
	b.send(0, 1, "{}")
	b.result(0, 1)
	b.send(1, 1, "{}")
	b.result(1, 1)
	// The run's inputs stay while the worker works.
	if got, want := w.output.String(), "1\nin-0\n2\nin-0\n"; got != want {
		t.Errorf("two jobs found the folders %q, want %q", got, want)
	}
	w.stop()
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("got %v, %v after the worker, want nothing", left, err)
	}
}

func TestAJobSeesNothingOfTheOneBefore(t *testing.T) {
	for name, leave := range map[string]string{
		"untouched":               ":",
		"outputs":                 `touch "$SPATE_OUT/left"`,
		"temporary files":         `touch "$TMPDIR/left"`,
		"files beside":            `touch "$TMPDIR/../left"`,
		"other parameters":        `rm "$SPATE_PARAMS"; echo left > "$SPATE_PARAMS"`,
		"a link":                  `rmdir "$TMPDIR"; ln -s "$SPATE_OUT" "$TMPDIR"`,
		"a folder without rights": `chmod 0 "$TMPDIR"`,
		"no folder":               `rm -r "${SPATE_OUT%/out}"`,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			b.run(2, nil)
			b.send(0, 1, `{"a":"longer than the other"}`)
			w := b.work(`cat "$SPATE_PARAMS"; echo; ls -A "$SPATE_OUT" "$TMPDIR" "$TMPDIR/.." | grep left
				ls -ld "$TMPDIR" | cut -c1-4; test "$SPATE_INDEX" = 1 || { ` + leave + `; }`)
			b.result(0, 1)
			b.send(1, 1, `{"a":1}`)
			b.result(1, 1)
			w.stop()
			const folder = "drwx\n"
			want := `{"a":1}` + "\n" + folder
			if got := b.text(record.AttemptPrefix(runID, 1, 1, 1) + "log.txt"); got != want {
				t.Errorf("the second job's log is %q, want %q", got, want)
			}
			want = `{"a":"longer than the other"}` + "\n" + folder + want
			if got := withoutNotes(w.output.String()); got != want {
				t.Errorf("got output %q, want %q", got, want)
			}
		})
	}
}

// withoutNotes drops spate's own lines.
func withoutNotes(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "spate: ") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func TestAFloodOfOutput(t *testing.T) {
	b := newBed(t)
	b.run(1, nil)
	b.send(0, 1, "{}")
	const lines, line = 10 << 20 / 64, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n"
	w := b.work(fmt.Sprintf("yes %s | head -n %d", strings.TrimSpace(line), lines))
	b.result(0, 1)
	want := strings.Repeat(line, lines)
	if got := b.text(record.AttemptPrefix(runID, 0, 1, 1) + "log.txt"); got != want {
		t.Errorf("got a log of %d bytes, want the %d that were printed", len(got), len(want))
	}
	if got := w.output.String(); got != want {
		t.Errorf("got %d bytes of output, want the %d that were printed", len(got), len(want))
	}
}

func TestAFullQueueIsWorkedOff(t *testing.T) {
	b := newBed(t)
	const jobs = 50
	b.run(jobs, nil)
	for i := range jobs {
		b.send(i, 1, fmt.Sprintf(`{"i":%d}`, i))
	}
	b.work(`echo '{"i": '$SPATE_PARAM_I'}' > "$SPATE_OUT/metrics.json"`)
	b.await("the run is done", func() bool { return b.exists(record.DoneKey(runID, 1)) })
	b.awaitEmpty()
	for i := range jobs {
		var r record.Result
		b.get(record.ResultKey(runID, 1, i), &r)
		if r.State != record.Done || r.Attempts != 1 || r.Metrics["i"] != float64(i) {
			t.Errorf("job %d: got %+v, want it done at once, with its own metric", i, r)
		}
	}
	var finish record.Finish
	b.get(record.DoneKey(runID, 1), &finish)
	if finish.Jobs != jobs || finish.Failed != 0 || finish.At.IsZero() {
		t.Errorf("got %+v, want %d jobs, none failed", finish, jobs)
	}
}

func TestConfigIsChecked(t *testing.T) {
	whole := agent.Config{Queue: "q", Bucket: "b", Command: []string{"true"}}
	for want, change := range map[string]func(*agent.Config){
		"there is no queue: SPATE_QUEUE_URL is not set": func(c *agent.Config) { c.Queue = "" },
		"there is no bucket: SPATE_BUCKET is not set":   func(c *agent.Config) { c.Bucket = "" },
		"there is no command to run for a message":      func(c *agent.Config) { c.Command = nil },
	} {
		c := whole
		change(&c)
		if err := agent.Run(t.Context(), c); err == nil || err.Error() != want {
			t.Errorf("got error %v, want %s", err, want)
		}
	}
}

func TestAQueueThatIsGoneEndsTheWorker(t *testing.T) {
	b := newBed(t)
	w := b.work("true", func(c *agent.Config) { c.Queue += "-deleted" })
	if err := <-w.ended; err == nil || !strings.Contains(err.Error(), "NonExistentQueue") && !strings.Contains(err.Error(), "QueueDoesNotExist") {
		t.Errorf("got error %v, want that the queue does not exist", err)
	}
}
