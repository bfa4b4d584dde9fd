package run

import (
	"bufio"
	"context"
	"errors"
	"hash/fnv"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"

	"github.com/spate-run/spate/internal/record"
	"github.com/spate-run/spate/internal/wire"
)

// A Line is one that an attempt of a job printed.
type Line struct {
	record.Attempt
	Text string
}

// AllJobs is no index: a tail with it follows every job of a run.
const AllJobs = -1

// The pause between two looks of a tail, and how much of it each job that runs
// adds: GetLogEvents is for 25 requests a second.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
const (
	tailPause  = 300 * time.Millisecond
	tailPerJob = 50 * time.Millisecond
)

// Tail hands on what the jobs of a run print, or one of them, until they have
// their results. While an attempt runs its lines come from CloudWatch Logs,
// where tasks log; what was missed there comes from its log.txt, which is there
// when it has ended, unless it printed nothing.
func (r *Run) Tail(ctx context.Context, index int, emit func([]Line) error) error {
	if index != AllJobs {
		if err := r.check(index); err != nil {
			return err
		}
	}
	t := &tail{run: r, only: index, emit: emit, follower: r.Follow(),
		live: map[record.Attempt]*feed{}, told: map[record.Attempt]bool{}, ended: map[int]set{}}
	for {
		over, err := t.look(ctx)
		if err == nil {
			err = t.flush()
		}
		if over || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(tailPause + time.Duration(len(t.live))*tailPerJob):
		}
	}
}

// A tail is what was handed on so far.
type tail struct {
	run      *Run
	only     int
	emit     func([]Line) error
	lines    []Line // that were not handed on yet
	follower *Follower
	live     map[record.Attempt]*feed // attempts that run, or end
	told     map[record.Attempt]bool  // attempts of which all was handed on
	ended    map[int]set              // by generation: jobs that need no further look
}

// look hands on what has come since the last one, and says whether that was
// all.
func (t *tail) look(ctx context.Context) (over bool, err error) {
	// A task runs one job at a time: what it printed before a look at which an
	// attempt was still running is that attempt's.
	before := time.Now()
	p, err := t.follower.Look(ctx)
	if err != nil {
		return false, err
	}
	running := map[record.Attempt]bool{}
	for _, a := range p.Running {
		if !t.wants(a.Index) {
			continue
		}
		running[a.Attempt] = true
		if t.live[a.Attempt] == nil {
			if t.live[a.Attempt], err = t.run.openFeed(ctx, a.Attempt); err != nil {
				return false, err
			}
		}
	}
	for a, f := range t.live {
		if running[a] {
			err = t.print(ctx, a, f, before)
		} else {
			err = t.finish(ctx, a, f)
		}
		if err != nil {
			return false, err
		}
	}
	left, err := t.finished(ctx)
	return left == 0 && len(t.live) == 0, err
}

// atOnce is how many lines are handed on together.
const atOnce = 1000

func (t *tail) add(line Line) error {
	t.lines = append(t.lines, line)
	if len(t.lines) < atOnce {
		return nil
	}
	return t.flush()
}

func (t *tail) flush() error {
	if len(t.lines) == 0 {
		return nil
	}
	err := t.emit(t.lines)
	t.lines = t.lines[:0]
	return err
}

func (t *tail) wants(index int) bool { return t.only == AllJobs || t.only == index }

// print hands on what an attempt that runs has printed up to a time.
func (t *tail) print(ctx context.Context, a record.Attempt, f *feed, until time.Time) error {
	if err := f.fetch(ctx); err != nil {
		return err
	}
	n := 0
	for ; n < len(f.pending) && *f.pending[n].Timestamp < until.UnixMilli(); n++ {
		text := deref(f.pending[n].Message)
		f.printed.add(text)
		if err := t.add(Line{a, text}); err != nil {
			return err
		}
	}
	f.pending = slices.Delete(f.pending, 0, n)
	return nil
}

// closingLooks is how often the log of an attempt without a result is looked
// for: its end may be written first.
const closingLooks = 10

// finish hands on the rest of an attempt that has ended.
func (t *tail) finish(ctx context.Context, a record.Attempt, f *feed) error {
	err := t.printLog(ctx, a, &f.printed)
	if _, missing := errors.AsType[*NoLogError](err); missing {
		if f.closing++; f.closing < closingLooks && !t.hasResult(a) {
			return nil
		}
		err = nil // it was lost, or printed nothing
	}
	delete(t.live, a)
	t.told[a] = true
	return err
}

// hasResult says whether the job of an attempt has its result, which is written
// after the log.
func (t *tail) hasResult(a record.Attempt) bool {
	return slices.ContainsFunc(t.follower.outcomes, func(o outcome) bool {
		return o.generation.number == a.Generation && (o.done.has(a.Index) || o.failed.has(a.Index))
	})
}

