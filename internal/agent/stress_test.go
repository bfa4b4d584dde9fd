package agent_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdksqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/record"
)

// startWorker starts a worker in a process of its own, whose output nobody
// reads. Its command is a shell script, without placeholders.
func (b *bed) startWorker(script string) *exec.Cmd { return b.startWorkerWith(script, "", io.Discard) }

// startWorkerWith starts a worker at another tempo, with its log.
func (b *bed) startWorkerWith(script, tempo string, log io.Writer) *exec.Cmd {
	b.t.Helper()
	cmd := exec.Command(os.Args[0], "agent", "--", "sh", "-c", strings.ReplaceAll(script, "{", "{{"))
	cmd.Env = append(b.environ("worker"), tempoEnv+"="+tempo)
	cmd.Stderr = io.MultiWriter(log, b.t.Output())
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
	return cmd
}

// peak is the most memory that a process has held, in bytes. Only Linux tells.
func peak(t *testing.T, pid int) int64 {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Log("NOT CHECKED here: how much memory it takes")
		return 0
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// forgetPeak makes this process's peak begin anew.
func forgetPeak(t *testing.T) (before int64) {
	t.Helper()
	runtime.GC()
	if runtime.GOOS == "linux" {
		if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o600); err != nil {
			t.Skipf("NOT CHECKED: the peak of this process's memory cannot be reset: %v", err)
		}
	}
	return peak(t, os.Getpid())
}

// digest reads an object to its end.
func (b *bed) digest(key string) (sum [sha256.Size]byte, size int64) {
	b.t.Helper()
	body, err := b.records.Open(b.t.Context(), key)
	if err != nil {
		b.t.Fatal(err)
	}
	defer body.Close()
	h := sha256.New()
	if size, err = io.Copy(h, body); err != nil {
		b.t.Fatal(err)
	}
	return [sha256.Size]byte(h.Sum(nil)), size
}

// mostMemory is what a worker, or the engine beside what it had before, may
// take: much less than what passes through it.
const mostMemory = 96 << 20

func TestAFloodTakesNoMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("100 MB of output in short mode")
	}
	b := newBed(t)
	b.run(1, nil)
	const line, lines = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde", 100 << 20 / 64
	b.send(0, 1, "{}")
	worker := b.startWorker(fmt.Sprintf("yes %s | head -n %d", line, lines))
	b.result(0, 1)
	if got := peak(t, worker.Process.Pid); got > mostMemory {
		t.Errorf("the worker took %d MiB, want at most %d", got>>20, mostMemory>>20)
	}
	want := sha256.New()
	for range lines {
		fmt.Fprintln(want, line)
	}
	got, size := b.digest(record.AttemptPrefix(runID, 0, 1, 1) + "log.txt")
	if got != [sha256.Size]byte(want.Sum(nil)) {
		t.Errorf("got a log of %d bytes, want the %d that were printed", size, 64*lines)
	}
}

func TestLargeOutputsTakeNoMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("1 GB of outputs in short mode")
	}
	b := newBed(t)
	b.run(1, nil)
	const files, each = 4, 256 << 20
	b.send(0, 1, "{}")
	before := forgetPeak(t)
	worker := b.startWorker(`for i in 1 2 3 4; do truncate -s 256M "$SPATE_OUT/$i"; echo "$i" >> "$SPATE_OUT/$i"; done`)
	result := b.result(0, 1)
	if got := peak(t, os.Getpid()) - before; got > mostMemory {
		t.Errorf("the engine took %d MiB more, want at most %d", got>>20, mostMemory>>20)
	}
	if got := peak(t, worker.Process.Pid); got > mostMemory {
		t.Errorf("the worker took %d MiB, want at most %d", got>>20, mostMemory>>20)
	}
	var want []record.Output
	for i := 1; i <= files; i++ {
		want = append(want, record.Output{Name: strconv.Itoa(i), Size: each + 2})
	}
	if diff := cmp.Diff(want, result.Outputs, cmpopts.SortSlices(func(a, b record.Output) int { return strings.Compare(a.Name, b.Name) })); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
	for _, o := range want {
		body, err := b.records.OpenTail(t.Context(), record.AttemptPrefix(runID, 0, 1, 1)+"out/"+o.Name, 3)
		if err != nil {
			t.Fatal(err)
		}
		tail, err := io.ReadAll(body)
		if err := errors.Join(err, body.Close()); err != nil {
			t.Fatal(err)
		}
		if got, want := string(tail), "\x00"+o.Name+"\n"; got != want {
			t.Errorf("output %s ends with %q, want %q", o.Name, got, want)
		}
	}
}

