package ecs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"

	"github.com/spate-run/spate/internal/engine/ecs"
	"github.com/spate-run/spate/internal/runner"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

var account = wire.Account{ID: "000000000000", Region: "us-east-1"}

// A rig is ECS on a machine in memory, and the SDK's client for it.
type rig struct {
	testing.TB
	*sdk.Client
	machine  *machine
	capacity *runner.Capacity
	store    *store.Store
	service  *ecs.Service
	agent    http.Handler
	logs     *streams
	stop     func() error // ends Run as the engine does, and waits for it
}

// in runs a test in a bubble of its own time, on a rig with room for slots
// tasks of 1 vCPU and 2 GB.
func in(t *testing.T, slots int, test func(r *rig)) {
	t.Helper()
	inSize(t, runner.Size{CPU: 1024 * slots, Memory: 2048 * slots}, test)
}

// inSize runs it on a rig of a size.
func inSize(t *testing.T, size runner.Size, test func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRigWith(t, filepath.Join(t.TempDir(), "x.db"), size, &machine{})
		r.base()
		test(r)
		if err := r.stop(); err != nil {
			t.Error(err)
		}
		if left := r.machine.processes(""); len(left) > 0 {
			t.Errorf("got %d containers after the end, want none", len(left))
		}
		r.wantFree()
	})
}

func newRig(t testing.TB, path string, slots int) *rig {
	t.Helper()
	return newRigOn(t, path, slots, &machine{})
}

// newRigOn is a rig on a machine where containers may run already.
func newRigOn(t testing.TB, path string, slots int, on *machine) *rig {
	t.Helper()
	return newRigWith(t, path, runner.Size{CPU: 1024 * slots, Memory: 2048 * slots}, on)
}

// newRigWith is a rig on a machine of a size, with GPUs of its own.
func newRigWith(t testing.TB, path string, size runner.Size, on *machine) *rig {
	t.Helper()
	var gpus []string
	for i := range size.GPUs {
		gpus = append(gpus, fmt.Sprintf("GPU-%d", i))
	}
	r := &rig{
		TB:       t,
		machine:  on,
		capacity: runner.NewCapacity(size),
		logs:     &streams{text: map[string]string{}},
	}
	var err error
	if r.store, err = store.Open(context.Background(), path); err != nil {
		t.Fatal(err)
	}
	r.service, err = ecs.New(context.Background(), ecs.Config{
		Store: r.store, Account: account,
		Runner: r.machine, Capacity: r.capacity, GPUs: gpus,
		Endpoint: "http://engine.local",
		Engine:   []string{"AWS_ENDPOINT_URL=http://engine.local"},
		Logs:     r.logs.open,
	})
	if err != nil {
		t.Fatal(err)
	}
	h := wire.NewHandler(wire.Config{Services: []*wire.Service{r.service.Wire()}})
	r.Client = sdk.NewFromConfig(wire.Client(h, nil, account))
	r.agent = r.service.AgentHandler()
	r.run()
	return r
}

func (r *rig) run() {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.service.Run(ctx) }()
	r.stop = sync.OnceValue(func() error {
		cancel()
		return errors.Join(<-ended, r.store.Close())
	})
}

// base makes the default cluster and the task definition "job".
func (r *rig) base() {
	r.Helper()
	must(r.CreateCluster(ctx(r), &sdk.CreateClusterInput{}))
	r.register("job", container("job"))
}

func ctx(r *rig) context.Context { return r.Context() }

func must[Out any](out Out, err error) Out {
	if err != nil {
		panic(err)
	}
	return out
}

func container(name string) types.ContainerDefinition {
	return types.ContainerDefinition{Name: &name, Image: aws.String("/" + name), Memory: aws.Int32(2048), Cpu: 1024}
}

func (r *rig) register(family string, containers ...types.ContainerDefinition) string {
	r.Helper()
	out, err := r.RegisterTaskDefinition(ctx(r), &sdk.RegisterTaskDefinitionInput{
		Family: &family, ContainerDefinitions: containers, Cpu: new("1024"), Memory: new("2048"),
	})
	if err != nil {
		r.Fatal(err)
	}
	return *out.TaskDefinition.TaskDefinitionArn
}

// serve makes the service "work" of the definition "job".
func (r *rig) serve(desired int) {
	r.Helper()
	_, err := r.CreateService(ctx(r), &sdk.CreateServiceInput{
		ServiceName: new("work"), TaskDefinition: new("job"), DesiredCount: aws.Int32(int32(desired)),
	})
	if err != nil {
		r.Fatal(err)
	}
	synctest.Wait()
}

