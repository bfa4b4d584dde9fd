package ecs_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/runner"
)

func TestTheBoxIsTheDefinitions(t *testing.T) {
	in(t, 1, func(r *rig) {
		c := container("job")
		c.Image = new("job:1")
		c.User, c.Hostname = new("12:34"), new("here")
		c.MemoryReservation = aws.Int32(64)
		c.ReadonlyRootFilesystem, c.PseudoTerminal, c.Interactive = new(true), new(true), new(true)
		c.DnsServers, c.DnsSearchDomains = []string{"10.0.0.1"}, []string{"x.example"}
		c.DockerSecurityOptions = []string{"no-new-privileges"}
		c.ExtraHosts = []types.HostEntry{{Hostname: new("db"), IpAddress: new("10.0.0.2")}}
		c.Ulimits = []types.Ulimit{{Name: types.UlimitNameNofile, SoftLimit: 100, HardLimit: 200}}
		c.SystemControls = []types.SystemControl{{Namespace: new("net.core.somaxconn"), Value: new("9")}}
		c.VolumesFrom = []types.VolumeFrom{{SourceContainer: new("side"), ReadOnly: new(true)}}
		c.MountPoints = []types.MountPoint{
			{SourceVolume: new("own"), ContainerPath: new("/own")},
			{SourceVolume: new("folder"), ContainerPath: new("/folder"), ReadOnly: new(true)},
			{SourceVolume: new("kept"), ContainerPath: new("/kept")},
		}
		c.LinuxParameters = &types.LinuxParameters{
			InitProcessEnabled: new(true), SharedMemorySize: aws.Int32(8), MaxSwap: aws.Int32(16), Swappiness: aws.Int32(0),
			Capabilities: &types.KernelCapabilities{Add: []string{"SYS_PTRACE"}, Drop: []string{"MKNOD"}},
			Devices:      []types.Device{{HostPath: new("/dev/null"), Permissions: []types.DeviceCgroupPermission{types.DeviceCgroupPermissionRead}}},
			Tmpfs:        []types.Tmpfs{{ContainerPath: new("/run"), Size: 4, MountOptions: []string{"noexec"}}},
		}
		c.ResourceRequirements = []types.ResourceRequirement{{Type: types.ResourceTypeGpu, Value: new("2")}}
		c.HealthCheck = &types.HealthCheck{Command: []string{"CMD-SHELL", "true"}, Retries: aws.Int32(5)}
		side := helper("side")
		side.Memory, side.Cpu = nil, 0
		must(r.RegisterTaskDefinition(ctx(r), &sdk.RegisterTaskDefinitionInput{
			Family: new("box"), ContainerDefinitions: []types.ContainerDefinition{c, side}, Cpu: new("1024"), Memory: new("2048"),
			NetworkMode: types.NetworkModeHost,
			Volumes: []types.Volume{
				{Name: new("own")},
				{Name: new("folder"), Host: &types.HostVolumeProperties{SourcePath: new("/srv")}},
				{Name: new("kept"), DockerVolumeConfiguration: &types.DockerVolumeConfiguration{Scope: types.ScopeShared}},
			},
		}))
		arn := *r.runTask("box").TaskArn
		p := r.machine.processes("job")[0]
		got := p.container.Box
		if got.Healthy == nil {
			t.Error("nobody wants to know of the container's health")
		}
		got.Labels, got.Healthy = nil, nil
		want := runner.Box{
			User: "12:34", Hostname: "here", Size: runner.Size{CPU: 1024, Memory: 2048}, MemoryReservation: 64, Swap: 16, Swappiness: new(int64(0)),
			ReadOnly: true, Init: true, Terminal: true, OpenInput: true, Network: "host",
			ExtraHosts: []string{"db:10.0.0.2"}, DNS: []string{"10.0.0.1"}, DNSSearch: []string{"x.example"},
			SharedMemory: 8, Tmpfs: map[string]string{"/run": "size=4m,noexec"},
			AddCapabilities: []string{"SYS_PTRACE"}, DropCapabilities: []string{"MKNOD"}, SecurityOptions: []string{"no-new-privileges"},
			Devices: []runner.Device{{Host: "/dev/null", Path: "/dev/null", Rights: "r"}}, GPUs: 2,
			Ulimits: []runner.Ulimit{{Name: "nofile", Soft: 100, Hard: 200}},
			Sysctls: map[string]string{"net.core.somaxconn": "9"},
			Mounts:  []runner.Mount{{Volume: "own", Path: "/own"}, {Folder: "/srv", Path: "/folder", ReadOnly: true}, {Lasting: "kept", Path: "/kept"}},
			From:    []runner.From{{Container: p.container.Task + "-side", ReadOnly: true}},
			Health: &runner.HealthCheck{
				Command: []string{"CMD-SHELL", "true"}, Interval: 30 * time.Second, Timeout: 5 * time.Second, Retries: 5,
			},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("box (-want +got):\n%s", diff)
		}
		must(r.StopTask(ctx(r), &sdk.StopTaskInput{Task: &arn}))
		synctest.Wait()
		if diff := cmp.Diff([]string{p.container.Task}, r.machine.cleared); diff != "" {
			t.Errorf("tasks whose volumes were removed (-want +got):\n%s", diff)
		}
	})
}