func TestADaemonThatAJobLeavesIsEnded(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("NOT CHECKED here: only Linux gives a worker the strays of its jobs")
	}
	b := newBed(t)
	b.run(1, nil)
	b.send(0, 1, "{}")
	path := filepath.Join(t.TempDir(), "pids")
	// Twice forked, in a session of its own, deaf, and without the mark of its
	// container.
	b.work(`setsid sh -c 'env -i setsid sh -c "trap \"\" TERM HUP; echo \$\$ >> ` + path + `; exec sleep 1000" & exit 0' &
		while ! [ -s ` + path + ` ]; do sleep 0.01; done`)
	if got := b.result(0, 1); got.State != record.Done {
		t.Errorf("got %+v, want it done", got)
	}
	for _, pid := range awaitPIDs(t, path, 1) {
		if alive(pid) {
			t.Errorf("process %d is there after its job's result", pid)
		}
	}
}

func TestAJobThatTakesItsWorkerAlong(t *testing.T) {
	b := newBed(t)
	b.run(2, nil)
	b.send(0, 1, `{"kills":"yes"}`)
	const script = `test "$SPATE_PARAM_KILLS" != yes || kill -KILL $PPID`
	for range 3 {
		worker := b.startWorker(script)
		if err := worker.Wait(); err == nil {
			t.Fatal("the worker ended well, want it killed by its job")
		}
	}
	b.send(1, 1, `{"kills":"no"}`)
	b.startWorker(script)
	want := record.Result{
		Generation: 1, State: record.Failed, ExitCode: 137, Attempt: 3, Attempts: 3,
		Reason: "3 attempts in a row were lost with their tasks",
	}
	if diff := cmp.Diff(want, b.result(0, 1), whenever); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	// The one that found it has gone on.
	if got := b.result(1, 1); got.State != record.Done || got.Attempt != 1 {
		t.Errorf("the next job: got %+v, want it done at once", got)
	}
}

func TestAMessageStaysHiddenUnderLoad(t *testing.T) {
	b := newBed(t)
	const jobs, workers = 4, 4
	b.run(jobs, nil)
	for i := range jobs {
		b.send(i, 1, "{}")
	}
	ctx, stop := context.WithCancel(context.Background())
	var load sync.WaitGroup
	defer load.Wait()
	defer stop()
	for i := range 4 {
		load.Go(func() { b.hammer(ctx, fmt.Sprintf("hammered-%d", i)) })
	}
	var log buffer
	for range workers {
		b.startWorkerWith("yes | head -c 1000000; sleep 4", "3000 500", &log)
	}
	for i := range jobs {
		key := record.ResultKey(runID, 1, i)
		b.await(key, func() bool { return b.exists(key) })
		var got record.Result
		if b.get(key, &got); got.Attempt != 1 {
			t.Errorf("got %+v, want one attempt", got)
		}
	}
	b.awaitEmpty()
	for i := range jobs {
		if attempts, err := b.records.Folders(t.Context(), record.JobPrefix(runID, i)); err != nil || len(attempts) != 1 {
			t.Errorf("job %d: got attempts %q, %v, want one", i, attempts, err)
		}
	}
	if strings.Contains(log.String(), "unrun") {
		t.Error("a message was given out while its job ran")
	}
}

