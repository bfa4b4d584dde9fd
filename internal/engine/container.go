package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/spate-run/spate/internal/runner"
	"github.com/spate-run/spate/internal/runner/docker"
	"github.com/spate-run/spate/internal/wire"
)

// runners run folders of this machine as processes, and images in Docker. Docker
// is looked for when the first image is to run: who has folders needs none.
type runners struct {
	processes *runner.Process
	config    docker.Config
	mark      string // of this home, in the names of images
	owner     string // begins the session tokens of tasks' credentials
	release   func(token string)
	none      bool // no container is started or looked for

	mu     sync.Mutex
	docker *docker.Runner // nil: not connected yet
}

var _ runner.Keeper = (*runners)(nil)

// connected is Docker. It is looked for again after it was not there.
func (r *runners) connected(ctx context.Context) (*docker.Runner, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.docker != nil {
		return r.docker, nil
	}
	found, err := docker.Connect(ctx, r.config)
	if err != nil {
		return nil, err
	}
	r.docker = found
	return found, nil
}

// Start starts a container as its image says.
func (r *runners) Start(ctx context.Context, c runner.Container) (runner.Running, error) {
	if filepath.IsAbs(c.Image) {
		return r.start(ctx, r.processes, c, r.owner)
	}
	engine, err := r.connected(ctx)
	if err != nil {
		return nil, fmt.Errorf("CannotPullContainerError: image %s needs Docker or Podman: %w", c.Image, err)
	}
	if !c.Worker {
		return r.start(ctx, engine, c, others)
	}
	return r.start(ctx, engine, c, r.lasting())
}

// lasting begins the session tokens of workers in containers, which may outlive
// the engine: what they hold is not handed back when it starts anew.
func (r *runners) lasting() string { return r.owner + ".container" }

// others begins the session tokens of other programs in containers, whose
// messages nobody hands back for them.
const others = "container"

// start starts a container with credentials of its own.
func (r *runners) start(ctx context.Context, with runner.Runner, c runner.Container, owner string) (runner.Running, error) {
	token := tokenOf(owner, c)
	c.Engine = slices.Clone(c.Engine)
	for i, variable := range c.Engine {
		if strings.HasPrefix(variable, sessionToken) {
			c.Engine[i] = sessionToken + token
		}
	}
	running, err := with.Start(ctx, c)
	if err != nil {
		return nil, err
	}
	return r.watched(&holding{Running: running}, c, token), nil
}

// tokenOf is the session token of a container's credentials.
func tokenOf(owner string, c runner.Container) string { return owner + "/" + c.Task + "/" + c.ID }

// watched hands back what a worker holds of queues when it is killed, in its
// place. Other programs' messages wait for their visibility timeout, as on AWS.
func (r *runners) watched(h *holding, c runner.Container, token string) runner.Running {
	if !c.Worker {
		return h.Running
	}
	h.release = sync.OnceFunc(func() { r.release(token) })
	return h
}

// A holding is a worker that may hold messages.
type holding struct {
	runner.Running
	adopted bool // an earlier engine started it
	release func()
}

// Wait hands back what a worker has not: one that ends by itself does, if there
// is an engine to hand it to.
func (h *holding) Wait() runner.Exit {
	exit := h.Running.Wait()
	if exit.Code != 0 || h.adopted {
		h.release()
	}
	return exit
}

// Survivors are the containers that an earlier engine of this home left.
func (r *runners) Survivors(ctx context.Context) ([]runner.Survivor, error) {
	if r.none {
		return nil, nil
	}
	engine, err := r.connected(ctx)
	if err != nil {
		return nil, err
	}
	return engine.Survivors(ctx)
}

// Adopt takes one of them back.
func (r *runners) Adopt(ctx context.Context, c runner.Container, from time.Time) (runner.Running, error) {
	engine, err := r.connected(ctx)
	if err != nil {
		return nil, err
	}
	running, err := engine.Adopt(ctx, c, from)
	if err != nil {
		return nil, err
	}
	return r.watched(&holding{Running: running, adopted: true}, c, tokenOf(r.lasting(), c)), nil
}

