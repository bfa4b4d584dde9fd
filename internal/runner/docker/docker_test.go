package docker_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/spate-run/spate/internal/runner"
	"github.com/spate-run/spate/internal/runner/docker"
	"github.com/spate-run/spate/internal/runner/docker/dockertest"
	"github.com/spate-run/spate/internal/runner/runnertest"
)

// A rig is a runner on this machine's Docker engine, whose containers and
// volumes end with the test.
type rig struct {
	*testing.T
	*docker.Runner
	api   *client.Client
	owner string
	probe string // the path of the probe, which stands in for the worker
}

func newRig(t *testing.T, change func(*docker.Config)) *rig {
	t.Helper()
	r := &rig{T: t, api: dockertest.Client(t), owner: "test of " + t.Name(), probe: dockertest.Program(t, "./testdata/probe")}
	config := docker.Config{Owner: r.owner, Worker: r.probe}
	if change != nil {
		change(&config)
	}
	var err error
	if r.Runner, err = docker.Connect(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	// Of a test that was killed there may be some left.
	if err := r.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if left := r.left(); len(left) > 0 {
			t.Errorf("left in Docker: %q", left)
		}
		if err := r.Sweep(context.Background()); err != nil {
			t.Error(err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// left are the containers and volumes that the rig has in Docker.
func (r *rig) left() []string {
	r.Helper()
	own := client.Filters{}.Add("label", "spate.owner="+r.owner)
	containers, err := r.api.ContainerList(context.Background(), client.ContainerListOptions{All: true, Filters: own})
	if err != nil {
		r.Fatal(err)
	}
	volumes, err := r.api.VolumeList(context.Background(), client.VolumeListOptions{Filters: own})
	if err != nil {
		r.Fatal(err)
	}
	var left []string
	for _, c := range containers.Items {
		left = append(left, c.Names...)
	}
	for _, v := range volumes.Items {
		left = append(left, v.Name)
	}
	return left
}

// image is one FROM scratch that holds the probe.
func (r *rig) image(changes ...string) string {
	r.Helper()
	return dockertest.Image(r, r.api, dockertest.Files(r, "probe", r.probe), changes...)
}

// id names a container after the test.
func (r *rig) id() string {
	return strings.Map(func(c rune) rune {
		if strings.ContainsRune("/ ,'", c) {
			return '-'
		}
		return c
	}, r.Name())
}

// run runs a container to its end, and returns what it printed.
func (r *rig) run(c runner.Container) (string, runner.Exit) {
	r.Helper()
	var out syncBuffer
	c.Stdout, c.Stderr = &out, &out
	if c.ID == "" {
		c.ID = r.id()
	}
	running, err := r.Start(r.Context(), c)
	if err != nil {
		r.Fatal(err)
	}
	exit := running.Wait()
	return out.String(), exit
}

func (r *rig) want(c runner.Container, want string) {
	r.Helper()
	got, exit := r.run(c)
	if diff := cmp.Diff(want, got); diff != "" {
		r.Errorf("output (-want +got):\n%s", diff)
	}
	if exit != (runner.Exit{}) {
		r.Errorf("got exit %+v, want 0", exit)
	}
}

type syncBuffer struct {
	mu   sync.Mutex
	data bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.String()
}

func TestDockerIsARunner(t *testing.T) {
	r := newRig(t, nil)
	runnertest.Run(t, runnertest.Config{Runner: r.Runner, Image: dockertest.Image(t, r.api, dockertest.Shell(t))})
}

func TestAnImageThatNobodyHas(t *testing.T) {
	r := newRig(t, nil)
	_, err := r.Start(t.Context(), runner.Container{ID: r.id(), Image: "127.0.0.1:1/nobody/has:this", Command: []string{"true"}})
	const want = "CannotPullContainerError: Error response from daemon: "
	if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("got error %v, want one that begins with %q and names the registry", err, want)
	}
}

func TestNoDockerEngine(t *testing.T) {
	_, err := docker.Connect(t.Context(), docker.Config{Hosts: []string{"unix:///nowhere/docker.sock"}})
	if err == nil || !strings.HasPrefix(err.Error(), "neither Docker nor Podman answers at unix:///nowhere/docker.sock: ") {
		t.Errorf("got error %v, want one that tells where nobody answered", err)
	}
}

func TestMemoryThatRunsOutIsTold(t *testing.T) {
	r := newRig(t, nil)
	_, exit := r.run(runner.Container{
		Image: r.image(), Entrypoint: []string{"/probe"}, Command: []string{"eat"},
		Box: runner.Box{Size: runner.Size{Memory: 32}},
	})
	want := runner.Exit{Code: 137, Reason: "OutOfMemoryError: Container killed due to memory usage"}
	if diff := cmp.Diff(want, exit); diff != "" {
		t.Errorf("exit (-want +got):\n%s", diff)
	}
}

func TestTheBoxIsDockers(t *testing.T) {
	r := newRig(t, nil)
	ended, err := r.Start(t.Context(), runner.Container{
		ID: r.id(), Task: "t1", Image: r.image(), Entrypoint: []string{"/probe"}, Command: []string{"wait"}, WorkingDirectory: "/there",
		StopTimeout: 1,
		Box: runner.Box{
			Labels: map[string]string{"a": "b"}, User: "12:34", Hostname: "here",
			Size: runner.Size{CPU: 512, Memory: 64}, MemoryReservation: 32, Swap: 16,
			ReadOnly: true, Init: true, ExtraHosts: []string{"db:10.0.0.1"}, DNS: []string{"10.0.0.2"}, DNSSearch: []string{"x.example"},
			SharedMemory: 8, Tmpfs: map[string]string{"/run": "size=1m,mode=1777"},
			AddCapabilities: []string{"SYS_PTRACE"}, DropCapabilities: []string{"MKNOD"},
			Ulimits: []runner.Ulimit{{Name: "nofile", Soft: 100, Hard: 200}},
			Sysctls: map[string]string{"net.core.somaxconn": "1000"},
			Devices: []runner.Device{{Host: "/dev/null", Path: "/dev/nothing", Rights: "r"}},
			Mounts:  []runner.Mount{{Volume: "data", Path: "/data", ReadOnly: true}, {Folder: t.TempDir(), Path: "/folder"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	found, err := r.api.ContainerInspect(t.Context(), "spate-"+r.id(), client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ended.Stop()
	if err := r.Clear(t.Context(), "t1"); err != nil {
		t.Error(err)
	}
	config, host := found.Container.Config, found.Container.HostConfig
	for name, pair := range map[string][2]any{
		"label":        {config.Labels["a"], "b"},
		"user":         {config.User, "12:34"},
		"host name":    {config.Hostname, "here"},
		"folder":       {config.WorkingDir, "/there"},
		"cpu shares":   {host.CPUShares, int64(512)},
		"memory":       {host.Memory, int64(64 << 20)},
		"reservation":  {host.MemoryReservation, int64(32 << 20)},
		"swap":         {host.MemorySwap, int64(80 << 20)},
		"read-only":    {host.ReadonlyRootfs, true},
		"init":         {*host.Init, true},
		"extra hosts":  {host.ExtraHosts, []string{"db:10.0.0.1"}},
		"dns":          {host.DNS, []netip.Addr{netip.MustParseAddr("10.0.0.2")}},
		"dns search":   {host.DNSSearch, []string{"x.example"}},
		"/dev/shm":     {host.ShmSize, int64(8 << 20)},
		"tmpfs":        {host.Tmpfs, map[string]string{"/run": "size=1m,mode=1777"}},
		"capabilities": {[]string{host.CapAdd[0], host.CapDrop[0]}, []string{"CAP_SYS_PTRACE", "CAP_MKNOD"}},
		"ulimit": {*host.Ulimits[0], struct {
			Name       string
			Hard, Soft int64
		}{"nofile", 200, 100}},
		"sysctls": {host.Sysctls, map[string]string{"net.core.somaxconn": "1000"}},
		"device":  {host.Devices[0].PathInContainer, "/dev/nothing"},
		"volume":  {found.Container.Mounts[0].Name + found.Container.Mounts[1].Name, "spate-t1-data"},
	} {
		if name == "ulimit" {
			continue // its type is another's; TestLimitsHold sees it
		}
		if diff := cmp.Diff(pair[1], pair[0], cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestATasksVolumesAreShared(t *testing.T) {
	r := newRig(t, nil)
	mounts := []runner.Mount{{Volume: "data", Path: "/data"}}
	writer := runner.Container{
		ID: r.id() + "-writer", Task: "t1", Image: r.image(), Entrypoint: []string{"/probe"}, Command: []string{"write=/data/x"},
		Box: runner.Box{Mounts: mounts},
	}
	r.want(writer, "write /data/x true\n")
	reader := writer
	reader.ID, reader.Command = r.id()+"-reader", []string{"read=/data/x"}
	r.want(reader, "read /data/x true written\n")
	other := reader
	other.ID, other.Task = r.id()+"-other", "t2"
	r.want(other, "read /data/x false \n")
	for _, task := range []string{"t1", "t2"} {
		if err := r.Clear(t.Context(), task); err != nil {
			t.Error(err)
		}
	}
}

func TestATasksContainersMeetOnLocalhost(t *testing.T) {
	r := newRig(t, nil)
	ready, out := io.Pipe()
	server := runner.Container{
		ID: r.id() + "-server", Task: "t1", Image: r.image(), Entrypoint: []string{"/probe"}, Command: []string{"listen=127.0.0.1:80"},
		StopTimeout: time.Second, Stdout: out,
		Box: runner.Box{Shared: true, Hostname: "here", ExtraHosts: []string{"db:10.0.0.1"}},
	}
	running, err := r.Start(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(ready, make([]byte, len("listening\n"))); err != nil {
		t.Fatal(err)
	}
	dialler := server
	dialler.ID, dialler.Command = r.id()+"-dialler", []string{"dial=127.0.0.1:80"}
	r.want(dialler, "hello\n")
	running.Stop()
	if err := r.Clear(t.Context(), "t1"); err != nil {
		t.Error(err)
	}
}

func TestHealthIsTold(t *testing.T) {
	r := newRig(t, nil)
	told := make(chan bool, 10)
	start := func(command ...string) runner.Running {
		running, err := r.Start(t.Context(), runner.Container{
			ID: r.id(), Image: r.image(), Entrypoint: []string{"/probe"}, Command: []string{"wait"}, StopTimeout: time.Second,
			Box: runner.Box{
				Health:  &runner.HealthCheck{Command: command, Interval: 100 * time.Millisecond, Timeout: 5 * time.Second, Retries: 1},
				Healthy: func(well bool) { told <- well },
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		return running
	}
	well := start("CMD", "/probe", "exit=0")
	if got := <-told; !got {
		t.Error("got ill, want well")
	}
	well.Stop()
	ill := start("CMD", "/probe", "exit=1")
	if got := <-told; got {
		t.Error("got well, want ill")
	}
	ill.Stop()
}

func TestGPUsThatAreNotThere(t *testing.T) {
	r := newRig(t, nil)
	running, err := r.Start(t.Context(), runner.Container{
		ID: r.id(), Image: r.image(), Entrypoint: []string{"/probe"}, Box: runner.Box{GPUs: 2},
	})
	if err == nil {
		running.Stop()
		t.Skip("SKIPPED: this machine has GPUs")
	}
	const word, fact = "CannotStartContainerError: ", "(the container asks for 2 GPU)"
	if !strings.HasPrefix(err.Error(), word) || !strings.HasSuffix(err.Error(), fact) {
		t.Errorf("got error %v, want %s… %s", err, word, fact)
	}
}

func TestContainersAreMeasured(t *testing.T) {
	r := newRig(t, nil)
	c := runner.Container{
		ID: r.id(), Image: r.image(), Entrypoint: []string{"/probe"}, Command: []string{"wait"}, StopTimeout: time.Second,
		Box: runner.Box{Size: runner.Size{Memory: 32}},
	}
	running, err := r.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	text, err := r.Stats(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	var got container.StatsResponse
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if strings.TrimPrefix(got.Name, "/") != "spate-"+c.ID || got.MemoryStats.Limit != 32<<20 || got.MemoryStats.Usage == 0 || got.PreCPUStats.SystemUsage == 0 {
		t.Errorf("got %s, want what the container uses of 32 MiB, and has used of the processors at two moments", text)
	}
	running.Stop()
	if text, err := r.Stats(t.Context(), c.ID); err == nil {
		t.Errorf("got %s of a container that has ended, want an error", text)
	}
}

// wantTraffic wants statistics that tell of what comes and goes.
func (r *rig) wantTraffic(id string) {
	r.Helper()
	text, err := r.Stats(r.Context(), id)
	if err != nil {
		r.Fatal(err)
	}
	var got struct {
		Networks map[string]container.NetworkStats `json:"networks"`
		Rates    map[string]float64                `json:"network_rate_stats"`
	}
	if err := json.Unmarshal(text, &got); err != nil {
		r.Fatal(err)
	}
	var received uint64
	for _, n := range got.Networks { // Docker's eth0, Podman's network
		received += n.RxBytes
	}
	if got.Rates["rx_bytes_per_sec"] <= 0 || got.Rates["tx_bytes_per_sec"] <= 0 || received == 0 {
		r.Errorf("got networks %+v, rates %v, want traffic", got.Networks, got.Rates)
	}
}

func TestContainersOutliveTheirRunner(t *testing.T) {
	r := newRig(t, nil)
	c := runner.Container{
		ID: r.id(), Task: "t1", Image: dockertest.Image(t, r.api, dockertest.Shell(t)), Entrypoint: []string{"sh", "-c"},
		Command:     []string{"trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.05; done"},
		StopTimeout: 10 * time.Second,
	}
	before, out := io.Pipe()
	c.Stdout = out
	first, err := r.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(before, make([]byte, len("ready\n"))); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, before) }()

	next, err := docker.Connect(t.Context(), docker.Config{Owner: r.owner, Worker: r.probe})
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	survivors, err := next.Survivors(t.Context())
	if diff := cmp.Diff([]runner.Survivor{{ID: c.ID, Task: "t1"}}, survivors); diff != "" || err != nil {
		t.Errorf("survivors (-want +got), %v:\n%s", err, diff)
	}
	var after syncBuffer
	c.Stdout = &after
	running, err := next.Adopt(t.Context(), c, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	running.Stop()
	if exit := running.Wait(); exit.Code != 3 {
		t.Errorf("got exit %+v, want code 3", exit)
	}
	first.Wait() // this process lives on, and removes it too
	if got, want := after.String(), "bye\n"; got != want {
		t.Errorf("got output %q after the adoption, want %q", got, want)
	}
}

func TestTheEngineIsReached(t *testing.T) {
	asked := make(chan netip.Addr, 1)
	r := newRig(t, func(c *docker.Config) {
		c.Endpoint = "http://127.0.0.1:4100"
		c.Listen = func(at netip.Addr) (string, error) {
			asked <- at
			return "http://" + netip.AddrPortFrom(at, 4100).String(), nil
		}
	})
	select {
	case at := <-asked:
		if !at.Is4() || at.IsLoopback() || at.IsUnspecified() {
			t.Errorf("asked to listen on %s, want an address of the bridge", at)
		}
		r.want(runner.Container{
			Image: r.image(), Entrypoint: []string{"/probe", "args"}, Command: []string{"http://127.0.0.1:4100/000000000000/q", "env=URL", "env=AWS_ENDPOINT_URL"},
			Env: []string{"URL=http://127.0.0.1:4100/x"}, Engine: []string{"AWS_ENDPOINT_URL=http://127.0.0.1:4100"},
		}, strings.ReplaceAll("/probe|args|http://BRIDGE:4100/000000000000/q|env=URL|env=AWS_ENDPOINT_URL\nURL=http://BRIDGE:4100/x\nAWS_ENDPOINT_URL=http://BRIDGE:4100\n", "BRIDGE", at.String()))
	default:
		t.Skip("SKIPPED: Docker's bridge is not on this machine")
	}
}

func TestMain(m *testing.M) { os.Exit(m.Run()) }
