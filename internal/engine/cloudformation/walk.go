package cloudformation

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"runtime/debug"
	"slices"
)

// A walk does steps in the order of a graph, as many at a time as it allows.
// Everything but the acts themselves happens on one goroutine, in waves:
//
//	begin what is ready ─► record ─► act ─► end what has ended ─┐
//	      ▲                                                     │
//	      └─────────────────────────────────────────────────────┘
//
// so that what acts mean to do is on disk before they do it, what they did
// before anything builds on it, and a wave costs one commit.
type walk struct {
	// after has an entry for every step: the steps that come before it. Names
	// that are no steps are ignored.
	after map[string][]string
	// begin prepares a step. A nil act means that nothing is to be done.
	begin func(step string) (*act, error)
	// record makes durable what begin and end have changed.
	record func() error
	// patient says that a failure only holds back the steps behind it, and
	// not all that have not begun.
	patient bool

	waiting  map[string][]string
	done     map[string]bool
	failed   []string
	next     map[string]*act // begun, and waiting for their record
	running  int
	outcomes chan outcome
}

// An act is what a step does, away from the walk's goroutine.
type act struct {
	// inert says that nothing outside the stack is touched: it is done at once,
	// without a wave of its own.
	inert bool
	// do acts. The context stop is done when the walk is not to go on: work
	// that can be broken off without harm ends with it.
	do func(ctx, stop context.Context) (made, error)
	// end takes the outcome; it may return what to do next.
	end func(made, error) (*act, error)
}

// A crash is a panic of what makes resources. It is that resource's failure, and
// not the engine's.
type crash struct {
	cause any
	stack []byte
}

func (c *crash) Error() string { return fmt.Sprintf("internal error: %v", c.cause) }

// attempt does the act; a panic is an error.
func (a *act) attempt(ctx, stop context.Context) (m made, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = &crash{cause, debug.Stack()}
		}
	}()
	return a.do(ctx, stop)
}

// An outcome is what came of an act.
type outcome struct {
	step string
	act  *act
	made made
	err  error
}

// run walks until nothing can be done any more, and returns the steps that
// failed, sorted. Once stop is done nothing begins any more, and what is under
// way is waited for. The end of ctx does the same, and what fails from then on
// is left out of the record: the walk is to be taken up again later.
func (w *walk) run(ctx, stop context.Context) ([]string, error) {
	stop, cancel := context.WithCancel(stop)
	defer cancel()
	w.waiting, w.done, w.next = maps.Clone(w.after), map[string]bool{}, map[string]*act{}
	w.outcomes = make(chan outcome, len(w.after)) // a step has one act at a time
	for {
		w.beginReady(ctx, stop)
		if err := w.record(); err != nil {
			w.drain()
			return nil, err
		}
		w.launch(ctx, stop)
		if w.running == 0 {
			slices.Sort(w.failed)
			return w.failed, nil
		}
		for o := range w.arrived() {
			w.running--
			if o.err != nil && ctx.Err() != nil {
				continue
			}
			next, err := o.act.end(o.made, o.err)
			w.settle(ctx, o.step, next, err)
		}
		if len(w.failed) > 0 && !w.patient {
			cancel()
		}
	}
}

// beginReady begins the steps that nothing holds back, and those that become
// ready by others having nothing to do.
func (w *walk) beginReady(ctx, stop context.Context) {
	for again := true; again; {
		again = false
		for _, step := range sortedKeys(w.waiting) {
			if stop.Err() != nil || len(w.failed) > 0 && !w.patient {
				return
			}
			if !w.ready(step) {
				continue
			}
			again = true
			delete(w.waiting, step)
			next, err := w.begin(step)
			w.settle(ctx, step, next, err)
		}
	}
}

func (w *walk) ready(step string) bool {
	return !slices.ContainsFunc(w.after[step], func(before string) bool {
		_, known := w.after[before]
		return known && !w.done[before]
	})
}

// settle notes where a step is after its begin or its act.
func (w *walk) settle(ctx context.Context, step string, next *act, err error) {
	for err == nil && next != nil && next.inert {
		var m made
		m, err = next.attempt(ctx, ctx)
		next, err = next.end(m, err)
	}
	switch {
	case err != nil:
		w.failed = append(w.failed, step)
	case next != nil:
		w.next[step] = next
	default:
		w.done[step] = true
	}
}

func (w *walk) launch(ctx, stop context.Context) {
	for step, a := range w.next {
		w.running++
		go func() {
			m, err := a.attempt(ctx, stop)
			w.outcomes <- outcome{step: step, act: a, made: m, err: err}
		}()
	}
	clear(w.next)
}

// arrived waits for an outcome, and takes all others that are there too.
func (w *walk) arrived() iter.Seq[outcome] {
	return func(yield func(outcome) bool) {
		for more := yield(<-w.outcomes); more; {
			select {
			case o := <-w.outcomes:
				more = yield(o)
			default:
				return
			}
		}
	}
}

// drain waits for what is under way.
func (w *walk) drain() {
	for ; w.running > 0; w.running-- {
		<-w.outcomes
	}
}