func checked(c types.ContainerDefinition) types.ContainerDefinition {
	c.Image = new("image")
	c.HealthCheck = &types.HealthCheck{Command: []string{"CMD", "true"}}
	return c
}

func TestHealth(t *testing.T) {
	in(t, 1, func(r *rig) {
		r.register("pair", after(container("main"), "db", types.ContainerConditionHealthy), checked(helper("db")))
		arn := *r.runTask("pair").TaskArn
		if got := len(r.machine.processes("main")); got != 0 {
			t.Errorf("got main started before db was healthy")
		}
		db := r.machine.processes("db")[0]
		db.container.Healthy(false)
		db.container.Healthy(true)
		synctest.Wait()
		task := r.task(arn)
		got := []any{*task.LastStatus, task.HealthStatus, task.Containers[0].HealthStatus, task.Containers[1].HealthStatus}
		// Only essential containers count for the task.
		want := []any{"RUNNING", types.HealthStatusUnknown, types.HealthStatusUnknown, types.HealthStatusHealthy}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("task (-want +got):\n%s", diff)
		}
	})
}

// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/healthcheck.html
func TestATaskIsAsWellAsItsEssentialContainers(t *testing.T) {
	for want, told := range map[types.HealthStatus][2]string{
		types.HealthStatusHealthy:   {"well", "well"},
		types.HealthStatusUnhealthy: {"ill", "well"},
		types.HealthStatusUnknown:   {"well", ""}, // which is being examined
	} {
		for _, first := range []int{0, 1} {
			in(t, 1, func(r *rig) {
				one, two := checked(helper("one")), checked(helper("two"))
				one.Essential, two.Essential = new(true), new(true)
				r.register("pair", one, two)
				arn := *r.runTask("pair").TaskArn
				for i, health := range told {
					p := r.machine.processes([]string{"one", "two"}[(i+first)%2])[0]
					if health != "" {
						p.container.Healthy(health == "well")
					}
				}
				if got := r.task(arn).HealthStatus; got != want {
					t.Errorf("%q, beginning with container %d: got task %s, want %s", told, first, got, want)
				}
			})
		}
	}
}

func TestHealthThatNeverComes(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(*process)
		want string
	}{
		"late":  {func(*process) { time.Sleep(time.Minute) }, "was not HEALTHY within its start timeout of 60 seconds"},
		"ended": {func(p *process) { p.end(0) }, "ended before it was healthy"},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, 1, func(r *rig) {
				db := checked(helper("db"))
				db.StartTimeout = aws.Int32(60)
				r.register("pair", after(container("main"), "db", types.ContainerConditionHealthy), db)
				arn := *r.runTask("pair").TaskArn
				test.end(r.machine.processes("db")[0])
				synctest.Wait()
				want := "ContainerDependencyError: container main depends on container db, which " + test.want
				if got := r.task(arn); aws.ToString(got.StoppedReason) != want {
					t.Errorf("got %s, reason %q, want %q", *got.LastStatus, aws.ToString(got.StoppedReason), want)
				}
			})
		})
	}
}

func TestServicesReplaceTasksThatAreIll(t *testing.T) {
	in(t, 1, func(r *rig) {
		r.register("job", checked(container("job")))
		r.serve(1)
		first := r.machine.processes("")[0]
		first.container.Healthy(true)
		synctest.Wait()
		arn := "arn:aws:ecs:us-east-1:000000000000:task/default/" + first.container.Task
		if got := r.task(arn).HealthStatus; got != types.HealthStatusHealthy {
			t.Errorf("got task %s, want HEALTHY", got)
		}
		first.container.Healthy(false)
		synctest.Wait()
		task := r.task(arn)
		got := []any{*task.LastStatus, task.StopCode, *task.StoppedReason}
		want := []any{"STOPPED", types.TaskStopCodeServiceSchedulerInitiated, "Task failed container health checks"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("task (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]int{"RUNNING": 1, "STOPPED": 1}, r.tally()); diff != "" {
			t.Errorf("tasks (-want +got):\n%s", diff)
		}
	})
}