// Clear removes what a task has left in Docker, and hands back what its workers
// held. Processes leave nothing.
func (r *runners) Clear(ctx context.Context, task string) error {
	r.mu.Lock()
	engine := r.docker
	r.mu.Unlock()
	if engine == nil {
		return nil
	}
	if err := engine.Clear(ctx, task); err != nil {
		return err // what is left may still work
	}
	r.release(r.lasting() + "/" + task)
	return nil
}

// Stats are Docker's statistics of a container. Nothing measures processes.
func (r *runners) Stats(ctx context.Context, id string) (json.RawMessage, error) {
	r.mu.Lock()
	engine := r.docker
	r.mu.Unlock()
	if engine == nil {
		return nil, errors.New("it is no container of Docker's")
	}
	return engine.Stats(ctx, id)
}

// Place tells where a container of Docker's is reached.
func (r *runners) Place(ctx context.Context, id string) (runner.Place, error) {
	r.mu.Lock()
	engine := r.docker
	r.mu.Unlock()
	if engine == nil {
		return runner.Place{}, errors.New("it is no container of Docker's")
	}
	return engine.Place(ctx, id)
}

// Discard removes an image that was built for this home and has been unused
// since a moment. Others are not the engine's to remove.
func (r *runners) Discard(ctx context.Context, image string, unused time.Time) error {
	if r.none || !docker.IsBuilt(image, r.mark) {
		return nil
	}
	engine, err := r.connected(ctx)
	if err != nil {
		return err
	}
	return engine.Discard(ctx, image, unused)
}

// Close lets go of Docker.
func (r *runners) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.docker == nil {
		return nil
	}
	return r.docker.Close()
}

// sessionToken is the variable of a task's session token.
const sessionToken = "AWS_SESSION_TOKEN="

// newRunners makes the runners of a home.
func (e *Engine) newRunners(h home, inProcess aws.Config) (*runners, error) {
	processes, err := runner.NewProcess(runner.ProcessConfig{Worker: e.cfg.Worker, Dir: h.work(), Owner: e.owner})
	if err != nil {
		return nil, err
	}
	worker, err := containerWorker(e.cfg.Worker)
	if err != nil {
		return nil, err
	}
	return &runners{
		processes: processes,
		owner:     e.owner,
		mark:      Mark(string(h)),
		release:   e.release,
		none:      e.cfg.Quiet,
		config: docker.Config{
			Owner: e.owner, Worker: worker, Endpoint: e.address.Endpoint, Log: e.cfg.Log,
			Listen: func(at netip.Addr) (string, error) { return e.bridge.listen(at, e.address.Endpoint) },
			Login: func(ctx context.Context, registry string) (string, string, error) {
				return login(ctx, inProcess, registry, e.address.Endpoint)
			},
		},
	}, nil
}

// release hands back what a task holds that was killed.
func (e *Engine) release(token string) {
	if err := e.services.sqs.HandBack(context.Background(), token); err != nil {
		e.cfg.Log.Warn("handing back the messages of a task that was killed", "error", err)
	}
}

// containerWorker is the spate program that stands in front of what images
// hold. It is one for Linux; elsewhere such a one lies beside this program.
func containerWorker(worker string) (string, error) {
	if worker == "" {
		self, err := os.Executable()
		if err != nil {
			return "", fmt.Errorf("finding this program's file: %w", err)
		}
		worker = self
	}
	if runtime.GOOS != "linux" {
		worker = filepath.Join(filepath.Dir(worker), "spate-linux-"+runtime.GOARCH)
	}
	return filepath.Abs(worker)
}

// login is who pulls from the engine's own registry; others are open.
func login(ctx context.Context, inProcess aws.Config, registry, endpoint string) (user, password string, err error) {
	at, err := url.Parse(endpoint)
	if err != nil || at.Host != registry {
		return "", "", err
	}
	var out struct {
		AuthorizationData [1]struct{ AuthorizationToken []byte }
	}
	registries := wire.NewCaller(inProcess, "ecr")
	if err := registries.Call(ctx, "GetAuthorizationToken", struct{}{}, &out); err != nil {
		return "", "", err
	}
	user, password, _ = strings.Cut(string(out.AuthorizationData[0].AuthorizationToken), ":")
	return user, password, nil
}
