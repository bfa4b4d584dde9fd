package simulation

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	sdks3 "github.com/aws/aws-sdk-go-v2/service/s3"
	sdksqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
)

// What the worker's contract says.
const (
	visibility = 120 * time.Second
	heartbeat  = 30 * time.Second
	protection = time.Hour
	rest       = 30 * time.Second // without protection
)

// A worker is what runs in a container, by the worker's contract: one message
// at a time, protected and kept hidden; the result is put if absent, and then
// the message deleted.
type worker struct {
	*world
	*proc
	number int // in the order of their starts
	queues *sdksqs.Client

	up        bool // it has started
	stopping  bool
	protected time.Time // until when; zero: it is not
	renewAt   time.Time
	job       *job
	receipt   string
	lease     int // which message it holds, of all it has held
}

// look takes note of what has happened on the machine.
func (w *world) look() {
	starting, stopping := w.machine.news()
	for _, p := range starting {
		k := &worker{world: w, proc: p, number: len(w.numbered) + 1, queues: sdksqs.NewFromConfig(w.client(p.token))}
		w.workers[p] = k
		w.numbered = append(w.numbered, k)
		k.start()
	}
	for _, p := range stopping {
		w.workers[p].stop()
	}
	if n := w.machine.running(); n > w.plan.limit {
		w.chronicle.blame("%d tasks run, above the limit of %d", n, w.plan.limit)
	}
}

// start starts the container, after a while.
func (k *worker) start() {
	boot := k.between(time.Second, 90*time.Second)
	if k.chance(k.plan.slow) {
		boot = k.between(time.Minute, 10*time.Minute)
	}
	refused := k.storms() && k.chance(k.plan.refused)
	k.chronicle.note("task %d starts", k.number)
	k.put(boot, true, func() {
		if k.ended(k.proc) {
			return
		}
		if refused {
			k.refusal = errors.New("CannotPullContainerError: the registry does not answer")
			k.chronicle.note("task %d cannot start", k.number)
		}
		k.up = true
		close(k.boot)
		if !refused {
			k.chronicle.note("task %d runs", k.number)
			k.in(k.between(time.Second/10, time.Second), k.receive)
		}
	})
}

func (w *world) ended(p *proc) bool { return w.machine.ended(p) }

func (w *world) storms() bool { return time.Since(w.begin) < w.plan.storm }

// in does something later, if the container is still there and the machine
// awake.
func (k *worker) in(d time.Duration, do func()) {
	k.put(d, true, func() {
		if !k.ended(k.proc) {
			do()
		}
	})
}

// shortly is the time that a call takes.
func (k *worker) shortly() time.Duration { return k.between(time.Millisecond, 200*time.Millisecond) }

func (k *worker) receive() {
	if k.stopping {
		k.exit(0)
		return
	}
	out, err := k.queues.ReceiveMessage(k.ctx(), &sdksqs.ReceiveMessageInput{
		QueueUrl: &k.queue, MaxNumberOfMessages: 1, VisibilityTimeout: int32(visibility.Seconds()),
	})
	switch {
	case err != nil:
		k.in(k.between(time.Second, 30*time.Second), k.receive)
	case len(out.Messages) == 0:
		k.idle()
	default:
		m := out.Messages[0]
		k.job, k.receipt = k.jobs[slices.IndexFunc(k.jobs, func(j *job) bool { return j.id == *m.Body })], *m.ReceiptHandle
		k.lease++
		k.chronicle.note("task %d receives job %s", k.number, k.job.id)
		k.in(k.shortly(), k.take)
	}
}

// idle is after an empty receive: the task may be stopped.
func (k *worker) idle() {
	if !k.protected.IsZero() {
		k.protect(false)
	}
	k.in(k.between(time.Second, 20*time.Second), k.receive)
}

// take begins with the job of the message, unless the task cannot be protected
// or the job is done.
func (k *worker) take() {
	if k.stopping {
		k.handBack(0)
		k.exit(0)
		return
	}
	if k.protected.IsZero() && !k.protect(true) {
		k.handBack(0)
		k.in(rest, k.receive)
		return
	}
	switch done, err := k.isDone(k.job); {
	case err != nil:
		k.handBack(10 * time.Second)
		k.in(rest, k.receive)
		return
	case done:
		k.chronicle.note("task %d finds job %s done", k.number, k.job.id)
		k.remove()
		return
	}
	lease := k.lease
	k.beat(lease)
	k.mischief()
	k.in(k.job.takes, func() {
		if k.lease == lease {
			k.finish()
		}
	})
}

// mischief is what SQS may do, and does rarely: another worker gets the message
// too.
func (k *worker) mischief() {
	if !k.storms() || !k.chance(k.plan.twice) {
		return
	}
	job, receipt := k.job, k.receipt
	k.after(k.between(0, 2*heartbeat), func() {
		k.chronicle.note("job %s is delivered once more", job.id)
		k.hide(receipt, 0)
	})
}

func (k *worker) beat(lease int) {
	k.in(heartbeat, func() {
		if k.lease != lease || k.job == nil {
			return
		}
		k.hide(k.receipt, visibility)
		if !time.Now().Before(k.renewAt) {
			k.protect(true)
		}
		k.beat(lease)
	})
}