// printLog hands on the log of an attempt that has ended, without what was
// handed on before.
func (t *tail) printLog(ctx context.Context, a record.Attempt, printed *printed) error {
	body, err := t.run.Stack.Records().Open(ctx, record.AttemptPrefix(t.run.ID, a.Index, a.Generation, a.Number)+"log.txt")
	if _, missing := errors.AsType[*record.NotFoundError](err); missing {
		return &NoLogError{Run: t.run.ID, Index: a.Index}
	}
	if err != nil {
		return err
	}
	defer body.Close()
	lines := bufio.NewReaderSize(body, 1<<16)
	for {
		text, err := lines.ReadString('\n')
		if text != "" && !printed.has(strings.TrimSuffix(text, "\n")) {
			if err := t.add(Line{a, strings.TrimSuffix(text, "\n")}); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// finished hands on the logs of jobs that have a result and were not seen
// running, and returns how many jobs have no result yet.
func (t *tail) finished(ctx context.Context) (left int, err error) {
	for _, o := range t.follower.outcomes {
		for index := range o.open.all {
			if t.wants(index) {
				left++
			}
		}
		number := o.generation.number
		have := o.done.or(o.failed)
		if t.ended[number] == nil {
			t.ended[number] = newSet(t.run.Jobs)
		}
		for index := range have.minus(t.ended[number]).all {
			t.ended[number].add(index)
			if !t.wants(index) {
				continue
			}
			if err := t.printResult(ctx, index, number); err != nil {
				return left, err
			}
		}
	}
	return left, nil
}

// printResult hands on the log of the attempt that decided a job.
func (t *tail) printResult(ctx context.Context, index, generation int) error {
	var row Row
	row.Index = index
	if err := t.run.readResult(ctx, &row, generation); err != nil {
		return err
	}
	a := record.Attempt{Index: index, Generation: generation, Number: row.Result.Attempt}
	if t.told[a] || t.live[a] != nil {
		return nil
	}
	t.told[a] = true
	err := t.printLog(ctx, a, &printed{})
	if _, missing := errors.AsType[*NoLogError](err); missing {
		return nil
	}
	return err
}

// A feed is the log of an attempt that runs: that of its task, from its start
// on.
type feed struct {
	run     *Run
	stream  string
	from    time.Time
	token   *string
	pending []types.OutputLogEvent // that came after the last look
	printed printed
	closing int
}

// streamPrefix begins the names of the log streams of a stack's tasks; the
// task's id ends them.
const streamPrefix = "spate/job/"

func (r *Run) openFeed(ctx context.Context, a record.Attempt) (*feed, error) {
	var start record.Start
	key := record.AttemptPrefix(r.ID, a.Index, a.Generation, a.Number) + "start.json"
	if err := r.Stack.Records().GetJSON(ctx, key, &start); err != nil {
		return nil, err
	}
	return &feed{run: r, stream: streamPrefix + TaskID(start.Task), from: start.Started}, nil
}

// fetch adds what has come to what is pending. The stream begins with the
// task's first line.
func (f *feed) fetch(ctx context.Context) error {
	for {
		out, err := wire.Call[cloudwatchlogs.GetLogEventsOutput](ctx, f.run.Stack.aws.Logs, &cloudwatchlogs.GetLogEventsInput{
			LogGroupName: &f.run.Stack.Logs, LogStreamName: &f.stream,
			StartTime: new(f.from.UnixMilli()), StartFromHead: new(true), NextToken: f.token,
		})
		if fault, ok := errors.AsType[smithy.APIError](err); ok && fault.ErrorCode() == "ResourceNotFoundException" {
			return nil
		}
		if err != nil {
			return err
		}
		f.pending = append(f.pending, out.Events...)
		// At the end the token is the one that was sent.
		if f.token != nil && *out.NextForwardToken == *f.token || len(f.pending) > mostPending {
			return nil
		}
		f.token = out.NextForwardToken
	}
}

// mostPending bounds what is read before it is handed on.
const mostPending = 20_000

// printed remembers the lines that were handed on of an attempt, so that its
// log can be gone through for those that were not. Of all but the newest it
// remembers no more than their number.
type printed struct {
	early  int
	newest []uint64
}

const mostPrinted = 10_000

// hashOf is a line's hash.
func hashOf(text string) uint64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, text)
	return h.Sum64()
}

func (p *printed) add(text string) {
	if len(p.newest) >= 2*mostPrinted {
		p.early += mostPrinted
		p.newest = slices.Delete(p.newest, 0, mostPrinted)
	}
	p.newest = append(p.newest, hashOf(text))
}

// has says whether the next line of a log was handed on. Lines of the worker
// itself stand between those of its job, and are passed over. CloudWatch Logs
// has no empty lines.
func (p *printed) has(text string) bool {
	if p.early > 0 {
		if text != "" {
			p.early--
		}
		return true
	}
	if text == "" {
		return len(p.newest) > 0
	}
	at := slices.Index(p.newest, hashOf(strings.ToValidUTF8(text, "\uFFFD")))
	if at < 0 {
		return false
	}
	p.newest = p.newest[at+1:]
	return true
}
