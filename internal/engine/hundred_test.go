package engine_test

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	docker "github.com/moby/moby/client"

	"github.com/spate-run/spate/internal/engine"
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
