package simulation

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spate-run/spate/internal/engine/sqs"
	"github.com/spate-run/spate/internal/runner"
)

// A machine is where containers are: entries in memory that the driver boots
// and ends. They outlive engines.
type machine struct {
	mu       sync.Mutex
	live     []*proc // started or starting, not ended
	starting []*proc // not yet looked at by the driver
	stopping []*proc // likewise
	wake     chan struct{}
}

// A proc is one container.
type proc struct {
	container runner.Container
	token     string        // session token of its credentials
	boot      chan struct{} // closed when it has started, or cannot
	refusal   error         // set before boot is closed
	over      chan struct{} // closed when it has ended
	exit      runner.Exit   // set before over is closed
	asked     bool          // to stop, guarded by the machine's mu
	gone      bool          // likewise
}

func (p *proc) env(name string) string {
	for _, pair := range p.container.Env {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value
		}
	}
	return ""
}

func (m *machine) tell() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// end ends a container, once.
func (m *machine) end(p *proc, code int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p.gone {
		return
	}
	p.gone = true
	p.exit = runner.Exit{Code: code}
	m.live = slices.DeleteFunc(m.live, func(other *proc) bool { return other == p })
	close(p.over)
}

// ended says whether a container has ended.
func (m *machine) ended(p *proc) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return p.gone
}

// running are the containers that nobody has asked to stop.
func (m *machine) running() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, p := range m.live {
		if !p.asked {
			n++
		}
	}
	return n
}

func (m *machine) all() []*proc {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.live)
}

// news are the containers that were started, and those that were asked to stop,
// since the last call. What happens at one moment has no order of its own:
// tasks' ids give it one.
func (m *machine) news() (starting, stopping []*proc) {
	m.mu.Lock()
	defer m.mu.Unlock()
	starting, stopping, m.starting, m.stopping = m.starting, m.stopping, nil, nil
	byTask := func(a, b *proc) int { return cmp.Compare(a.container.Task, b.container.Task) }
	slices.SortFunc(starting, byTask)
	slices.SortFunc(stopping, byTask)
	return starting, stopping
}

// A facade is the machine as one engine sees it, until that engine dies.
type facade struct {
	world  *world
	queues *sqs.Service
	dead   chan struct{}
}

func newFacade(w *world) *facade { return &facade{world: w, dead: make(chan struct{})} }

// detach cuts a dead engine off: nothing that it still does has an effect.
func (f *facade) detach() { close(f.dead) }

func (f *facade) isDead() bool {
	select {
	case <-f.dead:
		return true
	default:
		return false
	}
}

// runner is the machine as a runner whose containers outlive engines, or not.
func (f *facade) runner() runner.Runner {
	if f.world.plan.keeper {
		return keeper{f}
	}
	return f
}

func (f *facade) Start(ctx context.Context, c runner.Container) (runner.Running, error) {
	if f.isDead() {
		return nil, errors.New("the engine is dead")
	}
	m := f.world.machine
	p := &proc{container: c, boot: make(chan struct{}), over: make(chan struct{}), token: tasksToken + "/" + c.ID}
	if f.world.plan.keeper {
		p.token = lastingToken + "/" + c.Task + "/" + c.ID
	}
	m.mu.Lock()
	m.live = append(m.live, p)
	m.starting = append(m.starting, p)
	m.mu.Unlock()
	m.tell()
	select {
	case <-f.dead:
		return nil, errors.New("the engine is dead")
	case <-ctx.Done():
		m.end(p, 137)
		return nil, ctx.Err()
	case <-p.over:
		return nil, errors.New("the container was lost while it started")
	case <-p.boot:
		if p.refusal != nil {
			m.end(p, 1)
			return nil, p.refusal
		}
		return &view{p, f}, nil
	}
}

// A view is a container as an engine sees it.
type view struct {
	*proc
	facade *facade
}

func (v *view) PID() int { return 0 }

func (v *view) Wait() runner.Exit {
	select {
	case <-v.over:
		v.facade.release(v.proc)
		return v.exit
	case <-v.facade.dead:
		return runner.Exit{Code: 137}
	}
}

// release hands back what a process held, as the engine does.
func (f *facade) release(p *proc) {
	if !f.isDead() {
		// An error leaves its message hidden until the lease ends.
		_ = f.queues.HandBack(context.Background(), p.token)
	}
}

func (v *view) Stop() {
	if v.facade.isDead() {
		return
	}
	m := v.facade.world.machine
	m.mu.Lock()
	if !v.asked && !v.gone {
		v.asked = true
		m.stopping = append(m.stopping, v.proc)
	}
	m.mu.Unlock()
	m.tell()
	select {
	case <-v.over:
	case <-v.facade.dead:
	case <-time.After(cmp.Or(v.container.StopTimeout, 30*time.Second)):
		m.end(v.proc, 137)
	}
}

// A keeper is a facade whose containers outlive the engine.
type keeper struct{ *facade }

func (k keeper) Survivors(context.Context) ([]runner.Survivor, error) {
	var found []runner.Survivor
	for _, p := range k.world.machine.all() {
		found = append(found, runner.Survivor{ID: p.container.ID, Task: p.container.Task})
	}
	return found, nil
}

func (k keeper) Adopt(_ context.Context, c runner.Container, _ time.Time) (runner.Running, error) {
	for _, p := range k.world.machine.all() {
		if p.container.ID == c.ID {
			return &view{p, k.facade}, nil
		}
	}
	return nil, errors.New("there is no such container")
}

func (k keeper) Clear(_ context.Context, task string) error {
	for _, p := range k.world.machine.all() {
		if p.container.Task == task && !k.isDead() {
			k.world.machine.end(p, 137)
		}
	}
	if !k.isDead() {
		_ = k.queues.HandBack(context.Background(), lastingToken+"/"+task) // an error: as in release
	}
	return nil
}