func (r *rig) scale(desired int) {
	r.Helper()
	_, err := r.UpdateService(ctx(r), &sdk.UpdateServiceInput{Service: new("work"), DesiredCount: aws.Int32(int32(desired))})
	if err != nil {
		r.Fatal(err)
	}
	synctest.Wait()
}

func (r *rig) work() types.Service {
	r.Helper()
	out, err := r.DescribeServices(ctx(r), &sdk.DescribeServicesInput{Services: []string{"work"}})
	if err != nil {
		r.Fatal(err)
	}
	if len(out.Services) != 1 {
		r.Fatalf("got failures %+v, want the service", out.Failures)
	}
	return out.Services[0]
}

// messages are the service's events, oldest first, without ids.
func (r *rig) messages() string {
	r.Helper()
	var all []string
	for _, e := range r.work().Events {
		all = append([]string{*e.Message}, all...)
	}
	return strings.Join(all, "\n")
}

// tasks are all tasks of the default cluster that there are.
func (r *rig) tasks() []types.Task {
	r.Helper()
	var all []types.Task
	for _, desired := range []types.DesiredStatus{types.DesiredStatusRunning, types.DesiredStatusStopped} {
		pages := sdk.NewListTasksPaginator(r, &sdk.ListTasksInput{DesiredStatus: desired})
		for pages.HasMorePages() {
			list, err := pages.NextPage(ctx(r))
			if err != nil {
				r.Fatal(err)
			}
			if len(list.TaskArns) == 0 {
				continue
			}
			out, err := r.DescribeTasks(ctx(r), &sdk.DescribeTasksInput{Tasks: list.TaskArns})
			if err != nil {
				r.Fatal(err)
			}
			all = append(all, out.Tasks...)
		}
	}
	return all
}

// tally counts tasks by their last status.
func (r *rig) tally() map[string]int {
	r.Helper()
	n := map[string]int{}
	for _, t := range r.tasks() {
		n[*t.LastStatus]++
	}
	return n
}

func (r *rig) task(arn string) types.Task {
	r.Helper()
	out, err := r.DescribeTasks(ctx(r), &sdk.DescribeTasksInput{Tasks: []string{arn}})
	if err != nil {
		r.Fatal(err)
	}
	if len(out.Tasks) != 1 {
		r.Fatalf("got failures %+v, want task %s", out.Failures, arn)
	}
	return out.Tasks[0]
}

// runTask runs a standalone task of a family.
func (r *rig) runTask(family string) types.Task {
	r.Helper()
	out, err := r.RunTask(ctx(r), &sdk.RunTaskInput{TaskDefinition: &family})
	if err != nil {
		r.Fatal(err)
	}
	synctest.Wait()
	return out.Tasks[0]
}

func (r *rig) wantFree() {
	r.Helper()
	if total := r.capacity.Total(); r.capacity.Reserve(total) {
		r.capacity.Release(total)
		return
	}
	r.Errorf("got capacity in use, want all of it free")
}

// protection calls the task protection endpoint of a container.
func (r *rig) protection(p *process, method, body string) (int, string) {
	r.Helper()
	return r.get(method, p.env("ECS_AGENT_URI")+"/task-protection/v1/state", body)
}

func (r *rig) get(method, url, body string) (int, string) {
	r.Helper()
	client := http.Client{Transport: wire.Transport(r.agent)}
	request, err := http.NewRequestWithContext(ctx(r), method, url, strings.NewReader(body))
	if err != nil {
		r.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		r.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		r.Fatal(err)
	}
	return response.StatusCode, string(bytes.TrimSpace(text))
}

// code is the AWS code of an error, and its message.
func code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode() + ": " + api.ErrorMessage()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// streams are log streams in memory.
type streams struct {
	mu     sync.Mutex
	text   map[string]string
	opened []ecs.LogStream
}

// open opens a stream, of any group but "none".
func (s *streams) open(_ context.Context, to ecs.LogStream) (ecs.Log, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened = append(s.opened, to)
	if to.Group == "none" && !to.MakeGroup {
		return ecs.Log{}, wire.Faultf("ResourceNotFoundException", "The specified log group does not exist.")
	}
	return ecs.Log{WriteCloser: &logStream{streams: s, name: to.Group + " " + to.Stream}}, nil
}

type logStream struct {
	streams *streams
	name    string
}

func (w *logStream) Write(p []byte) (int, error) {
	w.streams.mu.Lock()
	defer w.streams.mu.Unlock()
	w.streams.text[w.name] += string(p)
	return len(p), nil
}

func (w *logStream) Close() error {
	_, err := w.Write([]byte("(closed)"))
	return err
}