// hammer keeps the engine busy with another queue and other objects.
func (b *bed) hammer(ctx context.Context, name string) {
	made, err := b.sqs.CreateQueue(ctx, &sdksqs.CreateQueueInput{QueueName: &name})
	for body := strings.Repeat("x", 10_000); err == nil; {
		if _, err = b.sqs.SendMessage(ctx, &sdksqs.SendMessageInput{QueueUrl: made.QueueUrl, MessageBody: &body}); err != nil {
			break
		}
		if _, err = b.sqs.ReceiveMessage(ctx, &sdksqs.ReceiveMessageInput{QueueUrl: made.QueueUrl}); err != nil {
			break
		}
		err = b.records.Put(ctx, name, strings.NewReader(body))
	}
	if ctx.Err() == nil {
		b.t.Errorf("hammering: %v", err)
	}
}

func TestTwoRunsOnAQueueAndOneIsCancelled(t *testing.T) {
	b := newBed(t)
	b.run(6, nil)
	const another = "01KAP5D1V8YFQ1ZJ6W3T2N9X4C"
	b.put(record.RunKey(another), record.Run{ID: another, Jobs: 6, Job: job.Job{Name: "test", StopTimeout: job.Duration(time.Second)}})
	attributes := func(index int) map[string]types.MessageAttributeValue {
		return map[string]types.MessageAttributeValue{
			record.AttrRun:        {DataType: aws.String("String"), StringValue: aws.String(another)},
			record.AttrIndex:      {DataType: aws.String("Number"), StringValue: aws.String(strconv.Itoa(index))},
			record.AttrGeneration: {DataType: aws.String("Number"), StringValue: aws.String("1")},
		}
	}
	for i := range 6 {
		b.sendWith("{}", attributes(i))
		b.send(i, 1, "{}")
	}
	// Every job of the other run would go on for ever.
	w := b.work(`echo $SPATE_RUN; test $SPATE_RUN = ` + runID + ` || exec sleep 1000`)
	w.output.await(t, another)
	b.put(record.CancelledKey(another, 1), record.Finish{})
	b.await("the run is done", func() bool { return b.exists(record.DoneKey(runID, 1)) })
	b.awaitEmpty()
	for i := range 6 {
		var got record.Result
		if b.get(record.ResultKey(runID, 1, i), &got); got.State != record.Done || got.Attempt != 1 {
			t.Errorf("job %d: got %+v, want it done at once", i, got)
		}
	}
	if got := b.keys(record.ResultsPrefix(another, 1)); len(got) != 0 {
		t.Errorf("the cancelled run has results %q, want none", got)
	}
	if got := strings.Count(w.output.String(), another); got != 1 {
		t.Errorf("%d jobs of the cancelled run were started, want the one before", got)
	}
}

// TestAMessageThatIsGivenOutTwice has two workers run one job: the first does
// not keep its message hidden.
func TestAMessageThatIsGivenOutTwice(t *testing.T) {
	b := newBed(t)
	b.run(1, nil)
	b.send(0, 1, "{}")
	dir := t.TempDir()
	started, gate := filepath.Join(dir, "started"), filepath.Join(dir, "gate")
	script := "echo $$ >> " + started + "; while ! [ -e " + gate + " ]; do sleep 0.01; done"
	var log buffer
	for n := range 2 {
		b.startWorkerWith(script, "1000 3600000", &log)
		awaitPIDs(t, started, n+1)
	}
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got := b.result(0, 1)
	if got.State != record.Done || got.Attempt != 1 && got.Attempt != 2 {
		t.Errorf("got %+v, want it done by one of two attempts", got)
	}
	const duplicate = "the job was run twice, and the first result counts"
	log.await(t, duplicate)
	if told := strings.Count(log.String(), duplicate); told != 1 {
		t.Errorf("a duplicate was told %d times, want once", told)
	}
	if keys := b.keys(record.ResultsPrefix(runID, 1)); len(keys) != 1 {
		t.Errorf("got results %q, want one", keys)
	}
}
