package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/record"
)

// newStack returns a stack of which no more than a queue and a bucket exist:
// no worker is in the way.
func newStack(t *testing.T) *Stack {
	t.Helper()
	s, err := client.Local(t.Context(), t.TempDir(), client.Look, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background(), func() {}); err != nil {
			t.Error(err)
		}
	})
	queue, err := s.SQS.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: new("q")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.S3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: new("runs")}); err != nil {
		t.Fatal(err)
	}
	return &Stack{Name: "s", Queue: *queue.QueueUrl, Bucket: "runs", Cluster: "c", Service: "s", aws: s.AWS}
}

func newRun(t *testing.T, s *Stack, jobs int) *Run {
	t.Helper()
	values := make([]job.Value, jobs)
	for i := range values {
		values[i] = job.Value{Text: strconv.Itoa(i), Literal: true}
	}
	j := job.Job{Name: "s", Command: []string{"true"}, Params: job.Params{Grid: job.Grid{{Name: "n", Values: values}}}}
	source, err := j.Source()
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Record(t.Context(), j, source)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// end writes results as workers do.
func end(t *testing.T, r *Run, generation int, state record.State, indices ...int) {
	t.Helper()
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(32)
	for _, index := range indices {
		group.Go(func() error {
			if state == record.Failed {
				if err := r.Stack.Records().Put(ctx, record.FailedKey(r.ID, generation, index), strings.NewReader("")); err != nil {
					return err
				}
			}
			return r.Stack.Records().PutJSON(ctx, record.ResultKey(r.ID, generation, index), record.Result{
				Index: index, Generation: generation, Attempt: 1, State: state,
			})
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

// sendAll sends what is left of all generations, without a service to wake.
func sendAll(t *testing.T, r *Run) {
	t.Helper()
	s, err := r.surveyed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range s.generations {
		if err := r.send(t.Context(), g, func() error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
}

// counts are a progress without its times.
type counts struct{ Done, Failed, Cancelled, Open int }

func countOf(t *testing.T, r *Run) counts {
	t.Helper()
	p, err := r.Count(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return counts{p.Done, p.Failed, p.Cancelled, p.Jobs - p.Ended()}
}

// receive empties the queue, and returns what it held: run, generation and
// index of each message.
func receive(t *testing.T, s *Stack) (held []string) {
	t.Helper()
	for {
		out, err := s.aws.SQS.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: &s.Queue, MaxNumberOfMessages: 10, VisibilityTimeout: 600, MessageAttributeNames: []string{"All"},
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			slices.Sort(held)
			return held
		}
		for _, m := range out.Messages {
			held = append(held, name(m))
		}
	}
}

func name(m types.Message) string {
	text := func(attribute string) string { return *m.MessageAttributes[attribute].StringValue }
	return text(record.AttrRun) + " " + text(record.AttrGeneration) + " " + text(record.AttrIndex)
}

func names(r *Run, generation int, indices ...int) (list []string) {
	for _, index := range indices {
		list = append(list, fmt.Sprintf("%s %d %d", r.ID, generation, index))
	}
	return list
}

func TestTheHighestGenerationOfAJobDecides(t *testing.T) {
	r := newRun(t, newStack(t), 6)
	end(t, r, 1, record.Done, 0, 1, 2)
	end(t, r, 1, record.Failed, 3, 4)
	if got, want := countOf(t, r), (counts{Done: 3, Failed: 2, Open: 1}); got != want {
		t.Errorf("first generation: got %+v, want %+v", got, want)
	}
	end(t, r, 1, record.Failed, 5)

	if n, err := r.Retry(t.Context(), nil); n != 3 || err != nil {
		t.Fatalf("got %d jobs, %v, want the 3 that failed", n, err)
	}
	if got, want := countOf(t, r), (counts{Done: 3, Open: 3}); got != want {
		t.Errorf("retried: got %+v, want %+v", got, want)
	}
	end(t, r, 2, record.Done, 3)
	end(t, r, 2, record.Failed, 4, 5)
	if got, want := countOf(t, r), (counts{Done: 4, Failed: 2}); got != want {
		t.Errorf("second generation: got %+v, want %+v", got, want)
	}

	// A job that is done can be run again by its name, and fail this time.
	if n, err := r.Retry(t.Context(), []int{0, 0}); n != 1 || err != nil {
		t.Fatalf("got %d jobs, %v, want the one that was named", n, err)
	}
	end(t, r, 3, record.Failed, 0)
	if got, want := countOf(t, r), (counts{Done: 3, Failed: 3}); got != want {
		t.Errorf("third generation: got %+v, want %+v", got, want)
	}
	rows, err := r.Rows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range rows {
		got = append(got, fmt.Sprintf("%s in %d", row.State, row.Generation))
	}
	want := []string{"failed in 3", "done in 1", "done in 1", "done in 2", "failed in 2", "failed in 2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestRetryRefusesWhatHasNotEnded(t *testing.T) {
	r := newRun(t, newStack(t), 3)
	_, err := r.Retry(t.Context(), nil)
	if nothing, ok := errors.AsType[*NothingToRetryError](err); !ok || nothing.Waiting != 3 {
		t.Errorf("no failure: got %v, want a NothingToRetryError with 3 waiting", err)
	}
	_, err = r.Retry(t.Context(), []int{1})
	if open, ok := errors.AsType[*OpenJobError](err); !ok || open.Index != 1 {
		t.Errorf("job without a result: got %v, want an OpenJobError", err)
	}
	_, err = r.Retry(t.Context(), []int{3})
	if none, ok := errors.AsType[*NoJobError](err); !ok || none.Jobs != 3 {
		t.Errorf("no such job: got %v, want a NoJobError", err)
	}
}

// A large run is listed in stretches at first, and then from where results are
// missing on.
func TestALargeRunIsCountedAsItGrows(t *testing.T) {
	const jobs = 2*stretch + 100
	r := newRun(t, newStack(t), jobs)
	follower := r.Follow()
	look := func() counts {
		t.Helper()
		p, err := follower.count(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return counts{p.Done, p.Failed, p.Cancelled, p.Jobs - p.Ended()}
	}
	end(t, r, 1, record.Done, 0, 1, 2, stretch-1, stretch, 2*stretch, jobs-1)
	end(t, r, 1, record.Failed, 3, stretch+1)
	// A mark without a result is a job that is about to fail.
	if err := r.Stack.Records().Put(t.Context(), record.FailedKey(r.ID, 1, 4), strings.NewReader("")); err != nil {
		t.Fatal(err)
	}
	if got, want := look(), (counts{Done: 7, Failed: 2, Open: jobs - 9}); got != want {
		t.Errorf("first look: got %+v, want %+v", got, want)
	}
	end(t, r, 1, record.Done, 5, 2*stretch-1)
	end(t, r, 1, record.Failed, 4)
	if got, want := look(), (counts{Done: 9, Failed: 3, Open: jobs - 12}); got != want {
		t.Errorf("second look: got %+v, want %+v", got, want)
	}
	if got := countOf(t, r); got != look() {
		t.Errorf("a new count got %+v, want %+v", got, look())
	}
	// The mark of a job that turned out to be done is taken back.
	if err := r.Stack.Records().Delete(t.Context(), record.FailedKey(r.ID, 1, 3)); err != nil {
		t.Fatal(err)
	}
	if got, want := look(), (counts{Done: 10, Failed: 2, Open: jobs - 12}); got != want {
		t.Errorf("last look: got %+v, want %+v", got, want)
	}
}

// A gate lets listings of results by only when so many of them wait at it.
type gate struct {
	http.RoundTripper
	want int

	mu   sync.Mutex
	here int
	open chan struct{}
}

func (g *gate) RoundTrip(r *http.Request) (*http.Response, error) {
	if q := r.URL.Query(); q.Has("list-type") && strings.Contains(q.Get("prefix"), "/results/") {
		g.mu.Lock()
		g.here++
		here := g.here
		if here == g.want {
			close(g.open)
		}
		g.mu.Unlock()
		select {
		case <-g.open:
		case <-time.After(10 * time.Second):
			return nil, fmt.Errorf("%d listings had begun, want %d at once", here, g.want)
		}
	}
	return g.RoundTripper.RoundTrip(r)
}

// On AWS the time of a listing is the way there: those of 100,000 jobs are all
// under way at once.
func TestTheListingsOfALargeRunGoTogether(t *testing.T) {
	s := newStack(t)
	const jobs = 100_000
	r := &Run{Stack: s, Run: record.Run{ID: "01KAP5D1V8YFQ1ZJ6W3T2N9X4B", Jobs: jobs}}
	g := &gate{RoundTripper: http.DefaultTransport, want: (jobs + stretch - 1) / stretch, open: make(chan struct{})}
	options := s.aws.S3.Options()
	options.HTTPClient, options.RetryMaxAttempts = &http.Client{Transport: g}, 1
	s.aws.S3 = s3.New(options)
	if got, want := countOf(t, r), (counts{Open: jobs}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestSendingGoesOnWhereItWasLeft(t *testing.T) {
	s := newStack(t)
	r := newRun(t, s, 250)
	// The client ends after the second wave.
	ctx, cancel := context.WithCancel(t.Context())
	waves := 0
	survey, err := r.surveyed(ctx)
	if err != nil {
		t.Fatal(err)
	}
	err = r.send(ctx, survey.generations[0], func() error {
		if waves++; waves == 2 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want the end of the context", err)
	}
	if sent, err := r.sent(t.Context(), survey.generations[0]); sent != 100 || err != nil {
		t.Errorf("got %d sent, %v, want 100, of one whole wave", sent, err)
	}
	sendAll(t, r)
	got := receive(t, s)
	if len(got) != 350 { // the second wave is there twice
		t.Errorf("got %d messages, want 350", len(got))
	}
	var all []int
	for i := range 250 {
		all = append(all, i)
	}
	want := names(r, 1, all...)
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Compact(got)); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	sendAll(t, r)
	if got := receive(t, s); len(got) != 0 {
		t.Errorf("got %d messages more of a run that was sent, want none", len(got))
	}
}

func TestARetrySendsItsJobsOnly(t *testing.T) {
	s := newStack(t)
	r := newRun(t, s, 5)
	sendAll(t, r)
	receive(t, s)
	end(t, r, 1, record.Done, 0, 2, 4)
	end(t, r, 1, record.Failed, 1, 3)
	if _, err := r.Retry(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	sendAll(t, r)
	if diff := cmp.Diff(names(r, 2, 1, 3), receive(t, s)); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

func TestCancelDrainsItsOwnMessagesOnly(t *testing.T) {
	s := newStack(t)
	ours, others := newRun(t, s, 35), newRun(t, s, 25)
	sendAll(t, ours)
	sendAll(t, others)
	end(t, ours, 1, record.Done, 0, 1)
	end(t, ours, 1, record.Failed, 2)
	body := new("a message of somebody else")
	if _, err := s.aws.SQS.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &s.Queue, MessageBody: body}); err != nil {
		t.Fatal(err)
	}
	got, err := ours.Cancel(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Cancellation{Jobs: 32, Drained: 35}, got); diff != "" {
		t.Errorf("cancellation (-want +got):\n%s", diff)
	}
	if got, want := countOf(t, ours), (counts{Done: 2, Failed: 1, Cancelled: 32}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	attributes, err := s.aws.SQS.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: &s.Queue, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
	})
	if err != nil {
		t.Fatal(err)
	}
	visible, hidden := attributes.Attributes["ApproximateNumberOfMessages"], attributes.Attributes["ApproximateNumberOfMessagesNotVisible"]
	if visible != "26" || hidden != "0" {
		t.Errorf("got %s messages visible and %s hidden, want 26 and 0", visible, hidden)
	}
	if got, want := countOf(t, others), (counts{Open: 25}); got != want {
		t.Errorf("the other run: got %+v, want %+v", got, want)
	}
	if _, err := ours.Cancel(t.Context()); err == nil {
		t.Error("a run was cancelled twice")
	}

	// What was cancelled is retried with what failed.
	if n, err := ours.Retry(t.Context(), nil); n != 33 || err != nil {
		t.Errorf("got %d jobs to retry, %v, want 33", n, err)
	}
	if got, want := countOf(t, ours), (counts{Done: 2, Open: 33}); got != want {
		t.Errorf("retried: got %+v, want %+v", got, want)
	}
}

func TestFinishedGenerationsAreRecorded(t *testing.T) {
	r := newRun(t, newStack(t), 3)
	end(t, r, 1, record.Done, 0)
	end(t, r, 1, record.Failed, 1, 2)
	if _, err := r.Retry(t.Context(), []int{1}); err != nil {
		t.Fatal(err)
	}
	follower := r.Follow()
	finish := func() {
		t.Helper()
		if _, err := follower.count(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := follower.Finish(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	finish()
	for generation, want := range map[int]string{1: "3 jobs, 2 failed", 2: ""} {
		if got := finishOf(t, r, generation); got != want {
			t.Errorf("generation %d: got %q, want %q", generation, got, want)
		}
	}
	end(t, r, 2, record.Done, 1)
	finish()
	if got, want := finishOf(t, r, 2), "1 jobs, 0 failed"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func finishOf(t *testing.T, r *Run, generation int) string {
	t.Helper()
	var f record.Finish
	err := r.Stack.Records().GetJSON(t.Context(), record.DoneKey(r.ID, generation), &f)
	if _, missing := errors.AsType[*record.NotFoundError](err); missing {
		return ""
	}
	if err != nil || time.Since(f.At) > time.Hour {
		t.Fatalf("got %+v, %v", f, err)
	}
	return fmt.Sprintf("%d jobs, %d failed", f.Jobs, f.Failed)
}

func TestRunsWithoutARecordAreNoRuns(t *testing.T) {
	r := newRun(t, newStack(t), 1)
	// A client that was killed before run.json.
	if err := r.Stack.Records().Put(t.Context(), record.ParamsKey("01ZZZZZZZZZZZZZZZZZZZZZZZZ"), strings.NewReader("{}\n")); err != nil {
		t.Fatal(err)
	}
	e := entry{"01ZZZZZZZZZZZZZZZZZZZZZZZZ", r.Stack}
	if got, err := e.load(t.Context()); got != nil || err != nil {
		t.Errorf("got %+v, %v, want no run", got, err)
	}
}

func TestAnAttemptThatPrintedNothingHasAnEmptyLog(t *testing.T) {
	r := newRun(t, newStack(t), 2)
	put := func(index, attempt int, name, text string) {
		t.Helper()
		if err := r.Stack.Records().Put(t.Context(), record.AttemptPrefix(r.ID, index, 1, attempt)+name, strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	put(0, 1, "start.json", "{}")
	put(0, 1, "end.json", "{}")
	put(0, 1, "log.txt", "no space left")
	log := func(index int) string {
		t.Helper()
		body, err := r.Log(t.Context(), index)
		if _, none := errors.AsType[*NoLogError](err); none {
			return "none"
		}
		if err != nil {
			t.Fatal(err)
		}
		defer body.Close()
		text, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	want := func(index int, want string) {
		t.Helper()
		if got := log(index); got != want {
			t.Errorf("job %d: got log %q, want %q", index, got, want)
		}
	}
	want(0, "no space left")
	want(1, "none")

	put(0, 2, "start.json", "{}")
	want(0, "no space left")     // the second attempt runs
	end(t, r, 1, record.Done, 1) // by its first attempt, which left nothing else
	put(1, 1, "start.json", "{}")
	want(1, "")
	put(0, 2, "end.json", "{}")
	want(0, "")
	got, err := r.LogTail(t.Context(), record.Result{Index: 0, Generation: 1, Attempt: 2}, 100)
	if got != "" || err != nil {
		t.Errorf("got the end of a log %q, %v, want none", got, err)
	}
	row := Row{Index: 0, Result: &record.Result{Index: 0, Generation: 1, Attempt: 2}}
	dir := t.TempDir()
	if n, err := r.Download(t.Context(), []Row{row}, dir); n != 1 || err != nil {
		t.Errorf("downloading: got %d files, %v, want 1", n, err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "0.log")); len(text) > 0 || err != nil {
		t.Errorf("got log file %q, %v, want an empty one", text, err)
	}
}

func TestTheEndOfAnAttemptThatIsDoneIsTheResult(t *testing.T) {
	r := newRun(t, newStack(t), 2)
	end(t, r, 1, record.Done, 0)
	end(t, r, 1, record.Failed, 1) // all attempts were lost: none has an end
	for index, want := range [][]record.State{{record.Done, Lost}, {Lost, Lost}} {
		for _, number := range []int{1, 2} {
			key := record.AttemptPrefix(r.ID, index, 1, number) + "start.json"
			if err := r.Stack.Records().PutJSON(t.Context(), key, record.Start{}); err != nil {
				t.Fatal(err)
			}
		}
		j, err := r.Inspect(t.Context(), index)
		if err != nil {
			t.Fatal(err)
		}
		var got []record.State
		for _, try := range j.Attempts {
			got = append(got, try.State)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("job %d: states (-want +got):\n%s", index, diff)
		}
	}
}

func TestPrintedLinesAreNotPrintedAgain(t *testing.T) {
	var p printed
	for _, line := range []string{"one", "a line of the worker", "two", "two"} {
		p.add(line)
	}
	log := []string{"one", "", "two", "two", "two", "three", ""}
	var rest []string
	for _, line := range log {
		if !p.has(line) {
			rest = append(rest, line)
		}
	}
	if diff := cmp.Diff([]string{"two", "three", ""}, rest); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
	flood := printed{}
	for i := range 3*mostPrinted + 5 {
		flood.add(strconv.Itoa(i))
	}
	for i := range 3*mostPrinted + 5 {
		if !flood.has(strconv.Itoa(i)) {
			t.Fatalf("line %d of a flood would be printed again", i)
		}
	}
	if flood.has("new") {
		t.Error("a new line is taken for an old one")
	}
}