// finish is after the command has ended.
func (k *worker) finish() {
	if k.job.failures > 0 {
		k.job.failures--
		k.chronicle.note("job %s fails", k.job.id)
		k.handBack(k.between(0, 5*time.Minute))
		k.in(k.shortly(), k.receive)
		return
	}
	granted, err := k.putResult(k.job)
	if err != nil {
		lease := k.lease
		k.in(k.between(time.Second, 10*time.Second), func() {
			if k.lease == lease {
				k.finish()
			}
		})
		return
	}
	k.chronicle.note("task %d puts the result of job %s: %t", k.number, k.job.id, granted)
	if granted {
		k.job.results++
	}
	if k.job.results != 1 {
		k.chronicle.blame("job %s has %d results", k.job.id, k.job.results)
	}
	if k.storms() && k.chance(k.plan.dying) {
		k.exit(137)
		return
	}
	k.remove()
}

func (k *worker) remove() {
	// A message that is not deleted comes again, and finds its job done.
	_, _ = k.queues.DeleteMessage(k.ctx(), &sdksqs.DeleteMessageInput{QueueUrl: &k.queue, ReceiptHandle: &k.receipt})
	k.drop()
	k.in(k.shortly(), k.receive)
}

func (k *worker) drop() {
	k.job, k.receipt = nil, ""
	k.lease++
}

func (k *worker) handBack(after time.Duration) {
	k.hide(k.receipt, after)
	k.drop()
}

// hide changes a message's visibility. One that cannot be changed comes again
// by itself.
func (k *worker) hide(receipt string, d time.Duration) {
	_, _ = k.queues.ChangeMessageVisibility(k.ctx(), &sdksqs.ChangeMessageVisibilityInput{
		QueueUrl: &k.queue, ReceiptHandle: &receipt, VisibilityTimeout: int32(d.Seconds()),
	})
}

// stop is SIGTERM.
func (k *worker) stop() {
	k.chronicle.note("task %d is told to stop", k.number)
	k.judgeStop()
	if k.stopping {
		return
	}
	k.stopping = true
	if k.chance(k.plan.stubborn) {
		return // it works on until it is killed
	}
	k.in(k.between(time.Millisecond, 5*time.Second), func() {
		if k.job != nil {
			k.handBack(0)
		}
		k.exit(0)
	})
}

// judgeStop holds the scheduler to what it promised a protected task.
func (k *worker) judgeStop() {
	if !time.Now().Before(k.protected) || k.engine == nil || k.leaving {
		return
	}
	out, err := k.tasks.DescribeTasks(k.ctx(), &sdkecs.DescribeTasksInput{Tasks: []string{k.container.Task}})
	if err != nil || len(out.Tasks) == 0 {
		k.chronicle.blame("task %d is stopped, and not described: %v", k.number, err)
		return
	}
	if t := out.Tasks[0]; t.StopCode == types.TaskStopCodeServiceSchedulerInitiated {
		k.chronicle.blame("task %d was protected until %s and is stopped: %s", k.number, k.protected.Sub(k.begin), aws.ToString(t.StoppedReason))
	}
}

func (k *worker) exit(code int) {
	k.chronicle.note("task %d exits with %d", k.number, code)
	k.machine.end(k.proc, code)
}

// protect asks for protection or gives it up, and says whether that was done.
func (k *worker) protect(enabled bool) bool {
	body, err := json.Marshal(map[string]any{"ProtectionEnabled": enabled, "ExpiresInMinutes": int(protection.Minutes())})
	if !enabled {
		body = []byte(`{"ProtectionEnabled": false}`)
	}
	k.must(err)
	request, err := http.NewRequestWithContext(k.ctx(), http.MethodPut, k.env("ECS_AGENT_URI")+"/task-protection/v1/state", bytes.NewReader(body))
	k.must(err)
	response, err := k.aws.HTTPClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	var reply struct {
		Protection *struct{ ProtectionEnabled bool }
		Failure    *struct{ Reason string }
		Error      *struct{ Code string }
	}
	k.must(json.NewDecoder(response.Body).Decode(&reply))
	if reply.Protection == nil {
		k.chronicle.note("task %d is refused protection: %+v %+v", k.number, reply.Failure, reply.Error)
		return false
	}
	k.protected, k.renewAt = time.Time{}, time.Time{}
	if enabled {
		k.protected, k.renewAt = time.Now().Add(protection), time.Now().Add(protection/2)
	}
	return true
}

func (w *world) isDone(j *job) (bool, error) {
	_, err := w.objects.HeadObject(w.ctx(), &sdks3.HeadObjectInput{Bucket: new(bucketName), Key: new("results/" + j.id)})
	if fault, ok := errors.AsType[smithy.APIError](err); ok && fault.ErrorCode() == "NotFound" {
		return false, nil
	}
	return err == nil, err
}

// putResult puts a job's result, if there is none.
func (w *world) putResult(j *job) (granted bool, err error) {
	_, err = w.objects.PutObject(w.ctx(), &sdks3.PutObjectInput{
		Bucket: new(bucketName), Key: new("results/" + j.id), Body: bytes.NewReader([]byte("{}")), IfNoneMatch: new("*"),
	})
	if fault, ok := errors.AsType[smithy.APIError](err); ok && fault.ErrorCode() == "PreconditionFailed" {
		return false, nil
	}
	return err == nil, err
}
