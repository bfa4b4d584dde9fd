package ecs_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spate-run/spate/internal/runner"
)

// A machine is a runner whose containers are entries in memory. They end when
// they are told to, and on SIGTERM unless they are stubborn.
type machine struct {
	mu       sync.Mutex
	refusal  string // why nothing can be started; empty: everything can
	stubborn bool   // containers that start now ignore SIGTERM
	running  []*process
	started  []runner.Container
	at       []time.Time // when each was started
	cleared  []string    // tasks
	discards []string    // images
}

func (m *machine) Start(ctx context.Context, c runner.Container) (runner.Running, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.started = append(m.started, c)
	m.at = append(m.at, time.Now())
	if m.refusal != "" {
		return nil, errors.New(m.refusal)
	}
	p := &process{container: c, machine: m, stubborn: m.stubborn, over: make(chan struct{})}
	m.running = append(m.running, p)
	return p, nil
}

// Survivors are the containers that run: those of a rig before, where a test
// hands its machine on.
func (m *machine) Survivors(context.Context) ([]runner.Survivor, error) {
	var found []runner.Survivor
	for _, p := range m.processes("") {
		found = append(found, runner.Survivor{ID: p.container.ID, Task: p.container.Task})
	}
	return found, nil
}

func (m *machine) Adopt(_ context.Context, c runner.Container, _ time.Time) (runner.Running, error) {
	for _, p := range m.processes("") {
		if p.container.ID == c.ID {
			return p, nil
		}
	}
	return nil, errors.New("there is no such container")
}

func (m *machine) Clear(_ context.Context, task string) error {
	m.mu.Lock()
	m.cleared = append(m.cleared, task)
	m.mu.Unlock()
	for _, p := range m.processes("") {
		if p.container.Task == task {
			p.end(137)
		}
	}
	return nil
}

// Stats are a container's name.
func (m *machine) Stats(_ context.Context, id string) (json.RawMessage, error) {
	if len(m.processes(id[strings.LastIndex(id, "-")+1:])) == 0 || strings.HasSuffix(id, "-unknown") {
		return nil, errors.New("there is no such container")
	}
	return json.Marshal(map[string]string{"name": id[strings.LastIndex(id, "-")+1:]})
}

// Place is the same for all: their ports are those that were asked for, or 40000.
func (m *machine) Place(_ context.Context, id string) (runner.Place, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	place := runner.Place{
		Address: netip.MustParsePrefix("172.17.0.2/16"), Gateway: netip.MustParseAddr("172.17.0.1"),
		MAC: "02:42:ac:11:00:02", Image: "sha256:1",
	}
	for _, p := range m.running {
		if p.container.ID == id {
			place.Ports = slices.Clone(p.container.Ports)
		}
	}
	for i := range place.Ports {
		place.Ports[i].Host = cmp.Or(place.Ports[i].Host, 40000)
	}
	return place, nil
}

// Discard takes note of an image, or says why it cannot be removed.
func (m *machine) Discard(_ context.Context, image string, _ time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refusal != "" {
		return errors.New(m.refusal)
	}
	m.discards = append(m.discards, image)
	return nil
}

// discarded are the images that were removed.
func (m *machine) discarded() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.discards)
}

func (m *machine) refuse(why string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refusal = why
}

// processes are the containers that run, of a name where one is given.
func (m *machine) processes(name string) []*process {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []*process
	for _, p := range m.running {
		if strings.HasSuffix(p.container.ID, "-"+name) || name == "" {
			found = append(found, p)
		}
	}
	return found
}

func (m *machine) starts() []runner.Container {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.started)
}

func (m *machine) startTimes() []time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.at)
}

// A process is one container of a machine.
type process struct {
	container runner.Container
	machine   *machine
	stubborn  bool
	once      sync.Once
	over      chan struct{}
	exit      runner.Exit
}

func (p *process) end(code int) {
	p.once.Do(func() {
		p.machine.mu.Lock()
		p.machine.running = slices.DeleteFunc(p.machine.running, func(other *process) bool { return other == p })
		p.machine.mu.Unlock()
		p.exit = runner.Exit{Code: code}
		close(p.over)
	})
}

func (p *process) Wait() runner.Exit {
	<-p.over
	return p.exit
}

func (p *process) Stop() {
	if !p.stubborn {
		p.end(143)
		return
	}
	select {
	case <-p.over:
	case <-time.After(p.container.StopTimeout):
		p.end(137)
	}
}

func (p *process) PID() int { return 0 }

func (p *process) env(name string) string {
	for _, pair := range p.container.Env {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value
		}
	}
	return ""
}
