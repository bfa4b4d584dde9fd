package engine_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	docker "github.com/moby/moby/client"

	"github.com/spate-run/spate"
	"github.com/spate-run/spate/internal/deploy"
	"github.com/spate-run/spate/internal/engine"
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/run"
)

// TestAHundredContainersLeaveNothing has a hundred tasks of a container each,
// with volumes of their own.
func TestAHundredContainersLeaveNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: a hundred containers take their time")
	}
	c := newContainers(t, `ENTRYPOINT ["/job"]`)
	c.register(t, types.ContainerDefinition{})
	_, err := c.ECS.RegisterTaskDefinition(t.Context(), &ecs.RegisterTaskDefinitionInput{
		Family: new("t"), Volumes: []types.Volume{{Name: new("data")}},
		ContainerDefinitions: []types.ContainerDefinition{{
			Name: new("main"), Image: &c.image, Memory: new(int32(64)), Command: []string{"once"},
			MountPoints: []types.MountPoint{{SourceVolume: new("data"), ContainerPath: new("/data")}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var arns []string
	for range 10 {
		out, err := c.ECS.RunTask(t.Context(), &ecs.RunTaskInput{TaskDefinition: new("t"), Count: new(int32(10))})
		if err != nil || len(out.Tasks) != 10 {
			t.Fatal(out, err)
		}
		for _, task := range out.Tasks {
			arns = append(arns, *task.TaskArn)
		}
	}
	for _, arn := range arns {
		task := c.until(t, arn, "STOPPED")
		if code := task.Containers[0].ExitCode; code == nil || *code != 0 {
			t.Errorf("task %s: got exit code %v, %v, want 0", arn, code, *task.StoppedReason)
		}
	}
	// A task's volumes go right after its end is told.
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var left []string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); <-tick.C {
		if left = slices.Concat(c.left(t), c.volumes(t)); len(left) == 0 {
			return
		}
	}
	t.Errorf("left in Docker: %q", left)
}

// volumes are the home's volumes.
func (c *containers) volumes(t *testing.T) (names []string) {
	t.Helper()
	found, err := c.docker.VolumeList(t.Context(), docker.VolumeListOptions{
		Filters: docker.Filters{}.Add("label", "spate.owner="+engine.Owner(t, c.home)),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found.Items {
		names = append(names, v.Name)
	}
	return names
}

// TestTheFirstContainerComesAtOnce measures from the send to the container's
// first process, as Docker has it. The bound is wide, for machines that are busy;
// an idle one takes less than a second.
func TestTheFirstContainerComesAtOnce(t *testing.T) {
	c := newContainers(t, `ENTRYPOINT ["/job"]`)
	j, err := job.Parse("spate.yaml", []byte("name: first\nimage: "+c.image+"\ncommand: [stay]\nparams: {list: [{sector: mining}]}\nmax: 2\ncpu: 0.25\nmemory: 512MiB\n"))
	if err != nil {
		t.Fatal(err)
	}
	template, err := spate.JobStack(j).Template()
	if err != nil {
		t.Fatal(err)
	}
	outputs, err := deploy.Apply(t.Context(), c.CloudFormation, deploy.Stack{Name: j.Name, Template: template, Parameters: map[string]string{"Image": c.image}})
	if err != nil {
		t.Fatal(err)
	}
	stack, _ := run.NewStack(c.AWS, j.Name, outputs)
	source, err := j.Source()
	if err != nil {
		t.Fatal(err)
	}
	r, err := stack.Record(t.Context(), j, source)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := r.Send(t.Context(), r.Jobs); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); <-tick.C {
		for _, name := range c.left(t) {
			if strings.HasSuffix(name, "-network") {
				continue
			}
			found, err := c.docker.ContainerInspect(t.Context(), name, docker.ContainerInspectOptions{})
			if err != nil || !found.Container.State.Running {
				continue
			}
			started, err := time.Parse(time.RFC3339Nano, found.Container.State.StartedAt)
			if err != nil {
				t.Fatal(err)
			}
			took := started.Sub(began)
			t.Logf("from the send to the first container's process: %v", took)
			if took > 5*time.Second {
				t.Errorf("got %v from the send to the first process, want a second", took)
			}
			return
		}
	}
	t.Fatal("no container started")
}
